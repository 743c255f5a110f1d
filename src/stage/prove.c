/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prove-internal.h"

static int check_file(const struct patch *patch, const struct patch_file *file, struct arena *arena, struct err *err)
{
	if (file->kind == PATCH_CREATE)
		return prove_check_dropin(patch, file, err);
	if (!slice_eq(file->old, file->source->doc.text))
		return err_put(err, ERR_REFUSED, "cannot prove the change of '%s': it was made for another text",
			       file->source->path);
	if (prove_check_edits(patch, file, arena, err) < 0)
		return -1;
	return patch->restores ? prove_check_restored(file, err) : 0;
}

/* -1: the changes are none of the text's, but the parser's own. */
static int check_steady(const struct attempt *a, const struct proof_policy *p)
{
	for (int new_ = 0; new_ <= 1; new_++)
		if (compile_check_steady(a->compiler, p->policy, p->policy->path, a->texts, new_ ? a->text_count : 0,
					 &p->comparison, a->patch->site->pool, a->arena, a->err) < 0)
			return -1;
	return 0;
}

static int refuse_policy(const struct attempt *a, const struct proof_policy *p)
{
	if (p->policy->source_count > 0 && check_steady(a, p) < 0)
		return -1;
	return prove_refuse_change(a, p->policy->path, &p->comparison);
}

static bool is_blocked_in(const struct locate_case *c, const struct policy *policy)
{
	return c->policy == policy && (c->state == LOCATE_BLOCKED || c->state == LOCATE_UNLOADED || c->opened);
}

static bool has_blocked_case(const struct patch *patch, const struct policy *policy)
{
	for (size_t i = 0; i < patch->finding->case_count; i++)
		if (is_blocked_in(&patch->finding->cases[i], policy))
			return true;
	return false;
}

bool prove_allows(const struct automaton_profile *profile, const struct conflict_access *access)
{
	struct automaton_perms perms = automaton_path(profile, access->path);

	for (int half = AUTOMATON_USER; half <= AUTOMATON_OTHER; half++)
		if ((perms.half[half].allow & access->perms) != access->perms)
			return false;
	return true;
}

static int check_scope(const struct attempt *a, struct slice name, const struct conflict_scope *scope,
		       const struct automaton *new_)
{
	const struct automaton_profile *profile = automaton_find(new_, name);

	if (!profile)
		return err_put(a->err, ERR_REFUSED, "cannot accept the change: the profile '%.*s' would be lost",
			       SLICE_FMT(name));
	for (size_t i = 0; i < scope->access_count; i++)
		if (!prove_allows(profile, &scope->access[i]))
			return err_put(a->err, ERR_REFUSED,
				       "cannot accept the change: '%.*s' would still be denied '%.*s'", SLICE_FMT(name),
				       SLICE_FMT(scope->access[i].path));
	return 0;
}

static int check_witnesses(const struct attempt *a, const struct policy *policy, const struct automaton *new_)
{
	const struct finding *finding = a->patch->finding;

	for (size_t i = 0; i < finding->case_count; i++)
		if (is_blocked_in(&finding->cases[i], policy) &&
		    check_scope(a, finding->cases[i].profile->name, finding->cases[i].scope, new_) < 0)
			return -1;
	return 0;
}

static int compile_new(const struct attempt *a, struct proof_policy *p)
{
	const struct policy *policy = p->policy;

	if (compile_gather(&p->old_input, a->compiler, policy, policy->path, NULL, 0, a->arena, a->err) < 0 ||
	    compile_gather(&p->new_input, a->compiler, policy, policy->path, a->texts, a->text_count, a->arena,
			   a->err) < 0)
		return -1;
	return compile_policy(a->compiler, policy, a->texts, a->text_count, a->arena, &p->new_blob, a->err);
}

