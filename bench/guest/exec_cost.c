/*
 * What starting a program costs inside the guest: vfork, execve of this very
 * program with the argument "exit", waitpid. Prints one nanosecond figure per
 * round. With "exit" it does nothing else than end, and so serves as the small
 * static program of the exec benchmark.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec * 1000000000LL + at.tv_nsec;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "exit") == 0)
		return 0;
	int rounds = argc > 1 ? atoi(argv[1]) : 100;
	for (int round = 0; round < rounds; round++) {
		long long begin = now();
		pid_t child = vfork();
		if (child == 0) {
			execl("/proc/self/exe", "exec_cost", "exit", (char *)0);
			_exit(127);
		}
		int status;
		if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
			return 1;
		printf("%lld\n", now() - begin);
	}
	return 0;
}
