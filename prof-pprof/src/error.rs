//! What can be wrong with a profile or with what is asked of it. The caller adds the path; this crate knows none.

use std::fmt;

use crate::ValueType;

/// Why bytes are not a profile, or why a profile cannot answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// There are no bytes at all.
    Empty,
    /// The gzip stream is damaged or cut short.
    Gzip {
        /// What the decompressor says.
        reason: String,
    },
    /// The bytes expand far beyond what a profile does.
    TooLarge {
        /// The largest size that is accepted for this input, in bytes.
        limit: u64,
    },
    /// The bytes are not a profile.proto message.
    Malformed {
        /// What was being read and why it failed.
        reason: String,
    },
    /// The bytes are neither a profile.proto message nor in one of the formats from before it.
    Unrecognized,
    /// The bytes are in one of the formats from before profile.proto, but damaged.
    Legacy {
        /// Which format, what is wrong, and where.
        reason: String,
    },
    /// Two or more profiles follow each other in one file.
    Concatenated,
    /// The string table does not begin with the empty string.
    StringTable,
    /// An index points outside the string table.
    UnknownString {
        /// The index.
        index: i64,
    },
    /// Something refers to an id or index that nothing has.
    Dangling {
        /// Kind of the thing that is missing, such as `location`.
        what: &'static str,
        /// Its id in the file, or its index in the model.
        id: u64,
    },
    /// Two things of one kind have the same id, or one has the reserved id 0.
    Identity {
        /// Kind of the thing, such as `mapping`.
        what: &'static str,
        /// The id.
        id: u64,
    },
    /// A sample holds another number of values than there are sample types.
    Values {
        /// Values in the sample.
        found: usize,
        /// Sample types in the profile.
        expected: usize,
    },
    /// The profile has no sample types, so there is nothing to report.
    NoSampleTypes,
    /// The named sample type is none of the profile's.
    SampleType {
        /// What was asked for.
        name: String,
        /// The names that would do.
        known: Vec<String>,
    },
    /// What was given to match names with is no regular expression.
    Expression {
        /// The expression.
        expression: String,
        /// What the parser says.
        reason: String,
    },
    /// Profiles that are to be merged have no sample type in common.
    NothingInCommon,
    /// Profiles that are to be merged measure something else, or in units that do not convert into each other.
    Incompatible {
        /// A sample type or period type of one.
        one: ValueType,
        /// That of another.
        other: ValueType,
    },
    /// A report on functions by name found none.
    NoMatch {
        /// What was asked for.
        expression: String,
    },
    /// A report on assembly found no symbol by name.
    NoSymbol {
        /// What was asked for.
        expression: String,
        /// The functions that others of that name are inlined into, which have symbols.
        inlined_into: Vec<String>,
    },
    /// A report on assembly found no symbol at an address.
    NoSymbolAt {
        /// The address.
        address: u64,
    },
    /// The symbol at an address has no samples.
    NoSamplesAt {
        /// The address.
        address: u64,
    },
    /// Code cannot be disassembled.
    Code {
        /// Why.
        reason: String,
    },
    /// Values are to be divided by zero.
    ZeroDivisor,
    /// A format has no place for values below zero, and the profile has some.
    Negative {
        /// The format.
        format: &'static str,
    },
    /// An option of a report is no regular expression.
    Option {
        /// The option.
        option: &'static str,
        /// Its value.
        expression: String,
        /// What the parser says.
        reason: String,
    },
    /// `drop_frames` or `keep_frames` is no regular expression.
    Pattern {
        /// The expression.
        pattern: String,
        /// What the parser says.
        reason: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Empty => write!(f, "no profile: the input is empty"),
            Error::Gzip { reason } => write!(f, "damaged gzip stream ({reason}); was the file cut short?"),
            Error::TooLarge { limit } => {
                write!(f, "the input expands beyond {limit} bytes; decompress it first if it is to be trusted")
            }
            Error::Malformed { reason } => write!(f, "not a pprof profile ({reason})"),
            Error::Unrecognized => write!(f, "not a profile: neither pprof's format nor one of those before it"),
            Error::Legacy { reason } => write!(f, "damaged {reason}"),
            Error::Concatenated => write!(f, "several profiles in one file; pass them as files of their own"),
            Error::StringTable => write!(f, "not a pprof profile (the string table must begin with an empty string)"),
            Error::UnknownString { index } => {
                write!(f, "damaged profile: string {index} is outside the string table")
            }
            Error::Dangling { what, id } => write!(f, "damaged profile: there is no {what} {id}"),
            Error::Identity { what, id: 0 } => write!(f, "damaged profile: a {what} has the reserved id 0"),
            Error::Identity { what, id } => write!(f, "damaged profile: two {what}s have the id {id}"),
            Error::Values { found, expected } => {
                write!(f, "damaged profile: a sample has {found} values for {expected} sample types")
            }
            Error::NoSampleTypes => write!(f, "the profile has no sample types"),
            Error::SampleType { name, known } => {
                write!(f, "no sample type {name:?} in the profile; it has {}", known.join(", "))
            }
            Error::Expression { expression, reason } => {
                write!(f, "{expression:?} is not a regular expression: {reason}")
            }
            Error::NothingInCommon => write!(f, "profiles have empty common sample type list"),
            Error::Incompatible { one, other } => {
                write!(f, "incompatible types: {{{} {}}} {{{} {}}}", one.kind, one.unit, other.kind, other.unit)
            }
            Error::NoMatch { expression } => write!(f, "no matches found for regexp: {expression}"),
            Error::NoSymbol { expression, inlined_into } => {
                write!(f, "no matches found for regexp {expression}")?;
                match &inlined_into[..] {
                    [] => Ok(()),
                    [only] => write!(f, "; what it matches is inlined into {only}"),
                    [first, second] => write!(f, "; what it matches is inlined into {first} and {second}"),
                    [first, rest @ ..] => {
                        write!(f, "; what it matches is inlined into {first} and {} other functions", rest.len())
                    }
                }
            }
            Error::NoSymbolAt { address } => write!(f, "no matches found for address {address:#x}"),
            Error::NoSamplesAt { address } => write!(
                f,
                "address {address:#x} found in binary, but the corresponding symbols do not have samples in the profile"
            ),
            Error::Code { reason } => f.write_str(reason),
            Error::ZeroDivisor => write!(f, "zero divisor specified"),
            Error::Negative { format } => write!(
                f,
                "{format} shows no values below zero, and a difference of profiles has some; take the table or folded stacks"
            ),
            Error::Option { option, expression, reason } => {
                // The parser draws the place over several lines, and says what is wrong in the last.
                let reason = reason.lines().last().unwrap_or_default();
                let reason = reason.strip_prefix("error: ").unwrap_or(reason);
                write!(f, "parsing {option} regexp: error parsing regexp: {reason}: `{expression}`")
            }
            Error::Pattern { pattern, reason } => write!(f, "the profile's frame pattern {pattern:?}: {reason}"),
        }
    }
}

impl std::error::Error for Error {}
