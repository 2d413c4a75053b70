//! The lines above a report: what the profile is of, when it was taken and for how long.

use crate::measurement::{label, percentage, scale};
use crate::path::base;
use crate::{Profile, ValueType};

/// The time zone of a report's dates. This crate cannot know the user's own; UTC unless told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// Seconds east of Greenwich at the time of the profile.
    pub seconds_east: i32,
    /// Its abbreviation, such as `UTC` or `CET`.
    pub name: String,
}

impl Default for Zone {
    fn default() -> Self {
        Zone { seconds_east: 0, name: "UTC".into() }
    }
}

/// The lines about the profile as a whole. `total` is the sum of its values, of `sample_type`, and `shown` is how the
/// report shows it.
pub(crate) fn lines(profile: &Profile, sample_type: &ValueType, total: i64, shown: &str, zone: &Zone) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(main) = profile.mappings.first() {
        if !main.filename.is_empty() {
            lines.push(format!("File: {}", base(&main.filename)));
        }
        if !main.build_id.is_empty() {
            lines.push(format!("Build ID: {}", main.build_id));
        }
    }
    // Those that begin with # are for machines.
    lines
        .extend(profile.comments.iter().filter(|comment| !comment.starts_with('#')).map(|comment| comment.to_string()));
    if !sample_type.kind.is_empty() {
        lines.push(format!("Type: {}", sample_type.kind));
    }
    if !profile.doc_url.is_empty() {
        lines.push(format!("Doc: {}", profile.doc_url));
    }
    if profile.time_nanos != 0 {
        lines.push(format!("Time: {}", date(profile.time_nanos, zone)));
    }
    if profile.duration_nanos != 0 {
        let duration = label(profile.duration_nanos, "nanoseconds", "auto");
        let nanos = scale(total, &sample_type.unit, "nanoseconds");
        let share = if nanos.unit == "ns" && nanos.value != 0.0 {
            format!("({})", percentage(nanos.value as i64, profile.duration_nanos))
        } else {
            String::new()
        };
        lines.push(format!("Duration: {duration}, Total samples = {shown} {share}"));
    }
    lines
}

/// `2006-01-02 15:04:05 UTC`.
fn date(nanos: i64, zone: &Zone) -> String {
    format!("{} {}", calendar(nanos, zone), zone.name)
}

/// `2006-01-02 15:04:05`, of nanoseconds since the Unix epoch.
pub(crate) fn calendar(nanos: i64, zone: &Zone) -> String {
    let seconds = nanos.div_euclid(1_000_000_000) + i64::from(zone.seconds_east);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since 1 March of year 0, in eras of 400 years; a year that begins in March ends with its leap day.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let utc = Zone::default();
        for (seconds, expected) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_735_689_599, "2024-12-31 23:59:59 UTC"),
            (1_740_787_200, "2025-03-01 00:00:00 UTC"),
            (-1, "1969-12-31 23:59:59 UTC"),
        ] {
            assert_eq!(date(seconds * 1_000_000_000, &utc), expected);
        }
        let east = Zone { seconds_east: 7_200, name: "CEST".into() };
        assert_eq!(date(999, &east), "1970-01-01 02:00:00 CEST");
    }
}
