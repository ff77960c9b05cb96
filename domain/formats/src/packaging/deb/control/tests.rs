use super::*;

#[test]
fn a_dependency_is_what_dpkg_understands() {
    for good in ["libc6", "libc6 (>= 2.28)", "python3:any (<<4)", "mawk | gawk (= 1:5.1-1)", " g++ "] {
        assert!(relation(good).is_ok(), "{good}");
    }
    for bad in
        ["", "Libc6", "a", "libc6 >= 2.28", "libc6 (2.28)", "libc6 (>= )", "libc6 (> 1)", "a\nb", "aa,,bb", "aa|"]
    {
        assert!(relation(bad).is_err(), "{bad}");
    }
}
