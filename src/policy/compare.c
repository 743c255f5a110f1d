/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "compare-internal.h"

/* Permissions as a key. The trap counts for classes that the kernel asks whether it was left: RULE_MEDIATES(). */
struct perms_key {
	struct automaton_perms perms;
	uint32_t trap;
};

/* A table index becomes a number of the name that stands there: tables of two profiles may be ordered differently. */
static uint32_t by_name(struct compare_names *names, const struct slice *table, size_t count, uint32_t index)
{
	return index < count ? compare_name(names, table[index]) : index;
}

static void use_names(struct automaton_half *h, struct compare_names *names, const struct slice *table, size_t count)
{
	uint32_t index = h->xindex & AUTOMATON_X_INDEX;

	if (h->xindex & AUTOMATON_X_TABLE)
		h->xindex = (h->xindex & ~(uint32_t)AUTOMATON_X_INDEX) | by_name(names, table, count, index);
	if (h->tag)
		h->tag = by_name(names, table, count, h->tag) + 1;
	if (h->label)
		h->label = by_name(names, table, count, h->label) + 1;
}

static struct perms_key key_of(struct compare_names *names, const struct automaton_profile *p, enum compare_kind kind,
			       uint32_t state)
{
	struct perms_key key = { 0 };
	bool file = kind == COMPARE_FILE;
	const struct slice *table = file ? p->xtable : p->policy_xtable;
	size_t count = file ? p->xtable_count : p->policy_xtable_count;

	if (kind == COMPARE_FIELD) {
		key.perms = automaton_attach_perms(p, state);
		return key;
	}
	key.perms = file ? automaton_file_perms(p, state) : automaton_policy_perms(p, state);
	key.trap = !file && state == 0;
	for (unsigned i = 0; i < 2; i++) {
		struct automaton_half *h = &key.perms.half[i];

		/* Without x nobody asks how (profile_transition() and profile_path_link() in the kernel's domain.c,
		 * file.c). */
		if (file && !(h->allow & PERM_X))
			h->xindex = 0;
		use_names(h, names, table, count);
	}
	return key;
}

const uint32_t *compare_perms(struct compare_names *table, struct compare_names *names,
			      const struct automaton_profile *p, enum compare_kind kind, struct arena *arena)
{
	const struct automaton_dfa *dfa = kind == COMPARE_FILE    ? p->file
					  : kind == COMPARE_CLASS ? p->policy
								  : p->attach;
	size_t states = dfa ? automaton_states(dfa) : 1;
	uint32_t *out = arena_array(arena, states, sizeof *out);

	for (size_t s = 0; s < states; s++) {
		struct perms_key key = key_of(names, p, kind, (uint32_t)s);

		out[s] = compare_name(table, (struct slice){ (char *)&key, sizeof key });
	}
	return out;
}

struct automaton_perms compare_perms_of(const struct compare_names *table, uint32_t number)
{
	struct perms_key key;

	memcpy(&key, table->all.ptr[number].ptr, sizeof key);
	return key.perms;
}

bool compare_only_logging(const struct automaton_perms *a, const struct automaton_perms *b)
{
	struct automaton_perms x = *a, y = *b;

	for (unsigned i = 0; i < 2; i++) {
		x.half[i].audit = y.half[i].audit = x.half[i].quiet = y.half[i].quiet = 0;
		x.half[i].audit_more = y.half[i].audit_more = x.half[i].quiet_more = y.half[i].quiet_more = 0;
	}
	return memcmp(&x, &y, sizeof x) == 0;
}

struct compare_change *found_add(struct findings *f, size_t place, enum compare_kind kind, struct slice profile)
{
	struct found fresh = { .change = { .kind = kind, .profile = profile }, .profile = place };

	VEC_PUSH(f->arena, &f->all, fresh);
	return &f->all.ptr[f->all.len - 1].change;
}

/* AA_CLASS_* of the kernel's security/apparmor/include/apparmor.h; parser/policydb.h. */
static const char *class_name(struct arena *arena, unsigned number)
{
	static const char *const names[] = {
		[2] = "file",     [3] = "capability", [5] = "rlimit",       [6] = "domain",   [7] = "mount",
		[9] = "ptrace",   [10] = "signal",    [14] = "network",     [15] = "network", [16] = "label",
		[17] = "mqueue",  [19] = "module",    [20] = "display lsm", [21] = "userns",  [22] = "io_uring",
		[30] = "network", [31] = "exec",      [32] = "dbus",
	};

	if (number < sizeof names / sizeof *names && names[number])
		return names[number];
	return arena_printf(arena, "class %u", number);
}

