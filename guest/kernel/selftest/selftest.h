/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_H
#define SELFTEST_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <ucontext.h>

/* A test: returns NULL if it passed, otherwise why not. */
typedef const char *(*test_fn)(void);

struct test {
	const char *name;
	test_fn run;
};

/* Every file of tests ends in one of these, named in main.c. */
struct suite {
	const char *name;
	const struct test *tests;
	size_t count;
};

#define SUITE(name, ...)						\
	static const struct test name##_tests[] = { __VA_ARGS__ };	\
	const struct suite name##_suite = {				\
		#name, name##_tests, sizeof(name##_tests) / sizeof(name##_tests[0]) }

/* Why a test failed, built like printf in a buffer that outlives the test. */
const char *why(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Told as the reason of a test that cannot run here; counts as passed. */
const char *skip(const char *reason);

/* Runs `body` in a child; returns its wait status. */
int in_child(void (*body)(void *), void *argument);

/* Runs `body` in a child and expects that it dies of `wanted`. */
const char *expect_signal(void (*body)(void *), void *argument, int wanted);

/*
 * Runs `body` with SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGTRAP caught; returns
 * the signal that ended it, or 0. Not nestable.
 */
int catch_signal(void (*body)(void *), void *argument);
extern siginfo_t caught_info;

uint64_t now_ns(int clock);

#endif
