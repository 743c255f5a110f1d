/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "app.h"

/* The verdict for everybody, with the rule of the half that is refused where they differ. */
static int explain_one(struct app *app, struct policy_profile *profile, struct slice path, uint32_t perms,
		       struct report_verdict *out, struct err *err)
{
	struct policy_verdict owner, other;

	if (policy_prepare(profile, app->pool, &app->arena, err) < 0)
		return -1;
	policy_decide(profile, path, perms, AUTOMATON_USER, NULL, &owner, &app->arena);
	policy_decide(profile, path, perms, AUTOMATON_OTHER, NULL, &other, &app->arena);
	*out = (struct report_verdict){
		.profile = profile,
		.allowed = other.allowed,
		.owner_allowed = owner.allowed,
		.rule = other.rule ? other.rule : owner.rule,
	};
	return 0;
}

static int explain(struct app *app, const struct look *look, struct slice path, struct slice letters, uint32_t perms,
		   struct err *err)
{
	VEC(struct report_verdict) verdicts = { 0 };

	for (size_t i = 0; i < look->site.policy_count; i++) {
		struct site_policy *sp = look->site.policies[i];

		for (size_t p = 0; p < sp->policy.count; p++) {
			struct report_verdict verdict;

			if (!discover_wants(&look->site, sp, &sp->policy.profiles[p]))
				continue;
			if (explain_one(app, &sp->policy.profiles[p], path, perms, &verdict, err) < 0)
				return -1;
			VEC_PUSH(&app->arena, &verdicts, verdict);
		}
	}
	report_explain(&app->report, path, letters, verdicts.ptr, verdicts.len);
	return 0;
}

int cmd_explain(struct app *app, struct err *err)
{
	struct slice path, letters = SLICE("w");
	uint32_t perms = PERM_W;
	struct look look;
	size_t used = 1;
	int status = -1;

	if (app->arg_count == 0 || app->args[0][0] != '/')
		return err_put(err, ERR_USAGE, "explain needs a path: aa-nestfix explain PATH [PERM] [TARGET...]");
	path = slice_of(app->args[0]);
	if (app->arg_count > 1 && !strpbrk(app->args[1], "/:")) {
		letters = slice_of(app->args[1]);
		if (letters.len == 0 || !conflict_perms(letters, &perms))
			return err_put(err, ERR_USAGE, "unknown permission '%s': use letters of r w a m k l x",
				       app->args[1]);
		used = 2;
	}
	if (app_look(app, app->args + used, app->arg_count - used, &look, err) == 0)
		status = explain(app, &look, path, letters, perms, err);
	look_release(&look);
	return status;
}
