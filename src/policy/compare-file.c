/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compare-internal.h"

/* Beyond so many changes of a profile nobody reads patterns. */
enum { PATTERN_LIMIT = 32 };

/* The strings on which the permissions go from one to another; those with a NUL apart. */
struct group {
	uint32_t from, to; /* numbers of permissions */
	bool nul;
	uint32_t first; /* a pair with the shortest string */
	bool excused;   /* its bits may change; where, the exemption's paths tell */
	bool outside;   /* a string is outside those paths */
	struct slice example;
};

struct groups {
	const struct walk *w;
	const struct compare_names *perms;
	VEC(struct group) all;
	struct compare_map index;
	struct arena *arena, *keep; /* of the walk, of the result */
};

/* Languages of the exemption on the way: a state machine by derivatives, made as far as it is walked. */
struct follower {
	const struct re *re;
	bool expanded;
	size_t count;
	unsigned char *bytes; /* one for each class of bytes that neither it nor the walk tells apart */
	uint32_t *next;
};

struct triple {
	uint32_t pair, follower, parent;
	unsigned char byte;
};

struct exempt_walk {
	const struct walk *w;
	struct groups *groups;
	struct re_pool *pool;
	struct arena *arena;
	struct err *err;
	VEC(struct follower) followers;
	VEC(struct triple) triples;
	struct compare_map by_re, by_triple;
	size_t left; /* groups not yet seen outside */
};

static uint64_t pair_key(uint32_t high, uint32_t low)
{
	return (uint64_t)high << 32 | low;
}

static uint64_t group_key(const struct walk *w, uint32_t pair)
{
	const struct walk_pair *p = &w->pairs.ptr[pair];

	/* There are fewer permissions than states, so that the highest bit is free. */
	return pair_key(w->old.perms[p->old], w->new_.perms[p->new_]) | (uint64_t)p->nul << 63;
}

static void find_groups(struct groups *g)
{
	for (uint32_t i = 0; i < g->w->pairs.len; i++) {
		const struct walk_pair *p = &g->w->pairs.ptr[i];
		struct group fresh = { .nul = p->nul, .first = i };
		bool added;

		if (!walk_differs(g->w, i))
			continue;
		fresh.from = g->w->old.perms[p->old];
		fresh.to = g->w->new_.perms[p->new_];
		compare_map_put(&g->index, group_key(g->w, i), (uint32_t)g->all.len, &added);
		if (added)
			VEC_PUSH(g->arena, &g->all, fresh);
	}
}

/* Does nothing but the bits of the mask change? */
static bool only_bits(const struct automaton_perms *from, const struct automaton_perms *to, uint32_t mask)
{
	struct automaton_perms a = *from, b = *to;

	for (unsigned i = 0; i < 2; i++) {
		struct automaton_half *half[2] = { &a.half[i], &b.half[i] };

		for (unsigned k = 0; k < 2; k++) {
			half[k]->allow &= ~mask;
			half[k]->deny &= ~mask;
			half[k]->audit &= ~mask;
			half[k]->quiet &= ~mask;
		}
	}
	return memcmp(&a, &b, sizeof a) == 0;
}

static uint32_t follower_of(struct exempt_walk *x, const struct re *re)
{
	struct follower fresh = { .re = re };
	uint32_t at;
	bool added;

	at = compare_map_put(&x->by_re, re->id, (uint32_t)x->followers.len, &added);
	if (added)
		VEC_PUSH(x->arena, &x->followers, fresh);
	return at;
}

