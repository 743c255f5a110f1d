/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * container-name: which container a user means. Equal names are told apart: /var/lib/lxc, a second lxcpath, Incus and
 * LXD may each have a web1. An ordinary user's web1 is no reason to ask which one is meant.
 */
#include <stdlib.h>

#include "container-internal.h"

/* A name, and how many have it. */
struct name_count {
	struct slice name;
	size_t others, users;
};

static bool is_at(const struct container *c, struct slice path)
{
	struct slice name = slice_from(path, c->lxcpath.len + 1);

	while (path.len > 1 && slice_ends(path, "/"))
		path.len--;
	name = slice_from(path, c->lxcpath.len + 1);
	if (path.len > c->lxcpath.len && path.ptr[c->lxcpath.len] == '/' && slice_eq(name, c->name) &&
	    slice_eq(slice_sub(path, 0, c->lxcpath.len), c->lxcpath))
		return true;
	return c->kind != CONTAINER_INCUS && c->kind != CONTAINER_LXD && slice_is(path, c->config);
}

static const char *kind_of(const struct container *c)
{
	static const char *const words[] = { "lxc", "pve", "incus", "lxd", "user" };

	return words[c->kind];
}

static int refuse(const struct container_host *host, struct slice name, bool users, struct err *err)
{
	AUTOBUF list = { 0 };

	for (size_t i = 0; i < host->count; i++) {
		const struct container *c = &host->list[i];

		if (slice_eq(c->name, name) && (users || c->kind != CONTAINER_USER))
			buf_addf(&list, "%s%.*s/%.*s (%s)", list.len > 0 ? ", " : "", SLICE_FMT(c->lxcpath),
				 SLICE_FMT(c->name), kind_of(c));
	}
	err_put(err, ERR_USAGE, "cannot tell which container '%.*s' is meant: several have this name", SLICE_FMT(name));
	return err_hint(err, "name one by its folder: %s", buf_str(&list));
}

int container_find(const struct container_host *host, struct slice text, const struct container **out, struct err *err)
{
	const struct container *other = NULL, *user = NULL;
	size_t others = 0, users = 0;

	*out = NULL;
	for (size_t i = 0; i < host->count; i++) {
		const struct container *c = &host->list[i];

		if (slice_starts(text, "/") ? !is_at(c, text) : !slice_eq(c->name, text))
			continue;
		if (c->kind == CONTAINER_USER) {
			user = c;
			users++;
		} else {
			other = c;
			others++;
		}
	}
	if (others > 1 || (others == 0 && users > 1))
		return refuse(host, text, others == 0, err);
	*out = other ? other : user;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return slice_cmp(((const struct name_count *)a)->name, ((const struct name_count *)b)->name);
}

/* Sorted, each name once, counted. */
static size_t count_names(const struct container_host *host, struct name_count *names)
{
	size_t count = 0;

	for (size_t i = 0; i < host->count; i++) {
		bool user = host->list[i].kind == CONTAINER_USER;

		names[i] = (struct name_count){ host->list[i].name, !user, user };
	}
	qsort(names, host->count, sizeof *names, by_name);
	for (size_t i = 0; i < host->count; i++) {
		if (count == 0 || by_name(&names[count - 1], &names[i]) != 0) {
			names[count++] = names[i];
			continue;
		}
		names[count - 1].others += names[i].others;
		names[count - 1].users += names[i].users;
	}
	return count;
}

void container_name_all(struct container_host *host, struct arena *arena)
{
	AUTOARENA scratch = { 0 };
	struct name_count *names = arena_array(&scratch, host->count, sizeof *names);
	size_t count = host->count > 0 ? count_names(host, names) : 0;

	for (size_t i = 0; i < host->count; i++) {
		struct container *c = &host->list[i];
		struct name_count key = { .name = c->name };
		const struct name_count *n = bsearch(&key, names, count, sizeof *names, by_name);

		if (c->kind == CONTAINER_USER ? n->others == 0 && n->users == 1 : n->others == 1)
			c->title = c->name;
		else
			c->title =
			    slice_of(arena_printf(arena, "%.*s/%.*s", SLICE_FMT(c->lxcpath), SLICE_FMT(c->name)));
	}
}
