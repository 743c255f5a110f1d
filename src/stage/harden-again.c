/* SPDX-License-Identifier: GPL-2.0-or-later */
/* harden-again: what would switch AppArmor off again: snapshots, and scripts that run when the container starts. */
#include <nestfix/harden.h>

enum { SNAPSHOTS = 1000, SHOWN = 200 /* bytes of a line */ };

typedef VEC(struct harden_again) again_vec;

struct search {
	const struct container_host *host;
	const struct container *container;
	const struct policy_reader *reader;
	struct arena *arena;
	again_vec found;
};

static bool switches_off(const struct keyval *kv, const struct keyval_entry *e)
{
	struct slice value = keyval_lxc_meaning(kv, e);

	if (e->kind != KEYVAL_PAIR)
		return false;
	if (slice_is(e->key, "lxc.apparmor.profile") || slice_is(e->key, "lxc.aa_profile"))
		return slice_is(value, "unconfined");
	return slice_is(e->key, "lxc.mount.entry") && lxc_hides_apparmor(value);
}

static void add(struct search *s, const char *what, const char *path, size_t line, struct slice text)
{
	VEC_PUSH(s->arena, &s->found,
		 (struct harden_again){ s->container, what, { path, line }, slice_sub(slice_trim(text), 0, SHOWN) });
}

static bool read_text(const struct search *s, const char *path, struct slice *text)
{
	enum policy_found found = POLICY_MISSING;
	struct err ignored = { 0 };
	struct slice *names;
	size_t count;

	*text = (struct slice){ 0 };
	return s->reader->read(s->reader->ctx, path, &found, text, &names, &count, s->arena, &ignored) == 0 &&
	       found == POLICY_FILE;
}

/* Proxmox keeps a snapshot's configuration as a section of the guest's own. */
static void search_sections(struct search *s, const struct keyval *kv)
{
	size_t last = 0;

	for (size_t i = 0; i < kv->count; i++) {
		const struct keyval_entry *e = &kv->entries[i];

		if (e->section == last || slice_is(e->section_name, "pve:pending") || !switches_off(kv, e))
			continue;
		last = e->section;
		add(s, arena_printf(s->arena, "snapshot '%.*s'", SLICE_FMT(e->section_name)), s->container->config,
		    e->line, slice_sub(kv->text, e->span.at, e->span.len));
	}
}

static void search_snapshot(struct search *s, const char *path, struct slice name)
{
	struct slice text;
	struct keyval kv;

	if (!read_text(s, path, &text) || text.len > LXC_FILE_LIMIT)
		return;
	keyval_parse(&kv, text, KEYVAL_LXC, s->arena);
	for (size_t i = 0; i < kv.count; i++) {
		if (!switches_off(&kv, &kv.entries[i]))
			continue;
		add(s, arena_printf(s->arena, "snapshot '%.*s'", SLICE_FMT(name)), path, kv.entries[i].line,
		    slice_sub(text, kv.entries[i].span.at, kv.entries[i].span.len));
		return;
	}
}

/* LXC keeps it in LXCPATH/NAME/snaps/snap0/config (lxccontainer.c get_snappath_dir). */
static void search_folders(struct search *s)
{
	const struct container *c = s->container;
	const char *dir = arena_printf(s->arena, "%.*s/%.*s/snaps", SLICE_FMT(c->lxcpath), SLICE_FMT(c->name));
	enum policy_found found = POLICY_MISSING;
	struct err ignored = { 0 };
	struct slice bytes, *names;
	size_t count = 0;

	if (s->reader->read(s->reader->ctx, dir, &found, &bytes, &names, &count, s->arena, &ignored) < 0 ||
	    found != POLICY_DIR)
		return;
	for (size_t i = 0; i < count && i < SNAPSHOTS; i++)
		search_snapshot(s, arena_printf(s->arena, "%s/%.*s/config", dir, SLICE_FMT(names[i])), names[i]);
}

static bool speaks_of_it(struct slice line)
{
	static const char *const words[] = { "apparmor",    "unconfined",  "aa-disable",
					     "aa-complain", "aa-teardown", "aa-remove-unknown" };

	for (size_t i = 0; line.len > 0 && i < sizeof words / sizeof *words; i++)
		if (memmem(line.ptr, line.len, words[i], strlen(words[i])))
			return true;
	return false;
}

static void search_script(struct search *s, const char *what, const char *path)
{
	struct slice rest;

	if (!read_text(s, path, &rest))
		return;
	rest = slice_sub(rest, 0, HARDEN_SCRIPT_LIMIT);
	for (size_t line = 1; rest.len > 0; line++) {
		struct slice text = slice_trim(slice_sub(rest, 0, slice_find(rest, '\n')));

		rest = slice_from(rest, slice_find(rest, '\n') + 1);
		if (slice_starts(text, "#") || !speaks_of_it(text))
			continue;
		add(s, what, path, line, text);
		return;
	}
}

/* The snippet of ours calls the guest's own, whose name stands behind its own. */
static void search_hookscript(struct search *s)
{
	static const char ours[] = "aa-nestfix+";
	struct slice volume = s->container->pve.hookscript, id, name, cfg;
	const struct pve_storage *storage;
	struct pve_storages storages;

	if (!pve_volume(volume, &id, &name))
		return;
	read_text(s, "/etc/pve/storage.cfg", &cfg);
	pve_read_storages(&storages, cfg, s->host->pve_major, s->arena);
	storage = pve_find_storage(&storages, id);
	if (!storage || !storage->snippets)
		return;
	if (slice_starts(name, ours))
		name = slice_from(name, sizeof ours - 1);
	search_script(s, arena_printf(s->arena, "hookscript %.*s", SLICE_FMT(volume)),
		      arena_printf(s->arena, "%s/%.*s", storage->snippets, SLICE_FMT(name)));
}

/* Of LXC's own: what the line itself says, else the script that it calls. */
static void search_hooks(struct search *s, const struct keyval *kv)
{
	for (size_t i = 0; i < kv->count; i++) {
		const struct keyval_entry *e = &kv->entries[i];
		struct slice value = keyval_lxc_meaning(kv, e);
		const char *key;

		if (e->kind != KEYVAL_PAIR || e->section != 0 || !slice_starts(e->key, "lxc.hook."))
			continue;
		key = arena_str(s->arena, e->key);
		if (speaks_of_it(value))
			add(s, key, s->container->config, e->line, slice_sub(kv->text, e->span.at, e->span.len));
		else if (slice_starts(value, "/"))
			search_script(s, key, arena_str(s->arena, slice_sub(value, 0, slice_find(value, ' '))));
	}
}

size_t harden_again(struct harden_again **out, const struct container_host *host, const struct container *container,
		    struct slice text, const struct policy_reader *reader, struct arena *arena)
{
	struct search s = { .host = host, .container = container, .reader = reader, .arena = arena };
	struct keyval kv;

	keyval_parse(&kv, text, config_dialect(container->config), arena);
	search_hooks(&s, &kv);
	if (container->kind == CONTAINER_PVE) {
		search_sections(&s, &kv);
		search_hookscript(&s);
	} else {
		search_folders(&s);
	}
	*out = s.found.ptr;
	return s.found.len;
}
