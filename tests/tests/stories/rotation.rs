//! The rotation drill: real apt, dnf and zypper that know the old key, the new one or both, at every state of a rotation
//! and after a theft. What they did is the table in `docs/reference/rotation-drill.md`; `PKGDEPLOY_WRITE_DOCS=1` writes it.

use std::{fmt::Write as _, fs, path::PathBuf, time::Duration};

use stories::{Format, MadeRepository, Project, Server, StartOptions, Team, text};

mod client;
mod expected;

use self::{
    client::{Client, Knows, Manager, Tried},
    expected::{Expected, State, expected},
};

const ORGANISATION: &str = "acme";
const YUM: &str = "enterprise-linux";
/// Signing a few packages again takes less than a second; this is for a busy machine.
const RESIGNED_WITHIN: Duration = Duration::from_secs(60);

/// One line of the table: a client at a state of the rotation.
struct Line {
    state: State,
    manager: Manager,
    knows: Knows,
    tried: Tried,
    expected: Expected,
}

/// A server on which a rotation is drilled, and the clients.
struct Drill {
    server: Server,
    team: Team,
    apt: MadeRepository,
    yum: MadeRepository,
    clients: Vec<Client>,
    lines: Vec<Line>,
}

impl Drill {
    /// `settings` are lines of the configuration file.
    async fn set_up(settings: &str) -> Self {
        let server = Server::start_with(&StartOptions { tables: settings.to_owned(), ..StartOptions::default() });
        let team = server.operator();
        team.create_organisation(ORGANISATION).await;
        let apt = team.create_repository(ORGANISATION, "debian", Format::Deb).await;
        let yum = team.create_repository(ORGANISATION, YUM, Format::Rpm).await;
        Self { server, team, apt, yum, clients: Vec::new(), lines: Vec::new() }
    }

    /// Releases a package in both formats: it has the signatures of this moment, whatever its name.
    async fn release(&self, name: &str) {
        let source = Project::small_in_both_formats(name).tag("v1.0.0");
        let project = self.team.create_project(ORGANISATION, name, &source.source()).await;
        self.team.released(&project, "v1.0.0").await;
    }

    async fn step(&self, mutation: &str) {
        self.team.graphql(&format!("mutation {{ {mutation} {{ epoch }} }}")).await;
    }

    /// A step in the wrong order changes nothing and says why.
    async fn refused(&self, mutation: &str, code: &str) {
        let before = self.team.graphql("{ signingKeys { epoch state } }").await;
        let answer = self.team.graphql_answer(&format!("mutation {{ {mutation} {{ epoch }} }}")).await;
        assert_eq!(text(&answer, "/errors/0/extensions/code"), code, "{mutation}: {answer:#}");
        assert_eq!(self.team.graphql("{ signingKeys { epoch state } }").await, before, "{mutation}");
    }

    async fn fingerprint(&self, epoch: usize) -> String {
        let keys = self.team.graphql("{ signingKeys { fingerprint } }").await;
        text(&keys, &format!("/signingKeys/{}/fingerprint", epoch - 1))
    }

    /// The digest of a package's rpm: signing it again makes another file.
    async fn digest_of(&self, package: &str) -> String {
        let document = format!(
            "{{ repository(organisation: \"{ORGANISATION}\", name: \"{YUM}\") {{ packages {{ name sha256 }} }} }}"
        );
        let found = self.team.graphql(&document).await;
        let packages = found["repository"]["packages"].as_array().cloned().unwrap_or_default();
        let its = packages.iter().find(|one| one["name"] == package);
        text(its.unwrap_or_else(|| panic!("{package} is not in {found:#}")), "/sha256")
    }

    /// A key's end is shown to operators, and recorded in the log.
    async fn shows_the_keys_end(&self) {
        let log = self.server.event_log().await;
        log.wait_for("signing-key.expiry_near", 0).await;
        log.close().await;
        let health = self.team.get("/healthz").await;
        assert_eq!(health.status.as_u16(), 200, "{}", health.text());
        let key = health.json()["signing_keys"][0].clone();
        assert_eq!((&key["epoch"], &key["days_left"]), (&1.into(), &19.into()), "{key:#}");
        assert!(text(&key, "/warning").contains("rotate"), "{key:#}");
        let metrics = self.team.get("/metrics").await.text();
        assert!(metrics.contains("pkgdeploy_signing_key_days_left{epoch=\"1\"} 19"), "{metrics}");
    }

