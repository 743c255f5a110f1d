/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "app.h"

#ifndef NESTFIX_DATADIR
#define NESTFIX_DATADIR "/usr/share/aa-nestfix"
#endif

static const char override_dir[] = "/etc/aa-nestfix/patches";
static const char default_conflict[] = "runc-detached-procfs";

enum { CONFLICT_LIMIT = 1 << 20 }; /* bytes; the shipped file has 4 KiB */
enum { TARGETS = 1000 };

static bool is_missing(const struct root *machine, const char *path)
{
	enum fsio_kind kind;

	return fsio_kind(machine, path, &kind, NULL) == 0 && kind == FSIO_MISSING;
}

/*
 * Where the conflict's data is: --patches, else the administrator's own file, else the shipped one. NULL: nowhere, so
 * that the program is not installed, and goes by what was built into it.
 */
static const char *find_conflict(struct app *app, const struct root *machine)
{
	const char *path;

	if (app->patches)
		return arena_printf(&app->arena, "%s/%s.conflict", app->patches, default_conflict);
	path = arena_printf(&app->arena, "%s/%s.conflict", override_dir, default_conflict);
	if (!is_missing(machine, path))
		return path;
	path = arena_printf(&app->arena, "%s/patches/%s.conflict", NESTFIX_DATADIR, default_conflict);
	return is_missing(machine, path) ? NULL : path;
}

static int read_conflict(struct app *app, struct err *err)
{
	AUTOROOT machine = { .fd = -1 };
	struct file file;
	const char *path;

	if (app->patches && !(app->patches = fsio_absolute(app->patches, &app->arena, err)))
		return -1;
	if (root_open(&machine, "/", err) < 0)
		return -1;
	machine.anybody = app->patches != NULL; /* typed by the administrator */
	path = find_conflict(app, &machine);
	file.bytes = app_builtin_conflict();
	if (path && fsio_read(&machine, path, CONFLICT_LIMIT, &app->arena, &file, err) < 0)
		return err_hint(err, "name the folder with the conflict files: --patches DIR");
	app->conflict_bytes = file.bytes;
	return conflict_parse(&app->conflict, path ? path : "built in", file.bytes, app->pool, &app->arena, err);
}

static void add_scope(struct app *app, const struct conflict_scope *scope)
{
	for (size_t i = 0; i < app->scope_count; i++)
		if (app->scopes[i] == scope)
			return;
	app->scopes[app->scope_count++] = scope;
}

static const char *scope_list(const struct app *app, struct arena *arena)
{
	const char *list = "";

	for (size_t i = 0; i < app->conflict.scope_count; i++)
		list = arena_printf(arena, "%s%s%.*s", list, i ? ", " : "", SLICE_FMT(app->conflict.scopes[i].name));
	return list;
}

static int choose_scopes(struct app *app, struct err *err)
{
	struct slice rest = slice_of(app->scope_names ? app->scope_names : "");

	app->scopes = arena_array(&app->arena, app->conflict.scope_count, sizeof(struct conflict_scope *));
	for (size_t i = 0; !app->scope_names && i < app->conflict.scope_count; i++)
		if (app->conflict.scopes[i].is_default)
			add_scope(app, &app->conflict.scopes[i]);
	while (app->scope_names) {
		struct slice name = slice_sub(rest, 0, slice_find(rest, ','));
		const struct conflict_scope *scope = conflict_scope(&app->conflict, name);

		if (!scope) {
			err_put(err, ERR_USAGE, "unknown scope '%.*s'", SLICE_FMT(name));
			return err_hint(err, "known scopes: %s", scope_list(app, &app->arena));
		}
		add_scope(app, scope);
		if (name.len == rest.len)
			break;
		rest = slice_from(rest, name.len + 1);
	}
	return 0;
}

int app_conflict(struct app *app, struct err *err)
{
	if (read_conflict(app, err) < 0 || choose_scopes(app, err) < 0)
		return -1;
	app->asked = arena_array(&app->arena, app->scope_count, sizeof *app->asked);
	app->asked_count = app->scope_count;
	for (size_t i = 0; i < app->scope_count; i++)
		app->asked[i] = app->scopes[i];
	return 0;
}

