use super::*;

#[test]
fn only_mirrors_are_passed_on_to_builds() {
    let own = [("PIP_INDEX_URL", "https://mirror"), ("PKGDEPLOY_MASTER_KEY", "s3cret"), ("HOME", "/root")];
    let passed = mirror_environment(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(passed.into_keys().collect::<Vec<_>>(), ["PIP_INDEX_URL"]);
}
