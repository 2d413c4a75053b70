//! What a thread has learnt on its walks along its stack. A frame with the same registers, whose step towards the root read words
//! that are still the same, leads to the same caller: where every allocation is recorded, two comparisons for a frame stand for a
//! look into call frame information.
//!
//! The frames that a walk came to are a path in a tree of calls (`calls.rs`), and its end in the tree stands for the stack: equal
//! stacks need not be gathered and compared. Nothing here is shared between threads, nor used in a signal handler.

use std::cell::Cell;
use std::ops::Range;

use super::calls::{Context, Tree};
use super::leaves::Leaves;
use super::rule::{self, Rule, Step};
use super::{modules, Borrowed, Work};
use crate::registers::Registers;
use crate::stack::{Stack, MAX_FRAMES};

/// What a thread has learnt. Zeroed memory is nothing.
pub struct Trail {
    /// Frames that were met, each once. The first is none.
    frames: [Frame; FRAMES],
    /// How many places of `frames` are in use, but for the first.
    used: usize,
    /// Where a frame is, by its registers; another that comes to the same place takes it.
    index: [Link; INDEX],
    /// The frames of the last walk, the leaf first.
    path: [Link; MAX_FRAMES],
    length: usize,
    /// That of the modules whose rules led along the walks.
    generation: u32,
    leaves: Leaves,
    tree: Tree,
}

const FRAMES: usize = 1 << 13;
const INDEX: usize = 1 << 12;

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Frame {
    at: Registers,
    /// The words that the step from here to the caller read, and how far above the stack pointer each lies.
    values: [u64; 2],
    offsets: [u32; 2],
    /// How many of the two there are.
    reads: u8,
    frame_pointer: FramePointer,
    /// None of the outermost frame.
    caller: Link,
    /// Its place in the tree, from that of its caller.
    context: Context,
    from: Context,
}

/// What a step has to do with the frame pointer, in which most code keeps something else.
#[derive(Clone, Copy)]
struct FramePointer {
    /// Whether the step looks at it.
    is_used: bool,
    /// Whether the first word that the step read is that of the caller.
    is_read: bool,
    /// Whether one of the frames from this one's caller on looked at that of the caller, in the last walk.
    matters_above: bool,
}

/// The place of a frame, 0 for none.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Link(u16);

impl Link {
    const NONE: Link = Link(0);
}

impl Frame {
    /// The words that the step from here read, with their addresses.
    #[inline(always)]
    fn words(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let word = |read: usize| (self.at.sp + u64::from(self.offsets[read]), self.values[read]);
        (0..usize::from(self.reads)).map(word)
    }

    /// Those that led along the last walk.
    fn words_that_matter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let of = self.frame_pointer;
        self.words().skip(usize::from(of.is_read && !of.matters_above))
    }

    /// Whether the step from here would lead to the same caller still.
    #[inline(always)]
    fn holds(&self) -> bool {
        self.words().all(|(address, value)| {
            // SAFETY: it was read at an earlier walk of this thread, from its own stack, of which what was in use once stays
            // readable as long as the thread lives.
            unsafe { *(address as *const u64) == value }
        })
    }
}

impl Trail {
    /// Forgets the walks, which may be another thread's, but not the tree.
    pub fn begin(&mut self) {
        self.used = 0;
        self.index.fill(Link::NONE);
        self.length = 0;
        self.leaves.clear();
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
        if let Some(context) = self.leaves.find(caller) {
            // Without a note it may be asked for the frames, which are those of another walk.
            if *self.tree.note(context) != 0 {
                return Some(context);
            }
        }
        let Some(context) = self.try_walk(caller, readable, rules) else {
            self.begin();
            return None;
        };
        self.remember(caller, context);
        Some(context)
    }

    /// Remembers the stack of the last walk by what led along it: not the frame pointers that no step looked at.
    fn remember(&mut self, caller: Registers, context: Context) {
        let mut matters = false;
        for link in self.path[..self.length].iter().rev() {
            let of = &mut self.frames[usize::from(link.0) % FRAMES].frame_pointer;
            of.matters_above = matters;
            matters = of.is_used || matters && !of.is_read;
        }
        let frames = self.path[..self.length].iter().map(|link| &self.frames[usize::from(link.0) % FRAMES]);
        self.leaves.remember(caller, matters, context, frames.flat_map(Frame::words_that_matter));
    }

