/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lasting-own: what a container's own raw lines deny. The parser says what they mean, in small profiles that allow
 * every file beside. */
#include <nestfix/lasting.h>

#define NAME "aa-nestfix-own"

/* One reading. */
struct reading {
	struct lasting_own *out;
	const struct site *site;
	const struct compiler *compiler;
	const struct conflict_scope *const *scopes;
	size_t scope_count;
	struct automaton automaton; /* as compiled last */
	struct arena *arena;
	struct err *err;
};

/* Only these words can make a line deny something: its own, or those of a file that it includes. */
static bool may_deny(struct slice line)
{
	return memmem(line.ptr, line.len, "deny", 4) || memmem(line.ptr, line.len, "include", 7);
}

/* All lines but our own, if any of them may deny something: a statement may run over several. */
static void collect(struct reading *r, const struct lxc_list *raw)
{
	bool any = false;

	r->out->lines = arena_array(r->arena, raw->count, sizeof *r->out->lines);
	for (size_t i = 0; i < raw->count; i++) {
		if (dropin_is_rule(raw->items[i].value, r->site->conflict))
			continue;
		any |= may_deny(raw->items[i].value);
		r->out->lines[r->out->count++] = &raw->items[i];
	}
	if (!any)
		r->out->count = 0;
}

static void add_begin(struct buf *text, const char *what, size_t number)
{
	buf_addf(text, "profile \"" NAME "-%s-%zu\" flags=(attach_disconnected,mediate_deleted) {\n", what, number);
}

/* What the scopes give back, and nothing else. */
static void add_scopes(const struct reading *r, struct buf *text)
{
	add_begin(text, "given", 0);
	for (size_t i = 0; i < r->scope_count; i++) {
		for (size_t k = 0; k < r->scopes[i]->give_back_count; k++) {
			buf_addf(text, "  %.*s ", SLICE_FMT(r->scopes[i]->give_back[k]));
			dropin_letters(r->scopes[i]->perms, text);
			buf_adds(text, ",\n");
		}
	}
	buf_adds(text, "}\n");
}

static void add_lines(const struct reading *r, const char *what, size_t from, size_t count, struct buf *text)
{
	add_begin(text, what, from);
	buf_adds(text, "  file,\n");
	for (size_t i = from; i < from + count; i++) {
		buf_addslice(text, r->out->lines[i]->value);
		buf_addc(text, '\n');
	}
	buf_adds(text, "}\n");
}

static int compile(struct reading *r, const struct buf *text, struct err *err)
{
	struct slice blob;

	if (compile_text(r->compiler, "the raw lines of a container", buf_slice(text), r->arena, &blob, err) < 0)
		return -1;
	return automaton_read(&r->automaton, blob, r->arena, err);
}

static const struct automaton_profile *find(const struct reading *r, const char *what, size_t number)
{
	return automaton_find(&r->automaton, slice_of(arena_printf(r->arena, NAME "-%s-%zu", what, number)));
}

/* A shortest path on which `to` allows what `from` does not; empty: there is none. */
static int gains(const struct automaton_profile *from, const struct automaton_profile *to, uint32_t perms,
		 struct slice *example, struct re_pool *pool, struct arena *arena, struct err *err)
{
	struct automaton_profile a = *from, b = *to;
	struct automaton old = { &a, 1 }, new_ = { &b, 1 };
	const struct compare_exemption none = { 0 };
	struct comparison comparison;

	*example = (struct slice){ 0 };
	a.name = b.name = SLICE(NAME);
	if (compare_automata(&comparison, &old, &new_, &none, pool, arena, err) < 0)
		return -1;
	for (size_t i = 0; i < comparison.count; i++) {
		const struct compare_change *change = &comparison.changes[i];

		for (int half = 0; change->kind == COMPARE_FILE && half < 2; half++)
			if (change->to.half[half].allow & ~change->from.half[half].allow & perms)
				*example = change->example;
	}
	return 0;
}

static bool denies(const struct automaton_profile *profile, struct slice path, uint32_t perms)
{
	struct automaton_perms found = automaton_path(profile, path);

	return (found.half[AUTOMATON_USER].allow & found.half[AUTOMATON_OTHER].allow & perms) != perms;
}

static int find_all(struct reading *r)
{
	struct lasting_own *own = r->out;

	own->given = find(r, "given", 0);
	own->all = find(r, "all", 0);
	own->marks = arena_array(r->arena, own->count, sizeof *own->marks);
	for (size_t i = 0; i < own->count; i++) {
		own->marks[i] = find(r, "line", i);
		if (!own->marks[i])
			own->marks[i] = own->all;
	}
	if (own->given && own->all)
		return 0;
	return err_put(r->err, ERR_FAILED, "cannot read the raw lines of a container as policy");
}

/* All lines together, since one may take back another, and each in a profile of its own; where a statement runs over
 * several lines, only together. */
static int compile_lines(struct reading *r)
{
	struct lasting_own *own = r->out;
	struct err trouble = { 0 };
	AUTOBUF each = { 0 };
	AUTOBUF text = { 0 };

	buf_adds(&text, "#include <tunables/global>\n");
	add_scopes(r, &text);
	add_lines(r, "all", 0, own->count, &text);
	buf_addslice(&each, buf_slice(&text));
	for (size_t i = 0; i < own->count; i++)
		add_lines(r, "line", i, 1, &each);
	if (compile(r, &each, &trouble) == 0)
		return find_all(r);
	if (!compile_is_refusal(&trouble))
		return err_put(r->err, trouble.kind, "%s", trouble.text);
	return compile(r, &text, r->err) < 0 ? -1 : find_all(r);
}

int lasting_own(struct lasting_own *out, const struct site *site, const struct compiler *compiler,
		const struct lxc_config *config, const struct conflict_scope *const *scopes, size_t count,
		struct arena *arena, struct err *err)
{
	struct reading r = { out, site, compiler, scopes, count, { 0 }, arena, err };

	*out = (struct lasting_own){ 0 };
	collect(&r, &config->raw);
	return out->count > 0 ? compile_lines(&r) : 0;
}

int lasting_is_lost(struct lasting_loss *loss, const struct lasting_own *own, const struct automaton_profile *profile,
		    uint32_t perms, struct re_pool *pool, struct arena *arena, struct err *err)
{
	if (!own->all)
		return 0;
	if (perms & PERM_W)
		perms |= PERM_A; /* which every w rule carries */
	if (gains(own->all, profile, perms, &loss->path, pool, arena, err) < 0)
		return -1;
	for (size_t i = 0; loss->path.len > 0 && i < own->count; i++) {
		loss->line = own->lines[i];
		if (denies(own->marks[i], loss->path, perms))
			break;
	}
	return loss->path.len > 0;
}

bool lasting_denies(const struct lasting_own *own, struct slice path, uint32_t perms)
{
	for (size_t i = 0; i < own->count; i++)
		if (denies(own->marks[i], path, perms))
			return true;
	return false;
}
