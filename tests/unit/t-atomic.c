/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/fs.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>

#include <nestfix/atomic.h>

#include "../lib/fault.h"
#include "../lib/tap.h"
#include "../lib/tmp.h"

static struct root root;
static const char acl_name[] = "system.posix_acl_access";

/* rw for the owner, r for uid 1234, r for the group, r as mask, nothing for others (linux/posix_acl_xattr.h). */
static const unsigned char acl[] = { 2, 0,   0,   0,   1,   0,   6,  0, 255, 255, 255, 255, 2,   0,  4,
				     0, 210, 4,   0,   0,   4,   0,  4, 0,   255, 255, 255, 255, 16, 0,
				     4, 0,   255, 255, 255, 255, 32, 0, 0,   0,   255, 255, 255, 255 };

static struct atomic_attr plain(void)
{
	return (struct atomic_attr){ .mode = 0640, .uid = getuid(), .gid = getgid() };
}

static size_t entries(const char *dir)
{
	AUTOARENA arena = { 0 };
	struct slice *names;
	size_t count = 0;

	fsio_list(&root, dir, &arena, &names, &count, NULL);
	return count;
}

static void creates(void)
{
	struct atomic_attr attr = plain();
	struct err err = { 0 };
	struct stat st;

	mkdir(tmp_path("/new"), 0755);
	ok(atomic_replace(&root, "/new/a", ATOMIC_ANY, SLICE("one"), &attr, &err) == 0, "a file is created");
	is_text(slice_of(tmp_read("/new/a")), "one", "  with its content");
	ok(stat(tmp_path("/new/a"), &st) == 0 && (st.st_mode & 07777) == 0640, "  with the mode asked for");
	is_num(entries("/new"), 1, "  and nothing beside it");
	ok(atomic_replace(&root, "/nowhere/a", ATOMIC_ANY, SLICE("one"), &attr, &err) == -1 && err.errnum == ENOENT,
	   "a missing directory is an error");
	err_clear(&err);
	ok(atomic_replace(&root, "/new/", ATOMIC_ANY, SLICE("one"), &attr, &err) == -1,
	   "a path without a name is an error");
}

static void replacing_keeps_owner_mode_xattrs_and_acl(void)
{
	struct atomic_attr attr = plain();
	struct err err = { 0 };
	struct stat before, after;
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	char value[256];
	bool xattrs;

	attr.mode = 0777;
	tmp_write("/keep/f", "old", 3, 0644);
	if (geteuid() == 0)
		ok(chown(tmp_path("/keep/f"), 0, 222) == 0, "chown");
	xattrs = setxattr(tmp_path("/keep/f"), "user.note", "a\0b", 3, 0) == 0 &&
		 setxattr(tmp_path("/keep/f"), acl_name, acl, sizeof acl, 0) == 0;
	utimensat(AT_FDCWD, tmp_path("/keep/f"), old, 0);
	stat(tmp_path("/keep/f"), &before);
	ok(atomic_replace(&root, "/keep/f", ATOMIC_ANY, SLICE("new"), &attr, &err) == 0, "a file is replaced");
	is_text(slice_of(tmp_read("/keep/f")), "new", "  by its new content");
	stat(tmp_path("/keep/f"), &after);
	ok(before.st_ino != after.st_ino, "  as another inode");
	ok(before.st_uid == after.st_uid && before.st_gid == after.st_gid, "  of the same owner");
	is_num(after.st_mode, before.st_mode, "  and mode");
	ok(after.st_mtim.tv_sec > 1000, "  written now");
	is_num(entries("/keep"), 1, "  with nothing beside it");
	if (!xattrs) {
		tap_skip("replacing keeps xattrs and ACLs", "THIS FILE SYSTEM HAS NO USER XATTRS OR ACLS");
		return;
	}
	ok(getxattr(tmp_path("/keep/f"), "user.note", value, sizeof value) == 3 && memcmp(value, "a\0b", 3) == 0,
	   "  with its xattr");
	ok(getxattr(tmp_path("/keep/f"), acl_name, value, sizeof value) == sizeof acl &&
	       memcmp(value, acl, sizeof acl) == 0,
	   "  and its ACL");
}

