/* SPDX-License-Identifier: GPL-2.0-or-later */
/* app-remains: what still stops runc when a command is through. */
#include <nestfix/obstacle.h>

#include "app.h"

static void add(struct app *app, struct remains *out, const char *text)
{
	remains_add(out, text, &app->arena);
}

static bool was_told(const struct finding *finding, size_t case_index, const struct culprit *culprit)
{
	for (size_t i = 0; i < case_index; i++)
		for (size_t c = 0; finding->cases[i].state != LOCATE_ALLOWED && c < finding->cases[i].culprit_count;
		     c++)
			if (finding->cases[i].culprits[c] == culprit)
				return true;
	return false;
}

/* Of a policy that the parser refuses nothing is known; once a policy. */
static void add_unknown(struct app *app, const struct finding *finding, size_t i, struct remains *out)
{
	const struct locate_case *c = &finding->cases[i];
	bool again = i > 0 && finding->cases[i - 1].policy == c->policy && finding->cases[i - 1].state == c->state;

	if (c->state == LOCATE_UNKNOWN && !again)
		add(app, out, c->reason);
	if (c->state == LOCATE_UNLOADED && !again)
		add(app, out,
		    arena_printf(&app->arena,
				 "'%s' is cured on disk, but the kernel holds another policy: %s --reload fix",
				 c->policy->path, app->report.self));
	if (c->state == LOCATE_INCOMPLETE && c->culprit_count == 0)
		add(app, out,
		    arena_printf(&app->arena, "writing %.*s is denied, and not by a rule that was found (profile %.*s)",
				 SLICE_FMT(c->witness), SLICE_FMT(c->profile->name)));
}

/* Each rule once, with the reason why it is still there. */
static void add_rules(struct app *app, const struct finding *finding, struct remains *out)
{
	for (size_t i = 0; i < finding->case_count; i++) {
		const struct locate_case *c = &finding->cases[i];

		for (size_t k = 0; c->state != LOCATE_ALLOWED && k < c->culprit_count; k++)
			if (!was_told(finding, i, c->culprits[k]))
				add(app, out, report_culprit(c, c->culprits[k], &app->arena));
		add_unknown(app, finding, i, out);
	}
}

/* Does a container of this host wear the profile, or will it? What nobody wears stops nobody. */
static bool is_worn(const struct site *site, struct slice profile)
{
	for (size_t i = 0; i < site->host.count; i++)
		if (slice_eq(site->host.list[i].profile, profile))
			return true;
	for (size_t i = 0; i < site->policy_count; i++)
		if (site->policies[i]->container && policy_find(&site->policies[i]->policy, profile))
			return true;
	return false;
}

/* A profile that was named counts, whoever wears it. */
static bool counts(const struct look *look, const struct obstacle *o)
{
	return look->site.target_count > 0 || is_worn(&look->site, o->profile);
}

bool app_is_obstructed(const struct look *look)
{
	const struct obstacles *found = look->finding.obstacles;

	for (size_t i = 0; found && i < found->count; i++)
		if (counts(look, &found->list[i]))
			return true;
	return false;
}

static void add_obstacles(struct app *app, const struct look *look, struct remains *out)
{
	const struct obstacles *found = look->finding.obstacles;

	for (size_t i = 0; found && i < found->count; i++)
		if (counts(look, &found->list[i]))
			add(app, out,
			    arena_printf(&app->arena, "still in the way: %.*s is refused (profile %.*s)",
					 SLICE_FMT(found->list[i].needs[0]->text), SLICE_FMT(found->list[i].profile)));
}

enum { NAMED = 12 }; /* containers that are named; the others are counted */

/* Each container in which Docker will not run, with what to type. */
static void add_containers(struct app *app, const struct look *look, struct remains *out)
{
	const struct verdicts *v = &look->verdicts;
	size_t named = 0;

	for (size_t i = 0; i < v->count; i++)
		if (v->list[i].counts && named++ < NAMED)
			add(app, out, report_stopped(&app->report, &look->site, &look->finding, v, &v->list[i]));
	if (named > NAMED)
		add(app, out, arena_printf(&app->arena, "and %zu more: %s check", named - NAMED, app->report.self));
	if (v->fresh && v->fresh->counts)
		add(app, out, report_stopped(&app->report, &look->site, &look->finding, v, v->fresh));
}

void app_remains(struct app *app, const struct look *look, const char *note, const struct receipt *receipt,
		 struct remains *out)
{
	if (receipt && (receipt->kernel == KERNEL_HIDDEN || receipt->kernel == KERNEL_DENIED))
		add(app, out,
		    arena_printf(&app->arena, "the kernel holds the old policy until it boots anew: %s",
				 kernel_state_words(receipt->kernel)));
	if (look && (!look->by_container || app->profiles))
		add_rules(app, app_finding(app, look), out);
	if (note)
		add(app, out, note);
	if (!look || app->own_files)
		return; /* what is left stands in files of other packages */
	if (look->by_container) {
		add_containers(app, look, out);
		return;
	}
	add_obstacles(app, look, out);
	out->obstructed = app_is_obstructed(look);
}
