/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/locate.h>
#include <nestfix/mark.h>

typedef VEC(const struct policy_rule *) rule_vec;
typedef VEC(struct culprit *) culprit_vec;
typedef VEC(struct locate_case) case_vec;

/* One run: everything that the functions below hand on to one another. */
struct search {
	struct finding *finding;
	const struct site *site;
	struct arena *arena;
	struct err *err;
	culprit_vec culprits;
	case_vec cases;
};

static int too_large(struct err *err)
{
	return err_put(err, ERR_FAILED, "cannot decide a pattern: it is too large");
}

static bool denies(const struct policy_rule *rule, uint32_t perms)
{
	return rule->deny && !rule->is_link && (rule->perms & perms) != 0;
}

/* Does an allow rule of higher priority give back the whole scope, so that the deny rule no longer counts? */
static int is_overruled(const struct search *s, const struct policy_profile *profile, const struct policy_rule *deny,
			const struct conflict_scope *scope)
{
	for (size_t i = 0; i < profile->rule_count; i++) {
		const struct policy_rule *r = &profile->rules[i];
		int contains;

		if (r->deny || r->is_link || r->owner || r->priority <= deny->priority)
			continue;
		if ((r->perms & scope->perms) != scope->perms)
			continue;
		contains = re_contains(s->site->pool, r->aare.re, scope->paths, s->arena, NULL);
		if (contains != 0)
			return contains;
	}
	return 0;
}

/* The deny rules that count on some path of the scope. */
static int find_deniers(const struct search *s, struct policy_profile *profile, const struct conflict_scope *scope,
			rule_vec *out)
{
	for (size_t i = 0; i < profile->rule_count; i++) {
		const struct policy_rule *r = &profile->rules[i];
		int disjoint, overruled;

		if (!denies(r, scope->perms))
			continue;
		disjoint = re_disjoint(s->site->pool, r->aare.re, scope->paths, s->arena, NULL);
		if (disjoint < 0)
			return too_large(s->err);
		if (disjoint)
			continue;
		overruled = is_overruled(s, profile, r, scope);
		if (overruled < 0)
			return too_large(s->err);
		if (!overruled)
			VEC_PUSH(s->arena, out, r);
	}
	return 0;
}

/* A path that shows the rule at work: the first of the conflict's own that it matches, else a shortest one. */
static int find_witness(const struct search *s, const struct policy_rule *rule, const struct conflict_scope *scope,
			struct slice *out)
{
	for (size_t i = 0; i < scope->access_count; i++) {
		*out = scope->access[i].path;
		if (re_matches(s->site->pool, rule->aare.re, *out))
			return 0;
	}
	if (re_disjoint(s->site->pool, rule->aare.re, scope->paths, s->arena, out) < 0)
		return too_large(s->err);
	return 0;
}

/* Is the access allowed, in each half that the rule speaks of, once the rule is left out? */
static bool allowed_without(const struct search *s, struct policy_profile *profile, const struct policy_rule *rule,
			    struct slice path, uint32_t perms)
{
	struct policy_verdict verdict;

	for (int half = AUTOMATON_USER; half <= AUTOMATON_OTHER; half++) {
		if ((half == AUTOMATON_USER && rule->other) || (half == AUTOMATON_OTHER && rule->owner))
			continue;
		policy_decide(profile, path, perms, half, rule, &verdict, s->arena);
		if (!verdict.allowed)
			return false;
	}
	return true;
}

/* Do two of the rules deny one and the same path of the scope? Then neither is the cause on its own. */
static int any_two_meet(const struct search *s, const rule_vec *rules, const struct conflict_scope *scope)
{
	for (size_t i = 0; i < rules->len; i++) {
		for (size_t j = i + 1; j < rules->len; j++) {
			const struct re *all[] = { rules->ptr[i]->aare.re, rules->ptr[j]->aare.re, scope->paths };
			int common = re_common(s->site->pool, all, 3, s->arena);

			if (common != 0)
				return common;
		}
	}
	return 0;
}

static bool same_rule(const struct policy_rule *a, const struct policy_rule *b)
{
	return a->source == b->source && a->stmt->span.at == b->stmt->span.at;
}

static void add_profile(struct culprit *c, struct policy_profile *profile, struct arena *arena)
{
	VEC(struct policy_profile *) all = { c->profiles, c->profile_count, c->profile_count };

	for (size_t i = 0; i < all.len; i++)
		if (all.ptr[i] == profile)
			return;
	VEC_PUSH(arena, &all, profile);
	c->profiles = all.ptr;
	c->profile_count = all.len;
}

