/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include <nestfix/config.h>
#include <nestfix/hold.h>

typedef VEC(struct hold) hold_vec;

struct search {
	const struct site *site;
	struct arena *arena;
	struct err *err;
	hold_vec all;
};

static struct hold *hold_of(struct search *s, const char *path, enum backup_kind kind)
{
	for (size_t i = 0; i < s->all.len; i++)
		if (strcmp(s->all.ptr[i].path, path) == 0)
			return &s->all.ptr[i];
	VEC_PUSH(s->arena, &s->all, (struct hold){ .path = path, .kind = kind });
	return &s->all.ptr[s->all.len - 1];
}

static void add_name(struct search *s, struct backup_names *names, struct slice name)
{
	VEC(struct slice) all = { names->ptr, names->len, vec_cap(names->len) };

	if (backup_has_name(names, name))
		return;
	VEC_PUSH(s->arena, &all, name);
	*names = (struct backup_names){ all.ptr, all.len };
}

static void add_scopes(struct search *s, struct backup_names *names, const struct conflict_scope *const *scopes,
		       size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_name(s, names, scopes[i]->name);
}

static int read_marks(struct search *s, const struct doc *doc, struct mark **marks, size_t *count)
{
	return mark_find(doc, s->site->conflict, s->site->pool, s->arena, marks, count, s->err);
}

static int look_at_source(struct search *s, const struct policy_source *source)
{
	struct mark *marks;
	size_t count;

	if (read_marks(s, &source->doc, &marks, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct hold *hold = hold_of(s, source->path, BACKUP_POLICY);

		hold->edited |= !marks[i].intact;
		add_scopes(s, &hold->scopes, marks[i].scopes, marks[i].scope_count);
	}
	return 0;
}

static int look_at_policies(struct search *s)
{
	for (size_t i = 0; i < s->site->policy_count; i++) {
		const struct policy *policy = &s->site->policies[i]->policy;

		for (size_t k = 0; !s->site->policies[i]->container && k < policy->source_count; k++)
			if (look_at_source(s, policy->sources[k]) < 0)
				return -1;
	}
	return 0;
}

static void look_at_dropin(struct search *s)
{
	const struct dropin *dropin = &s->site->dropin;
	struct hold *hold;

	if (dropin->mode == DROPIN_NONE && !dropin_is_edited(dropin))
		return;
	hold = hold_of(s, DROPIN_PATH, BACKUP_DROPIN);
	hold->edited = dropin->mode == DROPIN_UNREADABLE || dropin_is_edited(dropin);
	if (!hold->edited)
		add_scopes(s, &hold->scopes, dropin->scopes, dropin->scope_count);
}

/* What a change wrote there, and where that is no more. */
static int look_for(struct search *s, struct hold *hold, const struct backup *backup, const struct backup_file *file)
{
	for (size_t e = 0; e < file->edit_count; e++) {
		struct mark *marks;
		struct doc doc;
		size_t count;

		doc_parse(&doc, file->edits[e].new_, s->arena);
		if (read_marks(s, &doc, &marks, &count) < 0)
			return -1;
		for (size_t m = 0; m < count; m++)
			for (size_t i = 0; i < marks[m].scope_count; i++)
				if (backup_has_name(&backup->scopes, marks[m].scopes[i]->name) &&
				    !backup_has_name(&hold->scopes, marks[m].scopes[i]->name))
					add_name(s, &hold->lost, marks[m].scopes[i]->name);
	}
	return 0;
}

static int look_for_config(struct search *s, struct hold *hold, const struct backup_file *file)
{
	enum fsio_kind kind;
	struct slice present;
	struct file now;

	if (fsio_kind(s->site->root, file->path, &kind, s->err) < 0)
		return -1;
	if (kind == FSIO_MISSING)
		hold->node = container_node(s->site->root, config_vmid(file->path), s->arena);
	if (kind != FSIO_FILE)
		return 0;
	if (fsio_read(s->site->root, file->path, FSIO_LIMIT_POLICY, s->arena, &now, s->err) < 0)
		return -1;
	present = config_present(file->path, now.bytes, s->arena);
	for (size_t e = 0; e < file->edit_count; e++)
		hold->stands |= file->edits[e].new_.len > 0 &&
				memmem(present.ptr, present.len, file->edits[e].new_.ptr, file->edits[e].new_.len);
	return 0;
}

static int look_at_change(struct search *s, const struct backup *backup)
{
	for (size_t i = 0; i < backup->file_count; i++) {
		const struct backup_file *file = &backup->files[i];
		struct hold *hold = hold_of(s, file->path, file->kind);

		add_name(s, &hold->changes, slice_of(backup->id));
		if (hold->kind == BACKUP_CONFIG && look_for_config(s, hold, file) < 0)
			return -1;
		if (hold->kind == BACKUP_POLICY && !hold->edited && look_for(s, hold, backup, file) < 0)
			return -1;
		for (size_t k = 0; hold->kind == BACKUP_DROPIN && !hold->edited && k < backup->scopes.len; k++)
			if (!file->removed && !backup_has_name(&hold->scopes, backup->scopes.ptr[k]))
				add_name(s, &hold->lost, backup->scopes.ptr[k]);
	}
	for (size_t i = 0; i < backup->holds.len; i++)
		add_name(s, &hold_of(s, backup->holds.ptr[i].ptr, BACKUP_POLICY)->changes, slice_of(backup->id));
	return 0;
}

/* Scopes, in the order of the conflict; one that it does not know stands behind. */
static void put_in_order(struct search *s, struct backup_names *names)
{
	struct backup_names ordered = { 0 };

	for (size_t i = 0; i < s->site->conflict->scope_count; i++)
		if (backup_has_name(names, s->site->conflict->scopes[i].name))
			add_name(s, &ordered, s->site->conflict->scopes[i].name);
	for (size_t i = 0; i < names->len; i++)
		add_name(s, &ordered, names->ptr[i]);
	*names = ordered;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct hold *)a)->path, ((const struct hold *)b)->path);
}

