/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prove-dropin: a change of the drop-in changes the next start of every container that reads it.
 *
 * The text that liblxc will write is made for each, with the old drop-in and with the new one, and the two are compiled
 * and compared. A line that the parser refuses would stop every container of the host, so none is placed untried.
 */
#include "prove-internal.h"

static bool is_of_conflict(const struct patch *patch, const struct conflict_scope *scope)
{
	for (size_t i = 0; i < patch->site->conflict->scope_count; i++)
		if (&patch->site->conflict->scopes[i] == scope)
			return true;
	return false;
}

/* May the drop-in take this form? One without a line that gives something back, or whose hook calls nobody, does not do
 * what it is said to do; only one that is taken away gives back nothing. */
static int check_form(const struct patch *patch, const struct patch_file *file, struct err *err)
{
	enum fsio_kind kind;

	if (patch->dropin == DROPIN_NONE)
		return file->existed ? 0 : err_put(err, ERR_REFUSED, "cannot prove a drop-in that gives back nothing");
	if (patch->dropin_scope_count == 0 || file->removed)
		return err_put(err, ERR_REFUSED, "cannot prove a drop-in that gives back nothing");
	for (size_t i = 0; i < patch->dropin_scope_count; i++)
		if (!is_of_conflict(patch, patch->dropin_scopes[i]))
			return err_put(err, ERR_REFUSED,
				       "cannot prove a drop-in for a scope that the conflict has not");
	if (patch->dropin == DROPIN_PRIORITY)
		return 0;
	if (patch->dropin != DROPIN_HOOK || fsio_kind(patch->site->root, NESTFIX_PROGRAM, &kind, NULL) < 0 ||
	    kind != FSIO_FILE)
		return err_put(err, ERR_REFUSED, "cannot prove a hook that calls '%s', which is not there",
			       NESTFIX_PROGRAM);
	return 0;
}

int prove_check_dropin(const struct patch *patch, const struct patch_file *file, struct err *err)
{
	const struct site *site = patch->site;
	AUTOBUF text = { 0 };

	if (strcmp(patch_path(file), DROPIN_PATH) != 0)
		return err_put(err, ERR_REFUSED, "cannot prove '%s': it is not what this program writes",
			       patch_path(file));
	if (site->dropin.mode == DROPIN_UNREADABLE || !slice_eq(file->old, site->dropin.text) ||
	    file->existed != (site->dropin.text.len > 0))
		return err_put(err, ERR_REFUSED,
			       "cannot prove the change of '" DROPIN_PATH "': it was made for "
			       "another text");
	if (check_form(patch, file, err) < 0)
		return -1;
	dropin_write(file->old, patch->dropin, site->conflict, patch->dropin_scopes, patch->dropin_scope_count, &text);
	if (!slice_eq(file->new_, buf_slice(&text)) || file->removed != (text.len == 0))
		return err_put(err, ERR_REFUSED, "cannot prove '" DROPIN_PATH "': it is not what this program writes");
	return 0;
}

/* A pair of texts that was compared, by what they hang on but for the name of the container. */
struct pair {
	struct slice old, new_;
	size_t start; /* its place in `done`, from 1; 0: it was not compared */
};

/* One run over the containers. */
struct starts {
	const struct attempt *a;
	const struct patch_file *file;
	struct nextstart next;
	struct compare_exemption exemption;
	VEC(struct pair) pairs;
	VEC(struct proof_start) done;
	struct arena *arena;
	struct err *err;
};

/* One container's next start, old and new. */
struct start {
	const struct container *container;
	const char *name; /* for messages */
	const char *profile;
	struct lxc_config before, config; /* with the old drop-in, and with the new one */
	enum nextstart_base base;
};

static void exempt_scopes(const struct patch *patch, struct compare_exemption *out)
{
	out->paths = re_none(patch->site->pool);
	for (size_t i = 0; i < patch->site->conflict->scope_count; i++) {
		const struct conflict_scope *scope = &patch->site->conflict->scopes[i];
		bool counts = dropin_covers(&patch->site->dropin, scope);

		for (size_t k = 0; k < patch->dropin_scope_count; k++)
			counts |= patch->dropin_scopes[k] == scope;
		if (!counts)
			continue;
		out->paths = re_alt(patch->site->pool, out->paths, scope->paths);
		out->perms |= scope->perms;
	}
}

/* 1: compiled, 0: the parser refuses the text, -1: it does not answer. */
static int compile(const struct starts *s, const char *name, struct slice text, struct automaton *out, struct err *why)
{
	struct slice blob;

	err_clear(why);
	if (compile_text(s->a->compiler, name, text, s->arena, &blob, why) == 0)
		return automaton_read(out, blob, s->arena, s->err) < 0 ? -1 : 1;
	if (compile_is_refusal(why))
		return 0;
	err_put(s->err, why->kind, "%s", why->text);
	err_hint(s->err, "%s", why->hint);
	return err_wrap(s->err, "cannot try the drop-in");
}

