//! What the child does between vfork and execve.
//!
//! It shares the agent's memory while the agent is suspended, so nothing here
//! allocates, panics or calls a library: system calls on memory prepared before.

use core::ffi::{c_char, c_void};
use core::ptr;

use linux_raw_sys::errno::{EACCES, ENODEV, ENOENT, ENOTDIR, ESTALE, ETIMEDOUT};
use linux_raw_sys::general::{
    __NR_chdir, __NR_dup2, __NR_execve, __NR_exit_group, __NR_ioctl, __NR_rt_sigprocmask,
    __NR_setgroups, __NR_setresgid, __NR_setresuid, __NR_setsid, SIG_SETMASK,
};
use linux_raw_sys::ioctl::TIOCSCTTY;

use crate::sys::{SignalSet, syscall};

/// What the child needs, and where it leaves its failure.
#[derive(Debug)]
#[repr(C)]
pub struct ChildPlan {
    /// The program's candidates, ended by null; tried in order.
    pub candidates: *const *const c_char,
    /// The arguments, ended by null.
    pub argv: *const *const c_char,
    /// The environment, ended by null.
    pub envp: *const *const c_char,
    /// The working directory; null for that of the agent.
    pub cwd: *const c_char,
    /// What becomes descriptors 0, 1 and 2; each above 2.
    pub stdio: [i32; 3],
    /// Whether standard input becomes the controlling terminal.
    pub terminal: bool,
    /// Whether to become another user.
    pub credentials: Option<Credentials>,
    /// Where the child got to when it failed.
    pub failure: Option<ChildFailure>,
}

/// Whom the child becomes.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Credentials {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: *const u32,
    /// How many.
    pub group_count: usize,
}

/// A failed step and its error number.
#[derive(Debug, Clone, Copy)]
pub struct ChildFailure {
    /// What failed.
    pub step: Step,
    /// Why.
    pub errno: u32,
}

/// The steps of the child, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A session of its own.
    Session,
    /// Descriptors 0, 1 and 2.
    Stdio,
    /// The controlling terminal.
    Terminal,
    /// The working directory.
    Cwd,
    /// Supplementary groups, group and user.
    User,
    /// The program itself.
    Execve,
}

/// Entry of the child: runs the plan, or leaves the failure in it and exits.
///
/// # Safety
/// `plan` points to a `ChildPlan` whose pointers are valid until the child is gone.
pub unsafe extern "C" fn run(plan: *mut c_void) -> ! {
    let plan = plan.cast::<ChildPlan>();
    // SAFETY: the parent keeps the plan alive and does not touch it while it is suspended.
    let failure = unsafe { execute(&*plan) };
    // SAFETY: as above; the reference given to `execute` is gone.
    unsafe { (*plan).failure = Some(failure) };
    loop {
        // SAFETY: ends this process only.
        let _ = unsafe { syscall(__NR_exit_group, [127]) };
    }
}

/// # Safety
/// As for `run`.
unsafe fn execute(plan: &ChildPlan) -> ChildFailure {
    // SAFETY: the caller's.
    match unsafe { prepare(plan) } {
        Err(failure) => failure,
        Ok(()) => {
            // SAFETY: the caller's.
            let errno = unsafe { execve_first(plan) };
            ChildFailure {
                step: Step::Execve,
                errno,
            }
        }
    }
}

/// # Safety
/// As for `run`.
unsafe fn prepare(plan: &ChildPlan) -> Result<(), ChildFailure> {
    // SAFETY: setsid has no arguments.
    step(Step::Session, unsafe { syscall(__NR_setsid, []) })?;
    for (target, source) in plan.stdio.iter().enumerate() {
        let source = source.unsigned_abs() as usize;
        // SAFETY: the descriptors are this process's own copies.
        step(Step::Stdio, unsafe { syscall(__NR_dup2, [source, target]) })?;
    }
    if plan.terminal {
        // SAFETY: TIOCSCTTY takes a number.
        step(Step::Terminal, unsafe {
            syscall(__NR_ioctl, [0, TIOCSCTTY as usize])
        })?;
    }
    // Before the change of user, as container engines do: the image may name a
    // directory that only root can enter.
    if !plan.cwd.is_null() {
        // SAFETY: the path is a string that the plan keeps alive.
        step(Step::Cwd, unsafe {
            syscall(__NR_chdir, [plan.cwd as usize])
        })?;
    }
    if let Some(credentials) = &plan.credentials {
        // SAFETY: the caller's.
        unsafe { become_user(credentials) }?;
    }
    let unblocked: SignalSet = 0;
    let set = ptr::from_ref(&unblocked) as usize;
    // SAFETY: the set lives until the call is over. It cannot fail.
    let _ = unsafe {
        syscall(
            __NR_rt_sigprocmask,
            [SIG_SETMASK as usize, set, 0, size_of::<SignalSet>()],
        )
    };
    Ok(())
}

/// # Safety
/// `groups` points to `group_count` numbers.
unsafe fn become_user(credentials: &Credentials) -> Result<(), ChildFailure> {
    let Credentials {
        uid,
        gid,
        groups,
        group_count,
    } = *credentials;
    let (uid, gid) = (uid as usize, gid as usize);
    // SAFETY: the caller's.
    step(Step::User, unsafe {
        syscall(__NR_setgroups, [group_count, groups as usize])
    })?;
    // SAFETY: takes numbers only.
    step(Step::User, unsafe {
        syscall(__NR_setresgid, [gid, gid, gid])
    })?;
    // SAFETY: takes numbers only.
    step(Step::User, unsafe {
        syscall(__NR_setresuid, [uid, uid, uid])
    })
}

/// Tries the candidates as execvp does: goes on where there is no such file,
/// remembers that one could not be accessed, stops at any other error.
///
/// # Safety
/// As for `run`.
unsafe fn execve_first(plan: &ChildPlan) -> u32 {
    let mut remembered = ENOENT;
    let mut candidate = plan.candidates;
    loop {
        // SAFETY: the list ends with null, which is not passed.
        let path = unsafe { *candidate };
        if path.is_null() {
            return remembered;
        }
        // SAFETY: all three are lists of strings, or a string, that the plan keeps alive.
        let result = unsafe {
            syscall(
                __NR_execve,
                [path as usize, plan.argv as usize, plan.envp as usize],
            )
        };
        match errno(result) {
            EACCES => remembered = EACCES,
            ENOENT | ENOTDIR | ENODEV | ESTALE | ETIMEDOUT => {}
            other => return other,
        }
        // SAFETY: the element before this one was not the last.
        candidate = unsafe { candidate.add(1) };
    }
}

fn step(step: Step, result: isize) -> Result<(), ChildFailure> {
    if result >= 0 {
        Ok(())
    } else {
        Err(ChildFailure {
            step,
            errno: errno(result),
        })
    }
}

fn errno(result: isize) -> u32 {
    u32::try_from(result.unsigned_abs()).unwrap_or_default()
}