/* Names of the image's fields (parser/parser_interface.c sd_serialize_profile()) in words; a NULL needs none. */
static const char *field_words(struct arena *arena, struct slice name)
{
	static const struct {
		const char *name, *words;
	} table[] = {
		{ "caps", "capabilities" },
		{ "caps64", "capabilities" },
		{ "capsx", "capabilities" },
		{ "net_allowed_af", "network families" },
		{ "path_flags", "path flags" },
		{ "disconnected", "disconnected path" },
		{ "disconnected_ipc", "disconnected path" },
		{ "rename", "former name" },
		{ "attach", "attachment" },
		{ "xmatch_len", "attachment" },
		{ "xattrs", "attachment xattrs" },
		{ "kill", "kill signal" },
		{ "error", "error code" },
		{ "", "an unnamed field" },
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (slice_is(name, table[i].name))
			return table[i].words;
	return arena_str(arena, name);
}

static void add_field(struct findings *f, size_t place, struct slice profile, const char *what)
{
	for (size_t i = f->all.len; i-- > 0 && f->all.ptr[i].profile == place;)
		if (f->all.ptr[i].change.kind == COMPARE_FIELD && strcmp(f->all.ptr[i].change.what, what) == 0)
			return;
	found_add(f, place, COMPARE_FIELD, profile)->what = what;
}

/* The n-th field of that name, or NULL. */
static const struct automaton_field *nth_field(const struct automaton_profile *p, struct slice name, size_t n)
{
	for (size_t i = 0; i < p->rest_count; i++)
		if (slice_eq(p->rest[i].name, name) && n-- == 0)
			return &p->rest[i];
	return NULL;
}

/* Every field of a that b has not or has otherwise. */
static void compare_fields(struct findings *f, size_t place, const struct automaton_profile *a,
			   const struct automaton_profile *b)
{
	for (size_t i = 0; i < a->rest_count; i++) {
		const struct automaton_field *other;
		size_t n = 0;

		for (size_t k = 0; k < i; k++)
			n += slice_eq(a->rest[k].name, a->rest[i].name);
		other = nth_field(b, a->rest[i].name, n);
		if (!other || !slice_eq(other->bytes, a->rest[i].bytes))
			add_field(f, place, a->name, field_words(f->arena, a->rest[i].name));
	}
}

/* The first pair that differs, or NO_PAIR. */
static uint32_t first_difference(const struct walk *w)
{
	for (uint32_t i = 0; i < w->pairs.len; i++)
		if (walk_differs(w, i))
			return i;
	return NO_PAIR;
}

static int compare_attachment(struct findings *f, size_t place, const struct automaton_profile *old,
			      const struct automaton_profile *new_)
{
	AUTOARENA local = { 0 };
	struct compare_names perms = { .arena = &local }, names = { .arena = &local };
	struct walk w = { .arena = &local, .oob = true };

	w.old = (struct walk_side){ old->attach, old->attach_start,
				    compare_perms(&perms, &names, old, COMPARE_FIELD, &local) };
	w.new_ = (struct walk_side){ new_->attach, new_->attach_start,
				     compare_perms(&perms, &names, new_, COMPARE_FIELD, &local) };
	if (walk_run(&w, f->err))
		return -1;
	if (first_difference(&w) != NO_PAIR)
		add_field(f, place, old->name, "attachment");
	return 0;
}

/* Both policydbs behind one first byte, which is the class. */
static int compare_class(struct findings *f, size_t place, struct slice profile, const struct walk *both,
			 const struct compare_names *perms, unsigned char number)
{
	AUTOARENA local = { 0 };
	struct walk w = *both;
	struct compare_change *c;
	AUTOBUF text = { 0 };
	uint32_t at;

	w.arena = &local;
	w.old.start = w.old.dfa ? automaton_step(w.old.dfa, w.old.start, number) : 0;
	w.new_.start = w.new_.dfa ? automaton_step(w.new_.dfa, w.new_.start, number) : 0;
	if (w.old.start == 0 && w.new_.start == 0)
		return 0;
	if (walk_run(&w, f->err))
		return -1;
	at = first_difference(&w);
	if (at == NO_PAIR)
		return 0;
	c = found_add(f, place, COMPARE_CLASS, profile);
	c->what = class_name(f->arena, number);
	c->from = compare_perms_of(perms, w.old.perms[w.pairs.ptr[at].old]);
	c->to = compare_perms_of(perms, w.new_.perms[w.pairs.ptr[at].new_]);
	buf_addc(&text, (char)number);
	walk_text(&w, at, &text);
	c->example = arena_slice(f->arena, buf_slice(&text));
	return 0;
}

static int compare_classes(struct findings *f, size_t place, const struct automaton_profile *old,
			   const struct automaton_profile *new_)
{
	AUTOARENA local = { 0 };
	struct compare_names perms = { .arena = &local }, names = { .arena = &local };
	struct walk w = { .oob = true };
	bool file_inside = (old->file && old->file == old->policy) || (new_->file && new_->file == new_->policy);

	w.old = (struct walk_side){ old->policy, old->policy_start,
				    compare_perms(&perms, &names, old, COMPARE_CLASS, &local) };
	w.new_ = (struct walk_side){ new_->policy, new_->policy_start,
				     compare_perms(&perms, &names, new_, COMPARE_CLASS, &local) };
	walk_symbols(&w);
	for (unsigned number = 0; number < 256; number++) {
		if (number == 2 && file_inside)
			continue; /* compare_file() has walked it */
		if (compare_class(f, place, old->name, &w, &perms, (unsigned char)number))
			return -1;
	}
	return 0;
}

static int compare_profile(struct findings *f, size_t place, const struct automaton_profile *old,
			   const struct automaton_profile *new_)
{
	if (compare_file(f, place, old, new_) || compare_classes(f, place, old, new_))
		return -1;
	compare_fields(f, place, old, new_);
	compare_fields(f, place, new_, old);
	if (old->mode != new_->mode) /* the version word can force complain mode, too */
		add_field(f, place, old->name, "flags");
	return compare_attachment(f, place, old, new_);
}

/* The profile of that name and namespace that no other was matched with yet; taken holds a byte for each. */
static const struct automaton_profile *take_match(const struct automaton *a, const struct automaton_profile *like,
						  bool *taken)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct automaton_profile *p = &a->profiles[i];

		if (!taken[i] && slice_eq(p->name, like->name) && slice_eq(p->namespace_, like->namespace_)) {
			taken[i] = true;
			return p;
		}
	}
	return NULL;
}

