/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <unistd.h>

#include "app.h"

int app_check_absent(struct app *app, struct err *err)
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

bool app_asks(const struct app *app)
{
	return !app->yes && !app->json && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

/* The first letter of the answer, or 'n'. */
static char answer_to(const struct app *app, const char *question)
{
	char answer[16];

	fputs(question, app->report.talk);
	fflush(app->report.talk);
	return fgets(answer, sizeof answer, stdin) ? answer[0] : 'n';
}

static bool is_yes(char answer)
{
	return answer == 'y' || answer == 'Y';
}

bool app_is_agreed(const struct app *app, const char *question)
{
	return !app_asks(app) || is_yes(answer_to(app, question));
}

/* Another root, or a kernel without AppArmor: text that Incus or LXD wrote can be cured nowhere but in a kernel. */
static bool is_useful(const struct plan *plan, const struct kernel *kernel)
{
	for (size_t i = 0; i < plan->patch.file_count; i++)
		if (plan->patch.files[i].kind != PATCH_LIVE && plan->patch.files[i].kind != PATCH_LOAD)
			return true;
	return kernel->state == KERNEL_READY;
}

static int useless(struct app *app, const struct look *look, const struct kernel *kernel, struct err *err)
{
	if (app->own_files) {
		report_nothing_to_fix(&app->report, "fix", &look->finding, app_because(app, look), NULL);
		return 0;
	}
	err_put(err, ERR_REFUSED, "cannot cure generated profiles here: nothing that lasts can be written (%s)",
		kernel_state_words(kernel->state));
	return err_hint(err, "run '%s check' for what each container needs", app->report.self);
}

/* A fix that has nothing to write; what else stops runc is told all the same. */
static int nothing_to_do(struct app *app, struct look *look, const struct plan *plan)
{
	struct remains remains = { 0 };

	app_remains(app, look, plan->note, NULL, &remains);
	report_nothing_to_fix(&app->report, "fix", &look->finding, app_because(app, look), &remains);
	return remains.count > 0;
}

/* A policy that was left as it is in the kernel is not cured by the same command again. */
static void advise_reload(struct look *after, const struct plan *plan)
{
	for (size_t i = 0; i < plan->policy_count; i++) {
		const struct container *c = discover_container(plan->patch.site, plan->policies[i].policy);

		for (size_t k = 0; c && plan->policies[i].skipped && k < after->verdicts.count; k++)
			if (slice_eq(after->verdicts.list[k].container->title, c->title) &&
			    after->verdicts.list[k].now.word == VERDICT_STOPPED)
				after->verdicts.list[k].advice = VERDICT_RELOAD;
	}
}

/* The change is made: whatever the second look meets, it only adds to what is said. */
static int look_again(struct app *app, const struct plan *plan, const struct receipt *receipt)
{
	struct remains remains = { 0 };
	struct err trouble = { 0 };
	struct report_seen what;
	struct look after;
	bool seen;

	app_know(app, plan);
	seen = app_look(app, app->args, app->arg_count, &after, &trouble) == 0;
	if (seen) {
		app_obstacles(app, &after);
		seen = app_verdicts(app, &after, &trouble) == 0;
		advise_reload(&after, plan);
	}
	if (!seen) {
		err_wrap(&trouble, "the host could not be looked at again");
		remains_add(&remains, arena_str(&app->arena, slice_of(trouble.text)), &app->arena);
	}
	for (size_t i = 0; i < plan->policy_count; i++)
		if (plan->policies[i].skipped)
			remains_add(&remains, plan->policies[i].skipped, &app->arena);
	app_remains(app, seen ? &after : NULL, plan->note, receipt, &remains);
	what = (struct report_seen){ .site = &after.site,
				     .finding = &after.finding,
				     .verdicts = &after.verdicts,
				     .by_container = after.by_container };
	report_fix(&app->report, &(struct report_fixed){ &plan->patch, plan->policies, plan->policy_count, plan->proof,
							 receipt, seen ? &what : NULL, &remains, app_asks(app) });
	if (!seen)
		report_afterwards(&app->report, app->done, &trouble);
	return remains.count > 0;
}

static int apply(struct app *app, const struct plan *plan, const struct kernel *kernel, struct err *err)
{
	struct receipt receipt;

	if (commit_proof(plan->proof, kernel, app->lock, &app->arena, &receipt, err) < 0)
		return -1;
	app_done(app, &receipt,
		 receipt.backup_id ? arena_printf(&app->arena, "change %s is in force", receipt.backup_id)
				   : "the policy on disk is in force");
	if (plan->patch.dropin_why && !app_asks(app)) /* else it was said before the question */
		report_note(&app->report, "%s", plan->patch.dropin_why);
	return look_again(app, plan, &receipt);
}

/* What a killed run left is finished or undone before anything is looked at: the look would see its files. */
int app_recover(struct app *app, struct err *err)
{
	struct undo_ground ground;
	struct compiler compiler;
	struct kernel kernel;
	const char *words;

	if (commit_unfinished(&app->root, &app->arena, &words, err) < 0)
		return -1;
	if (words) {
		app_ground(app, &ground);
		if (app_compiler(app, &compiler, err) < 0)
			return -1;
		kernel_open(&kernel, &app->root, NULL, &app->arena);
		if (commit_recover(&compiler, &kernel, &ground, &app->arena, &words, err) < 0)
			return -1;
		report_note(&app->report, "%s", words);
	}
	return 0;
}

/* Would both write the same? */
static bool same_patch(const struct patch *a, const struct patch *b)
{
	if (a->file_count != b->file_count || a->policy_count != b->policy_count)
		return false;
	for (size_t i = 0; i < a->file_count; i++)
		if (strcmp(patch_path(&a->files[i]), patch_path(&b->files[i])) != 0 ||
		    a->files[i].removed != b->files[i].removed || !slice_eq(a->files[i].old, b->files[i].old) ||
		    !slice_eq(a->files[i].new_, b->files[i].new_))
			return false;
	return true;
}

static int refuse_other(struct err *err)
{
	err_put(err, ERR_REFUSED, "cannot make this change: the host is another than when it was shown");
	return err_hint(err, "try again: the change is then planned anew");
}

static int plan_it(struct app *app, struct look *look, struct plan *plan, struct err *err)
{
	if (app_stand(app, err) < 0 || app_look(app, app->args, app->arg_count, look, err) < 0 ||
	    app_check_absent(app, err) < 0)
		return -1;
	app_obstacles(app, look);
	if (app_verdicts(app, look, err) < 0)
		return -1;
	return app_plan(app, look, app_finding(app, look), plan, err);
}

/* Under the lock; `shown` is what was agreed to, or NULL: nobody was asked. */
static int fix_locked(struct app *app, const struct kernel *kernel, const struct plan *shown, struct err *err)
{
	struct look look = { 0 };
	struct plan plan;
	int status = -1;

	if (plan_it(app, &look, &plan, err) == 0) {
		if (shown && !same_patch(&shown->patch, &plan.patch))
			refuse_other(err);
		else if (plan.patch.file_count == 0)
			status = nothing_to_do(app, &look, &plan);
		else if (app_prove(app, &plan, err) == 0)
			status = apply(app, &plan, kernel, err);
	}
	return status;
}

static int ask(struct app *app, struct plan *plan, struct err *err)
{
	char answer;

	if (app_prove(app, plan, err) < 0)
		return -1;
	if (plan->note)
		report_note(&app->report, "%s", plan->note);
	if (plan->patch.dropin_why)
		report_note(&app->report, "%s", plan->patch.dropin_why);
	report_summary(&app->report, &plan->patch, plan->policies, plan->policy_count);
	do {
		answer = answer_to(app, "Write this change? [y/N/d] ");
		if (answer == 'd')
			report_diff(&app->report, &plan->patch, plan->policies, plan->policy_count, plan->proof);
	} while (answer == 'd');
	if (!is_yes(answer))
		return err_put(err, ERR_REFUSED, "nothing was changed: the answer was no");
	return 0;
}

static int fix(struct app *app, struct look *look, struct err *err)
{
	struct kernel kernel;
	struct plan plan;
	int status;

	if (plan_it(app, look, &plan, err) < 0)
		return -1;
	if (plan.patch.file_count == 0)
		return nothing_to_do(app, look, &plan);
	kernel_open(&kernel, &app->root, NULL, &app->arena);
	if (!is_useful(&plan, &kernel)) {
		if (plan.note)
			report_note(&app->report, "%s", plan.note);
		return useless(app, look, &kernel, err);
	}
	if (app_asks(app) && ask(app, &plan, err) < 0)
		return -1;
	if (app_lock(app, err) < 0)
		return -1;
	status = fix_locked(app, &kernel, app_asks(app) ? &plan : NULL, err);
	app_unlock(app);
	return status;
}

int cmd_fix(struct app *app, struct err *err)
{
	struct look look = { 0 };
	int status;

	if (app->own_files && app->change != CHANGE_POLICY)
		return err_put(err, ERR_USAGE,
			       "--own-files leaves the configuration of containers alone, which %s changes",
			       app->change == CHANGE_PROFILE ? "--profile-for"
			       : app->change == CHANGE_ONLY  ? "--only"
							     : "--pve-hookscript");
	if (app_recover(app, err) < 0)
		return -1;
	if (app->change != CHANGE_POLICY)
		return cmd_switch(app, err);
	status = fix(app, &look, err);
	return status;
}
