//! How to get from a frame to its caller, in the compact form that nearly all code on x86-64 fits, and a cache of such
//! rules. How a rule is read from call frame information is in `cfi.rs`.

#![forbid(unsafe_code)]

use crate::registers::Registers;

/// From a frame to its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// This is the outermost frame.
    End,
    /// The frame ends at a register's value plus `cfa_offset`; the return address lies below that end.
    Step {
        /// Whether the register is the frame pointer instead of the stack pointer.
        from_fp: bool,
        /// Bytes from the register to the frame's end.
        cfa_offset: i32,
        /// Where the caller's frame pointer was saved, relative to the frame's end; none if it is unchanged.
        saved_fp: Option<i32>,
    },
    /// Nothing describes the code. A function that was interrupted may have no frame yet, one that called has a frame
    /// pointer, or cannot be followed.
    Guess,
    /// It takes more than a rule: the information is evaluated each time.
    Evaluate,
}

/// Reads a word of the thread's stack, if it may be read.
pub type Read<'a> = &'a dyn Fn(u64) -> Option<u64>;

/// What a step led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The caller's registers.
    Caller(Registers),
    /// There is no caller.
    Root,
    /// The caller cannot be found.
    Lost,
}

/// Applies a rule other than [`Rule::Evaluate`]. `is_code` tells addresses of loaded code.
#[inline(always)]
pub fn apply(
    rule: Rule,
    at: Registers,
    was_interrupted: bool,
    read: impl Fn(u64) -> Option<u64>,
    is_code: impl Fn(u64) -> bool,
) -> Step {
    match rule {
        Rule::End => Step::Root,
        Rule::Step { from_fp, cfa_offset, saved_fp } => {
            let base = if from_fp { at.fp } else { at.sp };
            let cfa = base.wrapping_add_signed(i64::from(cfa_offset));
            let fp = match saved_fp {
                // In an epilogue, what is described as saved below the stack pointer is back in the register.
                Some(offset) => match cfa.wrapping_add_signed(i64::from(offset)) {
                    address if address < at.sp => Some(at.fp),
                    address => read(address),
                },
                None => Some(at.fp),
            };
            match (read(cfa.wrapping_sub(8)), fp) {
                (Some(pc), Some(fp)) => caller(at, pc, cfa, fp),
                _ => Step::Lost,
            }
        }
        Rule::Guess => {
            if was_interrupted {
                if let Some(pc) = read(at.sp).filter(|pc| is_code(*pc)) {
                    return caller(at, pc, at.sp.wrapping_add(8), at.fp);
                }
            }
            if at.fp == 0 {
                return Step::Root;
            }
            match (read(at.fp), read(at.fp.wrapping_add(8))) {
                (Some(fp), Some(pc)) if at.fp >= at.sp => caller(at, pc, at.fp.wrapping_add(16), fp),
                _ => Step::Lost,
            }
        }
        Rule::Evaluate => Step::Lost,
    }
}

/// The caller, if the step leads towards the root.
#[inline(always)]
pub fn caller(at: Registers, pc: u64, sp: u64, fp: u64) -> Step {
    match pc {
        // The kernel and glibc begin a stack with it.
        0 => Step::Root,
        _ if sp <= at.sp => Step::Lost,
        _ => Step::Caller(Registers { pc, sp, fp }),
    }
}

const SETS: usize = 512;
const WAYS: usize = 2;

/// A rule in numbers. All are zero in an empty place: the kernel's zeroed memory is a cache, and takes room as it is used.
#[derive(Clone, Copy)]
struct Entry {
    pc: u64,
    /// From 1 on.
    generation: u32,
    kind: u32,
    cfa_offset: i32,
    saved_fp: i32,
}

const END: u32 = 0;
const GUESS: u32 = 1;
const EVALUATE: u32 = 2;
const STEP: u32 = 4;
const FROM_FP: u32 = 1;
const SAVED_FP: u32 = 2;

impl Entry {
    fn new(pc: u64, generation: u32, rule: Rule) -> Entry {
        let (kind, cfa_offset, saved_fp) = match rule {
            Rule::End => (END, 0, None),
            Rule::Guess => (GUESS, 0, None),
            Rule::Evaluate => (EVALUATE, 0, None),
            Rule::Step { from_fp, cfa_offset, saved_fp } => {
                let fp = if from_fp { FROM_FP } else { 0 };
                let saved = if saved_fp.is_some() { SAVED_FP } else { 0 };
                (STEP | fp | saved, cfa_offset, saved_fp)
            }
        };
        Entry { pc, generation, kind, cfa_offset, saved_fp: saved_fp.unwrap_or(0) }
    }

