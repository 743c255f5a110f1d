/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <stdlib.h>

#include "container-internal.h"

static const char lxc_path_default[] = "/var/lib/lxc";
static const char pve_dir[] = "/etc/pve/lxc";

/* Where Incus and LXD keep their data, and what the names of their profile files begin with. */
static const struct daemon {
	enum container_kind kind;
	const char *base, *prefix;
} daemons[] = {
	{ CONTAINER_INCUS, "/var/lib/incus", "incus-" },
	{ CONTAINER_LXD, "/var/lib/lxd", "lxd-" },
	{ CONTAINER_LXD, "/var/snap/lxd/common/lxd", "lxd-" },
};

typedef VEC(struct slice) path_vec;

static enum fsio_kind kind_of(const struct root *root, const char *path)
{
	enum fsio_kind kind;

	return fsio_kind(root, path, &kind, NULL) == 0 ? kind : FSIO_ELSE;
}

/* That an ordinary user has containers is told; what is in them is not read there. */
static struct root root_for(const struct container_run *run, enum container_kind kind)
{
	struct root root = *run->root;

	root.anybody = kind == CONTAINER_USER;
	return root;
}

static bool has_name(const struct container_run *run, enum container_kind kind, struct slice name)
{
	for (size_t i = 0; i < run->list.len; i++)
		if (run->list.ptr[i].kind == kind && slice_eq(run->list.ptr[i].name, name))
			return true;
	return false;
}

static void add_pve(struct container_run *run, struct slice vmid)
{
	struct container c = { .kind = CONTAINER_PVE, .name = vmid, .lxcpath = SLICE("/var/lib/lxc") };

	c.config = arena_printf(run->arena, "%s/%.*s.conf", pve_dir, SLICE_FMT(vmid));
	container_config_pve(run, &c);
	VEC_PUSH(run->arena, &run->list, c);
}

