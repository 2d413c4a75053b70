//! Values of a label → names of files: readable, portable, and different from each other on any file system. Which files
//! they are is in `split.rs`. Never looks at a directory.

use std::collections::HashMap;
use std::hash::Hash;

use prof_pprof::LabelValue;

/// Bytes of the longest name, so that there is room for a kind and an extension below 100.
pub const LONGEST: usize = 85;

/// The names, without extension, of the files for these values; none stands for what has no value.
///
/// A name consists of ASCII letters, digits, `.`, `_` and `-`, begins with none of `.` and `-` and ends with no `.`, is no
/// name of a device on Windows, and has [`LONGEST`] bytes at most. A value of such form is its own name, a path of modules
/// has `.` for each `::`, and everything else becomes `_`. Where two values would have one name, or names that differ only
/// in case, or a value is too long or has no letter and no digit, a hash of the value follows. So a name depends on which
/// other values there are, but not on their order.
///
/// Equal values have equal names.
pub fn file_names(values: &[Option<&LabelValue>]) -> Vec<String> {
    names_by(values, fnv1a)
}

fn names_by(values: &[Option<&LabelValue>], hash: impl Fn(&[u8]) -> u32) -> Vec<String> {
    let mut candidates: Vec<Candidate> = values.iter().map(|value| Candidate::of(*value)).collect();
    candidates.sort_by(|one, other| one.identity.cmp(&other.identity));
    candidates.dedup_by(|one, other| one.identity == other.identity);
    // Whoever shares a name says more of itself, until nobody does. Nobody can say more than its own number.
    loop {
        let names: Vec<_> = candidates.iter().enumerate().map(|(number, it)| it.name(number, &hash)).collect();
        let counts = counts(names.iter().map(|name| name.to_ascii_lowercase()));
        let mut is_settled = true;
        for (candidate, name) in candidates.iter_mut().zip(&names) {
            if counts[&name.to_ascii_lowercase()] > 1 {
                is_settled &= candidate.detail == Detail::Number;
                candidate.detail = candidate.detail.more();
            }
        }
        if is_settled {
            let of_identity: HashMap<_, _> = candidates.iter().map(|it| &*it.identity).zip(&names).collect();
            return values.iter().map(|value| of_identity[&*identity(*value)].clone()).collect();
        }
    }
}

/// How much of its value a name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// What can be read.
    Stem,
    /// A hash of all of it as well.
    Hash,
    /// And its position among all values, for hashes that are equal too.
    Number,
}

impl Detail {
    fn more(self) -> Detail {
        match self {
            Detail::Stem => Detail::Hash,
            Detail::Hash | Detail::Number => Detail::Number,
        }
    }
}

/// A value on its way to a name.
struct Candidate {
    identity: Vec<u8>,
    stem: String,
    detail: Detail,
}

impl Candidate {
    fn of(value: Option<&LabelValue>) -> Candidate {
        let text = match value {
            None => "unlabelled".into(),
            Some(LabelValue::Text(text)) => text.to_string(),
            Some(LabelValue::Number { number, unit }) => format!("{number} {unit}").trim_end().to_owned(),
        };
        let (stem, is_telling) = stem(&text);
        Candidate { identity: identity(value), stem, detail: if is_telling { Detail::Stem } else { Detail::Hash } }
    }

    fn name(&self, number: usize, hash: impl Fn(&[u8]) -> u32) -> String {
        let suffix = match self.detail {
            Detail::Stem => String::new(),
            Detail::Hash => format!("-{:08x}", hash(&self.identity)),
            Detail::Number => format!("-{:08x}-{number}", hash(&self.identity)),
        };
        // The stem is ASCII, and so every place in it is between two letters.
        format!("{}{suffix}", &self.stem[..self.stem.len().min(LONGEST - suffix.len())])
    }
}

/// Bytes that are different for different values: no text holds the byte 255.
fn identity(value: Option<&LabelValue>) -> Vec<u8> {
    match value {
        None => vec![255],
        Some(LabelValue::Text(text)) => text.as_bytes().to_vec(),
        Some(LabelValue::Number { number, unit }) => [&[255], format!("{number} {unit}").as_bytes()].concat(),
    }
}

/// What can be read of a text, and whether it tells the text well enough.
fn stem(text: &str) -> (String, bool) {
    const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];
    let mut stem = String::new();
    let mut was_replaced = false;
    for letter in text.replace("::", ".").chars() {
        let is_first = stem.is_empty() || stem == "_" && was_replaced;
        let is_hidden = is_first && matches!(letter, '.' | '-');
        let is_kept = !is_hidden && (letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-'));
        if is_kept {
            stem.push(letter);
        } else if !was_replaced {
            stem.push('_');
        }
        was_replaced = !is_kept;
    }
    stem.truncate(stem.trim_end_matches('.').len());
    // `com1.prof` is the device too, and so is `COM1`.
    let before_dot = stem.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let (name, number) = before_dot.split_at(before_dot.len().min(3));
    if DEVICES.contains(&name) && (number.is_empty() || matches!(number.as_bytes(), [b'0'..=b'9'])) {
        stem.insert(0, '_');
    }
    let is_telling = stem.len() <= LONGEST && stem.contains(|letter: char| letter.is_ascii_alphanumeric());
    if !stem.contains(|letter: char| letter.is_ascii_alphanumeric()) {
        stem = "value".into();
    }
    (stem, is_telling)
}

