/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "automaton-internal.h"

/* The table set, all big endian: kernel security/apparmor/include/match.h; parser libapparmor_re/chfa.cc. */
enum {
	SET_MAGIC = 0x1B5E783D,
	SET_HEADER = 16, /* magic, hsize, ssize, flags: what is there at least; "notflex" follows */
	SET_DIFF = 1,    /* YYTH_FLAG_DIFF_ENCODE */
	SET_OOB = 2,     /* YYTH_FLAG_OOB_TRANS */
	TABLE_HEADER = 12,
	TABLE_IDS = 9, /* YYTD_ID_*, here with flex's own numbers, which start at 1 */
	ID_ACCEPT = 1,
	ID_BASE = 2,
	ID_CHECK = 3,
	ID_DEFAULT = 4,
	ID_EC = 5,
	ID_ACCEPT2 = 7,
	ID_NEXT = 8,
};

#define BASE_DIFF 0x80000000u /* MATCH_FLAG_DIFF_ENCODE: the default state is one to differ from */
#define BASE_OOB 0x20000000u  /* MATCH_FLAG_OOB_TRANSITION */
#define BASE_FLAGS 0xff000000u

struct table {
	struct slice data;
	uint32_t width, count;
};

struct set {
	struct table table[TABLE_IDS];
	size_t at;
	struct arena *arena;
	struct err *err;
};

static uint32_t be(const char *ptr, unsigned width)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < width; i++)
		n = n << 8 | (unsigned char)ptr[i];
	return n;
}

static int bad(struct set *s, size_t offset, const char *what)
{
	return err_put(s->err, ERR_FAILED, "cannot read compiled policy: %s at byte %zu", what, s->at + offset);
}

/* Which element widths unpack_table() and aa_dfa_unpack() in match.c accept, and which we follow. */
static bool width_ok(uint32_t id, uint32_t width)
{
	switch (id) {
	case ID_ACCEPT:
	case ID_ACCEPT2:
	case ID_BASE:
		return width == 4;
	case ID_CHECK:
	case ID_DEFAULT:
	case ID_NEXT:
		return width == 2 || width == 4; /* 4 with policy/state32 and many states */
	case ID_EC:
		return width == 1;
	default:
		return false;
	}
}

static int read_table(struct set *s, struct slice blob, size_t *offset)
{
	uint32_t id, width, count;
	size_t room, size;

	if (blob.len - *offset < TABLE_HEADER)
		return bad(s, *offset, "a table is cut off");
	id = be(blob.ptr + *offset, 2);
	width = be(blob.ptr + *offset + 2, 2);
	count = be(blob.ptr + *offset + 8, 4);
	if (!width_ok(id, width))
		return bad(s, *offset, "a table of an unknown kind");
	if (s->table[id].count > 0)
		return bad(s, *offset, "a table that was there before");
	room = blob.len - *offset - TABLE_HEADER;
	if (count == 0 || count > DFA_INDEX + 1 || count > room / width)
		return bad(s, *offset, "a table of an impossible size");
	size = (size_t)count * width;
	s->table[id] = (struct table){ slice_sub(blob, *offset + TABLE_HEADER, size), width, count };
	*offset += TABLE_HEADER + size;
	*offset = (*offset + 7) & ~(size_t)7; /* table_size() in match.h */
	if (*offset > blob.len)
		*offset = blob.len;
	return 0;
}

static int read_set(struct set *s, struct slice blob, uint32_t *flags)
{
	size_t offset;

	if (blob.len < SET_HEADER || be(blob.ptr, 4) != SET_MAGIC)
		return bad(s, 0, "no state machine");
	offset = be(blob.ptr + 4, 4);
	if (offset < SET_HEADER || offset > blob.len)
		return bad(s, 4, "a header of an impossible size");
	*flags = be(blob.ptr + 12, 2);
	if (*flags & ~(uint32_t)(SET_DIFF | SET_OOB))
		return bad(s, 12, "a state machine of an unknown kind");
	while (offset < blob.len)
		if (read_table(s, blob, &offset))
			return -1;
	return 0;
}

