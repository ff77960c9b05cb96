//! Makes the server side of EventStoreDB's services, without a `protoc` on the machine.

use std::{error::Error, path::Path};

const PROTOS: &str = "protos";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={PROTOS}");
    let files = ["streams.proto", "gossip.proto", "serverfeatures.proto", "shared.proto"];
    let descriptors = protox::compile(files.map(|file| Path::new(PROTOS).join(file)), [PROTOS])?;
    tonic_build::configure().build_client(false).bytes(["."]).compile_fds(descriptors)?;
    Ok(())
}
