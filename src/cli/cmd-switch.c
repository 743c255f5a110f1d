/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fix --profile-for, fix --pve-hookscript, fix --only: other means of a cure, chosen for single containers. */
#include "app.h"

#define OWN_PROFILE "lxc-container-nestfix"

struct switching {
	struct app *app;
	struct look *look;
	VEC(struct patch_file) files;
	VEC(struct snippet) snippets;
	VEC(struct slice) names;
	struct plan live; /* --only: what is loaded besides */
	struct kernel kernel;
};

static int refuse(const struct container *c, const char *why, struct err *err)
{
	return err_put(err, ERR_REFUSED, "cannot change '%.*s': %s", SLICE_FMT(c->title), why);
}

static int check_allowed(struct switching *s, const struct container *c, struct err *err)
{
	const char *why = harden_forbidden(&s->look->site.host, c, &s->app->arena);

	return why ? refuse(c, why, err) : 0;
}

/* The profile must be there, and in the kernel, or the container's next start fails. */
static int check_profile(struct switching *s, struct err *err)
{
	const struct site *site = &s->look->site;
	struct kernel kernel;
	bool loaded = true;

	for (size_t i = 0; i < site->policy_count; i++) {
		if (!policy_find(&site->policies[i]->policy, SLICE(OWN_PROFILE)))
			continue;
		kernel_open(&kernel, &s->app->root, NULL, &s->app->arena);
		if (kernel.state == KERNEL_READY && kernel_has(&kernel, SLICE(OWN_PROFILE), &loaded, err) < 0)
			return -1;
		if (loaded)
			return 0;
		err_put(err, ERR_REFUSED, "cannot use the profile '%s': it is not loaded", OWN_PROFILE);
		return err_hint(err, "load it: apparmor_parser -r %s", site->policies[i]->policy.path);
	}
	err_put(err, ERR_REFUSED, "cannot use the profile '%s': no policy file has it", OWN_PROFILE);
	return err_hint(err,
			"install it as /etc/apparmor.d/lxc/%s, then load it: apparmor_parser -r "
			"/etc/apparmor.d/lxc-containers",
			OWN_PROFILE);
}

/* The line that sets the profile now, or `count`. */
static size_t find_profile(const struct container *c, const struct keyval *kv)
{
	const struct lxc_setting *p = &c->lxc.profile;

	for (size_t i = kv->count; i > 0; i--) {
		const struct keyval_entry *e = &kv->entries[i - 1];

		if (e->kind != KEYVAL_PAIR || e->section != 0 || e->line != p->place.line ||
		    !(slice_is(e->key, "lxc.apparmor.profile") || slice_is(e->key, "lxc.aa_profile")))
			continue;
		if (p->value.len > 0 && strcmp(p->place.path, c->config) == 0)
			return i - 1;
	}
	return kv->count;
}

static void plan_line(struct switching *s, const struct container *c, struct slice text, struct patch_file *out)
{
	struct arena *arena = &s->app->arena;
	struct config_edit edit = { 0 };
	struct slice key = SLICE("lxc.apparmor.profile");
	struct keyval kv;

	keyval_parse(&kv, text, config_dialect(c->config), arena);
	edit.index = find_profile(c, &kv);
	edit.verb = edit.index < kv.count ? CONFIG_REPLACE : CONFIG_INSERT;
	if (edit.verb == CONFIG_REPLACE)
		key = kv.entries[edit.index].key;
	else if (c->kind == CONTAINER_PVE)
		edit.index = keyval_raw_place(&kv);
	edit.line = slice_of(
	    arena_printf(arena, "%.*s%s%s", SLICE_FMT(key), c->kind == CONTAINER_PVE ? ": " : " = ", OWN_PROFILE));
	config_edit(out, c->config, text, &edit, 1, arena);
}

