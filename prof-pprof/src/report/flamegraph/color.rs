//! The colour of a frame: one for each crate, the same in every picture. Never random.

/// The colour of frames that stand for no function, and of code of which no name is known.
pub(super) const NEUTRAL: &str = "#d4d4d4";

/// The colour of the function `name`, as `#rrggbb`. It is light, for the name is written on it in black.
pub(super) fn color(name: &str) -> String {
    match crate_of(name) {
        _ if name.starts_with(['[', '<']) && !name.contains("::") => NEUTRAL.into(),
        Some(crate_name) => of_crate(crate_name),
        // C and the like.
        None => "#e8d9b0".into(),
    }
}

/// The crate that a function's name says it is of: the first segment of its path; for a method of a type without one, that
/// of the trait.
fn crate_of(name: &str) -> Option<&str> {
    let mut rest = name;
    loop {
        rest = rest.trim_start_matches(['<', '&', '*', '(', '[', ' ']);
        let qualifier = ["mut ", "const ", "dyn "].into_iter().find_map(|word| rest.strip_prefix(word));
        let Some(after) = qualifier else { break };
        rest = after;
    }
    let end = rest.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(rest.len());
    let (first, after) = rest.split_at(end);
    if !first.is_empty() && after.starts_with("::") {
        return Some(first);
    }
    let (_, of_trait) = after.split_once(" as ")?;
    crate_of(of_trait)
}

fn of_crate(name: &str) -> String {
    // FNV-1a, of 64 bits.
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    // The lower bits of short names are much alike.
    let hash = hash ^ hash >> 32;
    let (hue, lightness) = ((hash % 360) as i64, 68 + (hash / 360 % 13) as i64);
    let [red, green, blue] = rgb(hue, 70, lightness);
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// A hue in degrees, a saturation and a lightness in percent, as the three parts of a colour. In whole numbers, which are the
/// same everywhere.
fn rgb(hue: i64, saturation: i64, lightness: i64) -> [i64; 3] {
    // CSS Color 4, "HSL to RGB"; its `k` in thousandths, its `a` in ten thousandths.
    let amplitude = saturation * lightness.min(100 - lightness);
    [0, 8, 4].map(|part| {
        let place = (part * 1000 + hue * 1000 / 30) % 12_000;
        let slope = (place - 3000).min(9000 - place).clamp(-1000, 1000);
        ((lightness * 100 - amplitude * slope / 1000) * 255 + 5000) / 10_000
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_the_first_segment_of_a_path() {
        for (name, expected) in [
            ("core::str::parse", Some("core")),
            ("<my_crate::Type as core::ops::Drop>::drop", Some("my_crate")),
            ("<&mut my_crate::Type as core::fmt::Debug>::fmt", Some("my_crate")),
            ("<A as core::slice::cmp::SliceOrd>::compare", Some("core")),
            ("<[T] as alloc::slice::Concat>::concat", Some("alloc")),
            ("<(dyn my::Trait)>::call", Some("my")),
            ("malloc", None),
            ("main", None),
            ("[libc.so.6]", None),
            ("<unknown>", None),
            ("", None),
        ] {
            assert_eq!(crate_of(name), expected, "{name}");
        }
    }

    #[test]
    fn hues_go_round_the_circle() {
        assert_eq!(rgb(0, 100, 50), [255, 0, 0]);
        assert_eq!(rgb(60, 100, 50), [255, 255, 0]);
        assert_eq!(rgb(120, 100, 50), [0, 255, 0]);
        assert_eq!(rgb(240, 100, 50), [0, 0, 255]);
        assert_eq!(rgb(300, 100, 50), [255, 0, 255]);
        assert_eq!(rgb(77, 0, 50), [128, 128, 128]);
        assert_eq!(rgb(200, 60, 70), [133, 194, 224]);
    }

    #[test]
    fn colours_are_of_the_crate_alone() {
        assert_eq!(color("serde::a"), color("<serde::B as core::C>::d"));
        assert_ne!(color("serde::a"), color("regex::a"));
        assert_eq!(color("[lost]"), color("<unknown>"));
        assert_eq!(color("malloc"), color("main"));
    }
}
