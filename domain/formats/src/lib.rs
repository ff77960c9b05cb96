//! The wire formats: debs, rpms, APT and YUM index documents, and files made of segments.

pub mod apt;
pub mod packaging;
pub mod rope;
pub mod yum;
