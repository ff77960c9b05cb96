//! Workers that look for what there is to do, and rows that name their time.

use super::*;

/// Does not read the log: a test says what there is to do.
struct Looks {
    wanted: watch::Sender<BTreeSet<u32>>,
    done: watch::Sender<Vec<u32>>,
    next: Next,
}

impl Worker for Looks {
    type Key = u32;
    type Item = ();

    fn spec(&self) -> Spec {
        Spec::looking("looks")
    }

    fn look(&self, items: &mut Items<u32, ()>) {
        let wanted = self.wanted.borrow();
        items.retain(|key, ()| wanted.contains(key));
        wanted.iter().for_each(|key| items.insert(*key, ()));
    }

    fn wake(&self) -> BoxStream<'static, ()> {
        on_change(self.wanted.subscribe())
    }

    fn act(self: Arc<Self>, key: &u32, _: &mut Items<u32, ()>) -> Option<Action> {
        let key = *key;
        Some(
            async move {
                assert!(key != 13, "a defect");
                self.done.send_modify(|done| done.push(key));
                Ok(self.next)
            }
            .boxed(),
        )
    }
}

#[tokio::test]
async fn a_worker_can_look_for_what_there_is_to_do_without_reading_the_log() {
    let log = Log::new().await;
    let (wanted, done) = (watch::Sender::new(BTreeSet::from([1])), watch::Sender::default());
    let worker = Arc::new(Looks { wanted, done, next: Next::Idle });
    let mut started = log.start(worker.clone()).await;
    let mut done = worker.done.subscribe();
    let mut reached = async |expected: &[u32]| {
        let so = timeout(SOON, done.wait_for(|done| done == expected)).await;
        assert!(so.is_ok_and(|so| so.is_ok()), "{expected:?}: {:?}", worker.done.borrow());
    };
    reached(&[1]).await;
    // What is idle is not done again because something else is.
    worker.wanted.send_replace(BTreeSet::from([1, 2]));
    reached(&[1, 2]).await;
    // What was not wanted for a while is.
    worker.wanted.send_replace(BTreeSet::from([2, 3]));
    reached(&[1, 2, 3]).await;
    worker.wanted.send_replace(BTreeSet::from([1, 2, 3]));
    reached(&[1, 2, 3, 1]).await;
    // A defect is a failure like any other.
    worker.wanted.send_replace(BTreeSet::from([4, 13]));
    reached(&[1, 2, 3, 1, 4]).await;
    started.until(|status| status.failures > 0).await;
}

#[tokio::test]
async fn a_row_may_name_the_time_at_which_it_is_acted_on_again() {
    let log = Log::new().await;
    let (wanted, done) = (watch::Sender::new(BTreeSet::from([1])), watch::Sender::default());
    let next = Next::At(Instant::now() + Duration::from_millis(20));
    let worker = Arc::new(Looks { wanted, done, next });
    let _started = log.start(worker.clone()).await;
    let mut done = worker.done.subscribe();
    let twice = timeout(SOON, done.wait_for(|done| done.len() >= 2)).await.is_ok();
    assert!(twice, "it is acted on when it is time");
}
