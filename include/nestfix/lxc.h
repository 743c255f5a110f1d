/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lxc: an LXC container's configuration in force, as liblxc reads it: includes of files and directories, resets,
 * repeated and legacy keys (confile.c, parse.c; 2.0 … 7.0). Pure: files come from a reader.
 *
 * A directory include is read by liblxc in directory order, unsorted; here it is read sorted, and `order_matters` is
 * set where two of its files set the same single-valued key that is asked about here, or one of them resets a list that
 * the other adds to.
 */
#ifndef NESTFIX_LXC_H
#define NESTFIX_LXC_H

#include <nestfix/keyval.h>
#include <nestfix/policy.h>

/* Where a setting stands. */
struct lxc_place {
	const char *path; /* below the root */
	size_t line;      /* 0: in no file; Proxmox writes the line at start */
};

struct lxc_setting {
	struct slice value;
	struct lxc_place place;
};

struct lxc_list {
	struct lxc_setting *items;
	size_t count;
};

struct lxc_config {
	const char *path;           /* of the top-level file */
	struct lxc_setting profile; /* lxc.apparmor.profile (or lxc.aa_profile); value.ptr NULL: not set */
	bool generated;             /* the profile is "generated" */
	bool unconfined, unchanged;
	bool nesting;                                 /* lxc.apparmor.allow_nesting = 1 */
	struct lxc_list raw;                          /* lxc.apparmor.raw, in force */
	struct lxc_list start_host;                   /* lxc.hook.start-host, in force */
	struct lxc_place raw_reset, start_host_reset; /* of the last empty value, which took back what stood before it;
							 path NULL: none */
	struct lxc_list mount_entries;                /* lxc.mount.entry, in force */
	struct lxc_list idmaps;
	int hook_version; /* 0 or 1 */
	struct slice uts_name, rootfs;
	bool unprivileged;  /* any idmap */
	const char **files; /* every file read, the top-level one first */
	size_t file_count;
	bool order_matters;
	bool unread; /* one of its files could not be read, so that more may stand in it than is told here */
};

enum {
	LXC_INCLUDE_DEPTH = 32,   /* files within files */
	LXC_INCLUDE_LIMIT = 1000, /* files in all: includes may double at each level */
	LXC_FILE_LIMIT = 1 << 20, /* bytes a file */
};

/*
 * Reads a configuration. ERR_FAILED with file and line for what makes liblxc refuse the container: an unknown lxc.* key
 * is not judged (the list differs by release), but `lxc.…` without `=`, a missing include, an include loop, a value
 * that is no number where one is wanted. What was read before the trouble stands in *out. A relative include is taken
 * from /, the directory of the services that start containers; one missing directory is none, if its name ends in '/'.
 */
int lxc_read(struct lxc_config *out, const struct policy_reader *reader, const char *path, struct arena *arena,
	     struct err *err);

/* One key and value that stand elsewhere than in a file of LXC's. */
struct lxc_line {
	struct slice key, value;
	struct lxc_place place;
};

/* The same for lines that are in no file of LXC's: what Proxmox would write. `path` is the top-level file's. */
int lxc_read_lines(struct lxc_config *out, const struct policy_reader *reader, const char *path,
		   const struct lxc_line *lines, size_t count, struct arena *arena, struct err *err);

/* A mount entry that hides AppArmor from the container: something bound over …/module/apparmor/parameters/enabled. */
bool lxc_hides_apparmor(struct slice mount_entry);

/* lxc.lxcpath of lxc.conf's text, or "/var/lib/lxc" (initutils.c lxc_global_config_value). */
struct slice lxc_path_of(struct slice lxc_conf, struct arena *arena);

/*
 * The names that liblxc makes of a container's name and lxcpath (lsm/apparmor.c): profile "lxc-NAME_</var/lib/lxc>", or
 * 16 hex digits (FNV-1a 64) where that has 247 bytes or more; file name with '/' as '-', which is also the name of the
 * namespace; label with its stacked form.
 */
struct slice lxc_profile_name(struct slice name, struct slice lxcpath, struct arena *arena);
struct slice lxc_profile_file(struct slice name, struct slice lxcpath, struct arena *arena);
struct slice lxc_label(struct slice name, struct slice lxcpath, bool stacking, struct arena *arena);

/* The abstract socket on which a running container listens, without its first NUL (commands_utils.c): LXCPATH/NAME/
 * command, or a hash of it where that is too long for a socket's name. */
struct slice lxc_socket(struct slice name, struct slice lxcpath, struct arena *arena);

#endif
