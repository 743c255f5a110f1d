/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "app.h"

/* A parser that was downgraded since no longer takes the drop-in, and then no container starts; or a container got a
 * line of its own since, which the drop-in's rules beat. */
static bool has_bad_dropin(struct app *app, const struct look *look)
{
	const struct compiler *compiler;
	struct lasting_loss loss;

	if (look->site.dropin.mode == DROPIN_NONE)
		return false;
	compiler = judge_compiler(app_judge(app), NULL);
	if (!compiler)
		return false;
	if (lasting_is_dangerous(&look->site, compiler, &app->arena, NULL) > 0) {
		report_note(&app->report,
			    "DANGER: '" DROPIN_PATH
			    "' holds rules that this apparmor_parser (%s) does not take, so no container "
			    "with a generated profile will start; repair it now: %s fix, or rm " DROPIN_PATH,
			    compiler->version, app->report.self);
		return true;
	}
	if (lasting_takes(&look->site, compiler, &loss, &app->arena, NULL) <= 0)
		return false;
	report_note(&app->report, "'" DROPIN_PATH "' takes something away: %s, which its rules beat; mend it: %s fix",
		    lasting_loss_words(&loss, &app->arena), app->report.self);
	return true;
}

static bool is_found(struct app *app, const struct look *look)
{
	return has_bad_dropin(app, look) || look->finding.worst != LOCATE_ALLOWED ||
	       lasting_is_needed(&look->site, &look->finding) || app_is_obstructed(look);
}

int cmd_check(struct app *app, struct err *err)
{
	struct report_offer *offers;
	const char *unfinished;
	size_t offer_count;
	struct look look;
	int status = -1;

	if (!app->scope_names && app_stand(app, err) < 0)
		return -1;
	if (app_look(app, app->args, app->arg_count, &look, err) == 0 &&
	    commit_unfinished(&app->root, &app->arena, &unfinished, err) == 0) {
		app_obstacles(app, &look);
		app_over(app, &look, &offers, &offer_count);
		report_check(&app->report, &look.site, &look.finding, unfinished, offers, offer_count);
		status = is_found(app, &look) || unfinished;
	}
	return status;
}
