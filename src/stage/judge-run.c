/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge-run: what was compiled in this run, and in earlier ones. */
#include "judge-internal.h"

/* Names tell policies of the boot apart (a marker in force-complain/ goes by them); texts of containers are alike but
 * for the name of the container. */
static void add_top(struct cache_key *key, struct judge *judge, const struct policy *policy, struct slice text,
		    const struct container *container, struct arena *scratch)
{
	if (container && discover_is_liblxc(container) && policy->count == 1) {
		cache_key_add(key, SLICE(""));
		cache_key_add(key, discover_anonymous(container, text, scratch));
		return;
	}
	cache_key_add(key, slice_of(policy->path));
	cache_key_add(key, text);
	if (compile_is_marked(&judge->compiler, "force-complain", policy->path, scratch))
		cache_key_add(key, SLICE("complain"));
}

/* Everything that the result depends on: the parser, and all that it reads. */
static const char *key_of(struct judge *judge, const struct policy *policy, const struct policy_reach *input,
			  const struct container *container)
{
	AUTOARENA scratch = { 0 };
	AUTOKEY key = { 0 };

	if (!judge->identity) {
		AUTOKEY identity = { 0 };

		compile_identity(judge->root, judge->program, judge->features, &identity);
		judge->identity = cache_key_digest(&identity, judge->arena);
	}
	cache_key_add(&key, slice_of(judge->identity));
	add_top(&key, judge, policy, input->parts[0].source->doc.text, container, &scratch);
	for (size_t i = 1; i < input->count; i++) {
		const struct policy_part *part = &input->parts[i];

		cache_key_add(&key, slice_of(part->path));
		cache_key_add(&key, part->source ? part->source->doc.text : SLICE(""));
	}
	return cache_key_digest(&key, judge->arena);
}

static struct judge_compiled *entry_of(struct judge *judge, const struct policy *policy,
				       const struct policy_reach *input, const struct container *container)
{
	const char *key = key_of(judge, policy, input, container);
	struct judge_compiled *c;

	for (size_t i = 0; i < judge->compiled.len; i++)
		if (strcmp(judge->compiled.ptr[i]->key, key) == 0)
			return judge->compiled.ptr[i];
	c = ARENA_NEW(judge->arena, struct judge_compiled);
	c->key = key;
	c->policy = policy;
	VEC_PUSH(judge->arena, &judge->compiled, c);
	return c;
}

struct judge_compiled *judge_take(struct judge *judge, const struct policy *policy, const struct container *container)
{
	struct judge_compiled *refused = ARENA_NEW(judge->arena, struct judge_compiled);
	struct policy_reach input;

	if (compile_gather(&input, &judge->compiler, policy, policy->path, NULL, 0, judge->arena, &refused->err) == 0)
		return entry_of(judge, policy, &input, container);
	refused->done = true;
	return refused;
}

void judge_know(struct judge *judge, const struct policy *policy, const struct policy_reach *input,
		const struct container *container, struct slice blob)
{
	struct judge_compiled *c;

	if (!judge_compiler(judge, NULL))
		return;
	c = entry_of(judge, policy, input, container);
	if (c->done)
		return;
	c->done = true;
	c->blob = blob;
	automaton_read(&c->automaton, blob, judge->arena, &c->err);
}

/* One compilation, for cache_take. */
struct work {
	const struct judge *judge;
	const struct judge_compiled *compiled;
	struct arena *arena;
};

static int make(void *ctx, struct slice *out, struct err *err)
{
	const struct work *w = ctx;

	return compile_policy(&w->judge->compiler, w->compiled->policy, NULL, 0, w->arena, out, err);
}

static int fetch(const struct judge *judge, struct judge_compiled *c)
{
	struct work w = { judge, c, judge->arena };
	AUTOKEY key = { 0 };
	bool made;

	if (!judge->root->live) /* nothing is written into another root, or for it */
		return make(&w, &c->blob, &c->err);
	cache_key_add(&key, slice_of(c->key));
	return cache_take(judge->root, &key, 0, make, &w, &c->blob, &made, judge->arena, &c->err);
}

void judge_compile(struct judge *judge)
{
	for (size_t i = 0; i < judge->compiled.len; i++) {
		struct judge_compiled *c = judge->compiled.ptr[i];

		if (c->done)
			continue;
		c->done = true;
		if (fetch(judge, c) == 0)
			automaton_read(&c->automaton, c->blob, judge->arena, &c->err);
	}
}
