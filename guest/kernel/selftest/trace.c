// SPDX-License-Identifier: GPL-2.0
/* ptrace, single stepping and hardware breakpoints. */

#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "selftest.h"

static volatile uint64_t watched;
extern char stepped_code[], stepped_end[];

static void tracee(void *unused)
{
	(void)unused;
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	/* 1 + 3 * 10 instructions, a system call in the middle of each round. */
	__asm__ volatile(
		".globl stepped_code, stepped_end\n"
		"stepped_code: mov $10, %%ebx\n"
		"1: mov %[nr], %%eax\n"
		"syscall\n"
		"dec %%ebx\n"
		"jnz 1b\n"
		"stepped_end: nop\n"
		: : [nr] "i"(SYS_getppid) : "rax", "rbx", "rcx", "r11", "memory");
	watched = 7;
	char byte = 3;
	struct iovec from = { &byte, 1 }, to = { (void *)&watched, 1 };

	/* The kernel writes the watched word. */
	process_vm_readv(getpid(), &to, 1, &from, 1, 0);
	_exit(5);
}

static pid_t start_tracee(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		tracee(NULL);
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -1;
	return pid;
}

static const char *single_step(void)
{
	pid_t pid = start_tracee();
	int status, inside = 0, total = 0;
	struct user_regs_struct regs;

	if (pid < 0)
		return "the tracee did not stop";
	for (;;) {
		if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) || waitpid(pid, &status, 0) != pid)
			return why("stepping failed: %s", strerror(errno));
		if (WIFEXITED(status))
			break;
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
			return why("wait status %#x after %d steps", status, total);
		ptrace(PTRACE_GETREGS, pid, 0, &regs);
		if (regs.cs != 0x33 || regs.ss != 0x2b)
			return why("cs %#llx, ss %#llx after %d steps", regs.cs, regs.ss, total);
		if (regs.rip > (uint64_t)stepped_code && regs.rip <= (uint64_t)stepped_end)
			inside++;
		if (++total > 100000)
			return "the tracee never ended";
	}
	if (WEXITSTATUS(status) != 5)
		return why("the tracee exited with %d", WEXITSTATUS(status));
	if (inside != 41)
		return why("%d steps in 41 instructions", inside);
	return NULL;
}

static int poke_debug(pid_t pid, int number, uint64_t value)
{
	return (int)ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[number]), value);
}

static const char *expect_trap(pid_t pid, const char *what)
{
	int status;
	siginfo_t info;

	ptrace(PTRACE_CONT, pid, 0, 0);
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
		return why("%s: wait status %#x", what, status);
	ptrace(PTRACE_GETSIGINFO, pid, 0, &info);
	if (info.si_code != TRAP_HWBKPT)
		return why("%s: code %d", what, info.si_code);
	return NULL;
}

static const char *hardware_breakpoints(void)
{
	pid_t pid = start_tracee();
	struct user_regs_struct regs;
	const char *reason;
	int status;

	if (pid < 0)
		return "the tracee did not stop";
	/* DR0: execution of stepped_end; DR1: write of 8 bytes to `watched`. */
	if (poke_debug(pid, 0, (uint64_t)stepped_end) || poke_debug(pid, 1, (uint64_t)&watched) ||
	    poke_debug(pid, 7, 0x900005)) {
		reason = errno == EOPNOTSUPP ? skip("the host has no debug registers for guests")
					     : why("the debug registers were refused: %s", strerror(errno));
		goto out;
	}
	reason = expect_trap(pid, "execution");
	if (reason)
		goto out;
	ptrace(PTRACE_GETREGS, pid, 0, &regs);
	if (regs.rip != (uint64_t)stepped_end) {
		reason = why("stopped at %#llx instead of %p", regs.rip, stepped_end);
		goto out;
	}
	reason = expect_trap(pid, "write");
	if (reason)
		goto out;
	/* A kernel access to a watched word gives the program SIGTRAP or nothing. */
	for (;;) {
		ptrace(PTRACE_CONT, pid, 0, 0);
		if (waitpid(pid, &status, 0) != pid)
			return "the tracee is gone";
		if (WIFEXITED(status))
			return WEXITSTATUS(status) == 5 ? NULL : why("exit code %d", WEXITSTATUS(status));
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP) {
			reason = why("wait status %#x after the watched words", status);
			goto out;
		}
	}
out:
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return reason;
}

static volatile int traps;
static volatile int wrong_code;
static void on_trap(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	traps++;
	if (info->si_code != TRAP_TRACE)
		wrong_code = info->si_code;
}

/* A program may set TF itself: one SIGTRAP per instruction, also across a system call. */
static const char *trap_flag(void)
{
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	long result;

	traps = wrong_code = 0;
	sigaction(SIGTRAP, &action, NULL);
	__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq\n"
			 "nop; nop; syscall; nop\n"
			 "pushfq; andq $~0x100, (%%rsp); popfq"
			 : "=a"(result) : "0"(SYS_getpid) : "rcx", "r11", "memory", "cc");
	signal(SIGTRAP, SIG_DFL);
	if (result != getpid())
		return why("the stepped system call returned %ld", result);
	/* Seven instructions follow the popfq; hardware skips the trap after a SYSCALL or not. */
	if (traps < 6 || traps > 7)
		return why("%d traps for 7 instructions", traps);
	if (wrong_code)
		return why("si_code %d", wrong_code);
	return NULL;
}

/* Registers can be set from outside, and nonsense is refused. */
static const char *set_registers(void)
{
	pid_t pid = start_tracee();
	struct user_regs_struct regs, changed;
	const char *reason = NULL;
	int status;

	if (pid < 0)
		return "the tracee did not stop";
	ptrace(PTRACE_GETREGS, pid, 0, &regs);
	changed = regs;
	changed.cs = 0x10;
	if (ptrace(PTRACE_SETREGS, pid, 0, &changed) == 0)
		reason = "a kernel code segment was accepted";
	changed = regs;
	changed.gs_base = 0xffffffff81000000;
	if (!reason && ptrace(PTRACE_SETREGS, pid, 0, &changed) == 0)
		reason = "a kernel address as GS base was accepted";
	changed = regs;
	changed.gs_base = 0x7000;
	changed.r15 = 0x1515;
	if (!reason && ptrace(PTRACE_SETREGS, pid, 0, &changed))
		reason = why("registers were refused: %s", strerror(errno));
	memset(&changed, 0, sizeof(changed));
	ptrace(PTRACE_GETREGS, pid, 0, &changed);
	if (!reason && (changed.gs_base != 0x7000 || changed.r15 != 0x1515))
		reason = why("gs base %#llx, r15 %#llx", changed.gs_base, changed.r15);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return reason;
}

SUITE(trace,
	{ "ptrace single step", single_step },
	{ "hardware breakpoints", hardware_breakpoints },
	{ "trap flag", trap_flag },
	{ "ptrace registers", set_registers });
