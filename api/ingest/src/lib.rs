//! Incoming requests: the API trigger, webhooks, CI identities, uploads.

pub mod oidc;
pub mod releases;
pub mod uploads;
pub mod webhooks;