static void a_default_acl_does_not_widen_a_file(void)
{
	struct atomic_attr attr = plain();
	char value[256];

	tmp_write("/acl/f", "old", 3, 0640);
	if (setxattr(tmp_path("/acl"), "system.posix_acl_default", acl, sizeof acl, 0) != 0) {
		tap_skip("a default ACL", "THIS FILE SYSTEM HAS NO ACLS");
		return;
	}
	ok(atomic_replace(&root, "/acl/f", ATOMIC_ANY, SLICE("new"), &attr, NULL) == 0,
	   "replace where the directory has a default ACL");
	ok(getxattr(tmp_path("/acl/f"), acl_name, value, sizeof value) < 0 && errno == ENODATA,
	   "  gives the file none");
}

static void force_sets_all(void)
{
	struct atomic_attr attr = { .mode = 04711,
				    .uid = getuid(),
				    .gid = getgid(),
				    .force = true,
				    .mtime = { .tv_sec = 1234567, .tv_nsec = 89 } };
	struct err err = { 0 };
	struct stat st;

	tmp_write("/force/f", "old", 3, 0644);
	ok(atomic_replace(&root, "/force/f", ATOMIC_ANY, SLICE("new"), &attr, &err) == 0, "a forced replacement");
	stat(tmp_path("/force/f"), &st);
	ok((st.st_mode & 07777) == 04711 && st.st_mtim.tv_sec == 1234567 && st.st_mtim.tv_nsec == 89,
	   "  sets mode and mtime, the set-id bit too");
}

static void check_kinds(const char *path, const char *part)
{
	struct atomic_attr attr = plain();
	struct err err = { 0 };

	ok(atomic_replace(&root, path, ATOMIC_ANY, SLICE("x"), &attr, &err) == -1 && err.kind == ERR_REFUSED, path);
	is_err(&err, part, "  and says why");
	err_clear(&err);
	ok(atomic_remove(&root, path, ATOMIC_ANY, &err) == -1 && err.kind == ERR_REFUSED, "  is not removed either");
}

static void only_regular_files(void)
{
	tmp_write("/kinds/f", "f", 1, 0644);
	ok(symlink("f", tmp_path("/kinds/link")) == 0, "symlink");
	mkfifo(tmp_path("/kinds/fifo"), 0644);
	mkdir(tmp_path("/kinds/dir"), 0755);
	check_kinds("/kinds/link", "it is a symlink");
	check_kinds("/kinds/fifo", "not a regular file");
	check_kinds("/kinds/dir", "not a regular file");
	is_text(slice_of(tmp_read("/kinds/f")), "f", "what the symlink points to is untouched");
}

static void abandon_leaves_no_trace(void)
{
	struct atomic_attr attr = plain();
	struct atomic a = { 0 };

	atomic_abandon(&a);
	ok(fcntl(0, F_GETFD) >= 0, "abandoning a zeroed one closes nothing");
	tmp_write("/ab/f", "old", 3, 0644);
	ok(atomic_open(&a, &root, "/ab/f", ATOMIC_ANY, &attr, NULL) == 0 && atomic_write(&a, SLICE("new"), NULL) == 0,
	   "open, write");
	is_num(entries("/ab"), 2, "the new one grows beside the old");
	ok(atomic_fd(&a) >= 0, "and can be reached by descriptor");
	atomic_abandon(&a);
	is_num(entries("/ab"), 1, "abandon removes it");
	is_text(slice_of(tmp_read("/ab/f")), "old", "and leaves the old");
	atomic_abandon(&a);
	ok(fcntl(0, F_GETFD) >= 0, "abandoning twice does no harm");
}

/* What somebody else does between open and commit. */
static void check_race(const char *what, void (*meddle)(const char *), const char *part, const char *left)
{
	struct atomic_attr attr = plain();
	struct err err = { 0 };
	struct atomic a;

	ok(atomic_open(&a, &root, "/race/f", ATOMIC_ANY, &attr, &err) == 0 &&
	       atomic_write(&a, SLICE("ours"), &err) == 0,
	   what);
	meddle(tmp_path("/race/f"));
	ok(atomic_commit(&a, &err) == -1 && err.kind == ERR_REFUSED, "  is seen at commit");
	is_err(&err, part, "  and told");
	is_text(slice_of(tmp_read("/race/f")), left, "  and what they did stands");
	is_num(entries("/race"), strcmp(left, "(missing)") != 0, "  with nothing beside it");
}

