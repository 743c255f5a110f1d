/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nestfix/fsio.h>

#include "../lib/tap.h"
#include "../lib/tmp.h"

static struct root root;

/* Not on Linux before 5.6, nor under valgrind 3.19. */
static bool has_openat2(void)
{
	return syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0) != -1 || errno != ENOSYS;
}

static void reads_what_is_there(void)
{
	AUTOARENA arena = { 0 };
	struct err err = { 0 };
	struct file file;

	tmp_write("/etc/a", "x\0y\n", 4, 0644);
	ok(fsio_read(&root, "/etc/a", 100, &arena, &file, &err) == 0, "a file is read");
	is_num(file.bytes.len, 4, "a NUL in it counts");
	is_num(file.bytes.ptr[4], 0, "a NUL stands behind it");
	is_num(file.st.st_size, 4, "with its stat");
	tmp_write("/etc/empty", "", 0, 0644);
	ok(fsio_read(&root, "/etc/empty", 100, &arena, &file, &err) == 0 && file.bytes.len == 0,
	   "an empty file is read");
	ok(fsio_read(&root, "/etc/a", 4, &arena, &file, &err) == 0, "a file as large as the limit is read");
	ok(!err_is_set(&err), "no error was set");
}

static void check_refused(const char *path, size_t limit, enum err_kind kind, const char *part, const char *what)
{
	AUTOARENA arena = { 0 };
	struct err err = { 0 };
	struct file file;

	ok(fsio_read(&root, path, limit, &arena, &file, &err) == -1, what);
	is_err(&err, part, "  and says why");
	is_err(&err, root_path(&root, path, &arena), "  and names the file");
	is_num(err.kind, kind, "  with the right kind");
	ok(kind != ERR_REFUSED || err.hint[0], "  and a way out");
}

/* A child that hangs on a FIFO would hang the test: the alarm ends it. */
static void refuses_what_it_cannot_trust(void)
{
	tmp_write("/etc/big", "12345", 5, 0644);
	tmp_write("/etc/group", "x", 1, 0664);
	tmp_write("/etc/world", "x", 1, 0646);
	mkfifo(tmp_path("/etc/fifo"), 0644);
	mkdir(tmp_path("/etc/dir"), 0755);
	alarm(20);
	check_refused("/etc/none", 9, ERR_FAILED, "No such file or directory", "a missing file");
	check_refused("/etc/a/b", 9, ERR_FAILED, "Not a directory", "a file as a directory");
	check_refused("/etc/big", 4, ERR_REFUSED, "it has 5 bytes, over the limit of 4", "a file over the limit");
	check_refused("/etc/group", 9, ERR_REFUSED, "mode 0664 lets its group write", "a file writable by its group");
	check_refused("/etc/world", 9, ERR_REFUSED, "mode 0646 lets everybody write", "a file writable by all");
	check_refused("/etc/fifo", 9, ERR_REFUSED, "it is a FIFO", "a FIFO");
	check_refused("/etc/dir", 9, ERR_REFUSED, "it is a directory", "a directory");
	alarm(0);
	if (geteuid() != 0) {
		tap_skip("foreign owners and devices", "needs root");
		return;
	}
	tmp_write("/etc/foreign", "x", 1, 0644);
	ok(chown(tmp_path("/etc/foreign"), 12345, 0) == 0, "chown");
	check_refused("/etc/foreign", 9, ERR_REFUSED, "belongs to uid 12345", "a file of somebody else");
	ok(mknod(tmp_path("/etc/null"), S_IFCHR | 0600, 0x0103) == 0, "mknod");
	check_refused("/etc/null", 9, ERR_REFUSED, "it is a device", "a device");
}

static void refuses_a_file_that_changes(void)
{
	AUTOARENA arena = { 0 };
	struct err err = { 0 };
	struct file file;
	int pid;

	/* A writer that never stops meets a reader that never sees a stable file. */
	tmp_write("/etc/grows", "x", 1, 0644);
	pid = fork();
	if (pid == 0) {
		AUTOCLOSE out = open(tmp_path("/etc/grows"), O_WRONLY | O_APPEND);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int i = 0; i < 1000000; i++)
			if (write(out, "yyyyyyyy", 8) != 8)
				break;
		_exit(0);
	}
	for (int i = 0; i < 100000 && !err_is_set(&err); i++) {
		arena_release(&arena);
		fsio_read(&root, "/etc/grows", 100 << 20, &arena, &file, &err);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	is_err(&err, "it changed while it was being read", "a file that grows is an error");
}

static void check_open(const char *path, const char *want, const char *what)
{
	struct err err = { 0 };
	AUTOCLOSE fd = fsio_open(&root, path, O_RDONLY, &err);
	char got[64] = "";
	ssize_t n = fd < 0 ? -1 : read(fd, got, sizeof got - 1);

	if (fd < 0)
		printf("# %s\n", err.text);
	is_num(n, (ssize_t)strlen(want), what);
	is_text(slice_of(got), want, "  with its content");
}

