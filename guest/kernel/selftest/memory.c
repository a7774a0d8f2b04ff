// SPDX-License-Identifier: GPL-2.0
/* Protection, copy on write and unmapping take effect at once. */

#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "selftest.h"

#define PAGE 4096
#define PAGES 64

static char *map(int protection)
{
	return mmap(NULL, PAGES * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void write_byte(void *address)
{
	*(volatile char *)address = 1;
}

static void read_byte(void *address)
{
	(void)*(volatile char *)address;
}

static void call(void *address)
{
	((void (*)(void))address)();
}

static const char *protection(void)
{
	for (int round = 0; round < 20; round++) {
		char *memory = map(PROT_READ | PROT_WRITE);

		for (int i = 0; i < PAGES; i++)
			memory[i * PAGE] = (char)(i + round);
		mprotect(memory, PAGES * PAGE, PROT_READ);
		for (int i = 0; i < PAGES; i += 7)
			if (catch_signal(write_byte, memory + i * PAGE) != SIGSEGV ||
			    memory[i * PAGE] != (char)(i + round))
				return why("page %d could be written after mprotect", i);
		mprotect(memory, PAGES * PAGE, PROT_NONE);
		if (catch_signal(read_byte, memory + 5 * PAGE) != SIGSEGV)
			return "a page could be read after mprotect(PROT_NONE)";
		mprotect(memory, PAGES * PAGE, PROT_READ | PROT_WRITE);
		for (int i = 0; i < PAGES; i++)
			if (memory[i * PAGE] != (char)(i + round))
				return why("page %d lost its content", i);
		munmap(memory, PAGES * PAGE);
		if (catch_signal(read_byte, memory + 3 * PAGE) != SIGSEGV)
			return "a page could be read after munmap";
	}
	return NULL;
}

static const char *no_execute(void)
{
	char *memory = map(PROT_READ | PROT_WRITE);

	memset(memory, 0xc3 /* ret */, PAGE);
	if (catch_signal(call, memory) != SIGSEGV)
		return "data could be executed";
	mprotect(memory, PAGE, PROT_READ | PROT_EXEC);
	if (catch_signal(call, memory) != 0)
		return "code could not be executed after mprotect(PROT_EXEC)";
	if (catch_signal(write_byte, memory) != SIGSEGV)
		return "executable memory could be written";
	munmap(memory, PAGES * PAGE);
	return NULL;
}

/* Parent and child write to the same pages and see only their own. */
static const char *copy_on_write(void)
{
	for (int round = 0; round < 25; round++) {
		char *memory = map(PROT_READ | PROT_WRITE);
		int status, bad = 0;

		for (int i = 0; i < PAGES; i++)
			memory[i * PAGE] = 'a';
		pid_t pid = fork();
		char mine = pid ? 'p' : 'c';

		for (int i = 0; i < PAGES; i++) {
			bad += memory[i * PAGE] != 'a';
			memory[i * PAGE] = mine;
		}
		for (int i = 0; i < PAGES; i++)
			bad += memory[i * PAGE] != mine;
		if (pid == 0)
			_exit(bad != 0);
		waitpid(pid, &status, 0);
		for (int i = 0; i < PAGES; i++)
			bad += memory[i * PAGE] != mine;
		munmap(memory, PAGES * PAGE);
		if (bad || status)
			return why("%d pages wrong in the parent, child's status %#x", bad, status);
	}
	return NULL;
}

static const char *moved_mapping(void)
{
	char *memory = map(PROT_READ | PROT_WRITE);

	for (int i = 0; i < PAGES; i++)
		memory[i * PAGE] = (char)i;
	char *room = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *moved = mremap(memory, PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room);

	if (moved != room)
		return why("mremap: %s", strerror(errno));
	for (int i = 0; i < PAGES; i++)
		if (moved[i * PAGE] != (char)i)
			return why("page %d lost its content", i);
	if (catch_signal(read_byte, memory) != SIGSEGV)
		return "the old address can still be read";
	madvise(moved, PAGES * PAGE, MADV_DONTNEED);
	for (int i = 0; i < PAGES; i++)
		if (moved[i * PAGE] != 0)
			return why("page %d is not empty after MADV_DONTNEED", i);
	munmap(moved, PAGES * PAGE);
	return NULL;
}

static const char *shared_between_processes(void)
{
	volatile int *counter = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[4];

	for (int i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			for (int n = 0; n < 20000; n++)
				__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
			_exit(0);
		}
	}
	for (int i = 0; i < 4; i++)
		waitpid(pids[i], NULL, 0);
	return *counter == 80000 ? NULL : why("the counter is %d", *counter);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int turn;

static void *take_turns(void *argument)
{
	int own = (int)(intptr_t)argument;

	for (int i = 0; i < 300; i++) {
		pthread_mutex_lock(&mutex);
		while (turn % 4 != own)
			pthread_cond_wait(&condition, &mutex);
		turn++;
		pthread_cond_broadcast(&condition);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static const char *threads(void)
{
	pthread_t ids[4];

	turn = 0;
	for (intptr_t i = 0; i < 4; i++)
		if (pthread_create(&ids[i], NULL, take_turns, (void *)i))
			return "pthread_create failed";
	for (int i = 0; i < 4; i++)
		pthread_join(ids[i], NULL);
	return turn == 1200 ? NULL : why("%d turns of 1200", turn);
}

SUITE(memory,
	{ "mprotect and munmap take effect", protection },
	{ "data is not executable", no_execute },
	{ "copy on write", copy_on_write },
	{ "mremap and MADV_DONTNEED", moved_mapping },
	{ "shared memory", shared_between_processes },
	{ "threads and futexes", threads });
