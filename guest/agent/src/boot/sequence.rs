//! The boot, from the kernel's first program to an agent that serves.

use rustix::fd::OwnedFd;

use super::fatal::BootError;
use super::{hostname, mounts, network, root, settings};
use crate::agent::Agent;
use crate::clock;
use crate::connection::link::Host;
use crate::exec::cgroup::Cgroups;
use crate::role::Role;
use crate::start;

/// Where programs are grouped.
const CGROUPS: &str = "/sys/fs/cgroup";

/// Makes the root and its file systems; answers an agent that has said Hello to the host.
pub fn boot() -> Result<Agent, BootError> {
    let started = clock::boottime();
    root::assemble()?;
    mounts::mount_all()?;
    root::switch()?;
    let null = null()?;
    settings::raise_limits()?;
    let cgroups = Cgroups::below(CGROUPS).unwrap_or_else(|_| Cgroups::none());
    let mut agent = Agent::new(Host::Vsock, Role::Init, cgroups, null, started)
        .map_err(BootError::at("signals", "cannot watch for children"))?;
    agent.reach_host().map_err(BootError::at(
        "connect",
        "the host does not answer on vsock port 1024",
    ))?;
    Ok(agent)
}

/// What programs need and a Hello does not: done while that is on its way, and
/// before the first message of the host is read.
pub fn finish() -> Result<(), BootError> {
    hostname::set_hostname()?;
    network::loopback_up()?;
    settings::harden()
}

fn null() -> Result<OwnedFd, BootError> {
    start::null().map_err(BootError::at("open", "/dev/null"))
}
