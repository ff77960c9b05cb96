use std::convert::Infallible;

use futures::stream;

use super::*;

fn request(length: usize) -> Request<Body> {
    Request::new(Body::from(vec![b'x'; length]))
}

#[tokio::test]
async fn deliveries_share_a_bounded_memory_and_give_it_back() {
    let memory = DeliveriesMemory::of(100, 1);
    let first = read(&memory, request(60)).await.expect("there is room");
    assert_eq!(first.bytes.len(), 60);
    let full = read(&memory, request(41)).await.map(|body| body.bytes);
    assert!(matches!(full, Err(Problem::Unavailable { .. })), "{full:?}");
    drop(first);
    assert!(read(&memory, request(41)).await.is_ok());
}

#[tokio::test]
async fn large_deliveries_leave_room_for_small_ones() {
    let memory = DeliveriesMemory::of(DELIVERIES_IN_MEMORY_MAX_BYTES, 1);
    let large = read(&memory, request(SMALL_DELIVERY_MAX_BYTES + 1)).await.expect("there is room for one");
    let second = read(&memory, request(SMALL_DELIVERY_MAX_BYTES + 1)).await.map(|body| body.bytes.len());
    assert!(matches!(second, Err(Problem::Unavailable { .. })), "{second:?}");
    assert!(read(&memory, request(SMALL_DELIVERY_MAX_BYTES)).await.is_ok());
    drop(large);
    let too_large = read(&memory, request(DELIVERY_MAX_BYTES + 1)).await.map(|body| body.bytes.len());
    assert!(matches!(too_large, Err(Problem::TooLarge { .. })), "{too_large:?}");
    assert!(read(&memory, request(DELIVERY_MAX_BYTES)).await.is_ok());
}

#[tokio::test]
async fn who_promises_much_and_sends_nothing_keeps_nobody_out_and_is_given_up() {
    let memory = DeliveriesMemory::of(100, 1);
    let silent = Request::new(Body::from_stream(stream::pending::<Result<Bytes, Infallible>>()));
    let waiting = read_within(&memory, silent, Duration::from_millis(20));
    let (given_up, other) = tokio::join!(waiting, read(&memory, request(100)));
    assert!(other.is_ok());
    assert!(matches!(given_up.map(|body| body.bytes), Err(Problem::TimedOut { .. })));
}
