/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <nestfix/fsio.h>

#include "../lib/tap.h"
#include "../lib/tmp.h"

static struct root root;

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

	ok(root_open(&live, "/", NULL) == 0 && live.live, "the live root");
	ok(fsio_open(&live, "/proc/self/root/etc/passwd", O_RDONLY, &err) == -1, "/proc/self/root is not followed");
	is_err(&err, "/root' is a symlink to '/'", "  and told");
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

/* A path that is not followed, for every call that follows paths; fsio_kind must not call it missing. */
static void check_way(const struct root *at, const char *path, const char *part, const char *what)
{
	AUTOARENA arena = { 0 };
	struct err err = { 0 };
	enum fsio_kind kind;
	struct slice *names;
	struct file file;
	size_t count;

	ok(fsio_read(at, path, 99, &arena, &file, &err) == -1, what);
	is_err(&err, part, "  and says why");
	ok(err.kind == ERR_REFUSED && err.hint[0], "  on purpose, with a way out");
	ok(fsio_open(at, path, O_RDONLY, NULL) == -1, "  nor opened");
	ok(fsio_kind(at, path, &kind, NULL) == -1, "  nor looked at");
	ok(fsio_list(at, path, &arena, &names, &count, NULL) == -1, "  nor listed");
}

static void own(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	if (lchown(tmp_path(path), uid, gid) != 0 || (mode && chmod(tmp_path(path), mode) != 0))
		perror(path);
}

static void make_link(const char *path, const char *target)
{
	unlink(tmp_path(path));
	if (symlink(target, tmp_path(path)) != 0)
		perror(path);
}

/* On a live root, too, only that cannot be shown here: it is one code (tests/t-trust.sh). */
static void links_are_roots(void)
{
	struct root live = root;

	live.live = true; /* the same tree, as if it were the machine's own */
	tmp_write("/srv/lxc/web1/config", "moved", 5, 0644);
	tmp_write("/var/lib/y", "", 0, 0644);
	make_link("/var/lib/lxc", "../../srv/lxc");
	check_open("/var/lib/lxc/web1/config", "moved", "a link of root's in a folder of root's is followed");
	own("/var/lib/lxc", 12345, 0, 0);
	check_way(&root, "/var/lib/lxc/web1/config", "/var/lib/lxc' is a symlink that belongs to uid 12345",
		  "a link of somebody else's is not followed");
	check_way(&live, "/var/lib/lxc/web1/config", "is a symlink that belongs to uid 12345", "nor on a live root");
	own("/var/lib/lxc", 0, 0, 0);
	own("/var/lib", 0, 0, 0775);
	check_way(&root, "/var/lib/lxc/web1/config", "in a folder that others can write to",
		  "nor one in a folder that the group can write to, be it root's");
	own("/var/lib", 0, 0, 01777);
	check_way(&live, "/var/lib/lxc/web1/config", "in a folder that others can write to",
		  "nor one in a sticky folder, where anybody may have moved it");
	own("/var/lib", 0, 0, 0755);
	make_link("/var/lib/lxc", "/var/lib/second");
	make_link("/var/lib/second", "/srv/lxc");
	check_open("/var/lib/lxc/web1/config", "moved", "a link to a link is followed");
	own("/var/lib/second", 12345, 0, 0);
	check_way(&root, "/var/lib/lxc/web1/config", "/var/lib/second' is a symlink that belongs to uid 12345",
		  "each of them must be root's");
	own("/srv", 12345, 0, 0755);
	own("/var/lib/second", 0, 0, 0);
	check_way(&root, "/var/lib/lxc/web1/config", "/srv' belongs to uid 12345", "and each folder behind them");
	own("/srv", 0, 0, 0755);
}

static void folders_are_roots(void)
{
	struct root anybody = root;

	anybody.anybody = true;
	tmp_write("/way/in/file", "mine", 4, 0644);
	check_open("/way/in/file", "mine", "a file in a folder of root's");
	own("/way/in", 12345, 0, 0755);
	check_way(&root, "/way/in/file", "/way/in' belongs to uid 12345", "a folder of somebody else's is not passed");
	own("/way/in", 0, 12345, 0775);
	check_way(&root, "/way/in/file", "lets its group write", "nor one that a group can write to");
	own("/way/in", 0, 0, 0757);
	check_way(&root, "/way/in/file", "lets everybody write", "nor one that everybody can write to");
	own("/way/in", 0, 0, 0770);
	check_open("/way/in/file", "mine", "the group root is root");
	own("/way/in", 12345, 0, 0755);
	own("/way", 0, 0, 01777);
	check_way(&root, "/way/in/file", "/way/in' belongs to uid 12345", "a sticky folder makes nobody root");
	own("/way/in", 0, 0, 0755);
	check_open("/way/in/file", "mine", "but is passed on the way to a folder of root's");
	own("/way/in", 0, 0, 01777);
	check_way(&root, "/way/in/file", "everybody may put files into the folder", "not to a file");
	own("/way/in", 12345, 0, 0777);
	ok(fsio_kind(&anybody, "/way/in/file", &(enum fsio_kind){ 0 }, NULL) == 0,
	   "anybody's, where that was asked for");
	own("/way/in", 0, 0, 0755);
	own("/way", 0, 0, 0755);
}