/* Fills what follows on each class of bytes. */
static int expand(struct exempt_walk *x, uint32_t at)
{
	const struct re *re = x->followers.ptr[at].re;
	unsigned char rep[256], bytes[256] = { 0 };
	struct re_set sets[256];
	size_t classes = re_classes(re, NULL, rep, sets), n = 0;
	uint32_t next[256] = { 0 };
	struct follower *f;

	for (size_t i = 0; i < classes; i++) {
		bool seen[256] = { false };
		const struct re *then = re_derive(x->pool, re, rep[i]);
		uint32_t to;

		if (!then)
			return err_put(x->err, ERR_FAILED,
				       "cannot compare the policies: what may change is described too intricately");
		to = follower_of(x, then);
		for (unsigned c = 1; c < 256; c++) {
			unsigned char k = x->w->class_of[c];

			if (!re_set_has(&sets[i], (unsigned char)c) || seen[k])
				continue;
			seen[k] = true;
			bytes[n] = re_set_has(&sets[i], (unsigned char)x->w->symbols[k])
				       ? (unsigned char)x->w->symbols[k]
				       : (unsigned char)c;
			next[n++] = to;
		}
	}
	f = &x->followers.ptr[at];
	f->bytes = arena_array(x->arena, n + 1, sizeof *f->bytes);
	f->next = arena_array(x->arena, n + 1, sizeof *f->next);
	memcpy(f->bytes, bytes, n * sizeof *bytes);
	memcpy(f->next, next, n * sizeof *next);
	f->count = n;
	f->expanded = true;
	return 0;
}

static struct slice triple_text(const struct exempt_walk *x, uint32_t at)
{
	size_t len = 0;
	char *text;

	for (uint32_t i = at; x->triples.ptr[i].parent != NO_PAIR; i = x->triples.ptr[i].parent)
		len++;
	text = arena_alloc(x->groups->keep, len + 1);
	for (uint32_t i = at, k = (uint32_t)len; k > 0; i = x->triples.ptr[i].parent)
		text[--k] = (char)x->triples.ptr[i].byte;
	return (struct slice){ text, len };
}

/* A changed string that the paths do not hold speaks against its group. The first is a shortest. */
static void judge(struct exempt_walk *x, uint32_t at)
{
	const struct triple *t = &x->triples.ptr[at];
	struct group *g;

	if (x->followers.ptr[t->follower].re->nullable || !walk_differs(x->w, t->pair))
		return;
	g = &x->groups->all.ptr[compare_map_get(&x->groups->index, group_key(x->w, t->pair))];
	if (!g->excused || g->outside)
		return;
	g->outside = true;
	g->example = triple_text(x, at);
	x->left--;
}

static void reach(struct exempt_walk *x, struct triple t)
{
	bool added;
	uint32_t at = compare_map_put(&x->by_triple, pair_key(t.pair, t.follower), (uint32_t)x->triples.len, &added);

	if (!added)
		return;
	VEC_PUSH(x->arena, &x->triples, t);
	judge(x, at);
}

/* Both policies and the paths that may change, walked together: exact, whatever the languages are. */
static int hold_against_paths(struct exempt_walk *x, const struct re *paths)
{
	reach(x, (struct triple){ .pair = 0, .follower = follower_of(x, paths), .parent = NO_PAIR });
	for (uint32_t i = 0; i < x->triples.len && x->left > 0; i++) {
		struct triple t = x->triples.ptr[i];

		if (!x->followers.ptr[t.follower].expanded && expand(x, t.follower))
			return -1;
		for (size_t k = 0; k < x->followers.ptr[t.follower].count; k++) {
			const struct follower *f = &x->followers.ptr[t.follower];
			unsigned char c = f->bytes[k];

			reach(x, (struct triple){ .pair = walk_find(x->w, t.pair, x->w->class_of[c]),
						  .follower = f->next[k],
						  .parent = i,
						  .byte = c });
		}
		if (x->triples.len > PAIR_LIMIT)
			return err_put(x->err, ERR_FAILED, "cannot compare the policies: more than %d states",
				       PAIR_LIMIT);
	}
	return 0;
}

