/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "app.h"

typedef VEC(const struct judge_question *) question_vec;

static void ask(struct app *app, const struct site *site, const struct conflict_access *access, question_vec *out)
{
	for (size_t i = 0; i < site->policy_count; i++) {
		const struct site_policy *sp = site->policies[i];

		for (size_t p = 0; p < sp->policy.count; p++)
			if (discover_wants(site, sp, &sp->policy.profiles[p]))
				VEC_PUSH(&app->arena, out,
					 judge_add(app_judge(app), &sp->policy, &sp->policy.profiles[p], sp->container,
						   access, 1));
	}
}

/* Keeps what was answered. What the parser refuses is said in its own words, once a policy. */
static int keep_answered(struct app *app, const struct site *site, question_vec *questions, struct err *err)
{
	const struct policy *told = NULL;
	size_t kept = 0;

	for (size_t i = 0; i < questions->len; i++) {
		const struct judge_question *q = questions->ptr[i];

		if (q->answers)
			questions->ptr[kept++] = q;
		else if (err_is_set(&q->err) && q->policy != told)
			report_note(&app->report, "skipped: %s", q->err.text);
		if (err_is_set(&q->err))
			told = q->policy;
		if (err_is_set(&q->unsure))
			report_note(&app->report, "%s", q->unsure.text);
	}
	if (kept == 0 && questions->len > 0 && err_is_set(&questions->ptr[0]->err))
		*err = questions->ptr[0]->err;
	else if (kept == 0 && site->skipped_count > 0)
		*err = site->skipped[0].err;
	questions->len = kept;
	return err_is_set(err) ? -1 : 0;
}

int cmd_explain(struct app *app, struct err *err)
{
	struct conflict_access access = { .perms = PERM_W };
	struct slice letters = SLICE("w");
	question_vec questions = { 0 };
	struct site site;
	size_t used = 1;

	if (app->arg_count == 0 || app->args[0][0] != '/')
		return err_put(err, ERR_USAGE, "explain needs a path: aa-nestfix explain PATH [PERM] [TARGET...]");
	access.path = slice_of(app->args[0]);
	if (app->arg_count > 1 && *app->args[1] && conflict_perms(slice_of(app->args[1]), &access.perms)) {
		letters = slice_of(app->args[1]);
		used = 2;
	}
	if (app_site(app, app->args + used, app->arg_count - used, &site, err) < 0) {
		if (err->kind == ERR_USAGE && used == 1 && app->arg_count > 1 && !strpbrk(app->args[1], "/:")) {
			err_clear(err);
			return err_put(err, ERR_USAGE,
				       "unknown permission '%s', and no container of that name: use letters of r w a m "
				       "k l x",
				       app->args[1]);
		}
		return -1;
	}
	ask(app, &site, &access, &questions);
	if (judge_run(app_judge(app), err) < 0 || keep_answered(app, &site, &questions, err) < 0)
		return -1;
	report_explain(&app->report, letters, questions.ptr, questions.len);
	return 0;
}
