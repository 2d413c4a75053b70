//! Tests of `trail.rs`: what a walk along it sees is what a capture sees.

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