static void swap(const char *path)
{
	(void)path;
	tmp_write("/race/g", "swapped", 7, 0644);
	rename(tmp_path("/race/g"), tmp_path("/race/f"));
}

static void overwrite(const char *path)
{
	(void)path;
	tmp_write("/race/f", "written", 7, 0644);
}

static void drop(const char *path)
{
	unlink(path);
}

static void a_changed_target_is_refused(void)
{
	tmp_write("/race/f", "old", 3, 0644);
	check_race("another file at the name", swap, "somebody else changed it", "swapped");
	check_race("the same file written in place", overwrite, "somebody else changed it", "written");
	check_race("the file removed", drop, "somebody else removed it", "(missing)");
	check_race("a file created where there was none", overwrite, "somebody else created it", "written");
}

/* The caller read `was` and decided on it; nothing else gives way. */
static void only_what_was_decided_on(void)
{
	struct atomic_attr attr = plain();
	struct file was = { .bytes = SLICE("read") };
	struct err err = { 0 };

	tmp_write("/was/f", "read", 4, 0644);
	ok(atomic_replace(&root, "/was/f", &was, SLICE("new"), &attr, NULL) == 0, "what was read is replaced");
	ok(atomic_replace(&root, "/was/f", &was, SLICE("newer"), &attr, &err) == -1 && err.kind == ERR_REFUSED,
	   "other bytes are not");
	is_err(&err, "cannot replace '", "  and are told");
	err_clear(&err);
	ok(atomic_remove(&root, "/was/f", &was, &err) == -1 && err.kind == ERR_REFUSED, "nor removed");
	is_err(&err, "cannot remove '", "  and told");
	err_clear(&err);
	ok(atomic_replace(&root, "/was/f", NULL, SLICE("x"), &attr, &err) == -1 && err.kind == ERR_REFUSED,
	   "where nothing was, nothing may be");
	err_clear(&err);
	ok(atomic_replace(&root, "/was/g", &was, SLICE("x"), &attr, &err) == -1 && err.kind == ERR_REFUSED,
	   "where something was, something must be");
	is_err(&err, "somebody else removed it", "  and it is told");
	was.bytes = SLICE("new");
	stat(tmp_path("/was/f"), &was.st);
	was.st.st_ino++;
	ok(atomic_replace(&root, "/was/f", &was, SLICE("x"), &attr, NULL) == -1, "another inode is another file");
	ok(atomic_remove(&root, "/was/f", &was, NULL) == -1, "  for removing, too");
	was.st.st_ino--;
	ok(atomic_remove(&root, "/was/f", &was, NULL) == 0 && entries("/was") == 0, "the file itself is removed");
}

static void only_files_of_roots(void)
{
	struct atomic_attr attr = plain();
	struct file was = { .bytes = SLICE("x") };
	struct err err = { 0 };

	tmp_write("/own/f", "x", 1, 0644);
	if (geteuid() != 0 || chown(tmp_path("/own/f"), 12345, 0) != 0) {
		tap_skip("files of others", "needs root");
		return;
	}
	ok(atomic_replace(&root, "/own/f", &was, SLICE("y"), &attr, &err) == -1 && err.kind == ERR_REFUSED,
	   "a file of somebody else's is not replaced");
	is_err(&err, "belongs to uid 12345", "  and it is told");
	ok(atomic_replace(&root, "/own/f", ATOMIC_ANY, SLICE("y"), &attr, NULL) == -1, "  whatever was expected");
	ok(atomic_remove(&root, "/own/f", ATOMIC_ANY, NULL) == -1, "  nor removed");
	is_num(entries("/own"), 1, "  with nothing beside it");
}

/* In a folder of a container's own root names are exchanged at will: the new file is looked at by both. */
static void an_exchanged_new_file_is_seen(void)
{
	struct atomic_attr attr = plain();
	AUTOARENA scratch = { 0 };
	struct err err = { 0 };
	struct atomic a;

	tmp_write("/swap/f", "old", 3, 0644);
	ok(atomic_open(&a, &root, "/swap/f", ATOMIC_ANY, &attr, NULL) == 0 && atomic_write(&a, SLICE("new"), NULL) == 0,
	   "a new file grows");
	rename(tmp_path(arena_printf(&scratch, "/swap/%s", a.temp)), tmp_path("/swap/mine"));
	tmp_write(arena_printf(&scratch, "/swap/%s", a.temp), "evil", 4, 0644);
	ok(atomic_commit(&a, &err) == -1, "another file under its name is not put in its place");
	is_err(&err, "somebody exchanged the new file", "  and told");
	is_text(slice_of(tmp_read("/swap/f")), "old", "  and the old file stands");
}

