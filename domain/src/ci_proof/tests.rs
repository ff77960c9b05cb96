use super::*;
use crate::{digest::Sha256, ids::ProjectId, project::CiJob, testing::given};

fn token(n: u128) -> TokenId {
    TokenId(uuid::Uuid::from_u128(n))
}

fn job() -> CiJob {
    CiJob {
        repository_id: 7,
        git_ref: "refs/tags/v1".into(),
        workflow_ref: "acme/web/.github/workflows/release.yml@refs/tags/v1".into(),
        jti_sha256: Sha256::of(b"jti"),
    }
}

fn spend(n: u128) -> Command {
    let project = ProjectId(uuid::Uuid::from_u128(1));
    Command::Spend { issuer: "https://ci.example".into(), project, job: job(), token: token(n) }
}

fn spent(n: u128) -> Event {
    let project = ProjectId(uuid::Uuid::from_u128(1));
    Event::Spent { issuer: "https://ci.example".into(), project, job: job(), token: token(n) }
}

#[test]
fn a_proof_is_taken_once() {
    given::<CiProof>([]).when(spend(1)).then([spent(1)]);
    given::<CiProof>([spent(1)]).when(spend(1)).then_nothing();
    given::<CiProof>([spent(1)]).when(spend(2)).refused(Refusal::SpentBefore);
}
