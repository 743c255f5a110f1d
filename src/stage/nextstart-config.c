/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nextstart-config: a container's configuration as it would be with another text of the drop-in. */
#include <fcntl.h>

#include <nestfix/nextstart.h>

/* What all containers include is read once. */
struct known {
	const char *path;
	enum policy_found found;
	struct slice bytes, *names;
	size_t count;
};

struct nextstart_cache {
	VEC(struct known) list;
};

/* The files of the root, but for the drop-in. */
struct view {
	struct nextstart *n;
	struct slice dropin;
};

static bool is_shared(const char *path)
{
	return slice_starts(slice_of(path), "/usr/share/lxc/");
}

static int read_known(struct nextstart *n, const char *path, struct known *out, struct err *err)
{
	struct policy_reader reader = discover_reader(n->site->root);

	if (!n->cache)
		n->cache = ARENA_NEW(n->arena, struct nextstart_cache);
	for (size_t i = 0; i < n->cache->list.len; i++) {
		*out = n->cache->list.ptr[i];
		if (strcmp(out->path, path) == 0)
			return 0;
	}
	*out = (struct known){ .path = path };
	if (reader.read(reader.ctx, path, &out->found, &out->bytes, &out->names, &out->count, n->arena, err) < 0)
		return -1;
	if (is_shared(path))
		VEC_PUSH(n->arena, &n->cache->list, *out);
	return 0;
}

/* Whatever the path, it is the folder that counts: one may be a link to the other. */
static bool is_folder(const struct nextstart *n, const char *path)
{
	AUTOCLOSE fd = -1;
	AUTOCLOSE own = -1;
	struct stat st, there;

	if (strcmp(path, DROPIN_DIR) == 0)
		return true;
	fd = fsio_open(n->site->root, path, O_PATH, NULL);
	own = fsio_open(n->site->root, DROPIN_DIR, O_PATH, NULL);
	return fd >= 0 && own >= 0 && fstat(fd, &st) == 0 && fstat(own, &there) == 0 && st.st_dev == there.st_dev &&
	       st.st_ino == there.st_ino;
}

static bool is_dropin(const struct nextstart *n, const char *path)
{
	size_t len = strlen(path), name = strlen(DROPIN_NAME);

	if (len < name + 2 || strcmp(path + len - name, DROPIN_NAME) != 0 || path[len - name - 1] != '/')
		return false;
	return is_folder(n, arena_str(n->arena, (struct slice){ path, len - name - 1 }));
}

/* The names in the drop-in's folder, with its own in its place, or without it. */
static void list_folder(const struct view *v, const struct known *known, struct slice **names, size_t *count)
{
	struct slice own = SLICE(DROPIN_NAME);
	size_t n = 0, at = 0;

	*names = arena_array(v->n->arena, known->count + 1, sizeof **names);
	while (at < known->count && slice_cmp(known->names[at], own) < 0)
		(*names)[n++] = known->names[at++];
	if (v->dropin.len > 0)
		(*names)[n++] = own;
	if (at < known->count && slice_eq(known->names[at], own))
		at++;
	while (at < known->count)
		(*names)[n++] = known->names[at++];
	*count = n;
}

static int read_view(void *ctx, const char *path, enum policy_found *found, struct slice *bytes, struct slice **names,
		     size_t *count, struct arena *arena, struct err *err)
{
	struct view *v = ctx;
	struct known known;

	(void)arena;
	if (is_dropin(v->n, path)) {
		*found = v->dropin.len > 0 ? POLICY_FILE : POLICY_MISSING;
		*bytes = v->dropin;
		return 0;
	}
	if (read_known(v->n, path, &known, err) < 0)
		return -1;
	*found = known.found;
	*bytes = known.bytes;
	*names = known.names;
	*count = known.count;
	if (known.found == POLICY_DIR && is_folder(v->n, path))
		list_folder(v, &known, names, count);
	return 0;
}

int nextstart_config(struct lxc_config *out, struct nextstart *n, const struct container *c, struct slice dropin,
		     struct err *err)
{
	struct view view = { n, dropin };
	const struct policy_reader reader = { .ctx = &view, .read = read_view };

	return container_config(out, &n->site->host, n->site->root, c, &reader, n->arena, err);
}
