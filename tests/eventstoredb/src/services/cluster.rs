//! What clients ask before they do anything: who is there, and what can be called.

use tonic::{Request, Response, Status};

use crate::{
    node::Service,
    proto::{
        gossip::{ClusterInfo, EndPoint, MemberInfo, gossip_server::Gossip, member_info::VNodeState},
        server_features::{SupportedMethod, SupportedMethods, server_features_server::ServerFeatures},
        shared,
    },
};

/// The server whose protocol this is.
const SERVER_VERSION: &str = "22.10.5";
const STREAMS: &str = "event_store.client.streams.streams";

#[tonic::async_trait]
impl ServerFeatures for Service {
    async fn get_supported_methods(&self, _: Request<shared::Empty>) -> Result<Response<SupportedMethods>, Status> {
        let methods = ["read", "append", "delete", "tombstone", "batchappend"].map(|method| SupportedMethod {
            method_name: method.to_owned(),
            service_name: STREAMS.to_owned(),
            features: Vec::new(),
        });
        let event_store_server_version = SERVER_VERSION.to_owned();
        Ok(Response::new(SupportedMethods { methods: methods.into(), event_store_server_version }))
    }
}

#[tonic::async_trait]
impl Gossip for Service {
    async fn read(&self, _: Request<shared::Empty>) -> Result<Response<ClusterInfo>, Status> {
        let leader = self.shared.leader().map(|(number, _)| number);
        let members = self.shared.members().into_iter().enumerate().map(|(number, member)| {
            let state = if leader == Some(number) { VNodeState::Leader } else { VNodeState::Follower };
            let id = format!("00000000-0000-0000-0000-{number:012}");
            MemberInfo {
                instance_id: Some(shared::Uuid { value: Some(shared::uuid::Value::String(id)) }),
                time_stamp: 0,
                state: state.into(),
                is_alive: member.is_alive,
                http_end_point: Some(EndPoint {
                    address: member.address.ip().to_string(),
                    port: member.address.port().into(),
                }),
            }
        });
        Ok(Response::new(ClusterInfo { members: members.collect() }))
    }
}
