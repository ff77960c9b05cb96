//! The wire formats: debs, rpms, APT and YUM index documents, and files made of segments.

pub mod apt;
pub mod packaging;
pub mod segmented_file;
pub mod yum;
