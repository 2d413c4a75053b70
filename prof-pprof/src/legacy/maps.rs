//! The memory map after the samples: lines as in `/proc/self/maps`, or shorter, as `400000-500000: $dir/program
//! (@1000) abc123`, with lines such as `dir=/usr/bin` between them. Which location lies in which mapping is decided
//! here, and never whether the file is there.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::draft::keep_used;
use super::lines::Lines;
use super::number::hexadecimal;
use super::{Failure, Outcome};
use crate::{Mapping, MappingIndex, Profile};

/// Reads the map from all of `text`, as [`add_lines`] does.
pub(super) fn add(profile: &mut Profile, text: &str) -> Outcome<()> {
    add_lines(profile, &mut Lines::new(text))
}

/// Reads the map from the lines that are left, and puts the locations that samples have into its mappings. Lines that
/// are neither mappings nor attributes are passed over.
pub(super) fn add_lines(profile: &mut Profile, lines: &mut Lines<'_>) -> Outcome<()> {
    static LOG_PREFIX: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^[^\[\]]+:[0-9]+\][\t\n\f\r ]").expect("a valid expression"));
    let mut attributes = Attributes::default();
    while lines.advance() {
        let line = lines.current();
        let line = &line[LOG_PREFIX.find(line).map_or(0, |prefix| prefix.end())..];
        let line = attributes.expand(line)?;
        match Entry::read(&line) {
            Entry::Code(mapping) => profile.mappings.push(mapping),
            Entry::Data => {}
            Entry::None => attributes.define(&line)?,
        }
    }
    join_adjacent(&mut profile.mappings);
    put_main_first(&mut profile.mappings);
    keep_used(profile);
    assign(profile);
    Ok(())
}

/// Gives each location with an address the mapping that holds it; where none does, one that spans all memory is added.
pub(super) fn assign(profile: &mut Profile) {
    const USUAL_START: u64 = 0x40_0000;
    let mappings = &mut profile.mappings;
    // Text on huge pages is copied to where it was; the map then shows the copy, followed by the rest of the file.
    if let [first, second, ..] = &mappings[..]
        && first.filename.starts_with("/anon_hugepage")
        && first.limit == second.start
    {
        mappings.remove(0);
    }
    if let Some(main) = mappings.first_mut()
        && main.start.wrapping_sub(main.file_offset) == USUAL_START
    {
        (main.start, main.file_offset) = (USUAL_START, 0);
    }
    let mut everywhere = None;
    for location in &mut profile.locations {
        let address = location.address;
        if location.mapping.is_some() || address == 0 {
            continue;
        }
        let holds = |mapping: &Mapping| mapping.start <= address && address < mapping.limit;
        // Some maps leave out the first part of a file that is mapped in two.
        let could_hold = |mapping: &Mapping| {
            let file_start = mapping.start.wrapping_sub(mapping.file_offset);
            mapping.file_offset != 0 && file_start <= address && address < mapping.start
        };
        let position = mappings.iter().position(holds).or_else(|| {
            let position = mappings.iter().position(could_hold)?;
            let mapping = &mut mappings[position];
            mapping.start = mapping.start.wrapping_sub(mapping.file_offset);
            mapping.file_offset = 0;
            Some(position)
        });
        let position = position.unwrap_or_else(|| {
            *everywhere.get_or_insert_with(|| {
                mappings.push(Mapping { limit: u64::MAX, ..Mapping::default() });
                mappings.len() - 1
            })
        });
        location.mapping = Some(MappingIndex::new(position));
    }
}

/// Words such as `$dir`, to be replaced by what was said of them.
#[derive(Default)]
struct Attributes {
    /// Key with its `$`, and value.
    known: Vec<(String, String)>,
    /// Bytes that all replacements together gave.
    expanded: usize,
}

impl Attributes {
    /// Real maps have one or two.
    const MOST: usize = 256;
    /// Values may hold other attributes, and so a few lines could ask for any amount of memory.
    const MOST_EXPANDED: usize = 16 << 20;

