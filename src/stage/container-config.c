/* SPDX-License-Identifier: GPL-2.0-or-later */
/* container-config: what a container's configuration makes of its profile. */
#include "container-internal.h"

/* lsm/apparmor.c: without a key the profile is this one wherever cgroup namespaces exist, since Linux 4.6. */
#define DEFAULT_PROFILE "lxc-container-default-cgns"

typedef VEC(struct lxc_line) line_vec;

/* Everybody includes the same few files. What belongs to one container is read once anyway. */
static bool is_shared(const char *path)
{
	return slice_starts(slice_of(path), "/usr/share/lxc/");
}

int container_read_cached(void *ctx, const char *path, enum policy_found *found, struct slice *bytes,
			  struct slice **names, size_t *count, struct arena *arena, struct err *err)
{
	struct container_run *run = ctx;
	struct container_cached c = { .path = path };

	for (size_t i = 0; i < run->cache.len; i++) {
		if (strcmp(run->cache.ptr[i].path, path) != 0)
			continue;
		c = run->cache.ptr[i];
		*found = c.found;
		*bytes = c.bytes;
		*names = c.names;
		*count = c.count;
		return 0;
	}
	if (run->inner->read(run->inner->ctx, path, &c.found, &c.bytes, &c.names, &c.count, arena, err) < 0)
		return -1;
	*found = c.found;
	*bytes = c.bytes;
	*names = c.names;
	*count = c.count;
	if (is_shared(path))
		VEC_PUSH(run->arena, &run->cache, c);
	return 0;
}

static bool is_file(struct container_run *run, const char *path)
{
	enum fsio_kind kind;

	return fsio_kind(run->root, path, &kind, NULL) == 0 && kind == FSIO_FILE;
}

static void find_generated(struct container_run *run, struct container *c)
{
	struct slice file = lxc_profile_file(c->name, c->lxcpath, run->arena);
	const char *path = arena_printf(run->arena, "%.*s/%.*s/apparmor/%.*s", SLICE_FMT(c->lxcpath),
					SLICE_FMT(c->name), SLICE_FMT(file));

	if (is_file(run, path))
		c->generated = path;
}

static void set_origin(struct container_run *run, struct container *c)
{
	for (size_t i = 0; i < c->lxc.mount_entries.count; i++)
		c->hidden = c->hidden || lxc_hides_apparmor(c->lxc.mount_entries.items[i].value);
	c->profile = c->lxc.profile.value;
	if (c->lxc.unconfined) {
		c->origin = c->hidden ? CONTAINER_OFF : CONTAINER_UNCONFINED;
	} else if (c->lxc.unchanged) {
		c->origin = CONTAINER_UNCHANGED;
	} else if (c->lxc.generated) {
		c->origin = CONTAINER_GENERATED;
		c->profile = lxc_profile_name(c->name, c->lxcpath, run->arena);
	} else {
		c->origin = CONTAINER_STATIC;
		if (c->profile.len == 0 && !err_is_set(&c->err))
			c->profile = SLICE(DEFAULT_PROFILE);
	}
}

/* Why was AppArmor switched off? Nobody writes the bind for anything else; for `unconfined` there are other reasons, so
 * the file must speak of this one. */
static void find_blame(struct container_run *run, struct container *c)
{
	static const char *const words[] = { "docker",
					     "Docker",
					     "runc",
					     "containerd",
					     "podman",
					     "52881",
					     "ip_unprivileged_port_start",
					     "apparmor/parameters/enabled" };
	AUTOARENA scratch = { 0 };
	struct file file;

	c->blamed = c->hidden;
	if (!c->lxc.unconfined || c->blamed || c->kind == CONTAINER_USER ||
	    fsio_read(run->root, c->config, PVE_FILE_LIMIT, &scratch, &file, NULL) < 0)
		return;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		c->blamed = c->blamed ||
			    (file.bytes.len > 0 && memmem(file.bytes.ptr, file.bytes.len, words[i], strlen(words[i])));
}

/* Of a user's configuration it is told whose it is, though the folders on the way, which are not asked, tell the same.
 */
static bool is_users(struct container_run *run, struct container *c)
{
	struct root root = *run->root;
	AUTOARENA scratch = { 0 };
	struct file file;

	root.anybody = true;
	return c->kind == CONTAINER_USER && fsio_read(&root, c->config, LXC_FILE_LIMIT, &scratch, &file, &c->err) < 0;
}

