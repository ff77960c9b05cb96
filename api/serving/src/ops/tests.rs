use composition::testing::Core;

use super::*;

#[tokio::test]
async fn a_busy_server_that_keeps_up_is_ready() {
    let core = Core::open().await;
    let newest = core.make_organisations(50).await;
    let (status, body) = readiness(&core.progress, &*core.store).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(body["position"].as_u64() >= Some(newest.0), "{body}");
}
