// SPDX-License-Identifier: GPL-2.0
/* Exceptions, privileged instructions, flags and registers across the kernel. */

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "selftest.h"

struct instruction {
	const char *text;
	const uint8_t *bytes;
	size_t length;
	int wanted;
};

#define INSTRUCTION(text, wanted, ...)					\
	{ text, (const uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }), wanted }

/* Each is refused to user mode by hardware. Operands that matter are zero. */
static const struct instruction privileged[] = {
	INSTRUCTION("hlt", SIGSEGV, 0xf4),
	INSTRUCTION("cli", SIGSEGV, 0xfa),
	INSTRUCTION("sti", SIGSEGV, 0xfb),
	INSTRUCTION("in al, dx", SIGSEGV, 0xec),
	INSTRUCTION("out dx, al", SIGSEGV, 0xee),
	INSTRUCTION("mov rax, cr0", SIGSEGV, 0x0f, 0x20, 0xc0),
	INSTRUCTION("mov rax, cr2", SIGSEGV, 0x0f, 0x20, 0xd0),
	INSTRUCTION("mov rax, cr3", SIGSEGV, 0x0f, 0x20, 0xd8),
	INSTRUCTION("mov cr3, rax", SIGSEGV, 0x0f, 0x22, 0xd8),
	INSTRUCTION("mov rax, cr4", SIGSEGV, 0x0f, 0x20, 0xe0),
	INSTRUCTION("mov rax, dr7", SIGSEGV, 0x0f, 0x21, 0xf8),
	INSTRUCTION("rdmsr", SIGSEGV, 0x0f, 0x32),
	/* mov ecx, 0x4b564d10; the native mode MSR */
	INSTRUCTION("wrmsr", SIGSEGV, 0xb9, 0x10, 0x4d, 0x56, 0x4b, 0x31, 0xc0, 0x31, 0xd2, 0x0f, 0x30),
	INSTRUCTION("swapgs", SIGSEGV, 0x0f, 0x01, 0xf8),
	INSTRUCTION("invlpg", SIGSEGV, 0x0f, 0x01, 0x38),
	INSTRUCTION("wbinvd", SIGSEGV, 0x0f, 0x09),
	INSTRUCTION("clts", SIGSEGV, 0x0f, 0x06),
	INSTRUCTION("lgdt", SIGSEGV, 0x0f, 0x01, 0x14, 0x24),
	INSTRUCTION("lidt", SIGSEGV, 0x0f, 0x01, 0x1c, 0x24),
	INSTRUCTION("ltr ax", SIGSEGV, 0x0f, 0x00, 0xd8),
	INSTRUCTION("lldt ax", SIGSEGV, 0x0f, 0x00, 0xd0),
	INSTRUCTION("sysretq", SIGSEGV, 0x48, 0x0f, 0x07),
	INSTRUCTION("xsetbv", SIGSEGV, 0x31, 0xc9, 0x0f, 0x01, 0xd1),
	INSTRUCTION("int 0x20", SIGSEGV, 0xcd, 0x20),
	INSTRUCTION("int 0x80", SIGSEGV, 0xcd, 0x80),
	INSTRUCTION("int 0xef", SIGSEGV, 0xcd, 0xef),
	INSTRUCTION("ud2", SIGILL, 0x0f, 0x0b),
	INSTRUCTION("int3", SIGTRAP, 0xcc),
	/* lea rax, [rip+9]; push 0x18; push rsp; push 0x202; push 0x10; push rax; iretq */
	INSTRUCTION("iretq to kernel cs", SIGSEGV, 0x48, 0x8d, 0x05, 0x0d, 0x00, 0x00, 0x00, 0x6a, 0x18, 0x54,
		    0x68, 0x02, 0x02, 0x00, 0x00, 0x6a, 0x10, 0x50, 0x48, 0xcf, 0x0f, 0x0b),
	/* push 0x10; lea rax, [rip+3]; push rax; retfq */
	INSTRUCTION("far return to kernel cs", SIGSEGV, 0x6a, 0x10, 0x48, 0x8d, 0x05, 0x03, 0x00, 0x00, 0x00, 0x50,
		    0x48, 0xcb, 0x0f, 0x0b),
};

