use uuid::Uuid;

use super::*;

#[test]
fn so_many_replicas_are_remembered_and_no_more() {
    let replicas = ReplicasLastSeen::default();
    let last_seen = LastSeen { at: DateTime::UNIX_EPOCH, entries: 7 };
    for number in 0..REPLICAS_MAX * 2 {
        replicas.note(TokenId(Uuid::from_u128(number.into())), last_seen);
    }
    replicas.0.run_pending_tasks();
    assert_eq!(replicas.0.entry_count(), REPLICAS_MAX);
}
