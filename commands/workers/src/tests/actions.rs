//! Actions that take their time: which run at once, and what changes meanwhile.

use super::*;

/// Follows organisations, and does what a test says.
struct Waits {
    spec: Spec,
    begun: watch::Sender<Vec<Uuid>>,
    dropped: watch::Sender<usize>,
    go_on: Arc<Notify>,
}

/// Counts what is dropped before its end.
struct Unfinished<'a>(&'a watch::Sender<usize>, bool);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if !self.1 {
            self.0.send_modify(|count| *count += 1);
        }
    }
}

impl Waits {
    fn new(spec: Spec) -> Arc<Self> {
        let (begun, dropped) = (watch::Sender::default(), watch::Sender::default());
        Arc::new(Self { spec, begun, dropped, go_on: Arc::default() })
    }

    async fn begun(&self, count: usize) -> Vec<Uuid> {
        let mut begun = self.begun.subscribe();
        let enough = begun.wait_for(|begun| begun.len() >= count);
        timeout(SOON, enough).await.expect("they begin").expect("it is there").clone()
    }
}

impl Worker for Waits {
    type Key = Uuid;
    type Item = EventId;

    fn spec(&self) -> Spec {
        self.spec.clone()
    }

    fn fold(&self, recorded: &Recorded<Event>, items: &mut Items<Uuid, EventId>) {
        items.insert(recorded.stream.id(), recorded.event_id);
    }

    fn act(self: Arc<Self>, key: &Uuid, _: &mut Items<Uuid, EventId>) -> Option<Action> {
        let key = *key;
        Some(
            async move {
                let mut unfinished = Unfinished(&self.dropped, false);
                self.begun.send_modify(|begun| begun.push(key));
                self.go_on.notified().await;
                unfinished.1 = true;
                Ok(Next::Idle)
            }
            .boxed(),
        )
    }
}

#[tokio::test]
async fn a_row_that_changes_while_its_action_runs_is_acted_on_once_more() {
    let log = Log::new().await;
    let worker = Waits::new(Spec::following("waits", 1, [CREATED]));
    let mut started = log.start(worker.clone()).await;
    log.create(0).await;
    worker.begun(1).await;
    log.create(0).await;
    started.until(|status| status.position == Position(2)).await;
    assert_eq!(worker.begun.borrow().len(), 1, "never two at the same time");
    worker.go_on.notify_one();
    worker.begun(2).await;
    worker.go_on.notify_one();
    started.done(Position(2)).await;
    assert_eq!((worker.begun.borrow().len(), *worker.dropped.borrow()), (2, 0));
}

#[tokio::test]
async fn a_row_that_changes_stops_its_action_if_the_worker_wants_it() {
    let log = Log::new().await;
    let spec = Spec { stops_when_changed: true, ..Spec::following("waits", 1, [CREATED]) };
    let worker = Waits::new(spec);
    let _started = log.start(worker.clone()).await;
    log.create(0).await;
    worker.begun(1).await;
    log.create(0).await;
    worker.begun(2).await;
    assert_eq!(*worker.dropped.borrow(), 1);
}

#[tokio::test]
async fn no_more_actions_run_at_once_than_the_worker_wants() {
    let log = Log::new().await;
    for organisation in 0..5 {
        log.create(organisation).await;
    }
    let worker = Waits::new(Spec { at_once_max: 2, ..Spec::following("waits", 1, [CREATED]) });
    let mut started = log.start(worker.clone()).await;
    for ended in 0..5 {
        let expected = (ended + 2).min(5);
        assert_eq!(worker.begun(expected).await.len(), expected);
        worker.go_on.notify_one();
    }
    started.done(Position(5)).await;
    assert_eq!(worker.begun.borrow().iter().collect::<BTreeSet<_>>().len(), 5);
}
