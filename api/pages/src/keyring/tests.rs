use api_http::tokens;
use axum::http::StatusCode;
use chrono::TimeDelta;
use commands::rolls::HandedOver;
use domain::{
    ids::{AccessKeyId, RepositoryId},
    keyring::{Command, EnrolmentLimits, Keyring, Terms, WindowEnd},
    recorded::Actor,
    token::{Token, TokenKind},
};
use event_log::execute::Context;

use crate::testing::Site;

const PAGE: &str = "/repos/acme/debs";

/// A site whose repository has keys.
struct Ring {
    site: Site,
    cookie: String,
    repository: RepositoryId,
}

impl Ring {
    async fn open() -> Self {
        let site = Site::open().await;
        site.fill("fine").await;
        let repository = RepositoryId::named(&"acme".parse().expect("a name"), &"debs".parse().expect("a name"));
        Self { cookie: site.session().await, site, repository }
    }

    async fn issue(&self, name: &str, terms: Terms) -> AccessKeyId {
        let token = tokens::issue(TokenKind::AccessKey);
        let (key, now) = (AccessKeyId(token.id()), self.site.core.executor.now());
        let (name, secret_sha256) = (name.parse().expect("a name"), token.secret_sha256());
        let issue = Command::IssueAccessKey { key, name, secret_sha256, terms, now };
        self.site.execute::<Keyring>(self.repository.0, issue).await;
        key
    }

    async fn handed(&self, key: AccessKeyId, machine: Option<&str>) -> Token {
        let machine = machine.map(|name| name.parse().expect("a name"));
        let context = Context::of(Actor::CommandLine);
        let handed = self.site.rolls.hand_over(self.repository, key, machine, &context).await;
        let HandedOver::Other(token, _) = handed.expect("handed over") else { panic!("the same key") };
        token
    }

    async fn shows(&self, texts: &[&str]) {
        let page = self.site.get(PAGE, &self.cookie).await;
        assert_eq!(page.status, StatusCode::OK);
        let words = page.text.split_whitespace().collect::<Vec<_>>().join(" ");
        for text in texts {
            assert!(words.contains(text), "{text}: {}", page.text);
        }
        assert!(!page.text.contains("pkd_"), "a key is shown");
    }
}

#[tokio::test]
async fn a_repositorys_page_shows_its_keys_and_how_far_a_roll_has_come() {
    let ring = Ring::open().await;
    let Site { core, rolls, .. } = &ring.site;
    let now = core.executor.now();
    ring.issue("laptops", Terms::Shared { expires_at: None }).await;
    let limits = EnrolmentLimits { expires_at: now + TimeDelta::days(30), enrols_max: 9 };
    let fleet = ring.issue("fleet", Terms::Enrolment(limits)).await;
    let mut machines = Vec::new();
    for name in ["web-1", "web-2", "web-3"] {
        machines.push(AccessKeyId(ring.handed(fleet, Some(name)).await.id()));
    }
    let context = Context::of(Actor::CommandLine);
    let opened = rolls.open_grace(ring.repository, None, now + TimeDelta::hours(3), &context).await;
    core.progress.wait_for(opened.expect("a window").position).await.expect("shown");
    ring.shows(&["0 of 3 machines moved", "3 not seen since", "laptops", "shared", "3 of 9 enrolled", "Generation 2"])
        .await;

    let renewed = ring.handed(machines[0], None).await;
    ring.handed(machines[2], None).await;
    let moved = Command::RecordMoved { key: AccessKeyId(renewed.id()) };
    ring.site.execute::<Keyring>(ring.repository.0, moved).await;
    ring.shows(&["1 of 3 machines moved", "2 not seen since", "Old and new keys both work for", "delivered, not used"])
        .await;
    let cut = Command::CloseGrace { generation: 2, because: WindowEnd::Cut, now: core.executor.now() };
    ring.site.execute::<Keyring>(ring.repository.0, cut).await;
    ring.shows(&[
        "1 of 3 machines moved",
        "The grace window closed",
        "it was closed early",
        "Older keys no longer work",
    ])
    .await;
}

#[test]
fn the_time_left_is_told_in_days_while_there_are_two() {
    use super::left;
    assert_eq!(left(TimeDelta::days(7) - TimeDelta::seconds(1)), "6 days");
    assert_eq!(left(TimeDelta::days(2)), "2 days");
    assert_eq!(left(TimeDelta::hours(47)), "47 h 0 min");
}
