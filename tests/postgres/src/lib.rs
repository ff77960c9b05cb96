//! For tests: PostgreSQL clusters that live as long as a test, and a proxy that loses answers.
//!
//! The server is the machine's own (Debian: package `postgresql`). It refuses to run as root; then it runs as `postgres`,
//! or as `nobody`. Nothing outlives the tests' process, however that ends.

mod account;
mod cluster;
mod home;
mod proxy;

pub use cluster::Cluster;
pub use proxy::Proxy;
