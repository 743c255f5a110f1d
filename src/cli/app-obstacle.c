/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/obstacle.h>

#include "app.h"

void app_obstacles(struct app *app, struct look *look, const struct plan *plan)
{
	struct obstacles *found = ARENA_NEW(&app->arena, struct obstacles);
	struct err err = { 0 };
	struct compiler own = { 0 };
	const struct compiler *compiler = plan ? &plan->compiler : &own;

	if (!plan && compiler_init(&own, &app->root, app->parser, app->features, &app->arena, &err) < 0)
		compiler = NULL;
	obstacle_find(found, &look->site, &look->finding, compiler, plan ? plan->policies : NULL,
		      plan ? plan->policy_count : 0, &app->arena);
	look->finding.obstacles = found;
}
