/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy-decide: which rule decides an access.
 *
 * libapparmor_re/hfa.cc pri_update_perm() of 4.1.8: a matching rule ranks priority × 4, plus 3 for deny, 2 for an allow
 * of x by an exact path, 1 for an allow, 0 for prompt; for each bit the highest rank wins. add_implied_ix_mmap(): an
 * allowed x that inherits allows m, too, unless a rule on m ranks above the one on x.
 */
#include "policy-internal.h"

int policy_prepare(struct policy_profile *profile, struct re_pool *pool, struct arena *arena, struct err *err)
{
	if (profile->prepared)
		return 0;
	for (size_t i = 0; i < profile->rule_count; i++) {
		struct policy_rule *rule = &profile->rules[i];
		struct policy_place place = policy_stmt_place(rule->source, rule->stmt);

		if (rule->aare.re)
			continue; /* done before an earlier call failed */
		if (aare_parse(&rule->aare, rule->pattern, pool, arena, err) < 0)
			return err_wrap(err, "%s:%zu:%zu", place.file, place.line, place.column);
	}
	profile->prepared = true;
	return 0;
}

void policy_release(struct policy *policy)
{
	for (size_t i = 0; i < policy->count; i++) {
		for (size_t j = 0; j < policy->profiles[i].rule_count; j++)
			aare_release(&policy->profiles[i].rules[j].aare);
		policy->profiles[i].prepared = false;
	}
}

enum { RANK_NONE = -1001 * 4, RANK_PROMPT = 0, RANK_ALLOW = 1, RANK_EXACT = 2, RANK_DENY = 3 };

struct query {
	struct policy_profile *profile;
	struct slice path;
	int half;
	const struct policy_rule *without;
	bool *matches; /* of each rule that has a bit asked about */
	uint32_t bits;
};

/* What decides one bit. */
struct bit_verdict {
	int rank; /* RANK_NONE: no rule */
	bool allowed;
	bool inherit;                   /* PERM_X: one of the winners inherits */
	const struct policy_rule *rule; /* the first of the winners */
};

/* Does the rule speak about this bit? A deny of a link to one target leaves other targets open: the pair of names
 * decides there (parser_regex.c process_dfa_entry), and only a deny of all targets counts here. */
static bool names_bit(const struct policy_rule *rule, uint32_t bit)
{
	if (bit == PERM_L && rule->deny && rule->is_link)
		return false;
	return (rule->perms & bit) != 0;
}

static bool in_half(const struct policy_rule *rule, int half)
{
	return half == AUTOMATON_USER ? !rule->other : !rule->owner;
}

static int rank_of(const struct policy_rule *rule, uint32_t bit)
{
	int rank = RANK_ALLOW;

	if (rule->deny)
		rank = RANK_DENY;
	else if (rule->prompt)
		rank = RANK_PROMPT;
	else if (bit == PERM_X && rule->aare.exact)
		rank = RANK_EXACT;
	return rule->priority * 4 + rank;
}

/* One text is left out as a whole: an alias makes several rules of it. */
static bool is_left_out(const struct query *q, const struct policy_rule *rule)
{
	return q->without && (rule == q->without || (rule->stmt == q->without->stmt && rule->stmt));
}

static void match_rules(struct query *q, struct arena *arena)
{
	q->matches = arena_array(arena, q->profile->rule_count, sizeof *q->matches);
	for (size_t i = 0; i < q->profile->rule_count; i++) {
		struct policy_rule *rule = &q->profile->rules[i];

		q->matches[i] = (rule->perms & q->bits) && in_half(rule, q->half) && !is_left_out(q, rule) &&
				aare_match(&rule->aare, q->path, arena);
	}
}

static struct bit_verdict decide_bit(const struct query *q, uint32_t bit)
{
	struct bit_verdict v = { .rank = RANK_NONE };

	for (size_t i = 0; i < q->profile->rule_count; i++) {
		const struct policy_rule *rule = &q->profile->rules[i];
		int rank;

		if (!q->matches[i] || !names_bit(rule, bit))
			continue;
		rank = rank_of(rule, bit);
		if (rank < v.rank)
			continue;
		if (rank > v.rank)
			v = (struct bit_verdict){ rank, !rule->deny && !rule->prompt, false, rule };
		v.inherit |= rule->inherit;
	}
	return v;
}

static struct bit_verdict decide_m(const struct query *q)
{
	struct bit_verdict m = decide_bit(q, PERM_M), x = decide_bit(q, PERM_X);

	if (!m.allowed && x.allowed && x.inherit && m.rank <= x.rank) {
		x.inherit = false;
		return x;
	}
	return m;
}

static void add_deniers(const struct query *q, uint32_t bit, int rank, struct policy_verdict *out)
{
	for (size_t i = 0; i < q->profile->rule_count; i++) {
		const struct policy_rule *rule = &q->profile->rules[i];
		bool known = false;

		if (!q->matches[i] || !rule->deny || !names_bit(rule, bit) || rank_of(rule, bit) != rank)
			continue;
		for (size_t j = 0; j < out->denier_count; j++)
			known |= out->deniers[j] == rule;
		if (!known)
			out->deniers[out->denier_count++] = rule;
	}
}

void policy_decide(struct policy_profile *profile, struct slice path, uint32_t perms, int half,
		   const struct policy_rule *without, struct policy_verdict *out, struct arena *arena)
{
	struct query q = { .profile = profile, .path = path, .half = half, .without = without, .bits = perms };
	const struct policy_rule *allower = NULL;

	if (perms & PERM_M)
		q.bits |= PERM_X;
	match_rules(&q, arena);
	*out = (struct policy_verdict){ .allowed = perms != 0 };
	out->deniers = arena_array(arena, profile->rule_count, sizeof *out->deniers);
	for (uint32_t bit = PERM_X; bit <= PERM_M; bit <<= 1) {
		struct bit_verdict v;

		if (!(perms & bit))
			continue;
		v = bit == PERM_M ? decide_m(&q) : decide_bit(&q, bit);
		out->allowed &= v.allowed;
		if (v.allowed && !allower)
			allower = v.rule;
		if (v.rule && v.rule->deny)
			add_deniers(&q, bit, v.rank, out);
	}
	if (out->allowed)
		out->rule = allower;
	else if (out->denier_count > 0)
		out->rule = out->deniers[0];
}
