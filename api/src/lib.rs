//! How the world talks to pkgdeploy: HTTP, repositories for package clients, installers.

pub mod http;
pub mod installers;
pub mod repositories;
