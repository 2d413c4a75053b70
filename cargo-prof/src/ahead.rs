//! Work that is done ahead: the next profile is read while the one before is in use. Which profiles is for those to say who
//! read them.

use std::panic::resume_unwind;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};

/// What `make` makes of each item, in their order. The next one is made meanwhile, on another thread; who goes away earlier
/// does not wait for it.
pub(crate) fn ahead<I: Send + 'static, T: Send + 'static>(
    items: Vec<I>,
    mut make: impl FnMut(I) -> T + Send + 'static,
) -> Ahead<T> {
    let (sender, receiver) = mpsc::sync_channel(0);
    let work = move || {
        // Nobody may listen any more.
        let _ = items.into_iter().try_for_each(|item| sender.send(make(item)));
    };
    Ahead { receiver, thread: Some(thread::spawn(work)) }
}

/// See [`ahead`].
#[derive(Debug)]
pub(crate) struct Ahead<T> {
    receiver: Receiver<T>,
    thread: Option<JoinHandle<()>>,
}

impl<T> Iterator for Ahead<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let next = self.receiver.recv().ok();
        if next.is_none()
            && let Some(Err(panic)) = self.thread.take().map(JoinHandle::join)
        {
            resume_unwind(panic);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_come_in_their_order() {
        assert_eq!(ahead(vec![1, 2, 3], |item| item * 10).collect::<Vec<_>>(), [10, 20, 30]);
        assert_eq!(ahead(Vec::<u8>::new(), |item| item).next(), None);
    }

    #[test]
    fn who_goes_away_does_not_wait() {
        let (sender, receiver) = mpsc::channel::<()>();
        let mut made = ahead(vec![0, 1], move |item| if item == 1 { receiver.recv().is_err() } else { true });
        assert_eq!(made.next(), Some(true));
        drop(made);
        // Only now the second can be made.
        drop(sender);
    }

    #[test]
    #[should_panic(expected = "in the making")]
    fn a_panic_is_passed_on() {
        ahead(vec![()], |()| panic!("in the making")).for_each(drop);
    }
}
