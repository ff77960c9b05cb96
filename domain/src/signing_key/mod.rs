//! signing_key
