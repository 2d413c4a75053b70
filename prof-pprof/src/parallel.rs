//! Work in parts, on all processors. Never decides what is worth it: that is for those to say who know the work.

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::mpsc;

/// What `work` makes of each of at most `most` parts of `0..count`, in their order.
pub(crate) fn in_parts<T: Send>(count: usize, most: usize, work: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    of_each(parts(count, most), work)
}

/// At most `most` parts of `0..count`, one a processor.
pub(crate) fn parts(count: usize, most: usize) -> Vec<Range<usize>> {
    let parts = match most {
        // To ask for the processors takes longer than a small profile does.
        0 | 1 => 1,
        most => std::thread::available_parallelism().map_or(1, usize::from).min(most),
    };
    (0..parts).map(|number| count * number / parts..count * (number + 1) / parts).collect()
}

/// What `work` makes of each part, on a thread each.
pub(crate) fn of_each<P: Send, T: Send>(parts: Vec<P>, work: impl Fn(P) -> T + Sync) -> Vec<T> {
    let work = &work;
    let mut parts = parts.into_iter();
    std::thread::scope(|scope| {
        let Some(first) = parts.next() else { return Vec::new() };
        let others: Vec<_> = parts.map(|part| scope.spawn(move || work(part))).collect();
        let first = work(first);
        // A panic of one is that of all.
        let others = others.into_iter().map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        std::iter::once(first).chain(others).collect()
    })
}

/// Hands the pieces that `make` makes over to `take`, until that fails; `make` is told whether more are wanted. If it is worth
/// a thread, some are made ahead.
pub(crate) fn hand_over<T: Send, E>(
    is_worth_a_thread: bool,
    make: impl FnOnce(&mut dyn FnMut(T) -> bool) + Send,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    if !is_worth_a_thread {
        let mut taken = Ok(());
        make(&mut |piece| {
            taken = take(piece);
            taken.is_ok()
        });
        return taken;
    }
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(AHEAD);
        scope.spawn(move || make(&mut |piece| sender.send(piece).is_ok()));
        receiver.into_iter().try_for_each(take)
    })
}

/// How many pieces are ahead at most.
const AHEAD: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_in_their_order_until_one_is_refused() {
        for is_worth_a_thread in [false, true] {
            let make = |give: &mut dyn FnMut(u32) -> bool| {
                let _ = (0..100).all(give);
            };
            let mut taken = Vec::new();
            let up_to_49 = |piece| {
                taken.push(piece);
                if piece == 49 { Err("enough") } else { Ok(()) }
            };
            assert_eq!(hand_over(is_worth_a_thread, make, up_to_49), Err("enough"));
            assert_eq!(taken, (0..50).collect::<Vec<_>>());
            let mut taken = Vec::new();
            let all = |piece| {
                taken.push(piece);
                Ok::<_, ()>(())
            };
            assert_eq!(hand_over(is_worth_a_thread, make, all), Ok(()));
            assert_eq!(taken, (0..100).collect::<Vec<_>>());
        }
    }

    #[test]
    fn parts_are_all_in_their_order() {
        for (count, most) in [(0, 0), (1, 1), (7, 2), (1000, 1000), (1, 5)] {
            let parts = in_parts(count, most, |part| part);
            assert!(parts.len() <= most.max(1));
            assert_eq!(parts.into_iter().flatten().collect::<Vec<_>>(), (0..count).collect::<Vec<_>>());
        }
    }
}
