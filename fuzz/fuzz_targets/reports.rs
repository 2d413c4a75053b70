//! No profile and no options make a report panic, and the same ones always give the same bytes. The first bytes of the
//! input choose the report and its options, the rest is the profile. Whether damaged bytes are read at all is the matter
//! of `decode.rs`. Never reads sources or code: what stands in them is made up.

#![no_main]

use std::io;
use std::sync::Arc;

use libfuzzer_sys::{Corpus, fuzz_target};
use prof_pprof::graph::Order;
use prof_pprof::report::{Code, Format, Instruction, Options, Symbol, Syntax, Wanted, report, report_with};
use prof_pprof::{
    Error, Granularity, Mapping, OriginalIds, Profile, Text, decode_any_with_ids, label_keys, prune_uninteresting,
};

/// Traces repeat the names of the profile without end; what comes later is like what comes first.
const LONGEST_TEXT: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Some((choice, bytes)) = bytes.split_first_chunk() else { return Corpus::Reject };
    let Ok((mut profile, ids)) = decode_any_with_ids(bytes) else { return Corpus::Reject };
    let Chosen { format, options, is_pruned, has_sources, is_repeated } = Chosen::new(*choice, &profile);
    if is_pruned {
        let _ = prune_uninteresting(&mut profile);
    }
    let first = written(profile.clone(), &ids, &format, &options, has_sources);
    if is_repeated {
        let again = written(profile, &ids, &format, &options, has_sources);
        assert!(first == again, "{format:?}: {first:?} and then {again:?}");
    }
    Corpus::Keep
});

/// The start of the report, and its notices.
fn written(
    profile: Profile,
    ids: &OriginalIds,
    format: &Format,
    options: &Options,
    has_sources: bool,
) -> Result<(Vec<u8>, Vec<String>), Error> {
    let report = if has_sources {
        let mut source = |file: &str| match file.len() {
            0..2 => Err("nowhere".to_owned()),
            lines => Ok(Arc::from("line\r\n".repeat(lines).into_bytes())),
        };
        report_with(profile, ids, format, options, &mut source, &mut MadeUp)?
    } else {
        report(profile, ids, format, options)?
    };
    let mut start = Start(Vec::new());
    // The only error is that of the start.
    let _ = report.write_to(&mut start);
    Ok((start.0, report.notices))
}

/// What the first bytes say.
struct Chosen {
    format: Format,
    options: Options,
    is_pruned: bool,
    has_sources: bool,
    is_repeated: bool,
}

impl Chosen {
    fn new(choice: [u8; 12], profile: &Profile) -> Chosen {
        let [format, pattern, flags, more_flags, nodes, names, name, labels, label, keys, values, limits] = choice;
        let flag = |number: u8| flags >> number & 1 == 1;
        let more = |number: u8| more_flags >> number & 1 == 1;
        // Expressions that people write, and whatever stands in the profile.
        let expressions = [".", "a", "main|f", "^$", "0x10", "(", &profile.drop_frames, &profile.keep_frames];
        let name = of(&expressions, name).to_owned();
        let conditions = [".", "key=.", "1:", ":64kb", "bytes=1b:1mb", "a,b", &profile.drop_frames];
        let condition = of(&conditions, label).to_owned();
        let own_keys: Vec<Text> = label_keys(profile).into_iter().take(4).collect();
        let keys_of = |choice: u8| match choice % 4 {
            0 => String::new(),
            1 => own_keys.join(","),
            2 => "bytes,key".to_owned(),
            _ => "nothing".to_owned(),
        };
        let mut options = Options {
            sample_index: of(&["", "0", "1", "cpu"], values).to_owned(),
            mean: flag(0),
            divide_by: of(&[1.0, 2.0, 1e9, -1.0, 1e-9, 0.0], values / 4),
            unit: of(&["minimum", "auto", "ms", "kb", "count", ""], values / 24).to_owned(),
            granularity: of(
                &[
                    Granularity::Functions,
                    Granularity::FileFunctions,
                    Granularity::Files,
                    Granularity::Lines,
                    Granularity::Addresses,
                ],
                nodes,
            ),
            no_inlines: flag(1),
            show_columns: flag(2),
            order: of(&[Order::Flat, Order::Cum, Order::Entropy], nodes / 5),
            node_count: of(&[-1, 0, 1, 3], limits),
            node_fraction: of(&[0.0, 0.005, 0.3, 1.0], limits / 4),
            edge_fraction: of(&[0.0, 0.001, 0.3, 1.0], limits / 16),
            trim: !flag(3),
            tag_root: keys_of(keys),
            tag_leaf: keys_of(keys / 4),
            relative_percentages: flag(4),
            call_tree: flag(5),
            drop_negative: flag(6),
            compact_labels: flag(7),
            intel_syntax: more(0),
            ..Options::default()
        };
        if more(1) {
            options.trim_path = "/usr:a".into();
            options.source_path = "src:/".into();
        }
        let [focus, ignore, show, hide, show_from, prune_from] = [0, 1, 2, 3, 4, 5].map(|bit| names >> bit & 1 == 1);
        for (is_given, option) in [
            (focus, &mut options.focus),
            (ignore, &mut options.ignore),
            (show, &mut options.show),
            (hide, &mut options.hide),
            (show_from, &mut options.show_from),
            (prune_from, &mut options.prune_from),
        ] {
            if is_given {
                option.clone_from(&name);
            }
        }
        match labels % 5 {
            1 => options.tag_focus = condition,
            2 => options.tag_ignore = condition,
            3 => options.tag_show = condition,
            4 => options.tag_hide = condition,
            _ => {}
        }
        Chosen {
            format: chosen_format(format, of(&expressions, pattern)),
            options,
            is_pruned: more(2),
            has_sources: more(3),
            is_repeated: more(4),
        }
    }
}

