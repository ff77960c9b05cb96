use super::*;

#[test]
fn a_commit_id_is_a_full_object_name() {
    assert!("0123456789abcdef0123456789abcdef01234567".parse::<CommitId>().is_ok());
    assert!("a".repeat(64).parse::<CommitId>().is_ok());
    for bad in ["", "0123456", "0123456789ABCDEF0123456789abcdef01234567", "--upload-pack=xxxxxxxxxxxxxxxxxxxxxxxxxx"] {
        assert_eq!(bad.parse::<CommitId>(), Err(InvalidCommitId), "{bad}");
    }
}
