/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * app-only: fix --only, the cure of single containers whose profile is generated, by lines of their own: what the
 * drop-in gives to all, written at the end of one's configuration.
 */
#include "app.h"

static int refuse(const struct container *c, const char *why, struct err *err)
{
	return err_put(err, ERR_REFUSED, "cannot cure '%.*s' alone: %s", SLICE_FMT(c->title), why);
}

static int check_kind(struct app *app, const struct container *c, struct err *err)
{
	if (!discover_is_liblxc(c))
		return refuse(c, "its configuration belongs to its daemon", err);
	if (c->origin == CONTAINER_GENERATED)
		return 0;
	refuse(c, "its profile is no generated one, but that of a file, which others may use", err);
	return err_hint(err, "'%s check %.*s' says what it needs", app->report.self, SLICE_FMT(c->title));
}

/*
 * A rule beats what the container denies itself, so that one with raw lines of its own gets the hook. Proxmox takes no
 * such hook in VMID.conf (PVE::LXC::Config valid_lxc_conf_keys), but has another.
 */
static int choose_form(struct app *app, const struct container *c, enum dropin_mode *form, struct err *err)
{
	const struct compiler *compiler = judge_compiler(app_judge(app), err);
	int knows = compiler ? compile_knows_priority(compiler, &app->arena, err) : -1;
	enum fsio_kind kind;

	if (knows < 0)
		return -1;
	*form = knows && c->lxc.raw.count == 0 ? DROPIN_PRIORITY : DROPIN_HOOK;
	if (*form == DROPIN_PRIORITY)
		return 0;
	if (c->kind == CONTAINER_PVE) {
		refuse(c, "Proxmox takes no line for it", err);
		return err_hint(err, "a hookscript does it: %s fix --pve-hookscript %.*s", app->report.self,
				SLICE_FMT(c->name));
	}
	if (fsio_kind(&app->root, NESTFIX_PROGRAM, &kind, NULL) == 0 && kind == FSIO_FILE)
		return 0;
	refuse(c, "the hook needs '" NESTFIX_PROGRAM "', which is not installed", err);
	return err_hint(err, "install it ('make install'), then try again");
}

/* The lines of the drop-in, without its comments, as edits of the container's file. */
static void plan_lines(struct app *app, const struct container *c, struct slice text, enum dropin_mode form,
		       struct patch_file *out)
{
	VEC(struct config_edit) edits = { 0 };
	AUTOBUF dropin = { 0 };
	struct keyval kv, lines;
	size_t place;

	dropin_text(form, &app->conflict, app->scopes, app->scope_count, &dropin);
	keyval_parse(&lines, arena_slice(&app->arena, buf_slice(&dropin)), KEYVAL_LXC, &app->arena);
	keyval_parse(&kv, text, config_dialect(c->config), &app->arena);
	place = c->kind == CONTAINER_PVE ? keyval_raw_place(&kv) : kv.count;
	for (size_t i = 0; i < lines.count; i++) {
		const struct keyval_entry *e = &lines.entries[i];
		struct config_edit edit = { .verb = CONFIG_INSERT, .index = place };

		if (e->kind != KEYVAL_PAIR)
			continue;
		edit.line = slice_of(arena_printf(&app->arena, "%.*s%s%.*s", SLICE_FMT(e->key),
						  c->kind == CONTAINER_PVE ? ": " : " = ", SLICE_FMT(e->value)));
		VEC_PUSH(&app->arena, &edits, edit);
	}
	config_edit(out, c->config, text, edits.ptr, edits.len, &app->arena);
}

/* Its next start is compiled and asked before a line is written. */
static int check_next(struct app *app, const struct look *look, const struct container *c, struct slice text,
		      struct err *err)
{
	struct policy_reader reader = discover_reader(&app->root);
	struct container after;
	struct verdict v = { 0 };

	if (harden_after(&after, &look->site.host, &app->root, c, text, &reader, &app->arena, err) < 0 ||
	    app_foresee(app, look, &after, &v, err) < 0)
		return -1;
	if (v.next.word == VERDICT_WORKS)
		return 0;
	if (v.next.why)
		return refuse(c, v.next.why, err);
	return refuse(c, v.next.need ? "its profile refuses more than the rule" : "a line behind takes it back", err);
}

int app_only_plan(struct app *app, const struct look *look, const struct container *c, struct patch_file *out,
		  struct err *err)
{
	const char *why = harden_forbidden(&look->site.host, c, &app->arena);
	enum lasting lasting = lasting_of(&look->site, c, app->scopes, app->scope_count);
	enum dropin_mode form;
	struct slice text;

	*out = (struct patch_file){ 0 };
	if (check_kind(app, c, err) < 0)
		return -1;
	if (why)
		return refuse(c, why, err);
	if (lasting == LASTING_DROPIN || lasting == LASTING_UPSTREAM)
		return 0;
	if (choose_form(app, c, &form, err) < 0 || app_config_text(app, c, &text, err) < 0)
		return -1;
	plan_lines(app, c, text, form, out);
	return check_next(app, look, c, out->new_, err);
}

/* The policies of those that run; of none where there is no kernel to load them into. */
int app_only_prove(struct app *app, const struct look *look, struct plan *plan, struct kernel *kernel, struct err *err)
{
	const struct compiler *compiler = judge_compiler(app_judge(app), err);

	*plan = (struct plan){ 0 };
	kernel_open(kernel, &app->root, NULL, &app->arena);
	if (kernel->state != KERNEL_READY)
		return 0;
	if (!compiler || rewrite(&plan->patch, &look->site, &look->finding, &app->arena, err) < 0)
		return -1;
	plan->compiler = *compiler;
	plan->patch.asked = app->asked;
	plan->patch.asked_count = app->asked_count;
	plan->patch.reload = app->reload;
	plan->patch.lasts = true;
	for (size_t i = 0; i < plan->patch.file_count; i++)
		if (plan->patch.files[i].kind == PATCH_POLICY)
			return err_put(err, ERR_REFUSED, "cannot cure a container alone: '%s' is a file of others, too",
				       patch_path(&plan->patch.files[i]));
	return plan->patch.file_count > 0 ? app_prove(app, plan, err) : 0;
}
