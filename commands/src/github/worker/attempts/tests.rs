use super::*;

const PACE: Pace = Pace {
    retry_first: Duration::from_secs(2),
    retry_max: Duration::from_secs(60),
    look_every: Duration::from_secs(900),
};
const STEP: GithubStep = GithubStep::RegisterWebhook;

#[test]
fn each_failure_doubles_the_wait_up_to_a_limit() {
    let (mut attempts, now) = (Attempts::default(), Instant::now());
    for expected in [2, 4, 8, 16, 32, 60, 60] {
        attempts.failed(STEP, now, &PACE, None);
        let wait = (attempts.not_before(STEP).expect("it failed") - now).as_secs_f64();
        let expected = f64::from(expected);
        assert!((expected * 0.89..expected * 1.11).contains(&wait), "{wait} for {expected}");
    }
    for _ in 0..100 {
        attempts.failed(STEP, now, &PACE, None);
    }
    assert!(attempts.not_before(STEP).expect("it failed") - now <= PACE.retry_max.mul_f64(1.1));
    attempts.succeeded(STEP);
    assert!(attempts.may(STEP, now) && attempts.earliest().is_none());
}

#[test]
fn github_is_left_alone_as_long_as_it_asks_for_by_every_step() {
    let (mut attempts, now) = (Attempts::default(), Instant::now());
    attempts.failed(STEP, now, &PACE, Some(Duration::from_secs(600)));
    for step in [STEP, GithubStep::ListTags] {
        assert!(!attempts.may(step, now + Duration::from_secs(599)), "{step:?}");
        assert!(attempts.may(step, now + Duration::from_secs(600)), "{step:?}");
    }
}
