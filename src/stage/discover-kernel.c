/* SPDX-License-Identifier: GPL-2.0-or-later */
/* discover-kernel: what the kernel holds of the policies of a site, and what of it is given back. */
#include "discover-internal.h"

static struct site_policy *find(const struct site *site, const struct policy *policy)
{
	for (size_t i = 0; i < site->policy_count; i++)
		if (&site->policies[i]->policy == policy)
			return site->policies[i];
	return NULL;
}

static const struct loaded_policy *read_loaded(const struct site *site, const struct policy *policy)
{
	struct loaded_policy *out = ARENA_NEW(site->arena, struct loaded_policy);
	VEC(struct slice) names = { 0 };

	for (size_t i = 0; i < policy->count; i++)
		VEC_PUSH(site->arena, &names, policy->profiles[i].name);
	loaded_read(out, site->loaded, names.ptr, names.len);
	return out;
}

const struct loaded_policy *discover_loaded(const struct site *site, const struct policy *policy)
{
	struct site_policy *sp = find(site, policy);

	if (!sp)
		return read_loaded(site, policy);
	if (!sp->loaded)
		sp->loaded = read_loaded(site, policy);
	return sp->loaded;
}

struct record_of discover_record(const struct site *site, const struct policy *policy)
{
	const struct container *c = discover_container(site, policy);
	struct record_of of = { .path = policy->path, .live = c != NULL, .pid = c ? c->pid : 0 };
	AUTOBUF text = { 0 };

	for (size_t i = 0; i < policy->source_count; i++)
		record_add(&text, policy->sources[i]->path, policy->sources[i]->doc.text);
	of.text = arena_slice(site->arena, buf_slice(&text));
	return of;
}

/* Read once; a text without a record has one that says nothing. */
static const struct site_record *read_record(const struct site *site, struct site_policy *sp)
{
	struct record_of of = discover_record(site, &sp->policy);
	struct site_record *record;

	if (sp->record)
		return sp->record;
	record = ARENA_NEW(site->arena, struct site_record);
	record->fits = record_read(site->root, &of, site->conflict, &record->scopes, &record->count, site->arena);
	sp->record = record;
	return record;
}

static bool is_among(const struct conflict_scope *scope, const struct conflict_scope *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == scope)
			return true;
	return false;
}

enum site_word discover_in_kernel(const struct site *site, const struct policy *policy, struct slice profile,
				  const struct conflict_scope *scope)
{
	const struct loaded_policy *loaded = discover_loaded(site, policy);
	const struct automaton_profile *p = automaton_find(&loaded->automaton, profile);
	struct site_policy *sp = find(site, policy);
	const struct site_record *record = NULL;

	if (p)
		return record_allows(p, scope) ? SITE_ALLOWS : SITE_DENIES;
	if (loaded->state == LOADED_HIDDEN && sp)
		record = read_record(site, sp);
	if (record && record->fits && is_among(scope, record->scopes, record->count))
		return SITE_ALLOWS;
	return SITE_UNKNOWN;
}

const struct conflict_scope **discover_held(const struct site *site, const struct policy *policy, size_t *count)
{
	VEC(const struct conflict_scope *) all = { 0 };

	for (size_t i = 0; i < site->conflict->scope_count; i++) {
		const struct conflict_scope *scope = &site->conflict->scopes[i];
		bool denied = false, allowed = false;

		for (size_t p = 0; p < policy->count; p++) {
			enum site_word word = discover_in_kernel(site, policy, policy->profiles[p].name, scope);

			denied |= word == SITE_DENIES;
			allowed |= word == SITE_ALLOWS;
		}
		if (allowed && !denied)
			VEC_PUSH(site->arena, &all, scope);
	}
	*count = all.len;
	return all.ptr;
}

bool discover_is_recorded(const struct site *site, const struct policy *policy)
{
	struct site_policy *sp = find(site, policy);

	return sp && discover_loaded(site, policy)->state == LOADED_HIDDEN && read_record(site, sp)->fits;
}