    /// The armored certificates that the server offers, oldest first.
    async fn certificates(&self) -> Vec<String> {
        let all = self.team.get("/pkgdeploy_gpg.asc").await.text();
        let end = "-----END PGP PUBLIC KEY BLOCK-----\n";
        all.split_inclusive(end).map(str::to_owned).collect()
    }

    /// Machines of every kind that only their installer ever touched.
    fn install(&mut self) {
        for manager in Manager::ALL {
            let client = Client::installed(manager, self.repository(manager));
            self.clients.push(client);
        }
    }

    fn repository(&self, manager: Manager) -> &MadeRepository {
        if manager == Manager::Apt { &self.apt } else { &self.yum }
    }

    async fn position(&self) -> i64 {
        let log = self.server.event_log().await;
        let position = log.position().await;
        log.close().await;
        position
    }

    /// Waits until both repositories have a package that brings what machines are to trust since `position`.
    async fn wait_for_installers(&self, position: i64) {
        let log = self.server.event_log().await;
        let published = async {
            let is_published = |name: &&String| *name == "keyring.installer_published";
            while log.names_after(position).await.iter().filter(is_published).count() < 2 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(RESIGNED_WITHIN, published).await.expect("both repositories have a new installer");
        log.close().await;
    }

    /// Announces the next key, to machines too.
    async fn prepare_next_key(&self) {
        let position = self.position().await;
        self.step("prepareNextKey").await;
        self.wait_for_installers(position).await;
    }

    /// Machines of every kind, each with the keys it knows.
    async fn enrol(&mut self) {
        let certificates = self.certificates().await;
        let [old, new] = certificates.as_slice() else { panic!("expected two certificates: {certificates:?}") };
        for manager in Manager::ALL {
            for knows in Knows::BY_HAND {
                let client = Client::set_up(manager, knows, self.repository(manager), old, new);
                self.clients.push(client);
            }
        }
    }

    /// Every client refreshes, and installs a package from before the rotation and one of this state.
    fn try_all(&mut self, state: State, earlier: &str, fresh: &str) {
        let tried: Vec<Tried> = std::thread::scope(|scope| {
            let running = self.clients.iter().map(|client| scope.spawn(move || client.try_all(earlier, fresh)));
            let running: Vec<_> = running.collect();
            running.into_iter().map(|one| one.join().expect("a client ends")).collect()
        });
        for (client, tried) in self.clients.iter().zip(tried) {
            let (manager, knows) = (client.manager, client.knows);
            self.lines.push(Line { state, manager, knows, tried, expected: expected(state, manager, knows) });
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_every_state_of_a_rotation_clients_accept_exactly_what_the_keys_they_know_allow() {
    let (rotation, theft) = tokio::join!(drill_rotation(), drill_theft());
    let lines: Vec<Line> = rotation.into_iter().chain(theft).collect();
    let wrong: Vec<String> = lines.iter().filter(|line| !line.is_as_expected()).map(Line::complaint).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let page = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/rotation-drill.md"));
    let measured = table(&lines);
    if std::env::var_os("PKGDEPLOY_WRITE_DOCS").is_some_and(|value| value == "1") {
        fs::write(&page, &measured).expect("the page is written");
    }
    let written = fs::read_to_string(&page).unwrap_or_default();
    assert_eq!(
        written, measured,
        "docs/reference/rotation-drill.md is not what clients do: run this with PKGDEPLOY_WRITE_DOCS=1"
    );
}

async fn drill_rotation() -> Vec<Line> {
    let mut drill = Drill::set_up("").await;
    drill.refused("beginOverlap", "refused").await;
    drill.release("drill-earlier").await;
    drill.install();
    drill.prepare_next_key().await;
    for wrong in ["prepareNextKey", "cutOver"] {
        drill.refused(wrong, "refused").await;
    }
    drill.enrol().await;
    drill.release("drill-announced").await;
    drill.try_all(State::Announced, "drill-earlier", "drill-announced");
    drill.step("beginOverlap").await;
    drill.release("drill-overlap").await;
    drill.try_all(State::Overlap, "drill-earlier", "drill-overlap");
    drill.step("cutOver").await;
    drill.release("drill-cut-over").await;
    drill.try_all(State::CutOver, "drill-earlier", "drill-cut-over");
    let old = drill.fingerprint(1).await;
    drill.step(&format!("retireKey(fingerprint: \"{old}\")")).await;
    // What is retired is still the same after a crash.
    drill.server.restart();
    drill.release("drill-retired").await;
    drill.try_all(State::Retired, "drill-earlier", "drill-retired");
    drill.lines
}

async fn drill_theft() -> Vec<Line> {
    // With an end that is near, so that the drill shows that clients accept keys that have one.
    let mut drill = Drill::set_up("[signing]\nkey_valid_days = 20\n").await;
    drill.shows_the_keys_end().await;
    drill.release("drill-earlier").await;
    drill.install();
    drill.prepare_next_key().await;
    // They follow their packages for some time before the theft.
    drill.release("drill-before-the-theft").await;
    drill.clients.iter().for_each(Client::upgrade);
    assert!(drill.clients.iter().all(|client| client.trusted_certificates() == 2), "both keys are known ahead");
    drill.enrol().await;
    let stolen = drill.fingerprint(1).await;
    drill.refused(&format!("declareCompromised(fingerprint: \"{stolen}\", confirm: \"yes\")"), "invalid").await;
    let unknown = "AB".repeat(20);
    drill.refused(&format!("declareCompromised(fingerprint: \"{unknown}\", confirm: \"{unknown}\")"), "refused").await;
    drill.refused("declareCompromised(fingerprint: \"AB\", confirm: \"AB\")", "invalid").await;
    let (before, position) = (drill.digest_of("drill-earlier").await, drill.position().await);
    drill.step(&format!("declareCompromised(fingerprint: \"{stolen}\", confirm: \"{stolen}\")")).await;
    // Whatever was begun goes on after a crash.
    drill.server.restart();
    let signed_again = async {
        while drill.digest_of("drill-earlier").await == before {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(RESIGNED_WITHIN, signed_again).await.expect("the rpms are signed again");
    drill.wait_for_installers(position).await;
    assert_eq!(drill.certificates().await.len(), 1, "the stolen key's certificate is no longer published");
    drill.release("drill-stolen").await;
    drill.try_all(State::Stolen, "drill-earlier", "drill-stolen");
    for client in drill.clients.iter().filter(|client| client.knows == Knows::Upgraded) {
        assert_eq!(client.trusted_certificates(), 1, "{} still trusts the stolen key", client.manager.name());
    }
    drill.lines
}

impl Line {
    fn is_as_expected(&self) -> bool {
        let Tried { refresh, earlier, fresh, .. } = &self.tried;
        let Expected { can_refresh, can_install_earlier, can_install_fresh, .. } = &self.expected;
        (refresh, earlier, fresh) == (can_refresh, can_install_earlier, can_install_fresh)
    }

    fn complaint(&self) -> String {
        let Self { state, manager, knows, tried, expected } = self;
        format!(
            "{} / {} / {}: expected refresh {}, earlier {}, fresh {}; was {}, {}, {}\n{}",
            state.title(),
            manager.name(),
            knows.words(),
            expected.can_refresh,
            expected.can_install_earlier,
            expected.can_install_fresh,
            tried.refresh,
            tried.earlier,
            tried.fresh,
            tried.said
        )
    }
}

/// The page, as it is in the docs.
fn table(lines: &[Line]) -> String {
    let mut page = String::from(expected::INTRODUCTION);
    let mut before = None;
    for line in lines {
        if before != Some(line.state) {
            before = Some(line.state);
            let (title, what) = (line.state.title(), line.state.what());
            // Writing to a String does not fail.
            let _ok = write!(
                page,
                "\n## {title}\n\n{what}\n\n| client | knows | refresh | install an earlier package | install a new \
                 package | why |\n|---|---|---|---|---|---|\n"
            );
        }
        let mark = |done: bool| match (done, line.tried.refresh) {
            (true, _) => "yes",
            (false, true) => "**refused**",
            (false, false) => "–",
        };
        let refresh = if line.tried.refresh { "yes" } else { "**refused**" };
        let _ok = writeln!(
            page,
            "| {} | {} | {refresh} | {} | {} | {} |",
            line.manager.name(),
            line.knows.words(),
            mark(line.tried.earlier),
            mark(line.tried.fresh),
            line.expected.why
        );
    }
    page
}