static void removes(void)
{
	tmp_write("/rm/f", "x", 1, 0644);
	ok(atomic_remove(&root, "/rm/f", ATOMIC_ANY, NULL) == 0 && entries("/rm") == 0, "a file is removed");
	ok(atomic_remove(&root, "/rm/f", ATOMIC_ANY, NULL) == 0, "a missing file is no error");
	ok(atomic_remove(&root, "/none/f", ATOMIC_ANY, NULL) == 0, "nor is a missing directory");
}

static void sweeps_only_its_own(void)
{
	tmp_write("/sweep/.f.aa-nestfix-abc345", "x", 1, 0600);
	tmp_write("/sweep/.f.aa-nestfix-ABC345", "x", 1, 0600);
	tmp_write("/sweep/.f.aa-nestfix-abc34", "x", 1, 0600);
	tmp_write("/sweep/f.aa-nestfix-abc345", "x", 1, 0600);
	tmp_write("/sweep/.hidden", "x", 1, 0600);
	mkdir(tmp_path("/sweep/.d.aa-nestfix-abcdef"), 0755);
	ok(atomic_sweep(&root, "/sweep", NULL) == 0, "sweep");
	is_num(entries("/sweep"), 5, "removes one of six");
	ok(access(tmp_path("/sweep/.f.aa-nestfix-abc345"), F_OK) != 0, "  the one that is a killed run's");
	ok(atomic_sweep(&root, "/none", NULL) == 0, "a missing directory is no error");
}

static void long_names_fit(void)
{
	struct atomic_attr attr = plain();
	struct err err = { 0 };
	char path[300] = "/long/";

	mkdir(tmp_path("/long"), 0755);
	memset(path + 6, 'n', 255);
	path[261] = '\0';
	ok(atomic_replace(&root, path, ATOMIC_ANY, SLICE("x"), &attr, &err) == 0, "a name of 255 bytes can be created");
	ok(atomic_replace(&root, path, ATOMIC_ANY, SLICE("y"), &attr, &err) == 0, "  and replaced");
	is_num(entries("/long"), 1, "  with nothing beside it");
}

