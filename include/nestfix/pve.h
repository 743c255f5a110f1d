/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pve: a Proxmox VE guest configuration (VMID.conf), as PVE::LXC::Config reads and writes it. Pure.
 *
 * Edits keep every byte but their own; raw lines go before the first section; nothing here writes a `#` line, which
 * Proxmox would show as part of the guest's description.
 */
#ifndef NESTFIX_PVE_H
#define NESTFIX_PVE_H

#include <nestfix/keyval.h>

enum { PVE_FILE_LIMIT = 1 << 20 }; /* pmxcfs: bytes a file */

struct pve_settings {
	bool unprivileged, nesting;
	struct slice ostype, features; /* or empty */
};

struct pve_guest {
	struct keyval kv;
	bool unprivileged, nesting;
	struct slice hostname, ostype, hookscript, lock, features; /* of the current section; or empty */
	struct slice profile;                                      /* raw lxc.apparmor.profile, the last one */
	bool has_profile; /* there is one, empty or not: then Proxmox writes no AppArmor lines of its own but fuse's */
	bool is_template; /* it does not start */
	size_t *raw;      /* entries of raw lxc.* lines of the current section */
	size_t raw_count;
	bool has_pending, has_snapshots;

	struct pve_settings next; /* at the next start, which applies pending changes first */
	bool hookscript_pends;    /* another hookscript, or none, will take the place of this one then */
	size_t pending;           /* the section of pending changes; 0: none */
};

void pve_parse(struct pve_guest *out, struct slice text, struct arena *arena);

/* Sets a `key: value` of the current section (before pending and snapshots), in the byte order PVE keeps; appends to
 * out. */
void pve_set(const struct pve_guest *guest, const char *key, struct slice value, struct buf *out);
/* A key that is set twice is unset twice. */
void pve_unset(const struct pve_guest *guest, const char *key, struct buf *out);

/* PVE::JSONSchema parse_boolean(). */
bool pve_is_true(struct slice value);

/* The value of a key in a list like "nesting=1,mount=nfs"; false: not in it. */
bool pve_option(struct slice list, const char *key, struct slice *value);

/* "local:snippets/x" → storage "local" and name "x"; false where it is no volume id of snippets. */
bool pve_volume(struct slice hookscript, struct slice *storage, struct slice *name);

/* A storage that may hold snippets. */
struct pve_storage {
	struct slice id, path;
	const char *snippets; /* the folder of its snippets; NULL: Proxmox has no such storage, or it holds no files */
	struct slice nodes;   /* the list of nodes that have it, as written; empty: all */
	bool is_dir;
	bool shared;                   /* the same files on every node that has it */
	bool mounted;                  /* Proxmox mounts it at its path */
	bool takes_snippets, disabled; /* by its content list; Proxmox asks neither when it calls a hookscript */
};

struct pve_storages {
	struct pve_storage *list;
	size_t count;
};

/*
 * storage.cfg as Proxmox of this major version reads it (7, 8, 9; 0: the newest). `local` is always there, and where it
 * always is; a file that is missing is an empty text.
 */
void pve_read_storages(struct pve_storages *out, struct slice cfg, int major, struct arena *arena);

/* NULL where Proxmox would not find a snippet in it either. */
const struct pve_storage *pve_find_storage(const struct pve_storages *storages, struct slice id);

bool pve_is_storage_id(struct slice s);

/* A VMID as PVE takes it: 100 … 999999999, no leading zero. */
bool pve_is_vmid(struct slice name);

#endif