static int compare_policy(const struct attempt *a, struct proof_policy *p, struct automaton *new_)
{
	const struct patch *patch = a->patch;
	struct compare_exemption exemption = { .paths = patch->paths, .perms = patch->perms };
	struct automaton old;
	bool done;

	if (compile_new(a, p) < 0)
		return err_wrap(a->err, "cannot accept the change");
	if (automaton_read(new_, p->new_blob, a->arena, a->err) < 0 || prove_live(a, p, new_, &done) < 0)
		return -1;
	if (done)
		return 0;
	if (patch->restores && prove_restored(a, p, new_) < 0)
		return -1;
	if (compile_policy(a->compiler, p->policy, NULL, 0, a->arena, &p->old_blob, a->err) < 0 ||
	    automaton_read(&old, p->old_blob, a->arena, a->err) < 0 ||
	    compare_automata(&p->comparison, &old, new_, &exemption, patch->site->pool, a->arena, a->err) < 0)
		return err_wrap(a->err, "cannot compare the policies of '%s'", p->policy->path);
	if (patch->restores)
		prove_narrow(&p->comparison);
	return 0;
}

static int judge_policy(const struct attempt *a, struct proof_policy *p, struct automaton *new_)
{
	bool changes = !p->comparison.equal;

	if (p->skipped)
		return 0;
	if (!p->comparison.allowed && !p->beyond)
		return refuse_policy(a, p);
	if (prove_loaded(a, p, new_) < 0)
		return -1;
	if (!changes && p->comparison.equal && has_blocked_case(a->patch, p->policy))
		return err_put(a->err, ERR_REFUSED, "cannot accept the change of '%s': it changes nothing",
			       p->policy->path);
	return check_witnesses(a, p->policy, new_);
}

static void collect_texts(struct attempt *a)
{
	const struct patch *patch = a->patch;

	a->texts = arena_array(a->arena, patch->file_count, sizeof *a->texts);
	for (size_t i = 0; i < patch->file_count; i++)
		if (patch->files[i].source)
			a->texts[a->text_count++] =
			    (struct compile_text){ patch->files[i].source->path, patch->files[i].new_ };
}

static int check_patch(struct attempt *a)
{
	const struct patch *patch = a->patch;
	bool dropin = false;

	for (size_t i = 0; i < patch->file_count; i++)
		dropin |= patch->files[i].kind == PATCH_CREATE;
	if (patch->file_count == 0 || (patch->policy_count == 0 && !dropin))
		return err_put(a->err, ERR_REFUSED, "cannot prove a change that changes nothing");
	if (prove_check_reach(patch, &a->others, &a->other_count, a->arena, a->err) < 0)
		return -1;
	for (size_t i = 0; i < patch->file_count; i++)
		if (check_file(patch, &patch->files[i], a->arena, a->err) < 0)
			return -1;
	return 0;
}

static struct slice new_text(const struct attempt *a, const struct policy *policy)
{
	for (size_t i = 0; i < a->text_count; i++)
		if (strcmp(a->texts[i].path, policy->path) == 0)
			return a->texts[i].bytes;
	return policy->sources[0]->doc.text;
}

/* Is the one policy the other, old and new, but for the name of the container that it was generated for? */
static bool are_twins(const struct attempt *a, const struct policy *x, const struct policy *y)
{
	AUTOARENA scratch = { 0 };

	return discover_are_twins(a->patch->site, x, y) &&
	       slice_eq(discover_anonymous(discover_container(a->patch->site, x), new_text(a, x), &scratch),
			discover_anonymous(discover_container(a->patch->site, y), new_text(a, y), &scratch));
}

/* A host may run hundreds of containers of one kind: what was shown of one is taken for the others. The new policy of
 * each is compiled all the same, and must allow the witnesses. */
static int follow_twin(const struct attempt *a, struct proof_policy *p, const struct proof_policy *twin,
		       struct automaton *new_)
{
	p->comparison = twin->comparison;
	p->comparison.changes = arena_array(a->arena, twin->comparison.count, sizeof *p->comparison.changes);
	for (size_t i = 0; i < twin->comparison.count; i++) {
		p->comparison.changes[i] = twin->comparison.changes[i];
		p->comparison.changes[i].profile = p->policy->profiles[0].name;
	}
	if (compile_new(a, p) < 0 || automaton_read(new_, p->new_blob, a->arena, a->err) < 0)
		return err_wrap(a->err, "cannot accept the change");
	return 0;
}

