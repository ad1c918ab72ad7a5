//! One piece of work for everybody who wants its result at the same time.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use parking_lot::Mutex;

/// Work in progress by key. A result is shared by those who wait for it and forgotten afterwards; work that nobody
/// waits for any more is dropped.
pub(super) struct Flights<K, T: Clone> {
    running: Mutex<HashMap<K, WeakShared<BoxFuture<'static, T>>>>,
}

impl<K, T: Clone> Default for Flights<K, T> {
    fn default() -> Self {
        Self {
            running: Mutex::new(HashMap::new()),
        }
    }
}

impl<K, T: Clone> fmt::Debug for Flights<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights")
            .field("running", &self.running.lock().len())
            .finish()
    }
}

impl<K: Eq + Hash, T: Clone> Flights<K, T> {
    /// Joins the work under `key`, or starts it.
    pub fn join(
        &self,
        key: K,
        start: impl FnOnce() -> BoxFuture<'static, T>,
    ) -> Shared<BoxFuture<'static, T>> {
        let mut running = self.running.lock();
        if let Some(shared) = running.get(&key).and_then(WeakShared::upgrade)
            && shared.peek().is_none()
        {
            return shared;
        }
        running.retain(|_, work| work.upgrade().is_some_and(|work| work.peek().is_none()));
        let shared = start().shared();
        if let Some(weak) = shared.downgrade() {
            running.insert(key, weak);
        }
        shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn those_who_ask_at_once_share_and_those_who_ask_later_do_not() {
        let flights: Flights<&str, usize> = Flights::default();
        let runs = Arc::new(AtomicUsize::new(0));
        let work = || {
            let runs = Arc::clone(&runs);
            async move {
                tokio::task::yield_now().await;
                runs.fetch_add(1, Ordering::SeqCst) + 1
            }
            .boxed()
        };
        let (one, two) = (flights.join("a", work), flights.join("a", work));
        let other = flights.join("b", work);
        let (one, two, _) = futures::join!(one, two, other);
        assert_eq!(one, two);
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        assert_eq!(flights.join("a", work).await, 3);
    }

    #[tokio::test]
    async fn a_caller_that_leaves_does_not_take_the_work_along() {
        let flights: Flights<(), u8> = Flights::default();
        let (send, receive) = tokio::sync::oneshot::channel::<u8>();
        let mut leaver = flights.join((), || async move { receive.await.unwrap_or(0) }.boxed());
        let stayer = flights.join((), || async { 0 }.boxed());
        assert!(futures::poll!(&mut leaver).is_pending());
        drop(leaver);
        send.send(7).unwrap();
        assert_eq!(stayer.await, 7);
    }
}
