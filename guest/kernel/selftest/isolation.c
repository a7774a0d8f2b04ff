// SPDX-License-Identifier: GPL-2.0
/* User mode gets at no memory of the kernel, and at no registers of others. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "selftest.h"

#define PAGE 4096ull

struct range {
	const char *name;
	uint64_t start, length, stride;
};

/* Where a Linux kernel without address randomization keeps things. */
static const struct range ranges[] = {
	{ "cpu entry area", 0xfffffe0000000000, 128 * PAGE, PAGE },
	{ "kernel image", 0xffffffff81000000, 0x3000000, PAGE },
	{ "direct map", 0xffff888000000000, 0x8000000, 0x40000 },
	{ "vmalloc", 0xffffc90000000000, 0x400000, 0x4000 },
	{ "vmemmap", 0xffffea0000000000, 0x400000, 0x10000 },
	{ "local descriptors", 0xfffffe8000000000, 0x20000, PAGE },
	{ "fixmap", 0xffffffffff000000, 0xfff000, PAGE },
};

static sigjmp_buf probe_at;
static void on_probe(int number)
{
	siglongjmp(probe_at, number);
}

static bool readable(uint64_t address)
{
	if (sigsetjmp(probe_at, 1))
		return false;
	(void)*(volatile char *)address;
	return true;
}

/* Writes back what is there. */
static bool writable(uint64_t address)
{
	if (sigsetjmp(probe_at, 1))
		return false;
	volatile char *byte = (volatile char *)address;

	*byte = *byte;
	return true;
}

static void for_readable(const char *(*visit)(const struct range *, uint64_t), const char **reason)
{
	struct sigaction action = { .sa_handler = on_probe }, old_segv, old_bus;

	sigaction(SIGSEGV, &action, &old_segv);
	sigaction(SIGBUS, &action, &old_bus);
	*reason = NULL;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]) && !*reason; i++)
		for (uint64_t at = 0; at < ranges[i].length && !*reason; at += ranges[i].stride)
			if (readable(ranges[i].start + at))
				*reason = visit(&ranges[i], ranges[i].start + at);
	sigaction(SIGSEGV, &old_segv, NULL);
	sigaction(SIGBUS, &old_bus, NULL);
}

static unsigned int open_pages, open_writable;

static const char *count_page(const struct range *range, uint64_t address)
{
	bool writes = writable(address);

	printf("# user mode reads%s %#lx (%s)\n", writes ? " and writes" : "", address, range->name);
	open_pages++;
	open_writable += writes;
	/* Only what the entry code of page table isolation needs may be there. */
	if (!strcmp(range->name, "cpu entry area") || !strcmp(range->name, "kernel image"))
		return NULL;
	return why("%#lx (%s) is readable", address, range->name);
}

/*
 * A kernel whose pages are kept apart by page tables alone may leave its entry
 * code and stacks open: read-only entry text and descriptor tables, and stacks
 * and a scratch page that hold nothing while user mode runs.
 */
static const char *memory_is_closed(void)
{
	const char *reason;

	open_pages = open_writable = 0;
	for_readable(count_page, &reason);
	if (reason)
		return reason;
	/* Entry text 8, IDT, GDT, TSS 5 and its alias; entry stack, 4 exception stacks, scratch. */
	if (open_writable > 6 || open_pages > 22)
		return why("%u pages are readable, %u of them writable", open_pages, open_writable);
	return NULL;
}

#define SECRET 0x5ec2e75ec2e75ec2ull

/* Holds the secret in every register while timer ticks, faults and calls come. */
static void hold_secret(void)
{
	for (;;)
		__asm__ volatile(
			"push %%rbp; push %%rbx; mov %0, %%rax\n"
			"mov %%rax, %%rbx; mov %%rax, %%rdx; mov %%rax, %%rsi; mov %%rax, %%rdi; mov %%rax, %%rbp\n"
			"mov %%rax, %%r8; mov %%rax, %%r9; mov %%rax, %%r10; mov %%rax, %%r12; mov %%rax, %%r13\n"
			"mov %%rax, %%r14; mov %%rax, %%r15; mov $4000000, %%ecx\n"
			"1: dec %%rcx; jnz 1b\n"
			"mov $110, %%eax; syscall\n"
			"pop %%rbx; pop %%rbp\n"
			: : "i"(SECRET)
			: "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
			  "memory", "cc");
}

static const char *find_secret(const struct range *range, uint64_t address)
{
	static uint64_t copy[PAGE / 8];

	if (sigsetjmp(probe_at, 1))
		return NULL;
	memcpy(copy, (void *)address, PAGE);
	for (size_t i = 0; i < PAGE / 8; i++)
		if (copy[i] == SECRET)
			return why("another process's register is at %#lx (%s)", address + 8 * i, range->name);
	return NULL;
}

static const char *registers_are_closed(void)
{
	const char *reason = NULL;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		hold_secret();
	for (int i = 0; i < 3 && !reason; i++) {
		usleep(30000);
		for_readable(find_secret, &reason);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return reason;
}

static void jump(void *address)
{
	alarm(5);
	__asm__ volatile("jmp *%0" : : "r"(address) : "memory");
}

/* Entry code that user mode can see is of no use to it. */
static const char *entry_code_is_harmless(void)
{
	struct sigaction action = { .sa_handler = on_probe }, old;
	int tried = 0;

	for (uint64_t page = ranges[1].start; page < ranges[1].start + ranges[1].length; page += PAGE) {
		sigaction(SIGSEGV, &action, &old);
		bool open = readable(page);
		sigaction(SIGSEGV, &old, NULL);
		if (!open)
			continue;
		for (uint64_t at = page; at < page + PAGE; at += 64) {
			int status = in_child(jump, (void *)at);

			tried++;
			if (!WIFSIGNALED(status) ||
			    (WTERMSIG(status) != SIGSEGV && WTERMSIG(status) != SIGILL && WTERMSIG(status) != SIGTRAP &&
			     WTERMSIG(status) != SIGBUS && WTERMSIG(status) != SIGFPE))
				return why("a jump to %#lx gave wait status %#x", at, status);
		}
	}
	return tried ? NULL : skip("no entry code is visible");
}

/* The kernel does not follow a pointer into its own memory for a program. */
static const char *kernel_pointers(void)
{
	static const uint64_t addresses[] = { 0xffffffff81000000, 0xffff888000001000, 0xfffffe0000001000,
					      0x8000000000000000, 0x00007ffffffff000 };
	int ends[2], file = open("/proc/self/stat", O_RDONLY);
	char byte;

	if (pipe(ends))
		return why("pipe: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		void *address = (void *)addresses[i];
		struct iovec local = { &byte, 1 }, remote = { address, 1 };

		if (write(ends[1], address, 1) != -1 || errno != EFAULT)
			return why("write from %p did not fail with EFAULT", address);
		if (file >= 0 && (read(file, address, 1) != -1 || errno != EFAULT))
			return why("read to %p did not fail with EFAULT", address);
		if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != -1)
			return why("process_vm_readv of %p was served", address);
	}
	close(file);
	close(ends[0]);
	close(ends[1]);
	return NULL;
}

SUITE(isolation,
	{ "kernel memory is closed to user mode", memory_is_closed },
	{ "registers of other processes are not left behind", registers_are_closed },
	{ "visible entry code is harmless", entry_code_is_harmless },
	{ "kernel addresses as system call arguments", kernel_pointers });
