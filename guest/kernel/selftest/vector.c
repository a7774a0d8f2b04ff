// SPDX-License-Identifier: GPL-2.0
/* Vector and x87 registers across switches, signals and system calls. */

#define _GNU_SOURCE
#include <immintrin.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "selftest.h"

/*
 * Load a pattern into registers, spin, store and compare. The loop is long
 * enough that interrupts and other processes come in between.
 */
#define SPIN_AND_KEEP(name, attribute, load, store)					\
	__attribute__((target(attribute))) static int name(uint64_t pattern, long spins)	\
	{									\
		uint64_t in[8] __attribute__((aligned(64))), out[4][8] __attribute__((aligned(64)));	\
		for (int i = 0; i < 8; i++)					\
			in[i] = pattern + i;					\
		memset(out, 0, sizeof(out));					\
		__asm__ volatile(load						\
				 "1: dec %0; jnz 1b\n"				\
				 store						\
				 : "+r"(spins)					\
				 : "r"(in), "r"(out)				\
				 : "xmm0", "xmm3", "xmm7", "xmm15", "memory", "cc");	\
		int bad = 0;							\
		for (int r = 0; r < 4; r++)					\
			for (int i = 0; i < 8; i++)				\
				bad += out[r][i] != in[i] && out[r][i] != 0;	\
		return bad || out[3][1] != in[1];				\
	}

SPIN_AND_KEEP(keep_sse, "sse2",
	"movdqa (%1), %%xmm0; movdqa (%1), %%xmm3; movdqa (%1), %%xmm7; movdqa (%1), %%xmm15\n",
	"movdqa %%xmm0, (%2); movdqa %%xmm3, 64(%2); movdqa %%xmm7, 128(%2); movdqa %%xmm15, 192(%2)\n")
SPIN_AND_KEEP(keep_avx, "avx",
	"vmovdqa (%1), %%ymm0; vmovdqa (%1), %%ymm3; vmovdqa (%1), %%ymm7; vmovdqa (%1), %%ymm15\n",
	"vmovdqa %%ymm0, (%2); vmovdqa %%ymm3, 64(%2); vmovdqa %%ymm7, 128(%2); vmovdqa %%ymm15, 192(%2); vzeroupper\n")
SPIN_AND_KEEP(keep_avx512, "avx512f",
	"vmovdqa64 (%1), %%zmm0; vmovdqa64 (%1), %%zmm19; vmovdqa64 (%1), %%zmm31; vmovdqa64 (%1), %%zmm15\n",
	"vmovdqa64 %%zmm0, (%2); vmovdqa64 %%zmm19, 64(%2); vmovdqa64 %%zmm31, 128(%2); vmovdqa64 %%zmm15, 192(%2); vzeroupper\n")

/* What XCR0 says the kernel saves; CPUID alone is no proof. */
static uint64_t enabled_states(void)
{
	uint32_t low, high;

	if (!__builtin_cpu_supports("avx"))
		return 3;
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (uint64_t)high << 32 | low;
}

static void keep_for_a_while(void *argument)
{
	uint64_t pattern = (uint64_t)(uintptr_t)argument, states = enabled_states();
	uint64_t end = now_ns(CLOCK_MONOTONIC) + 700000000;

	while (now_ns(CLOCK_MONOTONIC) < end) {
		if (keep_sse(pattern, 300000))
			_exit(1);
		if ((states & 7) == 7 && keep_avx(pattern, 300000))
			_exit(2);
		if ((states & 0xe7) == 0xe7 && keep_avx512(pattern, 300000))
			_exit(3);
		sched_yield();
	}
}

static const char *across_processes(void)
{
	static const char *const kinds[] = { "", "SSE", "AVX", "AVX-512" };
	pid_t pids[3];
	int status, bad = 0;

	for (int i = 0; i < 3; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			keep_for_a_while((void *)(uintptr_t)(0x1111111100000000ull * (i + 1)));
			_exit(0);
		}
	}
	for (int i = 0; i < 3; i++) {
		waitpid(pids[i], &status, 0);
		if (status)
			bad = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	}
	if (bad < 0 || bad > 3)
		return why("wait status of a process: %#x", status);
	return bad ? why("%s registers changed", kinds[bad]) : NULL;
}

