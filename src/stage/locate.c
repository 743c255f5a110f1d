/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/mark.h>

#include "locate-internal.h"

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
	VEC(const struct locate_opened *) opened;
};

/* A profile, and what is asked about it. */
struct subject {
	const struct site_policy *policy;
	const struct judge_question *question;
};

static int too_large(struct err *err)
{
	return err_put(err, ERR_FAILED, "cannot decide a pattern: it is too large");
}

static void add_profile(struct culprit *c, const struct policy_profile *profile, struct arena *arena)
{
	VEC(const struct policy_profile *) all = { c->profiles, c->profile_count, vec_cap(c->profile_count) };

	for (size_t i = 0; i < all.len; i++)
		if (all.ptr[i] == profile)
			return;
	VEC_PUSH(arena, &all, profile);
	c->profiles = all.ptr;
	c->profile_count = all.len;
}

static void add_scope(struct culprit *c, const struct conflict_scope *scope, struct arena *arena)
{
	VEC(const struct conflict_scope *) all = { c->scopes, c->scope_count, vec_cap(c->scope_count) };

	for (size_t i = 0; i < all.len; i++)
		if (all.ptr[i] == scope)
			return;
	VEC_PUSH(arena, &all, scope);
	c->scopes = all.ptr;
	c->scope_count = all.len;
}

/* The mark of an earlier change that the rule is a line of, or NULL. */
static const struct mark *mark_of(const struct search *s, const struct policy_place *rule)
{
	struct mark *marks;
	size_t count;

	if (mark_find(&rule->source->doc, s->finding->conflict, s->site->pool, s->arena, &marks, &count, NULL) < 0)
		return NULL;
	return mark_at(marks, count, rule->stmt->span);
}

/* Would nothing be left of the rule? Somebody wrote it for just this access, then. */
static bool is_dropped_whole(const struct search *s, const struct policy_place *rule, const struct aare *aare)
{
	const struct mark *mark = mark_of(s, rule);
	struct slice letters = mark ? mark->rule.perms : rule->stmt->perms;
	const struct re *paths = mark && mark->intact ? mark->rule.aare.re : aare->re;

	for (size_t i = 0; i < letters.len; i++) {
		uint32_t perm;

		if (!conflict_perms(slice_sub(letters, i, 1), &perm) || !(perm & s->finding->perms))
			return false;
	}
	return re_contains(s->site->pool, s->finding->paths, paths, s->arena, NULL) == 1;
}

/* Why a text edit cannot split the rule, or NULL. */
static const char *why_fixed(const struct search *s, const struct policy_place *rule, struct slice witness,
			     struct aare *aare)
{
	const struct stmt *stmt = rule->stmt;
	struct slice pattern = doc_word(stmt->path, s->arena);

	if (stmt->rule_class == RULE_ALL || stmt->path.len == 0)
		return "denies all files at once";
	if (stmt->target.len > 0)
		return "has a target";
	if (memmem(pattern.ptr, pattern.len, "@{", 2))
		return "is written with a variable";
	if (aare_parse(aare, pattern, s->site->pool, s->arena, NULL) < 0)
		return "has a pattern that is too large";
	if (!aare_match(aare, witness, s->arena))
		return "comes from an alias";
	if (is_dropped_whole(s, rule, aare))
		return "denies nothing else, and no rule is dropped whole";
	return NULL;
}

/* The culprit of this rule text, made when it is met for the first time. */
static struct culprit *culprit_of(struct search *s, const struct policy_place *rule, struct slice witness)
{
	struct culprit *c;

