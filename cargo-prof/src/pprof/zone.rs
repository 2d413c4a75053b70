//! The user's time zone at the time of a profile, from `TZ` or the system's own file. How a date is written is in
//! `prof-pprof`. Never fails: what cannot be read is UTC.

use std::path::{Path, PathBuf};

use prof_pprof::report::Zone;

/// The zone at `seconds` since the Unix epoch.
pub fn at(seconds: i64) -> Zone {
    let file = match std::env::var("TZ") {
        Ok(name) => file_of(&name),
        Err(_) => Some(PathBuf::from("/etc/localtime")),
    };
    file.and_then(|file| std::fs::read(file).ok()).and_then(|bytes| zone(&bytes, seconds)).unwrap_or_default()
}

/// The file of a zone's name or path; none for UTC.
fn file_of(name: &str) -> Option<PathBuf> {
    let name = name.strip_prefix(':').unwrap_or(name);
    match name {
        "" | "UTC" => None,
        path if path.starts_with('/') => Some(path.into()),
        name => Some(Path::new("/usr/share/zoneinfo").join(name)),
    }
}

/// Reads a zone from a file in the format of RFC 8536.
fn zone(bytes: &[u8], seconds: i64) -> Option<Zone> {
    // Behind a part for 32-bit times comes one for 64-bit times, and the rule for the time after it.
    let (first, behind) = Part::split(bytes, 4)?;
    let (part, rule) = if bytes.get(4)? >= &b'2' { Part::split(behind, 8)? } else { (first, &[][..]) };
    let after = part.times().filter(|time| *time <= seconds).count();
    let rule = std::str::from_utf8(rule).ok().map(|rule| rule.trim_matches('\n')).filter(|rule| !rule.is_empty());
    if after == part.time_count()
        && let Some(zone) = rule.and_then(|rule| by_rule(rule, seconds))
    {
        return Some(zone);
    }
    part.zone(after.checked_sub(1).map(|last| part.kinds[last]))
}

/// One of the two parts of a file.
struct Part<'a> {
    width: usize,
    times: &'a [u8],
    /// For each time the number of the zone that begins then.
    kinds: &'a [u8],
    zones: &'a [u8],
    names: &'a [u8],
}

impl<'a> Part<'a> {
    fn split(bytes: &'a [u8], width: usize) -> Option<(Part<'a>, &'a [u8])> {
        const HEADER: usize = 44;
        if !bytes.starts_with(b"TZif") {
            return None;
        }
        let count = |position: usize| {
            let bytes = bytes.get(20 + 4 * position..)?.first_chunk()?;
            usize::try_from(u32::from_be_bytes(*bytes)).ok()
        };
        let (is_utc, is_standard, leap, times) = (count(0)?, count(1)?, count(2)?, count(3)?);
        let (zones, names) = (count(4)?, count(5)?);
        let mut rest = bytes.get(HEADER..)?;
        let mut take = |length: usize| {
            let (taken, behind) = rest.split_at_checked(length)?;
            rest = behind;
            Some(taken)
        };
        let part = Part {
            width,
            times: take(times.checked_mul(width)?)?,
            kinds: take(times)?,
            zones: take(zones.checked_mul(6)?)?,
            names: take(names)?,
        };
        take(leap.checked_mul(width + 4)?)?;
        take(is_standard)?;
        take(is_utc)?;
        Some((part, rest))
    }

    fn time_count(&self) -> usize {
        self.kinds.len()
    }

    fn times(&self) -> impl Iterator<Item = i64> {
        self.times.chunks_exact(self.width).map(|bytes| {
            let start = if bytes[0] & 0x80 == 0 { 0 } else { -1 };
            bytes.iter().fold(start, |number, byte| number << 8 | i64::from(*byte))
        })
    }

    /// The zone of that number, or the one before all times: the first that is no summer time.
    fn zone(&self, kind: Option<u8>) -> Option<Zone> {
        let mut zones = self.zones.chunks_exact(6);
        let zone = match kind {
            Some(kind) => zones.nth(kind.into())?,
            None => zones.clone().find(|zone| zone[4] == 0).or_else(|| zones.next())?,
        };
        let name = self.names.get(usize::from(zone[5])..)?.split(|byte| *byte == 0).next()?;
        let seconds_east = i32::from_be_bytes(*zone.first_chunk()?);
        Some(Zone { seconds_east, name: String::from_utf8_lossy(name).into_owned() })
    }
}

/// The zone by a rule such as `CET-1CEST,M3.5.0,M10.5.0/3`.
fn by_rule(rule: &str, seconds: i64) -> Option<Zone> {
    let mut parts = rule.split(',');
    let (name, rest) = name(parts.next()?)?;
    let (west, rest) = offset(rest)?;
    let standard = Zone { seconds_east: i32::try_from(-west).ok()?, name: name.into() };
    if rest.is_empty() {
        return Some(standard);
    }
    let (name, rest) = self::name(rest)?;
    let summer_west = if rest.is_empty() { west - 3600 } else { offset(rest)?.0 };
    let (begin, end) = (parts.next()?, parts.next()?);
    let year = year(seconds - west);
    // Each change is told in the time that holds before it.
    let (begin, end) = (change(begin, year)? + west, change(end, year)? + summer_west);
    let is_summer = if begin < end { (begin..end).contains(&seconds) } else { !(end..begin).contains(&seconds) };
    if is_summer {
        return Some(Zone { seconds_east: i32::try_from(-summer_west).ok()?, name: name.into() });
    }
    Some(standard)
}

