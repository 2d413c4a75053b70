//! Story: programs that allocate where it is delicate, or are refused, do not notice the allocation sampler, and it loses
//! nothing of what they do: every allocation is counted at rate 1, and estimated at a coarser one.

use prof_tests::bound::deviation_of_estimate;
use prof_tests::{Evidence, Outcome, Project, Selection};

/// The rate of the second run.
const COARSE: f64 = 4096.0;

/// A profile and whether all allocations are in it.
struct Seen {
    heap: Evidence,
    is_exact: bool,
    outcome: Outcome,
}

/// Runs a program plainly, with every allocation recorded, and with few; it may not make a difference.
#[track_caller]
fn run(program: &[&str], check: impl Fn(&Seen)) {
    let project = Project::of("heap-delicate");
    let arguments = [&["run", "-q", "--bin", program[0], "--"], &program[1..]].concat();
    let twice = project.twice(&arguments);
    check(&Seen { heap: twice.heap, is_exact: true, outcome: twice.ours });

    let ours = ["--cpuprofilerate", "1000", "--memprofilerate", "4096"];
    let outcome = project.profiled_with(&arguments, &ours, |_| ());
    twice.plain.assert_same(&outcome);
    check(&Seen { heap: project.heap_profile(), is_exact: false, outcome });
}

impl Seen {
    fn through(&self, function: &str) -> Selection<'_> {
        self.heap.all().through(function)
    }

    /// The function and what it calls allocated so many blocks of this size, of which so many are in use.
    #[track_caller]
    fn counts(&self, function: &str, size: i64, allocated: i64, in_use: i64) {
        self.agrees(&format!("{function} allocated"), self.through(function).allocated(), size, allocated);
        self.agrees(&format!("{function} keeps"), self.through(function).in_use(), size, in_use);
        assert_eq!(self.heap.commented("lost"), 0);
    }

    #[track_caller]
    fn agrees(&self, what: &str, seen: (i64, i64), size: i64, count: i64) {
        if self.is_exact {
            assert_eq!(seen, (count, count * size), "{what}");
        } else {
            // A right estimate is off by more than six deviations once in 500 million times; where few are sampled, the distribution
            // has a longer tail, and what is estimated of each of a few stacks is cut to whole objects.
            let deviation = deviation_of_estimate(count as f64, size as f64, COARSE);
            let few = 6.0 * COARSE / size as f64;
            let off = seen.1 as f64 / size as f64 - count as f64;
            assert!(off.abs() <= 6.0 * deviation + few, "{what}: {seen:?} instead of {count} of {size} bytes");
            assert!(count > 0 || seen == (0, 0), "{what}: {seen:?} instead of none");
        }
    }
}

#[test]
fn a_refusal_is_no_allocation_and_the_last_of_nothing() {
    run(&["refused"], |seen| {
        // Twice on each of two threads.
        let reserves = || seen.through("refused::reserves").not_through("refused::full");
        seen.agrees("reserves", reserves().allocated(), 100, 4000);
        assert_eq!(reserves().in_use(), (0, 0));
        let as_in_c = seen.through("refused::asks_as_in_c");
        assert_eq!(as_in_c.in_use(), (0, 0));
        let (objects, bytes) = as_in_c.allocated();
        if seen.is_exact {
            assert_eq!((objects, bytes), (1002, 100_000 + 5000 + 10));
            assert_eq!(seen.through("refused::full").allocated(), (2, 10_000));
        }
        // What was refused is nowhere.
        assert!(seen.heap.all().allocated().1 < 2_000_000);
    });
}

#[test]
fn without_memory_a_program_goes_on() {
    run(&["limited"], |seen| {
        let (objects, bytes) = seen.through("limited::takes_all").allocated();
        assert!(objects >= 30 && bytes >= 30 << 20, "{objects} objects of {bytes} bytes");
        // Where there is none for the harness either, it may not follow a block to its free.
        let left = seen.through("limited::takes_all").in_use();
        assert!(left.0 * 10 <= objects, "{left:?} of {objects} objects");
        seen.agrees("goes_on", seen.through("limited::goes_on").allocated(), 1000, 9000);
        assert_eq!(seen.through("limited::goes_on").in_use(), (0, 0));
    });
}

