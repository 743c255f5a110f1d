/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pmxcfs NODE FOLDER [LOG]: mounts over FOLDER a file system with the restrictions of Proxmox' pmxcfs, in memory; it
 * begins with what FOLDER holds. Returns when it is mounted, and prints the number of the process that serves it.
 *
 *   SIGUSR1, SIGUSR2   the cluster loses its quorum, and has it again
 *   SIGTERM            the end
 *   LOG                gets a line for each transaction of the cluster
 *   LOSE_AFTER=N       in the environment: after N transactions the quorum is lost
 *   FULL_AFTER=N       the N-th transaction fills the database: from there on each is made, and answered by EIO
 *
 * It speaks the protocol of /dev/fuse itself: the library's soname changes from one Debian to the next.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tree.h"

enum { WRITE_LIMIT = 128 << 10, REQUEST_LIMIT = WRITE_LIMIT + 8192 };

/* A request: what it is about, and the bytes behind the head. */
struct request {
	int fd;
	const struct fuse_in_header *head;
	struct node *node;
	const void *in;
};

static const char *folder;

static void answer(const struct request *r, int error, const void *data, size_t size)
{
	struct fuse_out_header head = { .unique = r->head->unique, .error = error };
	struct iovec parts[] = { { &head, sizeof head }, { (void *)(uintptr_t)data, error ? 0 : size } };

	head.len = (uint32_t)(sizeof head + parts[1].iov_len);
	while (writev(r->fd, parts, 2) < 0 && errno == EINTR)
		;
}

static void fill_attr(const struct node *n, struct fuse_attr *out)
{
	uint64_t time = (uint64_t)n->mtime;

	*out = (struct fuse_attr){
		.ino = n->number,
		.size = n->size,
		.blocks = n->kind == S_IFLNK ? 0 : (n->size + 4095) / 4096,
		.atime = time,
		.mtime = time,
		.ctime = time,
		.mode = tree_mode(n),
		.nlink = n->kind == S_IFDIR ? 2 : 1,
		.gid = TREE_GROUP,
	};
}

static void answer_entry(const struct request *r, int error, struct node *n, bool opened)
{
	struct {
		struct fuse_entry_out entry;
		struct fuse_open_out open;
	} out = { .open.open_flags = FOPEN_DIRECT_IO };

	if (!error) {
		tree_know(n);
		out.entry.nodeid = n->number;
		fill_attr(n, &out.entry.attr);
	}
	answer(r, error, &out, opened ? sizeof out : sizeof out.entry);
}

static void do_getattr(const struct request *r)
{
	struct fuse_attr_out out = { 0 };

	fill_attr(r->node, &out.attr);
	answer(r, 0, &out, sizeof out);
}

static void do_setattr(const struct request *r)
{
	const struct fuse_setattr_in *set = r->in;
	int error = 0;

	if (((set->valid & FATTR_UID) && set->uid != 0) || ((set->valid & FATTR_GID) && set->gid != TREE_GROUP))
		error = -EPERM;
	if (!error && (set->valid & FATTR_MODE))
		error = tree_chmod(r->node, set->mode);
	if (!error && (set->valid & FATTR_SIZE))
		error = tree_truncate(r->node, set->size);
	/* libfuse 2.9 calls utimens() for both times, and for one alone not at all (fuse_lib_setattr). */
	if (!error && (set->valid & FATTR_MTIME) && (set->valid & FATTR_ATIME))
		error = tree_utime(r->node, set->valid & FATTR_MTIME_NOW ? time(NULL) : (time_t)set->mtime);
	if (error)
		answer(r, error, NULL, 0);
	else
		do_getattr(r);
}

static void do_read(const struct request *r)
{
	const struct fuse_read_in *want = r->in;
	const struct node *n = r->node;
	size_t at = want->offset < n->size ? (size_t)want->offset : n->size;

	answer(r, 0, n->data ? n->data + at : "", n->size - at < want->size ? n->size - at : want->size);
}

static void do_write(const struct request *r)
{
	const struct fuse_write_in *w = r->in;
	struct fuse_write_out out = { .size = w->size };

	answer(r, tree_write(r->node, (const char *)(w + 1), w->size, w->offset), &out, sizeof out);
}

static void do_readdir(const struct request *r)
{
	const struct fuse_read_in *want = r->in;
	char out[4096];
	size_t used = 0, room = want->size < sizeof out ? want->size : sizeof out;

	for (const struct node *n = tree_root.next; n; n = n->next) {
		size_t len = strlen(n->name), size = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + len);
		struct fuse_dirent entry = { .ino = UINT32_MAX, .off = n->serial, .namelen = (uint32_t)len };

		if (n->parent != r->node || n->serial <= want->offset)
			continue;
		if (size > room - used)
			break;
		entry.type = n->kind >> 12;
		memset(out + used, 0, size);
		memcpy(out + used, &entry, FUSE_NAME_OFFSET);
		memcpy(out + used + FUSE_NAME_OFFSET, n->name, len);
		used += size;
	}
	answer(r, 0, out, used);
}

