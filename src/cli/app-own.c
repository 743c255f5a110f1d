/* SPDX-License-Identifier: GPL-2.0-or-later */
/* app-own: what of a finding may be changed: not everything is ours, and not everything concerns somebody. */
#include "app.h"

/* Is each of its rules in a text that was generated for a container, which is loaded and never written? */
static bool is_ours(const struct look *look, const struct locate_case *c)
{
	if (!discover_container(&look->site, c->policy))
		return false;
	for (size_t i = 0; i < c->culprit_count; i++)
		if (c->culprits[i]->rule->source != c->policy->sources[0])
			return false;
	return true;
}

static bool has_culprit(const struct locate_case *cases, size_t count, const struct culprit *culprit)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < cases[i].culprit_count; k++)
			if (cases[i].culprits[k] == culprit)
				return true;
	return false;
}

/* Is it worn by a container in which the program is to run, or by one that stands in no list? */
static bool is_wanted(const struct look *look, struct slice profile)
{
	const struct container_host *host = &look->site.host;
	size_t labels = 0, seen = 0;

	for (size_t i = 0; i < look->verdicts.count; i++) {
		const struct verdict *v = &look->verdicts.list[i];
		bool wears = slice_eq(discover_label(v->container->label), profile);

		seen += wears;
		if (v->counts && v->advice != VERDICT_LINE && (wears || slice_eq(v->container->profile, profile)))
			return true;
	}
	for (size_t i = 0; i < host->label_count; i++)
		labels += slice_eq(discover_label(host->labels[i]), profile);
	return labels > seen || (look->verdicts.fresh && look->verdicts.fresh->counts &&
				 slice_eq(look->verdicts.fresh->container->profile, profile));
}

static bool counts(const struct look *look, const struct container *c)
{
	for (size_t i = 0; i < look->verdicts.count; i++)
		if (look->verdicts.list[i].container == c)
			return look->verdicts.list[i].counts;
	return false;
}

/* What no container needs changed is left as its package, or liblxc, made it. */
static bool concerns_somebody(const struct app *app, const struct look *look, const struct locate_case *c)
{
	const struct container *owner = discover_container(&look->site, c->policy);

	if (app->profiles || look->site.target_count > 0 || !look->by_container)
		return true;
	return owner ? counts(look, owner) : is_wanted(look, c->profile->name);
}

const struct finding *app_finding(struct app *app, const struct look *look)
{
	const struct finding *all = &look->finding;
	struct finding *own = ARENA_NEW(&app->arena, struct finding);

	*own = *all;
	own->cases = arena_array(&app->arena, all->case_count, sizeof *own->cases);
	own->culprits = arena_array(&app->arena, all->culprit_count, sizeof *own->culprits);
	own->case_count = own->culprit_count = 0;
	own->worst = LOCATE_ALLOWED;
	for (size_t i = 0; i < all->case_count; i++) {
		const struct locate_case *c = &all->cases[i];

		if ((app->own_files && !is_ours(look, c)) || !concerns_somebody(app, look, c))
			continue;
		own->cases[own->case_count++] = *c;
		if (c->state > own->worst && (c->state != LOCATE_NO_ALLOW || c->culprit_count > 0))
			own->worst = c->state;
	}
	for (size_t i = 0; i < all->culprit_count; i++)
		if (has_culprit(own->cases, own->case_count, all->culprits[i]))
			own->culprits[own->culprit_count++] = all->culprits[i];
	return own;
}

const char *app_because(const struct app *app, const struct look *look)
{
	if (app->own_files && look->finding.worst != LOCATE_ALLOWED)
		return "what is left stands in files of other packages";
	return look->by_container ? report_cure(&look->verdicts) : NULL;
}
