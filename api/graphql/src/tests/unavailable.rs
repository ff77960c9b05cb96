//! What GraphQL answers when the event log does not.

use super::*;

#[tokio::test]
async fn a_log_that_does_not_answer_is_unavailable_and_no_fault_of_ours() {
    let api = Api::open().await;
    let event = text(&api.ask("{ events(first: 1) { events { id } } }").await["events"]["events"][0]["id"]);

    api.core.store.close().await;
    for query in [
        "{ events { events { id } } }".to_owned(),
        format!("{{ chain(event: \"{event}\") {{ id }} }}"),
        "mutation { createOrganisation(name: \"late\") { name } }".to_owned(),
        "mutation { issueFeedToken(organisation: \"late\", name: \"berlin\") { id } }".to_owned(),
        "mutation { addOperator(name: \"Ann\", email: \"ann@example.org\") { token } }".to_owned(),
    ] {
        let refused = api.answer(&query).await;
        let error = &refused["errors"][0];
        assert_eq!(error["extensions"]["code"], "unavailable", "{query}: {refused}");
        let message = error["message"].as_str().expect("a text");
        assert!(message.starts_with("the event log cannot be "), "{query}: {message}");
    }
}
