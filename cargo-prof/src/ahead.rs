//! Work that is done ahead: the next profiles are read while the one before is in use. Which profiles is for those to say who
//! read them.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};

/// So many are in the making at once: to use one takes about as long as to make it, and each takes memory.
const WORKERS: usize = 2;

/// What `make` makes of each item, in their order. The next ones are made meanwhile, on other threads; who goes away earlier
/// does not wait for them.
pub(crate) fn ahead<I: Send + 'static, T: Send + 'static>(
    items: Vec<I>,
    make: impl Fn(I) -> T + Send + Sync + 'static,
) -> Ahead<T> {
    let make = Arc::new(make);
    let mut hands: [Vec<I>; WORKERS] = Default::default();
    for (position, item) in items.into_iter().enumerate() {
        hands[position % WORKERS].push(item);
    }
    let workers = hands.map(|items| {
        let (sender, receiver) = mpsc::sync_channel(0);
        let make = Arc::clone(&make);
        // Nobody may listen any more.
        let work = move || drop(items.into_iter().try_for_each(|item| sender.send(make(item))));
        Worker { receiver, thread: Some(thread::spawn(work)) }
    });
    Ahead { workers, next: 0 }
}

/// See [`ahead`].
#[derive(Debug)]
pub(crate) struct Ahead<T> {
    /// Each makes every so many-th item.
    workers: [Worker<T>; WORKERS],
    /// Whose turn it is.
    next: usize,
}

#[derive(Debug)]
struct Worker<T> {
    receiver: Receiver<T>,
    thread: Option<JoinHandle<()>>,
}

impl<T> Iterator for Ahead<T> {
    type Item = T;

    /// If one has no more, none has.
    fn next(&mut self) -> Option<T> {
        let worker = &mut self.workers[self.next];
        let made = worker.receiver.recv().ok();
        if made.is_some() {
            self.next = (self.next + 1) % WORKERS;
        } else if let Some(Err(panic)) = worker.thread.take().map(JoinHandle::join) {
            resume_unwind(panic);
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_come_in_their_order() {
        for count in 0..6 {
            let expected: Vec<_> = (0..count).map(|item| item * 10).collect();
            assert_eq!(ahead((0..count).collect(), |item| item * 10).collect::<Vec<_>>(), expected);
        }
        let mut none = ahead(Vec::<u8>::new(), |item| item);
        assert_eq!((none.next(), none.next()), (None, None));
    }

    #[test]
    fn who_goes_away_does_not_wait() {
        let (sender, receiver) = mpsc::channel::<()>();
        let receiver = std::sync::Mutex::new(receiver);
        let mut made =
            ahead(vec![0, 1, 2], move |item| item == 0 || receiver.lock().is_ok_and(|it| it.recv().is_err()));
        assert_eq!(made.next(), Some(true));
        drop(made);
        // Only now the others can be made.
        drop(sender);
    }

    #[test]
    #[should_panic(expected = "in the making")]
    fn a_panic_is_passed_on() {
        ahead(vec![()], |()| panic!("in the making")).for_each(drop);
    }
}
