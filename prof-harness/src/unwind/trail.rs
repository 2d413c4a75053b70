//! A thread's last walk along its stack, from which the next one differs by a few frames. Where every allocation is recorded
//! most of a stack is that of the allocation before: a frame with the same registers, whose step towards the root read words
//! that are still the same, leads to the same caller, so that two comparisons stand for a look into call frame information.
//!
//! The frames that a walk came to are a path in a tree of calls, and its end in the tree stands for the stack: equal stacks
//! need not be gathered and compared. Nothing here is shared between threads, nor used in a signal handler.

use std::cell::Cell;
use std::ops::Range;

use super::calls::{Context, Tree};
use super::rule::{self, Rule, Step};
use super::{modules, Borrowed, Work};
use crate::registers::Registers;
use crate::stack::{Stack, MAX_FRAMES};

/// The last walk of a thread. Zeroed memory is one that has not begun.
pub struct Trail {
    /// Frames of the last walk, each with a link to its caller, and of earlier ones. The first is none.
    frames: [Frame; FRAMES],
    /// How many places of `frames` are in use, but for the first.
    used: usize,
    /// The frame at which the last walk began; none if there was no walk.
    leaf: Link,
    /// The frames of the walk at work whose places in the tree are to be found, the leaf first.
    unplaced: [Link; MAX_FRAMES],
    /// That of the modules whose rules led along the walk.
    generation: u32,
    tree: Tree,
}

const FRAMES: usize = 1 << 11;

#[derive(Clone, Copy)]
struct Frame {
    at: Registers,
    /// What the step from here to the caller read.
    reads: [Seen; 2],
    caller: Link,
    /// Its place in the tree.
    context: Context,
}

/// The place of a frame, 0 for none.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Link(u16);

impl Link {
    const NONE: Link = Link(0);
}

/// A word of the stack.
#[derive(Clone, Copy)]
struct Seen {
    address: u64,
    value: u64,
}

/// In place of a word that was not read.
static ALWAYS: u64 = 0;

impl Frame {
    /// Whether the step from here would lead to the same caller still.
    #[inline(always)]
    fn holds(&self) -> bool {
        // SAFETY: each address is that of ALWAYS or was read at an earlier walk of this thread, from its own stack, of which
        // what was in use once stays readable as long as the thread lives.
        self.reads.iter().all(|seen| unsafe { *(seen.address as *const u64) == seen.value })
    }
}

impl Trail {
    /// Forgets the walk, which may be another thread's, but not the tree.
    pub fn begin(&mut self) {
        self.used = 0;
        self.leaf = Link::NONE;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.begin();
        self.tree.clear();
    }

    /// Walks from the registers of a caller to the root, reading the stack in the range given, and returns the place of the
    /// stack in the tree; none if it has to be captured in another way. `rules` gives what it takes to look rules up, or nothing
    /// where there is no room for that; it is not asked if all frames are known.
    pub fn walk(
        &mut self,
        caller: Registers,
        readable: &Range<u64>,
        rules: impl FnOnce() -> Option<Borrowed>,
    ) -> Option<Context> {
        if self.generation != modules::generation() || self.used + MAX_FRAMES >= FRAMES {
            self.generation = modules::generation();
            self.begin();
        }
        let result = self.try_walk(caller, readable, rules);
        if result.is_none() {
            self.begin();
        }
        result
    }

