/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/obstacle.h>

/* Kernel security/apparmor/include/apparmor.h and include/mount.h. */
enum {
	CLASS_MOUNT = 7,
	MAY_PIVOT_ROOT = 0x01,
	MAY_MOUNT = 0x02,
	MAY_UMOUNT = 0x04,
	CONTINUE_MATCH = 0x40, /* AA_MNT_CONT_MATCH: the file system's own options decide */
};

enum { MODE_COMPLAIN = 1, MODE_UNCONFINED = 3 };

static uint32_t pass_nul(const struct automaton_dfa *dfa, uint32_t state)
{
	return automaton_step(dfa, state, 0);
}

/* match_mnt_flags(): a byte for each flag that is set, in order. */
static uint32_t pass_flags(const struct automaton_dfa *dfa, uint32_t state, uint32_t flags)
{
	for (unsigned i = 0; i < 32; i++)
		if (flags & (uint32_t)1 << i)
			state = automaton_step(dfa, state, (unsigned char)(i + 1));
	return state;
}

static bool grants(const struct automaton_profile *p, uint32_t state, uint32_t bit)
{
	struct automaton_half half = automaton_policy_perms(p, state).half[AUTOMATON_OTHER];

	return (half.allow & ~half.deny & bit) != 0;
}

/* do_match_mnt() */
static bool allows_mount(const struct automaton_profile *p, uint32_t state, const struct conflict_need *need)
{
	const struct automaton_dfa *dfa = p->policy;

	state = pass_nul(dfa, automaton_run(dfa, state, need->target));
	state = pass_nul(dfa, automaton_run(dfa, state, need->source));
	state = pass_nul(dfa, automaton_run(dfa, state, need->type));
	state = pass_flags(dfa, state, need->flags);
	if (grants(p, state, MAY_MOUNT))
		return true;
	if (need->data.len == 0 || !grants(p, state, CONTINUE_MATCH))
		return false;
	return grants(p, automaton_run(dfa, pass_nul(dfa, state), need->data), MAY_MOUNT);
}

/* build_pivotroot() */
static bool allows_pivot_root(const struct automaton_profile *p, uint32_t state, const struct conflict_need *need)
{
	state = pass_nul(p->policy, automaton_run(p->policy, state, need->target));
	return grants(p, automaton_run(p->policy, state, need->source), MAY_PIVOT_ROOT);
}

bool obstacle_allows(const struct automaton_profile *profile, const struct conflict_need *need)
{
	uint32_t state;

	if (!profile->policy || profile->mode == MODE_COMPLAIN || profile->mode == MODE_UNCONFINED)
		return true;
	state = automaton_step(profile->policy, profile->policy_start, CLASS_MOUNT);
	if (state == 0) /* RULE_MEDIATES() */
		return true;
	switch (need->operation) {
	case CONFLICT_MOUNT:
		return allows_mount(profile, state, need);
	case CONFLICT_UMOUNT: /* profile_umount() */
		return grants(profile, automaton_run(profile->policy, state, need->target), MAY_UMOUNT);
	case CONFLICT_PIVOT_ROOT:
		return allows_pivot_root(profile, state, need);
	}
	return false;
}

size_t obstacle_needs(const struct automaton_profile *profile, const struct conflict *conflict,
		      const struct conflict_need ***needs, struct arena *arena)
{
	size_t count = 0;

	*needs = arena_array(arena, conflict->need_count, sizeof **needs);
	for (size_t i = 0; i < conflict->need_count; i++)
		if (!obstacle_allows(profile, &conflict->needs[i]))
			(*needs)[count++] = &conflict->needs[i];
	return count;
}

/* One run over the cases, which come policy by policy. */
struct search {
	const struct site *site;
	const struct finding *finding;
	struct judge *judge;
	struct obstacles *out;
	struct arena *arena;
};

/* The compiled form of a profile; NULL: it could not be had. */
static const struct automaton_profile *find_profile(struct search *s, const struct locate_case *c)
{
	return judge_profile(s->judge, c->policy, c->profile, discover_container(s->site, c->policy), &s->out->reason);
}

static void ask(struct search *s, const struct locate_case *c)
{
	struct obstacles *out = s->out;
	struct obstacle found = { .profile = c->profile->name };
	const struct automaton_profile *profile = find_profile(s, c);

	if (!profile) {
		out->unasked++;
		return;
	}
	out->asked++;
	found.need_count = obstacle_needs(profile, s->finding->conflict, &found.needs, s->arena);
	if (found.need_count > 0)
		out->list[out->count++] = found;
}

void obstacle_find(struct obstacles *out, const struct site *site, const struct finding *finding, struct judge *judge,
		   struct arena *arena)
{
	struct search s = {
		.site = site,
		.finding = finding,
		.judge = judge,
		.out = out,
		.arena = arena,
	};

	*out = (struct obstacles){ 0 };
	if (finding->conflict->need_count == 0)
		return;
	out->list = arena_array(arena, finding->case_count, sizeof *out->list);
	for (size_t i = 0; i < finding->case_count; i++)
		if (i == 0 || finding->cases[i].profile != finding->cases[i - 1].profile)
			ask(&s, &finding->cases[i]);
}
