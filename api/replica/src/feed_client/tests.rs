use std::sync::Arc;

use domain::token::Token;
use tempfile::TempDir;

use super::*;
use crate::feed::testing::{Lie, Listening, World, name};

/// The entry that names the package.
const PACKAGED: u64 = 3;

/// A server with a package of nine bytes, and a place for what comes from it.
struct Place {
    world: World,
    folder: TempDir,
    token: Token,
    package: Sha256,
}

impl Place {
    async fn new() -> Self {
        let world = World::new().await;
        let token = world.token("acme").await;
        let package = world.add_package("acme", "a package").await;
        world.shows().await;
        Self { world, folder: TempDir::new().expect("a folder"), token, package }
    }

    fn address(&self, server: &Listening, token_file: PathBuf) -> FeedAddress {
        FeedAddress { server: server.url.clone(), organisation: name("acme"), token_file, proxy: None }
    }

    fn client(&self, server: &Listening) -> FeedClient {
        let token_file = self.folder.path().join("token");
        std::fs::write(&token_file, self.token.text()).expect("written");
        FeedClient::new(http_client(None).expect("a client"), &self.address(server, token_file)).expect("a token")
    }
}

#[tokio::test]
async fn a_blob_that_does_not_end_is_not_read_to_its_end() {
    let place = Place::new().await;
    let server = place.world.listen().await;
    let (client, to) = (place.client(&server), place.folder.path().join("blob"));
    let refused = client.blob(PACKAGED, place.package, &to, 8).await.expect_err("it has nine bytes");
    assert!(matches!(refused, ReplicaError::Feed(FeedError::TooLong { limit_bytes: 8, .. })), "{refused}");
    let names =
        std::fs::read_dir(place.folder.path()).expect("a folder").map(|entry| entry.expect("a file").file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["token"], "nothing of it stays");
    assert!(client.blob(PACKAGED, place.package, &to, 9).await.expect("it comes"));
    assert_eq!(std::fs::read(&to).expect("a file"), b"a package");
}

#[tokio::test]
async fn so_much_of_what_a_server_complains_of_is_repeated() {
    let place = Place::new().await;
    let complaint = |chars: usize| format!(r#"{{"code":"log_is_shorter","detail":"\u001b{}"}}"#, "é".repeat(chars));
    for (length, shown) in [(DETAIL_MAX_CHARS, DETAIL_MAX_CHARS), (DETAIL_MAX_CHARS + 1, DETAIL_MAX_CHARS)] {
        let lie: Lie = Arc::new(move |_, _| complaint(length).into());
        let server = place.world.listen_lying(lie).await;
        let answered = place.client(&server).page(1_000, 0, 0).await.map(|_| ()).expect_err("the log is shorter");
        let FeedError::Answered { code, detail, .. } = answered else { panic!("{answered}") };
        assert_eq!((code.as_str(), detail), ("log_is_shorter", "é".repeat(shown)));
    }
    let lie: Lie = Arc::new(move |_, _| complaint(PROBLEM_MAX_BYTES).into());
    let server = place.world.listen_lying(lie).await;
    let answered = place.client(&server).page(1_000, 0, 0).await.map(|_| ()).expect_err("the log is shorter");
    let FeedError::Answered { status, code, detail } = answered else { panic!("{answered}") };
    assert_eq!((status, code.as_str(), detail.as_str()), (StatusCode::CONFLICT, "", ""), "it is not read to its end");
}

#[tokio::test]
async fn a_file_of_a_token_is_not_read_to_its_end() {
    let place = Place::new().await;
    let server = place.world.listen().await;
    let blanks = |count: u64| " ".repeat(usize::try_from(count).expect("not so many"));
    let text = place.token.text();
    let path = place.folder.path().join("blanks");
    let far = TOKEN_FILE_MAX_BYTES - text.len() as u64;
    for (blanks_before, has_token) in [(far, true), (far + 1, false)] {
        std::fs::write(&path, format!("{}{text}{}", blanks(blanks_before), blanks(9))).expect("written");
        let client = FeedClient::new(http_client(None).expect("a client"), &place.address(&server, path.clone()));
        assert_eq!(client.is_ok(), has_token, "{blanks_before}");
    }
    let endless = place.address(&server, "/dev/zero".into());
    let refused = FeedClient::new(http_client(None).expect("a client"), &endless).map(|_| ());
    assert!(matches!(refused, Err(FeedError::NoToken { .. })), "{refused:?}");
}