	for (size_t i = 0; i < s->culprits.len; i++)
		if (s->culprits.ptr[i]->rule->stmt == rule->stmt)
			return s->culprits.ptr[i];
	c = ARENA_NEW(s->arena, struct culprit);
	c->rule = rule;
	c->witness = witness;
	c->why = why_fixed(s, rule, witness, &c->aare);
	aare_release(&c->aare);
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

/* Is more open than the scopes, for want of the rule? Somebody may have put others in its place. */
static bool leaves_open(const struct search *s, const struct mark_rule *rule, const struct automaton_profile *compiled)
{
	struct slice path = { 0 };
	struct automaton_perms now;

	if (re_contains(s->site->pool, s->finding->paths, rule->aare.re, s->arena, &path) != 0 || path.len == 0)
		return false;
	now = automaton_path(compiled, path);
	return (now.half[AUTOMATON_USER].allow | now.half[AUTOMATON_OTHER].allow) & s->finding->perms;
}

/* The deny rule that the comment holds, alone, if it would take one of the accesses, had it not been commented out. */
static bool read_opened(const struct search *s, struct slice comment, const struct conflict_scope *scope,
			const struct automaton_profile *compiled, struct span *span)
{
	struct mark_rule rule;
	struct doc doc;

	doc_parse(&doc, comment, s->arena);
	if (doc.broken_count > 0 || !doc.first || doc_next(doc.first) || !doc.first->qualifiers.deny ||
	    !mark_read(&rule, comment, doc.first, s->site->pool, s->arena))
		return false;
	*span = doc.first->span;
	return mark_meets(&rule, scope, s->site->pool) && leaves_open(s, &rule, compiled);
}

/* The line, if it is such a comment. */
static bool is_opened_line(const struct search *s, struct span line, const struct conflict_scope *scope,
			   const struct automaton_profile *compiled, struct locate_opened *out)
{
	struct slice text = out->source->doc.text;
	size_t at = line.at, end = line.at + line.len, hash;
	struct span rule;

	while (at < end && (text.ptr[at] == ' ' || text.ptr[at] == '\t'))
		at++;
	hash = at;
	while (at < end && text.ptr[at] == '#')
		at++;
	if (at == hash || !memmem(text.ptr + at, end - at, "deny", 4))
		return false;
	/* with its end, as a comment behind the rule needs one */
	if (!read_opened(s, slice_sub(text, at, end + 1 - at), scope, compiled, &rule))
		return false;
	out->span = (struct span){ hash, at + rule.at + rule.len - hash };
	out->rule = slice_sub(text, at + rule.at, rule.len);
	return true;
}

static const struct locate_opened *add_opened(struct search *s, const struct locate_opened *found)
{
	struct locate_opened *kept;

	for (size_t i = 0; i < s->opened.len; i++)
		if (s->opened.ptr[i]->source == found->source && s->opened.ptr[i]->span.at == found->span.at)
			return s->opened.ptr[i];
	kept = ARENA_NEW(s->arena, struct locate_opened);
	*kept = *found;
	VEC_PUSH(s->arena, &s->opened, kept);
	return kept;
}

static const struct locate_opened *find_opened(struct search *s, const struct locate_case *c,
					       const struct automaton_profile *compiled)
{
	const struct policy_source *last = NULL;

	for (size_t i = 0; i < c->profile->rule_count; i++) {
		const struct policy_source *source = c->profile->rules[i].source;
		struct locate_opened found = { .source = source };
		struct slice text = source->doc.text;
		size_t at = 0;

		if (source == last)
			continue;
		last = source;
		for (found.line = 1; at < text.len; found.line++) {
			struct span line = { at, slice_find(slice_from(text, at), '\n') };

			if (is_opened_line(s, line, c->scope, compiled, &found))
				return add_opened(s, &found);
			at += line.len + 1;
		}
	}
	return NULL;
}

const char *locate_opened_place(const struct locate_opened *opened, struct arena *arena)
{
	return opened ? arena_printf(arena, "%s:%zu", opened->source->path, opened->line) : "";
}

static struct slice find_cure(const struct search *s, const struct locate_case *c)
{
	const struct policy_place *allower = c->allower;