static void run_bytes(void *page)
{
	/* rax and rdx are pointers nobody minds; the code never returns. */
	__asm__ volatile("xor %%eax, %%eax; xor %%edx, %%edx; jmp *%0" : : "r"(page) : "rax", "rdx", "memory");
}

static const char *privileged_instructions(void)
{
	uint8_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; i < sizeof(privileged) / sizeof(privileged[0]); i++) {
		const struct instruction *in = &privileged[i];

		for (size_t k = 0; k < 64; k++)
			page[k] = k < in->length ? in->bytes[k] : 0xf1 /* not reached */;
		int status = in_child(run_bytes, page);

		if (!WIFSIGNALED(status) || WTERMSIG(status) != in->wanted)
			return why("%s: expected signal %d, wait status is %#x", in->text, in->wanted, status);
	}
	munmap(page, 4096);
	return NULL;
}

/* Hypercalls are for the kernel: from user mode they fail, one way or the other. */
static void vmcall(void *unused)
{
	long result = 5;

	(void)unused;
	__asm__ volatile("vmcall" : "+a"(result) : : "memory");
	_exit(result < 0 ? 0 : 1);
}

static void vmmcall(void *unused)
{
	long result = 5;

	(void)unused;
	__asm__ volatile("vmmcall" : "+a"(result) : : "memory");
	_exit(result < 0 ? 0 : 1);
}

static const char *hypercalls(void)
{
	int status = in_child(vmcall, NULL);

	if (WIFEXITED(status) && WEXITSTATUS(status))
		return "VMCALL from user mode was served";
	status = in_child(vmmcall, NULL);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		return "VMMCALL from user mode was served";
	return NULL;
}

static void divide(void *unused)
{
	(void)unused;
	__asm__ volatile("xor %%ecx, %%ecx; mov $1, %%eax; cltd; idiv %%ecx" : : : "rax", "rcx", "rdx", "cc");
}

static const char *divide_error(void)
{
	int number = catch_signal(divide, NULL);

	if (number != SIGFPE || caught_info.si_code != FPE_INTDIV)
		return why("signal %d, code %d", number, caught_info.si_code);
	return NULL;
}

static void write_null(void *address)
{
	*(volatile char *)address = 1;
}

static const char *fault_address(void)
{
	char *address = (char *)0x123456789000;
	int number = catch_signal(write_null, address);

	if (number != SIGSEGV || caught_info.si_addr != address || caught_info.si_code != SEGV_MAPERR)
		return why("signal %d, code %d, address %p", number, caught_info.si_code, caught_info.si_addr);
	number = catch_signal(write_null, (void *)0x8000000000000000);
	if (number != SIGSEGV)
		return why("a non-canonical address gave signal %d", number);
	return NULL;
}

/* IF reads as set, and user mode can change neither IF nor IOPL. */
static const char *flags(void)
{
	uint64_t before, after;

	__asm__ volatile("pushfq; pop %0; mov %0, %1; and $~0x200, %1; or $0x3000, %1; push %1; popfq; pushfq; pop %1"
			 : "=&r"(before), "=&r"(after) : : "memory", "cc");
	if (!(before & 0x200) || !(after & 0x200))
		return why("IF is clear: %#lx then %#lx", before, after);
	if (after & 0x3000)
		return why("IOPL could be raised: %#lx", after);
	__asm__ volatile("std; syscall; pushfq; pop %0; cld"
			 : "=&r"(after), "=a"(before) : "1"(SYS_getppid) : "rcx", "r11", "memory", "cc");
	if (!(after & 0x400))
		return "DF was lost in a system call";
	return NULL;
}

