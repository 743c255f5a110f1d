/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * container-own: whose the folder of a container may be.
 *
 * liblxc gives the folder of an unprivileged container to the container's root, a uid of its lxc.idmap, be it made by
 * root (lxccontainer.c do_create_container_dir; mode 0770). Whoever that is on the host, a guest that broke out or a
 * user with that range in /etc/subuid, may move names about in it, and put in files of its own. It cannot make a file
 * of root's.
 */
#include <fcntl.h>

#include "container-internal.h"

/* The configuration by its descriptor; all that it includes as from anywhere. */
struct own_reader {
	struct root root; /* passes no such folder: else this would never end */
	const char *config;
	struct slice bytes;
};

static int read_own(void *ctx, const char *path, enum policy_found *found, struct slice *bytes, struct slice **names,
		    size_t *count, struct arena *arena, struct err *err)
{
	struct own_reader *own = ctx;
	const struct policy_reader strict = container_reader(&own->root);

	if (strcmp(path, own->config) != 0)
		return strict.read(strict.ctx, path, found, bytes, names, count, arena, err);
	*found = POLICY_FILE;
	*bytes = own->bytes;
	return 0;
}

/* "u 0 100000 65536": kind, first id in the container, first on the host, how many (confile_utils.c parse_idmaps). */
static bool maps(struct slice idmap, uid_t uid, struct arena *scratch)
{
	unsigned long inside, outside, range;
	char kind;

	return sscanf(arena_str(scratch, idmap), " %c %lu %lu %lu", &kind, &inside, &outside, &range) == 4 &&
	       (kind == 'u' || kind == 'b') && uid >= outside && uid - outside < range;
}

bool container_own_folder(const struct root *root, int dir, const char *path, uid_t uid, const char *name)
{
	AUTOARENA scratch = { 0 };
	struct own_reader own = { .root = *root, .config = arena_printf(&scratch, "%s/config", path) };
	const struct policy_reader reader = { &own, read_own };
	struct lxc_config config;
	struct file file;

	if (name && strcmp(name, "config") != 0 && strcmp(name, "apparmor") != 0)
		return false;
	AUTOCLOSE fd = openat(dir, "config", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fsio_read_fd(fd, root, own.config, LXC_FILE_LIMIT, &scratch, &file, NULL) < 0 ||
	    file.st.st_nlink != 1)
		return false;
	own.root.own_folder = NULL;
	own.bytes = file.bytes;
	lxc_read(&config, &reader, own.config, &scratch, NULL); /* what stands before a broken line counts */
	for (size_t i = 0; i < config.idmaps.count; i++)
		if (maps(config.idmaps.items[i].value, uid, &scratch))
			return true;
	return false;
}

static bool is_link(const struct root *root, const char *path)
{
	AUTOCLOSE fd = fsio_open(root, path, O_PATH | O_NOFOLLOW, NULL);

	return fd >= 0;
}

/* policy_reader.read: trusted files below the root. */
static int read_path(void *ctx, const char *path, enum policy_found *found, struct slice *bytes, struct slice **names,
		     size_t *count, struct arena *arena, struct err *err)
{
	const struct root *root = ctx;
	enum fsio_kind kind;
	struct file file;

	if (fsio_kind(root, path, &kind, err) < 0)
		return -1;
	switch (kind) {
	case FSIO_MISSING:
		*found = POLICY_MISSING;
		if (!is_link(root, path))
			return 0;
		break; /* fsio_read says where it leads */
	case FSIO_DIR:
		*found = POLICY_DIR;
		return fsio_list(root, path, arena, names, count, err);
	case FSIO_FILE:
	case FSIO_ELSE: /* fsio_read says what is wrong with it */
		break;
	}
	if (fsio_read(root, path, FSIO_LIMIT_POLICY, arena, &file, err) < 0)
		return -1;
	*found = POLICY_FILE;
	*bytes = file.bytes;
	return 0;
}

struct policy_reader container_reader(const struct root *root)
{
	return (struct policy_reader){ .ctx = (void *)(uintptr_t)root, .read = read_path };
}