static int prove_policy(const struct attempt *a, struct proof_policy *policies, size_t at, struct automaton *new_)
{
	for (size_t i = 0; i < at; i++)
		if (policies[i].old_blob.len > 0 && policies[i].loaded->state == LOADED_ABSENT &&
		    policies[at].loaded->state == LOADED_ABSENT && policies[at].policy->count == 1 &&
		    are_twins(a, policies[i].policy, policies[at].policy))
			return follow_twin(a, &policies[at], &policies[i], new_);
	return compare_policy(a, &policies[at], new_);
}

/* Each policy in turn; *count tells how many were compared, whatever came out. */
static int prove_policies(const struct attempt *a, struct proof_policy *policies, size_t *count)
{
	for (size_t i = 0; i < a->patch->policy_count; i++) {
		struct automaton new_;

		policies[i].policy = a->patch->policies[i];
		policies[i].loaded = discover_loaded(a->patch->site, policies[i].policy);
		if (prove_policy(a, policies, i, &new_) < 0)
			return -1;
		*count = i + 1;
		if (judge_policy(a, &policies[i], &new_) < 0)
			return -1;
	}
	return 0;
}

/* They may be loaded at any time, and so must change as little as the others; loading them is not for this program. */
static int prove_others(const struct attempt *a)
{
	for (size_t i = 0; i < a->other_count; i++) {
		struct proof_policy other = { .policy = a->others[i] };
		struct automaton new_;

		if (compare_policy(a, &other, &new_) < 0 || (!other.comparison.allowed && refuse_policy(a, &other) < 0))
			return -1;
	}
	return 0;
}

/* Is anything left to do, once what must not be loaded is left out? */
static int check_use(const struct attempt *a, const struct proof_policy *policies, size_t count)
{
	const char *why = NULL;

	for (size_t i = 0; i < a->patch->file_count; i++)
		if (a->patch->files[i].kind == PATCH_POLICY || a->patch->files[i].kind == PATCH_CREATE)
			return 0;
	for (size_t i = 0; i < count; i++) {
		if (!policies[i].skipped)
			return 0;
		why = why ? why : policies[i].skipped;
	}
	err_put(a->err, ERR_REFUSED, "cannot load anything: %s", why);
	return err_hint(a->err, PROVE_RELOAD_HINT);
}

int prove_patch(struct proof **out, const struct patch *patch, const struct compiler *compiler, struct arena *arena,
		struct proof_policy **policies, size_t *policy_count, struct err *err)
{
	struct attempt a = { .patch = patch, .compiler = compiler, .arena = arena, .err = err };
	struct proof_policy *done = arena_array(arena, patch->policy_count, sizeof *done);
	struct proof_start *starts = NULL;
	size_t count = 0, start_count = 0;
	int result;

	*out = NULL;
	collect_texts(&a);
	result = check_patch(&a);
	if (result == 0)
		result = prove_policies(&a, done, &count);
	if (result == 0)
		result = prove_others(&a);
	if (result == 0)
		result = check_use(&a, done, count);
	if (result == 0)
		result = prove_dropin(&a, &starts, &start_count);
	if (policies) {
		*policies = done;
		*policy_count = count;
	}
	if (result < 0)
		return -1;
	*out = ARENA_NEW(arena, struct proof);
	**out = (struct proof){
		.patch = patch,
		.compiler = *compiler,
		.policies = done,
		.count = count,
		.starts = starts,
		.start_count = start_count,
	};
	return 0;
}

const struct patch *proof_patch(const struct proof *proof)
{
	return proof->patch;
}

const struct compiler *proof_compiler(const struct proof *proof)
{
	return &proof->compiler;
}

const struct proof_policy *proof_policies(const struct proof *proof, size_t *count)
{
	*count = proof->count;
	return proof->policies;
}

const struct proof_start *proof_starts(const struct proof *proof, size_t *count)
{
	*count = proof->start_count;
	return proof->starts;
}
