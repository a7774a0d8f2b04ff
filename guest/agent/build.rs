//! Generates the messages of the protocol.

use std::error::Error;
use std::path::Path;

const PROTOCOL: &str = "../protocol/agent.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={PROTOCOL}");
    println!("cargo::rerun-if-changed=build.rs");
    let folder = Path::new(PROTOCOL)
        .parent()
        .ok_or("the protocol has no folder")?;
    let descriptors = protox::compile([PROTOCOL], [folder])?;
    prost_build::Config::new().compile_fds(descriptors)?;
    Ok(())
}
