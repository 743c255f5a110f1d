/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "judge-internal.h"

/* A question on its way to an answer. */
struct asked {
	struct judge_question *question;
	struct judge_compiled *policy, *sheet;
	struct judge_singles singles;
};

typedef VEC(struct asked) asked_vec;

struct judge *judge_new(const struct root *root, const char *program, const char *features, struct arena *arena)
{
	struct judge *judge = ARENA_NEW(arena, struct judge);

	judge->arena = arena;
	judge->root = root;
	judge->program = program;
	judge->features = features;
	return judge;
}

void judge_watch(struct judge *judge, const struct compile_watch *watch)
{
	judge->watch = *watch;
}

const struct compiler *judge_compiler(struct judge *judge, struct err *err)
{
	if (!judge->has_compiler &&
	    compiler_init(&judge->compiler, judge->root, judge->program, judge->features, judge->arena, err) < 0)
		return NULL;
	judge->has_compiler = true;
	judge->compiler.watch = judge->watch;
	return &judge->compiler;
}

struct judge_question *judge_add(struct judge *judge, const struct policy *policy, const struct policy_profile *profile,
				 const struct container *container, const struct conflict_access *accesses,
				 size_t count)
{
	struct judge_question *q = ARENA_NEW(judge->arena, struct judge_question);

	q->policy = policy;
	q->profile = profile;
	q->container = container;
	q->accesses = accesses;
	q->count = count;
	VEC_PUSH(judge->arena, &judge->questions, q);
	return q;
}

/* One sheet for the questions about one policy, which were added one after the other. */
static size_t add_sheet(struct judge *judge, asked_vec *all, size_t from)
{
	const struct policy *policy = all->ptr[from].question->policy;
	struct judge_sheet sheet;
	struct judge_compiled *compiled;
	size_t to = from;

	judge_sheet_begin(&sheet, policy, judge->arena);
	for (; to < all->len && all->ptr[to].question->policy == policy; to++) {
		struct asked *a = &all->ptr[to];
		struct judge_question *q = a->question;

		if (judge_sheet_add(&sheet, q->profile, q->accesses, q->count, &a->singles, &q->unsure) < 0)
			a->singles = (struct judge_singles){ 0 };
	}
	compiled = judge_take(judge, judge_sheet_end(&sheet), NULL);
	for (size_t i = from; i < to; i++)
		all->ptr[i].sheet = compiled;
	return to;
}

static bool has_variable(const struct policy_profile *profile)
{
	return memmem(profile->name.ptr, profile->name.len, "@{", 2) != NULL;
}

/* The one compiled profile that no name of the text is the name of; NULL where there are others. */
static const struct automaton_profile *find_nameless(const struct automaton *automaton, const struct policy *policy)
{
	const struct automaton_profile *found = NULL;

	for (size_t i = 0; i < automaton->count; i++) {
		if (policy_find(policy, automaton->profiles[i].name))
			continue;
		if (found)
			return NULL;
		found = &automaton->profiles[i];
	}
	return found;
}

/* A twin's profile bears another name, and one that is written with a variable the name that the parser makes of it. */
static const struct automaton_profile *find_profile(const struct judge_compiled *c, const struct policy *policy,
						    const struct policy_profile *profile, struct err *err)
{
	const struct automaton_profile *found = automaton_find(&c->automaton, profile->name);

	if (!found && (policy->count == 1 || has_variable(profile)))
		found = find_nameless(&c->automaton, policy);
	if (!found && has_variable(profile))
		err_put(err, ERR_FAILED, "cannot tell which of the profiles of '%s' is '%.*s'", policy->path,
			SLICE_FMT(profile->name));
	return found;
}

int judge_takes(struct judge *judge, const struct policy *policy, const struct container *container, struct err *err)
{
	struct judge_compiled *c;

	if (!judge_compiler(judge, err))
		return -1;
	c = judge_take(judge, policy, container);
	judge_compile(judge);
	if (!err_is_set(&c->err))
		return 0;
	*err = c->err;
	return -1;
}

const struct automaton_profile *judge_profile(struct judge *judge, const struct policy *policy,
					      const struct policy_profile *profile, const struct container *container,
					      struct err *err)
{
	struct judge_compiled *c;

	if (!judge_compiler(judge, err))
		return NULL;
	c = judge_take(judge, policy, container);
	judge_compile(judge);
	if (err_is_set(&c->err)) {
		*err = c->err;
		return NULL;
	}
	return find_profile(c, policy, profile, err);
}

/* Is there a name that the path may be linked to? The pair must allow it, too (kernel file.c profile_path_link). */
static bool may_link(const struct automaton_profile *profile, struct slice path, int half)
{
	const struct automaton_dfa *dfa = profile->file;
	size_t states = automaton_states(dfa), count = 0;
	AUTOARENA scratch = { 0 };
	bool *seen = arena_array(&scratch, states, sizeof *seen);
	uint32_t *queue = arena_array(&scratch, states, sizeof *queue);
	unsigned char class_of[256], byte_of[256] = { 0 };
	size_t classes = automaton_classes(dfa, class_of);

	for (unsigned c = 255; c > 0; c--)
		byte_of[class_of[c]] = (unsigned char)c;
	queue[0] = automaton_step(dfa, automaton_run(dfa, profile->file_start, path), 0);
	seen[queue[0]] = true;
	count = 1;
	for (size_t i = 0; i < count; i++) {
		if (automaton_file_perms(profile, queue[i]).half[half].allow & PERM_L)
			return true;
		for (size_t k = 0; k < classes; k++) {
			uint32_t next = automaton_step(dfa, queue[i], byte_of[k]);

			if (byte_of[k] && !seen[next]) {
				seen[next] = true;
				queue[count++] = next;
			}
		}
	}
	return false;
}

