//! Starting a program at the cost of vfork and execve.

use core::cell::UnsafeCell;
use core::ptr;

use rustix::fd::{AsRawFd as _, BorrowedFd};
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, waitpid};

use super::child::{self, ChildFailure, ChildPlan, Credentials, Step};
use super::command::Command;
use crate::sys;

/// What becomes standard input, output and error of the program.
#[derive(Debug, Clone, Copy)]
pub struct ChildStdio<'a> {
    /// Descriptors 0, 1 and 2.
    pub fds: [BorrowedFd<'a>; 3],
    /// Whether they are a terminal that is to control the session.
    pub terminal: bool,
}

/// Why a program does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpawnError {
    /// There is no child.
    #[error("cannot start a process: {0}")]
    Fork(Errno),
    /// The child failed before its program ran.
    #[error("{0:?}: {1}")]
    Child(Step, Errno),
}

/// Starts the program in a session and process group of its own, in `cgroup` if given.
pub fn spawn(
    command: &Command,
    stdio: ChildStdio<'_>,
    cgroup: Option<BorrowedFd<'_>>,
) -> Result<Pid, SpawnError> {
    let mut plan = ChildPlan {
        candidates: command.candidates.as_ptr(),
        argv: command.argv.as_ptr(),
        envp: command.env.as_ptr(),
        cwd: command.cwd.as_ref().map_or(ptr::null(), |cwd| cwd.first()),
        stdio: stdio.fds.map(|fd| fd.as_raw_fd()),
        terminal: stdio.terminal,
        credentials: command.identity.as_ref().map(|identity| Credentials {
            uid: identity.uid,
            gid: identity.gid,
            groups: identity.groups.as_ptr(),
            group_count: identity.groups.len(),
        }),
        failure: None,
    };
    let plan_address = ptr::from_mut(&mut plan);
    // SAFETY: `run` does what vfork allows, the plan and all it points to outlive
    // the call, and the agent has one thread, so the stack has one user.
    let pid = unsafe { sys::vfork(CHILD_STACK.0.get(), cgroup, child::run, plan_address.cast()) }
        .map_err(SpawnError::Fork)?;
    // SAFETY: the child, which may have written it, no longer shares our memory.
    match unsafe { ptr::read_volatile(&raw const (*plan_address).failure) } {
        None => Ok(pid),
        Some(ChildFailure { step, errno }) => {
            // It has exited already; without this it would be reaped as an unknown child.
            while matches!(waitpid(Some(pid), WaitOptions::empty()), Err(Errno::INTR)) {}
            Err(SpawnError::Child(
                step,
                Errno::from_raw_os_error(errno.cast_signed()),
            ))
        }
    }
}

/// The child makes system calls only: this is generous even without optimisation.
const CHILD_STACK_SIZE: usize = 16 * 1024;

#[repr(C, align(16))]
struct ChildStack(UnsafeCell<[u8; CHILD_STACK_SIZE]>);

// SAFETY: only `spawn` uses it, one child at a time, in a process of one thread.
unsafe impl Sync for ChildStack {}

static CHILD_STACK: ChildStack = ChildStack(UnsafeCell::new([0; CHILD_STACK_SIZE]));