/// A zone's name, letters or anything in `<>`, and what follows.
fn name(text: &str) -> Option<(&str, &str)> {
    match text.strip_prefix('<') {
        Some(quoted) => quoted.split_once('>'),
        None => {
            let end = text.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(text.len());
            Some(text.split_at(end))
        }
    }
}

/// Hours, and if there are any minutes and seconds, as seconds, and what follows.
fn offset(text: &str) -> Option<(i64, &str)> {
    let end = text.find(|letter: char| !"+-:0123456789".contains(letter)).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, digits.strip_prefix('+').unwrap_or(digits)),
    };
    let mut seconds = 0;
    for (part, unit) in digits.split(':').zip([3600, 60, 1]) {
        seconds += part.parse::<i64>().ok()? * unit;
    }
    Some((sign * seconds, rest))
}

/// When in a year a change such as `M3.5.0/2` is, in seconds of local time since the epoch.
fn change(text: &str, year: i64) -> Option<i64> {
    let (day, time) = text.split_once('/').unwrap_or((text, "2"));
    let time = offset(time)?.0;
    if let Some(day) = day.strip_prefix('J') {
        // Counted from 1, as if no year had a leap day.
        let day: i64 = day.parse().ok()?;
        let leap = i64::from(day >= 60 && days(year, 3) - days(year, 2) == 29);
        return Some((days(year, 1) + day - 1 + leap) * 86_400 + time);
    }
    let Some(day) = day.strip_prefix('M') else {
        return Some((days(year, 1) + day.parse::<i64>().ok()?) * 86_400 + time);
    };
    let mut numbers = day.split('.').map(|number| number.parse::<i64>().ok());
    let (month, week, weekday) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let (first, next) = (days(year, month), if month == 12 { days(year + 1, 1) } else { days(year, month + 1) });
    // The epoch was a Thursday.
    let first_such = first + (weekday - (first + 4)).rem_euclid(7);
    let mut found = first_such + 7 * (week - 1);
    while found >= next {
        found -= 7;
    }
    Some(found * 86_400 + time)
}

/// The year of a local time.
fn year(seconds: i64) -> i64 {
    let day = seconds.div_euclid(86_400);
    let guess = 1970 + day.div_euclid(365);
    (guess - guess.abs() / 1_000 - 2..=guess + 1).rev().find(|year| days(*year, 1) <= day).unwrap_or(1970)
}

/// Days from the epoch to the first of a month.
fn days(year: i64, month: i64) -> i64 {
    // A year that begins in March ends with its leap day.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(seconds_east: i32, name: &str) -> Option<Zone> {
        Some(Zone { seconds_east, name: name.into() })
    }

    #[test]
    fn rules_tell_summer_from_winter() {
        let berlin = |seconds| by_rule("CET-1CEST,M3.5.0,M10.5.0/3", seconds);
        // 2024-03-31 01:00 UTC and 2024-10-27 01:00 UTC.
        assert_eq!(berlin(1_711_846_799), zone(3_600, "CET"));
        assert_eq!(berlin(1_711_846_800), zone(7_200, "CEST"));
        assert_eq!(berlin(1_729_990_799), zone(7_200, "CEST"));
        assert_eq!(berlin(1_729_990_800), zone(3_600, "CET"));
        assert_eq!(by_rule("<+0530>-5:30", 0), zone(19_800, "+0530"));
        // In the south the summer goes over the new year.
        assert_eq!(by_rule("AEST-10AEDT,M10.1.0,M4.1.0/3", 1_704_067_200), zone(39_600, "AEDT"));
        assert_eq!(by_rule("AEST-10AEDT,M10.1.0,M4.1.0/3", 1_719_792_000), zone(36_000, "AEST"));
    }

    #[test]
    fn a_file_holds_times_and_a_rule() {
        // No times for 32 bits; for 64 bits one, 100, from UTC to X, two hours east.
        let header = |version: u8, counts: [u32; 6]| {
            let mut bytes = b"TZif".to_vec();
            bytes.push(version);
            bytes.extend([0; 15]);
            counts.iter().for_each(|count| bytes.extend(count.to_be_bytes()));
            bytes
        };
        let mut bytes = header(b'2', [0, 0, 0, 0, 1, 4]);
        bytes.extend([0, 0, 0, 0, 0, 0]);
        bytes.extend(b"UTC\0");
        bytes.extend(header(b'2', [0, 0, 0, 1, 2, 6]));
        bytes.extend(100i64.to_be_bytes());
        bytes.push(1);
        bytes.extend([0, 0, 0, 0, 0, 0]);
        bytes.extend(7_200i32.to_be_bytes());
        bytes.extend([0, 4]);
        bytes.extend(b"UTC\0X\0");
        bytes.extend(b"\n\n");
        assert_eq!(super::zone(&bytes, 99), zone(0, "UTC"));
        assert_eq!(super::zone(&bytes, 100), zone(7_200, "X"));
        let end = bytes.len() - 1;
        bytes.splice(end..end, *b"Y-3");
        assert_eq!(super::zone(&bytes, 100), zone(10_800, "Y"));
        assert_eq!(super::zone(&bytes[..50], 100), None);
    }
}