    /// The line with all attributes replaced. Where two keys fit, the one that was defined first is taken.
    fn expand<'a>(&mut self, line: &'a str) -> Outcome<std::borrow::Cow<'a, str>> {
        if self.known.is_empty() || !line.contains('$') {
            return Ok(line.into());
        }
        let mut expanded = String::new();
        let mut rest = line;
        while let Some(dollar) = rest.find('$') {
            expanded.push_str(&rest[..dollar]);
            rest = &rest[dollar..];
            let (key, value) = match self.known.iter().find(|(key, _)| rest.starts_with(&**key)) {
                Some((key, value)) => (key.len(), &**value),
                None => (1, "$"),
            };
            let room = Attributes::MOST_EXPANDED.saturating_sub(self.expanded + expanded.len());
            if value.len() > room {
                return Err(Failure::in_line("memory map", line, "attributes that expand without end"));
            }
            expanded.push_str(value);
            rest = &rest[key..];
        }
        expanded.push_str(rest);
        self.expanded += expanded.len();
        Ok(expanded.into())
    }

    /// Remembers what a line such as `dir=/usr/bin` says, if it says anything.
    fn define(&mut self, line: &str) -> Outcome<()> {
        let Some((key, value)) = line.split_once('=') else { return Ok(()) };
        if self.known.len() == Attributes::MOST {
            return Err(Failure::in_line("memory map", line, "too many attributes"));
        }
        self.known.push((format!("${}", key.trim()), value.trim().to_owned()));
        Ok(())
    }
}

/// What a line of the map is.
enum Entry {
    Code(Mapping),
    /// A mapping that is not executable.
    Data,
    None,
}

impl Entry {
    fn read(line: &str) -> Entry {
        static KERNEL: LazyLock<Regex> = LazyLock::new(|| {
            entry(r"(?:_(?<offset>[0-9A-Fa-f]+))?_[0-9A-Fa-f]+:[0-9A-Fa-f]+_[0-9]+(?:_(?<file>[^\t\n\f\r ]+))?")
        });
        static SHORT: LazyLock<Regex> = LazyLock::new(|| {
            entry(r"(?:_(?<file>[^\t\n\f\r ]+))?(?:_\(@(?<offset>[0-9A-Fa-f]+)\))?(?:_(?<build>[0-9A-Fa-f]+))?")
        });
        let Some(found) = KERNEL.captures(line).or_else(|| SHORT.captures(line)) else { return Entry::None };
        if found.name("permissions").is_some_and(|permissions| !permissions.as_str().contains('x')) {
            return Entry::Data;
        }
        mapping(&found).map_or(Entry::None, Entry::Code)
    }
}

/// The expression for a line with two addresses, permissions if it has any, and `rest`, where `_` stands for spaces.
fn entry(rest: &str) -> Regex {
    let range = r"^~(?:0x)?(?<start>[0-9A-Fa-f]+)[\t\n\f\r -]?~(?:0x)?(?<limit>[0-9A-Fa-f]+):?";
    let pattern = [range, "(?:_(?<permissions>[-rwxp]+))?", rest].concat();
    let pattern = pattern.replace('_', r"[\t\n\f\r ]+").replace('~', r"[\t\n\f\r ]*");
    Regex::new(&pattern).expect("a valid expression")
}

/// None if an address has more than 64 bits.
fn mapping(found: &Captures<'_>) -> Option<Mapping> {
    let text = |name| found.name(name).map_or("", |found| found.as_str());
    Some(Mapping {
        start: hexadecimal(text("start"))?,
        limit: hexadecimal(text("limit"))?,
        file_offset: found.name("offset").map_or(Some(0), |offset| hexadecimal(offset.as_str()))?,
        filename: text("file").into(),
        build_id: text("build").into(),
        ..Mapping::default()
    })
}