static void do_lookup(const struct request *r)
{
	struct node *n = tree_child(r->node, r->in);

	answer_entry(r, n ? 0 : -ENOENT, n, false);
}

static void do_make(const struct request *r)
{
	bool file = r->head->opcode == FUSE_CREATE;
	const char *name = (const char *)r->in + (file ? sizeof(struct fuse_create_in) : sizeof(struct fuse_mkdir_in));
	struct node *n = NULL;
	int error = tree_make(&n, r->node, name, file ? S_IFREG : S_IFDIR);

	answer_entry(r, error, n, file);
}

static void do_mknod(const struct request *r)
{
	const struct fuse_mknod_in *mknod = r->in;
	struct node *n = NULL;
	int error = S_ISREG(mknod->mode) ? tree_make(&n, r->node, (const char *)(mknod + 1), S_IFREG) : -ENOSYS;

	if (n)
		n->opens = 0;
	answer_entry(r, error, n, false);
}

static void do_rename(const struct request *r)
{
	const struct fuse_rename_in *rename = r->in;
	struct node *dir = tree_by_number(rename->newdir);
	const char *name = (const char *)(rename + 1);

	answer(r, dir ? tree_rename(r->node, name, dir, name + strlen(name) + 1) : -ENOENT, NULL, 0);
}

static void do_open(const struct request *r)
{
	struct fuse_open_out out = { .open_flags = r->head->opcode == FUSE_OPEN ? FOPEN_DIRECT_IO : 0 };

	r->node->opens += r->head->opcode == FUSE_OPEN;
	answer(r, 0, &out, sizeof out);
}

static void do_release(const struct request *r)
{
	if (r->head->opcode == FUSE_RELEASE)
		tree_close(r->node);
	answer(r, 0, NULL, 0);
}

static void do_statfs(const struct request *r)
{
	static const struct fuse_statfs_out fs = { .st = { .blocks = 32768,
							   .bfree = 32768,
							   .bavail = 32768,
							   .bsize = 4096,
							   .frsize = 4096,
							   .files = 262144,
							   .namelen = TREE_NAME_MAX } };

	answer(r, 0, &fs, sizeof fs);
}

static void do_init(const struct request *r)
{
	const struct fuse_init_in *kernel = r->in;
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = 31, /* Linux 5.4 */
		.max_readahead = kernel->max_readahead,
		.max_write = WRITE_LIMIT,
	};

	answer(r, 0, &out, sizeof out);
}

static void do_forget(const struct request *r)
{
	const struct fuse_batch_forget_in *batch = r->in;
	const struct fuse_forget_one *one = (const void *)(batch + 1);

	if (r->head->opcode == FUSE_FORGET) {
		if (r->node)
			tree_forget(r->node, ((const struct fuse_forget_in *)r->in)->nlookup);
		return;
	}
	for (uint32_t i = 0; i < batch->count; i++) {
		struct node *n = tree_by_number(one[i].nodeid);

		if (n)
			tree_forget(n, one[i].nlookup);
	}
}

/* What is not here is unknown: links, devices, xattrs, fsync, fallocate, locks. */
static void (*const calls[])(const struct request *) = {
	[FUSE_GETATTR] = do_getattr,    [FUSE_SETATTR] = do_setattr, [FUSE_READ] = do_read,
	[FUSE_WRITE] = do_write,        [FUSE_READDIR] = do_readdir, [FUSE_LOOKUP] = do_lookup,
	[FUSE_CREATE] = do_make,        [FUSE_MKDIR] = do_make,      [FUSE_RENAME] = do_rename,
	[FUSE_OPEN] = do_open,          [FUSE_OPENDIR] = do_open,    [FUSE_RELEASE] = do_release,
	[FUSE_RELEASEDIR] = do_release, [FUSE_STATFS] = do_statfs,   [FUSE_MKNOD] = do_mknod,
};

static void serve(struct request *r)
{
	uint32_t call = r->head->opcode;

	r->node = tree_by_number(r->head->nodeid);
	if (call == FUSE_INIT)
		do_init(r);
	else if (call == FUSE_FORGET || call == FUSE_BATCH_FORGET)
		do_forget(r);
	else if (call == FUSE_INTERRUPT)
		return;
	else if (!r->node || (tree_is_gone(r->node) && call != FUSE_RELEASE))
		answer(r, -ENOENT, NULL, 0);
	else if (call == FUSE_UNLINK || call == FUSE_RMDIR)
		answer(r, tree_remove(r->node, r->in), NULL, 0);
	else if (call == FUSE_READLINK)
		answer(r, r->node->data ? 0 : -EINVAL, r->node->data, r->node->size);
	else if (call < sizeof calls / sizeof *calls && calls[call])
		calls[call](r);
	else
		answer(r, -ENOSYS, NULL, 0);
}

