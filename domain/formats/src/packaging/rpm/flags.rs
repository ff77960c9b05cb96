//! Flags of dependencies and of files, by rpm's names. Source: rpm's `include/rpm/rpmds.h` and `rpmfiles.h`.

pub(super) const LESS: u32 = 1 << 1;
pub(super) const GREATER: u32 = 1 << 2;
pub(super) const EQUAL: u32 = 1 << 3;
pub(super) const LESS_OR_EQUAL: u32 = LESS | EQUAL;
pub(super) const GREATER_OR_EQUAL: u32 = GREATER | EQUAL;
pub(super) const PREREQ: u32 = 1 << 6;
pub(super) const SCRIPT_PRE: u32 = 1 << 9;
pub(super) const SCRIPT_POST: u32 = 1 << 10;
pub(super) const SCRIPT_PREUN: u32 = 1 << 11;
pub(super) const SCRIPT_POSTUN: u32 = 1 << 12;
pub(super) const RPMLIB: u32 = 1 << 24;
pub(super) const CONFIG: u32 = 1 << 28;

/// Of files.
pub(super) mod file {
    pub(in super::super) const CONFIG: u32 = 1;
    pub(in super::super) const NOREPLACE: u32 = 1 << 4;
    pub(in super::super) const GHOST: u32 = 1 << 6;
}
