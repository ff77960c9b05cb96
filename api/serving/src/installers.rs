//! Installers: what gives a machine access to a repository, as a shell script and as packages, user data and playbooks
//! around that script.

mod answer;
mod credentials;
mod script;
mod snippets;
mod worker;

pub use self::{
    answer::Installers,
    credentials::{CredentialsAddress, HAND_OVERS_MAX, HandsOver, RolledCredentials},
    worker::WrittenScripts,
};