static uint32_t allowed(const struct automaton_profile *profile, const struct conflict_access *access, int half)
{
	uint32_t perms = automaton_path(profile, access->path).half[half].allow & access->perms;

	if ((perms & PERM_L) && profile->file && !may_link(profile, access->path, half))
		perms &= ~(uint32_t)PERM_L;
	return perms;
}

/* What a profile of the sheet allows of the permissions. */
static uint32_t sheet_allows(const struct asked *a, size_t number, const struct conflict_access *access, int half)
{
	AUTOARENA scratch = { 0 };
	struct slice name = slice_of(arena_printf(&scratch, "n%zu", number));
	const struct automaton_profile *p = automaton_find(&a->sheet->automaton, name);

	return p ? allowed(p, access, half) : 0;
}

/* Does the rule deny some of the permissions, in this half, so that it counts? */
static bool takes(const struct asked *a, const struct judge_single *single, const struct conflict_access *access,
		  int half)
{
	if (!single->takes || sheet_allows(a, single->takes, access, half) == access->perms)
		return false;
	return !single->back || sheet_allows(a, single->back, access, half) != access->perms;
}

/* Which of the permissions does it give, in this half? */
static uint32_t gives(const struct asked *a, const struct judge_single *single, const struct conflict_access *access,
		      int half)
{
	return single->gives ? sheet_allows(a, single->gives, access, half) : 0;
}

static bool is_higher(const struct policy_place *rule, const struct policy_place *than)
{
	return !than || rule->stmt->qualifiers.priority > than->stmt->qualifiers.priority;
}

/* The first of the highest priority that denies; or that allows: all of it, else a part. */
static const struct policy_place *decider(const struct asked *a, const struct conflict_access *access, int half,
					  bool deny)
{
	const struct policy_place *whole = NULL, *part = NULL;

	for (size_t i = 0; i < a->singles.list.len; i++) {
		const struct judge_single *single = &a->singles.list.ptr[i];
		uint32_t given = deny ? 0 : gives(a, single, access, half);

		if ((deny ? takes(a, single, access, half) : given == access->perms) && is_higher(single->rule, whole))
			whole = single->rule;
		if (given && !part)
			part = single->rule;
	}
	return whole ? whole : part;
}

static void add_deniers(const struct asked *a, const struct conflict_access *access, struct judge_answer *out,
			struct arena *arena)
{
	VEC(const struct policy_place *) deniers = { 0 };

	for (size_t i = 0; i < a->singles.list.len; i++) {
		const struct judge_single *single = &a->singles.list.ptr[i];

		if ((!out->allowed[AUTOMATON_USER] && takes(a, single, access, AUTOMATON_USER)) ||
		    (!out->allowed[AUTOMATON_OTHER] && takes(a, single, access, AUTOMATON_OTHER)))
			VEC_PUSH(arena, &deniers, single->rule);
	}
	out->deniers = deniers.ptr;
	out->denier_count = deniers.len;
}

static void answer_access(struct judge *judge, const struct asked *a, const struct conflict_access *access,
			  struct judge_answer *out)
{
	for (int half = AUTOMATON_USER; half <= AUTOMATON_OTHER; half++)
		out->allowed[half] = allowed(a->question->compiled, access, half) == access->perms;
	if (err_is_set(&a->question->unsure))
		return;
	out->freed = out->granted = true;
	for (int half = AUTOMATON_USER; half <= AUTOMATON_OTHER; half++) {
		const struct policy_place *allower = decider(a, access, half, false);

		out->freed &= sheet_allows(a, a->singles.without, access, half) == access->perms;
		out->granted &= allower != NULL;
		out->rule[half] = out->allowed[half] ? allower : decider(a, access, half, true);
	}
	add_deniers(a, access, out, judge->arena);
}

static void answer(struct judge *judge, struct asked *a)
{
	struct judge_question *q = a->question;

	q->err = a->policy->err;
	if (err_is_set(&q->err))
		return;
	q->compiled = find_profile(a->policy, q->policy, q->profile, &q->err);
	if (!q->compiled)
		return;
	if (!err_is_set(&q->unsure))
		q->unsure = a->sheet->err;
	q->answers = arena_array(judge->arena, q->count, sizeof *q->answers);
	for (size_t i = 0; i < q->count; i++)
		answer_access(judge, a, &q->accesses[i], &q->answers[i]);
}

int judge_run(struct judge *judge, struct err *err)
{
	asked_vec all = { 0 };

	if (judge->questions.len == 0)
		return 0;
	if (!judge_compiler(judge, err))
		return -1;
	for (size_t i = 0; i < judge->questions.len; i++)
		VEC_PUSH(judge->arena, &all, (struct asked){ .question = judge->questions.ptr[i] });
	judge->questions.len = 0;
	for (size_t i = 0; i < all.len;)
		i = add_sheet(judge, &all, i);
	for (size_t i = 0; i < all.len; i++)
		all.ptr[i].policy = judge_take(judge, all.ptr[i].question->policy, all.ptr[i].question->container);
	judge_compile(judge);
	for (size_t i = 0; i < all.len; i++)
		answer(judge, &all.ptr[i]);
	return 0;
}
