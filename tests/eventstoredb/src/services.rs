//! The seven calls that are answered.

mod batch;
mod cluster;
mod streams;

use tonic::{Request, Status};

use crate::{node::Service, refusal};

impl Service {
    /// Refuses what wants the leader if this node is not it.
    fn check_leader<R>(&self, request: &Request<R>) -> Result<(), Status> {
        let wants_leader = request.metadata().get("requires-leader").is_some_and(|value| value == "true");
        match self.shared.leader() {
            Some((number, address)) if wants_leader && number != self.number => Err(refusal::not_leader(address)),
            _ => Ok(()),
        }
    }
}
