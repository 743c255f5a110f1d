/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "app.h"

static int list(struct app *app, struct err *err)
{
	struct backup *backups;
	size_t count;

	if (backup_list(&app->root, &app->arena, &backups, &count, err) < 0)
		return -1;
	report_backups(&app->report, backups, count);
	return 0;
}

int cmd_rollback(struct app *app, struct err *err)
{
	struct compiler compiler;
	struct kernel kernel;
	struct receipt receipt;

	if (app->list)
		return list(app, err);
	if (app->arg_count > 1)
		return err_put(err, ERR_USAGE, "rollback takes one ID: %s rollback --list", app->report.self);
	if (compiler_init(&compiler, &app->root, app->parser, app->features, &app->arena, err) < 0)
		return -1;
	kernel_open(&kernel, &app->root, NULL, &app->arena);
	if (commit_rollback(&compiler, &kernel, app->arg_count ? app->args[0] : NULL, &app->arena, &receipt, err) < 0)
		return -1;
	app_done(app, &receipt, arena_printf(&app->arena, "change %s is undone", receipt.backup_id));
	report_rollback(&app->report, &receipt);
	return 0;
}
