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

struct pve_guest {
	struct keyval kv;
	bool unprivileged, nesting;
	struct slice hostname, ostype, hookscript, lock, features; /* of the current section; or empty */
	struct slice profile;                                      /* raw lxc.apparmor.profile, the last one */
	bool has_profile; /* there is one, empty or not: then Proxmox writes no AppArmor lines of its own but fuse's */
	size_t *raw;      /* entries of raw lxc.* lines of the current section */
	size_t raw_count;
	bool has_pending, has_snapshots;
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

/* The path of a storage's snippets folder from storage.cfg's text, or an empty slice (lxc-pve facts 4.3). */
struct slice pve_snippets(struct slice storage_cfg, struct slice storage, struct arena *arena);

/* A VMID as PVE takes it: 100 … 999999999, no leading zero. */
bool pve_is_vmid(struct slice name);

#endif