static int refuse_text(const struct starts *s, const struct start *start, const struct err *why)
{
	err_put(s->err, ERR_REFUSED, "cannot accept the drop-in: %s could not start: %s", start->name, why->text);
	return err_hint(s->err, "%s", why->hint);
}

/* What its next start was to be. Of a text that the parser refuses already, for the drop-in's rules or others, the one
 * without any drop-in stands for it; 0 where that is refused, too: the container does not start as it is. */
static int compile_old(struct starts *s, const struct start *start, struct automaton *out)
{
	AUTOARENA scratch = { 0 };
	enum nextstart_base base;
	struct lxc_config config;
	struct err why = { 0 };
	struct slice text = nextstart_text(&s->next, start->container, &start->before, &base, &scratch);
	int compiled = compile(s, start->profile, text, out, &why);

	if (compiled != 0 || !start->container->config)
		return compiled;
	if (nextstart_config(&config, &s->next, start->container, SLICE(""), s->err) < 0)
		return -1;
	text = nextstart_text(&s->next, start->container, &config, &base, &scratch);
	return compile(s, start->profile, text, out, &why);
}

static int compile_new(struct starts *s, struct start *start, struct automaton *out)
{
	AUTOARENA scratch = { 0 };
	struct err why = { 0 };
	struct slice text = nextstart_text(&s->next, start->container, &start->config, &start->base, &scratch);
	int compiled = compile(s, start->profile, text, out, &why);

	return compiled != 0 ? compiled : refuse_text(s, start, &why);
}

static int refuse_loss(const struct starts *s, const struct start *start, struct lasting_loss *loss)
{
	loss->container = start->container;
	err_put(s->err, ERR_REFUSED, "cannot accept the drop-in: %s", lasting_loss_words(loss, s->arena));
	return err_hint(s->err, "nothing was written; take that line out, or cure containers one by one");
}

/* Is all allowed that the drop-in, or a library that is cured, is said to allow? But for what the container denies
 * itself.
 */
static int check_witnesses(const struct starts *s, const struct start *start, const struct lasting_own *own,
			   const struct automaton_profile *profile)
{
	const struct patch *patch = s->a->patch;
	const struct conflict *conflict = patch->site->conflict;

	for (size_t i = 0; i < conflict->scope_count; i++) {
		const struct conflict_scope *scope = &conflict->scopes[i];
		bool counts = patch->dropin == DROPIN_NONE && dropin_covers(&patch->site->dropin, scope);

		for (size_t k = 0; k < patch->dropin_scope_count; k++)
			counts |= patch->dropin == DROPIN_PRIORITY && patch->dropin_scopes[k] == scope;
		for (size_t k = 0; counts && k < scope->access_count; k++)
			if (!prove_allows(profile, &scope->access[k]) &&
			    !lasting_denies(own, scope->access[k].path, scope->access[k].perms))
				return err_put(s->err, ERR_REFUSED,
					       "cannot accept the drop-in: %s would still be denied '%.*s'",
					       start->name, SLICE_FMT(scope->access[k].path));
	}
	return 0;
}

static int judge(struct starts *s, const struct start *start, const struct comparison *comparison,
		 const struct automaton *new_)
{
	const struct automaton_profile *profile = automaton_find(new_, slice_of(start->profile));
	const struct patch *patch = s->a->patch;
	struct lasting_loss loss = { 0 };
	struct lasting_own own;
	int lost;

	if (!comparison->allowed)
		return prove_refuse_change(s->a, start->name, comparison);
	if (!profile)
		return err_put(s->err, ERR_REFUSED, "cannot accept the drop-in: the profile of %s would be lost",
			       start->name);
	if (lasting_own(&own, patch->site, s->a->compiler, &start->config, patch->dropin_scopes,
			patch->dropin_scope_count, s->arena, s->err) < 0)
		return err_wrap(s->err, "cannot accept the drop-in");
	lost = lasting_is_lost(&loss, &own, profile, s->exemption.perms, patch->site->pool, s->arena, s->err);
	if (lost != 0)
		return lost < 0 ? -1 : refuse_loss(s, start, &loss);
	return check_witnesses(s, start, &own, profile);
}

static int compare(struct starts *s, struct start *start)
{
	const struct container *c = start->container;
	struct proof_start *done;
	struct automaton old, new_;
	int compiled;

	start->profile = arena_str(s->arena, lxc_profile_name(c->name, c->lxcpath, s->arena));
	compiled = compile_old(s, start, &old);
	if (compiled <= 0)
		return compiled;
	if (compile_new(s, start, &new_) < 0)
		return -1;
	VEC_PUSH(s->arena, &s->done,
		 (struct proof_start){ .container = c, .alike = 1, .base = start->base, .why = s->next.why });
	s->pairs.ptr[s->pairs.len - 1].start = s->done.len;
	done = &s->done.ptr[s->done.len - 1];
	if (compare_automata(&done->comparison, &old, &new_, &s->exemption, s->a->patch->site->pool, s->arena, s->err) <
	    0)
		return err_wrap(s->err, "cannot try the drop-in on %s", start->name);
	return judge(s, start, &done->comparison, &new_);
}

