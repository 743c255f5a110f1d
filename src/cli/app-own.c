/* SPDX-License-Identifier: GPL-2.0-or-later */
/* app-own: --own-files, for callers that may not edit files of other packages (a maintainer script). */
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

const struct finding *app_finding(struct app *app, const struct look *look)
{
	const struct finding *all = &look->finding;
	struct finding *own = ARENA_NEW(&app->arena, struct finding);

	if (!app->own_files)
		return all;
	*own = *all;
	own->cases = arena_array(&app->arena, all->case_count, sizeof *own->cases);
	own->culprits = arena_array(&app->arena, all->culprit_count, sizeof *own->culprits);
	own->case_count = own->culprit_count = 0;
	own->worst = LOCATE_ALLOWED;
	for (size_t i = 0; i < all->case_count; i++) {
		const struct locate_case *c = &all->cases[i];

		if (!is_ours(look, c))
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
