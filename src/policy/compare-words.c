/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compare-internal.h"

enum { BOTH = 3 };

/* What bits came and went. */
struct shift {
	uint32_t gained[2], lost[2]; /* of user and other */
};

static void add_part(struct buf *out, size_t start)
{
	if (out->len > start)
		buf_adds(out, ", ");
}

/* A rule's w carries the a bit, so that "wa" would tell a person nothing. */
static void add_letters(struct buf *out, uint32_t bits)
{
	static const struct {
		uint32_t bit;
		char letter;
	} letters[] = { { PERM_R, 'r' }, { PERM_W, 'w' }, { PERM_A, 'a' }, { PERM_K, 'k' },
			{ PERM_L, 'l' }, { PERM_X, 'x' }, { PERM_M, 'm' } };

	if (bits & PERM_W)
		bits &= ~(uint32_t)PERM_A;
	for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
		if (bits & letters[i].bit)
			buf_addc(out, letters[i].letter);
}

static void add_halves(struct buf *out, unsigned halves)
{
	buf_adds(out, halves == BOTH ? " (user, other)" : halves == 1 ? " (user)" : " (other)");
}

/* "w denied → allowed (user, other)", one phrase where both halves agree and one for each where not. */
static void add_shift(struct buf *out, size_t start, const uint32_t bits[2], const char *how)
{
	for (unsigned i = 0; i < 2; i++) {
		bool alike = bits[0] == bits[1];

		if (bits[i] == 0 || (alike && i == 1))
			continue;
		add_part(out, start);
		add_letters(out, bits[i]);
		buf_adds(out, how);
		add_halves(out, alike ? BOTH : 1u << i);
	}
}

static void add_shifts(struct buf *out, size_t start, struct shift s, const char *gained, const char *lost)
{
	add_shift(out, start, s.gained, gained);
	add_shift(out, start, s.lost, lost);
}

static struct shift shift_of(const struct compare_change *c, size_t field, const uint32_t ignore[2])
{
	struct shift s;

	for (unsigned i = 0; i < 2; i++) {
		uint32_t from, to;

		memcpy(&from, (const char *)&c->from.half[i] + field, sizeof from);
		memcpy(&to, (const char *)&c->to.half[i] + field, sizeof to);
		s.gained[i] = to & ~from & ~ignore[i];
		s.lost[i] = from & ~to & ~ignore[i];
	}
	return s;
}

/* As a rule would write it: ix, px, Px, cx, ux, pix, … */
static void add_exec(struct buf *out, uint32_t xindex)
{
	bool named = xindex & (AUTOMATON_X_NAME | AUTOMATON_X_TABLE);
	bool unsafe = xindex & AUTOMATON_X_UNSAFE;

	if (named && (xindex & AUTOMATON_X_CHILD))
		buf_addc(out, unsafe ? 'c' : 'C');
	else if (named)
		buf_addc(out, unsafe ? 'p' : 'P');
	if (xindex & AUTOMATON_X_UNCONFINED)
		buf_addc(out, unsafe && !named ? 'u' : 'U');
	if (xindex & AUTOMATON_X_INHERIT)
		buf_addc(out, 'i');
	buf_addc(out, 'x');
}

static void add_exec_change(const struct compare_change *c, struct buf *out, size_t start)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct automaton_half *a = &c->from.half[i], *b = &c->to.half[i];
		bool alike =
		    c->from.half[0].xindex == c->from.half[1].xindex && c->to.half[0].xindex == c->to.half[1].xindex;

		if (!(a->allow & b->allow & PERM_X) || a->xindex == b->xindex || (alike && i == 1))
			continue;
		add_part(out, start);
		add_exec(out, a->xindex);
		buf_adds(out, " → ");
		add_exec(out, b->xindex);
		if (((a->xindex ^ b->xindex) & ~(uint32_t)AUTOMATON_X_INDEX) == 0)
			buf_adds(out, " to another profile");
		add_halves(out, alike ? BOTH : 1u << i);
	}
}

