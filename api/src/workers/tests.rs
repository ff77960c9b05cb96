use super::*;

#[tokio::test]
async fn a_task_that_ends_ends_the_server_unless_it_was_told_to_stop() {
    let (stop, mut workers) = (CancellationToken::new(), Workers::default());
    workers.start("projections", async {});
    let ended = workers.while_serving(std::future::pending(), stop.clone()).await;
    assert!(ended.expect_err("it is missed").to_string().contains("its projections"));

    stop.cancel();
    workers.start("projections", async {});
    let serving = async {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    };
    workers.while_serving(serving, stop).await.expect("it was to end");
}