static void take_file(struct node *n, int dir)
{
	static char bytes[TREE_FILE];
	int fd = openat(dir, n->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t count = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);

	if (count > 0)
		tree_fill(n, bytes, (size_t)count);
	if (fd >= 0)
		close(fd);
}

/* What lies in the folder becomes the beginning; symlinks are the file system's own. */
static void take_folder(struct node *to, int fd, int depth)
{
	DIR *dir = fdopendir(fd);
	struct stat st;

	for (struct dirent *e; dir && (e = readdir(dir));) {
		struct node *n;

		if (e->d_name[0] == '.' || fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !(S_ISREG(st.st_mode) || (S_ISDIR(st.st_mode) && depth < 8)))
			continue;
		n = tree_add(to, e->d_name, st.st_mode & S_IFMT);
		n->mtime = st.st_mtime;
		if (S_ISREG(st.st_mode))
			take_file(n, fd);
		else
			take_folder(n, openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), depth + 1);
	}
	if (dir)
		closedir(dir);
}

static struct node *folder_in(struct node *dir, const char *name)
{
	struct node *n = tree_child(dir, name);

	return n ? n : tree_add(dir, name, S_IFDIR);
}

static void add_own(const char *node)
{
	static const char *const names[] = { "local", "lxc", "qemu-server" };
	struct node *dir = folder_in(folder_in(&tree_root, "nodes"), node);
	char target[TREE_NAME];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(target, sizeof target, "nodes/%s%s%s", node, i ? "/" : "", i ? names[i] : "");
		if (i)
			folder_in(dir, names[i]);
		tree_fill(tree_add(&tree_root, names[i], S_IFLNK), target, strlen(target));
	}
}

static void add_status(void)
{
	static const char *const names[] = { ".clusterlog", ".debug", ".members", ".rrd", ".version", ".vmlist" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct node *n = tree_add(&tree_root, names[i], S_IFREG);

		tree_fill(n, "{}\n", 3);
		n->status = true;
	}
}

static void on_signal(int signum)
{
	if (signum == SIGTERM)
		umount2(folder, MNT_DETACH);
	else
		tree_no_quorum = signum == SIGUSR1;
}

static int mount_it(void)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[128];

	if (fd < 0)
		return -1;
	snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other",
		 fd);
	return mount("/dev/fuse", folder, "fuse", MS_NOSUID | MS_NODEV, options) < 0 ? -1 : fd;
}

static void serve_all(int fd)
{
	static char bytes[REQUEST_LIMIT] __attribute__((aligned(8)));
	const struct fuse_in_header *head = (const void *)bytes;

	for (;;) {
		ssize_t count = read(fd, bytes, sizeof bytes);
		struct request r = { .fd = fd, .head = head, .in = head + 1 };

		if (count < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN))
			continue;
		if (count < (ssize_t)sizeof *head)
			return; /* ENODEV: it was unmounted */
		serve(&r);
	}
}

int main(int argc, char **argv)
{
	static const int signals[] = { SIGUSR1, SIGUSR2, SIGTERM };
	struct sigaction action = { .sa_handler = on_signal };
	int fd;
	pid_t pid;

	if (argc < 3 || argc > 4) {
		fputs("usage: pmxcfs NODE FOLDER [LOG]\n", stderr);
		return 2;
	}
	folder = argv[2];
	take_folder(&tree_root, open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0);
	add_own(argv[1]);
	add_status();
	tree_lose_after = strtoul(getenv("LOSE_AFTER") ?: "0", NULL, 10);
	tree_full_after = strtoul(getenv("FULL_AFTER") ?: "0", NULL, 10);
	tree_log = argv[3] ? fopen(argv[3], "ae") : NULL;
	fd = mount_it();
	if (fd < 0) {
		fprintf(stderr, "pmxcfs: cannot mount on '%s': %s\n", folder, strerror(errno));
		return 1;
	}
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaction(signals[i], &action, NULL);
	pid = fork();
	if (pid != 0) {
		printf("%ld\n", (long)pid);
		return pid < 0;
	}
	setsid();
	if (!freopen("/dev/null", "r+", stdin) || !freopen("/dev/null", "r+", stdout) ||
	    !freopen("/dev/null", "r+", stderr))
		return 1;
	serve_all(fd);
	return 0;
}
