use super::*;

#[test]
fn each_failure_doubles_the_wait_up_to_the_limit() {
    let backoff = Backoff { first: Duration::from_secs(2), max: Duration::from_secs(60) };
    for (failures, seconds) in [(1, 2), (2, 4), (3, 8), (4, 16), (5, 32), (6, 60), (7, 60), (100, 60), (u32::MAX, 60)] {
        let seconds = Duration::from_secs(seconds);
        assert_eq!(backoff.wait(failures, 0.5), seconds, "after {failures} failures");
        assert_eq!(backoff.wait(failures, 0.0), seconds.mul_f64(0.75));
        assert_eq!(backoff.wait(failures, 1.0), seconds.mul_f64(1.25));
    }
}