static bool differs_otherwise(const struct automaton_half *a, const struct automaton_half *b)
{
	struct automaton_half x = *a, y = *b;

	x.allow = y.allow = x.audit = y.audit = x.quiet = y.quiet = x.xindex = y.xindex = 0;
	x.audit_more = y.audit_more = x.quiet_more = y.quiet_more = 0;
	x.more &= ~(uint32_t)(AUTOMATON_MORE_ONEXEC | AUTOMATON_MORE_CHANGE_PROFILE);
	y.more &= ~(uint32_t)(AUTOMATON_MORE_ONEXEC | AUTOMATON_MORE_CHANGE_PROFILE);
	return memcmp(&x, &y, sizeof x) != 0;
}

/* A bit that is told by a word of its own: `gained` and `lost` are whole phrases. */
static void add_bit(struct buf *out, size_t start, struct shift s, uint32_t bit, const char *gained, const char *lost)
{
	for (unsigned i = 0; i < 2; i++) {
		bool alike = (s.gained[0] & bit) == (s.gained[1] & bit) && (s.lost[0] & bit) == (s.lost[1] & bit);

		if (!((s.gained[i] | s.lost[i]) & bit) || (alike && i == 1))
			continue;
		add_part(out, start);
		buf_adds(out, s.gained[i] & bit ? gained : lost);
		add_halves(out, alike ? BOTH : 1u << i);
	}
}

static void add_perms(const struct compare_change *c, struct buf *out)
{
	const size_t start = out->len;
	uint32_t none[2] = { 0 }, moved[2];
	uint32_t subset[2] = { c->kind == COMPARE_FILE ? 0 : PERM_K, c->kind == COMPARE_FILE ? 0 : PERM_K };
	struct shift all = shift_of(c, offsetof(struct automaton_half, allow), none);
	struct shift allow = shift_of(c, offsetof(struct automaton_half, allow), subset);
	struct shift more = shift_of(c, offsetof(struct automaton_half, more), none);

	for (unsigned i = 0; i < 2; i++)
		moved[i] = all.gained[i] | all.lost[i]; /* what is not refused any more has no refusal to log */
	add_shifts(out, start, allow, " denied → allowed", " allowed → denied");
	if (c->kind != COMPARE_FILE) /* behind a NUL, k is the "subset" of a link rule: the kernel's AA_LINK_SUBSET */
		add_bit(out, start, all, PERM_K, "link subset test now required",
			"link subset test no longer required");
	add_bit(out, start, more, AUTOMATON_MORE_CHANGE_PROFILE, "change_profile denied → allowed",
		"change_profile allowed → denied");
	add_bit(out, start, more, AUTOMATON_MORE_ONEXEC, "onexec denied → allowed", "onexec allowed → denied");
	add_exec_change(c, out, start);
	add_shifts(out, start, shift_of(c, offsetof(struct automaton_half, audit), moved), " now audited",
		   " no longer audited");
	add_shifts(out, start, shift_of(c, offsetof(struct automaton_half, quiet), moved), " refused quietly now",
		   " refusal logged now");
	if (differs_otherwise(&c->from.half[0], &c->to.half[0]) ||
	    differs_otherwise(&c->from.half[1], &c->to.half[1])) {
		add_part(out, start);
		buf_adds(out, "other permissions");
	}
	if (out->len == start)
		buf_adds(out, "permissions changed");
}

void compare_words(const struct compare_change *change, struct buf *out)
{
	switch (change->kind) {
	case COMPARE_FILE:
	case COMPARE_LINK:
	case COMPARE_LOGGING:
		add_perms(change, out);
		return;
	case COMPARE_CLASS:
		buf_addf(out, "%s rules changed", change->what);
		return;
	case COMPARE_FIELD:
		buf_addf(out, "%s changed", change->what);
		return;
	case COMPARE_ADDED:
		buf_adds(out, "profile added");
		return;
	case COMPARE_LOST:
		buf_adds(out, "profile lost");
		return;
	}
}
