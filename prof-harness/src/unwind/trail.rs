//! A thread's last walk along its stack, from which the next one differs by a few frames. Where every allocation is recorded
//! most of a stack is that of the allocation before: a frame with the same registers, whose step towards the root read words
//! that are still the same, leads to the same caller, so that two comparisons stand for a look into call frame information.
//!
//! The frames that a walk came to are a path in a tree of calls, and its end in the tree stands for the stack: equal stacks
//! need not be gathered and compared. Nothing here is shared between threads, nor used in a signal handler.

use std::cell::Cell;
use std::ops::Range;

use super::rule::Step;
use super::{modules, Borrowed};
use crate::registers::Registers;
use crate::stack::{Stack, MAX_FRAMES};

/// The last walk of a thread. Zeroed memory is one that has not begun.
pub struct Trail {
    /// The frames of the walk, the root first.
    frames: [Frame; MAX_FRAMES],
    length: usize,
    /// Frames that the walk before did not have, the leaf first.
    fresh: [Frame; MAX_FRAMES],
    /// That of the modules whose rules led along the walk.
    generation: u32,
    tree: Tree,
}

#[derive(Clone, Copy)]
struct Frame {
    at: Registers,
    /// What the step from here to the caller read.
    reads: [Seen; 2],
    /// Its place in the tree.
    context: Context,
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
        self.length = 0;
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
        let generation = modules::generation();
        // Frames of the last walk that this one may still come to.
        let mut known = if self.generation == generation { self.length } else { 0 };
        self.generation = generation;
        let (mut borrowed, mut rules) = (None, Some(rules));
        let (mut at, mut fresh) = (caller, 0);
        loop {
            while known > 0 && self.frames[known - 1].at.sp <= at.sp && self.frames[known - 1].at != at {
                known -= 1;
            }
            if known > 0 && self.frames[known - 1].at == at {
                let Some(changed) = self.frames[..known].iter().rposition(|frame| !frame.holds()) else { break };
                for frame in (changed + 1..known).rev() {
                    *self.fresh.get_mut(fresh)? = self.frames[frame];
                    fresh += 1;
                }
                at = self.frames[changed].at;
                known = changed;
            }
            if let Some(rules) = rules.take() {
                borrowed = rules();
            }
            let (step, reads) = step(borrowed.as_mut()?, at, generation, readable)?;
            *self.fresh.get_mut(fresh)? = Frame { at, reads, context: Context::ROOT };
            fresh += 1;
            match step {
                Step::Caller(caller) => at = caller,
                Step::Root => {
                    known = 0;
                    break;
                }
                Step::Lost => return None,
            }
        }
        if known + fresh > MAX_FRAMES {
            return None;
        }
        let mut context = known.checked_sub(1).map_or(Context::ROOT, |last| self.frames[last].context);
        for frame in self.fresh[..fresh].iter().rev() {
            let Some(child) = self.tree.child(context, frame.at.pc) else {
                self.clear();
                return None;
            };
            context = child;
            self.frames[known] = Frame { context, ..*frame };
            known += 1;
        }
        self.length = known;
        Some(context)
    }

    /// Puts the frames of the last walk into `stack`.
    pub fn gather(&self, stack: &mut Stack) {
        stack.clear();
        for frame in self.frames[..self.length].iter().rev() {
            stack.push(frame.at.pc);
        }
    }

    /// What is noted at a place of the tree; 0 at first.
    #[inline(always)]
    pub fn note(&mut self, context: Context) -> &mut u32 {
        &mut self.tree.nodes[context.0 as usize].note
    }
}

/// A step towards the root, with what it read; none if that is more than a frame keeps.
fn step(rules: &mut Borrowed, at: Registers, generation: u32, readable: &Range<u64>) -> Option<(Step, [Seen; 2])> {
    let nothing = Seen { address: std::ptr::from_ref(&ALWAYS) as u64, value: ALWAYS };
    let (seen, count) = (Cell::new([nothing; 2]), Cell::new(0));
    let read = |address: u64| {
        let value = super::read(address, readable)?;
        let mut reads = seen.get();
        if let Some(free) = reads.get_mut(count.get()) {
            *free = Seen { address, value };
        }
        seen.set(reads);
        count.set(count.get() + 1);
        Some(value)
    };
    let (step, was_interrupted) = super::step(rules.work(), at, false, generation, &read);
    (count.get() <= 2 && !was_interrupted).then(|| (step, seen.get()))
}

/// A place in the tree of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context(u32);

impl Context {
    /// Before any call.
    const ROOT: Context = Context(0);
}

const NODES: usize = 1 << 15;
const HEADS: usize = 1 << 14;

/// Calls by what they are made from. The first node is the root.
struct Tree {
    nodes: [Node; NODES],
    /// Nodes in use, but for the root.
    length: usize,
    /// The newest node of each chain of equal hash bits, 0 for none.
    heads: [u32; HEADS],
}

#[derive(Clone, Copy)]
struct Node {
    pc: u64,
    parent: Context,
    /// The next of the chain.
    next: u32,
    note: u32,
}

impl Tree {
    fn clear(&mut self) {
        self.length = 0;
        self.heads.fill(0);
    }

    /// The call at `pc` from `parent`; none if the tree is full.
    #[inline(always)]
    fn child(&mut self, parent: Context, pc: u64) -> Option<Context> {
        let hash = (pc ^ u64::from(parent.0) << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let head = &mut self.heads[(hash >> 50) as usize % HEADS];
        let mut at = *head;
        while at != 0 {
            let node = &self.nodes[at as usize];
            if node.pc == pc && node.parent == parent {
                return Some(Context(at));
            }
            at = node.next;
        }
        let place = self.length + 1;
        let node = self.nodes.get_mut(place)?;
        *node = Node { pc, parent, next: *head, note: 0 };
        *head = place as u32;
        self.length = place;
        Some(Context(place as u32))
    }
}