int hold_list(struct hold **out, size_t *count, const struct site *site, const struct backup *list, size_t list_count,
	      struct arena *arena, struct err *err)
{
	struct search s = { .site = site, .arena = arena, .err = err };

	if (look_at_policies(&s) < 0)
		return -1;
	look_at_dropin(&s);
	for (size_t i = 0; i < list_count; i++)
		if (list[i].state == BACKUP_IN_FORCE && look_at_change(&s, &list[i]) < 0)
			return -1;
	for (size_t i = 0; i < s.all.len; i++) {
		put_in_order(&s, &s.all.ptr[i].scopes);
		put_in_order(&s, &s.all.ptr[i].lost);
	}
	if (s.all.len > 0)
		qsort(s.all.ptr, s.all.len, sizeof *s.all.ptr, by_path);
	*out = s.all.ptr;
	*count = s.all.len;
	return 0;
}

static bool is_held(const struct policy *policy, const struct hold *holds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (holds[i].kind == BACKUP_POLICY && discover_reads(policy, holds[i].path))
			return true;
	return false;
}

void hold_in_kernel(struct hold_loaded **out, size_t *count, const struct site *site, const struct hold *holds,
		    size_t hold_count, struct arena *arena)
{
	struct search s = { .site = site, .arena = arena };
	VEC(struct hold_loaded) all = { 0 };

	for (size_t i = 0; i < site->policy_count; i++) {
		const struct site_policy *sp = site->policies[i];
		struct hold_loaded one = { .path = sp->policy.path, .container = sp->container };
		const struct conflict_scope **scopes;
		enum loaded_state state;
		size_t n;

		if (!sp->container && !is_held(&sp->policy, holds, hold_count))
			continue;
		state = discover_loaded(site, &sp->policy)->state;
		if (state == LOADED_ABSENT)
			continue;
		one.hidden = state == LOADED_HIDDEN;
		one.known = !one.hidden || discover_is_recorded(site, &sp->policy);
		scopes = discover_held(site, &sp->policy, &n);
		add_scopes(&s, &one.scopes, scopes, n);
		VEC_PUSH(arena, &all, one);
	}
	*out = all.ptr;
	*count = all.len;
}
