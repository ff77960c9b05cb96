//! Tags of a signature header, by rpm's names. Source: rpm's `docs/manual/tags.md` and `signatures_digests.md`.
#![allow(missing_docs, reason = "rpm's manual explains each tag")]

pub const HEADERSIGNATURES: u32 = 62;
pub const DSA: u32 = 267;
pub const RSA: u32 = 268;
pub const SHA1: u32 = 269;
pub const LONGSIZE: u32 = 270;
pub const LONGARCHIVESIZE: u32 = 271;
pub const SHA256: u32 = 273;
pub const RESERVED: u32 = 999;
pub const SIZE: u32 = 1000;
pub const PGP: u32 = 1002;
pub const MD5: u32 = 1004;
pub const PAYLOADSIZE: u32 = 1007;
