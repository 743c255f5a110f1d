/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the parts of the container room. */
#ifndef CONTAINER_INTERNAL_H
#define CONTAINER_INTERNAL_H

#include <nestfix/container.h>

/* Whose a socket is: see container-socket.c. */
enum container_owner {
	SOCKET_UNSEEN,   /* no process was found that holds it */
	SOCKET_FOREIGN,  /* not root's, or not under this name */
	SOCKET_UNPROVED, /* held by root alone; the rest cannot be told here */
	SOCKET_ROOTS,
};

/* A descriptor of a process for a socket. */
struct container_holder {
	unsigned long inode;
	int pid, fd;
	uid_t uid; /* real, effective, saved and of the file system; -1: they differ */
	bool here; /* in our pid namespace */
	bool made; /* the socket was made under the same uid */
};

/* A listening abstract socket "…/command": a container that runs. */
struct container_socket {
	struct slice name; /* without the leading NUL */
	unsigned long inode;
	struct container_holder *holders;
	size_t holder_count;
	uid_t uid; /* of its maker and all that hold it; -1: several, or none is seen */
	enum container_owner owner;
};

struct container_process {
	int pid, ppid;
	uid_t uid; /* as of a holder */
	bool here;
	bool is_init;       /* process 1 of a namespace directly below ours: the init of some container */
	bool is_inner;      /* in such a namespace, and in none below it */
	bool is_docker;     /* by its name: dockerd, containerd, podman */
	struct slice label; /* of an init */
};

struct container_live {
	struct container_socket *sockets; /* by name */
	size_t socket_count;
	struct container_process *processes; /* by pid; read only where there is a socket */
	size_t process_count;
	int *dockers; /* inits of containers in which one of those runs */
	size_t docker_count;
	bool blind; /* descriptors of others cannot be listed: this is not root, or a confined program */
};

/* Reads /proc below the root. What cannot be read is left out, but more sockets than anybody needs are ERR_REFUSED. */
int container_live_read(struct container_live *out, const struct root *proc, struct arena *arena, struct err *err);

/* Its parts: the sockets by name; who holds them, for all processes. */
int container_sockets_read(struct container_live *out, const struct root *proc, struct arena *arena, struct err *err);
void container_sockets_judge(struct container_live *live, const struct root *proc, struct arena *arena);

/* Fills running, pid and label. */
void container_live_join(struct container *c, const struct container_live *live, struct arena *arena);

void container_live_labels(struct container_host *out, const struct container_live *live, struct arena *arena);

/* Texts of procfs: takes a word, takes a line, reads a number of nothing but decimal digits. */
struct slice container_word(struct slice *rest);
bool container_line(struct slice *rest, struct slice *line);
bool container_number(struct slice text, unsigned long *out);

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

/* Fills host.fresh. */
void container_config_fresh(struct container_run *run);

/* The same for Incus' and LXD's, from their profile text. False: it is no container's (a virtual machine's, say). */
bool container_config_incus(struct container_run *run, struct container *c);

/* Fills the titles of all. */
void container_name_all(struct container_host *host, struct arena *arena);

/* What is installed: packages, Proxmox, liblxc. */
void container_host_read(struct container_run *run);

#endif
