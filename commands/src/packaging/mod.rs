//! Package files: writing debs and rpms from a tree, and reading what a package file says of itself.

pub mod tree;