fn counts<T: Eq + Hash>(items: impl Iterator<Item = T>) -> HashMap<T, usize> {
    let mut counts = HashMap::new();
    for item in items {
        *counts.entry(item).or_insert(0) += 1;
    }
    counts
}

/// The hash FNV-1a (<http://www.isthe.com/chongo/tech/comp/fnv/>), and not std's: names stay from one Rust to the next.
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn texts(values: &[&str]) -> Vec<LabelValue> {
        values.iter().map(|value| LabelValue::Text((*value).into())).collect()
    }

    fn names(values: &[LabelValue]) -> Vec<String> {
        file_names(&values.iter().map(Some).collect::<Vec<_>>())
    }

    #[track_caller]
    fn assert_portable(name: &str) {
        assert!(!name.is_empty() && name.len() <= LONGEST, "{name:?}");
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)), "{name:?}");
        assert!(!name.starts_with(['.', '-']) && !name.ends_with('.'), "{name:?}");
    }

    #[test]
    fn what_can_be_read_stays() {
        for (value, expected) in [
            ("tests::nested::adds_up", "tests.nested.adds_up"),
            ("parse/small input", "parse_small_input"),
            ("a__b-c.d", "a__b-c.d"),
            ("\"quoted\"\t\u{1b}[31m", "_quoted_31m"),
            ("größe", "gr_e"),
            ("..", "value-a3d4a70d"),
            (".hidden", "_hidden"),
            ("../../etc/passwd", "_etc_passwd"),
            ("--flag", "_flag"),
            ("_-kept", "_-kept"),
            ("ends.", "ends"),
            ("NUL", "_NUL"),
            ("com1::x", "_com1.x"),
            ("con", "_con"),
            ("console", "console"),
            ("com10", "com10"),
            ("日本語", "value-805f5ce7"),
            ("", "value-811c9dc5"),
        ] {
            let name = names(&texts(&[value])).remove(0);
            assert_eq!(name, expected, "{value:?}");
            assert_portable(&name);
        }
        let number = |number, unit: &str| LabelValue::Number { number, unit: unit.into() };
        assert_eq!(names(&[number(64, "bytes"), number(-5, "")]), ["64_bytes", "_5"]);
        assert_eq!(file_names(&[None]), ["unlabelled"]);
    }

    #[test]
    fn long_values_are_cut_and_told_apart() {
        let long = ["x".repeat(300), format!("{}y", "x".repeat(299)), "z".repeat(LONGEST), "w".repeat(LONGEST + 1)];
        let names = names(&texts(&long.each_ref().map(|value| &**value)));
        assert!(names[0].starts_with("xxxx") && names[0] != names[1], "{names:?}");
        assert_eq!((names[0].len(), names[3].len()), (LONGEST, LONGEST));
        assert_eq!(names[2], long[2], "one that just fits stays");
        names.iter().for_each(|name| assert_portable(name));
    }

    #[test]
    fn values_that_look_alike_have_different_names_in_any_order() {
        let hashed = |text: &str, stem: &str| format!("{stem}-{:08x}", fnv1a(text.as_bytes()));
        let mut values =
            texts(&["a b", "a/b", "Case", "case", "x::y", "x.y", "alone", "unlabelled", "", "\u{1}", "64"]);
        values.push(LabelValue::Number { number: 64, unit: "".into() });
        // One that looks like the answer to a collision.
        values.extend(texts(&[&hashed("a b", "a_b"), &hashed("a b", "A_B")]));
        let mut options: Vec<_> = values.iter().map(Some).collect();
        options.push(None);
        let names = file_names(&options);
        let different: HashSet<_> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        assert_eq!(different.len(), names.len(), "{names:?}");
        names.iter().for_each(|name| assert_portable(name));
        assert_eq!(names[1..4], [hashed("a/b", "a_b"), hashed("Case", "Case"), hashed("case", "case")]);
        assert_eq!(names[6], "alone");

        for rotation in 0..options.len() {
            options.rotate_left(1);
            let mut expected = names.clone();
            expected.rotate_left(rotation + 1);
            assert_eq!(file_names(&options), expected);
        }
    }

    #[test]
    fn values_with_equal_hashes_have_different_names() {
        let values = texts(&["a b", "a/b", "a\\b", "a_b-00000000", "a_b-00000000-0", "a_b-00000000-1"]);
        let options: Vec<_> = values.iter().map(Some).collect();
        let names = names_by(&options, |_| 0);
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
        names.iter().for_each(|name| assert_portable(name));
        let mut reversed = options.clone();
        reversed.reverse();
        let mut again = names_by(&reversed, |_| 0);
        again.reverse();
        assert_eq!(again, names);
    }

    #[test]
    fn the_hash_is_the_published_one() {
        // From the test vectors of its authors.
        assert_eq!((fnv1a(b""), fnv1a(b"a"), fnv1a(b"foobar")), (0x811c_9dc5, 0xe40c_292c, 0xbf9c_f968));
    }

    #[test]
    fn equal_values_have_equal_names() {
        assert_eq!(names(&texts(&["a b", "a b", "c"])), ["a_b", "a_b", "c"]);
    }
}
