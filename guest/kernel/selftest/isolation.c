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

#define KERNEL_IMAGE 1

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

struct open_page {
	const struct range *range;
	uint64_t address;
	bool writable;
};

#define MOST_PAGES 64
static struct open_page open_pages[MOST_PAGES];
static size_t open_count;

static void catch_probes(struct sigaction *old)
{
	struct sigaction action = { .sa_handler = on_probe };

	sigaction(SIGSEGV, &action, &old[0]);
	sigaction(SIGBUS, &action, &old[1]);
}

static void end_probes(const struct sigaction *old)
{
	sigaction(SIGSEGV, &old[0], NULL);
	sigaction(SIGBUS, &old[1], NULL);
}

/* Fills open_pages, once: some thousand faults take their time. */
static void find_open_pages(void)
{
	static bool found;
	struct sigaction old[2];

	if (found)
		return;
	found = true;
	catch_probes(old);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		for (uint64_t at = 0; at < ranges[i].length && open_count < MOST_PAGES; at += ranges[i].stride)
			if (readable(ranges[i].start + at))
				open_pages[open_count++] = (struct open_page){
					&ranges[i], ranges[i].start + at, writable(ranges[i].start + at) };
	end_probes(old);
}

/*
 * A kernel whose pages are kept apart by page tables alone may leave its entry
 * code and stacks open: read-only entry text and descriptor tables, and stacks
 * and a scratch page that hold nothing while user mode runs.
 */
static const char *memory_is_closed(void)
{
	size_t open_writable = 0;

	find_open_pages();
	for (size_t i = 0; i < open_count; i++) {
		const struct open_page *page = &open_pages[i];

		printf("# user mode reads%s %#lx (%s)\n", page->writable ? " and writes" : "", page->address,
		       page->range->name);
		open_writable += page->writable;
		/* Only what the entry code of page table isolation needs may be there. */
		if (strcmp(page->range->name, "cpu entry area") && strcmp(page->range->name, "kernel image"))
			return why("%#lx (%s) is readable", page->address, page->range->name);
	}
	/* Entry text 8, IDT, GDT, TSS 5 and its alias; entry stack, 4 exception stacks, scratch. */
	if (open_writable > 6 || open_count > 22)
		return why("%zu pages are readable, %zu of them writable", open_count, open_writable);
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

static const char *registers_are_closed(void)
{
	static uint64_t copy[PAGE / 8];
	const char *reason = NULL;
	int status;

	find_open_pages();
	pid_t pid = fork();

	if (pid == 0)
		hold_secret();
	for (int round = 0; round < 10 && !reason; round++) {
		usleep(30000);
		for (size_t p = 0; p < open_count; p++) {
			memcpy(copy, (void *)open_pages[p].address, PAGE);
			for (size_t i = 0; i < PAGE / 8; i++)
				if (copy[i] == SECRET)
					reason = why("another process's register is at %#lx", open_pages[p].address + 8 * i);
		}
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
	int tried = 0;

	find_open_pages();
	for (size_t p = 0; p < open_count; p++) {
		uint64_t page = open_pages[p].address;

		if (open_pages[p].range != &ranges[KERNEL_IMAGE])
			continue;
		for (uint64_t at = page; at < page + PAGE; at += 64) {
			int status = in_child(jump, (void *)at);
			int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

			tried++;
			if (number != SIGSEGV && number != SIGILL && number != SIGTRAP && number != SIGBUS &&
			    number != SIGFPE)
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
