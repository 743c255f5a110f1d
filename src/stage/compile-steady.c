/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compile-steady: does the parser make the same policy of the same text each time?
 *
 * apparmor_parser 4.1.0 does not where rules that hold `m` meet: whether m is allowed depends on where its memory lies,
 * and that on the length of the file's name, for one. So a text is compiled below names of several lengths.
 */
#include "compile-internal.h"

enum { TRIES = 4, LONGER = 50 };

static bool differs_in_m(const struct automaton_half *from, const struct automaton_half *to)
{
	return ((from->allow ^ to->allow) | (from->audit ^ to->audit) | (from->quiet ^ to->quiet)) & PERM_M;
}

static bool is_about_m(const struct comparison *comparison)
{
	for (size_t i = 0; i < comparison->count; i++) {
		const struct compare_change *change = &comparison->changes[i];

		bool is_access = change->kind == COMPARE_FILE || change->kind == COMPARE_LINK;

		for (int half = AUTOMATON_USER; is_access && !change->allowed && half <= AUTOMATON_OTHER; half++)
			if (differs_in_m(&change->from.half[half], &change->to.half[half]))
				return true;
	}
	return false;
}

static int say(const struct compiler *compiler, const struct policy_reach *reach, const struct comparison *comparison,
	       struct err *err)
{
	AUTOBUF words = { 0 };

	compare_words(&comparison->changes[0], &words);
	err_put(err, ERR_REFUSED,
		"cannot compare '%s': apparmor_parser %s compiles this text differently from run to run: profile "
		"'%.*s': %s",
		reach->parts[0].path, compiler->version, SLICE_FMT(comparison->changes[0].profile), buf_str(&words));
	return err_hint(err, "4.1.0 does so with some rules that hold 'm'; use a newer parser: --parser PROGRAM");
}

int compile_check_steady(const struct compiler *compiler, const struct policy *policy, const char *path,
			 const struct compile_text *texts, size_t text_count, const struct comparison *comparison,
			 struct re_pool *pool, struct arena *arena, struct err *err)
{
	const struct compare_exemption none = { 0 };
	struct policy_reach reach;
	struct automaton first;

	if (!is_about_m(comparison) ||
	    compile_gather(&reach, compiler, policy, path, texts, text_count, arena, NULL) < 0)
		return 0;
	for (unsigned i = 0; i < TRIES; i++) {
		struct automaton next;
		struct comparison again;
		struct slice blob;

		/* one that does not compile now says nothing of the other */
		if (compile_reach(compiler, &reach, i * LONGER, arena, &blob, NULL) < 0 ||
		    automaton_read(i == 0 ? &first : &next, blob, arena, NULL) < 0)
			return 0;
		if (i > 0 && compare_automata(&again, &first, &next, &none, pool, arena, NULL) == 0 && !again.equal)
			return say(compiler, &reach, &again, err);
	}
	return 0;
}
