use super::{super::*, added, of_github, release, secret};
use crate::testing::given;

fn connect(repository_id: u64, n: u128) -> Command {
    Command::ConnectGithub {
        repository_id,
        full_name: "acme/web".parse().expect("a name"),
        api_url: ApiUrl::default(),
        credential: Some(secret(1)),
        webhook_secret: secret(n),
    }
}

fn connected(repository_id: u64) -> Event {
    Event::GithubConnected {
        repository_id,
        full_name: "acme/web".parse().expect("a name"),
        api_url: ApiUrl::default(),
        credential: Some(secret(1)),
    }
}

fn secret_issued(n: u128) -> Event {
    Event::WebhookSecretIssued { secret: secret(n) }
}

fn registered(hook_id: u64, n: u128) -> Event {
    Event::WebhookRegistered { hook_id, secret: secret(n) }
}

fn at_github() -> Vec<Event> {
    of_github().into_iter().chain([connected(7), secret_issued(2)]).collect()
}

fn with(events: impl IntoIterator<Item = Event>) -> Vec<Event> {
    at_github().into_iter().chain(events).collect()
}

fn state(events: Vec<Event>) -> Project {
    crate::aggregate::fold(events)
}

fn to_remove(project: &Project) -> Vec<u64> {
    let added = project.added().expect("a project");
    added.github.as_ref().expect("at GitHub").webhooks_to_remove(added.live_webhook_secret()).collect()
}

#[test]
fn a_project_is_bound_to_one_code_repository_at_a_time() {
    given::<Project>(of_github()).when(connect(7, 2)).then([connected(7), secret_issued(2)]);
    given::<Project>(at_github()).when(connect(7, 3)).then([connected(7), secret_issued(3)]);
    let taken = Refusal::GithubConnected("acme/web".parse().expect("a name"));
    given::<Project>(at_github()).when(connect(8, 3)).refused(taken);
    given::<Project>(at_github()).when(Command::DisconnectGithub).then([Event::GithubDisconnected]);
    given::<Project>(with([Event::GithubDisconnected])).when(Command::DisconnectGithub).then_nothing();
    given::<Project>(with([Event::GithubDisconnected])).when(connect(8, 3)).then([connected(8), secret_issued(3)]);
}

#[test]
fn a_webhook_whose_secret_is_dead_is_to_be_removed() {
    let project = state(with([registered(1, 2)]));
    assert!(to_remove(&project).is_empty());
    let rolled = state(with([registered(1, 2), secret_issued(3)]));
    let added = rolled.added().expect("a project");
    assert_eq!((to_remove(&rolled), added.live_webhook_secret()), (vec![1], Some(secret(3))));
    assert!(!added.connected().expect("at GitHub").has_webhook(secret(3)));
    let done =
        state(with([registered(1, 2), secret_issued(3), registered(4, 3), Event::WebhookRemoved { hook_id: 1 }]));
    assert!(to_remove(&done).is_empty());
}

#[test]
fn whoever_leaves_github_leaves_nothing_there() {
    let api = Event::TriggerChosen { trigger: Trigger::ApiEndpoint };
    for left in [api, Event::GithubDisconnected] {
        let project = state(with([registered(1, 2), left]));
        assert_eq!(project.added().expect("a project").live_webhook_secret(), None);
        assert_eq!(to_remove(&project), [1]);
    }
}

#[test]
fn a_webhooks_secret_is_rolled_by_itself_while_the_project_is_connected() {
    given::<Project>(at_github()).when(Command::RollWebhookSecret { secret: secret(3) }).then([secret_issued(3)]);
    given::<Project>(at_github()).when(Command::RollWebhookSecret { secret: secret(2) }).then_nothing();
    given::<Project>([added()])
        .when(Command::RollWebhookSecret { secret: secret(3) })
        .refused(Refusal::GithubNotConnected);
}

#[test]
fn what_was_done_at_github_is_recorded_once() {
    let key = DeployKey { deploy_key_id: 3, secret: secret(4), public_key: "ssh-ed25519 AAAA".into() };
    let installed =
        Event::DeployKeyInstalled { deploy_key_id: 3, secret: secret(4), public_key: "ssh-ed25519 AAAA".into() };
    let commit: CommitId = "c0ffee0000c0ffee0000c0ffee0000c0ffee0000".parse().expect("a commit");
    let (release, state) = (release(1), CommitState::Pending);
    for (done, event, before) in [
        (AtGithub::WebhookRegistered { hook_id: 1, secret: secret(2) }, registered(1, 2), vec![]),
        (AtGithub::WebhookRemoved { hook_id: 1 }, Event::WebhookRemoved { hook_id: 1 }, vec![registered(1, 2)]),
        (AtGithub::DeployKeyInstalled(key), installed.clone(), vec![]),
        (
            AtGithub::DeployKeyRemoved { deploy_key_id: 3 },
            Event::DeployKeyRemoved { deploy_key_id: 3 },
            vec![installed],
        ),
        (
            AtGithub::CommitStatusReported { release, commit: commit.clone(), state },
            Event::CommitStatusReported { release, commit, state },
            vec![],
        ),
    ] {
        let command = Command::RecordAtGithub(done);
        given::<Project>(with(before.clone())).when(command.clone()).then([event.clone()]);
        given::<Project>(with(before.into_iter().chain([event]))).when(command.clone()).then_nothing();
        given::<Project>([added()]).when(command).refused(Refusal::GithubNotConnected);
    }
}

#[test]
fn a_step_that_fails_is_recorded_when_its_reason_changes_and_is_forgotten_when_it_succeeds() {
    let step = GithubStep::RegisterWebhook;
    let fail = |code: &str, message: &str| {
        Command::RecordAtGithub(AtGithub::StepFailed { step, code: code.into(), message: message.into() })
    };
    let failed =
        |code: &str, message: &str| Event::GithubStepFailed { step, code: code.into(), message: message.into() };
    given::<Project>(at_github()).when(fail("away", "no answer")).then([failed("away", "no answer")]);
    given::<Project>(with([failed("away", "no answer")])).when(fail("away", "no answer")).then_nothing();
    given::<Project>(with([failed("away", "no answer")])).when(fail("denied", "no")).then([failed("denied", "no")]);
    let succeeded = state(with([failed("away", "no answer"), registered(1, 2)]));
    assert!(succeeded.added().expect("a project").connected().expect("at GitHub").failing.is_empty());
    let recover = Command::RecordAtGithub(AtGithub::StepRecovered { step });
    given::<Project>(with([failed("away", "no answer")]))
        .when(recover.clone())
        .then([Event::GithubStepRecovered { step }]);
    given::<Project>(at_github()).when(recover).then_nothing();
}

#[test]
fn what_github_says_of_a_failure_is_cut() {
    let step = GithubStep::ListTags;
    let long = |max: usize| "ä".repeat(max + 1);
    let fail = AtGithub::StepFailed { step, code: long(STEP_CODE_MAX_CHARS), message: long(STEP_MESSAGE_MAX_CHARS) };
    let failed = Event::GithubStepFailed {
        step,
        code: "ä".repeat(STEP_CODE_MAX_CHARS),
        message: "ä".repeat(STEP_MESSAGE_MAX_CHARS),
    };
    given::<Project>(at_github()).when(Command::RecordAtGithub(fail.clone())).then([failed.clone()]);
    given::<Project>(with([failed])).when(Command::RecordAtGithub(fail)).then_nothing();
}
