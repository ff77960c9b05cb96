//! Installers: what gives a machine access to a repository, as a shell script and as packages around that script.

mod answer;
mod package;
mod script;

pub use self::answer::Installers;
