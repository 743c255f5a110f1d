/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * container: every container of this host, read only.
 *
 * LXC: <lxcpath>/NAME/config for the default lxcpath, that of lxc.conf, and those of running containers (abstract
 * sockets in /proc/net/unix). Proxmox: /etc/pve/lxc/VMID.conf of this node, and what PVE made of it in /var/lib/lxc.
 * Incus and LXD: their generated profile files. Per-user containers below /home: reported. What a guest owns is never
 * read.
 */
#ifndef NESTFIX_CONTAINER_H
#define NESTFIX_CONTAINER_H

#include <nestfix/fsio.h>
#include <nestfix/lxc.h>
#include <nestfix/packages.h>
#include <nestfix/pve.h>

enum container_kind { CONTAINER_LXC, CONTAINER_PVE, CONTAINER_INCUS, CONTAINER_LXD, CONTAINER_USER };

enum container_origin {                       /* where the rules of its profile come from */
			CONTAINER_STATIC,     /* a profile file below /etc/apparmor.d */
			CONTAINER_GENERATED,  /* text that liblxc, Incus or LXD writes at start */
			CONTAINER_UNCONFINED, /* lxc.apparmor.profile = unconfined */
			CONTAINER_UNCHANGED,
			CONTAINER_OFF, /* AppArmor hidden from it: /dev/null over …/apparmor/parameters/enabled */
};

struct container {
	enum container_kind kind;
	struct slice name;     /* "web1", "101" */
	const char *config;    /* its configuration file: lxcpath/NAME/config, /etc/pve/lxc/VMID.conf, … */
	struct slice lxcpath;  /* CONTAINER_LXC, CONTAINER_PVE, CONTAINER_USER */
	struct lxc_config lxc; /* in force at its next start; zeroed where there is none */
	struct pve_guest pve;  /* CONTAINER_PVE */
	bool running;
	int pid; /* of its init, as the host sees it; 0: not running or not known */
	bool nesting, unprivileged;
	enum container_origin origin;
	struct slice profile;  /* asked for by name; for CONTAINER_GENERATED the generated name */
	struct slice label;    /* in force, from /proc/PID/attr; empty: not running or not readable */
	const char *generated; /* path of the generated text, where it exists now */
	struct err err;        /* set: its configuration could not be read; the rest is what could be told */
};

struct container_host {
	struct container *list; /* by kind, then name */
	size_t count;
	bool is_pve, pve_has_quorum;
	int pve_major;                                              /* 7, 8, 9; 0: none */
	struct slice lxc, liblxc, lxc_pve, pve_manager, incus, lxd; /* installed versions, or empty */
	enum packages_liblxc liblxc_state;
};

/* Reads all. An unreadable container does not stop it: see container.err. Live facts (running, pid, label) only on a
 * live root. */
int container_list(struct container_host *out, const struct root *root, const struct policy_reader *reader,
		   struct arena *arena, struct err *err);

const struct container *container_find(const struct container_host *host, struct slice name);

#endif
