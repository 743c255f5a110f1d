/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parser: run the host's apparmor_parser from a test, and read fixtures. Paths are from the top of the tree. */
#ifndef TESTS_PARSER_H
#define TESTS_PARSER_H

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nestfix/buf.h>

#define PARSER "/sbin/apparmor_parser"
#define FEATURES_OLD "tests/fixtures/blobs/features-old"

__attribute__((unused)) static bool parser_there(void)
{
	return access(PARSER, X_OK) == 0;
}

/* Everything in a descriptor, from its start; owned by the arena. */
static struct slice read_all(int fd, struct arena *arena)
{
	struct stat st;
	struct slice s = { 0 };
	char *ptr;

	if (fd < 0 || fstat(fd, &st) || st.st_size < 0)
		return s;
	ptr = arena_alloc(arena, (size_t)st.st_size + 1);
	while (s.len < (size_t)st.st_size) {
		ssize_t n = pread(fd, ptr + s.len, (size_t)st.st_size - s.len, (off_t)s.len);

		if (n <= 0)
			break;
		s.len += (size_t)n;
	}
	s.ptr = ptr;
	return s;
}

__attribute__((unused)) static struct slice read_fixture(const char *path, struct arena *arena)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct slice s = read_all(fd, arena);

	if (fd >= 0)
		close(fd);
	return s;
}

/* The compiled form of a profile text, or an empty slice where the parser refuses it. */
__attribute__((unused)) static struct slice parser_compile(const char *text, const char *features, struct arena *arena)
{
	int in = memfd_create("profile", 0), out = memfd_create("blob", 0), status = 0;
	struct slice blob = { 0 };
	pid_t pid;

	if (in < 0 || out < 0 || write(in, text, strlen(text)) != (ssize_t)strlen(text) || lseek(in, 0, SEEK_SET) != 0)
		return blob;
	pid = fork();
	if (pid == 0) {
		dup2(in, 0);
		dup2(out, 1);
		dup2(open("/dev/null", O_WRONLY), 2);
		execl(PARSER, PARSER, "-q", "-Q", "-K", "-S", "--config-file=/dev/null", "-M", features, (char *)NULL);
		_exit(127);
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0)
		blob = read_all(out, arena);
	close(in);
	close(out);
	return blob;
}

#endif
