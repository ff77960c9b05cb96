use super::*;

#[test]
fn a_tiles_path_is_read_in_the_one_way_it_is_written() {
    let path = |level, index, width| TilePath { level, index, width };
    for (text, expected) in [
        ("0/000", path(Some(0), 0, 256)),
        ("0/x001/234.p/17", path(Some(0), 1_234, 17)),
        ("1/x001/x234/067", path(Some(1), 1_234_067, 256)),
        ("entries/005.p/1", path(None, 5, 1)),
    ] {
        assert_eq!(text.parse(), Ok(expected));
        assert_eq!(expected.to_string(), text);
    }
    for bad in [
        "",
        "0",
        "0/",
        "0/0",
        "0/0000",
        "0/001/234",
        "0/x001",
        "8/000",
        "-1/000",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/",
        "x/000",
        "0/x999/x999/x999/x999/x999/x999/x999/999",
    ] {
        assert_eq!(bad.parse::<TilePath>(), Err(InvalidTilePath), "{bad}");
    }
}
