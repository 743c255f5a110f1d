/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cluster, as far as its file system tells: on which nodes a guest may start, and which guests name a volume. */
#include "app.h"

#define NODES "/etc/pve/nodes"
#define HA_RESOURCES "/etc/pve/ha/resources.cfg"

int cluster_read(struct app *app, struct cluster *out, struct err *err)
{
	enum fsio_kind kind;

	*out = (struct cluster){ 0 };
	if (fsio_kind(&app->root, NODES, &kind, err) < 0)
		return -1;
	return kind == FSIO_DIR ? fsio_list(&app->root, NODES, &app->arena, &out->nodes, &out->count, err) : 0;
}

/* PVE::HA::Config: "ct: VMID". */
static bool is_in_ha(struct app *app, struct slice vmid)
{
	struct slice rest;
	struct file file;

	if (fsio_read(&app->root, HA_RESOURCES, PVE_FILE_LIMIT, &app->arena, &file, NULL) < 0)
		return false;
	for (rest = file.bytes; rest.len > 0;) {
		size_t end = slice_find(rest, '\n');
		struct slice line = slice_sub(rest, 0, end);

		rest = slice_from(rest, end + 1);
		if (slice_starts(line, "ct:") && slice_eq(slice_trim(slice_from(line, 3)), vmid))
			return true;
	}
	return false;
}

bool cluster_moves(struct app *app, const struct cluster *cluster, struct slice vmid)
{
	return cluster->count > 1 || is_in_ha(app, vmid);
}

static bool has_node(struct slice list, struct slice node)
{
	while (list.len > 0) {
		size_t n = 0;

		while (n < list.len && !strchr(",; \t", list.ptr[n]))
			n++;
		if (slice_eq(slice_sub(list, 0, n), node))
			return true;
		list = slice_from(list, n + 1);
	}
	return false;
}

bool cluster_shares(const struct cluster *cluster, const struct pve_storage *storage)
{
	for (size_t i = 0; storage->nodes.len > 0 && i < cluster->count; i++)
		if (!has_node(storage->nodes, cluster->nodes[i]))
			return false;
	return storage->shared && !storage->disabled;
}

/* In any section: a snapshot may come back. What cannot be read may name it. */
static bool names(struct app *app, const char *path, struct slice volume)
{
	struct pve_guest guest;
	struct file file;

	if (fsio_read(&app->root, path, PVE_FILE_LIMIT, &app->arena, &file, NULL) < 0)
		return true;
	pve_parse(&guest, file.bytes, &app->arena);
	for (size_t i = 0; i < guest.kv.count; i++)
		if (slice_is(guest.kv.entries[i].key, "hookscript") && slice_eq(guest.kv.entries[i].value, volume))
			return true;
	return false;
}

bool cluster_names(struct app *app, const struct cluster *cluster, struct slice volume)
{
	struct slice *guests;
	enum fsio_kind kind;
	size_t count;

	for (size_t i = 0; i < cluster->count; i++) {
		const char *dir = arena_printf(&app->arena, NODES "/%.*s/lxc", SLICE_FMT(cluster->nodes[i]));

		if (fsio_kind(&app->root, dir, &kind, NULL) == 0 && kind == FSIO_MISSING)
			continue;
		if (fsio_list(&app->root, dir, &app->arena, &guests, &count, NULL) < 0)
			return true;
		for (size_t k = 0; k < count; k++)
			if (names(app, arena_printf(&app->arena, "%s/%.*s", dir, SLICE_FMT(guests[k])), volume))
				return true;
	}
	return false;
}