/* Compares where the drop-in changes something (`all`: also where it does not), unless that was done for a container
 * that is told from this one by its name alone. */
static int prove_start(struct starts *s, struct start *start, bool all)
{
	AUTOARENA scratch = { 0 };
	struct pair pair = { nextstart_key(&s->next, start->container, &start->before, &scratch),
			     nextstart_key(&s->next, start->container, &start->config, &scratch), 0 };

	if (slice_eq(pair.old, pair.new_) && !all)
		return 0;
	for (size_t i = 0; i < s->pairs.len; i++) {
		const struct pair *known = &s->pairs.ptr[i];

		if (!slice_eq(known->old, pair.old) || !slice_eq(known->new_, pair.new_))
			continue;
		if (known->start > 0)
			s->done.ptr[known->start - 1].alike++;
		return 0;
	}
	pair.old = arena_slice(s->arena, pair.old);
	pair.new_ = arena_slice(s->arena, pair.new_);
	VEC_PUSH(s->arena, &s->pairs, pair);
	return compare(s, start);
}

/* Did our hook in the drop-in cure it? */
static bool has_hook(const struct lxc_config *config, const struct dropin *dropin)
{
	for (size_t i = 0; i < config->start_host.count; i++)
		for (size_t k = 0; k < dropin->scope_count; k++)
			if (dropin_hook_gives(config->start_host.items[i].value, dropin->scopes[k]))
				return true;
	return false;
}

/* A configuration that LXC itself refuses starts nothing. One that cannot be read may deny anything: only a hook is
 * safe then, which leaves alone what is no cause. */
static int prove_container(struct starts *s, const struct container *c)
{
	const struct patch *patch = s->a->patch;
	struct start start = {
		.container = c,
		.name = arena_printf(s->arena, "container '%.*s'", SLICE_FMT(c->name)),
		.before = c->lxc,
	};
	struct lasting_loss unknown = { 0 };

	if (c->lxc.unread)
		return patch->dropin == DROPIN_HOOK ? 0 : refuse_loss(s, &start, &unknown);
	if (nextstart_config(&start.config, &s->next, c, s->file->new_, NULL) < 0 || !start.config.generated)
		return 0;
	unknown.unordered = start.config.order_matters;
	if (unknown.unordered && patch->dropin == DROPIN_PRIORITY)
		return refuse_loss(s, &start, &unknown);
	return prove_start(s, &start, patch->dropin == DROPIN_NONE && has_hook(&c->lxc, &patch->site->dropin));
}

/* The raw lines of the drop-in alone. */
static void raw_lines(struct slice text, struct lxc_list *out, struct arena *arena)
{
	VEC(struct lxc_setting) lines = { 0 };
	struct keyval kv;

	keyval_parse(&kv, text, KEYVAL_LXC, arena);
	for (size_t i = 0; i < kv.count; i++)
		if (kv.entries[i].kind == KEYVAL_PAIR && slice_is(kv.entries[i].key, "lxc.apparmor.raw"))
			VEC_PUSH(arena, &lines,
				 (struct lxc_setting){ kv.entries[i].value, { DROPIN_PATH, kv.entries[i].line } });
	*out = (struct lxc_list){ lines.ptr, lines.len };
}

/* Where no container reads it yet: one that may be made some day. */
static int prove_sample(struct starts *s)
{
	static const struct container any = { .name = SLICE("sample"), .lxcpath = SLICE("/var/lib/lxc") };
	struct start start = { .container = &any, .name = "a new container" };

	start.before.generated = start.config.generated = true;
	raw_lines(s->file->new_, &start.config.raw, s->arena);
	if (prove_start(s, &start, true) < 0)
		return -1;
	if (s->done.len == 0)
		return err_put(s->err, ERR_FAILED, "cannot try the drop-in: no text of a generated profile compiles");
	s->done.ptr[0].container = NULL;
	return 0;
}

int prove_dropin(const struct attempt *a, struct proof_start **out, size_t *count)
{
	const struct patch *patch = a->patch;
	struct starts s = { .a = a, .arena = a->arena, .err = a->err };

	for (size_t i = 0; i < patch->file_count; i++)
		if (patch->files[i].kind == PATCH_CREATE)
			s.file = &patch->files[i];
	if (!s.file)
		return 0;
	if (err_is_set(&patch->site->host_err) && patch->dropin != DROPIN_HOOK)
		return err_put(a->err, ERR_REFUSED,
			       "cannot accept the drop-in: not every container of this host could "
			       "be listed");
	nextstart_open(&s.next, patch->site, patch->sample, a->arena);
	exempt_scopes(patch, &s.exemption);
	for (size_t i = 0; i < patch->site->host.count; i++)
		if (discover_is_liblxc(&patch->site->host.list[i]) &&
		    prove_container(&s, &patch->site->host.list[i]) < 0)
			return -1;
	if (s.done.len == 0 && patch->dropin == DROPIN_PRIORITY && prove_sample(&s) < 0)
		return -1;
	*out = s.done.ptr;
	*count = s.done.len;
	return 0;
}
