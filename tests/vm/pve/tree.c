/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tree.h"

struct node tree_root = { .kind = S_IFDIR, .number = 1, .known = 1 };
FILE *tree_log;
volatile sig_atomic_t tree_no_quorum;
unsigned long tree_lose_after, tree_full_after;

static uint64_t last_number = 1, last_serial;
static unsigned last_hidden;
static bool is_full; /* the database takes no more */

struct node *tree_child(const struct node *dir, const char *name)
{
	for (struct node *n = tree_root.next; n; n = n->next)
		if (n->parent == dir && strcmp(n->name, name) == 0)
			return n;
	return NULL;
}

struct node *tree_by_number(uint64_t number)
{
	for (struct node *n = &tree_root; n; n = n->next)
		if (n->number == number)
			return n;
	return NULL;
}

bool tree_is_gone(const struct node *n)
{
	return n != &tree_root && !n->parent;
}

static bool is_empty(const struct node *dir)
{
	for (const struct node *n = tree_root.next; n; n = n->next)
		if (n->parent == dir)
			return false;
	return true;
}

static const char *path_of(const struct node *n, char *space)
{
	char *at = space + TREE_PATH - 1;

	*at = '\0';
	for (; n && n != &tree_root; n = n->parent) {
		size_t len = strlen(n->name);

		if ((size_t)(at - space) < len + 1)
			return "?";
		at -= len;
		memcpy(at, n->name, len);
		if (n->parent != &tree_root)
			*--at = '/';
	}
	return at;
}

/* A transaction is done, and maybe it was the last one for now. */
static void tell(const char *what, const struct node *n)
{
	char space[TREE_PATH];

	if (*what != ' ' && tree_lose_after > 0 && --tree_lose_after == 0)
		tree_no_quorum = 1;
	if (*what != ' ' && tree_full_after > 0 && --tree_full_after == 0)
		is_full = true;
	if (!tree_log)
		return;
	fprintf(tree_log, "%s %s\n", what, path_of(n, space));
	fflush(tree_log);
}

/* A change that cannot be written to the database stands in memory all the same (memdb.c). */
static int outcome(void)
{
	return is_full ? -EIO : 0;
}

struct node *tree_add(struct node *dir, const char *name, mode_t kind)
{
	struct node *n = calloc(1, sizeof *n), *last = &tree_root;

	if (!n)
		abort();
	snprintf(n->name, sizeof n->name, "%s", name);
	n->parent = dir;
	n->kind = kind;
	n->mtime = time(NULL);
	n->serial = ++last_serial;
	while (last->next)
		last = last->next;
	last->next = n;
	return n;
}

void tree_fill(struct node *n, const char *bytes, size_t count)
{
	n->data = calloc(1, count + 1);
	if (!n->data)
		abort();
	memcpy(n->data, bytes, count);
	n->size = count;
}

void tree_know(struct node *n)
{
	if (n->known++ == 0)
		n->number = ++last_number;
}

void tree_forget(struct node *n, uint64_t count)
{
	struct node *before = &tree_root;

	if (n == &tree_root)
		return;
	n->known = n->known > count ? n->known - count : 0;
	if (n->known > 0)
		return;
	n->number = 0;
	if (!tree_is_gone(n))
		return;
	while (before->next != n)
		before = before->next;
	before->next = n->next;
	free(n->data);
	free(n);
}

static void take_out(struct node *n)
{
	n->parent = NULL;
	if (n->known == 0)
		tree_forget(n, 0);
}

