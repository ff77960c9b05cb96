use super::*;
use domain::stream_kind::StreamKind;

#[test]
fn as_many_streams_as_the_limit_are_remembered_then_all_forgotten() {
    let stream = |n: usize| StreamId::new(StreamKind::Release, uuid::Uuid::from_u128(n as u128));
    let mut remembered = Streams::default();
    for n in 0..STREAMS_REMEMBERED_MAX {
        trim(&mut remembered);
        remembered.remember(stream(n), StreamState { number: Some(1), revision: 1 });
    }
    let last = stream(STREAMS_REMEMBERED_MAX - 1);
    assert_eq!(remembered.get(&last).revision, 1);
    trim(&mut remembered);
    assert_eq!(remembered.get(&last), StreamState { number: None, revision: 0 });
}
