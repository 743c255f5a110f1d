/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prove-loaded: what loading a policy changes, from what the kernel holds. */
#include "prove-internal.h"

/* What may change: what is asked for, and what earlier changes of ours give back in the files. */
static int exempt(const struct attempt *a, const struct policy *policy, struct compare_exemption *out)
{
	const struct patch *patch = a->patch;
	struct re_pool *pool = patch->site->pool;

	*out = (struct compare_exemption){ patch->paths, patch->perms };
	for (size_t i = 0; i < policy->source_count; i++) {
		struct mark *marks;
		size_t count;

		if (mark_find(&policy->sources[i]->doc, patch->finding->conflict, pool, a->arena, &marks, &count,
			      a->err) < 0)
			return -1;
		for (size_t m = 0; m < count; m++)
			for (size_t s = 0; s < marks[m].scope_count; s++) {
				out->paths = re_alt(pool, out->paths, marks[m].scopes[s]->paths);
				out->perms |= marks[m].scopes[s]->perms;
			}
	}
	return 0;
}

static int compare(const struct attempt *a, struct proof_policy *p, const struct automaton *old,
		   const struct automaton *new_, const struct compare_exemption *exemption)
{
	if (compare_automata(&p->comparison, old, new_, exemption, a->patch->site->pool, a->arena, a->err) < 0)
		return err_wrap(a->err, "cannot compare what is in force of '%s'", p->policy->path);
	return 0;
}

static const char *excess_words(const struct attempt *a, const struct proof_policy *p)
{
	return arena_printf(a->arena,
			    "the kernel holds another policy than '%s'; to load that one would change more than what "
			    "is asked for: %s",
			    p->policy->path, prove_excess(&p->comparison, a->arena));
}

static const char *hidden_words(const struct attempt *a, const struct proof_policy *p)
{
	return arena_printf(a->arena,
			    "the kernel does not show what it holds of '%s' "
			    "(CONFIG_SECURITY_APPARMOR_EXPORT_BINARY), and it was not loaded by this program",
			    p->policy->path);
}

/* Goes on only where that was asked for, from the text as it is on disk. */
static void assume(const struct attempt *a, struct proof_policy *p, bool *skipped)
{
	*skipped = !a->patch->reload;
	if (*skipped)
		p->skipped = hidden_words(a, p);
	else
		p->assumed = arena_printf(a->arena, "the kernel holds '%s' as it is on disk", p->policy->path);
}

/* The generated text as our record says that it was loaded. */
static int compare_recorded(const struct attempt *a, struct proof_policy *p, const struct automaton *new_)
{
	struct compare_exemption exemption = { a->patch->paths, a->patch->perms };
	const struct site *site = a->patch->site;
	const struct conflict_scope **scopes;
	struct compile_text text = { .path = p->policy->path };
	struct automaton old;
	AUTOBUF cured = { 0 };
	size_t count;

	scopes = discover_held(site, p->policy, &count);
	if (mark_text(p->policy->sources[0]->doc.text, site->conflict, scopes, count, site->pool, a->arena, &cured,
		      a->err) < 0)
		return -1;
	text.bytes = buf_slice(&cured);
	if (compile_policy(a->compiler, p->policy, &text, 1, a->arena, &p->old_blob, a->err) < 0 ||
	    automaton_read(&old, p->old_blob, a->arena, a->err) < 0)
		return -1;
	return compare(a, p, &old, new_, &exemption);
}

/* What is loaded in the place of another policy must be the text, with nothing but what is given back. */
static int check_text(const struct attempt *a, const struct proof_policy *p, const struct automaton *new_)
{
	struct compare_exemption exemption = { a->patch->paths, a->patch->perms };
	const struct site *site = a->patch->site;
	const struct conflict_scope **held;
	struct proof_policy text = { .policy = p->policy };
	struct automaton old;
	size_t count;

	held = discover_held(site, p->policy, &count);
	for (size_t i = 0; i < count; i++) {
		exemption.paths = re_alt(site->pool, exemption.paths, held[i]->paths);
		exemption.perms |= held[i]->perms;
	}
	if (compile_policy(a->compiler, p->policy, NULL, 0, a->arena, &text.old_blob, a->err) < 0 ||
	    automaton_read(&old, text.old_blob, a->arena, a->err) < 0 || compare(a, &text, &old, new_, &exemption) < 0)
		return -1;
	return text.comparison.allowed ? 0 : prove_refuse_change(a, p->policy->path, &text.comparison);
}

int prove_live(const struct attempt *a, struct proof_policy *p, struct automaton *new_, bool *done)
{
	struct compare_exemption exemption = { a->patch->paths, a->patch->perms };

	*done = false;
	if (!discover_container(a->patch->site, p->policy) || p->loaded->state == LOADED_ABSENT)
		return 0;
	if (p->loaded->state == LOADED_HIDDEN) {
		*done = discover_is_recorded(a->patch->site, p->policy);
		if (*done)
			return compare_recorded(a, p, new_);
		assume(a, p, done);
		return 0;
	}
	*done = true;
	if (compare(a, p, &p->loaded->automaton, new_, &exemption) < 0)
		return -1;
	if (p->comparison.allowed)
		return 0;
	p->beyond = a->patch->reload;
	if (p->beyond)
		return check_text(a, p, new_);
	p->skipped = excess_words(a, p);
	return 0;
}

int prove_loaded(const struct attempt *a, struct proof_policy *p, struct automaton *new_)
{
	struct compare_exemption exemption;
	bool skipped;

	if (discover_container(a->patch->site, p->policy) || p->loaded->state == LOADED_ABSENT)
		return 0;
	if (p->loaded->state == LOADED_HIDDEN) {
		if (!discover_is_recorded(a->patch->site, p->policy))
			assume(a, p, &skipped);
		return 0;
	}
	if (exempt(a, p->policy, &exemption) < 0 || compare(a, p, &p->loaded->automaton, new_, &exemption) < 0)
		return -1;
	if (a->patch->restores)
		prove_narrow(&p->comparison);
	p->beyond = !p->comparison.allowed && a->patch->reload;
	if (p->comparison.allowed || p->beyond)
		return 0;
	err_put(a->err, ERR_REFUSED, "cannot load the change: %s", excess_words(a, p));
	return err_hint(a->err, PROVE_RELOAD_HINT);
}
