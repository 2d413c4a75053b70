//! Story: a program that does what a profiler's signals hurt most easily (it forks, executes, loads libraries, panics, sorts
//! by callbacks, blocks, makes threads) and checks every result. It ends well at any rate, and hardly a stack is lost.
//! A larger dose is `bin/torture.rs`.

use prof_tests::Project;

/// How many samples may lack a whole stack.
const FEW: f64 = 0.001;

#[test]
fn the_cpu_and_every_allocation() {
    survives("999", "1", "3");
}

#[test]
fn the_cpu_as_often_as_it_goes() {
    survives("20000", "524288", "5");
}

fn survives(cpu_rate: &str, heap_rate: &str, seconds: &str) {
    let project = Project::of("torture");
    let arguments = ["run", "--release", "--quiet", "--", "4", seconds];
    let plain = project.cargo(&arguments).succeeded();
    let rates = ["--cpuprofilerate", cpu_rate, "--memprofilerate", heap_rate];
    plain.assert_same(&project.profiled_with(&arguments, &rates, |_| ()));

    for (profile, kind) in [(project.cpu_profile(), "samples"), (project.heap_profile(), "alloc_objects")] {
        let all = profile.all().total(kind) as f64;
        for (fault, count) in [
            ("without a root", profile.all().without_root().total(kind)),
            ("lost", profile.all().through("[lost]").total(kind)),
        ] {
            let share = count as f64 / all;
            assert!(share <= FEW, "{share} of {all} {kind} {fault}: {}", profile.comments());
        }
    }
}
