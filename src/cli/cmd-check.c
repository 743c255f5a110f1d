/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "app.h"

int cmd_check(struct app *app, struct err *err)
{
	const char *unfinished;
	struct look look;
	int status = -1;

	if (app_look(app, app->args, app->arg_count, &look, err) == 0 &&
	    commit_unfinished(&app->root, &app->arena, &unfinished, err) == 0) {
		app_obstacles(app, &look, NULL);
		report_check(&app->report, &look.site, &look.finding, unfinished);
		status = look.finding.worst != LOCATE_ALLOWED || unfinished;
	}
	look_release(&look);
	return status;
}
