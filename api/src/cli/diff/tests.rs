use super::*;

fn change(from: Option<&str>, to: Option<&str>) -> Change {
    let owned = |version: Option<&str>| version.map(str::to_owned);
    let (name, architecture) = ("hello".to_owned(), "amd64".to_owned());
    let (from, to) = (owned(from), owned(to));
    Change::from(Difference { name, architecture, from, to, files_added: 1, files_removed: 0 })
}

#[test]
fn a_person_reads_one_line_a_package_and_the_sum() {
    let changes = vec![change(None, Some("1.0")), change(Some("1.0"), Some("1.1")), change(Some("1.0"), None)];
    let (from, to) = ("20261126T100000Z".to_owned(), "20261126T110000Z".to_owned());
    let report = Report { repository: "acme/debian".into(), from, to, changes };
    let expected = [
        "acme/debian from 20261126T100000Z to 20261126T110000Z",
        "added    hello  amd64  1.0  (+1 -0)",
        "changed  hello  amd64  1.0 -> 1.1  (+1 -0)",
        "removed  hello  amd64  1.0  (+1 -0)",
        "1 added, 1 removed, 1 changed",
    ];
    assert_eq!(report.to_string(), expected.join("\n"));
}

#[test]
fn a_repository_is_named_by_organisation_and_name() {
    assert!(names("acme/debian").is_ok());
    for bad in ["acme", "acme/", "/debian", "acme/De", "acme/debian/x"] {
        assert!(names(bad).is_err(), "{bad}");
    }
}
