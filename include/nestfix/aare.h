/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * aare: AppArmor's path patterns: * ** ? [ ] { , } and backslash.
 *
 * A pattern is read once into a language (re) and, for matching many paths, into a PCRE2 program. The two are checked
 * against each other and against apparmor_parser by the tests. Exact semantics: convert_aaregex_to_pcre() in
 * apparmor_parser's parser_regex.c (2.13 … 5.0), normalisation by filter_slashes().
 *
 * Law subtract: for any patterns p, q and any path s without NUL, match(p − q, s) == match(p, s) and not match(q, s).
 */
#ifndef NESTFIX_AARE_H
#define NESTFIX_AARE_H

#include <nestfix/err.h>
#include <nestfix/re.h>

struct aare {
	struct slice text;            /* the pattern as read: after doc_word() and variables, before filter_slashes() */
	const struct re *re;          /* its language */
	struct aare_matcher *matcher; /* made by the first aare_match() */
};

/* Compiles a pattern. ERR_FAILED with the column inside the pattern where it is not one, or where it is too large. */
int aare_parse(struct aare *out, struct slice pattern, struct re_pool *pool, struct arena *arena, struct err *err);

/* Does the whole path match? PCRE2, with its JIT where there is one; paths may hold any bytes but NUL. */
bool aare_match(struct aare *pattern, struct slice path, struct arena *arena);

/* Frees the PCRE2 program, if one was made. Legal on a zeroed struct. */
void aare_release(struct aare *pattern);

// The language as one pattern, shortest readable text: common prefix and tail outside the braces, one branch for each
// way out. For /sys/[^fdc]*{,/**} minus /sys/net{,/**}:
//     /sys/{[^cdfn]*,n{,e},n[^e]*,ne[^t]*,net?*}{,/**}
// The text is parsed again and compared with the language before it is returned; a language that no pattern describes
// is an ERR_REFUSED.
int aare_print(const struct re *language, struct re_pool *pool, struct arena *arena, struct slice *out,
	       struct err *err);

/*
 * What p matches and q does not, as a language that aare_print can write. ERR_REFUSED where AppArmor's patterns cannot
 * say it exactly (a "no component foo anywhere"), with a sentence saying so. Empty result: RE_NONE.
 */
const struct re *aare_subtract(const struct re *p, const struct re *q, struct re_pool *pool, struct arena *arena,
			       struct err *err);

/*
 * p − q as pattern text, keeping as much of p's own text (its character class, its tail) as is possible. `*empty` tells
 * that nothing is left, and then *out is not set.
 */
int aare_subtract_text(const struct aare *p, const struct re *q, struct re_pool *pool, struct arena *arena,
		       struct slice *out, bool *empty, struct err *err);

/* A word for a profile text that doc_word() turns back into the pattern: quoted where blanks or quotes demand it. */
struct slice aare_word(struct slice pattern, struct arena *arena);

#endif