    #[inline(always)]
    fn try_walk(
        &mut self,
        caller: Registers,
        readable: &Range<u64>,
        rules: impl FnOnce() -> Option<Borrowed>,
    ) -> Option<Context> {
        let (mut borrowed, mut rules) = (None, Some(rules));
        // The frame of the last walk that this one may come to next, and the one of this walk that leads to it.
        let (mut known, mut last) = (self.leaf, Link::NONE);
        let (mut at, mut unplaced, mut placed) = (caller, 0, 0);
        loop {
            while known != Link::NONE && self.frame(known).at.sp <= at.sp && self.frame(known).at != at {
                known = self.frame(known).caller;
            }
            let mut here = Link::NONE;
            if known != Link::NONE && self.frame(known).at == at {
                self.lead(last, known);
                // Up to where something has changed.
                let (first, mut count) = (known, 0);
                while known != Link::NONE && self.frame(known).holds() {
                    known = self.frame(known).caller;
                    count += 1;
                }
                if known == Link::NONE {
                    last = first;
                    placed = count;
                    break;
                }
                let mut link = first;
                while link != known {
                    *self.unplaced.get_mut(unplaced)? = link;
                    unplaced += 1;
                    link = self.frame(link).caller;
                }
                here = known;
                at = self.frame(known).at;
                known = self.frame(known).caller;
            }
            if let Some(rules) = rules.take() {
                borrowed = rules();
            }
            if here == Link::NONE {
                self.used += 1;
                here = Link(self.used as u16);
                self.lead(last, here);
            }
            let frame = self.frames.get_mut(usize::from(here.0))?;
            frame.at = at;
            frame.caller = Link::NONE;
            let step = step(borrowed.as_mut()?.work(), frame, self.generation, readable)?;
            *self.unplaced.get_mut(unplaced)? = here;
            unplaced += 1;
            last = here;
            match step {
                Step::Caller(caller) => at = caller,
                Step::Root => {
                    last = Link::NONE;
                    break;
                }
                Step::Lost => return None,
            }
        }
        if unplaced + placed > MAX_FRAMES {
            return None;
        }
        let mut context = if placed > 0 { self.frame(last).context } else { Context::ROOT };
        let mut leaf = last;
        for place in (0..unplaced).rev() {
            leaf = self.unplaced[place];
            let Some(child) = self.tree.child(context, self.frame(leaf).at.pc) else {
                self.clear();
                return None;
            };
            context = child;
            self.frames[usize::from(leaf.0)].context = context;
        }
        self.leaf = leaf;
        Some(context)
    }

    #[inline(always)]
    fn frame(&self, link: Link) -> &Frame {
        &self.frames[usize::from(link.0) % FRAMES]
    }

    /// Notes that the caller of the frame at `link`, if that is one, is the one at `caller`.
    #[inline(always)]
    fn lead(&mut self, link: Link, caller: Link) {
        // The first place, of none, is written to in vain.
        self.frames[usize::from(link.0) % FRAMES].caller = caller;
    }

    /// Puts the frames of the last walk into `stack`.
    pub fn gather(&self, stack: &mut Stack) {
        stack.clear();
        let mut link = self.leaf;
        while link != Link::NONE && stack.push(self.frame(link).at.pc) {
            link = self.frame(link).caller;
        }
    }

    /// What is noted at a place of the tree; 0 at first.
    #[inline(always)]
    pub fn note(&mut self, context: Context) -> &mut u32 {
        self.tree.note(context)
    }
}

/// A step from a frame towards the root, with what it read noted there; none if that is more than there is room for.
#[inline(always)]
fn step(work: &mut Work, frame: &mut Frame, generation: u32, readable: &Range<u64>) -> Option<Step> {
    let rule = super::rule(work, frame.at, false, generation);
    if matches!(rule, Rule::Evaluate) {
        return evaluate(work, frame, readable);
    }
    let reads = Reads::new();
    let step = rule::apply(rule, frame.at, false, |address| reads.read(address, readable), modules::is_code);
    reads.note(frame).then_some(step)
}

#[inline(never)]
fn evaluate(work: &mut Work, frame: &mut Frame, readable: &Range<u64>) -> Option<Step> {
    let reads = Reads::new();
    let (step, was_interrupted) = super::evaluate(work, frame.at, false, &|address| reads.read(address, readable));
    (reads.note(frame) && !was_interrupted).then_some(step)
}

/// The words that a step reads. Each number by itself, so that it can stay in a register.
struct Reads {
    addresses: [Cell<u64>; 2],
    values: [Cell<u64>; 2],
    count: Cell<usize>,
}

impl Reads {
    #[inline(always)]
    fn new() -> Reads {
        let address = std::ptr::from_ref(&ALWAYS) as u64;
        Reads {
            addresses: [Cell::new(address), Cell::new(address)],
            values: [Cell::new(ALWAYS), Cell::new(ALWAYS)],
            count: Cell::new(0),
        }
    }

    #[inline(always)]
    fn read(&self, address: u64, readable: &Range<u64>) -> Option<u64> {
        let value = super::read(address, readable)?;
        let place = usize::from(self.count.get() != 0);
        self.addresses[place].set(address);
        self.values[place].set(value);
        self.count.set(self.count.get() + 1);
        Some(value)
    }

