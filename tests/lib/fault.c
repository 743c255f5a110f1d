/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fault: an LD_PRELOAD library that makes the n-th system call of a program fail, or kills the program at it.
 *
 *   FAULT_AT=n      which call, counted from 1 over all that are listed below; 0 or unset: only count
 *   FAULT_ERRNO=E   ENOSPC, EIO, EROFS, EACCES, EDQUOT, EINTR, or KILL (SIGKILL before the call is made) or
 *                   KILLAFTER (SIGKILL when the call has been made) or SHORT (a write that takes half of its bytes,
 *                   all else is left alone) or STOP (SIGSTOP before the call, which is then made); default EIO
 *   FAULT_LOG=FILE  a line a call: "n NAME DETAIL", with " HIT" behind the chosen one
 *   FAULT_ONLY=N,N  count only these calls
 *
 * A loop over n = 1, 2, 3 ... ends with the first run whose log has no HIT. Opens count only when they can write
 * (O_CREAT, O_WRONLY, O_RDWR); the other calls always. Only the first process counts, not what it forks or runs: the
 * variables stay, but a child of the traced process is left alone.
 *
 *   FAULT_PMXCFS=1  play /etc/pve besides: the file system says FUSE, and chown, chmod, utimens, xattrs and rename with
 *                   flags answer as pmxcfs does
 *   FAULT_NOSYNC=1  fsync is counted but not made, for speed: a kill loses nothing that a sync would have kept
 *
 * close is counted and made to fail after it has really closed, as Linux does.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Declared here, so that the headers' attributes (nonnull, fortify) do not apply to what is replaced. */
int openat(int dir, const char *path, int flags, ...);
int openat64(int dir, const char *path, int flags, ...);
int open64(const char *path, int flags, ...);

static struct {
	bool ready;
	pid_t pid;
	long at, count;
	int errnum;
	bool kill, kill_after, shorten, stop, pmxcfs, no_sync;
	int log;
	const char *only;
} fault = { .log = -1 };

static const struct {
	const char *name;
	int errnum;
} errnos[] = {
	{ "ENOSPC", ENOSPC }, { "EIO", EIO },       { "EROFS", EROFS },
	{ "EACCES", EACCES }, { "EDQUOT", EDQUOT }, { "EINTR", EINTR },
};

static void set_up(void)
{
	const char *at = getenv("FAULT_AT"), *what = getenv("FAULT_ERRNO"), *log = getenv("FAULT_LOG");

	fault.ready = true;
	fault.pid = getpid();
	fault.at = at ? strtol(at, NULL, 10) : 0;
	fault.errnum = EIO;
	fault.only = getenv("FAULT_ONLY");
	for (size_t i = 0; what && i < sizeof errnos / sizeof *errnos; i++)
		if (strcmp(what, errnos[i].name) == 0)
			fault.errnum = errnos[i].errnum;
	fault.kill = what && strcmp(what, "KILL") == 0;
	fault.kill_after = what && strcmp(what, "KILLAFTER") == 0;
	fault.stop = what && strcmp(what, "STOP") == 0;
	fault.shorten = what && strcmp(what, "SHORT") == 0;
	fault.pmxcfs = getenv("FAULT_PMXCFS") != NULL;
	fault.no_sync = getenv("FAULT_NOSYNC") != NULL;
	if (log) /* far above what the program counts on; raw, so that it is not counted itself */
		fault.log = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fault.log >= 0) {
		int up = (int)syscall(SYS_fcntl, fault.log, F_DUPFD_CLOEXEC, 900);

		if (up >= 0) {
			syscall(SYS_close, fault.log);
			fault.log = up;
		}
	}
}

/* Is name one of the words of FAULT_ONLY? */
static bool is_counted(const char *name)
{
	size_t n = strlen(name);

	for (const char *p = fault.only; p && *p; p += strcspn(p, ","), p += *p == ',')
		if (strcspn(p, ",") == n && strncmp(p, name, n) == 0)
			return true;
	return !fault.only;
}

