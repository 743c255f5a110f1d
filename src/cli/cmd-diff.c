/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "app.h"

static int diff(struct app *app, const struct look *look, struct err *err)
{
	struct plan plan;
	bool planned = app_plan(app, look, app_finding(app, look), &plan, err) == 0;

	if (plan.note)
		report_note(&app->report, "%s", plan.note);
	if (planned && plan.patch.dropin_why)
		report_note(&app->report, "%s", plan.patch.dropin_why);
	if (planned && plan.patch.file_count == 0) {
		report_nothing_to_fix(&app->report, "diff", &look->finding, app_because(app, look), NULL);
		return 0;
	}
	planned = planned && app_prove(app, &plan, err) == 0;
	/* a refused change is shown, too: what it would have changed is the reason */
	if (planned || plan.policy_count > 0)
		report_diff(&app->report, &plan.patch, plan.policies, plan.policy_count, planned ? plan.proof : NULL);
	return planned ? 1 : -1;
}

int cmd_diff(struct app *app, struct err *err)
{
	struct look look;
	int status = -1;

	if (app_stand(app, err) < 0)
		return -1;
	if (app_look(app, app->args, app->arg_count, &look, err) == 0 && app_verdicts(app, &look, err) == 0)
		status = diff(app, &look, err);
	return status;
}
