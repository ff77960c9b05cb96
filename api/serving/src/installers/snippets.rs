//! The script inside other tools' files: cloud-init's user data and an Ansible playbook. They hold the same secret.

#[cfg(test)]
mod tests;

use domain::names::{OrganisationName, RepositoryName};

/// cloud-init's user data: writes the script where only root can read it, runs it at the first boot, and deletes it.
pub(super) fn cloud_init(organisation: &OrganisationName, repository: &RepositoryName, script: &str) -> String {
    let file = format!("/root/.pkgdeploy-{organisation}-{repository}");
    let content = indented(script, 6);
    format!(
        "#cloud-config
# Gives a machine access to the package repository {organisation}/{repository} at its first boot.
# Holds the access key: keep it as secret as the key. Where others can read user data, use an enrolment key.
write_files:
  - path: {file}
    owner: root:root
    permissions: \"0600\"
    content: |
{content}runcmd:
  - sh {file} && rm {file}
"
    )
}

/// An Ansible playbook: hands the script to a shell on the machine, which writes it to no file.
pub(super) fn ansible(organisation: &OrganisationName, repository: &RepositoryName, script: &str) -> String {
    let stdin = indented(script, 10);
    format!(
        "# Gives machines access to the package repository {organisation}/{repository}; those that have it keep their keys.
# Holds the access key: keep it as secret as the key, for example with ansible-vault.
- name: Access to the package repository {organisation}/{repository}
  hosts: all
  become: true
  gather_facts: false
  tasks:
    - name: Run the installer
      ansible.builtin.command:
        cmd: sh -s -- --once
        stdin: !unsafe |
{stdin}      no_log: true
      register: installer
      changed_when: \"'is installed already' not in installer.stdout\"
"
    )
}

/// The lines of a block scalar.
fn indented(text: &str, columns: usize) -> String {
    let mut indented = String::with_capacity(text.len() * 2);
    for line in text.lines() {
        if !line.is_empty() {
            indented.extend(std::iter::repeat_n(' ', columns));
            indented.push_str(line);
        }
        indented.push('\n');
    }
    indented
}
