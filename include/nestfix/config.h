/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config: changes of containers' configuration files, by whole lines. Pure.
 *
 * Lines of three keys are changed, and no others: the AppArmor profile, mount entries, and Proxmox' hookscript; nesting
 * may be switched on beside a profile, and a line may come that the drop-in has. The
 * proof of such a change is the law of keyval.h, looked at for the very text: every other byte stays, and reading the
 * new text gives the old entries, in their sections, but for these. Only what was proved can be committed.
 */
#ifndef NESTFIX_CONFIG_H
#define NESTFIX_CONFIG_H

#include <nestfix/rewrite.h>

#define CONFIG_PVE_DIR "/etc/pve/lxc"

enum config_verb { CONFIG_REMOVE, CONFIG_REPLACE, CONFIG_INSERT };

struct config_edit {
	enum config_verb verb;
	size_t index;      /* of the entry; CONFIG_INSERT: before which, `count` is the end */
	struct slice line; /* CONFIG_REPLACE, CONFIG_INSERT: without line end */
};

/* Proxmox' grammar for VMID.conf below /etc/pve, LXC's for all else. */
enum keyval_dialect config_dialect(const char *path);

/* The new text and its edits. `edits` are in the order of the entries, each entry at most once. */
void config_edit(struct patch_file *out, const char *path, struct slice text, const struct config_edit *edits,
		 size_t count, struct arena *arena);

/*
 * The part that tells how the container is now: of a guest's text all before the first section (pending changes and
 * snapshots), of any other all.
 */
struct slice config_present(const char *path, struct slice text, struct arena *arena);

/*
 * The same with each edit reaching over so many neighbouring lines of the present that what it leaves stands only once
 * there: so it can be found and taken back in a file that was edited since. Edits too near to each other become one.
 */
void config_anchor(struct patch_file *out, const struct patch_file *file, struct arena *arena);

struct config_proof;

/* Proves every file. ERR_REFUSED: a change that does more than it may. `conflict`: whose lines may come; or NULL. */
int config_prove(struct config_proof **out, const struct patch_file *files, size_t count,
		 const struct conflict *conflict, struct arena *arena, struct err *err);

const struct patch_file *config_files(const struct config_proof *proof, size_t *count);

/* The VMID whose configuration the path is, or an empty slice. */
struct slice config_vmid(const char *path);

#endif