static void immutable_files_are_refused(void)
{
	struct atomic_attr attr = plain();
	AUTOCLOSE fd = -1;
	struct err err = { 0 };
	int flags = 0, with;

	tmp_write("/chattr/f", "x", 1, 0644);
	fd = open(tmp_path("/chattr/f"), O_RDONLY);
	with = ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 ? flags | FS_IMMUTABLE_FL : 0;
	if (!with || ioctl(fd, FS_IOC_SETFLAGS, &with) != 0) {
		tap_skip("an immutable file", "chattr +i does not work here");
		return;
	}
	ok(atomic_replace(&root, "/chattr/f", ATOMIC_ANY, SLICE("y"), &attr, &err) == -1 && err.kind == ERR_REFUSED,
	   "an immutable file is refused");
	is_err(&err, "the file was made immutable by chattr", "  and says why");
	is_num(entries("/chattr"), 1, "  with nothing beside it");
	ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

/* In a child with a private mount namespace. Its counts come back through shared memory. */
static void in_namespace(void (*test)(void), const char *what)
{
	int *counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int pid = fork(), status;

	if (pid == 0) {
		if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
		    mount("tmpfs", tmp_path("/mnt"), "tmpfs", 0, "size=64k,nr_inodes=20,mode=755") == 0)
			test();
		else
			tap_skip(what, "NEEDS ROOT FOR A MOUNT NAMESPACE");
		counts[0] = tap_count;
		counts[1] = tap_failed;
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	tap_count = counts[0];
	tap_failed = counts[1] + (status != 0);
	munmap(counts, 4096);
}

static void a_full_file_system_changes_nothing(void)
{
	static char big[100 << 10];
	struct atomic_attr attr = plain();
	struct err err = { 0 };

	root_release(&root); /* it is in the old namespace */
	ok(root_open(&root, tmp_dir, NULL) == 0, "the root in the new namespace");
	tmp_write("/mnt/f", "old", 3, 0644);
	ok(atomic_replace(&root, "/mnt/f", ATOMIC_ANY, (struct slice){ big, sizeof big }, &attr, &err) == -1,
	   "more than fits");
	is_num(err.errnum, ENOSPC, "  is no space");
	ok(strstr(err.hint, "make room"), "  with a hint");
	is_text(slice_of(tmp_read("/mnt/f")), "old", "  and the old file stands");
	is_num(entries("/mnt"), 1, "  with nothing beside it");
	err_clear(&err);
	ok(mount("none", tmp_path("/mnt"), "none", MS_REMOUNT | MS_RDONLY, NULL) == 0, "remount read-only");
	ok(atomic_replace(&root, "/mnt/f", ATOMIC_ANY, SLICE("new"), &attr, &err) == -1 && err.errnum == EROFS,
	   "a read-only file system is an error");
	ok(strstr(err.hint, "read-only"), "  with a hint");
	err_clear(&err);
	ok(atomic_remove(&root, "/mnt/f", ATOMIC_ANY, &err) == -1 && err.errnum == EROFS, "nothing is removed from it");
}

static void fuse_gets_one_write(void)
{
	struct atomic_attr attr = plain();
	struct atomic a;
	struct stat st;

	tmp_write("/fuse/f", "old", 3, 0644);
	ok(atomic_open(&a, &root, "/fuse/f", ATOMIC_ANY, &attr, NULL) == 0, "open");
	a.fuse = true;
	ok(atomic_write(&a, SLICE("one "), NULL) == 0 && atomic_write(&a, SLICE("two"), NULL) == 0, "two writes");
	ok(fstat(atomic_fd(&a), &st) == 0 && st.st_size == 0, "  are held back");
	ok(atomic_commit(&a, NULL) == 0, "  until commit");
	is_text(slice_of(tmp_read("/fuse/f")), "one two", "  which writes them");
}

/* The victim of the fault loops: this program again, with fault.so in front of libc. */
static int victim(const char *dir)
{
	struct atomic_attr attr = plain();
	AUTOROOT r = { 0 };
	struct err err = { 0 };
	int status = 0;

	if (root_open(&r, dir, &err) != 0)
		return 1;
	if (atomic_replace(&r, "/fault/f", ATOMIC_ANY, SLICE("new content"), &attr, &err) != 0 ||
	    atomic_replace(&r, "/fault/created", ATOMIC_ANY, SLICE("created"), &attr, &err) != 0 ||
	    atomic_remove(&r, "/fault/gone", ATOMIC_ANY, &err) != 0)
		status = 1;
	if (status && (!err.text[0] || err.kind == ERR_NONE))
		status = 2;
	return status;
}

static void set_stage(void)
{
	unlink(tmp_path("/fault/created"));
	tmp_write("/fault/f", "old content", 11, 0644);
	setxattr(tmp_path("/fault/f"), "user.note", "x", 1, 0);
	tmp_write("/fault/gone", "gone", 4, 0644);
}

/* After a fault at any call: each file is old or new, and nothing is left but what a kill or a failing unlink leaves.
 */
static bool stage_is_sound(bool mess_allowed)
{
	AUTOARENA arena = { 0 };
	struct slice *names;
	size_t count;
	bool good = true;

	good &= strcmp(tmp_read("/fault/f"), "old content") == 0 || strcmp(tmp_read("/fault/f"), "new content") == 0;
	good &= strcmp(tmp_read("/fault/created"), "created") == 0 || access(tmp_path("/fault/created"), F_OK) != 0;
	good &= strcmp(tmp_read("/fault/gone"), "gone") == 0 || access(tmp_path("/fault/gone"), F_OK) != 0;
	if (!mess_allowed && fsio_list(&root, "/fault", &arena, &names, &count, NULL) == 0 && count > 0)
		good &= !slice_starts(names[0], ".");
	return good && atomic_sweep(&root, "/fault", NULL) == 0 && entries("/fault") <= 3;
}

static void every_call_may_fail(const char *lib, const char *what)
{
	bool kill = strncmp(what, "KILL", 4) == 0, sound = true;
	int n, told = 0, status = 0;

	for (n = 1; n < 200; n++) {
		set_stage();
		status = fault_run(lib, n, what);
		if (!strstr(tmp_read("/log"), " HIT"))
			break;
		if (kill && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) {
			printf("# call %d did not kill: status %x\n", n, (unsigned)status);
			sound = false;
		}
		told += WIFEXITED(status) && WEXITSTATUS(status) == 1;
		if (!kill && !WIFEXITED(status))
			sound = false;
		if (WIFEXITED(status) && WEXITSTATUS(status) > 1)
			sound = false;
		if (!stage_is_sound(kill || strstr(tmp_read("/log"), "unlinkat"))) {
			printf("# after call %d: status %x, log:\n%s", n, (unsigned)status, tmp_read("/log"));
			sound = false;
		}
	}
	printf("# %s: %d calls, %d errors told\n", what, n - 1, told);
	ok(sound && n > 15, "whatever call fails, files are old or new");
	ok(status == 0 && n < 200, "and without a fault all is done");
	ok(strcmp(what, "SHORT") == 0 ? told == 0 : kill || told >= 8, "and failures are told");
}

static void exchange(void)
{
	tmp_write("/fault/evil", "evil", 4, 0644);
	rename(tmp_path("/fault/evil"), tmp_path("/fault/f"));
}

/* The second fsync is the folder's, behind the rename. */
static void an_exchanged_target_is_seen(const char *lib)
{
	int status;

	set_stage();
	status = fault_meddle(lib, 2, "fsync", exchange);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 1, "a file that is put over the new one at once is told");
	is_text(slice_of(tmp_read("/fault/f")), "evil", "  (it was)");
}

