/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "app.h"

static int list(struct app *app, struct err *err)
{
	struct report_list seen = { 0 };
	struct err trouble = { 0 };
	struct backup *backups;
	struct site site;

	if (backup_list(&app->root, &app->arena, &backups, &seen.backup_count, err) < 0)
		return -1;
	seen.backups = backups;
	if (app_site(app, NULL, 0, &site, &trouble) < 0 ||
	    hold_list(&seen.holds, &seen.hold_count, &site, backups, seen.backup_count, &app->arena, &trouble) < 0)
		report_note(&app->report, "it is not known what is given back now: %s", trouble.text);
	else
		hold_in_kernel(&seen.loaded, &seen.loaded_count, &site, seen.holds, seen.hold_count, &app->arena);
	report_backups(&app->report, &seen);
	return 0;
}

static int usage(struct app *app, struct err *err)
{
	err_put(err, ERR_USAGE, "rollback takes one ID, or --to ID, or --all");
	return err_hint(err, "see the list: %s rollback --list", app->report.self);
}

typedef VEC(struct backup) backup_vec;

/* What would be undone, newest first, as commit_rollback chooses; nothing where it will refuse. */
static int choose(struct app *app, enum commit_back which, const char *id, backup_vec *out, struct err *err)
{
	struct backup *list;
	bool reached = which != COMMIT_BACK_TO;
	size_t count;

	if (backup_list(&app->root, &app->arena, &list, &count, err) < 0)
		return -1;
	for (size_t i = count; i > 0; i--) {
		const struct backup *b = &list[i - 1];
		bool is_named = id && strcmp(b->id, id) == 0;

		if (which == COMMIT_BACK_ONE && !is_named)
			continue;
		reached = reached || (is_named && b->state == BACKUP_IN_FORCE);
		if (b->state == BACKUP_DAMAGED)
			reached = false;
		if (b->state == BACKUP_DAMAGED || (which == COMMIT_BACK_TO && is_named))
			break;
		if (b->state == BACKUP_IN_FORCE)
			VEC_PUSH(&app->arena, out, *b);
		if (which == COMMIT_BACK_LAST && out->len > 0)
			break;
	}
	out->len = reached ? out->len : 0;
	return 0;
}

/* The last change is named from then on: another may be made while somebody thinks. */
static int ask(struct app *app, enum commit_back *which, const char **id, struct err *err)
{
	backup_vec chosen = { 0 };

	if (choose(app, *which, *id, &chosen, err) < 0)
		return -1;
	if (chosen.len == 0)
		return 0; /* what is wrong is said by who refuses it */
	report_to_undo(&app->report, chosen.ptr, chosen.len);
	if (!app_is_agreed(app, "Undo this? [y/N] "))
		return err_put(err, ERR_REFUSED, "nothing was changed: the answer was no");
	if (*which == COMMIT_BACK_LAST) {
		*which = COMMIT_BACK_ONE;
		*id = chosen.ptr[0].id;
	}
	return 0;
}

int cmd_rollback(struct app *app, struct err *err)
{
	const char *id = app->back_to ? app->back_to : app->arg_count > 0 ? app->args[0] : NULL;
	enum commit_back which = id ? COMMIT_BACK_ONE : COMMIT_BACK_LAST;
	struct undo_ground ground;
	struct compiler compiler;
	struct kernel kernel;
	struct receipt receipt;
	AUTOBUF names = { 0 };

	if (app->arg_count + app->all + (app->back_to != NULL) + app->list > 1)
		return usage(app, err);
	if (app->list)
		return list(app, err);
	if (app->all || app->back_to)
		which = app->all ? COMMIT_BACK_ALL : COMMIT_BACK_TO;
	if (app_asks(app) && ask(app, &which, &id, err) < 0)
		return -1;
	app_ground(app, &ground);
	ground.reload = app->reload;
	if (app_compiler(app, &compiler, err) < 0)
		return -1;
	kernel_open(&kernel, &app->root, NULL, &app->arena);
	if (commit_rollback(&compiler, &kernel, &ground, which, id, &app->arena, &receipt, err) < 0)
		return -1;
	report_undone(&receipt, &names);
	app_done(app, &receipt,
		 arena_printf(&app->arena, "%s %s undone", buf_str(&names), receipt.undone_count > 1 ? "are" : "is"));
	report_rollback(&app->report, &receipt);
	return 0;
}
