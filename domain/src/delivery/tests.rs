use super::*;
use crate::{
    delivery::{commands::HOOK_EVENT_MAX_CHARS, guid::DELIVERY_GUID_MAX_CHARS},
    ids::ProjectId,
    testing::given,
};

fn guid(text: &str) -> DeliveryGuid {
    text.parse().expect("a name")
}

fn tag() -> Outcome {
    Outcome::Tag { tag: "v1".parse().expect("a tag") }
}

fn receive(hook_event: &str, outcome: Outcome) -> Command {
    Command::Receive {
        project: ProjectId(uuid::Uuid::from_u128(1)),
        delivery: guid("d-1"),
        hook_event: hook_event.into(),
        repository_id: Some(7),
        outcome,
    }
}

fn received(outcome: Outcome) -> Event {
    Event::Received {
        project: ProjectId(uuid::Uuid::from_u128(1)),
        delivery: guid("d-1"),
        hook_event: "create".into(),
        repository_id: Some(7),
        outcome,
    }
}

#[test]
fn a_delivery_is_recorded_once_and_its_first_outcome_stays() {
    let taken = given::<Delivery>([]).when(receive("create", tag())).then([received(tag())]);
    assert_eq!(taken.outcome(), Some(&tag()));
    given::<Delivery>([received(tag())]).when(receive("create", tag())).then_nothing();
    given::<Delivery>([received(tag())]).when(receive("create", Outcome::Ping)).then_nothing();
}

#[test]
fn a_kind_of_event_has_a_limit() {
    let longest = "e".repeat(HOOK_EVENT_MAX_CHARS);
    assert!(valid_hook_event(&longest) && valid_hook_event("pull_request"));
    for bad in ["", "Push", "a b", "a\nb", &format!("{longest}e")] {
        given::<Delivery>([]).when(receive(bad, tag())).refused(Refusal::HookEventInvalid);
    }
}

#[test]
fn a_delivery_has_a_short_plain_name_and_its_case_means_nothing() {
    assert_eq!(guid("72D3162E-cc78"), guid("72d3162e-CC78"));
    assert!("d".repeat(DELIVERY_GUID_MAX_CHARS).parse::<DeliveryGuid>().is_ok());
    for bad in ["", "a b", "a/b", "ä", &"d".repeat(DELIVERY_GUID_MAX_CHARS + 1)] {
        assert_eq!(bad.parse::<DeliveryGuid>(), Err(InvalidDeliveryGuid), "{bad}");
    }
}
