/* SPDX-License-Identifier: GPL-2.0-or-later */
/* commit-inforce: what the kernel holds, against what it is given when changes are taken back. */
#include "commit-internal.h"

int work_look_loaded(struct work *w, struct reload *r, struct err *err)
{
	struct slice blob = r->after.len > 0 ? r->after : r->before;
	struct loaded_policy *policy = ARENA_NEW(w->arena, struct loaded_policy);
	VEC(struct slice) names = { 0 };
	struct automaton automaton;
	struct loaded loaded;

	r->loaded = policy;
	if (blob.len == 0)
		return 0;
	if (automaton_read(&automaton, blob, w->arena, err) < 0)
		return err_wrap(err, "cannot read the compiled policy of '%s'", r->path);
	for (size_t i = 0; i < automaton.count; i++)
		VEC_PUSH(w->arena, &names, automaton.profiles[i].name);
	loaded_list(&loaded, w->root, w->arena);
	loaded_read(policy, &loaded, names.ptr, names.len);
	return 0;
}

static int hint(const struct reload *r, struct err *err)
{
	return err_hint(err,
			"look at '%s' and at what was loaded by hand; to load the file all the same: "
			"aa-nestfix --reload rollback",
			r->path);
}

static int refuse(const struct reload *r, const struct comparison *comparison, struct err *err)
{
	const struct compare_change *first = comparison->changes;
	AUTOBUF words = { 0 };

	while (first->allowed)
		first++;
	compare_words(first, &words);
	err_put(err, ERR_REFUSED,
		"cannot take the change back: the kernel holds another policy than '%s'; to load that one would change "
		"more than what was given back: profile '%.*s', '%.*s': %s",
		r->path, SLICE_FMT(first->profile), SLICE_FMT(first->example), buf_str(&words));
	return hint(r, err);
}

int work_prove_loaded(struct work *w, const struct reload *r, bool recorded, const struct compare_exemption *lost,
		      struct err *err)
{
	struct comparison comparison;
	struct automaton after;

	if (w->recovering || w->ground->reload || !w->ground->pool || r->after.len == 0 ||
	    r->loaded->state == LOADED_ABSENT || (r->loaded->state == LOADED_HIDDEN && recorded))
		return 0;
	if (r->loaded->state == LOADED_HIDDEN) {
		err_put(err, ERR_REFUSED,
			"cannot take the change back: the kernel does not show what it holds of '%s' "
			"(CONFIG_SECURITY_APPARMOR_EXPORT_BINARY), and nothing was written down of it",
			r->path);
		return hint(r, err);
	}
	if (automaton_read(&after, r->after, w->arena, err) < 0 ||
	    compare_automata(&comparison, &r->loaded->automaton, &after, lost, w->ground->pool, w->arena, err) < 0)
		return err_wrap(err, "cannot compare what is in force of '%s'", r->path);
	return comparison.allowed ? 0 : refuse(r, &comparison, err);
}