static void spoil(int number)
{
	(void)number;
	__asm__ volatile("pcmpeqd %%xmm0, %%xmm0; movdqa %%xmm0, %%xmm3; movdqa %%xmm0, %%xmm7; movdqa %%xmm0, %%xmm15"
			 : : : "xmm0", "xmm3", "xmm7", "xmm15");
	if ((enabled_states() & 7) == 7)
		__asm__ volatile("vpcmpeqd %%xmm1, %%xmm1, %%xmm1; vinsertf128 $1, %%xmm1, %%ymm1, %%ymm0; vmovdqa %%ymm0, %%ymm7"
				 : : : "xmm0", "xmm1", "xmm7");
}

static const char *across_signals(void)
{
	struct itimerval interval = { { 0, 1000 }, { 0, 1000 } }, off = { { 0, 0 }, { 0, 0 } };
	uint64_t end = now_ns(CLOCK_MONOTONIC) + 300000000, states = enabled_states();
	int bad = 0;

	signal(SIGALRM, spoil);
	setitimer(ITIMER_REAL, &interval, NULL);
	while (!bad && now_ns(CLOCK_MONOTONIC) < end) {
		bad = keep_sse(0x5555000000000000, 300000);
		if (!bad && (states & 7) == 7)
			bad = keep_avx(0x6666000000000000, 300000);
	}
	setitimer(ITIMER_REAL, &off, NULL);
	signal(SIGALRM, SIG_DFL);
	return bad ? "a signal handler's registers came through" : NULL;
}

/* A child starts with its parent's control words, and a thread of its own keeps them. */
static const char *control_words(void)
{
	uint16_t control = 0x27f, got = 0;
	uint32_t mxcsr = 0x9fc0, got_mxcsr = 0;
	uint16_t usual = 0x37f;
	uint32_t usual_mxcsr = 0x1f80;

	__asm__ volatile("fldcw %0; ldmxcsr %1" : : "m"(control), "m"(mxcsr));
	pid_t pid = fork();

	usleep(2000);
	__asm__ volatile("fnstcw %0; stmxcsr %1" : "=m"(got), "=m"(got_mxcsr));
	if (pid == 0)
		_exit(got != control || (got_mxcsr & ~0x3fu) != (mxcsr & ~0x3fu));
	__asm__ volatile("fldcw %0; ldmxcsr %1" : : "m"(usual), "m"(usual_mxcsr));

	int status;

	waitpid(pid, &status, 0);
	if (got != control || (got_mxcsr & ~0x3fu) != (mxcsr & ~0x3fu))
		return why("control word %#x, mxcsr %#x", got, got_mxcsr);
	return status ? "the child has other control words" : NULL;
}

static void raise_x87(void *unused)
{
	uint16_t control = 0x37b;
	double zero = 0;

	(void)unused;
	__asm__ volatile("fninit; fldcw %0; fld1; fdivl %1; fwait" : : "m"(control), "m"(zero));
}

static void raise_sse(void *unused)
{
	uint32_t mxcsr = 0x1d80;
	double zero = 0, one = 1;

	(void)unused;
	__asm__ volatile("ldmxcsr %0; divsd %1, %2" : : "m"(mxcsr), "m"(zero), "x"(one));
}

static const char *numeric_exceptions(void)
{
	uint32_t usual = 0x1f80;
	int number = catch_signal(raise_x87, NULL);

	__asm__ volatile("fninit");
	if (number != SIGFPE || caught_info.si_code != FPE_FLTDIV)
		return why("x87: signal %d, code %d", number, caught_info.si_code);
	number = catch_signal(raise_sse, NULL);
	__asm__ volatile("ldmxcsr %0" : : "m"(usual));
	if (number != SIGFPE || caught_info.si_code != FPE_FLTDIV)
		return why("SSE: signal %d, code %d", number, caught_info.si_code);
	return NULL;
}

SUITE(vector,
	{ "vector registers across processes", across_processes },
	{ "vector registers across signals", across_signals },
	{ "x87 and SSE control words", control_words },
	{ "x87 and SSE exceptions", numeric_exceptions });
