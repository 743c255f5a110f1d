/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the parts of the container room. */
#ifndef CONTAINER_INTERNAL_H
#define CONTAINER_INTERNAL_H

#include <nestfix/container.h>

/* A listening abstract socket "…/command": a container that runs. */
struct container_socket {
	struct slice name; /* without the leading NUL */
	unsigned long inode;
};

/* A process that is process 1 of a namespace directly below ours: the init of some container. */
struct container_init {
	int pid;
	struct slice label;
	bool by_root;           /* its parent runs as root, and is not the process that orphans fall to */
	unsigned long *sockets; /* that its parent holds, if by_root: the monitor's own is among them */
	size_t socket_count;
};

struct container_live {
	struct container_socket *sockets; /* by name */
	size_t socket_count;
	struct container_init *inits; /* by pid */
	size_t init_count;
};

/* Reads /proc below the root. What cannot be read is left out: live facts are an extra, never a condition. */
void container_live_read(struct container_live *out, const struct root *proc, struct arena *arena);

/* Fills running, pid and label. */
void container_live_join(struct container *c, const struct container_live *live, struct arena *arena);

/* A file or directory that many containers include. */
struct container_cached {
	const char *path;
	enum policy_found found;
	struct slice bytes, *names;
	size_t count;
};

/* One run. */
struct container_run {
	struct container_host *host;
	const struct root *root;
	const struct policy_reader *inner;
	struct policy_reader reader; /* `inner`, with the files that all containers include read once */
	VEC(struct container_cached) cache;
	VEC(struct container) list;
	struct container_live live;
	struct arena *arena;
};

/* policy_reader.read with a container_run as ctx. */
int container_read_cached(void *ctx, const char *path, enum policy_found *found, struct slice *bytes,
			  struct slice **names, size_t *count, struct arena *arena, struct err *err);

/* Reads the configuration of one container (kind, name, lxcpath and config are set) and what follows from it. */
void container_config_lxc(struct container_run *run, struct container *c);
void container_config_pve(struct container_run *run, struct container *c);

/* The same for Incus' and LXD's, from their profile text. False: it is no container's (a virtual machine's, say). */
bool container_config_incus(struct container_run *run, struct container *c);

/* What is installed: packages, Proxmox, liblxc. */
void container_host_read(struct container_run *run);

#endif
