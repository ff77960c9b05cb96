//! Installers: they give a machine access to a repository. An installer is a shell script, also available as a package, cloud-init
//! user data and an Ansible playbook.

mod answer;
mod credentials;
mod script;
mod snippets;
mod worker;

pub use self::{
    answer::Installers,
    credentials::{CredentialsAddress, HandsOver, RolledCredentials},
    worker::WrittenScripts,
};