void container_config_lxc(struct container_run *run, struct container *c)
{
	if (!is_users(run, c))
		lxc_read(&c->lxc, &run->reader, c->config, run->arena, &c->err);
	c->nesting = c->lxc.nesting;
	c->unprivileged = c->lxc.unprivileged || c->kind == CONTAINER_USER;
	set_origin(run, c);
	find_blame(run, c);
	find_generated(run, c);
}

static void add_line(struct container_run *run, line_vec *lines, const char *key, const char *value,
		     struct lxc_place place)
{
	struct lxc_line line = { slice_of(key), slice_of(value), place };

	VEC_PUSH(run->arena, lines, line);
}

/* PVE::LXC update_lxc_config(): the file of the guest's system, else the one for all. */
static const char *pve_include(struct container_run *run, struct slice ostype, const char *what)
{
	static const char dir[] = "/usr/share/lxc/config";
	const char *path = arena_printf(run->arena, "%s/%.*s.%s", dir, SLICE_FMT(ostype), what);

	if (slice_find(ostype, '/') == ostype.len && is_file(run, path))
		return path;
	return arena_printf(run->arena, "%s/%s", dir, what);
}

static bool has_raw(const struct pve_guest *guest, const char *key)
{
	return keyval_last(&guest->kv, 0, key) != NULL;
}

/* The feature "mount=nfs;cifs": a rule for each kind of file system. */
static void add_pve_mounts(struct container_run *run, line_vec *lines, const struct container *c)
{
	struct lxc_place written = { c->config, 0 };
	struct slice list;

	if (!pve_option(c->pve.next.features, "mount", &list))
		return;
	while (list.len > 0) {
		size_t end = slice_find(list, ';');
		struct slice type = slice_trim(slice_sub(list, 0, end));

		list = slice_from(list, end + 1);
		if (type.len > 0)
			add_line(run, lines, "lxc.apparmor.raw",
				 arena_printf(run->arena, "mount fstype=%.*s,", SLICE_FMT(type)), written);
	}
}

/* PVE::LXC make_apparmor_config(): nothing of it where the guest names a profile. */
static void add_pve_apparmor(struct container_run *run, line_vec *lines, const struct container *c)
{
	struct lxc_place written = { c->config, 0 };
	static const char raw[] = "lxc.apparmor.raw";
	bool nine = run->host->pve_major >= 9;

	if (c->pve.has_profile)
		return;
	add_line(run, lines, "lxc.apparmor.profile", "generated", written);
	if (nine)
		add_line(run, lines, raw, "allow mqueue,", written);
	if (c->pve.next.nesting) {
		add_line(run, lines, "lxc.apparmor.allow_nesting", "1", written);
		if (nine)
			add_line(run, lines, raw, "allow userns,", written);
	} else {
		add_line(run, lines, raw, "deny mount -> /proc/,", written);
		add_line(run, lines, raw, "deny mount -> /sys/,", written);
	}
	add_pve_mounts(run, lines, c);
}

/* As far as it matters here: the order is Proxmox's, raw lines last. */
static line_vec pve_lines(struct container_run *run, const struct container *c)
{
	struct slice fuse;
	bool mapped = c->pve.next.unprivileged || has_raw(&c->pve, "lxc.idmap");
	struct lxc_place written = { c->config, 0 };
	line_vec lines = { 0 };

	add_line(run, &lines, "lxc.include", pve_include(run, c->pve.next.ostype, "common.conf"), written);
	if (mapped)
		add_line(run, &lines, "lxc.include", pve_include(run, c->pve.next.ostype, "userns.conf"), written);
	add_pve_apparmor(run, &lines, c);
	if (pve_option(c->pve.next.features, "fuse", &fuse) && pve_is_true(fuse))
		add_line(run, &lines, "lxc.apparmor.raw", "mount fstype=fuse,", written);
	if (c->pve.next.unprivileged && !has_raw(&c->pve, "lxc.idmap")) {
		add_line(run, &lines, "lxc.idmap", "u 0 100000 65536", written);
		add_line(run, &lines, "lxc.idmap", "g 0 100000 65536", written);
	}
	for (size_t i = 0; i < c->pve.raw_count; i++) {
		const struct keyval_entry *e = &c->pve.kv.entries[c->pve.raw[i]];
		struct lxc_line line = { e->key, keyval_lxc_value(e->value), { c->config, e->line } };

		VEC_PUSH(run->arena, &lines, line);
	}
	return lines;
}

