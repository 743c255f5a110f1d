/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/obstacle.h>

#include "app.h"

void app_obstacles(struct app *app, struct look *look)
{
	struct obstacles *found = ARENA_NEW(&app->arena, struct obstacles);

	obstacle_find(found, &look->site, &look->finding, app_judge(app), &app->arena);
	look->finding.obstacles = found;
}

void app_know(struct app *app, const struct plan *plan)
{
	for (size_t i = 0; i < plan->policy_count; i++) {
		const struct proof_policy *p = &plan->policies[i];

		judge_know(app_judge(app), p->policy, &p->new_input, discover_container(plan->patch.site, p->policy),
			   p->new_blob);
	}
}