/* This node's guests: /etc/pve/lxc is a link to nodes/NODE/lxc. */
static int list_pve(struct container_run *run, struct err *err)
{
	struct slice *names;
	size_t count;

	if (!run->host->pve_is_mounted || kind_of(run->root, pve_dir) != FSIO_DIR)
		return 0;
	if (fsio_list(run->root, pve_dir, run->arena, &names, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct slice vmid = slice_sub(names[i], 0, names[i].len > 5 ? names[i].len - 5 : 0);

		if (slice_ends(names[i], ".conf") && pve_is_vmid(vmid))
			add_pve(run, vmid);
	}
	return 0;
}

/*
 * What lies in /var/lib/lxc/VMID on a Proxmox host is written by Proxmox. With /etc/pve there, VMIDs that are not in it
 * are leavings of guests that moved to another node. Without it, the guest is listed and the trouble told.
 */
static bool skip_vmid(struct container_run *run, struct slice lxcpath, struct slice name)
{
	return run->host->is_pve && slice_is(lxcpath, lxc_path_default) && pve_is_vmid(name) &&
	       (run->host->pve_is_mounted || has_name(run, CONTAINER_PVE, name));
}

static void add_lxc(struct container_run *run, enum container_kind kind, struct slice lxcpath, struct slice name)
{
	struct container c = { .kind = kind, .name = name, .lxcpath = lxcpath };
	const struct container_host *host = run->host;
	const struct root root = root_for(run, kind);

	c.config = arena_printf(run->arena, "%.*s/%.*s/config", SLICE_FMT(lxcpath), SLICE_FMT(name));
	if (kind_of(&root, c.config) == FSIO_MISSING)
		return;
	if (host->is_pve && slice_is(lxcpath, lxc_path_default) && pve_is_vmid(name)) {
		c.kind = CONTAINER_PVE;
		c.config = arena_printf(run->arena, "%s/%.*s.conf", pve_dir, SLICE_FMT(name));
		err_put(&c.err, ERR_FAILED, "cannot read '%s': /etc/pve is not mounted", c.config);
		err_hint(&c.err, "start it: systemctl start pve-cluster");
		container_config_pve(run, &c);
	} else {
		container_config_lxc(run, &c);
	}
	VEC_PUSH(run->arena, &run->list, c);
}

/* lxccontainer.c list_defined_containers(): every entry whose name has no dot in front and that holds a config. */
static int list_lxcpath(struct container_run *run, enum container_kind kind, struct slice lxcpath, struct err *err)
{
	const char *dir = arena_str(run->arena, lxcpath);
	const struct root root = root_for(run, kind);
	struct slice *names;
	size_t count;

	if (kind_of(&root, dir) == FSIO_MISSING)
		return 0;
	if (fsio_list(&root, dir, run->arena, &names, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (names[i].ptr[0] != '.' && !skip_vmid(run, lxcpath, names[i]))
			add_lxc(run, kind, lxcpath, names[i]);
	return 0;
}

static void add_path(struct container_run *run, path_vec *paths, struct slice path)
{
	if (!slice_starts(path, "/") || path.len > 4000)
		return;
	for (size_t i = 0; i < paths->len; i++)
		if (slice_eq(paths->ptr[i], path))
			return;
	VEC_PUSH(run->arena, paths, path);
}

static bool is_daemons(struct slice lxcpath)
{
	for (size_t i = 0; i < sizeof daemons / sizeof *daemons; i++)
		if (slice_starts(lxcpath, daemons[i].base))
			return true;
	return false;
}

/* Without empty, "." and ".." names: one spelling a folder. */
static bool is_clean(struct slice path)
{
	while (path.len > 0) {
		size_t n = slice_find(slice_from(path, 1), '/');
		struct slice name = slice_sub(path, 1, n);

		if (path.ptr[0] != '/' || name.len == 0 || slice_is(name, ".") || slice_is(name, ".."))
			return false;
		path = slice_from(path, n + 1);
	}
	return true;
}

/* "<lxcpath>/NAME/command" → both; false for hashed names and whatever else is bound under such a name. */
static bool split_socket(struct slice socket, struct slice *lxcpath, struct slice *name)
{
	size_t end = socket.len - strlen("/command"), at = end;

	while (at > 0 && socket.ptr[at - 1] != '/')
		at--;
	*name = slice_sub(socket, at, end - at);
	*lxcpath = slice_sub(socket, 0, at > 1 ? at - 1 : at);
	return is_clean(socket) && name->len > 0 && name->ptr[0] != '.' && lxcpath->len > 1;
}

static bool is_users(struct slice lxcpath)
{
	return slice_starts(lxcpath, "/home/") && slice_ends(lxcpath, "/.local/share/lxc");
}

static bool is_same_folder(const struct container_run *run, struct slice a, struct slice b)
{
	AUTOCLOSE x = fsio_open(run->root, arena_str(run->arena, a), O_PATH | O_DIRECTORY, NULL);
	AUTOCLOSE y = fsio_open(run->root, arena_str(run->arena, b), O_PATH | O_DIRECTORY, NULL);
	struct stat st, other;

	return x >= 0 && y >= 0 && fstat(x, &st) == 0 && fstat(y, &other) == 0 && st.st_dev == other.st_dev &&
	       st.st_ino == other.st_ino;
}

/* The container that is listed already, by another spelling of its lxcpath (a link of root's). */
static struct container *find_same(struct container_run *run, const struct container *c)
{
	for (size_t i = 0; i < run->list.len; i++) {
		struct container *other = &run->list.ptr[i];

		if (other->kind == CONTAINER_LXC && slice_eq(other->name, c->name) &&
		    is_same_folder(run, other->lxcpath, c->lxcpath))
			return other;
	}
	return NULL;
}

/*
 * A container of an lxcpath that only a running container tells of. The path counts only where the socket is shown to
 * be root's; what stands there is read if it is root's, too. The spelling by which a container runs is the one that
 * liblxc made its names of.
 */
static void add_running(struct container_run *run, const path_vec *paths)
{
	for (size_t i = 0; i < run->live.socket_count; i++) {
		const struct container_socket *socket = &run->live.sockets[i];
		struct container c = { .kind = CONTAINER_LXC }, *same;
		bool listed = false;

		if (socket->owner != SOCKET_ROOTS || !split_socket(socket->name, &c.lxcpath, &c.name) ||
		    is_daemons(c.lxcpath) || is_users(c.lxcpath))
			continue;
		for (size_t p = 0; p < paths->len && !listed; p++)
			listed = slice_eq(paths->ptr[p], c.lxcpath);
		if (listed)
			continue;
		c.config = arena_printf(run->arena, "%.*s/%.*s/config", SLICE_FMT(c.lxcpath), SLICE_FMT(c.name));
		container_config_lxc(run, &c);
		same = find_same(run, &c);
		if (same)
			*same = c;
		else if (!err_is_set(&c.err) || c.err.kind == ERR_REFUSED || c.lxc.file_count > 0)
			VEC_PUSH(run->arena, &run->list, c);
	}
}

static int list_lxc(struct container_run *run, struct err *err)
{
	enum policy_found found = POLICY_MISSING;
	struct slice conf = { 0 }, *names;
	path_vec paths = { 0 };
	size_t count;

	if (run->reader.read(run->reader.ctx, "/etc/lxc/lxc.conf", &found, &conf, &names, &count, run->arena, err) < 0)
		return -1;
	if (found == POLICY_FILE)
		add_path(run, &paths, lxc_path_of(conf, run->arena));
	if (paths.len == 0 || !is_same_folder(run, paths.ptr[0], slice_of(lxc_path_default)))
		add_path(run, &paths, slice_of(lxc_path_default));
	for (size_t i = 0; i < paths.len; i++)
		if (list_lxcpath(run, CONTAINER_LXC, paths.ptr[i], err) < 0)
			return -1;
	add_running(run, &paths);
	return 0;
}

/* Homes may be unreadable (NFS, another user's): then nothing can be told of them, and nothing is lost. */
static void list_users(struct container_run *run)
{
	struct slice *names;
	size_t count;

	if (kind_of(run->root, "/home") != FSIO_DIR ||
	    fsio_list(run->root, "/home", run->arena, &names, &count, NULL) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		list_lxcpath(run, CONTAINER_USER,
			     slice_of(arena_printf(run->arena, "/home/%.*s/.local/share/lxc", SLICE_FMT(names[i]))),
			     NULL);
}

/* /var/lib/lxd may be a link to the snap's directory. */
static bool is_listed(const struct container_run *run, const struct container *c)
{
	for (size_t i = 0; i < run->list.len && c->kind == CONTAINER_LXD; i++)
		if (run->list.ptr[i].kind == c->kind && slice_eq(run->list.ptr[i].profile, c->profile))
			return true;
	return false;
}

static int list_daemon(struct container_run *run, const struct daemon *daemon, struct err *err)
{
	const char *dir = arena_printf(run->arena, "%s/security/apparmor/profiles", daemon->base);
	const char *lxcpath = arena_printf(run->arena, "%s/containers", daemon->base);
	struct slice *names;
	size_t count;

	if (kind_of(run->root, dir) == FSIO_MISSING)
		return 0;
	if (fsio_list(run->root, dir, run->arena, &names, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct container c = { .kind = daemon->kind, .lxcpath = slice_of(lxcpath) };

		if (!slice_starts(names[i], daemon->prefix))
			continue;
		c.name = slice_from(names[i], strlen(daemon->prefix));
		c.config = arena_printf(run->arena, "%s/%.*s", dir, SLICE_FMT(names[i]));
		if (container_config_incus(run, &c) && !is_listed(run, &c))
			VEC_PUSH(run->arena, &run->list, c);
	}
	return 0;
}

static int by_kind_and_name(const void *a, const void *b)
{
	const struct container *x = a, *y = b;
	int order;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->kind == CONTAINER_PVE && x->name.len != y->name.len)
		return x->name.len < y->name.len ? -1 : 1;
	order = slice_cmp(x->name, y->name);
	return order != 0 ? order : strcmp(x->config, y->config);
}

static int list_all(struct container_run *run, struct err *err)
{
	if (list_pve(run, err) < 0 || list_lxc(run, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof daemons / sizeof *daemons; i++)
		if (list_daemon(run, &daemons[i], err) < 0)
			return -1;
	list_users(run);
	return 0;
}

int container_list_live(struct container_host *out, const struct root *root, const struct root *proc,
			const struct policy_reader *reader, struct arena *arena, struct err *err)
{
	struct container_run run = { .host = out, .root = root, .inner = reader, .arena = arena };

	*out = (struct container_host){ 0 };
	run.reader = (struct policy_reader){ .ctx = &run, .read = container_read_cached };
	container_host_read(&run);
	if (proc && container_live_read(&run.live, proc, arena, err) < 0)
		return -1;
	if (list_all(&run, err) < 0)
		return -1;
	for (size_t i = 0; i < run.list.len; i++)
		container_live_join(&run.list.ptr[i], &run.live, arena);
	container_live_labels(out, &run.live, arena);
	container_config_fresh(&run);
	if (run.list.len > 0)
		qsort(run.list.ptr, run.list.len, sizeof *run.list.ptr, by_kind_and_name);
	out->list = run.list.ptr;
	out->count = run.list.len;
	container_name_all(out, arena);
	return 0;
}

int container_list(struct container_host *out, const struct root *root, const struct policy_reader *reader,
		   struct arena *arena, struct err *err)
{
	return container_list_live(out, root, root->live ? root : NULL, reader, arena, err);
}
