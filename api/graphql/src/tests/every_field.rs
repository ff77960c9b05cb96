//! No query and no mutation is without a test.

use super::*;

const STORIES: [&str; 15] = [
    include_str!("access_key.rs"),
    include_str!("api_token.rs"),
    include_str!("audit.rs"),
    include_str!("feed_token.rs"),
    include_str!("fetch.rs"),
    include_str!("github.rs"),
    include_str!("limits.rs"),
    include_str!("operator.rs"),
    include_str!("organisation.rs"),
    include_str!("project.rs"),
    include_str!("release.rs"),
    include_str!("repository.rs"),
    include_str!("signing_key.rs"),
    include_str!("snapshot.rs"),
    include_str!("yank.rs"),
];

#[tokio::test]
async fn every_query_and_every_mutation_is_asked_by_a_test() {
    let api = Api::open().await;
    let fields = "{ __schema { queryType { fields { name } } mutationType { fields { name } } } }";
    let schema = api.ask(fields).await["__schema"].take();
    let mut untested = Vec::new();
    for of in ["queryType", "mutationType"] {
        let fields = each(&schema[of]["fields"], "name");
        assert!(fields.len() > 10, "{fields:?}");
        let is_asked = |field: &str| {
            let mut words = STORIES.iter().flat_map(|story| story.split(|c: char| !c.is_alphanumeric()));
            words.any(|word| word == field)
        };
        untested.extend(fields.into_iter().filter(|field| !is_asked(field)));
    }
    assert!(untested.is_empty(), "no test asks {untested:?}");
}
