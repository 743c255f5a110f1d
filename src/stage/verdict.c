/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "verdict-internal.h"

/* The worst case of a policy's profile, or NULL: a generated text is its container's alone. */
static const struct locate_case *case_of(const struct court *court, const struct container *owner, struct slice profile)
{
	const struct locate_case *worst = NULL;

	for (size_t i = 0; i < court->finding->case_count; i++) {
		const struct locate_case *c = &court->finding->cases[i];

		if (court->owners[i] == owner && (owner || slice_eq(c->profile->name, profile)) &&
		    (!worst || c->state > worst->state))
			worst = c;
	}
	return worst;
}

static void find_owners(struct court *court)
{
	const struct finding *f = court->finding;

	court->owners = arena_array(court->arena, f->case_count, sizeof *court->owners);
	for (size_t i = 0; i < f->case_count; i++)
		court->owners[i] = i > 0 && f->cases[i].policy == f->cases[i - 1].policy
				       ? court->owners[i - 1]
				       : discover_container(court->site, f->cases[i].policy);
}

const struct conflict_need *verdict_need(const struct automaton_profile *profile, const struct conflict *conflict)
{
	for (size_t i = 0; profile && i < conflict->need_count; i++)
		if (!obstacle_allows(profile, &conflict->needs[i]))
			return &conflict->needs[i];
	return NULL;
}

/* What the kernel holds counts for what runs; where it does not show it, the text. */
static const struct automaton_profile *held_of(struct court *court, const struct locate_case *c)
{
	const struct loaded_policy *loaded = discover_loaded(court->site, c->policy);
	const struct automaton_profile *held =
	    loaded->state == LOADED_READ ? automaton_find(&loaded->automaton, c->profile->name) : NULL;
	const struct container *owner = discover_container(court->site, c->policy);
	struct err why = { 0 };

	return held ? held : judge_profile(court->judge, c->policy, c->profile, owner, &why);
}

struct slice verdict_rule(const struct policy_place *rule, struct arena *arena)
{
	AUTOBUF text = { 0 };

	buf_addline(&text, slice_sub(rule->source->doc.text, rule->stmt->span.at, rule->stmt->span.len));
	return arena_slice(arena, buf_slice(&text));
}

static void blame(struct verdict_answer *a, const struct policy_place *rule, struct arena *arena)
{
	a->rule = verdict_rule(rule, arena);
	a->place = arena_printf(arena, "%s:%zu", rule->source->path, rule->stmt->line);
}

/* Was a profile chosen whose name says what it is for, as LXC's own lxc-container-default-with-nesting? */
static bool is_for_nesting(const struct container *c)
{
	static const char *const words[] = { "nest", "docker", "podman" };
	struct slice profile = c->lxc.profile.value;

	for (size_t i = 0; c->origin == CONTAINER_STATIC && i < sizeof words / sizeof *words; i++)
		if (profile.len > 0 && memmem(profile.ptr, profile.len, words[i], strlen(words[i])))
			return true;
	return false;
}

static bool asks(const struct verdict *v)
{
	const struct container *c = v->container;

	return v->named || c->docker || c->nesting || (c->kind == CONTAINER_PVE && c->pve.next.nesting) ||
	       is_for_nesting(c);
}

void verdict_settle(const struct verdict *v, struct verdict_answer *a)
{
	if (!a->need)
		a->word = a->ruled ? VERDICT_STOPPED : VERDICT_WORKS;
	else
		a->word = asks(v) ? VERDICT_STOPPED : VERDICT_UNFIT;
}

static void say_unknown(struct verdict_answer *a, const char *why)
{
	a->word = VERDICT_UNKNOWN;
	a->why = why;
}

/* Does liblxc refuse the configuration itself, and is it not we who may not read it? */
static bool is_broken(const struct container *c)
{
	return c->kind != CONTAINER_PVE && c->err.kind == ERR_FAILED && c->err.errnum != EACCES &&
	       c->err.errnum != EPERM;
}