int app_stand(struct app *app, struct err *err)
{
	struct backup *list;
	size_t count;

	if (!app->scopes && app_conflict(app, err) < 0)
		return -1;
	app->scope_count = 0;
	for (size_t i = 0; i < app->asked_count; i++)
		add_scope(app, app->asked[i]);
	if (app->arg_count > 0 || backup_list(&app->root, &app->arena, &list, &count, NULL) < 0)
		return 0;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < app->conflict.scope_count; k++)
			if (list[i].state == BACKUP_IN_FORCE && list[i].everywhere &&
			    backup_has_name(&list[i].conflicts, app->conflict.name) &&
			    backup_has_name(&list[i].scopes, app->conflict.scopes[k].name))
				add_scope(app, &app->conflict.scopes[k]);
	return 0;
}

void app_ground(struct app *app, struct undo_ground *out)
{
	struct err trouble = { 0 };

	*out = (struct undo_ground){ .conflict = &app->conflict, .pool = app->pool };
	if (app->scopes || app_conflict(app, &trouble) == 0)
		return;
	report_note(&app->report, "%s; without it only what is as a change left it can be undone", trouble.text);
	*out = (struct undo_ground){ 0 };
}

static int read_targets(struct app *app, const char **names, size_t count, struct site_target **out, struct err *err)
{
	*out = NULL;
	if (count > TARGETS) {
		err_put(err, ERR_USAGE, "cannot look at more than %d targets at once", TARGETS);
		return err_hint(err, "without a target, the whole host is looked at");
	}
	*out = arena_array(&app->arena, count, sizeof **out);
	for (size_t i = 0; i < count; i++)
		if (discover_target(&(*out)[i], &app->root, names[i], &app->arena, err) < 0)
			return -1;
	return 0;
}

/* Nothing concerned was found, and something could not be read: then nobody can say that the host is healthy. */
static int refuse_blind(const struct look *look, struct err *err)
{
	if (look->finding.case_count > 0 || look->site.skipped_count == 0)
		return 0;
	*err = look->site.skipped[0].err;
	return -1;
}

int app_site(struct app *app, const char **targets, size_t count, struct site *site, struct err *err)
{
	struct site_target *wanted;

	if (!app->scopes && app_conflict(app, err) < 0)
		return -1;
	if (read_targets(app, targets, count, &wanted, err) < 0)
		return -1;
	return discover(site, &app->root, &app->conflict, wanted, count, app->pool, &app->arena, err);
}

int app_look(struct app *app, const char **targets, size_t count, struct look *look, struct err *err)
{
	*look = (struct look){ 0 };
	if (app_site(app, targets, count, &look->site, err) < 0)
		return -1;
	if (locate(&look->finding, &look->site, app_judge(app), app->scopes, app->scope_count, &app->arena, err) < 0)
		return -1;
	return refuse_blind(look, err);
}

static void show_compilation(void *ctx, const char *name)
{
	const struct app *app = ctx;

	report_progress(app->report.progress, name);
}

struct judge *app_judge(struct app *app)
{
	if (!app->judge) {
		app->judge = judge_new(&app->root, app->parser, app->features, &app->arena);
		judge_watch(app->judge, &(struct compile_watch){ show_compilation, app });
	}
	return app->judge;
}

int app_compiler(struct app *app, struct compiler *out, struct err *err)
{
	if (compiler_init(out, &app->root, app->parser, app->features, &app->arena, err) < 0)
		return -1;
	out->watch = (struct compile_watch){ show_compilation, app };
	return 0;
}

/* A generated text, for want of any other: the one beside the conflict files, else what was built in. */
static struct slice sample_of(struct app *app)
{
	const char *dir = app->patches ? arena_printf(&app->arena, "%s/..", app->patches) : NESTFIX_DATADIR;
	AUTOROOT machine = { .fd = -1 };
	struct file file;

	if (root_open(&machine, "/", NULL) < 0)
		return app_builtin_sample();
	machine.anybody = app->patches != NULL;
	if (fsio_read(&machine, arena_printf(&app->arena, "%s/profiles/lxc-generated-sample", dir), CONFLICT_LIMIT,
		      &app->arena, &file, NULL) < 0)
		return app_builtin_sample();
	return file.bytes;
}

static bool is_by_container(const struct site *site)
{
	for (size_t i = 0; i < site->target_count; i++)
		if (!site->targets[i].found)
			return false;
	return site->host.count > 0;
}

