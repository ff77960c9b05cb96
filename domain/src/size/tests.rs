use super::*;

#[test]
fn a_size_has_a_binary_unit_where_that_is_exact() {
    for (bytes, text) in [
        (0, "0 bytes"),
        (700, "700 bytes"),
        (1_024, "1 KiB"),
        (1_025, "1025 bytes"),
        (64 << 20, "64 MiB"),
        (4 << 30, "4 GiB"),
        (u64::from(u32::MAX), "4294967295 bytes"),
    ] {
        assert_eq!(Size(bytes).to_string(), text);
    }
    assert_eq!(Limit::Bytes(65_536).to_string(), "64 KiB");
    assert_eq!(Limit::Count(65_536).to_string(), "65536");
}
