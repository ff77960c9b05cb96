//! The same commit gives the same packages, on any server and at any time.

use stories::{Format, Served, crawl};

use crate::sample::Sample;

/// Bytes of an rpm's lead, before its signature header. Source: rpm's docs/manual/format_lead.md.
const RPM_LEAD_BYTES: usize = 96;
/// Bytes of a header's introduction and of each of its index entries. Source: rpm's docs/manual/format_header.md.
const RPM_HEADER_ENTRY_BYTES: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_build_the_same_bytes_from_the_same_commit() {
    let (first, second) = tokio::join!(packages(), packages());
    assert_eq!(first.0, second.0, "the debs differ");
    assert_eq!(unsigned(&first.1), unsigned(&second.1), "the rpms' headers and payloads differ");
    assert_ne!(first.1, second.1, "two servers cannot make the same signature");
}

/// The sample's deb and rpm, made by a server that nothing else uses.
async fn packages() -> (Vec<u8>, Vec<u8>) {
    let sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    let find = |served: &Served, end: &str| {
        let found = served.iter().find(|(address, _)| address.contains("/noticeboard") && address.ends_with(end));
        found.map(|(_, file)| file.body.clone()).expect("the package is served")
    };
    let debs = crawl(Format::Deb, &sample.apt).await;
    let rpms = crawl(Format::Rpm, &sample.yum).await;
    (find(&debs, ".deb"), find(&rpms, ".rpm"))
}

/// An rpm without its lead and signature header.
fn unsigned(rpm: &[u8]) -> &[u8] {
    let number = |at: usize| {
        let bytes = rpm[at..at + 4].try_into().expect("four bytes");
        usize::try_from(u32::from_be_bytes(bytes)).expect("a length")
    };
    assert_eq!(rpm[..4], [0xed, 0xab, 0xee, 0xdb], "not an rpm");
    let (entries, store) = (number(RPM_LEAD_BYTES + 8), number(RPM_LEAD_BYTES + 12));
    let end = RPM_LEAD_BYTES + RPM_HEADER_ENTRY_BYTES * (1 + entries) + store;
    &rpm[end.next_multiple_of(8)..]
}
