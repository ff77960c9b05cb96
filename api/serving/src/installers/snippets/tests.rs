use super::*;

const SCRIPT: &str = "#!/bin/sh\nmain() {\n    echo \"a: b # c\" {{ x }} | cat <<'END'\n\n'END'\n}\n{ main \"$@\"; }\n";

fn names() -> (OrganisationName, RepositoryName) {
    ("acme".parse().expect("a name"), "debs".parse().expect("a name"))
}

/// Takes the lines of a block scalar out again, as a YAML parser does.
fn block(yaml: &str, after: &str, columns: usize) -> String {
    let lines = yaml.lines().skip_while(|line| !line.ends_with(after)).skip(1);
    let lines = lines.take_while(|line| line.is_empty() || line.starts_with(&" ".repeat(columns)));
    lines.map(|line| format!("{}\n", line.get(columns..).unwrap_or_default())).collect()
}

#[test]
fn user_data_holds_the_script_to_the_letter_in_a_file_for_root_alone() {
    let (organisation, repository) = names();
    let yaml = cloud_init(&organisation, &repository, SCRIPT);
    assert!(yaml.starts_with("#cloud-config\n") && yaml.contains("permissions: \"0600\""), "{yaml}");
    assert_eq!(block(&yaml, "content: |", 6), SCRIPT);
    assert!(yaml.ends_with("  - sh /root/.pkgdeploy-acme-debs && rm /root/.pkgdeploy-acme-debs\n"), "{yaml}");
}

#[test]
fn a_playbook_holds_the_script_to_the_letter_and_never_logs_it() {
    let (organisation, repository) = names();
    let yaml = ansible(&organisation, &repository, SCRIPT);
    assert_eq!(block(&yaml, "stdin: !unsafe |", 10), SCRIPT);
    assert!(yaml.contains("\n      no_log: true\n"), "{yaml}");
}
