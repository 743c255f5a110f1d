/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * container: every container of this host, read only.
 *
 * LXC: <lxcpath>/NAME/config for the default lxcpath, that of lxc.conf, and those of running containers (abstract
 * sockets in /proc/net/unix, as far as they are shown to be root's). Proxmox: /etc/pve/lxc/VMID.conf of this node, and
 * what PVE will make of it. Incus and LXD: their generated profile files. Per-user containers below /home: reported;
 * their owners' files are not read. What a guest owns is never read, and nothing that a guest can write decides
 * anything here.
 */
#ifndef NESTFIX_CONTAINER_H
#define NESTFIX_CONTAINER_H

#include <nestfix/fsio.h>
#include <nestfix/lxc.h>
#include <nestfix/packages.h>
#include <nestfix/pve.h>

enum { CONTAINER_LIBRARY_LIMIT = 32 << 20 }; /* bytes of a liblxc.so that are looked at */

enum container_kind { CONTAINER_LXC, CONTAINER_PVE, CONTAINER_INCUS, CONTAINER_LXD, CONTAINER_USER };

enum container_origin {                       /* where the rules of its profile come from */
			CONTAINER_STATIC,     /* a profile file below /etc/apparmor.d */
			CONTAINER_GENERATED,  /* text that liblxc, Incus or LXD writes at start */
			CONTAINER_UNCONFINED, /* lxc.apparmor.profile = unconfined */
			CONTAINER_UNCHANGED,
			CONTAINER_OFF, /* unconfined, and AppArmor hidden from it as well (see `hidden`) */
};

struct container {
	enum container_kind kind;
	struct slice name;    /* "web1", "101"; Incus and LXD: "web1" or "PROJECT_web1" */
	struct slice title;   /* what names it and no other on a command line: its name, else LXCPATH/NAME */
	const char *config;   /* its configuration file: lxcpath/NAME/config, /etc/pve/lxc/VMID.conf; Incus and LXD keep
				 none: their profile file */
	struct slice lxcpath; /* as its liblxc sees it */
	struct lxc_config lxc; /* in force at its next start; zeroed where there is none (Incus, LXD) */
	struct pve_guest pve;  /* CONTAINER_PVE */
	bool running;
	bool docker; /* dockerd, containerd or podman runs in it, by the name of a process: the guest's own word */
	int pid;     /* of its init, as the host sees it; 0: not running or not known */
	bool nesting, unprivileged;
	bool hidden; /* something (/dev/null) is bound over …/module/apparmor/parameters/enabled in it. That keeps its
			own programs from using AppArmor; the profile that confines it stays in force */
	bool blamed; /* AppArmor is off in it or hidden from it, and its configuration tells that Docker is why: by that
			bind, or by a word that it holds */
	enum container_origin origin;
	struct slice profile;  /* asked for by name; for CONTAINER_GENERATED the generated name */
	struct slice label;    /* in force, from /proc/PID/attr, without its mode; empty: not running or not readable */
	const char *generated; /* path of the generated text, where it exists now */
	struct err err;        /* set: its configuration could not be read; the rest is what could be told */
};

struct container_host {
	struct container *list; /* by kind, then name; VMIDs by number */
	size_t count;
	bool is_pve, pve_is_mounted, pve_has_quorum;
	int pve_major;                                              /* 7, 8, 9; 0: none, or not known */
	struct slice lxc, liblxc, lxc_pve, pve_manager, incus, lxd; /* installed versions, or empty */
	enum packages_liblxc liblxc_state;
	const char *library;     /* the liblxc.so that this was told by; NULL: none found */
	struct container *fresh; /* what one that is made now would be, by /etc/lxc/default.conf or by Proxmox; NULL:
				    nobody can tell. Not in the list; without a name */
	/* of every process 1 of a namespace, whoever started it: containers that stand in no list */
	struct slice *labels;
	size_t label_count;
};

/*
 * Reads all. An unreadable container does not stop it: see container.err; an lxcpath that cannot be listed does. Live
 * facts (running, pid, label) only on a live root.
 */
int container_list(struct container_host *out, const struct root *root, const struct policy_reader *reader,
		   struct arena *arena, struct err *err);

/* The same with the live facts taken from /proc below another root; NULL: none. */
int container_list_live(struct container_host *out, const struct root *root, const struct root *proc,
			const struct policy_reader *reader, struct arena *arena, struct err *err);

/*
 * The configuration of a container of LXC's or Proxmox' as it would be, did the reader give the bytes of its files (a
 * guest's own VMID.conf stays as it was read). Errors are those of lxc_read.
 */
int container_config(struct lxc_config *out, const struct container_host *host, const struct root *root,
		     const struct container *c, const struct policy_reader *reader, struct arena *arena,
		     struct err *err);

/* The version of the package that liblxc comes in, without Debian's epoch; or empty. */
struct slice container_lxc_version(const struct container_host *host);

/* What configuration and policy are read with: trusted files below the root. */
struct policy_reader container_reader(const struct root *root);

/*
 * struct root own_folder: the folder of a container may belong to a uid of its own lxc.idmap, if its `config` is a
 * regular file of root's with no other name. Only that file, and the folder `apparmor`, may be opened in it.
 */
bool container_own_folder(const struct root *root, int dir, const char *path, uid_t uid, const char *name);

/*
 * The node of the cluster on which a guest is that is not in the list; empty: on none. Only the tree of the cluster's
 * file system tells.
 */
struct slice container_node(const struct root *root, struct slice vmid, struct arena *arena);

/*
 * The container that a user means: by its name, or by its folder LXCPATH/NAME or its configuration as a path (Incus'
 * and LXD's have none of their own). *out is NULL where there is none. ERR_USAGE, with all of them, where several have
 * the name; those of ordinary users do not count beside others.
 */
int container_find(const struct container_host *host, struct slice text, const struct container **out, struct err *err);

#endif