fn chosen_format(choice: u8, pattern: &str) -> Format {
    match choice % 14 {
        0 => Format::Text,
        1 => Format::Tree,
        2 => Format::Peek(pattern.into()),
        3 => Format::Traces,
        4 => Format::Tags,
        5 => Format::Raw,
        6 => Format::Dot,
        7 => Format::Callgrind,
        8 => Format::Proto,
        9 => Format::TopProto,
        10 => Format::Folded,
        11 => Format::List(pattern.into()),
        12 => Format::Disasm(pattern.into()),
        _ => Format::Comments,
    }
}

/// One of these, whatever the number.
fn of<T: Copy>(items: &[T], number: u8) -> T {
    items[usize::from(number) % items.len()]
}

/// Keeps the first bytes, and fails at the others.
struct Start(Vec<u8>);

impl io::Write for Start {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = LONGEST_TEXT - self.0.len();
        self.0.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if room == 0 { Err(io::Error::other("long enough")) } else { Ok(bytes.len().min(room)) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Code without a binary: a few symbols all over each mapping, of a few instructions each.
struct MadeUp;

impl Code for MadeUp {
    fn symbols(&mut self, mapping: &Mapping, wanted: &Wanted<'_>) -> Result<Vec<Symbol>, String> {
        if mapping.filename.is_empty() {
            return Err("no name".into());
        }
        let quarter = mapping.limit.wrapping_sub(mapping.start) / 4;
        let symbol = |(number, name): (u64, &str)| {
            let start = mapping.file_offset.wrapping_add(number.wrapping_mul(quarter));
            Symbol {
                names: vec![name.to_owned(), format!("{name}_alias")],
                start,
                end: start.wrapping_add(quarter),
                slide: mapping.start.wrapping_sub(mapping.file_offset),
            }
        };
        let symbols = (0..).zip(["main", "f", "a", ""]).map(symbol);
        let is_wanted = |symbol: &Symbol| {
            let holds = |address: u64| (symbol.start..symbol.end).contains(&address.wrapping_sub(symbol.slide));
            symbol.names.iter().any(|name| (wanted.is_match)(name)) || wanted.address.is_some_and(holds)
        };
        Ok(symbols.filter(is_wanted).collect())
    }

    fn instructions(
        &mut self,
        mapping: &Mapping,
        symbols: &[&Symbol],
        syntax: Syntax,
    ) -> Result<Vec<Vec<Instruction>>, String> {
        if mapping.build_id.starts_with('x') {
            return Err("not for this machine".into());
        }
        let text = if syntax == Syntax::Intel { "mov rax,[rbx]" } else { "movq (%rbx), %rax with a very long operand" };
        let of_symbol = |symbol: &&Symbol| {
            let addresses = (0..4u64).map(|number| symbol.start.saturating_add(number * 4));
            let instruction = |address| Instruction { address, text: text.into(), ..Instruction::default() };
            addresses.map(instruction).collect()
        };
        Ok(symbols.iter().map(of_symbol).collect())
    }
}
