//! Whether an iteration of a benchmark allocates, or what is around it: told by the functions on the stacks of all
//! allocations, after they are named. What the stacks do not tell is said to be unknown, never shared out. Which phase a
//! CPU sample is of is told in `phase.rs`.

use prof_pprof::{BROKEN_FRAME, TRUNCATED_FRAME};

use super::BenchHarness;
use super::phase::method;

/// Why it is not known what an iteration allocates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// criterion sets up and runs each iteration by functions that nothing tells apart.
    Batches,
    /// The benchmark counts and times its iterations itself.
    Custom,
    /// Other threads allocate, and nothing tells whether for an iteration.
    Threads,
    /// Stacks do not reach their root.
    Stacks,
}

impl Why {
    /// The reason in words.
    pub fn text(self) -> &'static str {
        match self {
            Why::Batches => {
                "criterion's batches of one iteration (BatchSize::PerIteration, iter_with_setup, async ones) do not tell set-up \
                 from routine"
            }
            Why::Custom => "what iter_custom runs besides its iterations cannot be told",
            Why::Threads => "it allocates on other threads, and whether for an iteration cannot be told",
            Why::Stacks => "stacks of its allocations are cut or broken",
        }
    }
}

/// What allocated something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Iteration,
    Other,
    /// A thread with none of the harness's functions on its stack.
    Thread,
    Unknown(Why),
}

/// What a benchmark allocated in its iterations.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    iterations: Sum,
    threads: Sum,
    are_threads_the_programs: bool,
    starts_threads: bool,
    starts_threads_around: bool,
    starts_pool: bool,
    unknown: Option<Why>,
}