#[test]
fn the_ends_of_threads_and_of_the_process_are_seen() {
    for (way, code) in [("return", 0), ("exit", 7), ("thread", 7)] {
        run(&["endings", way], |seen| {
            assert_eq!(seen.outcome.code(), code);
            // The destructors of the main thread run when it returns or exits itself.
            let threads = if way == "thread" { 4 } else { 5 };
            seen.counts("endings::in_a_destructor", 300, threads * 1005, threads * 5);
            // Those of the other threads, three times each; none at the end of the process.
            seen.counts("endings::in_a_key_destructor", 200, 4 * 3 * 1005, 4 * 3 * 5);
            seen.counts("endings::in_an_exit_handler", 500, 1005, 5);
            seen.counts("endings::held_by_a_thread", 400, 5, 5 - threads);
        });
    }
}

#[test]
fn signal_handlers_that_allocate_are_seen() {
    run(&["handlers"], |seen| {
        seen.counts("handlers::in_a_handler", 100, 200 * 21, 200);
        seen.counts("handlers::at_a_tick", 64, 300 * 101, 300);
        assert!(seen.through("handlers::at_a_tick").not_through("handlers::spins").is_empty());
        let (objects, bytes) = seen.through("handlers::between").allocated();
        assert!(!seen.is_exact || (objects, bytes) == (2200, 2_002_000), "{objects} objects of {bytes} bytes");
    });
}

#[test]
fn what_is_allocated_before_main_may_be_freed_in_it() {
    run(&["early"], |seen| {
        let early = seen.through("early::before_main");
        // Whether the harness is there before is the linker's choice; what it has seen is also seen to go.
        assert_eq!(early.in_use(), (0, 0));
        let (objects, bytes) = early.allocated();
        assert!(!seen.is_exact || [0, 1101].contains(&(objects)), "{objects} objects of {bytes} bytes");
        let (objects, bytes) = seen.through("early::in_main").allocated();
        if seen.is_exact {
            assert_eq!((objects, bytes), (2000, 1000 * 60 + 1000 * 120));
            assert_eq!(seen.through("early::in_main").in_use(), (1000, 60_000));
        }
    });
}

#[test]
fn children_change_nothing_of_their_parents() {
    run(&["forks"], |seen| {
        seen.counts("forks::of_the_child", 900, 0, 0);
        seen.counts("forks::after_all", 80, 1010, 10);
        let parents = seen.through("forks::of_the_parent");
        // And the list of the blocks.
        let list = 1000 * 24;
        if seen.is_exact {
            assert_eq!(parents.allocated(), (1001, 1000 * 900 + list));
        }
        assert_eq!(parents.in_use(), (0, 0));
        assert_eq!(seen.through("forks::churns").in_use(), (0, 0));
    });
}

#[test]
fn every_function_of_libc_counts_what_it_was_asked_for() {
    run(&["every-way"], |seen| {
        let in_use = |function: &str| seen.through(&format!("every_way::{function}")).in_use();
        if !seen.is_exact {
            assert!(in_use("by_posix_memalign").1 <= 20 * 4096);
            return;
        }
        for (function, bytes) in [
            ("by_malloc", 1001),
            ("by_calloc", 1001),
            ("by_realloc", 50),
            ("by_reallocarray", 1001),
            ("by_memalign", 1001),
            ("by_aligned_alloc", 1024),
            ("by_posix_memalign", 1001),
            ("by_valloc", 1001),
            ("by_pvalloc", 1001),
            ("by_strdup", 1000),
            ("by_strndup", 501),
            ("by_wcsdup", 16),
            ("by_asprintf", 1999),
            ("by_realpath", "/dev/null".len() as i64 + 1),
            ("by_no_bytes", 0),
        ] {
            assert_eq!(in_use(function), (3, 3 * bytes), "{function}");
        }
        let grown = seen.through("every_way::by_realloc").allocated();
        assert_eq!(grown, (9, 3 * (10 + 100_000 + 50)));
        let line = seen.outcome.stdout.lines().find_map(|line| line.strip_prefix("getline ")).unwrap();
        assert_eq!(in_use("by_getline"), (1, line.parse().unwrap()));
    });
}