/* The parser's words from the file and the line on. One bad file keeps every profile of a top-level file away. */
static const char *refused_words(const struct court *court, const struct locate_case *c)
{
	const char *at = strstr(c->reason, " in profile ");

	return arena_printf(court->arena, "no profile of %s loads: %s", c->policy->path,
			    at ? at + strlen(" in profile ") : c->reason);
}

/* What locate found in a policy that is in force, or that a file holds. */
static void by_case(struct court *court, const struct verdict *v, const struct locate_case *c, struct verdict_answer *a)
{
	if (c->state == LOCATE_UNKNOWN) {
		say_unknown(a, refused_words(court, c));
		return;
	}
	a->ruled = c->state != LOCATE_ALLOWED && (c->state != LOCATE_NO_ALLOW || c->culprit_count > 0);
	a->unloaded = c->state == LOCATE_UNLOADED;
	a->fixed = a->ruled && c->state != LOCATE_BLOCKED && !a->unloaded;
	if (c->culprit_count > 0)
		blame(a, c->culprits[0]->rule, court->arena);
	if (c->state == LOCATE_ALLOWED && c->cure.len > 0)
		a->cure = arena_str(court->arena, c->cure);
	else if (c->state == LOCATE_ALLOWED && c->opened)
		a->cure =
		    arena_printf(court->arena, "opened by hand: %s", locate_opened_place(c->opened, court->arena));
	a->profile = held_of(court, c);
	a->need = verdict_need(a->profile, court->site->conflict);
	verdict_settle(v, a);
}

/* A file that could not be read, in which the profile's name stands. */
static const struct site_skipped *find_skipped(const struct court *court, struct slice profile)
{
	for (size_t i = 0; i < court->site->skipped_count && profile.len > 0; i++) {
		const struct site_skipped *s = &court->site->skipped[i];
		AUTOARENA scratch = { 0 };
		struct file file;

		if (s->is_policy && fsio_read(court->site->root, s->path, FILE_LIMIT, &scratch, &file, NULL) == 0 &&
		    memmem(file.bytes.ptr, file.bytes.len, profile.ptr, profile.len))
			return s;
	}
	return NULL;
}

static void by_profile(struct court *court, const struct verdict *v, struct slice profile, struct verdict_answer *a)
{
	const struct locate_case *c = case_of(court, NULL, profile);
	const struct site_skipped *skipped;

	if (c) {
		by_case(court, v, c, a);
		return;
	}
	skipped = find_skipped(court, profile);
	a->broken = !skipped;
	say_unknown(a, skipped
			   ? arena_printf(court->arena, "its profile file cannot be read: %s", skipped->err.text)
			   : arena_printf(court->arena, "its profile %.*s is not on this host", SLICE_FMT(profile)));
}

static void switched_off(const struct verdict *v, struct verdict_answer *a, struct arena *arena)
{
	const struct lxc_place *place = &v->container->lxc.profile.place;

	*a = (struct verdict_answer){ .word = VERDICT_OFF };
	if (place->path && place->line > 0)
		a->place = arena_printf(arena, "%s:%zu", place->path, place->line);
}

static bool is_off(const struct container *c)
{
	return c->origin == CONTAINER_UNCONFINED || c->origin == CONTAINER_UNCHANGED || c->origin == CONTAINER_OFF;
}

/* While it runs: by the label that the kernel shows, else by what its configuration says. */
static void judge_now(struct court *court, struct verdict *v)
{
	const struct container *c = v->container;
	struct slice label = discover_label(c->label);
	const struct locate_case *own = case_of(court, c, (struct slice){ 0 });

	if (!c->running)
		return;
	if (slice_is(label, "unconfined") || (label.len == 0 && is_off(c)))
		switched_off(v, &v->now, court->arena);
	else if (own && (label.len == 0 || slice_eq(label, own->profile->name)))
		by_case(court, v, own, &v->now);
	else if (label.len > 0)
		by_profile(court, v, label, &v->now);
	else if (c->origin == CONTAINER_STATIC)
		by_profile(court, v, c->profile, &v->now);
	else
		say_unknown(&v->now, "what it runs with cannot be seen");
}

