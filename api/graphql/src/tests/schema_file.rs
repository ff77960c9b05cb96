//! The schema in its own language, checked in for clients, and for everyone who reviews a change of it.

use async_graphql::SDLExportOptions;

use super::*;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql");

#[tokio::test]
async fn the_schema_is_the_one_that_is_checked_in() {
    let schema = crate::schema(parts(&Core::open().await).await);
    let now = schema.sdl_with_options(SDLExportOptions::new().prefer_single_line_descriptions());
    let now = format!("{}\n", now.trim());
    if std::env::var_os("RENEW_GRAPHQL_SCHEMA").is_some() {
        fs::write(FILE, &now).expect("written");
    }
    let checked_in = fs::read_to_string(FILE).unwrap_or_default();
    let differs = now.lines().zip(checked_in.lines()).find(|(now, before)| now != before);
    assert!(
        now == checked_in,
        "the schema is no longer that of api/graphql/schema.graphql, from {differs:?} on. If that is meant, renew the file: \
         RENEW_GRAPHQL_SCHEMA=1 cargo test -p graphql schema_file"
    );
}