int app_foresee(struct app *app, const struct look *look, const struct container *after, struct verdict *out,
		struct err *err)
{
	return verdict_foresee(out, &look->site, &look->finding, app_judge(app), sample_of(app), after, &app->arena,
			       err);
}

int app_verdicts(struct app *app, struct look *look, struct err *err)
{
	look->by_container = is_by_container(&look->site);
	return verdict_judge(&look->verdicts, &look->site, &look->finding, app_judge(app), sample_of(app), &app->arena,
			     err);
}

static bool is_over(const struct app *app, const struct site *site, const struct finding *finding)
{
	return app->own_files && site->target_count == 0 && lasting_is_over(site, finding);
}

static int plan_dropin(struct app *app, const struct look *look, struct plan *plan, struct err *err)
{
	if (is_over(app, &look->site, &look->finding)) {
		lasting_retire(&plan->patch, &app->arena);
		return 0;
	}
	return lasting_plan(&plan->patch, &plan->compiler, sample_of(app), &plan->note, &app->arena, err);
}

static bool is_curable(const struct finding *finding)
{
	for (size_t i = 0; i < finding->case_count; i++)
		if (finding->cases[i].state == LOCATE_BLOCKED)
			return true;
	return false;
}

static bool may_need_dropin(const struct verdict *v)
{
	const struct container *c = v->container;

	if (!discover_is_liblxc(c))
		return false;
	if (v->next.word == VERDICT_OFF)
		return true; /* harden comes next */
	return c->origin == CONTAINER_GENERATED && v->counts &&
	       (v->now.ruled || v->next.ruled || v->next.word == VERDICT_UNKNOWN);
}

/* Does a container that counts, or a new one, need the drop-in? */
static bool needs_dropin(const struct look *look, const struct finding *finding)
{
	bool any = !look->by_container;

	for (size_t i = 0; i < look->verdicts.count; i++)
		any = any || may_need_dropin(&look->verdicts.list[i]);
	any = any || (look->verdicts.fresh && may_need_dropin(look->verdicts.fresh));
	return any && lasting_is_needed(&look->site, finding);
}

int app_plan(struct app *app, const struct look *look, const struct finding *finding, struct plan *plan,
	     struct err *err)
{
	/* one that is there may have to take another form by now */
	bool dropin = look->site.dropin.mode != DROPIN_NONE || needs_dropin(look, finding);
	const struct compiler *compiler;

	*plan = (struct plan){ 0 };
	if (discover_knows_host(&look->site, err) < 0)
		return -1;
	if (rewrite(&plan->patch, &look->site, finding, &app->arena, err) < 0) {
		if (!dropin || is_curable(finding))
			return -1;
		err_clear(err); /* what cannot be cured does not stop the cure of generated profiles */
	}
	plan->patch.asked = app->asked;
	plan->patch.asked_count = app->asked_count;
	plan->patch.lasts = !needs_dropin(look, finding);
	plan->patch.reload = app->reload;
	if (plan->patch.file_count == 0 && !dropin)
		return 0;
	compiler = judge_compiler(app_judge(app), err);
	if (!compiler)
		return -1;
	plan->compiler = *compiler;
	if (plan_dropin(app, look, plan, err) < 0)
		return -1;
	return 0;
}

int app_prove(struct app *app, struct plan *plan, struct err *err)
{
	return prove_patch(&plan->proof, &plan->patch, &plan->compiler, &app->arena, &plan->policies,
			   &plan->policy_count, err);
}

int app_lock(struct app *app, struct err *err)
{
	return commit_lock(&app->root, &app->lock, err);
}

void app_unlock(struct app *app)
{
	fsio_close(&app->lock);
}

void app_done(struct app *app, const struct receipt *receipt, const char *words)
{
	struct report_done *done = ARENA_NEW(&app->arena, struct report_done);
	struct receipt *kept = ARENA_NEW(&app->arena, struct receipt);

	*kept = *receipt;
	*done = (struct report_done){ app->command->name, words, kept };
	app->done = done;
}

int app_commit(struct app *app, const struct plan *plan, const struct kernel *kernel, struct receipt *receipt,
	       struct err *err)
{
	int status;

	if (app_lock(app, err) < 0)
		return -1;
	status = commit_proof(plan->proof, kernel, app->lock, &app->arena, receipt, err);
	app_unlock(app);
	if (status == 0)
		app_done(app, receipt, arena_printf(&app->arena, "change %s is in force", receipt->backup_id));
	return status;
}
