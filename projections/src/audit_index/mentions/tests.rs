use super::*;

#[test]
fn positions_are_read_as_they_were_collected() {
    let all = [0, 7, 4_095, 4_096, 1 << 40].map(Position);
    let mut mentioned = Mentioned::default();
    for at in all {
        mentioned.add(3, at);
    }
    let rows = &mentioned.0;
    let read: Vec<_> = rows.iter().flat_map(|((_, block), offsets)| positions(*block, offsets)).collect();
    assert_eq!((read.as_slice(), rows.len()), (all.as_slice(), 3));
}