/* A daemon's text: what we loaded in its place is gone at the next start. */
static void judge_daemons(struct court *court, struct verdict *v)
{
	const struct locate_case *c = case_of(court, v->container, (struct slice){ 0 });

	if (!c) {
		say_unknown(&v->next, "its daemon has written no profile for it yet");
		return;
	}
	by_case(court, v, c, &v->next);
	if (!c->kernels)
		return;
	v->next.cure = NULL;
	v->next.ruled = true;
	verdict_settle(v, &v->next);
}

static void judge_next(struct court *court, struct verdict *v)
{
	const struct container *c = v->container;

	if (c->kind == CONTAINER_PVE && c->pve.is_template) /* PVE::API2::LXC::Status refuses to start it */
		return;
	v->next.broken = is_broken(c);
	if (err_is_set(&c->err))
		say_unknown(&v->next, c->err.text); /* what liblxc refuses, it does not start */
	else if (is_off(c))
		switched_off(v, &v->next, court->arena);
	else if (c->origin == CONTAINER_STATIC)
		by_profile(court, v, c->profile, &v->next);
	else if (!discover_is_liblxc(c))
		judge_daemons(court, v);
	else
		verdict_next(court, v);
}

static const struct lxc_place *hiding_line(const struct container *c)
{
	for (size_t i = 0; i < c->lxc.mount_entries.count; i++)
		if (lxc_hides_apparmor(c->lxc.mount_entries.items[i].value))
			return &c->lxc.mount_entries.items[i].place;
	return NULL;
}

/* The profile that comes with this program (profiles/lxc-container-nestfix). */
static bool has_own_profile(const struct site *site)
{
	for (size_t i = 0; i < site->policy_count; i++)
		if (policy_find(&site->policies[i]->policy, SLICE("lxc-container-nestfix")))
			return true;
	return false;
}

static enum verdict_advice advise_need(const struct court *court, struct verdict *v)
{
	const struct container *c = v->container;

	if (c->kind == CONTAINER_PVE && c->pve.has_profile) {
		v->line = &c->lxc.profile.place;
		return VERDICT_LINE;
	}
	if (c->origin == CONTAINER_STATIC)
		return has_own_profile(court->site) ? VERDICT_PROFILE : VERDICT_NESTING;
	if (!c->nesting)
		return VERDICT_NESTING;
	return VERDICT_LOOK;
}

static enum verdict_advice advise_rule(struct court *court, struct verdict *v, const struct verdict_answer *a)
{
	const struct container *c = v->container;

	if (a->unloaded)
		return VERDICT_RELOAD;
	if (a->fixed)
		return VERDICT_LOOK;
	if (c->origin != CONTAINER_GENERATED)
		return VERDICT_FIX;
	if (!discover_is_liblxc(c))
		return VERDICT_UPDATE;
	return verdict_dropin(court, v);
}

static enum verdict_advice advise(struct court *court, struct verdict *v)
{
	const struct verdict_answer *a = verdict_worst(v);

	if (a->word == VERDICT_STOPPED)
		return a->need ? advise_need(court, v) : advise_rule(court, v, a);
	v->line = hiding_line(v->container);
	if (v->next.word == VERDICT_OFF || v->now.word == VERDICT_OFF || v->line) {
		if (!v->line)
			v->line = &v->container->lxc.profile.place;
		return v->container->blamed || v->container->docker ? VERDICT_HARDEN : VERDICT_NOTHING;
	}
	return VERDICT_NOTHING;
}

const struct verdict_answer *verdict_worst(const struct verdict *v)
{
	return v->now.word >= v->next.word ? &v->now : &v->next;
}

static void judge_one(struct court *court, struct verdict *v)
{
	const struct verdict_answer *worst;

	judge_now(court, v);
	judge_next(court, v);
	worst = verdict_worst(v);
	v->counts = worst->word == VERDICT_STOPPED ||
		    (worst->word == VERDICT_UNKNOWN && (!worst->broken || v->named || v->container->docker));
	v->advice = advise(court, v);
	if (v->container == court->site->host.fresh)
		return;
	court->out->failing += worst->word == VERDICT_STOPPED;
	court->out->unknown += worst->word == VERDICT_UNKNOWN && v->counts;
}

