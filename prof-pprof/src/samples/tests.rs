//! What can be done to samples in columns. How they are kept is in `samples.rs`.

use super::*;

fn stack(positions: &[usize]) -> Vec<LocationIndex> {
    positions.iter().map(|position| LocationIndex::new(*position)).collect()
}

fn samples() -> Samples {
    let (a, b) = (Label::text("test", "a"), Label::text("test", "b"));
    let stacks = [stack(&[0, 1]), stack(&[2]), stack(&[]), stack(&[3, 4, 5])];
    let rows = stacks.iter().zip([[1, 10], [2, 20], [3, 30], [4, 40]]).zip([vec![a.clone()], vec![], vec![b], vec![a]]);
    let mut samples = Samples::default();
    for ((locations, values), labels) in rows {
        samples.push(Sample { locations, values: &values, labels: &labels });
    }
    samples
}

fn text(samples: &Samples) -> Vec<String> {
    let row = |sample: Sample<'_>| {
        let stack: Vec<_> = sample.locations.iter().map(|location| location.position()).collect();
        let labels: Vec<_> = sample.labels.iter().map(|label| format!("{:?}", label.value)).collect();
        format!("{stack:?} {:?} {}", sample.values, labels.join(","))
    };
    samples.iter().map(row).collect()
}

#[test]
fn what_was_put_in_comes_out() {
    let expected =
        [r#"[0, 1] [1, 10] Text("a")"#, "[2] [2, 20] ", r#"[] [3, 30] Text("b")"#, r#"[3, 4, 5] [4, 40] Text("a")"#];
    assert_eq!(text(&samples()), expected);
    assert_eq!(samples().iter().collect::<Samples>(), samples());
    assert_eq!((samples().len(), samples().width(), Samples::default().width()), (4, 2, 0));
    let sets: Vec<_> = samples().label_sets().map(<[Label]>::len).collect();
    assert_eq!(sets, [1, 0, 1]);
}

#[test]
fn some_are_kept() {
    let mut some = samples();
    some.retain(|sample| sample.values[0] % 2 == 0);
    assert_eq!(text(&some), ["[2] [2, 20] ", r#"[3, 4, 5] [4, 40] Text("a")"#]);
    assert_eq!(some.label_sets().count(), 2);
    some.keep_values(&[1]);
    assert_eq!(text(&some), ["[2] [20] ", r#"[3, 4, 5] [40] Text("a")"#]);
    some.retain(|_| false);
    assert_eq!((some.len(), some.label_sets().count()), (0, 0));
}

#[test]
fn stacks_shrink_and_grow() {
    let mut changed = samples();
    changed.retain_mut(|sample| {
        sample.locations.truncate(1);
        sample.values[1] += 1;
        !sample.locations.is_empty()
    });
    assert_eq!(text(&changed), [r#"[0] [1, 11] Text("a")"#, "[2] [2, 21] ", r#"[3] [4, 41] Text("a")"#]);
    let mut grown = samples();
    grown.for_each_mut(|sample| {
        let length = sample.locations.len();
        // First shorter, then longer than what was read so far.
        if length == 2 { sample.locations.clear() } else { sample.locations.extend(stack(&[7; 5])) }
    });
    let stacks: Vec<_> = grown.iter().map(|sample| sample.locations.len()).collect();
    assert_eq!(stacks, [0, 6, 5, 8]);
    assert_eq!(grown.at(3).locations, stack(&[3, 4, 5, 7, 7, 7, 7, 7]));
}

#[test]
fn labels_are_changed_once_for_each_set() {
    let mut labelled = samples();
    let mut calls = 0;
    labelled.map_labels(|labels| {
        calls += 1;
        let mut labels = labels.to_vec();
        labels.pop();
        labels
    });
    assert_eq!((calls, labelled.label_sets().count()), (3, 1));
    labelled.set_labels(2, &[Label::number("n", 1, "")]);
    assert_eq!(labelled.at(2).labels, [Label::number("n", 1, "")]);
    assert!(labelled.at(3).labels.is_empty());
}