static void note(const char *name, const char *detail, bool hit)
{
	char line[512];
	int n = snprintf(line, sizeof line, "%ld %s %.400s%s\n", fault.count, name, detail, hit ? " HIT" : "");

	if (fault.log >= 0 && n > 0)
		syscall(SYS_write, fault.log, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

static void die(void)
{
	syscall(SYS_kill, getpid(), SIGKILL);
}

/* Counts a call. True when it is the one. */
static bool counts(const char *name, const char *detail)
{
	int errnum = errno;
	bool hit;

	if (!fault.ready)
		set_up();
	if (getpid() != fault.pid || !is_counted(name))
		return false;
	hit = ++fault.count == fault.at;
	note(name, detail, hit);
	if (hit && fault.kill)
		die();
	if (hit && fault.stop) {
		syscall(SYS_kill, getpid(), SIGSTOP);
		hit = false;
	}
	errno = errnum;
	return hit;
}

static const char *number(int fd)
{
	static char text[16];

	snprintf(text, sizeof text, "%d", fd);
	return text;
}

/* On pmxcfs this call has no effect but an errno. */
#define LACKS(errnum_)                                                                                                 \
	do {                                                                                                           \
		if (!fault.ready)                                                                                      \
			set_up();                                                                                      \
		if (fault.pmxcfs) {                                                                                    \
			errno = (errnum_);                                                                             \
			return -1;                                                                                     \
		}                                                                                                      \
	} while (0)

/* The chosen call fails instead of being made; with KILLAFTER it is made and then the process dies. */
#define GUARD(name, detail, call)                                                                                      \
	do {                                                                                                           \
		bool hit_ = counts((name), (detail));                                                                  \
		long r_;                                                                                               \
                                                                                                                       \
		if (hit_ && !fault.kill_after && !fault.shorten) {                                                     \
			errno = fault.errnum;                                                                          \
			return -1;                                                                                     \
		}                                                                                                      \
		r_ = (call);                                                                                           \
		if (hit_ && fault.kill_after)                                                                          \
			die();                                                                                         \
		return (__typeof__(call))r_;                                                                           \
	} while (0)

static int do_open(const char *name, int dir, const char *path, int flags, mode_t mode)
{
	if (!(flags & (O_CREAT | O_WRONLY | O_RDWR)))
		return (int)syscall(SYS_openat, dir, path, flags, mode);
	GUARD(name, path, (int)syscall(SYS_openat, dir, path, flags, mode));
}

#define OPEN_MODE                                                                                                      \
	mode_t mode = 0;                                                                                               \
	va_list ap;                                                                                                    \
	va_start(ap, flags);                                                                                           \
	if (flags & (O_CREAT | __O_TMPFILE))                                                                           \
		mode = va_arg(ap, mode_t);                                                                             \
	va_end(ap)

int openat(int dir, const char *path, int flags, ...)
{
	OPEN_MODE;
	return do_open("openat", dir, path, flags, mode);
}

int openat64(int dir, const char *path, int flags, ...)
{
	OPEN_MODE;
	return do_open("openat", dir, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	OPEN_MODE;
	return do_open("openat", AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	OPEN_MODE;
	return do_open("openat", AT_FDCWD, path, flags, mode);
}

ssize_t write(int fd, const void *ptr, size_t len)
{
	bool hit;

	if (fd <= 2) /* talk is not what is under test */
		return syscall(SYS_write, fd, ptr, len);
	hit = counts("write", number(fd));
	if (hit && fault.shorten)
		return syscall(SYS_write, fd, ptr, len > 1 ? len / 2 : len);
	if (hit && fault.kill_after) {
		syscall(SYS_write, fd, ptr, len > 1 ? len / 2 : len); /* a torn write */
		die();
	}
	if (hit) {
		errno = fault.errnum;
		return -1;
	}
	return syscall(SYS_write, fd, ptr, len);
}

int fsync(int fd)
{
	GUARD("fsync", number(fd), fault.no_sync ? 0 : (int)syscall(SYS_fsync, fd));
}

int fdatasync(int fd)
{
	GUARD("fdatasync", number(fd), (int)syscall(SYS_fdatasync, fd));
}

int ftruncate(int fd, off_t size)
{
	GUARD("ftruncate", number(fd), (int)syscall(SYS_ftruncate, fd, size));
}

int close(int fd)
{
	bool hit;
	int r;

	if (fd < 0)
		return (int)syscall(SYS_close, fd);
	hit = counts("close", number(fd));
	r = (int)syscall(SYS_close, fd);
	if (hit && fault.kill_after)
		die();
	if (hit && !fault.shorten) {
		errno = fault.errnum;
		return -1;
	}
	return r;
}

int rename(const char *from, const char *to)
{
	GUARD("rename", to, (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	GUARD("renameat", to, (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0));
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	if (flags != 0)
		LACKS(EINVAL);
	GUARD("renameat2", to, (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags));
}

int unlink(const char *path)
{
	GUARD("unlink", path, (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

int unlinkat(int dir, const char *path, int flags)
{
	GUARD("unlinkat", path, (int)syscall(SYS_unlinkat, dir, path, flags));
}

int mkdir(const char *path, mode_t mode)
{
	GUARD("mkdirat", path, (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

int mkdirat(int dir, const char *path, mode_t mode)
{
	GUARD("mkdirat", path, (int)syscall(SYS_mkdirat, dir, path, mode));
}

int fchmod(int fd, mode_t mode)
{
	LACKS(EPERM);
	GUARD("fchmod", number(fd), (int)syscall(SYS_fchmod, fd, mode));
}

int fchown(int fd, uid_t uid, gid_t gid)
{
	LACKS(EPERM);
	GUARD("fchown", number(fd), (int)syscall(SYS_fchown, fd, uid, gid));
}

int futimens(int fd, const struct timespec times[2])
{
	LACKS(EPERM);
	GUARD("futimens", number(fd), (int)syscall(SYS_utimensat, fd, NULL, times, 0));
}

int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
	LACKS(EOPNOTSUPP);
	GUARD("fsetxattr", name, (int)syscall(SYS_fsetxattr, fd, name, value, size, flags));
}

int fremovexattr(int fd, const char *name)
{
	LACKS(EOPNOTSUPP);
	GUARD("fremovexattr", name, (int)syscall(SYS_fremovexattr, fd, name));
}

ssize_t fgetxattr(int fd, const char *name, void *value, size_t size)
{
	GUARD("fgetxattr", name, syscall(SYS_fgetxattr, fd, name, value, size));
}

ssize_t flistxattr(int fd, char *list, size_t size)
{
	GUARD("flistxattr", number(fd), syscall(SYS_flistxattr, fd, list, size));
}

int fstatfs(int fd, struct statfs *fs)
{
	int r = (int)syscall(SYS_fstatfs, fd, fs);

	if (!fault.ready)
		set_up();
	if (r == 0 && fault.pmxcfs)
		fs->f_type = 0x65735546; /* FUSE_SUPER_MAGIC */
	return r;
}
