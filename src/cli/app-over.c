/* SPDX-License-Identifier: GPL-2.0-or-later */
/* app-over: what this program once put in place and an LXC that is cured has made needless, with what to type. */
#include "app.h"

struct offers {
	struct app *app;
	const struct look *look;
	struct backup *list; /* all changes, oldest first */
	size_t count;
	VEC(struct report_offer) all;
};

static void offer(struct offers *o, const char *what, const char *command)
{
	for (size_t i = 0; i < o->all.len; i++)
		if (strcmp(o->all.ptr[i].command, command) == 0)
			return;
	VEC_PUSH(&o->app->arena, &o->all, (struct report_offer){ what, command });
}

/* Does the change speak of this file, and of no other? */
static bool is_only(const struct backup *b, const char *path)
{
	return b->file_count == 1 && strcmp(b->files[0].path, path) == 0;
}

static bool names(const struct backup *b, const char *path)
{
	for (size_t i = 0; i < b->file_count; i++)
		if (strcmp(b->files[i].path, path) == 0)
			return true;
	return false;
}

/* The changes of a file, newest first; where one has changed more than that, `other` takes out the file alone. */
static void offer_changes(struct offers *o, const char *path, const char *what, const char *other)
{
	const char *self = o->app->report.self;
	bool mixed = false;

	for (size_t i = 0; i < o->count; i++)
		mixed |= o->list[i].state == BACKUP_IN_FORCE && names(&o->list[i], path) && !is_only(&o->list[i], path);
	if (mixed && other)
		return offer(o, what, arena_printf(&o->app->arena, "%s %s", self, other));
	for (size_t i = o->count; i > 0; i--)
		if (o->list[i - 1].state == BACKUP_IN_FORCE && names(&o->list[i - 1], path))
			offer(o, what, arena_printf(&o->app->arena, "%s rollback %s", self, o->list[i - 1].id));
}

/* Would the guest's next start be cured without anything of ours? */
static bool needs_nothing(const struct look *look, const struct container *c)
{
	const struct finding *finding = &look->finding;
	struct site bare = look->site;

	bare.dropin = (struct dropin){ 0 };
	return lasting_of(&bare, c, finding->scopes, finding->scope_count) == LASTING_UPSTREAM;
}

void app_over(struct app *app, const struct look *look, struct report_offer **out, size_t *count)
{
	struct offers o = { .app = app, .look = look };

	*out = NULL;
	*count = 0;
	if (backup_list(&app->root, &app->arena, &o.list, &o.count, NULL) < 0)
		return; /* who may not read the records cannot undo anything either */
	if (look->site.target_count == 0 && lasting_is_over(&look->site, &look->finding))
		offer_changes(&o, DROPIN_PATH, "'" DROPIN_PATH "'", "--own-files fix");
	for (size_t i = 0; i < look->site.host.count; i++) {
		const struct container *c = &look->site.host.list[i];

		if (c->kind == CONTAINER_PVE && snippet_is_own(c->pve.hookscript) && needs_nothing(look, c))
			offer_changes(&o, c->config,
				      arena_printf(&app->arena, "the hookscript of guest %.*s", SLICE_FMT(c->name)),
				      NULL);
	}
	*out = o.all.ptr;
	*count = o.all.len;
}
