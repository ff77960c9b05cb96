use super::*;

fn new(line: &str) -> Result<KnownHosts, InvalidKnownHost> {
    KnownHosts::new(std::slice::from_ref(&line.to_owned()))
}

#[test]
fn githubs_keys_are_those_whose_fingerprints_it_publishes() {
    let prints: Vec<String> = ssh_key::KnownHosts::new(GITHUB)
        .map(|entry| entry.expect("a line").public_key().fingerprint(ssh_key::HashAlg::Sha256).to_string())
        .collect();
    assert_eq!(
        prints,
        [
            "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
            "SHA256:p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM",
            "SHA256:uNiVztksCsDhcc0u9e8BujQXVUpKZIDTMczCvj3tD2s",
        ]
    );
}

#[test]
fn a_line_that_pins_nothing_is_refused() {
    let good = "[git.acme.test]:2222 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    assert!(new(good).expect("a line").as_str().ends_with(&format!("{good}\n")));
    for bad in ["", "# a comment", "git.acme.test", "git.acme.test ssh-ed25519 nonsense", &format!("{good}\n{good}")] {
        assert!(new(bad).is_err(), "{bad}");
    }
}
