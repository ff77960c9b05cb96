//! What `build.rs` made of the `.proto` files, in modules named like their packages.

#![allow(missing_docs, unreachable_pub, dead_code, clippy::all, reason = "generated")]

pub(crate) mod event_store {
    pub(crate) mod client {
        tonic::include_proto!("event_store.client");
        pub(crate) mod gossip {
            tonic::include_proto!("event_store.client.gossip");
        }
        pub(crate) mod server_features {
            tonic::include_proto!("event_store.client.server_features");
        }
        pub(crate) mod streams {
            tonic::include_proto!("event_store.client.streams");
        }
    }
}

pub(crate) mod google {
    pub(crate) mod rpc {
        tonic::include_proto!("google.rpc");
    }
}

pub(crate) use event_store::client as shared;
pub(crate) use event_store::client::{gossip, server_features, streams};