/* sync, rename, sync of the directory: the order that a power cut asks for, seen in the log of a run without a fault.
 */
static void check_order(const char *log)
{
	const char *rename = strstr(log, " renameat f"), *sync = strstr(log, " fsync ");

	ok(rename && sync && sync < rename, "the content is synced before the rename");
	ok(rename && (sync = strstr(rename, " fsync ")) &&
	       (!strstr(rename + 1, "openat") || sync < strstr(rename + 1, "openat")),
	   "the directory is synced after it");
	rename = strstr(log, " unlinkat gone");
	ok(rename && strstr(rename, " fsync "), "and after a removal");
}

static void faults(void)
{
	const char *lib = fault_lib();
	const char *const all[] = { "EIO", "ENOSPC", "KILL", "KILLAFTER", "SHORT" };
	int status;

	if (!lib) {
		tap_skip("faults at every call", "fault.so IS NOT BUILT BESIDE THE FOLDER OF THIS TEST");
		return;
	}
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		every_call_may_fail(lib, all[i]);
	an_exchanged_target_is_seen(lib);
	set_stage();
	ok(fault_run(lib, 0, "EIO") == 0, "a run without a fault");
	check_order(tmp_read("/log"));
	set_stage();
	status = fault_run(lib, 0, "PMXCFS");
	ok(status == 0, "on pmxcfs what it lacks is left out");
	is_text(slice_of(tmp_read("/fault/f")), "new content", "  and the file is replaced");
	is_text(slice_of(tmp_read("/fault/created")), "created", "  and one is created");
	ok(strstr(tmp_read("/log"), "renameat "), "  with a plain rename");
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "victim") == 0)
		return victim(argv[2]);
	tmp_make();
	if (root_open(&root, tmp_dir, NULL) != 0)
		return 1;
	mkdir(tmp_path("/mnt"), 0755);
	creates();
	replacing_keeps_owner_mode_xattrs_and_acl();
	a_default_acl_does_not_widen_a_file();
	force_sets_all();
	only_regular_files();
	abandon_leaves_no_trace();
	a_changed_target_is_refused();
	only_what_was_decided_on();
	only_files_of_roots();
	an_exchanged_new_file_is_seen();
	removes();
	sweeps_only_its_own();
	long_names_fit();
	immutable_files_are_refused();
	in_namespace(a_full_file_system_changes_nothing, "a full and a read-only file system");
	fuse_gets_one_write();
	faults();
	root_release(&root);
	tmp_remove();
	return tap_done();
}
