//! A profile as a story asks about it: which labels there are, how much went through a function, how much in all.
//! Reading is `prof-pprof`'s; nothing here changes a profile.

use std::collections::BTreeSet;
use std::path::Path;

use prof_pprof::{Profile, Sample};

/// A profile that was read from a file.
#[derive(Debug)]
pub struct Evidence {
    profile: Profile,
}

impl Evidence {
    /// Reads a profile.
    ///
    /// # Panics
    ///
    /// If there is none, or what is there is damaged.
    #[track_caller]
    pub fn read(path: &Path) -> Evidence {
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let profile = prof_pprof::decode(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Evidence { profile }
    }

    /// Reads a profile that may be missing, damaged or inconsistent.
    ///
    /// # Errors
    ///
    /// If it is.
    pub fn checked(path: &Path) -> Result<Evidence, String> {
        let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let profile = prof_pprof::decode(&bytes).and_then(|profile| profile.check().map(|()| profile));
        Ok(Evidence { profile: profile.map_err(|error| format!("{}: {error}", path.display()))? })
    }

    /// The profile itself.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// All that was measured.
    pub fn all(&self) -> Selection<'_> {
        Selection { profile: &self.profile, samples: self.profile.samples.iter().collect() }
    }

    /// What is labelled with this target and test.
    pub fn of_test(&self, target: &str, test: &str) -> Selection<'_> {
        self.all().with_label("target", target).with_label("test", test)
    }

    /// What is labelled with this target.
    pub fn of_target(&self, target: &str) -> Selection<'_> {
        self.all().with_label("target", target)
    }

    /// Every value of the label `key`.
    pub fn labels(&self, key: &str) -> BTreeSet<String> {
        self.profile.samples.iter().filter_map(|sample| sample.text(key)).map(|text| text.to_string()).collect()
    }

    /// The comments, one a line.
    pub fn comments(&self) -> String {
        self.profile.comments.join("\n")
    }

    /// The number before a word such as `lost` in the tool's own comment.
    ///
    /// # Panics
    ///
    /// If the comment does not say.
    #[track_caller]
    pub fn commented(&self, word: &str) -> u64 {
        commented(&self.profile, word).unwrap_or_else(|| panic!("no number of {word} in {:?}", self.comments()))
    }

    /// The name of the engine that sampled the CPU, as the tool's own comment says.
    ///
    /// # Panics
    ///
    /// If the comment does not say.
    #[track_caller]
    pub fn engine(&self) -> String {
        let comments = self.comments();
        let named = comments.split_once("engine ").and_then(|(_, rest)| rest.split(',').next());
        named.unwrap_or_else(|| panic!("no engine in {comments:?}")).to_owned()
    }
}

/// The number before a word such as `lost` in the comment that `cargo prof` leaves in a profile.
pub fn commented(profile: &Profile, word: &str) -> Option<u64> {
    let mut parts = profile.comments.iter().flat_map(|comment| comment.split(',')).map(str::trim);
    parts.find_map(|part| part.strip_suffix(word)?.trim_end().parse().ok())
}

/// Some samples of a profile.
#[derive(Debug, Clone)]
pub struct Selection<'a> {
    profile: &'a Profile,
    samples: Vec<Sample<'a>>,
}

impl Selection<'_> {
    /// Those that carry this label.
    pub fn with_label(mut self, key: &str, value: &str) -> Self {
        self.samples.retain(|sample| sample.text(key).is_some_and(|text| **text == *value));
        self
    }

    /// Those that do not carry the label `key`, whatever its value.
    pub fn without_label(mut self, key: &str) -> Self {
        self.samples.retain(|sample| sample.text(key).is_none());
        self
    }

    /// Those with a frame of a function whose path ends with this. (A generic function names others in its path, but
    /// after that end.)
    pub fn through(mut self, function: &str) -> Self {
        let profile = self.profile;
        self.samples.retain(|sample| frames(profile, *sample).any(|name| name.ends_with(function)));
        self
    }

    /// Those without such a frame.
    pub fn not_through(mut self, function: &str) -> Self {
        let profile = self.profile;
        self.samples.retain(|sample| !frames(profile, *sample).any(|name| name.ends_with(function)));
        self
    }

    /// Those whose stack does not reach its root. While libgcc goes to a landing pad it writes over what frames have saved,
    /// and nobody can find their callers: stacks in it do not count.
    pub fn without_root(self) -> Self {
        let profile = self.profile;
        let mut selection = self.not_through("_Unwind_RaiseException").not_through("_Unwind_Resume");
        let is_cut = |name: &str| name == "[truncated]" || name == "[broken]";
        selection.samples.retain(|sample| frames(profile, *sample).any(is_cut));
        selection
    }

    /// Sum of one kind of value, such as `cpu` or `alloc_objects`.
    ///
    /// # Panics
    ///
    /// If the profile has no such kind.
    #[track_caller]
    pub fn total(&self, kind: &str) -> i64 {
        let kinds: Vec<&str> = self.profile.sample_types.iter().map(|kind| &*kind.kind).collect();
        let place = kinds.iter().position(|known| *known == kind);
        let place = place.unwrap_or_else(|| panic!("no values of kind {kind} but {kinds:?}"));
        self.samples.iter().map(|sample| sample.values[place]).sum()
    }

    /// Seconds of CPU time.
    #[track_caller]
    pub fn seconds(&self) -> f64 {
        self.total("cpu") as f64 / 1e9
    }

    /// Allocations: objects and bytes.
    #[track_caller]
    pub fn allocated(&self) -> (i64, i64) {
        (self.total("alloc_objects"), self.total("alloc_space"))
    }

    /// What is still in use: objects and bytes.
    #[track_caller]
    pub fn in_use(&self) -> (i64, i64) {
        (self.total("inuse_objects"), self.total("inuse_space"))
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Every value of the label `key` among them.
    pub fn labels(&self, key: &str) -> BTreeSet<String> {
        self.samples.iter().filter_map(|sample| sample.text(key)).map(|text| text.to_string()).collect()
    }

    /// Names of all functions in their stacks.
    pub fn functions(&self) -> BTreeSet<String> {
        self.samples.iter().flat_map(|sample| frames(self.profile, *sample)).map(str::to_owned).collect()
    }
}

/// The names of a stack's functions, leaf first, inlined ones too.
fn frames<'a>(profile: &'a Profile, sample: Sample<'a>) -> impl Iterator<Item = &'a str> {
    let lines = sample.locations.iter().flat_map(|location| &profile[*location].lines);
    lines.map(|line| &*profile[line.function].name)
}