    #[inline(always)]
    fn try_walk(
        &mut self,
        caller: Registers,
        readable: &Range<u64>,
        rules: impl FnOnce() -> Option<Borrowed>,
    ) -> Option<Context> {
        let (mut borrowed, mut rules) = (None, Some(rules));
        // How many frames of the path, from the leaf on, are to be found in the tree anew.
        let (mut length, mut unplaced) = (0, 0);
        let (mut link, mut is_new) = self.find(caller);
        loop {
            *self.path.get_mut(length)? = link;
            length += 1;
            let frame = self.frame(link);
            if !is_new && frame.holds() {
                let (next, from) = (frame.caller, frame.from);
                // Nothing leads to no frame but the root of the tree.
                if self.frame(next).context != from {
                    unplaced = length;
                }
                if next == Link::NONE {
                    break;
                }
                link = next;
                continue;
            }
            unplaced = length;
            if let Some(rules) = rules.take() {
                borrowed = rules();
            }
            let frame = self.frames.get_mut(usize::from(link.0))?;
            let step = step(borrowed.as_mut()?.work(), frame, self.generation, readable)?;
            let here = link;
            (link, is_new) = match step {
                Step::Caller(caller) => self.find(caller),
                Step::Root => (Link::NONE, false),
                Step::Lost => return None,
            };
            self.frames[usize::from(here.0)].caller = link;
            if link == Link::NONE {
                break;
            }
        }
        let mut context = match self.path[..length].get(unplaced) {
            Some(link) => self.frame(*link).context,
            None => Context::ROOT,
        };
        for place in (0..unplaced).rev() {
            let frame = &mut self.frames[usize::from(self.path[place].0) % FRAMES];
            frame.from = context;
            let Some(child) = self.tree.child(context, frame.at.pc) else {
                self.clear();
                return None;
            };
            context = child;
            frame.context = context;
        }
        self.length = length;
        Some(self.frame(self.path[0]).context)
    }

    /// The frame with these registers, and whether it is new.
    #[inline(always)]
    fn find(&mut self, at: Registers) -> (Link, bool) {
        let hash = (at.pc ^ at.sp.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let place = (hash >> 52) as usize % INDEX;
        let link = self.index[place];
        if link != Link::NONE && self.frame(link).at == at {
            return (link, false);
        }
        // There is room for those of one walk, or `walk` had begun anew.
        self.used += 1;
        let link = Link(self.used as u16);
        self.frames[self.used % FRAMES].at = at;
        self.index[place] = link;
        (link, true)
    }

    #[inline(always)]
    fn frame(&self, link: Link) -> &Frame {
        &self.frames[usize::from(link.0) % FRAMES]
    }

    /// Puts the frames of the last walk into `stack`.
    pub fn gather(&self, stack: &mut Stack) {
        stack.clear();
        for link in &self.path[..self.length] {
            stack.push(self.frame(*link).at.pc);
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
    let reads = Reads::default();
    let step = rule::apply(rule, frame.at, false, |address| reads.read(address, readable), modules::is_code);
    frame.frame_pointer = FramePointer {
        is_used: matches!(rule, Rule::Guess | Rule::Step { from_fp: true, .. }),
        // It comes before the return address.
        is_read: reads.count.get() == 2,
        matters_above: true,
    };
    reads.note(frame).then_some(step)
}

#[inline(never)]
fn evaluate(work: &mut Work, frame: &mut Frame, readable: &Range<u64>) -> Option<Step> {
    let reads = Reads::default();
    frame.frame_pointer = FramePointer { is_used: true, is_read: false, matters_above: true };
    let (step, was_interrupted) = super::evaluate(work, frame.at, false, &|address| reads.read(address, readable));
    (reads.note(frame) && !was_interrupted).then_some(step)
}

/// The words that a step reads. Each number by itself, so that it can stay in a register.
#[derive(Default)]
struct Reads {
    addresses: [Cell<u64>; 2],
    values: [Cell<u64>; 2],
    count: Cell<u8>,
}

impl Reads {
    #[inline(always)]
    fn read(&self, address: u64, readable: &Range<u64>) -> Option<u64> {
        let value = super::read(address, readable)?;
        let place = usize::from(self.count.get() != 0);
        self.addresses[place].set(address);
        self.values[place].set(value);
        self.count.set(self.count.get().saturating_add(1));
        Some(value)
    }

    /// Notes them in the frame; false if there were more than two, or they lie elsewhere than close above its stack pointer.
    #[inline(always)]
    fn note(&self, frame: &mut Frame) -> bool {
        frame.reads = self.count.get().min(2);
        for read in 0..usize::from(frame.reads) {
            frame.values[read] = self.values[read].get();
            let Some(Ok(offset)) = self.addresses[read].get().checked_sub(frame.at.sp).map(u32::try_from) else {
                return false;
            };
            frame.offsets[read] = offset;
        }
        self.count.get() <= 2
    }
}

#[cfg(test)]
mod tests;