static void add_scope(struct culprit *c, const struct conflict_scope *scope, struct arena *arena)
{
	VEC(const struct conflict_scope *) all = { c->scopes, c->scope_count, c->scope_count };

	for (size_t i = 0; i < all.len; i++)
		if (all.ptr[i] == scope)
			return;
	VEC_PUSH(arena, &all, scope);
	c->scopes = all.ptr;
	c->scope_count = all.len;
}

/* The culprit of this rule text, made when it is met for the first time. */
static struct culprit *culprit_of(struct search *s, const struct policy_rule *rule, struct slice witness)
{
	struct culprit *c;

	for (size_t i = 0; i < s->culprits.len; i++)
		if (same_rule(s->culprits.ptr[i]->rule, rule))
			return s->culprits.ptr[i];
	c = ARENA_NEW(s->arena, struct culprit);
	c->rule = rule;
	c->fixed = rule->fixed;
	c->witness = witness;
	VEC_PUSH(s->arena, &s->culprits, c);
	return c;
}

/* "FILE:LINE" of the mark of an earlier change that gives back the scope, or empty. */
static struct slice find_mark(const struct search *s, const struct policy_profile *profile,
			      const struct conflict_scope *scope)
{
	const struct policy_source *last = NULL;

	for (size_t i = 0; i < profile->rule_count; i++) {
		const struct policy_source *source = profile->rules[i].source;
		struct mark *marks;
		size_t count;

		if (source == last ||
		    mark_find(&source->doc, s->finding->conflict, s->site->pool, s->arena, &marks, &count, NULL) < 0)
			continue;
		last = source;
		for (size_t m = 0; m < count; m++)
			if (mark_covers(&marks[m], scope))
				return slice_of(arena_printf(s->arena, "%s:%zu", source->path, marks[m].line));
	}
	return (struct slice){ 0 };
}

static struct slice find_cure(const struct search *s, const struct locate_case *c)
{
	const struct policy_rule *allower = c->allower;

	if (allower && allower->priority > 0)
		return slice_of(arena_printf(s->arena, "%s:%zu", allower->source->path, allower->stmt->line));
	return find_mark(s, c->profile, c->scope);
}

/* No deny rule counts: is the access allowed, then? The half of "other" is asked; the owner's has no fewer rules. */
static void judge_undenied(const struct search *s, struct locate_case *c)
{
	struct policy_verdict verdict;

	c->witness = c->scope->access[0].path;
	policy_decide(c->profile, c->witness, c->scope->perms, AUTOMATON_OTHER, NULL, &verdict, s->arena);
	c->state = verdict.allowed ? LOCATE_ALLOWED : LOCATE_NO_ALLOW;
	if (!verdict.allowed)
		return;
	c->allower = verdict.rule;
	c->cure = find_cure(s, c);
}

/* One or more deny rules count: is each of them the one cause on its part of the scope? */
static int judge_denied(struct search *s, struct locate_case *c, const rule_vec *deniers)
{
	culprit_vec culprits = { 0 };
	int meet = any_two_meet(s, deniers, c->scope);

	if (meet < 0)
		return too_large(s->err);
	c->state = meet ? LOCATE_SEVERAL : LOCATE_BLOCKED;
	for (size_t i = 0; i < deniers->len; i++) {
		const struct policy_rule *rule = deniers->ptr[i];
		struct slice witness;
		struct culprit *culprit;

		if (find_witness(s, rule, c->scope, &witness) < 0)
			return -1;
		culprit = culprit_of(s, rule, witness);
		add_profile(culprit, c->profile, s->arena);
		add_scope(culprit, c->scope, s->arena);
		VEC_PUSH(s->arena, &culprits, culprit);
		if (i == 0)
			c->witness = witness;
		if (c->state != LOCATE_BLOCKED)
			continue;
		if (rule->fixed != POLICY_EDITABLE)
			c->state = LOCATE_FIXED;
		else if (!allowed_without(s, c->profile, rule, witness, c->scope->perms))
			c->state = LOCATE_NO_ALLOW;
	}
	c->culprits = culprits.ptr;
	c->culprit_count = culprits.len;
	return 0;
}

/* Does the kernel's own copy of the profile allow every access of the scope, to the owner and to everybody else? */
static bool kernel_allows(const struct site_policy *sp, const struct policy_profile *profile,
			  const struct conflict_scope *scope)
{
	const struct automaton_profile *loaded = sp->in_force ? automaton_find(sp->in_force, profile->name) : NULL;

	for (size_t i = 0; loaded && i < scope->access_count; i++) {
		struct automaton_perms perms = automaton_path(loaded, scope->access[i].path);

		for (int half = AUTOMATON_USER; half <= AUTOMATON_OTHER; half++)
			if ((perms.half[half].allow & scope->access[i].perms) != scope->access[i].perms)
				return false;
	}
	return loaded != NULL;
}