static bool is_named(const struct site *site, const struct container *c)
{
	for (size_t i = 0; i < site->target_count; i++)
		if (site->targets[i].found == c)
			return true;
	return false;
}

/* A policy or profile that was named is about all that wear it. */
static bool is_wearer(const struct court *court, const struct container *c)
{
	for (size_t i = 0; i < court->finding->case_count; i++) {
		const struct locate_case *lc = &court->finding->cases[i];
		const struct container *owner = court->owners[i];

		if (owner == c || (!owner && c->origin == CONTAINER_STATIC && slice_eq(lc->profile->name, c->profile)))
			return true;
	}
	return false;
}

/* Nothing is known of an ordinary user's container that does not run, for its files are not read. */
static bool is_left_out(const struct container *c)
{
	return c->kind == CONTAINER_USER && !c->running;
}

static void gather(struct court *court)
{
	const struct site *site = court->site;
	VEC(struct verdict) list = { 0 };

	for (size_t i = 0; i < site->host.count; i++) {
		const struct container *c = &site->host.list[i];
		bool named = is_named(site, c);

		court->out->users += is_left_out(c) && !named;
		if (is_left_out(c) && !named)
			continue;
		if (named || site->target_count == 0 || is_wearer(court, c))
			VEC_PUSH(court->arena, &list, (struct verdict){ .container = c, .named = named });
	}
	court->out->list = list.ptr;
	court->out->count = list.len;
	court->out->whole = site->host.count > 0;
	if (site->host.fresh && site->target_count == 0 && site->host.count > 0) {
		court->out->fresh = ARENA_NEW(court->arena, struct verdict);
		court->out->fresh->container = site->host.fresh;
	}
}

static bool has_profile(const struct verdicts *v, const struct policy_profile *profile)
{
	for (size_t i = 0; i < v->unworn_count; i++)
		if (v->unworn[i] == profile)
			return true;
	return false;
}

static void find_unworn(struct court *court)
{
	const struct finding *f = court->finding;
	VEC(const struct policy_profile *) list = { 0 };

	for (size_t i = 0; i < f->case_count && court->out->whole; i++) {
		const struct locate_case *c = &f->cases[i];

		if (c->state == LOCATE_ALLOWED || c->culprit_count == 0 || court->owners[i] ||
		    discover_is_worn(court->site, c->profile->name) || has_profile(court->out, c->profile))
			continue;
		VEC_PUSH(court->arena, &list, c->profile);
		court->out->unworn = list.ptr;
		court->out->unworn_count = list.len;
	}
}

int verdict_judge(struct verdicts *out, const struct site *site, const struct finding *finding, struct judge *judge,
		  struct slice sample, struct arena *arena, struct err *err)
{
	struct court court = { .out = out, .site = site, .finding = finding, .judge = judge, .arena = arena };

	*out = (struct verdicts){ 0 };
	find_owners(&court);
	nextstart_open(&court.next, site, sample, arena);
	gather(&court);
	if (verdict_ask(&court, err) < 0)
		return -1;
	for (size_t i = 0; i < out->count; i++)
		judge_one(&court, &out->list[i]);
	if (out->fresh)
		judge_one(&court, out->fresh);
	find_unworn(&court);
	out->opened = finding->opened_count > 0 ? finding->opened[0] : NULL;
	return 0;
}

int verdict_foresee(struct verdict *out, const struct site *site, const struct finding *finding, struct judge *judge,
		    struct slice sample, const struct container *after, struct arena *arena, struct err *err)
{
	struct verdicts one = { .list = out, .count = 1 };
	struct court court = { .out = &one, .site = site, .finding = finding, .judge = judge, .arena = arena };

	*out = (struct verdict){ .container = after, .named = true };
	find_owners(&court);
	nextstart_open(&court.next, site, sample, arena);
	if (verdict_ask(&court, err) < 0)
		return -1;
	judge_next(&court, out);
	return 0;
}

bool verdict_is_found(const struct verdicts *v)
{
	return v->opened || v->failing > 0 || v->unknown > 0 || (v->fresh && v->fresh->counts);
}