void container_config_pve(struct container_run *run, struct container *c)
{
	struct file file;
	line_vec lines;

	if (fsio_read(run->root, c->config, PVE_FILE_LIMIT, run->arena, &file, &c->err) < 0) {
		c->lxc.unread = true;
		pve_parse(&c->pve, (struct slice){ 0 }, run->arena);
		find_generated(run, c);
		return;
	}
	pve_parse(&c->pve, file.bytes, run->arena);
	lines = pve_lines(run, c);
	lxc_read_lines(&c->lxc, &run->reader, c->config, lines.ptr, lines.len, run->arena, &c->err);
	c->nesting = c->lxc.nesting;
	c->unprivileged = c->lxc.unprivileged || c->pve.next.unprivileged;
	set_origin(run, c);
	find_blame(run, c);
	find_generated(run, c);
}

/* What LXC's commands make a container from (lxc.default_config of lxc.conf), with what its templates include (lxc-
 * download.in, config of each image); Proxmox' form switches nesting on. */
void container_config_fresh(struct container_run *run)
{
	static const char path[] = "/etc/lxc/default.conf";
	struct container *c = ARENA_NEW(run->arena, struct container);
	struct container_host *host = run->host;
	line_vec lines;

	c->kind = host->is_pve ? CONTAINER_PVE : CONTAINER_LXC;
	c->lxcpath = SLICE("/var/lib/lxc");
	c->config = path;
	if (host->is_pve) {
		pve_parse(&c->pve, SLICE("features: nesting=1\nunprivileged: 1\n"), run->arena);
		lines = pve_lines(run, c);
		if (lxc_read_lines(&c->lxc, &run->reader, path, lines.ptr, lines.len, run->arena, NULL) < 0)
			return;
	} else {
		struct lxc_line parts[] = {
			{ SLICE("lxc.include"), SLICE("/etc/lxc/default.conf"), { path, 0 } },
			{ SLICE("lxc.include"), SLICE("/usr/share/lxc/config/common.conf"), { path, 0 } }
		};

		if (!is_file(run, path) || lxc_read_lines(&c->lxc, &run->reader, path, parts, 2, run->arena, NULL) < 0)
			return;
	}
	c->nesting = c->lxc.nesting;
	c->unprivileged = c->lxc.unprivileged;
	set_origin(run, c);
	host->fresh = c;
}

int container_config(struct lxc_config *out, const struct container_host *host, const struct root *root,
		     const struct container *c, const struct policy_reader *reader, struct arena *arena,
		     struct err *err)
{
	struct container_host copy = *host;
	struct container_run run = { .host = &copy, .root = root, .arena = arena };
	line_vec lines;

	if (c->kind != CONTAINER_PVE)
		return lxc_read(out, reader, c->config, arena, err);
	lines = pve_lines(&run, c);
	return lxc_read_lines(out, reader, c->config, lines.ptr, lines.len, arena, err);
}

static bool has_text(struct slice text, const char *part)
{
	return text.len > 0 && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

/* The name between the quotes of the first line that begins `profile "`. */
static struct slice named_profile(struct slice text)
{
	static const char front[] = "profile \"";

	while (text.len > 0) {
		size_t end = slice_find(text, '\n');
		struct slice line = slice_sub(text, 0, end);

		if (slice_starts(line, front)) {
			line = slice_from(line, sizeof front - 1);
			return slice_sub(line, 0, slice_find(line, '"'));
		}
		text = slice_from(text, end + 1);
	}
	return (struct slice){ 0 };
}

/* The headings are those of the templates: internal/server/apparmor/instance_lxc.profile.go (Incus), the same in LXD.
 */
bool container_config_incus(struct container_run *run, struct container *c)
{
	struct slice *names, bytes = { 0 };
	enum policy_found found;
	size_t count;

	c->origin = CONTAINER_GENERATED;
	c->generated = c->config;
	if (run->reader.read(run->reader.ctx, c->config, &found, &bytes, &names, &count, run->arena, &c->err) < 0)
		return true;
	if (found != POLICY_FILE || !has_text(bytes, "### Base profile"))
		return false;
	c->profile = named_profile(bytes);
	c->nesting = has_text(bytes, "### Configuration: nesting");
	c->unprivileged = has_text(bytes, "### Configuration: unprivileged container");
	return true;
}
