// SPDX-License-Identifier: GPL-2.0
/* What programs of an ordinary image expect the kernel to have. */

#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <mqueue.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "selftest.h"

/* A program of another architecture is refused when it is started. */
static const char *foreign_program(uint8_t class, uint16_t machine)
{
	static const char *const arguments[] = { "foreign", NULL };
	union {
		Elf32_Ehdr small;
		Elf64_Ehdr large;
	} header = { 0 };
	int file = memfd_create("foreign", 0);

	memcpy(header.small.e_ident, ELFMAG, SELFMAG);
	header.small.e_ident[EI_CLASS] = class;
	header.small.e_ident[EI_DATA] = ELFDATA2LSB;
	header.small.e_ident[EI_VERSION] = EV_CURRENT;
	header.small.e_type = ET_EXEC;
	header.small.e_machine = machine;
	header.small.e_version = EV_CURRENT;
	if (write(file, &header, sizeof(header)) != sizeof(header))
		return "the file could not be written";
	fchmod(file, 0755);
	char path[32] = "";

	execveat(file, path, (char **)arguments, environ, AT_EMPTY_PATH);
	int reason = errno;

	close(file);
	return reason == ENOEXEC ? NULL : why("machine %d: %s", machine, strerror(reason));
}

static const char *foreign_programs(void)
{
	const char *reason = foreign_program(ELFCLASS32, EM_386);

	return reason ? reason : foreign_program(ELFCLASS64, EM_AARCH64);
}

static void install_filter(void *unused)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPROTO),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, code };

	(void)unused;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(2);
	_exit(syscall(SYS_getppid) == -1 && errno == EPROTO ? 0 : 1);
}

static const char *seccomp_filter(void)
{
	int status = in_child(install_filter, NULL);

	return status ? why("wait status %#x", status) : NULL;
}

static const char *entropy(void)
{
	uint64_t a = 0, b = 0;

	if (getrandom(&a, sizeof(a), GRND_NONBLOCK) != sizeof(a) || getrandom(&b, sizeof(b), GRND_NONBLOCK) != sizeof(b))
		return why("getrandom: %s", strerror(errno));
	return a != b ? NULL : "the same number twice";
}

static const char *io_uring(void)
{
	struct io_uring_params parameters = { 0 };
	int ring = (int)syscall(SYS_io_uring_setup, 4, &parameters);

	if (ring < 0)
		return why("io_uring_setup: %s", strerror(errno));
	char *queue = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
	struct io_uring_sqe *entries = mmap(NULL, 4 * sizeof(*entries), PROT_READ | PROT_WRITE, MAP_SHARED, ring,
					    IORING_OFF_SQES);

	if (queue == MAP_FAILED || entries == MAP_FAILED)
		return why("mmap: %s", strerror(errno));
	memset(entries, 0, sizeof(*entries));
	entries[0].opcode = IORING_OP_NOP;
	((uint32_t *)(queue + parameters.sq_off.array))[0] = 0;
	__atomic_store_n((uint32_t *)(queue + parameters.sq_off.tail), 1, __ATOMIC_RELEASE);
	long done = syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);

	close(ring);
	return done == 1 ? NULL : why("io_uring_enter: %ld", done);
}

static const char *events(void)
{
	int queue = epoll_create1(0), counter = eventfd(0, 0), watch = inotify_init1(IN_NONBLOCK);
	struct epoll_event event = { .events = EPOLLIN };
	uint64_t one = 1;
	sigset_t set;

	sigemptyset(&set);
	if (queue < 0 || counter < 0 || watch < 0 || inotify_add_watch(watch, "/", IN_CREATE) < 0)
		return why("epoll, eventfd or inotify: %s", strerror(errno));
	if (epoll_ctl(queue, EPOLL_CTL_ADD, counter, &event) || write(counter, &one, 8) != 8 ||
	    epoll_wait(queue, &event, 1, 1000) != 1)
		return why("epoll_wait: %s", strerror(errno));
	int signals = signalfd(-1, &set, 0);

	if (signals < 0)
		return why("signalfd: %s", strerror(errno));
	if (getuid() == 0) {
		int notify = fanotify_init(FAN_CLASS_NOTIF, O_RDONLY);

		if (notify < 0)
			return why("fanotify_init: %s", strerror(errno));
		close(notify);
	}
	close(queue), close(counter), close(watch), close(signals);
	return NULL;
}

static const char *ipc(void)
{
	int memory = shmget(IPC_PRIVATE, 4096, 0600), semaphore = semget(IPC_PRIVATE, 1, 0600),
	    messages = msgget(IPC_PRIVATE, 0600);

	if (memory < 0 || semaphore < 0 || messages < 0)
		return why("System V IPC: %s", strerror(errno));
	char *mapped = shmat(memory, NULL, 0);

	mapped[0] = 1;
	shmdt(mapped);
	shmctl(memory, IPC_RMID, NULL);
	semctl(semaphore, 0, IPC_RMID);
	msgctl(messages, IPC_RMID, NULL);
	mqd_t queue = mq_open("/selftest", O_CREAT | O_RDWR, 0600, NULL);

	if (queue < 0)
		return why("mq_open: %s", strerror(errno));
	mq_close(queue);
	mq_unlink("/selftest");
	aio_context_t context = 0;

	if (syscall(SYS_io_setup, 4, &context))
		return why("io_setup: %s", strerror(errno));
	syscall(SYS_io_destroy, context);
	return NULL;
}

static const char *sockets(void)
{
	static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_VSOCK, AF_NETLINK };

	for (int i = 0; i < 5; i++) {
		int fd = socket(families[i], families[i] == AF_NETLINK ? SOCK_RAW : SOCK_STREAM, 0);

		if (fd < 0)
			return why("family %d: %s", families[i], strerror(errno));
		close(fd);
	}
	if (getuid() == 0) {
		int fd = socket(AF_PACKET, SOCK_RAW, 0);

		if (fd < 0)
			return why("packet socket: %s", strerror(errno));
		close(fd);
	}
	return NULL;
}

static void enter_namespaces(void *unused)
{
	(void)unused;
	if (unshare(CLONE_NEWUSER))
		_exit(1);
	_exit(unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP) ? 2 : 0);
}

static const char *namespaces(void)
{
	int status = in_child(enter_namespaces, NULL);

	return status ? why("wait status %#x", status) : NULL;
}

static const char *terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);

	if (master < 0)
		return errno == ENOENT ? skip("devpts is not mounted") : why("posix_openpt: %s", strerror(errno));
	close(master);
	return NULL;
}

static void run_self(void *unused)
{
	char *const arguments[] = { "selftest", "flags", NULL };

	(void)unused;
	close(1);
	open("/dev/null", O_WRONLY);
	execv("/proc/self/exe", arguments);
	_exit(99);
}

/* Starts this program again, many times. */
static const char *exec_storm(void)
{
	if (access("/proc/self/exe", X_OK))
		return skip("/proc is not mounted");
	for (int i = 0; i < 30; i++) {
		int status = in_child(run_self, NULL);

		if (status)
			return why("round %d: wait status %#x", i, status);
	}
	return NULL;
}

SUITE(feature,
	{ "programs of other architectures are ENOEXEC", foreign_programs },
	{ "seccomp filter", seccomp_filter },
	{ "random numbers without waiting", entropy },
	{ "io_uring", io_uring },
	{ "epoll, eventfd, inotify, fanotify, signalfd", events },
	{ "System V IPC, message queues, AIO", ipc },
	{ "socket families", sockets },
	{ "namespaces", namespaces },
	{ "pseudo terminals", terminal },
	{ "exec again and again", exec_storm });