static void symlinks_stay_inside_the_root(void)
{
	struct err err = { 0 };
	enum fsio_kind kind;

	tmp_write("/etc/inside", "inside", 6, 0644);
	ok(symlink("/etc/inside", tmp_path("/etc/absolute")) == 0, "symlink");
	ok(symlink("../../../../../../../../etc/inside", tmp_path("/etc/dotdot")) == 0, "symlink");
	ok(symlink("/etc", tmp_path("/dirlink")) == 0, "symlink");
	ok(symlink("/etc/nowhere-at-all", tmp_path("/etc/dangling")) == 0, "symlink");
	ok(symlink("loop", tmp_path("/etc/loop")) == 0, "symlink");
	if (!has_openat2()) {
		tap_skip("symlinks inside the root", "this kernel has no openat2");
		return;
	}
	check_open("/etc/absolute", "inside", "an absolute symlink is resolved inside the root");
	check_open("/etc/dotdot", "inside", ".. cannot climb out of the root");
	check_open("/dirlink/inside", "inside", "a symlink in the middle is resolved inside the root");
	ok(fsio_open(&root, "/etc/dangling", O_RDONLY, &err) == -1 && errno == ENOENT, "a dangling symlink");
	is_err(&err, "/etc/dangling' is a symlink to '/etc/nowhere-at-all', which does not exist inside the root",
	       "  is told as such");
	is_num(err.kind, ERR_REFUSED, "  and refused");
	err_clear(&err);
	ok(fsio_open(&root, "/etc/loop", O_RDONLY, &err) == -1 && errno == ELOOP, "a symlink to itself");
	is_err(&err, "leads in circles", "  is told as such");
	err_clear(&err);
	ok(fsio_open(&root, "/etc/absolute", O_RDONLY | O_NOFOLLOW, &err) == -1 && errno == ELOOP, "O_NOFOLLOW");
	is_err(&err, "/etc/absolute': it is a symlink", "  says what is wrong");
	ok(fsio_kind(&root, "/etc/dangling", &kind, NULL) == 0 && kind == FSIO_MISSING,
	   "fsio_kind: dangling is missing");
	ok(fsio_kind(&root, "/dirlink", &kind, NULL) == 0 && kind == FSIO_DIR, "fsio_kind follows");
	ok(fsio_kind(&root, "/etc/inside", &kind, NULL) == 0 && kind == FSIO_FILE, "fsio_kind: a file");
	ok(fsio_kind(&root, "/etc/fifo", &kind, NULL) == 0 && kind == FSIO_ELSE, "fsio_kind: a FIFO");
	ok(fsio_kind(&root, "/etc/loop", &kind, NULL) == -1, "fsio_kind: what cannot be told is an error");
}

static void magic_links_are_not_followed(void)
{
	struct root live;
	struct err err = { 0 };

	if (!has_openat2()) {
		tap_skip("magic links", "this kernel has no openat2");
		return;
	}
	ok(root_open(&live, "/", NULL) == 0 && live.live, "the live root");
	ok(fsio_open(&live, "/proc/self/root/etc/passwd", O_RDONLY, &err) == -1, "/proc/self/root is not followed");
	is_err(&err, "'/proc/self/root' is a symlink", "  and told");
	err_clear(&err);
	ok(fsio_open(&live, "/proc/self/exe", O_RDONLY, &err) == -1, "/proc/self/exe is not followed");
	root_release(&live);
}

static void kernel_files_are_read(void)
{
	AUTOARENA arena = { 0 };
	struct err err = { 0 };
	struct root live;
	struct file file;

	ok(root_open(&live, "//", NULL) == 0 && live.live, "// is the live root");
	is_text(slice_of(live.path), "/", "  and called /");
	is_text(slice_of(root_path(&live, "/etc/x", &arena)), "/etc/x", "  and not put in front of paths");
	ok(fsio_read(&live, "/proc/self/status", 1 << 20, &arena, &file, &err) == 0 && file.bytes.len > 100,
	   "a file of procfs is read to its end though its size is 0");
	ok(fsio_read(&live, "/proc/self/status", 10, &arena, &file, &err) == -1, "  within the limit");
	is_err(&err, "over the limit of 10", "  which is told");
	root_release(&live);
}

/* From here on openat2 answers `errnum` in this process. */
static bool lose_openat2(int errnum)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)errnum),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = 4, .filter = code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0;
}

