/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tree: what a pmxcfs holds, and its rules. Errors are negative, as the kernel wants them.
 *
 * The rules are those of src/pmxcfs/{pmxcfs,cfs-plug-memdb,cfs-plug-link,memdb}.c in pve-cluster; and of lib/fuse.c in
 * libfuse 2.9 (fuse_lib_rename, hide_node), on which it stands: a file that is open is not replaced or removed, but
 * given another name first.
 */
#ifndef VM_PVE_TREE_H
#define VM_PVE_TREE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

enum {
	TREE_FILE = 1 << 20,
	TREE_PATH = 1024,
	TREE_NAME_MAX = 256,
	TREE_NAME = TREE_NAME_MAX + 1,
	TREE_GROUP = 33 /* www-data */
};

/* The number is given anew whenever the kernel has forgotten it, as the library does. */
struct node {
	struct node *next, *parent; /* no parent: the root, or a file that is gone */
	char name[TREE_NAME];
	mode_t kind;
	char *data; /* also where a symlink leads */
	size_t size;
	time_t mtime;
	uint64_t number, known, serial; /* serial: its place in a directory */
	unsigned opens;
	bool hidden;
	bool status; /* a file of the file system's own: .version, .members */
};

extern struct node tree_root; /* its `next` is the list of all others, the oldest first */
extern FILE *tree_log;        /* a line for each transaction of the cluster, or NULL */
extern volatile sig_atomic_t tree_no_quorum;
extern unsigned long tree_lose_after; /* so many transactions the quorum is lost; 0: never */
extern unsigned long tree_full_after; /* so many transactions the database is full: EIO; 0: never */

struct node *tree_child(const struct node *dir, const char *name);
struct node *tree_by_number(uint64_t number);
bool tree_is_gone(const struct node *n);
mode_t tree_mode(const struct node *n);
struct node *tree_add(struct node *dir, const char *name, mode_t kind);
void tree_fill(struct node *n, const char *bytes, size_t count);

/* The kernel got it from us, and forgot it so many times. */
void tree_know(struct node *n);
void tree_forget(struct node *n, uint64_t count);

int tree_make(struct node **out, struct node *dir, const char *name, mode_t kind);
int tree_rename(struct node *dir, const char *name, struct node *to_dir, const char *to);
int tree_remove(struct node *dir, const char *name);
int tree_write(struct node *n, const char *bytes, size_t count, uint64_t at);
int tree_truncate(struct node *n, uint64_t size);
int tree_chmod(const struct node *n, mode_t mode);
int tree_utime(struct node *n, time_t mtime);
void tree_close(struct node *n);

#endif