static int compare_order(const void *left, const void *right)
{
	const struct found *a = left, *b = right;
	size_t alen = a->change.example.len, blen = b->change.example.len;

	if (a->profile != b->profile)
		return a->profile < b->profile ? -1 : 1;
	if (a->change.kind != b->change.kind)
		return a->change.kind < b->change.kind ? -1 : 1;
	if (alen != blen)
		return alen < blen ? -1 : 1;
	return slice_cmp(a->change.example, b->change.example);
}

static void conclude(struct comparison *out, struct findings *f)
{
	if (f->all.len > 1)
		qsort(f->all.ptr, f->all.len, sizeof *f->all.ptr, compare_order);
	*out = (struct comparison){ .equal = true, .allowed = true, .count = f->all.len };
	out->changes = arena_array(f->arena, f->all.len + 1, sizeof *out->changes);
	for (size_t i = 0; i < f->all.len; i++) {
		out->changes[i] = f->all.ptr[i].change;
		if (out->changes[i].kind != COMPARE_LOGGING)
			out->equal = false;
		if (!out->changes[i].allowed)
			out->allowed = false;
	}
}

int compare_automata(struct comparison *out, const struct automaton *old, const struct automaton *new_,
		     const struct compare_exemption *exemption, struct re_pool *pool, struct arena *arena,
		     struct err *err)
{
	struct findings f = { .arena = arena, .exemption = exemption, .pool = pool, .err = err };
	AUTOARENA local = { 0 };
	bool *taken = arena_array(&local, new_->count + 1, sizeof *taken);

	for (size_t i = 0; i < old->count; i++) {
		const struct automaton_profile *p = &old->profiles[i], *match = take_match(new_, p, taken);

		if (!match)
			found_add(&f, i, COMPARE_LOST, p->name);
		else if (compare_profile(&f, i, p, match))
			return err_wrap(err, "profile '%.*s'", SLICE_FMT(p->name));
	}
	for (size_t i = 0; i < new_->count; i++)
		if (!taken[i])
			found_add(&f, old->count + i, COMPARE_ADDED, new_->profiles[i].name);
	conclude(out, &f);
	return 0;
}