/// Makes one mapping of neighbours that are of the same file, as far as is known.
fn join_adjacent(mappings: &mut Vec<Mapping>) {
    mappings.dedup_by(|next, last| {
        let is_same = |a: &str, b: &str| a.is_empty() || b.is_empty() || a == b;
        let follows = last.limit == next.start
            && (last.file_offset == 0
                || next.file_offset == 0
                || last.file_offset.wrapping_add(last.limit.wrapping_sub(last.start)) == next.file_offset);
        let joins = follows && is_same(&last.filename, &next.filename) && is_same(&last.build_id, &next.build_id);
        if joins {
            last.limit = next.limit;
            for (known, other) in [(&mut last.filename, &next.filename), (&mut last.build_id, &next.build_id)] {
                if !other.is_empty() {
                    *known = other.clone();
                }
            }
        }
        joins
    });
}

/// The main program is taken to be the first file that is no shared library.
fn put_main_first(mappings: &mut [Mapping]) {
    static LIBRARY: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\.so$|\.so[._][0-9]+").expect("a valid expression"));
    let is_main = |mapping: &Mapping| {
        let file = mapping.filename.replace("(deleted)", "");
        let file = file.trim();
        !file.is_empty() && !file.starts_with('[') && !LIBRARY.is_match(file)
    };
    if let Some(main) = mappings.iter().position(is_main) {
        mappings.swap(0, main);
    }
}

#[cfg(test)]
mod tests {
    use crate::decode_legacy;

    #[test]
    fn maps_are_repaired() {
        let mapped = |map: &str| {
            let text =
                format!("heap profile: 1: 2 [1: 2] @ heapprofile\n1: 2 [1: 2] @ 0x401001\n--- Memory map: ---\n{map}");
            decode_legacy(text.as_bytes())
        };
        let of = |map: &str| {
            mapped(map).unwrap().mappings.into_iter().map(|m| (m.start, m.limit, m.file_offset)).collect::<Vec<_>>()
        };
        // Neighbours of one file are one.
        assert_eq!(of("400000-401000: /bin/x\n401000-402000: /bin/x\n"), [(0x40_0000, 0x40_2000, 0)]);
        assert_eq!(of("400000-401000: /bin/x\n401000-402000: /bin/y\n").len(), 2);
        // The program is the first, libraries and what is no file come after it.
        let profile = mapped("1-2: [vdso]\n2-3: /lib/a.so.1\n400000-402000: /bin/x (deleted)\n").unwrap();
        let files: Vec<_> = profile.mappings.iter().map(|mapping| &*mapping.filename).collect();
        assert_eq!(files, ["/bin/x", "/lib/a.so.1", "[vdso]"]);
        // A map that lacks the first part of a file, or shows where it was copied to.
        assert_eq!(of("401500-402000: /bin/x (@1500)\n"), [(0x40_0000, 0x40_2000, 0)]);
        assert_eq!(of("601500-602000: /bin/x (@200500)\n"), [(0x40_1000, 0x60_2000, 0)]);
        let huge = "400000-401000: /anon_hugepage\n401000-402000: /bin/x\n";
        assert_eq!(of(huge), [(0x40_1000, 0x40_2000, 0)]);
        // What a logging library puts before each line.
        assert_eq!(of("I0101 x.cc:12] 400000-402000: /bin/x\n"), [(0x40_0000, 0x40_2000, 0)]);
        // Neither data nor addresses that are too long.
        assert_eq!(of("400000-402000 rw-p 0 8:1 1 /bin/x\n11112222333344445-5: /bin/x\n"), [(0, u64::MAX, 0)]);
    }

    #[test]
    fn attributes_cannot_take_all_memory() {
        let names: Vec<char> = ('G'..='Z').chain('g'..='z').collect();
        let map: String = names.windows(2).map(|pair| format!("{}=${}${}\n", pair[1], pair[0], pair[0])).collect();
        let text = format!("heap profile: 1: 2 [1: 2] @ heapprofile\nMAPPED_LIBRARIES:\nG=0123456789\n{map}");
        assert!(decode_legacy(text.as_bytes()).unwrap_err().to_string().contains("expand without end"));
        let map: String = (1..400).map(|n| format!("v{n}=1\n")).collect();
        let text = format!("heap profile: 1: 2 [1: 2] @ heapprofile\nMAPPED_LIBRARIES:\n{map}");
        assert!(decode_legacy(text.as_bytes()).unwrap_err().to_string().contains("too many attributes"));
    }
}
