use super::*;

#[test]
fn a_dependency_is_what_rpm_understands() {
    for good in
        ["python3", "python3 >= 3.6", "/usr/bin/env", "libc.so.6()(64bit)", "(a or b)", "perl(Foo::Bar) = 1:2-3"]
    {
        assert!(parse(good).is_ok(), "{good}");
    }
    for bad in ["", "python3>=3.6", "python3 >=", "python3 3.6 >=", "a b", "(a or b", "a\nb", "a, b", "a ~ 1"] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}
