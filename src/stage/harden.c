/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/harden.h>

typedef VEC(struct harden_line) line_vec;
typedef VEC(struct config_edit) edit_vec;

static bool is_profile_key(struct slice key)
{
	return slice_is(key, "lxc.apparmor.profile") || slice_is(key, "lxc.aa_profile");
}

static bool is_mount_key(struct slice key)
{
	return slice_is(key, "lxc.mount.entry");
}

static void add_line(line_vec *lines, enum harden_kind kind, struct lxc_place place, struct slice key,
		     struct slice value, bool own, struct arena *arena)
{
	struct harden_line line = { .kind = kind, .place = place, .own = own };

	line.text = slice_of(arena_printf(arena, "%.*s = %.*s", SLICE_FMT(key), SLICE_FMT(value)));
	VEC_PUSH(arena, lines, line);
}

/* Is the mount entry in force, and not one that an empty value set back? */
static bool is_in_force(const struct container *c, const struct keyval_entry *e, struct slice value)
{
	for (size_t i = 0; i < c->lxc.mount_entries.count; i++) {
		const struct lxc_setting *m = &c->lxc.mount_entries.items[i];

		if (strcmp(m->place.path, c->config) == 0 && m->place.line == e->line && slice_eq(m->value, value))
			return true;
	}
	return false;
}

/*
 * The lines of its own. Every `unconfined` counts where one is in force: with only the last one gone, the one before it
 * would be.
 */
static void find_own(const struct container *c, const struct keyval *kv, line_vec *lines, edit_vec *edits,
		     struct arena *arena)
{
	for (size_t i = 0; i < kv->count; i++) {
		const struct keyval_entry *e = &kv->entries[i];
		struct lxc_place place = { c->config, e->line };
		struct slice value = keyval_lxc_meaning(kv, e);
		enum harden_kind kind = HARDEN_HIDDEN;

		if (e->kind != KEYVAL_PAIR || e->section != 0)
			continue;
		if (is_profile_key(e->key) && slice_is(value, "unconfined") && c->lxc.unconfined)
			kind = HARDEN_UNCONFINED;
		else if (!is_mount_key(e->key) || !lxc_hides_apparmor(value) || !is_in_force(c, e, value))
			continue;
		add_line(lines, kind, place, e->key, e->value, true, arena);
		VEC_PUSH(arena, edits, (struct config_edit){ .verb = CONFIG_REMOVE, .index = i });
	}
}

static void find_foreign(const struct container *c, line_vec *lines, struct arena *arena)
{
	const struct lxc_setting *p = &c->lxc.profile;

	if (c->lxc.unconfined && strcmp(p->place.path, c->config) != 0)
		add_line(lines, HARDEN_UNCONFINED, p->place, SLICE("lxc.apparmor.profile"), p->value, false, arena);
	for (size_t i = 0; i < c->lxc.mount_entries.count; i++) {
		const struct lxc_setting *m = &c->lxc.mount_entries.items[i];

		if (lxc_hides_apparmor(m->value) && strcmp(m->place.path, c->config) != 0)
			add_line(lines, HARDEN_HIDDEN, m->place, SLICE("lxc.mount.entry"), m->value, false, arena);
	}
}

bool harden_find(struct harden *out, const struct container *c, struct slice text, struct arena *arena)
{
	line_vec lines = { 0 };
	edit_vec edits = { 0 };
	struct keyval kv;

	*out = (struct harden){ .container = c };
	if (!c->lxc.unconfined && !c->hidden)
		return false;
	keyval_parse(&kv, text, config_dialect(c->config), arena);
	find_own(c, &kv, &lines, &edits, arena);
	find_foreign(c, &lines, arena);
	out->lines = lines.ptr;
	out->line_count = lines.len;
	config_edit(&out->file, c->config, text, edits.ptr, edits.len, arena);
	return lines.len > 0;
}