	if (allower && allower->stmt->qualifiers.priority > 0)
		return slice_of(arena_printf(s->arena, "%s:%zu", allower->source->path, allower->stmt->line));
	return find_mark(s, c->profile, c->scope);
}

/*
 * A generated text is cured elsewhere than in its file: in the kernel, or, where nothing runs yet, by the drop-in that
 * its next start reads.
 */
static bool is_cured_elsewhere(const struct search *s, const struct site_policy *sp, struct locate_case *c)
{
	if (!sp->container)
		return false;
	c->kernels = discover_in_kernel(s->site, &sp->policy, c->profile->name, c->scope) == SITE_ALLOWS;
	if (c->kernels)
		c->cure = SLICE("the policy in the kernel");
	else if (!s->site->root->live && discover_is_liblxc(sp->container) && dropin_covers(&s->site->dropin, c->scope))
		c->cure = SLICE(DROPIN_PATH);
	else
		return false;
	c->state = LOCATE_ALLOWED;
	return true;
}

static bool is_allowed(const struct judge_answer *answer)
{
	return answer->allowed[AUTOMATON_USER] && answer->allowed[AUTOMATON_OTHER];
}

static void add_culprit(struct search *s, struct locate_case *c, const struct policy_place *rule, struct slice witness)
{
	VEC(struct culprit *) all = { c->culprits, c->culprit_count, vec_cap(c->culprit_count) };
	struct culprit *culprit = culprit_of(s, rule, witness);

	for (size_t i = 0; i < all.len; i++)
		if (all.ptr[i] == culprit)
			return;
	VEC_PUSH(s->arena, &all, culprit);
	c->culprits = all.ptr;
	c->culprit_count = all.len;
	add_profile(culprit, c->profile, s->arena);
	add_scope(culprit, c->scope, s->arena);
}

/* Not all is allowed: what denies, and would it be allowed without? */
static void decide_denied(struct search *s, struct locate_case *c, const struct judge_answer *answers)
{
	c->state = LOCATE_BLOCKED;
	for (size_t i = 0; i < c->scope->access_count; i++) {
		const struct judge_answer *a = &answers[i];

		for (size_t d = 0; !is_allowed(a) && d < a->denier_count; d++)
			add_culprit(s, c, a->deniers[d], c->scope->access[i].path);
		if (!a->granted)
			c->state = LOCATE_NO_ALLOW;
		else if (!a->freed && c->state != LOCATE_NO_ALLOW)
			c->state = LOCATE_INCOMPLETE;
	}
	if (c->state == LOCATE_BLOCKED && c->culprit_count == 0)
		c->state = LOCATE_INCOMPLETE;
	for (size_t i = 0; c->state == LOCATE_BLOCKED && i < c->culprit_count; i++)
		if (c->culprits[i]->why)
			c->state = LOCATE_FIXED;
}

static void decide(struct search *s, const struct subject *subject, struct locate_case *c, size_t first)
{
	const struct judge_question *q = subject->question;
	const struct judge_answer *answers = q->answers ? q->answers + first : NULL;
	size_t denied = 0;

	c->witness = c->scope->access[0].path;
	if (!answers) {
		c->state = LOCATE_UNKNOWN;
		c->reason = arena_str(s->arena, slice_of(q->err.text));
		return;
	}
	while (denied < c->scope->access_count && is_allowed(&answers[denied]))
		denied++;
	if (denied == c->scope->access_count) {
		c->allower = answers[0].rule[AUTOMATON_OTHER];
		c->cure = find_cure(s, c);
		if (c->cure.len == 0)
			c->opened = find_opened(s, c, q->compiled);
		if (discover_in_kernel(s->site, c->policy, c->profile->name, c->scope) == SITE_DENIES)
			c->state = LOCATE_UNLOADED;
		return;
	}
	if (is_cured_elsewhere(s, subject->policy, c))
		return;
	c->witness = c->scope->access[denied].path;
	if (err_is_set(&q->unsure)) {
		c->state = LOCATE_INCOMPLETE;
		c->reason = arena_str(s->arena, slice_of(q->unsure.text));
		return;
	}
	decide_denied(s, c, answers);
}

static void decide_profile(struct search *s, const struct subject *subject)
{
	const struct judge_question *q = subject->question;
	size_t first = 0;

	if (!q->compiled && !err_is_set(&q->err))
		return; /* it stands in a branch that is not taken */
	s->finding->profile_count++;
	for (size_t i = 0; i < s->finding->scope_count; i++) {
		struct locate_case c = { .policy = q->policy, .profile = q->profile, .scope = s->finding->scopes[i] };

		decide(s, subject, &c, first);
		first += c.scope->access_count;
		VEC_PUSH(s->arena, &s->cases, c);
		if (c.state > s->finding->worst && (c.state != LOCATE_NO_ALLOW || c.culprit_count > 0))
			s->finding->worst = c.state;
	}
}

/* Profiles nobody asked about that the same rule denies in, because they share its file: an edit reaches them, too. */
static void add_sharers(struct search *s, const struct policy *policy)
{
	for (size_t i = 0; i < policy->count; i++) {
		struct policy_profile *profile = &policy->profiles[i];

		for (size_t r = 0; r < profile->rule_count; r++)
			for (size_t c = 0; c < s->culprits.len; c++)
				if (profile->rules[r].stmt == s->culprits.ptr[c]->rule->stmt)
					add_profile(s->culprits.ptr[c], profile, s->arena);
	}
}

static int merge_scopes(struct search *s)
{
	struct finding *f = s->finding;
	struct re_pool *pool = s->site->pool;

	f->paths = re_none(pool);
	for (size_t i = 0; i < f->scope_count; i++) {
		f->paths = re_alt(pool, f->paths, f->scopes[i]->paths);
		f->perms |= f->scopes[i]->perms;
		f->access_count += f->scopes[i]->access_count;
	}
	f->accesses = arena_array(s->arena, f->access_count, sizeof *f->accesses);
	for (size_t i = 0, at = 0; i < f->scope_count; i++)
		for (size_t a = 0; a < f->scopes[i]->access_count; a++)
			f->accesses[at++] = f->scopes[i]->access[a];
	return f->paths ? 0 : too_large(s->err);
}

static int ask(struct search *s, struct judge *judge)
{
	VEC(struct subject) subjects = { 0 };

	for (size_t i = 0; i < s->site->policy_count; i++) {
		const struct site_policy *sp = s->site->policies[i];

		for (size_t p = 0; p < sp->policy.count; p++) {
			const struct policy_profile *profile = &sp->policy.profiles[p];

			if (discover_wants(s->site, sp, profile))
				VEC_PUSH(
				    s->arena, &subjects,
				    (struct subject){ sp, judge_add(judge, &sp->policy, profile, sp->container,
								    s->finding->accesses, s->finding->access_count) });
		}
	}
	if (judge_run(judge, s->err) < 0)
		return -1;
	for (size_t i = 0; i < subjects.len; i++)
		decide_profile(s, &subjects.ptr[i]);
	return 0;
}

int locate(struct finding *out, const struct site *site, struct judge *judge, const struct conflict_scope **scopes,
	   size_t scope_count, struct arena *arena, struct err *err)
{
	struct search s = { .finding = out, .site = site, .arena = arena, .err = err };

	*out = (struct finding){ .conflict = site->conflict, .scopes = scopes, .scope_count = scope_count };
	if (merge_scopes(&s) < 0 || ask(&s, judge) < 0)
		return -1;
	for (size_t i = 0; i < site->policy_count; i++)
		add_sharers(&s, &site->policies[i]->policy);
	out->cases = s.cases.ptr;
	out->case_count = s.cases.len;
	out->culprits = s.culprits.ptr;
	out->culprit_count = s.culprits.len;
	out->opened = s.opened.ptr;
	out->opened_count = s.opened.len;
	locate_hold_back(out, site, judge, arena);
	return 0;
}
