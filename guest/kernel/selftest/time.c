// SPDX-License-Identifier: GPL-2.0
/* Clocks and timers. */

#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "selftest.h"

/* As the library reads it, and as the kernel does. */
static uint64_t read_clock(int clock, bool by_kernel)
{
	struct timespec time;

	if (by_kernel)
		syscall(SYS_clock_gettime, clock, &time);
	else
		clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static const char *never_backwards(void)
{
	static const int clocks[] = { CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_REALTIME,
				      CLOCK_PROCESS_CPUTIME_ID };
	uint64_t last[5] = { 0 }, end = now_ns(CLOCK_MONOTONIC) + 700000000;
	long rounds = 0;

	while (now_ns(CLOCK_MONOTONIC) < end) {
		for (int i = 0; i < 5; i++) {
			uint64_t now = read_clock(clocks[i], rounds & 1);

			if (now < last[i])
				return why("clock %d went back by %lu ns", clocks[i], last[i] - now);
			last[i] = now;
		}
		if (++rounds % 2000 == 0)
			usleep(500);
	}
	return rounds > 100 ? NULL : why("only %ld rounds in 0.7 s", rounds);
}

static const char *never_backwards_between_processes(void)
{
	volatile uint64_t *latest =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t end = now_ns(CLOCK_MONOTONIC) + 500000000, now = 0;
	pid_t pid = fork();

	while (now < end) {
		uint64_t before = __atomic_load_n(latest, __ATOMIC_ACQUIRE);

		now = now_ns(CLOCK_MONOTONIC);
		if (now < before) {
			latest[1] = before - now;
			break;
		}
		__atomic_store_n(latest, now, __ATOMIC_RELEASE);
		sched_yield();
	}
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	uint64_t back = latest[1];

	munmap((void *)latest, 4096);
	return back ? why("the clock of another process was %lu ns ahead", back) : NULL;
}

static const char *tsc_forward(void)
{
	uint64_t last = __rdtsc(), end = now_ns(CLOCK_MONOTONIC) + 200000000;

	while (now_ns(CLOCK_MONOTONIC) < end) {
		uint64_t now = __rdtsc();

		if (now < last)
			return why("the TSC went back by %lu", last - now);
		last = now;
	}
	return NULL;
}

static const char *sleeps(void)
{
	static const long lengths[] = { 50000, 1000000, 12000000, 50000000 };

	for (int i = 0; i < 4; i++) {
		struct timespec length = { 0, lengths[i] };
		uint64_t start = now_ns(CLOCK_MONOTONIC);

		clock_nanosleep(CLOCK_MONOTONIC, 0, &length, NULL);
		int64_t took = (int64_t)(now_ns(CLOCK_MONOTONIC) - start);

		if (took < lengths[i])
			return why("a sleep of %ld ns took %ld", lengths[i], took);
		/* Room for a host that emulates, and is busy. */
		if (took > lengths[i] + 1000000000)
			return why("a sleep of %ld ns took %ld", lengths[i], took);
	}
	return NULL;
}

static const char *periodic_timer(void)
{
	struct itimerspec every = { { 0, 5000000 }, { 0, 5000000 } };
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	uint64_t expirations = 0, count, start = now_ns(CLOCK_MONOTONIC);

	if (fd < 0)
		return why("timerfd_create: errno %d", errno);
	timerfd_settime(fd, 0, &every, NULL);
	while (expirations < 20 && read(fd, &count, sizeof(count)) == sizeof(count))
		expirations += count;
	uint64_t took = now_ns(CLOCK_MONOTONIC) - start;

	close(fd);
	if (took < expirations * 5000000)
		return why("%lu periods of 5 ms took %lu ns", expirations, took);
	return NULL;
}

/* The wall clock is set: nobody's guest lives before the project. */
static const char *wall_clock(void)
{
	time_t seconds = time(NULL);

	return seconds > 1735689600 ? NULL : why("the time is %ld", (long)seconds);
}

SUITE(time,
	{ "clocks never go back", never_backwards },
	{ "clocks agree between processes", never_backwards_between_processes },
	{ "TSC never goes back", tsc_forward },
	{ "sleeps last as long as asked", sleeps },
	{ "periodic timer", periodic_timer },
	{ "wall clock is set", wall_clock });