static int plan_profile(struct switching *s, const struct container *c, struct err *err)
{
	struct policy_reader reader = discover_reader(&s->app->root);
	struct container after;
	struct patch_file file;
	struct slice text;

	if (check_allowed(s, c, err) < 0)
		return -1;
	if (c->origin == CONTAINER_GENERATED) {
		refuse(c, "its profile is a generated one, which protects it better", err);
		return err_hint(err, "'%s fix' cures that one", s->app->report.self);
	}
	if (slice_is(c->profile, OWN_PROFILE))
		return 0;
	if (check_profile(s, err) < 0 || app_config_text(s->app, c, &text, err) < 0)
		return -1;
	plan_line(s, c, text, &file);
	if (harden_after(&after, &s->look->site.host, &s->app->root, c, file.new_, &reader, &s->app->arena, err) < 0)
		return -1;
	if (!slice_is(after.profile, OWN_PROFILE))
		return refuse(c, "a file that it includes sets another profile all the same", err);
	VEC_PUSH(&s->app->arena, &s->files, file);
	VEC_PUSH(&s->app->arena, &s->names, c->title);
	return 0;
}

/* pve_set knows where a key belongs; the entry before which it came is wanted here. */
static struct config_edit hookscript_edit(const struct container *c, struct slice volume, struct arena *arena)
{
	const struct keyval *kv = &c->pve.kv;
	const struct keyval_entry *old = keyval_last(kv, 0, "hookscript");
	struct config_edit edit = { .verb = CONFIG_REPLACE };
	size_t same = 0, line;
	AUTOBUF out = { 0 };

	edit.line = slice_of(arena_printf(arena, "hookscript: %.*s", SLICE_FMT(volume)));
	if (old) {
		edit.index = (size_t)(old - kv->entries);
		return edit;
	}
	edit.verb = CONFIG_INSERT;
	pve_set(&c->pve, "hookscript", volume, &out);
	while (same < kv->text.len && same < out.len && kv->text.ptr[same] == out.ptr[same])
		same++;
	line = same;
	while (line > 0 && line < kv->text.len && kv->text.ptr[line - 1] != '\n')
		line--;
	while (edit.index < kv->count && kv->entries[edit.index].span.at < line)
		edit.index++;
	return edit;
}

/* Several guests may have the same one. */
static void add_snippet(struct switching *s, const struct snippet *snippet)
{
	for (size_t i = 0; i < s->snippets.len; i++)
		if (slice_eq(s->snippets.ptr[i].volume, snippet->volume))
			return;
	VEC_PUSH(&s->app->arena, &s->snippets, *snippet);
}

static int plan_hookscript(struct switching *s, const struct container *c, struct err *err)
{
	struct config_edit edit;
	struct patch_file file;
	struct snippet snippet;

	if (c->kind != CONTAINER_PVE)
		return refuse(c, "only guests of Proxmox have a hookscript", err);
	if (check_allowed(s, c, err) < 0 || snippet_plan(s->app, s->look, c, &snippet, err) < 0)
		return -1;
	if (!snippet.stands)
		add_snippet(s, &snippet);
	if (snippet_is_own(c->pve.hookscript))
		return 0;
	if (c->pve.hookscript_pends) {
		refuse(c, "a pending change of its hookscript takes this one away at its next start", err);
		return err_hint(err, "see 'pct pending %.*s'; take it back by 'pct set %.*s --revert hookscript'",
				SLICE_FMT(c->name), SLICE_FMT(c->name));
	}
	edit = hookscript_edit(c, snippet.volume, &s->app->arena);
	config_edit(&file, c->config, c->pve.kv.text, &edit, 1, &s->app->arena);
	VEC_PUSH(&s->app->arena, &s->files, file);
	VEC_PUSH(&s->app->arena, &s->names, c->title);
	return 0;
}

static int plan_only(struct switching *s, const struct container *c, struct err *err)
{
	struct patch_file file;

	if (app_only_plan(s->app, s->look, c, &file, err) < 0)
		return -1;
	if (file.edit_count == 0)
		return 0;
	VEC_PUSH(&s->app->arena, &s->files, file);
	VEC_PUSH(&s->app->arena, &s->names, c->title);
	return 0;
}

static int plan_one(struct switching *s, const struct container *c, struct err *err)
{
	switch (s->app->change) {
	case CHANGE_PROFILE:
		return plan_profile(s, c, err);
	case CHANGE_ONLY:
		return plan_only(s, c, err);
	case CHANGE_HOOKSCRIPT:
	case CHANGE_POLICY:
		break;
	}
	return plan_hookscript(s, c, err);
}

