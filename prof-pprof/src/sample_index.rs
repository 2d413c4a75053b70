//! Which of a sample's values a report shows.

use crate::{Error, Profile};

impl Profile {
    /// The position of the sample type with this name or number; without one the profile's default, or the last.
    ///
    /// Legacy profiles call `inuse_space` just `space`; the longer name finds it.
    ///
    /// # Errors
    ///
    /// If there is no such sample type.
    pub fn sample_index(&self, name: Option<&str>) -> Result<usize, Error> {
        let last = self.sample_types.len().checked_sub(1).ok_or(Error::NoSampleTypes)?;
        let position = |name: &str| self.sample_types.iter().position(|sample_type| &*sample_type.kind == name);
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return Ok(position(&self.default_sample_type).unwrap_or(last));
        };
        let found = match name.parse::<i64>() {
            Ok(number) => usize::try_from(number).ok().filter(|number| *number <= last),
            Err(_) => {
                let short = name.strip_prefix("inuse_").unwrap_or(name);
                self.sample_types.iter().position(|sample_type| [name, short].contains(&&*sample_type.kind))
            }
        };
        found.ok_or_else(|| Error::SampleType {
            name: name.into(),
            known: self.sample_types.iter().map(|sample_type| sample_type.kind.to_string()).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ValueType;

    #[test]
    fn names_numbers_and_defaults() {
        let mut profile = Profile::default();
        assert_eq!(profile.sample_index(None), Err(Error::NoSampleTypes));
        profile.sample_types = ["objects", "space"].map(|kind| ValueType::new(kind, "")).to_vec();
        assert_eq!(profile.sample_index(None), Ok(1));
        profile.default_sample_type = "objects".into();
        assert_eq!(profile.sample_index(None), Ok(0));
        assert_eq!(profile.sample_index(Some("inuse_space")), Ok(1));
        assert_eq!(profile.sample_index(Some("1")), Ok(1));
        let error = profile.sample_index(Some("cpu")).unwrap_err();
        assert_eq!(error.to_string(), "no sample type \"cpu\" in the profile; it has objects, space");
        assert!(profile.sample_index(Some("2")).is_err());
        assert!(profile.sample_index(Some("-1")).is_err());
    }
}