/// Allocations and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub allocations: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Sum {
    fn add(&mut self, other: Sum) {
        self.allocations = self.allocations.saturating_add(other.allocations);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

impl Tally {
    /// Adds what was allocated at a stack of function names, the innermost first. Without a harness it is libtest's.
    pub fn add(&mut self, harness: Option<BenchHarness>, stack: &[&str], sum: Sum) {
        let starts_thread = stack.iter().any(|name| starts_thread(name));
        match allocated_by(harness, stack) {
            By::Iteration => {
                self.iterations.add(sum);
                self.starts_threads |= starts_thread;
            }
            // Those on which divan runs the iterations say so by their stacks, but for what std allocates as they begin.
            By::Other if stack.iter().any(|name| owner(name).starts_with("divan::")) => {
                self.starts_pool |= starts_thread
            }
            By::Other => self.starts_threads_around |= starts_thread,
            By::Thread => {
                self.threads.add(sum);
                self.are_threads_the_programs |= stack.iter().any(|name| !is_library(name));
            }
            By::Unknown(why) => self.unknown = self.unknown.max(Some(why)),
        }
    }

    /// What all iterations together allocated.
    ///
    /// # Errors
    ///
    /// Why that is not known.
    pub fn of_iterations(self, harness: Option<BenchHarness>) -> Result<Sum, Why> {
        if let Some(why) = self.unknown {
            return Err(why);
        }
        let mut sum = self.iterations;
        if self.threads.allocations == 0 {
            return Ok(sum);
        }
        if harness == Some(BenchHarness::Criterion) {
            // Threads of warm-ups look like those of measured iterations. Where no iteration makes any, and none runs code
            // of the program, they are those with which criterion reckons.
            let are_criterions = !self.starts_threads && !self.are_threads_the_programs;
            return if are_criterions { Ok(sum) } else { Err(Why::Threads) };
        }
        match (self.starts_threads, self.starts_pool) {
            (true, false) if !self.starts_threads_around => sum.add(self.threads),
            (false, true) if !self.are_threads_the_programs => {}
            _ => return Err(Why::Threads),
        }
        Ok(sum)
    }
}

fn allocated_by(harness: Option<BenchHarness>, stack: &[&str]) -> By {
    let is_cut = stack.iter().any(|name| [TRUNCATED_FRAME, BROKEN_FRAME].contains(name));
    let by = match harness {
        None => stack.iter().any(|name| is_libtests_iter(name)).then_some(By::Iteration),
        Some(BenchHarness::Divan) => {
            if stack.iter().any(|name| is_divans_benched(name)) {
                Some(By::Iteration)
            } else {
                stack.iter().any(|name| owner(name).starts_with("divan::")).then_some(By::Other)
            }
        }
        // A warm-up may be in the part that was cut off.
        Some(BenchHarness::Criterion) if is_cut => None,
        Some(BenchHarness::Criterion) => by_criterion(stack),
    };
    match by {
        Some(by) => by,
        None if is_cut => By::Unknown(Why::Stacks),
        None if stack.iter().any(|name| *name == "main" || owner(name).starts_with("std::rt::lang_start")) => By::Other,
        None => By::Thread,
    }
}

fn is_libtests_iter(name: &str) -> bool {
    owner(name).starts_with("test::bench::Bencher") && method(owner(name)) == "iter"
}

/// Whether it is a closure in which divan calls the function that is measured; inputs are made by others.
fn is_divans_benched(name: &str) -> bool {
    const METHODS: [&str; 4] = ["bench_values", "bench_local_values", "bench_refs", "bench_local_refs"];
    owner(name).starts_with("divan::benchmark::Bencher") && is_closure(name) && METHODS.contains(&method(owner(name)))
}

fn by_criterion(stack: &[&str]) -> Option<By> {
    let is_of = |name: &str, module: &str| owner(name).starts_with(module);
    if !stack.iter().any(|name| is_of(name, "criterion::")) {
        return None;
    }
    if stack.iter().any(|name| is_of(name, "criterion::routine::") && method(owner(name)) == "warm_up") {
        return Some(By::Other);
    }
    let Some(inner) = stack.iter().position(|name| is_of(name, "criterion::bencher::")) else {
        return Some(By::Other);
    };
    let (name, called) = (stack[inner], inner.checked_sub(1).map(|index| stack[index]));
    let is_async = owner(name).starts_with("criterion::bencher::AsyncBencher");
    Some(match method(owner(name)) {
        // What an executor itself allocates is around the closure.
        "iter" if is_async && !is_closure(name) => By::Other,
        "iter" => By::Iteration,
        // The routine; the set-up that criterion puts before it does nothing.
        "iter_with_large_drop" if is_closure(name) => By::Iteration,
        "iter_custom" => By::Unknown(Why::Custom),
        // It makes the inputs.
        "iter_batched" | "iter_batched_ref" if !is_async && is_closure(name) => By::Other,
        "iter_batched" | "iter_batched_ref" if !is_async => match called.map(|called| method(owner(called))) {
            _ if called.is_some_and(|called| is_argument(name, ROUTINE, called)) => By::Iteration,
            _ if called.is_some_and(|called| is_argument(name, SET_UP, called)) => By::Other,
            // The routine runs while the outputs are gathered, for which there is room already.
            Some("extend") => By::Iteration,
            Some("collect" | "with_capacity") => By::Other,
            _ => By::Unknown(Why::Batches),
        },
        "iter_batched" | "iter_batched_ref" => By::Unknown(Why::Batches),
        _ => By::Other,
    })
}

/// Which of the generic arguments of `iter_batched<I, O, S, R>` make inputs and are measured.
const SET_UP: usize = 2;
const ROUTINE: usize = 3;

/// Whether the function `called` is the argument of this number of the generic function `name`. Names in the older form have
/// no arguments, and tell nothing.
fn is_argument(name: &str, number: usize, called: &str) -> bool {
    // Among arguments, a path is written as in a type.
    let called = called.replace("::<", "<");
    let argument = |arguments: &str| {
        let (mut depth, mut start, mut before) = (0_i32, 0, ' ');
        let mut all = Vec::new();
        for (at, character) in arguments.char_indices() {
            match character {
                '<' | '(' | '[' | '{' => depth += 1,
                '>' if before == '-' => {}
                '>' | ')' | ']' | '}' => depth -= 1,
                ',' if depth == 0 => {
                    all.push(arguments[start..at].trim());
                    start = at + 1;
                }
                _ => {}
            }
            before = character;
        }
        all.push(arguments[start..].trim());
        all.get(number).is_some_and(|argument| *argument == called)
    };
    let arguments = name.split_once("::iter_batched::<").or_else(|| name.split_once("::iter_batched_ref::<"));
    arguments.and_then(|(_, arguments)| arguments.strip_suffix('>')).is_some_and(argument)
}

/// The path of a function from its own crate on: of a method the type comes first.
fn owner(name: &str) -> &str {
    name.trim_start_matches(['<', '&'])
}

fn is_closure(name: &str) -> bool {
    // Among a function's arguments are closures as well.
    name.ends_with('}')
}

/// Whether it is a function that makes a thread. What the new one runs are closures in it.
fn starts_thread(name: &str) -> bool {
    !is_closure(name) && owner(name).starts_with("std::thread") && method(owner(name)).contains("spawn")
}

/// Whether it is a function of C, of Rust's own libraries, or of those by which criterion reckons on several threads.
fn is_library(name: &str) -> bool {
    const CRATES: [&str; 7] = ["core::", "alloc::", "std::", "rayon", "crossbeam", "criterion", "__rust"];
    let owner = owner(name);
    // A type that is not named leaves its trait.
    let path = match owner.split_once(" as ") {
        Some((of_type, of_trait)) if !of_type.contains("::") => of_trait,
        _ => owner,
    };
    !name.contains("::") || CRATES.iter().any(|library| path.starts_with(library))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Sum = Sum { allocations: 1, bytes: 8 };
    const MAIN: &str = "main";
    const BENCH: &str = "<criterion::routine::Function<M, F, T> as criterion::routine::Routine<M, T>>::bench";
    const WARM_UP: &str = "<criterion::routine::Function<M, F, T> as criterion::routine::Routine<M, T>>::warm_up";

    fn by(harness: Option<BenchHarness>, stack: &[&str]) -> By {
        allocated_by(harness, stack)
    }

    #[test]
    fn libtests_set_up_is_around_its_iterations() {
        let iter = "<test::bench::Bencher>::iter::<u64, b::tests::one::{closure#0}>";
        assert_eq!(
            by(None, &["malloc", "b::work", iter, "b::tests::one", "test::bench::run_once", MAIN]),
            By::Iteration
        );
        assert_eq!(by(None, &["malloc", "test::bench::Bencher::iter", MAIN]), By::Iteration);
        assert_eq!(by(None, &["malloc", "b::tests::one", "test::bench::Bencher::bench", MAIN]), By::Other);
        assert_eq!(by(None, &["malloc", "b::worker", "start_thread"]), By::Thread);
        assert_eq!(by(None, &["malloc", "b::deep", TRUNCATED_FRAME]), By::Unknown(Why::Stacks));
    }

    #[test]
    fn divans_inputs_are_not_of_the_iteration() {
        let divan = Some(BenchHarness::Divan);
        let sample = "<divan::benchmark::BenchContext>::sample_recorder::<I, O>::{closure#0}";
        let run = "<divan::benchmark::Bencher>::bench_values::<O, b::one::{closure#0}>";
        let benched = "divan::benchmark::Bencher<divan::benchmark::BencherConfig<GenI>>::bench_values::{{closure}}";
        assert_eq!(by(divan, &["malloc", "b::work", benched, sample, run, MAIN]), By::Iteration);
        assert_eq!(by(divan, &["malloc", "b::make_input", sample, run, MAIN]), By::Other);
        assert_eq!(by(divan, &["malloc", "b::work", benched, sample, "divan::thread_pool::spawn"]), By::Iteration);
    }

    #[test]
    fn criterions_batches_are_told_apart_as_far_as_can_be() {
        let criterion = Some(BenchHarness::Criterion);
        let within = |inner: &[&str]| by(criterion, &[&["malloc"], inner, &[BENCH, MAIN]].concat());
        let batched = "<criterion::bencher::Bencher<M>>::iter_batched::<I, O, S, b::run::{closure#1}>";
        let extend = "<alloc::vec::Vec<T> as core::iter::traits::collect::Extend<T>>::extend";
        assert_eq!(within(&["b::work", "criterion::bencher::Bencher<M>::iter"]), By::Iteration);
        assert_eq!(within(&["b::work", extend, batched]), By::Iteration);
        let set_up = "<criterion::bencher::Bencher<M>>::iter_batched::<I, O, S, R>::{closure#0}";
        assert_eq!(within(&["b::input", set_up, "core::iter::Iterator::collect", batched]), By::Other);
        assert_eq!(within(&["alloc::vec::Vec<T>::with_capacity", batched]), By::Other);
        assert_eq!(within(&["b::work", batched]), By::Unknown(Why::Batches));
        let of_one = "<criterion::bencher::Bencher>::iter_batched::<(A, fn() -> B), C<D, E>, b::run<F, G>::{closure#0}, \
                      b::run<F, G>::{closure#1}>";
        assert_eq!(within(&["b::work", "b::run::<F, G>::{closure#1}", of_one]), By::Iteration);
        assert_eq!(within(&["b::work", "b::run::<F, G>::{closure#0}", of_one]), By::Other);
        assert_eq!(within(&["b::work", "b::run::<F, G>::{closure#2}", of_one]), By::Unknown(Why::Batches));
        let large = "<criterion::bencher::Bencher<M>>::iter_with_large_drop::<O, R>::{closure#1}";
        assert_eq!(within(&["b::work", large, extend, batched]), By::Iteration);
        assert_eq!(within(&["b::work", "criterion::bencher::Bencher<M>::iter_custom"]), By::Unknown(Why::Custom));
        assert_eq!(within(&["b::prepare"]), By::Other);
        let warm = ["malloc", "b::work", "criterion::bencher::Bencher<M>::iter", WARM_UP, MAIN];
        assert_eq!(by(criterion, &warm), By::Other);
        let cut = ["malloc", "b::work", "criterion::bencher::Bencher<M>::iter", TRUNCATED_FRAME];
        assert_eq!(by(criterion, &cut), By::Unknown(Why::Stacks));
    }

    #[test]
    fn what_threads_allocate_counts_where_only_iterations_can_have_made_them() {
        let iter = "test::bench::Bencher::iter";
        let spawn = "std::thread::Builder::spawn_unchecked";
        let tally = |harness, stacks: &[&[&str]]| {
            let mut tally = Tally::default();
            stacks.iter().for_each(|stack| tally.add(harness, stack, ONE));
            tally.of_iterations(harness).map(|sum| sum.allocations)
        };
        let inside = "std::thread::Builder::spawn_unchecked::{{closure}}";
        let thread: &[&str] = &["malloc", "b::work", inside, "start_thread"];
        assert_eq!(tally(None, &[&[spawn, iter, MAIN], thread]), Ok(2));
        assert_eq!(tally(None, &[&[spawn, "b::tests::one", MAIN], thread]), Err(Why::Threads));
        let divan = Some(BenchHarness::Divan);
        let pool = [spawn, "divan::thread_pool::ThreadPool::broadcast", MAIN];
        assert_eq!(tally(divan, &[&pool, &["malloc", "std::thread::set_current", "start_thread"]]), Ok(0));
        assert_eq!(tally(divan, &[&pool, thread]), Err(Why::Threads));
        let benched = "divan::benchmark::Bencher::bench_values::{{closure}}";
        assert_eq!(tally(divan, &[&pool, &["malloc", benched, inside], &["std::thread::park", inside]]), Ok(1));
        let criterion = Some(BenchHarness::Criterion);
        let measured = ["malloc", "criterion::bencher::Bencher<M>::iter", BENCH, MAIN];
        assert_eq!(tally(criterion, &[&measured, thread]), Err(Why::Threads));
        assert_eq!(tally(criterion, &[&measured, &["malloc", "rayon_core::registry::main_loop", "clone"]]), Ok(1));
    }
}
