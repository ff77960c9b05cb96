use super::*;

fn read(text: &str) -> Result<Settings, SettingsError> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("written");
    Settings::read(file.path())
}

#[test]
fn every_key_may_be_left_out() {
    let settings = read("").expect("settings");
    assert_eq!(settings.build.unmapped, Unmapped::HostRoot);
    assert!(!settings.source.allow_local);
}

#[test]
fn a_signing_key_histories_for_ever_unless_the_operator_says_for_how_long() {
    assert_eq!(read("").expect("settings").signing.key_valid_days, None);
    let days = read("[signing]\nkey_valid_days = 365\n").expect("settings").signing.key_valid_days;
    assert_eq!(days.map(NonZeroU16::get), Some(365));
    for bad in ["0", "-1", "65536", "\"long\""] {
        let error = read(&format!("[signing]\nkey_valid_days = {bad}\n")).expect_err("no such life").to_string();
        assert!(error.contains("key_valid_days"), "{error}");
    }
}

#[test]
fn a_trusted_proxy_is_a_network() {
    let proxies = read("trusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n").expect("settings").trusted_proxies;
    assert_eq!(proxies.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.0/8", "::1/128"]);
    let error = read("trusted_proxies = [\"proxy\"]\n").expect_err("a name").to_string();
    assert!(error.contains("\"proxy\" is not a network") && error.contains("line 1"), "{error}");
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let error = read("[build]\nunmaped = \"refuse\"\n").expect_err("a typing error").to_string();
    assert!(error.contains("unmaped") && error.contains("line 2"), "{error}");
}

#[test]
fn the_log_is_where_its_url_says() {
    assert!(read("").expect("settings").log.url.is_none());
    let url = read("[log]\nurl = \"sqlite:/srv/log.sqlite\"\n").expect("settings").log.url;
    assert_eq!(url.expect("a log").to_string(), "sqlite:/srv/log.sqlite");
}

#[test]
fn a_complaint_about_a_url_does_not_show_its_password() {
    for bad in ["\"mysql://me:hunter2@db/log\"", "\"postgres://me:hunter2@db/log", "'postgres://hunter2@db' x"] {
        let error = read(&format!("[log]\nurl = {bad}\n")).expect_err(bad).to_string();
        assert!(error.contains("line 2") && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_settings_file_has_a_limit() {
    let error = read(&"#".repeat(usize::try_from(SETTINGS_MAX_BYTES).expect("small") + 1)).expect_err("too large");
    assert!(error.to_string().contains("larger than"), "{error}");
}
