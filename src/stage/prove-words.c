/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prove-words: changes that may not be, in a sentence. */
#include "prove-internal.h"

/* Bytes for a message: what is no plain ASCII is written as \xHH. */
static void add_plain(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c >= ' ' && c < 0x7f)
			buf_addc(out, s.ptr[i]);
		else
			buf_addf(out, "\\x%02x", c);
	}
}

/* One change in a sentence: profile, example, what happens to it. */
static void add_change(struct buf *out, const struct compare_change *change)
{
	buf_addf(out, "profile '%.*s'", SLICE_FMT(change->profile));
	if (change->example.len > 0 && (change->kind == COMPARE_FILE || change->kind == COMPARE_LINK)) {
		buf_adds(out, ", '");
		add_plain(out, change->example);
		buf_addc(out, '\'');
	}
	buf_adds(out, ": ");
	compare_words(change, out);
}

const char *prove_excess(const struct comparison *comparison, struct arena *arena)
{
	const struct compare_change *first = NULL;
	AUTOBUF words = { 0 };
	size_t others = 0;

	for (size_t i = 0; i < comparison->count; i++) {
		const struct compare_change *change = &comparison->changes[i];

		if (change->allowed || change->kind == COMPARE_LOGGING)
			continue;
		if (first)
			others++;
		else
			first = change;
	}
	if (first)
		add_change(&words, first);
	if (others > 0)
		buf_addf(&words, " (and %zu other change%s)", others, others == 1 ? "" : "s");
	return arena_str(arena, buf_slice(&words));
}

int prove_refuse_change(const struct attempt *a, const char *name, const struct comparison *comparison)
{
	err_put(a->err, ERR_REFUSED, "cannot accept the change of '%s': it would do more than it should: %s", name,
		prove_excess(comparison, a->arena));
	return err_hint(a->err, "nothing was written; please report this together with the policy file");
}