    /// Notes them in the frame; false if there were more than two.
    #[inline(always)]
    fn note(&self, frame: &mut Frame) -> bool {
        for (place, seen) in frame.reads.iter_mut().enumerate() {
            seen.address = self.addresses[place].get();
            seen.value = self.values[place].get();
        }
        self.count.get() <= 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unwind::{self, For};
    use crate::{mapping, thread};

    fn new_trail() -> &'static mut Trail {
        let memory = crate::sys::map(size_of::<Trail>()).unwrap();
        // SAFETY: zeroed memory of that size on a page, given to nobody else.
        unsafe { &mut *memory.cast() }
    }

    /// The stack of the caller of this function, by a trail and by a capture.
    #[inline(never)]
    fn compared(trail: &mut Trail) -> Context {
        let (sp, fp, pc): (u64, u64, u64);
        // SAFETY: reads registers only.
        unsafe {
            std::arch::asm!("mov {}, rsp", "mov {}, rbp", "lea {}, [rip + 1]", out(reg) sp, out(reg) fp, out(reg) pc);
        }
        // As if a call had returned to here.
        let here = Registers { pc, sp, fp };
        let bounds = thread::bounds();
        let rules = || Borrowed::new(For::Allocation, sp);
        let context = trail.walk(here, &bounds.readable(sp), rules).expect("there is a root and rules for all");
        let mut walked = Stack::new();
        trail.gather(&mut walked);
        let captured = unwind::capture(For::Allocation, here, bounds, |stack| {
            assert!(!stack.truncated && !stack.broken);
            stack.pcs().to_vec()
        });
        assert_eq!(walked.pcs(), captured.expect("a slot is free"));
        context
    }

    /// Calls of two kinds, as the bits of `path` say, `depth` deep.
    #[inline(never)]
    fn even(trail: &mut Trail, path: u32, depth: u32) -> Context {
        let context = descend(trail, path, depth);
        std::hint::black_box(context)
    }

    #[inline(never)]
    fn odd(trail: &mut Trail, path: u32, depth: u32) -> Context {
        let room = std::hint::black_box([path; 9]);
        let context = descend(trail, path, depth);
        std::hint::black_box(room);
        context
    }

    fn descend(trail: &mut Trail, path: u32, depth: u32) -> Context {
        match (depth, path & 1) {
            (0, _) => compared(trail),
            (_, 0) => even(trail, path >> 1, depth - 1),
            _ => odd(trail, path >> 1, depth - 1),
        }
    }

    #[test]
    fn a_walk_sees_what_a_capture_sees_whatever_was_walked_before() {
        mapping::start(true);
        unwind::make_slots(2);
        thread::learn_stack();
        let trail = new_trail();
        let mut contexts = std::collections::HashMap::new();
        let mut state = 1;
        for _ in 0..20_000 {
            let (next, bits) = crate::random::next(state);
            state = next;
            let (depth, path) = ((bits >> 8) as u32 % 9, (bits >> 32) as u32);
            let path = path & ((1 << depth) - 1);
            let context = descend(trail, path, depth);
            assert_eq!(*contexts.entry((depth, path)).or_insert(context), context, "equal stacks have one place");
        }
        let distinct: std::collections::HashSet<_> = contexts.values().collect();
        assert_eq!(distinct.len(), contexts.len(), "different stacks have different ones");
    }

    #[test]
    fn deep_stacks_and_a_full_tree_are_left_to_a_capture() {
        #[inline(never)]
        fn deep(trail: &mut Trail, depth: u32) -> bool {
            if depth > 0 {
                let known = deep(trail, depth - 1);
                return std::hint::black_box(known);
            }
            let (sp, fp, pc): (u64, u64, u64);
            // SAFETY: reads registers only.
            unsafe {
                std::arch::asm!("mov {}, rsp", "mov {}, rbp", "lea {}, [rip + 1]", out(reg) sp, out(reg) fp, out(reg) pc);
            }
            let rules = || Borrowed::new(For::Allocation, sp);
            trail.walk(Registers { pc, sp, fp }, &thread::bounds().readable(sp), rules).is_some()
        }
        mapping::start(true);
        unwind::make_slots(2);
        thread::learn_stack();
        let trail = new_trail();
        assert!(deep(trail, 100));
        assert!(!deep(trail, MAX_FRAMES as u32 + 10));
        // What is not on the way of this walk yet.
        assert!((1..u64::MAX).any(|pc| trail.tree.child(Context::ROOT, pc).is_none()));
        trail.begin();
        assert!(!deep(trail, 100), "the tree is full");
        assert!(deep(trail, 100), "and was cleared");
    }
}