static int excuse(struct groups *g, const struct findings *f)
{
	const struct compare_exemption *e = f->exemption;
	AUTOARENA local = { 0 };
	struct exempt_walk x = { .w = g->w, .groups = g, .pool = f->pool, .arena = &local, .err = f->err };
	uint32_t mask;

	if (!e || !e->paths || !f->pool)
		return 0;
	mask = e->perms | (e->perms & PERM_W ? PERM_A : 0);
	for (size_t i = 0; i < g->all.len; i++) {
		struct group *one = &g->all.ptr[i];

		struct automaton_perms from = compare_perms_of(g->perms, one->from);
		struct automaton_perms to = compare_perms_of(g->perms, one->to);

		one->excused = !one->nul && only_bits(&from, &to, mask);
		x.left += one->excused;
	}
	x.by_re.arena = x.by_triple.arena = &local;
	return x.left > 0 ? hold_against_paths(&x, e->paths) : 0;
}

static struct slice group_pattern(struct walk *w, const struct groups *g, size_t at, const struct findings *f)
{
	AUTOARENA local = { 0 };
	bool *member;

	if (at >= PATTERN_LIMIT || !walk_edges(w))
		return (struct slice){ 0 };
	member = arena_array(&local, w->pairs.len, sizeof *member);
	for (uint32_t i = 0; i < w->pairs.len; i++)
		member[i] = walk_differs(w, i) && compare_map_get(&g->index, group_key(w, i)) == at;
	return compare_pattern(w, member, f->arena);
}

/* Behind a NUL stands what a path is linked to: nothing but l and the subset, which is K there, is asked of it (kernel
 * file.c profile_path_link); what a profile may change to has bits of its own. */
static void leave_link_bits(struct automaton_perms *perms)
{
	for (int half = 0; half < 2; half++) {
		perms->half[half].allow &= PERM_L | PERM_K;
		perms->half[half].deny &= PERM_L | PERM_K;
	}
}

static bool changes_no_link(struct automaton_perms from, struct automaton_perms to)
{
	leave_link_bits(&from);
	leave_link_bits(&to);
	return compare_only_logging(&from, &to);
}

static void report(struct findings *f, size_t place, struct slice profile, struct walk *w, const struct groups *g)
{
	for (size_t i = 0; i < g->all.len; i++) {
		const struct group *one = &g->all.ptr[i];
		struct automaton_perms from = compare_perms_of(g->perms, one->from);
		struct automaton_perms to = compare_perms_of(g->perms, one->to);
		enum compare_kind kind = COMPARE_FILE;
		struct compare_change *c;
		AUTOBUF text = { 0 };

		if (one->nul)
			kind = changes_no_link(from, to) ? COMPARE_LOGGING : COMPARE_LINK;
		c = found_add(f, place, kind, profile);
		c->from = from;
		c->to = to;
		c->allowed = kind == COMPARE_LOGGING || (one->excused && !one->outside);
		walk_text(w, one->first, &text);
		c->example = one->outside ? one->example : arena_slice(f->arena, buf_slice(&text));
		if (kind == COMPARE_FILE)
			c->pattern = group_pattern(w, g, i, f);
	}
}

int compare_file(struct findings *f, size_t place, const struct automaton_profile *old,
		 const struct automaton_profile *new_)
{
	AUTOARENA local = { 0 };
	struct compare_names perms = { .arena = &local }, names = { .arena = &local };
	struct walk w = { .part_nul = true, .arena = &local };
	struct groups g = { .w = &w, .perms = &perms, .arena = &local, .keep = f->arena };

	w.old =
	    (struct walk_side){ old->file, old->file_start, compare_perms(&perms, &names, old, COMPARE_FILE, &local) };
	w.new_ = (struct walk_side){ new_->file, new_->file_start,
				     compare_perms(&perms, &names, new_, COMPARE_FILE, &local) };
	if (walk_run(&w, f->err))
		return -1;
	g.index.arena = &local;
	find_groups(&g);
	if (g.all.len == 0)
		return 0;
	if (excuse(&g, f))
		return -1;
	report(f, place, old->name, &w, &g);
	return 0;
}