    fn rule(&self) -> Rule {
        match self.kind {
            END => Rule::End,
            GUESS => Rule::Guess,
            EVALUATE => Rule::Evaluate,
            step => Rule::Step {
                from_fp: step & FROM_FP != 0,
                cfa_offset: self.cfa_offset,
                saved_fp: (step & SAVED_FP != 0).then_some(self.saved_fp),
            },
        }
    }
}

/// Rules by program counter; each of two places that an address may have. All bytes zero are an empty one.
pub struct Cache {
    entries: [[Entry; WAYS]; SETS],
}

impl Cache {
    /// The rule for `pc`, from the cache or else from `look_up`.
    #[inline(always)]
    pub fn rule(&mut self, pc: u64, generation: u32, look_up: impl FnOnce() -> Rule) -> Rule {
        let set = (pc.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 55) as usize % SETS;
        let Some([first, second]) = self.entries.get_mut(set) else { return look_up() };
        let is = |entry: &Entry| entry.pc == pc && entry.generation == generation;
        if is(first) {
            return first.rule();
        }
        if is(second) {
            std::mem::swap(first, second);
            return first.rule();
        }
        let rule = look_up();
        *second = *first;
        *first = Entry::new(pc, generation, rule);
        rule
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Registers = Registers { pc: 1, sp: 1000, fp: 2000 };

    fn read(address: u64) -> Option<u64> {
        (1000..3000).contains(&address).then_some(address + 1)
    }

    fn applied(rule: Rule, was_interrupted: bool) -> Step {
        apply(rule, AT, was_interrupted, read, |_| true)
    }

    #[test]
    fn a_step_reads_below_the_frames_end() {
        let rule = |from_fp, cfa_offset, saved_fp| Rule::Step { from_fp, cfa_offset, saved_fp };
        assert_eq!(applied(rule(false, 24, None), false), Step::Caller(Registers { pc: 1017, sp: 1024, fp: 2000 }));
        assert_eq!(applied(rule(true, 16, Some(-16)), false), Step::Caller(Registers { pc: 2009, sp: 2016, fp: 2001 }));
        let popped = applied(rule(false, 8, Some(-16)), true);
        assert_eq!(popped, Step::Caller(Registers { pc: 1001, sp: 1008, fp: 2000 }), "its frame pointer is back");
        assert_eq!(applied(rule(true, 5000, None), false), Step::Lost, "outside of what may be read");
        assert_eq!(applied(rule(false, 0, None), false), Step::Lost, "not towards the root");
    }

    #[test]
    fn without_information_a_guess_is_made() {
        assert_eq!(applied(Rule::Guess, true), Step::Caller(Registers { pc: 1001, sp: 1008, fp: 2000 }));
        assert_eq!(applied(Rule::Guess, false), Step::Caller(Registers { pc: 2009, sp: 2016, fp: 2001 }));
    }

    fn empty() -> Cache {
        let entry = Entry { pc: 0, generation: 0, kind: 0, cfa_offset: 0, saved_fp: 0 };
        Cache { entries: [[entry; WAYS]; SETS] }
    }

    #[test]
    fn a_rule_comes_out_of_the_cache_as_it_went_in() {
        let steps = [false, true].into_iter().flat_map(|from_fp| {
            [None, Some(0), Some(i32::MIN)].map(|saved_fp| Rule::Step { from_fp, cfa_offset: -8, saved_fp })
        });
        let rules: Vec<Rule> = steps.chain([Rule::End, Rule::Guess, Rule::Evaluate]).collect();
        let mut cache = empty();
        for (pc, rule) in rules.iter().enumerate() {
            assert_eq!(cache.rule(pc as u64, 1, || *rule), *rule);
            assert_eq!(cache.rule(pc as u64, 1, || unreachable!("it is there")), *rule);
        }
    }

    #[test]
    fn the_cache_keeps_two_of_a_set_and_forgets_another_generation() {
        let mut cache = empty();
        let lookups = std::cell::Cell::new(0);
        let mut look = |pc, generation| {
            cache.rule(pc, generation, || {
                lookups.set(lookups.get() + 1);
                Rule::Guess
            })
        };
        look(7, 1);
        look(7, 1);
        assert_eq!(lookups.get(), 1);
        look(7, 2);
        assert_eq!(lookups.get(), 2);
    }
}