/*
 * A generated text is cured elsewhere than in its file: in the kernel, or, where nothing runs yet, by the drop-in that
 * its next start reads.
 */
static bool is_cured_elsewhere(const struct search *s, const struct site_policy *sp, struct locate_case *c)
{
	if (!sp->container)
		return false;
	if (kernel_allows(sp, c->profile, c->scope))
		c->cure = SLICE("the policy in the kernel");
	else if (!s->site->root->live && discover_is_liblxc(sp->container) && dropin_covers(&s->site->dropin, c->scope))
		c->cure = SLICE(DROPIN_PATH);
	else
		return false;
	c->state = LOCATE_ALLOWED;
	c->witness = c->scope->access[0].path;
	return true;
}

static int judge(struct search *s, const struct site_policy *sp, struct policy_profile *profile,
		 const struct conflict_scope *scope)
{
	struct locate_case c = { .policy = &sp->policy, .profile = profile, .scope = scope };
	rule_vec deniers = { 0 };

	if (find_deniers(s, profile, scope, &deniers) < 0)
		return -1;
	if (deniers.len == 0)
		judge_undenied(s, &c);
	else if (!is_cured_elsewhere(s, sp, &c) && judge_denied(s, &c, &deniers) < 0)
		return -1;
	VEC_PUSH(s->arena, &s->cases, c);
	if (c.state > s->finding->worst && (c.state != LOCATE_NO_ALLOW || c.culprit_count > 0))
		s->finding->worst = c.state;
	return 0;
}

static int judge_profile(struct search *s, const struct site_policy *sp, struct policy_profile *profile)
{
	if (policy_prepare(profile, s->site->pool, s->arena, s->err) < 0)
		return -1;
	s->finding->profile_count++;
	for (size_t i = 0; i < s->finding->scope_count; i++)
		if (judge(s, sp, profile, s->finding->scopes[i]) < 0)
			return -1;
	return 0;
}

/* Profiles nobody asked about that the same rule denies in, because they share its file: an edit reaches them, too. */
static void add_sharers(struct search *s, const struct policy *policy)
{
	for (size_t i = 0; i < policy->count; i++) {
		struct policy_profile *profile = &policy->profiles[i];

		for (size_t r = 0; r < profile->rule_count; r++)
			for (size_t c = 0; c < s->culprits.len; c++)
				if (same_rule(&profile->rules[r], s->culprits.ptr[c]->rule))
					add_profile(s->culprits.ptr[c], profile, s->arena);
	}
}

static int merge_scopes(struct finding *f, struct re_pool *pool, struct err *err)
{
	f->paths = re_none(pool);
	for (size_t i = 0; i < f->scope_count; i++) {
		f->paths = re_alt(pool, f->paths, f->scopes[i]->paths);
		f->perms |= f->scopes[i]->perms;
	}
	return f->paths ? 0 : too_large(err);
}

int locate(struct finding *out, const struct site *site, const struct conflict_scope **scopes, size_t scope_count,
	   struct arena *arena, struct err *err)
{
	struct search s = { .finding = out, .site = site, .arena = arena, .err = err };

	*out = (struct finding){ .conflict = site->conflict, .scopes = scopes, .scope_count = scope_count };
	if (merge_scopes(out, site->pool, err) < 0)
		return -1;
	for (size_t i = 0; i < site->policy_count; i++) {
		struct site_policy *sp = site->policies[i];

		for (size_t p = 0; p < sp->policy.count; p++)
			if (discover_wants(site, sp, &sp->policy.profiles[p]) &&
			    judge_profile(&s, sp, &sp->policy.profiles[p]) < 0)
				return -1;
	}
	for (size_t i = 0; i < site->policy_count; i++)
		add_sharers(&s, &site->policies[i]->policy);
	out->cases = s.cases.ptr;
	out->case_count = s.cases.len;
	out->culprits = s.culprits.ptr;
	out->culprit_count = s.culprits.len;
	return 0;
}

const char *locate_why(enum policy_fixed fixed)
{
	switch (fixed) {
	case POLICY_IN_CONDITIONAL:
		return "stands inside an 'if'";
	case POLICY_IN_BLOCK:
		return "stands inside a qualifier block";
	case POLICY_BY_VARIABLE:
		return "is written with a variable";
	case POLICY_BY_ALIAS:
		return "comes from an alias";
	case POLICY_IMPLIED:
		return "is written nowhere: apparmor_parser adds it";
	case POLICY_EDITABLE:
		break;
	}
	return "can be replaced";
}
