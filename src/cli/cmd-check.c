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

static bool is_found(struct app *app, const struct look *look, const struct report_seen *seen)
{
	if (has_bad_dropin(app, look) || seen->unfinished || verdict_is_found(&look->verdicts))
		return true;
	return !seen->by_container && (look->finding.worst != LOCATE_ALLOWED ||
				       lasting_is_needed(&look->site, &look->finding) || app_is_obstructed(look));
}

/* Asked only where an instance of Incus or LXD is to be advised: it costs a run of the parser. */
static void ask_priorities(struct app *app, const struct look *look)
{
	const struct compiler *compiler = judge_compiler(app_judge(app), NULL);
	bool needed = false;

	for (size_t i = 0; i < look->verdicts.count; i++)
		needed = needed || look->verdicts.list[i].advice == VERDICT_UPDATE;
	app->report.has_priorities = needed && compiler && compile_knows_priority(compiler, &app->arena, NULL) > 0;
}

/* What binds nobody is said first: all else is about the files, until AppArmor is on. */
static bool is_off(struct app *app)
{
	struct kernel kernel;

	kernel_open(&kernel, &app->root, NULL, &app->arena);
	return kernel.state == KERNEL_NO_APPARMOR;
}

/* The files of containers are read only where that was asked for. */
static void look_into(struct app *app, const struct look *look, struct report_seen *seen)
{
	VEC(struct report_guest) list = { 0 };

	for (size_t i = 0; app->verbose && i < look->verdicts.count; i++) {
		struct report_guest g = { .container = look->verdicts.list[i].container };
		struct guest_package *packages;

		g.count = guest_packages(&packages, &app->root, g.container, &app->arena);
		g.packages = packages;
		if (g.count > 0)
			VEC_PUSH(&app->arena, &list, g);
	}
	seen->guests = list.ptr;
	seen->guest_count = list.len;
}

int cmd_check(struct app *app, struct err *err)
{
	struct report_offer *offers;
	struct patched *patched;
	struct report_seen seen = { 0 };
	struct look look;

	if (!app->scope_names && app_stand(app, err) < 0)
		return -1;
	if (app_look(app, app->args, app->arg_count, &look, err) < 0 ||
	    commit_unfinished(&app->root, &app->arena, &seen.unfinished, err) < 0)
		return -1;
	app_obstacles(app, &look);
	if (app_verdicts(app, &look, err) < 0)
		return -1;
	ask_priorities(app, &look);
	app_over(app, &look, &offers, &seen.offer_count);
	seen.site = &look.site;
	seen.finding = &look.finding;
	seen.verdicts = &look.verdicts;
	seen.offers = offers;
	seen.by_container = look.by_container;
	seen.patched_count = patched_find(&patched, &app->root, &app->arena);
	seen.patched = patched;
	look_into(app, &look, &seen);
	seen.is_off = is_off(app);
	seen.is_guest = look.site.host.count == 0 && app->arg_count == 0 && app_is_guest(app);
	if (seen.is_guest)
		seen.guest = app_guest_meets(app, &seen.guest_err);
	seen.found = seen.is_guest ? seen.guest != PROBE_SELF_WORKS : is_found(app, &look, &seen);
	report_check(&app->report, &seen);
	return seen.found;
}
