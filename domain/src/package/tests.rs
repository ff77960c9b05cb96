use super::testing::rpm_facts;

#[test]
fn an_rpm_names_its_epoch_only_when_it_has_one() {
    let mut rpm = rpm_facts("hello", "1.0");
    assert_eq!(rpm.evr(), "1.0-1");
    rpm.epoch = 2;
    assert_eq!(rpm.evr(), "2:1.0-1");
}