static void without_openat2_symlinks_are_refused(int errnum)
{
	struct err err = { 0 };
	int fd;

	if (!lose_openat2(errnum)) {
		tap_skip("a kernel without openat2", "seccomp does not work here");
		return;
	}
	check_open("/etc/inside", "inside", "without openat2: a plain path is opened");
	check_open("//etc/./inside", "inside", "without openat2: . and // do no harm");
	ok(fsio_open(&root, "/etc/absolute", O_RDONLY, &err) == -1 && errno == ELOOP, "without openat2: no symlink");
	is_err(&err, "which this kernel cannot follow safely", "  and says so");
	err_clear(&err);
	ok(fsio_open(&root, "/dirlink/inside", O_RDONLY, &err) == -1, "without openat2: no symlink in the middle");
	is_err(&err, "/dirlink' is a symlink to '/etc'", "  and names it");
	ok(fsio_open(&root, "/dirlink", O_PATH, NULL) == -1, "without openat2: O_PATH follows none either");
	ok(fsio_open(&root, "/etc/../etc/inside", O_RDONLY, NULL) == -1 && errno == EXDEV, "without openat2: no ..");
	fd = fsio_open(&root, "/", O_RDONLY | O_DIRECTORY, &err);
	ok(fd >= 0, "without openat2: the root itself");
	fsio_close(&fd);
	check_refused("/etc/none", 9, ERR_FAILED, "No such file or directory", "without openat2: a missing file");
	check_refused("/etc/fifo", 9, ERR_REFUSED, "it is a FIFO", "without openat2: a FIFO");
	ok(fsio_mkdirs(&root, "/var/lib/other", 0700, NULL) == 0, "without openat2: mkdirs");
}

/* In a child, because a seccomp filter stays. */
static void in_child(void (*test)(int), int arg)
{
	int *counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int pid = fork(), status;

	if (pid == 0) {
		test(arg);
		counts[0] = tap_count;
		counts[1] = tap_failed;
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (status == 0) {
		tap_count = counts[0];
		tap_failed = counts[1];
	}
	ok(status == 0, "the child came to its end");
	munmap(counts, 4096);
}

static void lists_sorted(void)
{
	AUTOARENA arena = { 0 };
	struct err err = { 0 };
	struct slice *names;
	size_t count;

	tmp_write("/list/b", "", 0, 0644);
	tmp_write("/list/.a", "", 0, 0644);
	tmp_write("/list/\xc3\xa9", "", 0, 0644);
	tmp_write("/list/B", "", 0, 0644);
	ok(fsio_list(&root, "/list", &arena, &names, &count, &err) == 0 && count == 4, "a directory is listed");
	ok(slice_is(names[0], ".a") && slice_is(names[1], "B") && slice_is(names[3], "\xc3\xa9"), "  by byte");
	ok(fsio_list(&root, "/none", &arena, &names, &count, &err) == -1 && err.errnum == ENOENT,
	   "a missing one is an error");
	err_clear(&err);
	ok(fsio_list(&root, "/list/b", &arena, &names, &count, &err) == -1 && err.errnum == ENOTDIR,
	   "a file is an error");
}

static void makes_directories(void)
{
	struct err err = { 0 };
	struct stat st;

	ok(fsio_mkdirs(&root, "/var/lib/x/y", 0700, &err) == 0, "mkdirs makes all");
	ok(stat(tmp_path("/var/lib/x/y"), &st) == 0 && (st.st_mode & 07777) == 0700, "  with the mode");
	ok(fsio_mkdirs(&root, "/var/lib/x/y/", 0700, &err) == 0, "mkdirs of what is there");
	ok(!has_openat2() ||
	       (fsio_mkdirs(&root, "/dirlink/sub", 0700, &err) == 0 && access(tmp_path("/etc/sub"), F_OK) == 0),
	   "mkdirs follows a symlink inside the root");
	ok(fsio_mkdirs(&root, "/etc/inside/x", 0700, &err) == -1 && err.errnum == ENOTDIR,
	   "mkdirs through a file fails");
	err_clear(&err);
	ok(fsio_mkdirs(&root, "/etc/dangling/x", 0700, &err) == -1, "mkdirs through a dangling symlink fails");
	is_err(&err, "is a symlink to", "  and says so");
	err_clear(&err);
	ok(fsio_mkdirs(&root, "relative", 0700, &err) == -1, "a relative path is an error");
}

static void roots(void)
{
	AUTOARENA arena = { 0 };
	struct err err = { 0 };
	struct root other;

	ok(root_open(&other, "/nonexistent", &err) == -1, "a root that does not exist");
	is_num(err.kind, ERR_USAGE, "  is wrong usage");
	is_err(&err, "'/nonexistent'", "  and named");
	root_release(&other);
	is_text(slice_of(root_path(&root, "/a", &arena)), arena_printf(&arena, "%s/a", root.path), "root_path");
	ok(root.path[0] == '/' && !root.live, "the root's path is absolute and not live");
	ok(fsio_open(&root, "relative", O_RDONLY, NULL) == -1 && errno == EINVAL, "a relative path is an error");
	ok(fsio_open(&root, arena_printf(&arena, "/%0300d", 1), O_RDONLY, NULL) == -1 && errno == ENAMETOOLONG,
	   "a name of 300 bytes is an error");
}

int main(void)
{
	tmp_make();
	if (root_open(&root, tmp_dir, NULL) != 0)
		return 1;
	reads_what_is_there();
	refuses_what_it_cannot_trust();
	refuses_a_file_that_changes();
	symlinks_stay_inside_the_root();
	magic_links_are_not_followed();
	kernel_files_are_read();
	lists_sorted();
	makes_directories();
	roots();
	in_child(without_openat2_symlinks_are_refused, ENOSYS);
	in_child(without_openat2_symlinks_are_refused, EPERM);
	root_release(&root);
	tmp_remove();
	return tap_done();
}
