/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verdict-next: what liblxc will write at a container's next start, asked as a policy is. Texts that are alike, once.
 */
#include "verdict-internal.h"

static bool is_written(const struct verdict *v)
{
	const struct container *c = v->container;

	return discover_is_liblxc(c) && c->origin == CONTAINER_GENERATED && !err_is_set(&c->err) && !c->pve.is_template;
}

static struct next_start *find_start(struct court *court, const struct container *c)
{
	AUTOARENA scratch = { 0 };
	struct slice key = nextstart_key(&court->next, c, &c->lxc, &scratch);

	for (size_t i = 0; i < court->starts.len; i++)
		if (slice_eq(court->starts.ptr[i].key, key))
			return &court->starts.ptr[i];
	VEC_PUSH(court->arena, &court->starts,
		 (struct next_start){ .key = arena_slice(court->arena, key), .container = c });
	return &court->starts.ptr[court->starts.len - 1];
}

/* The text as a policy of its own, with the includes of the host. */
static const struct policy *policy_of(struct court *court, struct slice text, struct err *err)
{
	struct policy_sources *sources = policy_sources_over(court->site->sources, court->arena);
	struct policy *policy = ARENA_NEW(court->arena, struct policy);
	static const char path[] = "/next-start"; /* no name of a container, which may be any bytes */

	policy_sources_put(sources, path, text);
	return policy_read(policy, sources, path, court->arena, err) < 0 ? NULL : policy;
}

static void ask_start(struct court *court, struct next_start *start)
{
	struct slice text =
	    nextstart_text(&court->next, start->container, &start->container->lxc, &start->base, court->arena);
	const struct policy *policy;

	if (text.len == 0) {
		err_put(&start->err, ERR_FAILED, "the text that liblxc will write is not known");
		return;
	}
	start->kind = nextstart_kind(text);
	policy = policy_of(court, text, &start->err);
	if (!policy || policy->count == 0)
		return;
	start->question = judge_add(court->judge, policy, &policy->profiles[0], start->container,
				    court->finding->accesses, court->finding->access_count);
}

static void ask_of(struct court *court, const struct verdict *v)
{
	struct next_start *start;

	if (!is_written(v))
		return;
	start = find_start(court, v->container);
	if (!start->question && !err_is_set(&start->err))
		ask_start(court, start);
}

int verdict_ask(struct court *court, struct err *err)
{
	for (size_t i = 0; i < court->out->count; i++)
		ask_of(court, &court->out->list[i]);
	if (court->out->fresh)
		ask_of(court, court->out->fresh);
	return judge_run(court->judge, err);
}

static bool is_denied(const struct judge_answer *a)
{
	return !a->allowed[AUTOMATON_USER] || !a->allowed[AUTOMATON_OTHER];
}

static void find_rule(const struct judge_question *q, struct verdict_answer *a, struct arena *arena)
{
	for (size_t i = 0; i < q->count && a->rule.len == 0; i++) {
		a->ruled = a->ruled || is_denied(&q->answers[i]);
		if (is_denied(&q->answers[i]) && q->answers[i].denier_count > 0)
			a->rule = verdict_rule(q->answers[i].deniers[0], arena);
	}
}

/* Where there is no text to ask: LXC allows all of them with nesting, and not all without (lsm/apparmor.c). */
static const struct conflict_need *need_by_settings(const struct conflict *conflict, const struct container *c)
{
	return c->lxc.nesting || conflict->need_count == 0 ? NULL : conflict->needs;
}

static const struct conflict_need *need_of(const struct court *court, const struct next_start *start,
					   const struct container *c)
{
	const struct conflict *conflict = court->site->conflict;

	/* the sample is a short text, of no setting in particular */
	if (start->base == NEXTSTART_SAMPLE || start->kind.nesting != c->lxc.nesting)
		return need_by_settings(conflict, c);
	return verdict_need(start->question->compiled, conflict);
}

/* The file of the line that cures it: the drop-in, or its own configuration. */
static const char *cure_path(const struct court *court, const struct container *c)
{
	const struct lxc_list *lists[] = { &c->lxc.raw, &c->lxc.start_host };

	for (size_t l = 0; l < 2; l++)
		for (size_t i = 0; i < lists[l]->count; i++)
			for (size_t s = 0; s < court->finding->scope_count; s++)
				if (dropin_is_rule(lists[l]->items[i].value, court->site->conflict) ||
				    dropin_hook_gives(lists[l]->items[i].value, court->finding->scopes[s]))
					return lists[l]->items[i].place.path;
	return DROPIN_PATH;
}

static const char *cure_words(const struct court *court, const struct container *c, enum lasting lasting)
{
	struct slice version = container_lxc_version(&court->site->host);

	if (lasting == LASTING_UPSTREAM)
		return arena_printf(court->arena, "LXC %.*s is cured", SLICE_FMT(version));
	return lasting == LASTING_DROPIN ? arena_printf(court->arena, "cured by %s", cure_path(court, c)) : NULL;
}