static const uint32_t *decode(struct set *s, unsigned id)
{
	const struct table *t = &s->table[id];
	uint32_t *out;

	if (t->count == 0)
		return NULL;
	out = arena_array(s->arena, t->count, sizeof *out);
	for (uint32_t i = 0; i < t->count; i++)
		out[i] = be(t->data.ptr + (size_t)i * t->width, t->width);
	return out;
}

/* verify_table_headers() in match.c */
static int check_sizes(struct set *s)
{
	uint32_t states = s->table[ID_BASE].count;

	if (states == 0 || s->table[ID_DEFAULT].count != states || s->table[ID_ACCEPT].count != states)
		return bad(s, 0, "state tables that do not belong together");
	if (s->table[ID_ACCEPT2].count != 0 && s->table[ID_ACCEPT2].count != states)
		return bad(s, 0, "state tables that do not belong together");
	if (states < 2)
		return bad(s, 0, "a state machine without a start state");
	if (s->table[ID_NEXT].count == 0 || s->table[ID_NEXT].count != s->table[ID_CHECK].count)
		return bad(s, 0, "edge tables that do not belong together");
	if (s->table[ID_EC].count != 0 && s->table[ID_EC].count != 256)
		return bad(s, 0, "a byte table of an impossible size");
	return 0;
}

/* verify_dfa() in match.c: with every index in range, a step needs no checks. */
static int check_edges(struct set *s, const struct automaton_dfa *d)
{
	for (uint32_t i = 0; i < d->states; i++) {
		uint32_t flags = d->base[i] & BASE_FLAGS, at = d->base[i] & DFA_INDEX;

		if (d->dflt[i] >= d->states)
			return bad(s, 0, "a default state out of range");
		if (at + 255 >= d->slots)
			return bad(s, 0, "edges out of range");
		/* 2.13 writes difference-encoded states, but no flag for them in the header */
		if ((flags & ~(uint32_t)(BASE_DIFF | BASE_OOB)) || ((flags & BASE_OOB) && (!d->oob || at < 1)))
			return bad(s, 0, "a state of an unknown kind");
	}
	for (uint32_t i = 0; i < d->slots; i++)
		if (d->next[i] >= d->states || d->check[i] >= d->states)
			return bad(s, 0, "an edge out of range");
	return 0;
}

/* The kernel trusts the compiler that nothing leaves the trap state; a proof must not. */
static int check_trap(struct set *s, const struct automaton_dfa *d)
{
	if (d->dflt[0] != 0 || (d->base[0] & BASE_FLAGS))
		return bad(s, 0, "a trap state that can be left");
	for (uint32_t c = 0; c < 256; c++)
		if (d->check[d->base[0] + c] == 0 && d->next[d->base[0] + c] != 0)
			return bad(s, 0, "a trap state that can be left");
	return 0;
}

/* A state that differs from one that in the end differs from itself would never find its edge. */
static int check_chains(struct set *s, const struct automaton_dfa *d)
{
	enum { NEW, NOW, DONE };
	__attribute__((cleanup(buf_release))) struct buf mark = { 0 };

	buf_reserve(&mark, d->states);
	memset(mark.ptr, NEW, d->states);
	for (uint32_t i = 0; i < d->states; i++) {
		uint32_t j;

		for (j = i; (d->base[j] & BASE_DIFF) && mark.ptr[j] == NEW; j = d->dflt[j])
			mark.ptr[j] = NOW;
		if ((d->base[j] & BASE_DIFF) && mark.ptr[j] == NOW)
			return bad(s, 0, "states that differ from each other in a circle");
		for (j = i; (d->base[j] & BASE_DIFF) && mark.ptr[j] == NOW; j = d->dflt[j])
			mark.ptr[j] = DONE;
	}
	return 0;
}

