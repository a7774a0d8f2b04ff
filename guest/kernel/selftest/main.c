// SPDX-License-Identifier: GPL-2.0
/*
 * Checks, from user mode, that a guest kernel does what user mode may rely on.
 * One line a test, `ok NAME` or `not ok NAME: why`; the exit code is the number
 * of failures. Arguments, if any, are the names of the tests or suites to run.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "selftest.h"

extern const struct suite exception_suite, signal_suite, trace_suite, segment_suite,
	vector_suite, isolation_suite, time_suite, memory_suite, feature_suite;

static const struct suite *const suites[] = {
	&exception_suite, &signal_suite, &trace_suite, &segment_suite, &vector_suite,
	&isolation_suite, &time_suite, &memory_suite, &feature_suite,
};

static const char *skipped;

static bool chosen(const char *name, int count, char **names)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return true;
	return count == 0;
}

int main(int argc, char **argv)
{
	int failures = 0, ran = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t s = 0; s < sizeof(suites) / sizeof(suites[0]); s++) {
		for (size_t t = 0; t < suites[s]->count; t++) {
			const struct test *test = &suites[s]->tests[t];

			if (!chosen(test->name, argc - 1, argv + 1) &&
			    !chosen(suites[s]->name, argc - 1, argv + 1))
				continue;
			skipped = NULL;
			fflush(stdout);
			const char *reason = test->run();

			ran++;
			if (reason) {
				failures++;
				printf("not ok %s: %s\n", test->name, reason);
			} else if (skipped) {
				printf("ok %s # SKIP %s\n", test->name, skipped);
			} else {
				printf("ok %s\n", test->name);
			}
		}
	}
	printf("# %d run, %d failed, uid %d\n", ran, failures, getuid());
	if (ran == 0) {
		printf("not ok none: no test of that name\n");
		return 1;
	}
	return failures > 100 ? 100 : failures;
}

const char *why(const char *format, ...)
{
	static char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return text;
}

const char *skip(const char *reason)
{
	skipped = reason;
	return NULL;
}

int in_child(void (*body)(void *), void *argument)
{
	int status = -1;

	fflush(stdout);
	pid_t pid = fork();

	if (pid < 0)
		return -1;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_DUMPABLE, 0);
		body(argument);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) != pid)
		;
	return status;
}

const char *expect_signal(void (*body)(void *), void *argument, int wanted)
{
	int status = in_child(body, argument);

	if (WIFSIGNALED(status) && WTERMSIG(status) == wanted)
		return NULL;
	if (WIFSIGNALED(status))
		return why("expected signal %d, got signal %d", wanted, WTERMSIG(status));
	return why("expected signal %d, exited with %d", wanted, WEXITSTATUS(status));
}

siginfo_t caught_info;
static sigjmp_buf caught_at;

static void on_caught(int number, siginfo_t *info, void *context)
{
	(void)context;
	caught_info = *info;
	siglongjmp(caught_at, number);
}

int catch_signal(void (*body)(void *), void *argument)
{
	static const int numbers[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
	struct sigaction old[5], action = { .sa_sigaction = on_caught, .sa_flags = SA_SIGINFO };

	for (int i = 0; i < 5; i++)
		sigaction(numbers[i], &action, &old[i]);
	int number = sigsetjmp(caught_at, 1);

	if (number == 0)
		body(argument);
	for (int i = 0; i < 5; i++)
		sigaction(numbers[i], &old[i], NULL);
	return number;
}

uint64_t now_ns(int clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}
