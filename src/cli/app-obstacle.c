/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/obstacle.h>

#include "app.h"

void app_obstacles(struct app *app, struct look *look, const struct plan *plan)
{
	struct obstacles *found = ARENA_NEW(&app->arena, struct obstacles);

	obstacle_find(found, &look->site, &look->finding, app_judge(app), plan ? plan->policies : NULL,
		      plan ? plan->policy_count : 0, &app->arena);
	look->finding.obstacles = found;
}