/* A system call keeps all registers but rax, rcx and r11. */
static const char *system_call_registers(void)
{
	uint64_t out[13], here, flags;

	for (int round = 0; round < 2000; round++) {
		uint64_t *p = out;

		__asm__ volatile(
			"push %%rbp; push %%rbx; push %[p]\n"
			"mov $0x1001, %%rbx; mov $0x1002, %%rdx; mov $0x1003, %%rsi; mov $0x1004, %%rdi\n"
			"mov $0x1005, %%rbp; mov $0x1006, %%r8; mov $0x1007, %%r9; mov $0x1008, %%r10\n"
			"mov $0x1009, %%r12; mov $0x100a, %%r13; mov $0x100b, %%r14; mov $0x100c, %%r15\n"
			"mov %[nr], %%eax; syscall\n"
			"1: lea 1b(%%rip), %%rax; xchg %%rax, (%%rsp)\n"
			"mov %%rbx, (%%rax); mov %%rdx, 8(%%rax); mov %%rsi, 16(%%rax); mov %%rdi, 24(%%rax)\n"
			"mov %%rbp, 32(%%rax); mov %%r8, 40(%%rax); mov %%r9, 48(%%rax); mov %%r10, 56(%%rax)\n"
			"mov %%r12, 64(%%rax); mov %%r13, 72(%%rax); mov %%r14, 80(%%rax); mov %%r15, 88(%%rax)\n"
			"mov %%rcx, 96(%%rax); pop %%rax; pop %%rbx; pop %%rbp\n"
			: "=&a"(here), "=&c"(flags)
			: [p] "r"(p), [nr] "i"(SYS_getppid)
			: "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
		for (uint64_t i = 0; i < 12; i++)
			if (out[i] != 0x1001 + i)
				return why("register %lu is %#lx in round %d", i, out[i], round);
		if (out[12] != here)
			return why("rcx is %#lx instead of the return address %#lx", out[12], here);
	}
	return NULL;
}

static volatile int ticks;
static void on_tick(int number)
{
	(void)number;
	ticks++;
}

/* Interrupts in the middle of user code leave every register as it was. */
static const char *interrupts_keep_registers(void)
{
	struct itimerval interval = { { 0, 1000 }, { 0, 1000 } }, off = { { 0, 0 }, { 0, 0 } };
	uint64_t bad = 0, end = now_ns(CLOCK_MONOTONIC) + 500000000;

	ticks = 0;
	signal(SIGALRM, on_tick);
	setitimer(ITIMER_REAL, &interval, NULL);
	while (now_ns(CLOCK_MONOTONIC) < end) {
		__asm__ volatile(
			"push %%rbp; push %%rbx\n"
			"mov $0x11, %%rbx; mov $0x22, %%rdx; mov $0x33, %%rsi; mov $0x44, %%rdi; mov $0x55, %%rbp\n"
			"mov $0x66, %%r8; mov $0x77, %%r9; mov $0x88, %%r10; mov $0x99, %%r11; mov $0xaa, %%r12\n"
			"mov $0xbb, %%r13; mov $0xcc, %%r14; mov $0xdd, %%r15; mov $200000, %%ecx\n"
			"1: dec %%rcx; jnz 1b\n"
			"lea (%%rbx,%%rdx), %%rax; add %%rsi, %%rax; add %%rdi, %%rax; add %%rbp, %%rax; add %%r8, %%rax\n"
			"add %%r9, %%rax; add %%r10, %%rax; add %%r11, %%rax; add %%r12, %%rax; add %%r13, %%rax\n"
			"add %%r14, %%rax; add %%r15, %%rax; sub $0x60b, %%rax; pop %%rbx; pop %%rbp\n"
			"or %%rax, %[bad]\n"
			: [bad] "+m"(bad)
			:
			: "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
			  "memory", "cc");
		if (bad)
			break;
	}
	setitimer(ITIMER_REAL, &off, NULL);
	signal(SIGALRM, SIG_DFL);
	if (bad)
		return why("the sum of the registers is off by %#lx", bad);
	if (ticks < 20)
		return why("only %d timer signals in 0.5 s", ticks);
	return NULL;
}

SUITE(exception,
	{ "privileged instructions are refused", privileged_instructions },
	{ "hypercalls are refused", hypercalls },
	{ "division by zero is SIGFPE", divide_error },
	{ "a fault carries its address", fault_address },
	{ "flags", flags },
	{ "registers across system calls", system_call_registers },
	{ "registers across interrupts", interrupts_keep_registers });
