// SPDX-License-Identifier: GPL-2.0
/* Signal frames and sigreturn. */

#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "selftest.h"

#define USER_CS 0x33
#define USER_DS 0x2b

static ucontext_t seen;
static void (*edit)(ucontext_t *);

static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	memcpy(&seen, context, sizeof(seen));
	if (edit)
		edit(context);
}

static void catch_usr1(void (*editor)(ucontext_t *))
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

	edit = editor;
	sigaction(SIGUSR1, &action, NULL);
}

static const char *check_selectors(const char *origin)
{
	uint64_t selectors = seen.uc_mcontext.gregs[REG_CSGSFS];

	if ((selectors & 0xffff) != USER_CS)
		return why("%s: cs is %#lx", origin, selectors & 0xffff);
	if (selectors >> 48 != USER_DS)
		return why("%s: ss is %#lx", origin, selectors >> 48);
	if (!(seen.uc_mcontext.gregs[REG_EFL] & 0x200))
		return why("%s: flags are %#llx", origin, seen.uc_mcontext.gregs[REG_EFL]);
	return NULL;
}

static void skip_ud2(ucontext_t *context)
{
	context->uc_mcontext.gregs[REG_RIP] += 2;
}

/* From a system call and from an exception, which enter the kernel in different ways. */
static const char *frame_selectors(void)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

	catch_usr1(NULL);
	raise(SIGUSR1);
	const char *reason = check_selectors("system call");

	if (reason)
		return reason;
	edit = skip_ud2;
	sigaction(SIGILL, &action, NULL);
	__asm__ volatile("ud2");
	signal(SIGILL, SIG_DFL);
	reason = check_selectors("exception");
	if (reason)
		return reason;

	uint16_t ss, cs;

	__asm__ volatile("mov %%ss, %0; mov %%cs, %1" : "=r"(ss), "=r"(cs));
	if (ss != USER_DS || cs != USER_CS)
		return why("outside of handlers ss is %#x and cs %#x", ss, cs);
	return NULL;
}

static void edit_registers(ucontext_t *context)
{
	context->uc_mcontext.gregs[REG_R12] = 0x1212121212121212;
	context->uc_mcontext.gregs[REG_R13] = 0x1313131313131313;
	context->uc_mcontext.gregs[REG_RBX] = 0xbbbbbbbb;
}

static const char *sigreturn_restores(void)
{
	uint64_t r12, r13, rbx;

	catch_usr1(edit_registers);
	__asm__ volatile("syscall; mov %%r12, %0; mov %%r13, %1; mov %%rbx, %2"
			 : "=&r"(r12), "=&r"(r13), "=&r"(rbx)
			 : "a"(SYS_tgkill), "D"(getpid()), "S"(syscall(SYS_gettid)), "d"(SIGUSR1)
			 : "rcx", "r11", "r12", "r13", "rbx", "memory");
	if (r12 != 0x1212121212121212 || r13 != 0x1313131313131313 || rbx != 0xbbbbbbbb)
		return why("r12 %#lx, r13 %#lx, rbx %#lx", r12, r13, rbx);
	return NULL;
}

static void bad_cs(ucontext_t *context)
{
	uint64_t *selectors = (uint64_t *)&context->uc_mcontext.gregs[REG_CSGSFS];

	*selectors = (*selectors & ~0xffffull) | 0x10;
}

static void odd_cs(ucontext_t *context)
{
	uint64_t *selectors = (uint64_t *)&context->uc_mcontext.gregs[REG_CSGSFS];

	*selectors = (*selectors & ~0xffffull) | 0xfff3;
}

static void bad_ip(ucontext_t *context)
{
	context->uc_mcontext.gregs[REG_RIP] = 0x8000000000000000;
}

static void kernel_ip(ucontext_t *context)
{
	context->uc_mcontext.gregs[REG_RIP] = 0xffffffff81000000;
}

static void all_flags(ucontext_t *context)
{
	/* IOPL 3, NT, VM, RF, AC without TF. */
	context->uc_mcontext.gregs[REG_EFL] |= 0x77000;
	context->uc_mcontext.gregs[REG_EFL] &= ~0x200ull;
}

static void raise_edited(void *editor)
{
	catch_usr1(editor);
	raise(SIGUSR1);
}

static void raise_flags(void *unused)
{
	uint64_t flags;

	(void)unused;
	raise_edited(all_flags);
	__asm__ volatile("pushfq; pop %0" : "=r"(flags));
	_exit((flags & 0x3000) || !(flags & 0x200));
}

/* Whatever a program writes into its frame, the kernel goes on and the program has itself to blame. */
static const char *sigreturn_bad(void)
{
	static void (*const editors[])(ucontext_t *) = { bad_cs, odd_cs, bad_ip, kernel_ip };

	for (int i = 0; i < 4; i++) {
		const char *reason = expect_signal(raise_edited, editors[i], SIGSEGV);

		if (reason)
			return why("edit %d: %s", i, strdup(reason));
	}
	if (in_child(raise_flags, NULL) != 0)
		return "sigreturn let IOPL or IF through";
	return NULL;
}

static volatile bool unending = true;
static void overflow(void *unused)
{
	volatile char frame[4096];

	frame[0] = 1;
	if (unending)
		overflow(unused);
	frame[1] = frame[0];
}

static void on_overflow(int number)
{
	(void)number;
	_exit(42);
}

static void overflow_on_altstack(void *unused)
{
	stack_t stack = { .ss_sp = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
			  .ss_size = 65536 };
	struct sigaction action = { .sa_handler = on_overflow, .sa_flags = SA_ONSTACK };

	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &action, NULL);
	overflow(unused);
}

static const char *alternate_stack(void)
{
	int status = in_child(overflow_on_altstack, NULL);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 42)
		return why("wait status %#x", status);
	return NULL;
}

SUITE(signal,
	{ "signal frames show cs 0x33 and ss 0x2b", frame_selectors },
	{ "sigreturn restores edited registers", sigreturn_restores },
	{ "sigreturn to nonsense is SIGSEGV", sigreturn_bad },
	{ "stack overflow reaches the alternate stack", alternate_stack });
