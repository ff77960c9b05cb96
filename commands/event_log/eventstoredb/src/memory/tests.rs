use super::*;
use domain::stream_kind::StreamKind;

#[test]
fn what_does_not_follow_is_not_known() {
    let ids: Vec<Uuid> = (0..4).map(|_| Uuid::now_v7()).collect();
    let mut known = Known::default();
    assert!(!known.is_read());
    known.learn([(1, ids[0]), (2, ids[1])]);
    known.learn([(2, ids[2]), (4, ids[3])]);
    assert_eq!((known.revision(), known.revision_of(ids[1])), (2, Some(2)));
    assert_eq!((known.revision_of(ids[2]), known.revision_of(ids[3])), (None, None));
}

#[test]
fn an_id_belongs_to_one_stream() {
    let memory = Memory::new();
    let (one, other) =
        (StreamId::new(StreamKind::Release, Uuid::now_v7()), StreamId::new(StreamKind::Release, Uuid::now_v7()));
    let id = Uuid::now_v7();
    memory.remember_owner(&one, [id]);
    assert!(memory.is_of_another(&other, id) && !memory.is_of_another(&one, id));
}