/* Where the first of the lines stands that are taken out: the profile comes in its place, else at the end. */
bool harden_generate(struct patch_file *out, const struct container *c, struct slice text, struct arena *arena)
{
	line_vec lines = { 0 };
	edit_vec edits = { 0 };
	edit_vec all = { 0 };
	struct keyval kv;
	size_t place;

	if (c->kind != CONTAINER_LXC)
		return false;
	keyval_parse(&kv, text, config_dialect(c->config), arena);
	find_own(c, &kv, &lines, &edits, arena);
	place = edits.len > 0 ? edits.ptr[0].index : kv.count;
	VEC_PUSH(arena, &all,
		 (struct config_edit){
		     .verb = CONFIG_INSERT, .index = place, .line = SLICE("lxc.apparmor.profile = generated") });
	VEC_PUSH(arena, &all,
		 (struct config_edit){
		     .verb = CONFIG_INSERT, .index = place, .line = SLICE("lxc.apparmor.allow_nesting = 1") });
	for (size_t i = 0; i < edits.len; i++)
		VEC_PUSH(arena, &all, edits.ptr[i]);
	config_edit(out, c->config, text, all.ptr, all.len, arena);
	return true;
}

/* A reader for which one file has another text. */
struct overlay {
	const struct policy_reader *inner;
	const char *path;
	struct slice text;
};

static int read_overlay(void *ctx, const char *path, enum policy_found *found, struct slice *bytes,
			struct slice **names, size_t *count, struct arena *arena, struct err *err)
{
	const struct overlay *o = ctx;

	if (strcmp(path, o->path) != 0)
		return o->inner->read(o->inner->ctx, path, found, bytes, names, count, arena, err);
	*found = POLICY_FILE;
	*bytes = o->text;
	return 0;
}

static bool is_own_raw(const struct lxc_setting *s, const struct container *c)
{
	return s->place.line > 0 && s->place.path && strcmp(s->place.path, c->config) == 0;
}

/* No raw line comes or goes: the administrator is told where each stands in the file that he has. */
static void keep_places(struct container *after, const struct container *c)
{
	const struct lxc_list *old = &c->lxc.raw, *new_ = &after->lxc.raw;
	size_t k = 0;

	for (size_t i = 0; i < new_->count; i++) {
		if (!is_own_raw(&new_->items[i], c))
			continue;
		while (k < old->count && !is_own_raw(&old->items[k], c))
			k++;
		if (k == old->count || !slice_eq(old->items[k].value, new_->items[i].value))
			return;
		new_->items[i].place.line = old->items[k++].place.line;
	}
}

int harden_after(struct container *out, const struct container_host *host, const struct root *root,
		 const struct container *c, struct slice text, const struct policy_reader *reader, struct arena *arena,
		 struct err *err)
{
	struct overlay overlay = { reader, c->config, text };
	struct policy_reader with = { &overlay, read_overlay };

	*out = *c;
	out->hidden = false;
	if (c->kind == CONTAINER_PVE)
		pve_parse(&out->pve, text, arena);
	if (container_config(&out->lxc, host, root, out, &with, arena, err) < 0)
		return -1;
	keep_places(out, c);
	out->nesting = out->lxc.nesting;
	for (size_t i = 0; i < out->lxc.mount_entries.count; i++)
		out->hidden = out->hidden || lxc_hides_apparmor(out->lxc.mount_entries.items[i].value);
	out->profile = out->lxc.profile.value;
	out->origin = out->lxc.unconfined  ? CONTAINER_UNCONFINED
		      : out->lxc.unchanged ? CONTAINER_UNCHANGED
		      : out->lxc.generated ? CONTAINER_GENERATED
					   : CONTAINER_STATIC;
	if (out->origin == CONTAINER_STATIC && out->profile.len == 0)
		out->profile = SLICE("lxc-container-default-cgns"); /* lsm/apparmor.c; facts, section 1.4 */
	if (out->origin == CONTAINER_GENERATED)
		out->profile = lxc_profile_name(c->name, c->lxcpath, arena);
	return 0;
}

static enum harden_state judge_static(const struct site *site, const struct finding *finding, struct slice profile)
{
	bool known = false;

	for (size_t i = 0; i < finding->case_count; i++) {
		const struct locate_case *c = &finding->cases[i];

		if (!slice_eq(c->profile->name, profile))
			continue;
		if (c->state != LOCATE_ALLOWED && (c->state != LOCATE_NO_ALLOW || c->culprit_count > 0))
			return HARDEN_UNCURED;
	}
	for (size_t i = 0; i < site->policy_count && !known; i++)
		known = policy_find(&site->policies[i]->policy, profile) != NULL;
	return known ? HARDEN_CURED : HARDEN_NO_PROFILE;
}

