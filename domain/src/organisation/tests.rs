use super::*;
use crate::testing::given;

fn acme() -> OrganisationName {
    "acme".parse().expect("a name")
}

fn created() -> Event {
    Event::Created { name: acme() }
}

#[test]
fn an_organisation_is_created_with_the_default_build_slots() {
    let organisation = given::<Organisation>([]).when(Command::Create { name: acme() }).then([created()]);
    assert_eq!(organisation.build_slots(), BUILD_SLOTS_DEFAULT);
}

#[test]
fn a_name_is_taken_once() {
    given::<Organisation>([created()]).when(Command::Create { name: acme() }).refused(Refusal::NameTaken(acme()));
}

#[test]
fn build_slots_are_set_within_their_bounds() {
    given::<Organisation>([created()])
        .when(Command::SetBuildSlots { slots: 5 })
        .then([Event::BuildSlotsSet { slots: 5 }]);
    for slots in [0, BUILD_SLOTS_MAX + 1] {
        given::<Organisation>([created()])
            .when(Command::SetBuildSlots { slots })
            .refused(Refusal::BuildSlotsOutOfRange(slots));
    }
}

#[test]
fn setting_the_same_build_slots_changes_nothing() {
    given::<Organisation>([created()]).when(Command::SetBuildSlots { slots: BUILD_SLOTS_DEFAULT }).then_nothing();
}

#[test]
fn an_unknown_organisation_has_no_build_slots() {
    given::<Organisation>([]).when(Command::SetBuildSlots { slots: 1 }).refused(Refusal::Unknown);
}