/* A container may be named twice. */
static bool is_planned(const struct switching *s, const struct container *c)
{
	for (size_t i = 0; i < s->files.len; i++)
		if (strcmp(s->files.ptr[i].path, c->config) == 0)
			return true;
	return false;
}

static int plan_all(struct switching *s, struct err *err)
{
	for (size_t i = 0; i < s->app->arg_count; i++) {
		const struct container *c;

		if (app_container(s->app, s->look, s->app->args[i], &c, err) < 0)
			return -1;
		if (!is_planned(s, c) && plan_one(s, c, err) < 0)
			return -1;
	}
	return 0;
}

/* The snippets before any guest names them. */
static int write_all(struct switching *s, struct receipt *receipt, struct err *err)
{
	VEC(const char *) written = { 0 };

	for (size_t i = 0; i < s->snippets.len; i++) {
		if (snippet_write(s->app, s->look, &s->snippets.ptr[i], err) < 0)
			return -1;
		VEC_PUSH(&s->app->arena, &written, s->snippets.ptr[i].file.path);
	}
	if (s->files.len > 0 && app_config_commit(s->app, s->files.ptr, s->files.len, receipt, err) < 0)
		return -1;
	for (size_t i = 0; i < receipt->file_count; i++)
		VEC_PUSH(&s->app->arena, &written, receipt->files[i]);
	receipt->files = written.ptr;
	receipt->file_count = written.len;
	return 0;
}

/* What the chosen ones run with is replaced in the kernel; *out stays NULL where nothing is. */
static int load_live(struct switching *s, const struct receipt **out, struct err *err)
{
	struct receipt *live = ARENA_NEW(&s->app->arena, struct receipt);

	if (!s->live.proof)
		return 0;
	if (app_commit(s->app, &s->live, &s->kernel, live, err) < 0)
		return -1;
	*out = live;
	return 0;
}

static int carry_out(struct switching *s, struct err *err)
{
	const struct report *report = &s->app->report;
	const struct receipt *live = NULL;
	struct receipt receipt = { 0 };
	VEC(struct patch_file) all = { 0 };

	if (plan_all(s, err) < 0)
		return -1;
	if (s->app->change == CHANGE_ONLY && app_only_prove(s->app, s->look, &s->live, &s->kernel, err) < 0)
		return -1;
	for (size_t i = 0; i < s->snippets.len; i++)
		VEC_PUSH(&s->app->arena, &all, s->snippets.ptr[i].file);
	for (size_t i = 0; i < s->files.len; i++)
		VEC_PUSH(&s->app->arena, &all, s->files.ptr[i]);
	report_config_diff(report, all.ptr, all.len);
	if (s->live.proof && !report->json)
		report_diff(report, &s->live.patch, s->live.policies, s->live.policy_count, s->live.proof);
	if (all.len + s->live.patch.file_count > 0 && !app_is_agreed(s->app, "Write this change? [y/N] "))
		return err_put(err, ERR_REFUSED, "nothing was changed: the answer was no");
	if (write_all(s, &receipt, err) < 0) {
		for (size_t i = 0; i < s->snippets.len && err->kind != ERR_BROKEN; i++)
			snippet_take_back(s->app, &s->snippets.ptr[i]);
		return -1;
	}
	if (s->files.len == 0 && all.len > 0)
		report_note(report, "wrote '%s' anew", all.ptr[0].path);
	if (load_live(s, &live, err) < 0)
		return -1;
	report_switched(report, s->names.ptr, s->names.len, all.ptr, all.len, s->files.len > 0 ? &receipt : NULL, live);
	return 0;
}

int cmd_switch(struct app *app, struct err *err)
{
	struct look look = { 0 };
	struct switching s = { .app = app, .look = &look };
	int looked = app->change == CHANGE_ONLY ? app_look(app, app->args, app->arg_count, &look, err)
						: app_site(app, NULL, 0, &look.site, err);

	if (looked < 0 || discover_knows_host(&look.site, err) < 0)
		return -1;
	return carry_out(&s, err);
}