enum harden_state harden_judge(const struct site *site, const struct finding *finding, const struct container *after)
{
	if (after->origin == CONTAINER_UNCONFINED || after->hidden)
		return HARDEN_STILL_OFF;
	switch (lasting_of(site, after, finding->scopes, finding->scope_count)) {
	case LASTING_FILE:
		return judge_static(site, finding, after->profile);
	case LASTING_BLOCKED:
		return HARDEN_UNCURED;
	case LASTING_DROPIN:
	case LASTING_UPSTREAM:
	case LASTING_DAEMON:
	case LASTING_NONE:
		break;
	}
	return HARDEN_CURED;
}

static void add_use(struct buf *out, struct slice key, struct slice value)
{
	const char *comma = out->len > 0 ? ", " : "";

	if (slice_is(key, "lxc.mount.auto") && value.len > 0 && memmem(value.ptr, value.len, "rw", 2))
		buf_addf(out, "%s%.*s", comma, SLICE_FMT(value));
	else if (slice_ends(key, ".devices.allow"))
		buf_addf(out, "%s%s%.*s", comma, slice_is(value, "a") ? "all devices" : "device ",
			 slice_is(value, "a") ? 0 : (int)value.len, value.ptr);
	else if (is_mount_key(key) && !lxc_hides_apparmor(value))
		buf_addf(out, "%s%.*s", comma, SLICE_FMT(slice_sub(value, 0, slice_find(value, ' '))));
}

const char *harden_uses(const char *path, struct slice text, struct arena *arena)
{
	struct keyval kv;
	AUTOBUF out = { 0 };

	keyval_parse(&kv, text, config_dialect(path), arena);
	for (size_t i = 0; i < kv.count; i++)
		if (kv.entries[i].kind == KEYVAL_PAIR && kv.entries[i].section == 0)
			add_use(&out, kv.entries[i].key, keyval_lxc_meaning(&kv, &kv.entries[i]));
	return arena_str(arena, buf_slice(&out));
}

const char *harden_refused(const struct container *c, const struct automaton_profile *profile, struct arena *arena)
{
	/* kubelet and k3s (pkg/kubelet/cm/container_manager_linux.go), databases and search engines by their manuals */
	static const char *const sysctls[] = { "kernel.keys.root_maxbytes",
					       "kernel.panic",
					       "kernel.panic_on_oops",
					       "kernel.pid_max",
					       "fs.inotify.max_user_watches",
					       "vm.max_map_count",
					       "vm.overcommit_memory",
					       "vm.panic_on_oom",
					       "vm.swappiness" };
	AUTOBUF out = { 0 };

	for (size_t i = 0; profile && !c->unprivileged && i < sizeof sysctls / sizeof *sysctls; i++) {
		char *path = (char *)(uintptr_t)arena_printf(arena, "/proc/sys/%s", sysctls[i]);
		struct automaton_perms perms;

		for (char *dot = path + strlen("/proc/sys/"); (dot = strchr(dot, '.'));)
			*dot = '/';
		perms = automaton_path(profile, slice_of(path));
		if (!(perms.half[AUTOMATON_OTHER].allow & PERM_W))
			buf_addf(&out, "%s%s", out.len > 0 ? ", " : "", sysctls[i]);
	}
	return arena_str(arena, buf_slice(&out));
}

const char *harden_forbidden(const struct container_host *host, const struct container *c, struct arena *arena)
{
	if (c->kind == CONTAINER_USER)
		return "it is a user's: only that user changes it";
	if (c->kind != CONTAINER_LXC && c->kind != CONTAINER_PVE)
		return "its configuration belongs to Incus or LXD";
	if (err_is_set(&c->err))
		return arena_str(arena, slice_of(c->err.text));
	if (c->kind != CONTAINER_PVE)
		return NULL;
	if (!host->pve_has_quorum && !host->pve_is_mounted)
		return "/etc/pve is not mounted: start it by 'systemctl start pve-cluster'";
	if (!host->pve_has_quorum)
		return "the cluster has no quorum, so nothing below /etc/pve can be written";
	if (c->pve.lock.len > 0)
		return arena_printf(arena, "Proxmox has locked it (lock: %.*s)", SLICE_FMT(c->pve.lock));
	return NULL;
}