/* A hook cures what the text denies, and a library that is cured writes another text than the one at hand. */
static void apply_lasting(const struct court *court, const struct container *c, struct verdict_answer *a)
{
	const struct finding *f = court->finding;
	enum lasting lasting = lasting_of(court->site, c, f->scopes, f->scope_count);

	if (lasting == LASTING_DROPIN || lasting == LASTING_UPSTREAM)
		a->ruled = false;
	else if (lasting == LASTING_BLOCKED && c->lxc.order_matters)
		a->ruled = true;
	a->cure = a->ruled ? NULL : cure_words(court, c, lasting);
	if (!a->ruled)
		a->rule = (struct slice){ 0 };
}

/* The raw line of the container's own without which the parser takes the text, or NULL. */
static const struct lxc_setting *find_bad_line(struct court *court, const struct container *c)
{
	for (size_t i = 0; i < c->lxc.raw.count && i < RAW_TRIES; i++) {
		const struct lxc_setting *line = &c->lxc.raw.items[i];
		struct lxc_config without = c->lxc;
		const struct policy *policy;
		enum nextstart_base base;
		struct err why = { 0 };

		if (line->place.line == 0 || !line->place.path || strcmp(line->place.path, c->config) != 0)
			continue;
		without.raw.items = arena_array(court->arena, c->lxc.raw.count, sizeof *without.raw.items);
		without.raw.count = 0;
		for (size_t k = 0; k < c->lxc.raw.count; k++)
			if (k != i)
				without.raw.items[without.raw.count++] = c->lxc.raw.items[k];
		policy = policy_of(court, nextstart_text(&court->next, c, &without, &base, court->arena), NULL);
		if (policy && judge_takes(court->judge, policy, c, &why) == 0)
			return line;
	}
	return NULL;
}

/* A text that the parser refuses. On this host no container starts with it; of another root's text another parser may
 * think otherwise, and what its lines say stands for it. */
static void without_text(struct court *court, struct verdict *v, const struct err *why)
{
	const struct container *c = v->container;
	struct verdict_answer *a = &v->next;

	const struct lxc_setting *bad = compile_is_refusal(why) ? find_bad_line(court, c) : NULL;

	if (bad) {
		a->word = VERDICT_UNKNOWN;
		a->broken = true;
		a->why = arena_printf(court->arena,
				      "it will not start: apparmor_parser refuses 'lxc.apparmor.raw = %.*s' (%s:%zu)",
				      SLICE_FMT(bad->value), bad->place.path, bad->place.line);
		return;
	}
	if (court->site->root->live || !compile_is_refusal(why)) {
		a->word = VERDICT_UNKNOWN;
		a->why = arena_printf(court->arena, "it will not start: %s", why->text);
		return;
	}
	a->ruled = true;
	apply_lasting(court, c, a);
	a->need = need_by_settings(court->site->conflict, c);
	verdict_settle(v, a);
}

void verdict_next(struct court *court, struct verdict *v)
{
	const struct next_start *start = find_start(court, v->container);
	const struct judge_question *q = start->question;
	struct verdict_answer *a = &v->next;

	if (!q || !q->answers) {
		without_text(court, v, q && err_is_set(&q->err) ? &q->err : &start->err);
		return;
	}
	find_rule(q, a, court->arena);
	apply_lasting(court, v->container, a);
	a->profile = q->compiled; /* the sample has the deny rules of all others, in short */
	a->need = need_of(court, start, v->container);
	verdict_settle(v, a);
}

/* Its configuration with a drop-in of this form, and others' lines in it as they are; DROPIN_NONE: those alone. */
static bool with_dropin(struct court *court, const struct container *c, enum dropin_mode form, struct lxc_config *out)
{
	const struct finding *f = court->finding;
	AUTOBUF text = { 0 };

	dropin_write(court->site->dropin.text, form, court->site->conflict, f->scopes, f->scope_count, &text);
	return nextstart_config(out, &court->next, c, arena_slice(court->arena, buf_slice(&text)), NULL) == 0;
}

/* Does it read the drop-in at all? */
static bool reads_dropin(struct court *court, const struct container *c)
{
	struct lxc_config with, without;

	return !with_dropin(court, c, DROPIN_PRIORITY, &with) ||
	       nextstart_config(&without, &court->next, c, SLICE(""), NULL) < 0 || with.file_count > without.file_count;
}

/* Is what a drop-in of this form gives still there at the end of its configuration? *reset: the line that took it. */
static bool keeps(struct court *court, const struct container *c, enum dropin_mode form, struct lxc_place *reset)
{
	struct lxc_config with, without;

	if (!with_dropin(court, c, form, &with) || !with_dropin(court, c, DROPIN_NONE, &without))
		return true;
	*reset = form == DROPIN_PRIORITY ? with.raw_reset : with.start_host_reset;
	return form == DROPIN_PRIORITY ? with.raw.count > without.raw.count
				       : with.start_host.count > without.start_host.count;
}

enum verdict_advice verdict_dropin(struct court *court, struct verdict *v)
{
	static const enum dropin_mode forms[] = { DROPIN_PRIORITY, DROPIN_HOOK };
	enum dropin_mode now = court->site->dropin.mode;
	struct lxc_place *reset = ARENA_NEW(court->arena, struct lxc_place);

	if (!reads_dropin(court, v->container))
		return VERDICT_INCLUDE;
	for (size_t i = 0; i < 2; i++)
		if ((now == forms[i] || now == DROPIN_NONE) && keeps(court, v->container, forms[i], reset))
			return VERDICT_FIX;
	v->line = reset;
	return reset->path ? VERDICT_RESET : VERDICT_FIX;
}
