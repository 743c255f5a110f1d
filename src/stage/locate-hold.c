/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * locate-hold: rules that are held back, since their file is read for a policy that nobody can prove.
 *
 * A policy that cannot be read, or that the parser refuses, does not come into force from the disk. What the kernel has
 * of it is of an earlier text, and what an edit would do to it the day that it is mended, nobody knows. So no file is
 * edited that it could include; all others are.
 */
#include "locate-internal.h"

static void hold(struct culprit *culprit, const char *reader, const char *what, const struct err *err,
		 struct arena *arena)
{
	culprit->why = arena_printf(arena, "stands in a file that '%s' %s: %s", reader, what, err->text);
	culprit->hint = arena_printf(arena, "%s", err->hint[0] ? err->hint : "mend that policy, or move it away");
}

/* The first of its file's readers that cannot be proved. */
static void ask_readers(struct culprit *culprit, const struct site *site, struct judge *judge, struct arena *arena)
{
	struct site_reader *readers;
	size_t count = discover_readers(site, culprit->rule->source->path, &readers);

	for (size_t i = 0; i < count && !culprit->why; i++) {
		const struct site_policy *sp = readers[i].policy;
		struct err err = { 0 };

		if (readers[i].err)
			hold(culprit, readers[i].path, "may include, too; nobody can prove that policy", readers[i].err,
			     arena);
		else if (judge_takes(judge, &sp->policy, sp->container, &err) < 0)
			hold(culprit, readers[i].path, "may include, too; the parser refuses that policy", &err, arena);
	}
}

static bool is_generated(const struct site *site, const struct policy_source *source)
{
	for (size_t i = 0; i < site->policy_count; i++)
		if (site->policies[i]->container && site->policies[i]->policy.sources[0] == source)
			return true;
	return false;
}

void locate_hold_back(struct finding *finding, const struct site *site, struct judge *judge, struct arena *arena)
{
	for (size_t i = 0; i < finding->culprit_count; i++) {
		struct culprit *culprit = finding->culprits[i];

		if (!culprit->why && !is_generated(site, culprit->rule->source))
			ask_readers(culprit, site, judge, arena);
	}
	for (size_t i = 0; i < finding->case_count; i++) {
		struct locate_case *c = &finding->cases[i];

		for (size_t k = 0; c->state == LOCATE_BLOCKED && k < c->culprit_count; k++)
			if (c->culprits[k]->why)
				c->state = LOCATE_FIXED;
		if (c->state == LOCATE_FIXED && finding->worst < LOCATE_FIXED)
			finding->worst = LOCATE_FIXED;
	}
}
