// SPDX-License-Identifier: GPL-2.0
/* FS and GS, the local descriptor table, the CPU number. */

#define _GNU_SOURCE
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "selftest.h"

static uint64_t words[16];

static long arch_prctl(int code, unsigned long address)
{
	return syscall(SYS_arch_prctl, code, address);
}

static uint64_t read_gs(void)
{
	uint64_t value;

	__asm__ volatile("mov %%gs:0, %0" : "=r"(value));
	return value;
}

static const char *set_gs(void)
{
	unsigned long got = 0;

	words[0] = 0x6565;
	if (arch_prctl(ARCH_SET_GS, (unsigned long)words))
		return why("ARCH_SET_GS: %s", strerror(errno));
	if (read_gs() != 0x6565)
		return why("gs:0 is %#lx", read_gs());
	arch_prctl(ARCH_GET_GS, (unsigned long)&got);
	if (got != (unsigned long)words)
		return why("ARCH_GET_GS gives %#lx", got);
	if (arch_prctl(ARCH_SET_GS, 0xffffffff81000000) == 0)
		return "a kernel address was accepted as GS base";
	sched_yield();
	usleep(2000);
	if (read_gs() != 0x6565)
		return "GS was lost in a context switch";
	arch_prctl(ARCH_SET_GS, 0);
	return NULL;
}

struct gs_work {
	uint64_t pattern;
	int rounds;
};

static void keep_gs(void *argument)
{
	struct gs_work *work = argument;

	words[1] = work->pattern;
	arch_prctl(ARCH_SET_GS, (unsigned long)&words[1]);
	for (int i = 0; i < work->rounds; i++) {
		if (read_gs() != work->pattern)
			_exit(1);
		if (i % 3 == 0)
			sched_yield();
		if (i % 50 == 0)
			usleep(100);
	}
	_exit(0);
}

/* Processes that disagree about GS take turns on a CPU. */
static const char *gs_per_process(void)
{
	struct gs_work work[3] = { { 0x111, 500 }, { 0x222, 500 }, { 0x333, 500 } };
	pid_t pids[3];
	int status, bad = 0;

	for (int i = 0; i < 3; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			keep_gs(&work[i]);
	}
	for (int i = 0; i < 3; i++) {
		waitpid(pids[i], &status, 0);
		bad += status != 0;
	}
	return bad ? why("%d of 3 processes saw another's GS", bad) : NULL;
}

static const char *fsgsbase_instructions(void)
{
	uint64_t base;

	/* AT_HWCAP2 bit 1: the instructions are enabled. */
	if (!(getauxval(AT_HWCAP2) & 2))
		return skip("the CPU has no FSGSBASE");
	__asm__ volatile("wrgsbase %0" : : "r"((uint64_t)&words[2]));
	words[2] = 0x7272;
	usleep(2000);
	__asm__ volatile("rdgsbase %0" : "=r"(base));
	if (base != (uint64_t)&words[2] || read_gs() != 0x7272)
		return why("gs base is %#lx", base);
	__asm__ volatile("wrgsbase %0" : : "r"(0ull));
	return NULL;
}

static const char *gs_selector(void)
{
	uint16_t selector;

	__asm__ volatile("mov %0, %%gs" : : "r"(0x2b));
	sched_yield();
	usleep(2000);
	__asm__ volatile("mov %%gs, %0" : "=r"(selector));
	__asm__ volatile("mov %0, %%gs" : : "r"(0));
	return selector == 0x2b ? NULL : why("gs is %#x", selector);
}

static void load_es(void *selector)
{
	__asm__ volatile("mov %0, %%es" : : "r"((uint32_t)(uintptr_t)selector));
}

static void load_ldt_fs(void *unused)
{
	uint64_t value;

	(void)unused;
	__asm__ volatile("mov %1, %%gs; mov %%gs:0, %0; mov %2, %%gs" : "=&r"(value) : "r"(7), "r"(0));
	words[4] = value;
}

/*
 * The table can be written and read back. Loading a selector of it works or
 * is a fault; what it must not do is load something else.
 */
static const char *local_descriptors(void)
{
	struct user_desc entry = { .entry_number = 0, .base_addr = 0, .limit = 0xfffff, .seg_32bit = 1,
				   .limit_in_pages = 1, .useable = 1 };
	uint64_t table[2] = { 0 };
	long length = syscall(SYS_modify_ldt, 1, &entry, sizeof(entry));

	if (length < 0)
		return errno == ENOSYS ? skip("no modify_ldt") : why("modify_ldt: %s", strerror(errno));
	length = syscall(SYS_modify_ldt, 0, table, sizeof(table));
	if (length < 8 || table[0] == 0)
		return why("reading the table gives %ld bytes, entry %#lx", length, table[0]);
	/* A data segment with base 0 in the first GiB: reading it faults unless mapped. */
	int number = catch_signal(load_es, (void *)(uintptr_t)7);

	if (number != 0 && number != SIGSEGV)
		return why("loading the selector gave signal %d", number);
	__asm__ volatile("mov %0, %%es" : : "r"(0));
	if (number != 0)
		return skip("the host does not load guests' local descriptors: SIGSEGV");
	catch_signal(load_ldt_fs, NULL);
	__asm__ volatile("mov %0, %%gs" : : "r"(0));
	return NULL;
}

static const char *bad_selectors(void)
{
	/* Null table entries, system segments, and those of privilege level 0. */
	static const int selectors[] = { 0x08, 0x10, 0x18, 0x40, 0x50, 0x1f3, 0xfff8 };

	for (size_t i = 0; i < sizeof(selectors) / sizeof(selectors[0]); i++) {
		int number = catch_signal(load_es, (void *)(uintptr_t)selectors[i]);

		if (number != SIGSEGV)
			return why("selector %#x gave signal %d", selectors[i], number);
	}
	return NULL;
}

static const char *cpu_number(void)
{
	unsigned int cpu = ~0u, node = ~0u;
	cpu_set_t set;

	sched_getaffinity(0, sizeof(set), &set);
	for (int i = 0; i < 100; i++) {
		if (syscall(SYS_getcpu, &cpu, &node, NULL) || !CPU_ISSET(cpu, &set) || node != 0)
			return why("getcpu says cpu %u, node %u", cpu, node);
		int from_library = sched_getcpu();

		if (from_library < 0 || !CPU_ISSET(from_library, &set))
			return why("sched_getcpu says %d", from_library);
		usleep(100);
	}
	return NULL;
}

SUITE(segment,
	{ "arch_prctl sets GS", set_gs },
	{ "GS is per process", gs_per_process },
	{ "WRGSBASE and RDGSBASE", fsgsbase_instructions },
	{ "GS selector", gs_selector },
	{ "modify_ldt", local_descriptors },
	{ "bad selectors are refused", bad_selectors },
	{ "CPU number", cpu_number });
