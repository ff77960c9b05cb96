//! Building a package: a checkout, isolated in bubblewrap on a root filesystem, becomes the tree of a package.
//!
//! A job has its own mount namespace, a layer of limited size above a root filesystem that is never written
//! to, and three kinds of step: as root with few capabilities (`build.requires`, the user, the checkout in its
//! place), as the build user with none (the commands), and reading what was built from outside once every process
//! is dead. Dropping a build, at any moment, kills its processes and leaves nothing mounted.
//!
//! What is not limited: the network, which is the host's; the memory of all processes together; and the number of
//! processes of a package's own scripts during `build.requires`.

mod assemble;
mod builder;
mod destdir;
mod environment;
mod error;
mod hidden;
mod inside;
mod job;
mod layers;
mod log;
mod namespace;
mod package;
mod placing;
mod probe;
pub mod rootfs;
mod roots;
mod sandbox;
mod script;
mod settings;
mod setup;
pub mod source;
#[cfg(test)]
mod tests;
mod uids;

pub use self::{
    builder::Builder,
    error::{BuildError, Exit, LastLines, Step},
    package::{BuiltTree, Job},
    roots::{Root, RootFilesystems, Unmapped},
    script::read_command_file,
    settings::{Limits, Settings, mirror_environment},
};
