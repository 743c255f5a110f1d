/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <unistd.h>

#include "app.h"

/* What must not exist on this machine for the change to open nothing real: /sys/net is on no kernel's sysfs. */
static int check_absent(struct app *app, struct err *err)
{
	for (size_t i = 0; app->root.live && i < app->scope_count; i++) {
		const struct conflict_scope *scope = app->scopes[i];

		for (size_t a = 0; a < scope->absent_count; a++) {
			const char *path = arena_str(&app->arena, scope->absent[a]);

			if (access(path, F_OK) == 0)
				return err_put(err, ERR_REFUSED,
					       "cannot give back '%s': it exists on this machine, so the change would "
					       "open something real",
					       path);
		}
	}
	return 0;
}

bool app_is_agreed(const struct app *app)
{
	char answer[16];

	if (app->yes || app->json || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return true;
	fputs("Write this change? [y/N] ", app->report.talk);
	fflush(app->report.talk);
	return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* Another root, or a kernel without AppArmor: text that Incus or LXD wrote can be cured nowhere but in a kernel. */
static bool is_useful(const struct plan *plan, const struct kernel *kernel)
{
	for (size_t i = 0; i < plan->patch.file_count; i++)
		if (plan->patch.files[i].kind != PATCH_LIVE)
			return true;
	return kernel->state == KERNEL_READY;
}

static int refuse_useless(struct app *app, const struct kernel *kernel, struct err *err)
{
	err_put(err, ERR_REFUSED, "cannot cure generated profiles here: nothing that lasts can be written (%s)",
		kernel_state_words(kernel->state));
	return err_hint(err, "run '%s check' for what each container needs", app->report.self);
}

static int apply(struct app *app, const struct plan *plan, struct err *err)
{
	struct kernel kernel;
	struct receipt receipt;
	struct look after;
	int status = -1;

	kernel_open(&kernel, &app->root, NULL, &app->arena);
	if (!is_useful(plan, &kernel)) {
		if (!app->own_files)
			return refuse_useless(app, &kernel, err);
		report_nothing_to_fix(&app->report, "fix", plan->patch.finding);
		return 0;
	}
	if (commit_proof(plan->proof, &kernel, -1, &app->arena, &receipt, err) < 0)
		return -1;
	if (app_look(app, app->args, app->arg_count, &after, err) == 0) {
		app_obstacles(app, &after, plan);
		report_fix(&app->report, &plan->patch, plan->policies, plan->policy_count, &receipt, &after.finding);
		status = app_finding(app, &after)->worst != LOCATE_ALLOWED;
	}
	look_release(&after);
	return status;
}

/* What a killed run left is finished or undone before anything is looked at: the look would see its files. */
int app_recover(struct app *app, struct err *err)
{
	struct compiler compiler;
	struct kernel kernel;
	const char *words;

	if (commit_unfinished(&app->root, &app->arena, &words, err) < 0)
		return -1;
	if (words) {
		if (compiler_init(&compiler, &app->root, app->parser, app->features, &app->arena, err) < 0)
			return -1;
		kernel_open(&kernel, &app->root, NULL, &app->arena);
		if (commit_recover(&compiler, &kernel, &app->arena, &words, err) < 0)
			return -1;
		report_note(&app->report, "%s", words);
	}
	return 0;
}

static int fix(struct app *app, const struct look *look, struct err *err)
{
	struct plan plan;

	if (check_absent(app, err) < 0 || app_plan(app, look, app_finding(app, look), &plan, err) < 0)
		return -1;
	if (plan.note)
		report_note(&app->report, "%s", plan.note);
	if (plan.patch.file_count == 0) {
		report_nothing_to_fix(&app->report, "fix", &look->finding);
		return 0;
	}
	if (!app->yes && !app->json && isatty(STDIN_FILENO))
		report_diff(&app->report, &plan.patch, plan.policies, plan.policy_count, true);
	if (!app_is_agreed(app))
		return err_put(err, ERR_REFUSED, "nothing was changed: the answer was no");
	return apply(app, &plan, err);
}

int cmd_fix(struct app *app, struct err *err)
{
	struct look look;
	int status = -1;

	if (app->own_files && app->change != CHANGE_POLICY)
		return err_put(err, ERR_USAGE,
			       "--own-files leaves the configuration of containers alone, which %s changes",
			       app->change == CHANGE_PROFILE ? "--profile-for" : "--pve-hookscript");
	if (app_recover(app, err) < 0)
		return -1;
	if (app->change != CHANGE_POLICY)
		return cmd_switch(app, err);
	if (app_look(app, app->args, app->arg_count, &look, err) == 0)
		status = fix(app, &look, err);
	look_release(&look);
	return status;
}
