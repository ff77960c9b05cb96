//! What the stores have in common that write through one task: appends wait in a queue, are decided on together, and share a
//! commit.

pub(super) mod batch;
pub(super) mod known;
pub(super) mod queue;
pub(super) mod streams;