int automaton_dfa_read(struct automaton_dfa *out, struct slice blob, size_t at, struct arena *arena, struct err *err)
{
	struct set s = { .at = at, .arena = arena, .err = err };
	struct automaton_dfa d = { 0 };
	uint32_t flags = 0;

	if (read_set(&s, blob, &flags) || check_sizes(&s))
		return -1;
	d.states = s.table[ID_BASE].count;
	d.slots = s.table[ID_NEXT].count;
	d.oob = flags & SET_OOB;
	d.base = decode(&s, ID_BASE);
	d.dflt = decode(&s, ID_DEFAULT);
	d.next = decode(&s, ID_NEXT);
	d.check = decode(&s, ID_CHECK);
	d.accept = decode(&s, ID_ACCEPT);
	d.accept2 = decode(&s, ID_ACCEPT2);
	for (unsigned c = 0; c < 256; c++)
		d.ec[c] = s.table[ID_EC].count ? (unsigned char)s.table[ID_EC].data.ptr[c] : (unsigned char)c;
	if (check_edges(&s, &d) || check_trap(&s, &d) || check_chains(&s, &d))
		return -1;
	*out = d;
	return 0;
}

size_t automaton_states(const struct automaton_dfa *dfa)
{
	return dfa->states;
}

bool automaton_has_oob(const struct automaton_dfa *dfa)
{
	return dfa->oob;
}

/* match_char() in match.c; column -1 is the out-of-band edge. */
static uint32_t follow(const struct automaton_dfa *d, uint32_t state, int column)
{
	for (;;) {
		uint32_t base = d->base[state];
		uint32_t at = (base & DFA_INDEX) + (uint32_t)column;

		if (at < d->slots && d->check[at] == state)
			return d->next[at];
		state = d->dflt[state];
		if (!(base & BASE_DIFF))
			return state;
	}
}

uint32_t automaton_step(const struct automaton_dfa *dfa, uint32_t state, unsigned char byte)
{
	return follow(dfa, state, dfa->ec[byte]);
}

uint32_t automaton_step_oob(const struct automaton_dfa *dfa, uint32_t state)
{
	/* aa_dfa_outofband_transition() in match.c */
	return dfa->base[state] & BASE_OOB ? follow(dfa, state, -1) : 0;
}

uint32_t automaton_run(const struct automaton_dfa *dfa, uint32_t state, struct slice bytes)
{
	for (size_t i = 0; i < bytes.len && state != 0; i++)
		state = automaton_step(dfa, state, (unsigned char)bytes.ptr[i]);
	return state;
}

/* Splits each class by what `value` says of its bytes. */
static size_t split(unsigned char class_of[256], size_t count, const uint32_t value[256])
{
	uint32_t seen[256];     /* the value of a class */
	int sibling[256];       /* another class split from the same, or -1 */
	unsigned char old[256]; /* class numbers before the split */
	bool first[256] = { false };

	memcpy(old, class_of, sizeof old);
	for (unsigned c = 0; c < 256; c++) {
		int k = old[c];

		if (!first[k]) {
			first[k] = true;
			seen[k] = value[c];
			sibling[k] = -1;
			continue;
		}
		/* cppcheck-suppress uninitvar ; first[] tells which are set */
		while (seen[k] != value[c] && sibling[k] >= 0)
			k = sibling[k];
		if (seen[k] != value[c]) {
			sibling[k] = (int)count;
			k = (int)count++;
			seen[k] = value[c];
			sibling[k] = -1;
		}
		class_of[c] = (unsigned char)k;
	}
	return count;
}

size_t automaton_classes(const struct automaton_dfa *dfa, unsigned char class_of[256])
{
	size_t count = 1;

	memset(class_of, 0, 256);
	for (uint32_t s = 0; s < dfa->states && count < 256; s++) {
		uint32_t value[256], at = dfa->base[s] & DFA_INDEX;
		uint32_t otherwise = dfa->base[s] & BASE_DIFF ? UINT32_MAX : dfa->dflt[s];
		bool own = false;

		for (unsigned c = 0; c < 256; c++) {
			bool hit = dfa->check[at + dfa->ec[c]] == s;

			value[c] = hit ? dfa->next[at + dfa->ec[c]] : otherwise;
			own |= hit;
		}
		if (own)
			count = split(class_of, count, value);
	}
	return count;
}
