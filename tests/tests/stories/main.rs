//! Every story, told from outside: one binary, so that it is linked once.

mod api_tokens;
mod auditing;
mod backups;
mod bad_input;
mod crashes;
mod dependency_edges;
mod erasure;
mod github;
mod installers;
mod installing;
mod log_moves;
mod origins;
mod rebuilding;
mod replicas;
mod reproducible;
mod rolls;
mod rotation;
mod sample;
mod secrets;
mod signatures;
mod strangers;
mod time_travel;
mod transparency;
mod verifying;
mod virtualenv;
mod webhooks;