static bool is_below(const char *path, const char *name)
{
	size_t len = strlen(name);

	return strncmp(path, name, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* nodes/NODE/REST; or an empty string. */
static const char *below_node(const char *path)
{
	if (!is_below(path, "nodes") || path[5] == '\0')
		return "";
	path += 6 + strcspn(path + 6, "/");
	return path + (*path == '/');
}

static bool is_private(const char *path)
{
	return is_below(path, "priv") || is_below(below_node(path), "priv");
}

mode_t tree_mode(const struct node *n)
{
	mode_t mode = n->kind == S_IFREG ? 0666 : 0777;
	char space[TREE_PATH];
	const char *path = path_of(n, space);

	if (tree_no_quorum && n != &tree_root)
		mode &= 0555;
	if (is_private(path))
		return n->kind | (mode & 0700);
	return n->kind | (mode & (n->kind == S_IFREG ? 0750 : 0755));
}

/* nodes/NODE/{lxc,qemu-server}/N.conf: N, or 0. */
static unsigned long vmid_of(const struct node *dir, const char *name)
{
	char *end, space[TREE_PATH];
	const char *rest = below_node(path_of(dir, space));
	unsigned long vmid;

	if ((strcmp(rest, "lxc") != 0 && strcmp(rest, "qemu-server") != 0) || name[0] < '1' || name[0] > '9')
		return 0;
	vmid = strtoul(name, &end, 10);
	return strcmp(end, ".conf") == 0 ? vmid : 0;
}

/* Has another folder of the cluster a guest of this number? */
static bool is_elsewhere(unsigned long vmid, const struct node *dir)
{
	for (const struct node *n = tree_root.next; vmid && n; n = n->next)
		if (n->parent && n->parent != dir && vmid_of(n->parent, n->name) == vmid)
			return true;
	return false;
}

/* A name that create, mkdir or rename want; a guest may move from one node to another. */
static int check_new(const struct node *dir, const char *name, unsigned long moving)
{
	unsigned long vmid = vmid_of(dir, name);

	if (tree_no_quorum)
		return -EACCES;
	if (strlen(name) > TREE_NAME_MAX)
		return -ENAMETOOLONG;
	return vmid != moving && is_elsewhere(vmid, dir) ? -EEXIST : 0;
}

int tree_make(struct node **out, struct node *dir, const char *name, mode_t kind)
{
	int error = check_new(dir, name, 0);

	if (error)
		return error;
	if (tree_child(dir, name))
		return -EEXIST;
	*out = tree_add(dir, name, kind);
	(*out)->opens = kind == S_IFREG;
	tell(kind == S_IFDIR ? "mkdir" : "create", *out);
	return outcome();
}

static void move(struct node *n, struct node *dir, const char *name)
{
	tell("rename", n);
	n->parent = dir;
	snprintf(n->name, sizeof n->name, "%s", name);
	n->mtime = time(NULL);
	tell("    to", n);
}

/* The file system's own. */
static bool is_fixed(const struct node *n)
{
	return n->kind == S_IFLNK || n->status;
}

static void hide(struct node *n)
{
	char name[TREE_NAME];

	snprintf(name, sizeof name, ".fuse_hidden%08x%08x", (unsigned)n->number, ++last_hidden);
	move(n, n->parent, name);
	n->hidden = true;
}

int tree_rename(struct node *dir, const char *name, struct node *to_dir, const char *to)
{
	struct node *n = tree_child(dir, name), *old = tree_child(to_dir, to);
	int error = n ? check_new(to_dir, to, vmid_of(dir, name)) : -ENOENT;

	if (error)
		return error;
	if (is_fixed(n) || (old && is_fixed(old)))
		return -EACCES;
	if ((n->kind == S_IFDIR && !is_empty(n)) || (old && old->kind == S_IFDIR && !is_empty(old)))
		return -ENOTEMPTY;
	if (old && old->opens > 0)
		hide(old);
	if (tree_no_quorum) /* lost by that */
		return -EACCES;
	if (old && !old->hidden)
		take_out(old);
	move(n, to_dir, to);
	return outcome();
}

int tree_remove(struct node *dir, const char *name)
{
	struct node *n = tree_child(dir, name);

	if (!n)
		return -ENOENT;
	if (tree_no_quorum || is_fixed(n))
		return -EACCES;
	if (n->kind == S_IFDIR && !is_empty(n))
		return -ENOTEMPTY;
	if (n->opens > 0) {
		hide(n);
		return 0;
	}
	tell("delete", n);
	take_out(n);
	return outcome();
}

static int change(struct node *n, const char *bytes, size_t count, uint64_t at, size_t size)
{
	char *data = calloc(1, size + 1);

	if (!data)
		return -ENOMEM;
	if (n->data)
		memcpy(data, n->data, size < n->size ? size : n->size);
	if (count > 0)
		memcpy(data + at, bytes, count);
	free(n->data);
	n->data = data;
	n->size = size;
	n->mtime = time(NULL);
	tell(bytes ? "write" : "truncate", n);
	return outcome();
}

int tree_write(struct node *n, const char *bytes, size_t count, uint64_t at)
{
	if (n->status)
		return -EIO;
	if (tree_no_quorum)
		return -EACCES;
	if (at > TREE_FILE || at + count > TREE_FILE)
		return -EFBIG;
	return change(n, bytes, count, at, at + count > n->size ? (size_t)at + count : n->size);
}

int tree_truncate(struct node *n, uint64_t size)
{
	if (tree_no_quorum)
		return -EACCES;
	return size > TREE_FILE ? -EFBIG : change(n, NULL, 0, 0, (size_t)size);
}

int tree_chmod(const struct node *n, mode_t mode)
{
	char space[TREE_PATH];

	return (mode & 07777) == (is_private(path_of(n, space)) ? 0600 : 0640) ? 0 : -EPERM;
}

int tree_utime(struct node *n, time_t mtime)
{
	if (tree_no_quorum)
		return -EACCES;
	n->mtime = mtime;
	tell("mtime", n);
	return outcome();
}

void tree_close(struct node *n)
{
	if (n->opens == 0 || --n->opens > 0 || !n->hidden || tree_is_gone(n))
		return;
	tell("delete", n);
	take_out(n);
}
