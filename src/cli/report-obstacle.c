/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/obstacle.h>

#include "report-internal.h"

enum { SHOWN = 8 }; /* profiles; the others are counted */

static const char made_for_it[] = "lxc-container-nestfix"; /* profiles/lxc-container-nestfix */

json_t *report_json_obstacles(const struct obstacles *obstacles)
{
	json_t *array;

	if (!obstacles || (obstacles->asked == 0 && obstacles->unasked > 0))
		return json_null();
	array = json_array();
	for (size_t i = 0; i < obstacles->count; i++) {
		const struct obstacle *o = &obstacles->list[i];
		json_t *needs = json_array();

		for (size_t n = 0; n < o->need_count; n++)
			json_array_append_new(needs, report_json_text(o->needs[n]->text));
		json_array_append_new(array,
				      json_pack("{s:o,s:o}", "profile", report_json_text(o->profile), "needs", needs));
	}
	return array;
}

bool report_has_obstacles(const struct obstacles *obstacles)
{
	return obstacles && obstacles->count > 0;
}

/* Only the first need of a profile is shown: runc does not get further. */
void report_obstacles(const struct report *r, const struct obstacles *obstacles, const char *after)
{
	if (obstacles && obstacles->unasked > 0 && r->verbose)
		report_note(r, "other obstacles: %zu profile%s not looked at: %s", obstacles->unasked,
			    obstacles->unasked == 1 ? "" : "s", obstacles->reason.text);
	if (!report_has_obstacles(obstacles))
		return;
	for (size_t i = 0; i < obstacles->count && i < SHOWN; i++)
		report_print(r, "  still in the way: %.*s is refused (profile %.*s)\n",
			     SLICE_FMT(obstacles->list[i].needs[0]->text), SLICE_FMT(obstacles->list[i].profile));
	if (obstacles->count > SHOWN)
		report_print(r, "  and likewise in %zu other profiles\n", obstacles->count - SHOWN);
	report_advice(r);
	fputs(after, r->out);
}

void report_advice(const struct report *r)
{
	report_print(
	    r,
	    "  With the rule cured, runc still needs this. A profile that allows it comes with aa-nestfix; in the\n"
	    "  container's configuration:\n"
	    "    lxc.apparmor.profile = %s\n",
	    made_for_it);
}