static uid_t mapped = 100000;
static char asked_path[8];

/* As a container's room decides, in short. */
static bool own_folder(const struct root *at, int dir, const char *path, uid_t uid, const char *name)
{
	(void)at, (void)dir;
	snprintf(asked_path, sizeof asked_path, "%s", path);
	return uid == mapped && (!name || strcmp(name, "config") == 0 || strcmp(name, "apparmor") == 0);
}

static void a_containers_own_folder(void)
{
	tmp_write("/lxc/ct/config", "mine", 4, 0640);
	tmp_write("/lxc/ct/other", "mine", 4, 0640);
	tmp_write("/lxc/ct/apparmor/text", "mine", 4, 0600);
	tmp_write("/lxc/ct/rootfs/etc/x", "mine", 4, 0600);
	own("/lxc/ct", 100000, 0, 0770);
	check_way(&root, "/lxc/ct/config", "/lxc/ct' belongs to uid 100000", "nobody said that it is a container's");
	root.own_folder = own_folder;
	check_open("/lxc/ct/config", "mine", "a configuration of root's in a folder of the mapped root's");
	is_text(slice_of(asked_path), "/lxc/ct", "  whose path is told");
	check_open("/lxc/ct/apparmor/text", "mine", "and a text in a folder of root's there");
	check_way(&root, "/lxc/ct/other", "belongs to uid 100000", "no other file");
	check_way(&root, "/lxc/ct/rootfs/etc/x", "belongs to uid 100000", "nor the container's files");
	own("/lxc/ct/apparmor", 100000, 0, 0755);
	check_way(&root, "/lxc/ct/apparmor/text", "apparmor' belongs to uid 100000",
		  "nor a text in a folder of its own");
	own("/lxc/ct/apparmor", 0, 0, 0755);
	own("/lxc/ct/config", 100000, 0, 0);
	check_way(&root, "/lxc/ct/config", "is no file of root's", "nor a configuration of its own");
	own("/lxc/ct/config", 0, 0, 0660);
	check_way(&root, "/lxc/ct/config", "is no file of root's", "nor one that others can write to");
	own("/lxc/ct/config", 0, 0, 0640);
	ok(link(tmp_path("/lxc/ct/config"), tmp_path("/lxc/twice")) == 0, "link");
	check_way(&root, "/lxc/ct/config", "with one name", "nor one with a second name");
	ok(unlink(tmp_path("/lxc/twice")) == 0 && unlink(tmp_path("/lxc/ct/config")) == 0, "unlink");
	make_link("/lxc/ct/config", "apparmor/text");
	check_way(&root, "/lxc/ct/config", "is a symlink in a folder that others can write to",
		  "nor a link, be it root's");
	ok(fsio_open(&root, "/lxc/ct/apparmor/../config", O_RDONLY | O_NOFOLLOW, NULL) == -1, "by no way");
	ok(fsio_mkdirs(&root, "/lxc/ct/new", 0700, NULL) == -1, "nothing is made there");
	ok(fsio_open(&root, "/lxc/ct/config.new", O_WRONLY | O_CREAT, NULL) == -1, "by no call");
	own("/lxc", 0, 0, 01777);
	check_way(&root, "/lxc/ct/apparmor/text", "belongs to uid 100000",
		  "where anybody could make the folder, it is none");
	own("/lxc", 0, 0, 0755);
	mapped = 5;
	check_way(&root, "/lxc/ct/apparmor/text", "belongs to uid 100000", "nor with another root");
	root.own_folder = NULL;
}

/* The mode's group bits are the ACL's mask: they may stand for somebody else's rights (acl(5)). */
static void an_acl_is_no_group(void)
{
	/* version 2; user::rwx user:12345:rwx group::--- mask::rwx other::--- (linux/posix_acl_xattr.h) */
	static const unsigned char acl[] = { 2,    0,    0,    0,    1,    0,    7,    0,    0xff, 0xff, 0xff,
					     0xff, 2,    0,    7,    0,    0x39, 0x30, 0,    0,    4,    0,
					     0,    0,    0xff, 0xff, 0xff, 0xff, 0x10, 0,    7,    0,    0xff,
					     0xff, 0xff, 0xff, 0x20, 0,    0,    0,    0xff, 0xff, 0xff, 0xff };

	tmp_write("/acl/in/file", "x", 1, 0644);
	own("/acl/in", 0, 0, 0770);
	if (setxattr(tmp_path("/acl/in"), "system.posix_acl_access", acl, sizeof acl, 0) != 0) {
		tap_skip("a folder with an ACL", "no ACLs on this file system");
		return;
	}
	check_way(&root, "/acl/in/file", "lets its group write", "the group root is not asked where an ACL stands");
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
	ok(fsio_mkdirs(&root, "/dirlink/sub", 0700, &err) == 0 && access(tmp_path("/etc/sub"), F_OK) == 0,
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
	if (geteuid() == 0) {
		links_are_roots();
		folders_are_roots();
		a_containers_own_folder();
		an_acl_is_no_group();
	} else {
		tap_skip("foreign folders and links", "needs root");
	}
	kernel_files_are_read();
	lists_sorted();
	makes_directories();
	roots();
	root_release(&root);
	tmp_remove();
	return tap_done();
}
