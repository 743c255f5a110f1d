/* SPDX-License-Identifier: GPL-2.0-or-later */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "aare-internal.h"

/*
 * Backtracking takes exponential time on patterns such as {*,**}{*,**}{*,**}…: beyond these limits the derivatives,
 * which do not backtrack, take over. (The heap limit counts KiB.)
 */
enum { MATCH_LIMIT = 100000, HEAP_LIMIT = 8192, MATCHER_NODES = 1000000 };

struct aare_matcher {
	pcre2_code *code; /* NULL where PCRE2 refuses the pattern: it has size limits that AppArmor has not */
	pcre2_match_data *data;
	pcre2_match_context *context;
	struct re_pool *pool; /* for the derivatives */
	const struct re *re;
};

static void matcher_compile(struct aare_matcher *m, const struct buf *regex)
{
	uint32_t options = PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOTALL | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP |
			   PCRE2_NO_AUTO_CAPTURE;
	PCRE2_SIZE at;
	int error;

	m->code = pcre2_compile((PCRE2_SPTR)buf_str(regex), regex->len, options, &error, &at, NULL);
	if (!m->code)
		return;
	(void)pcre2_jit_compile(m->code, PCRE2_JIT_COMPLETE); /* without it the interpreter does the same */
	m->data = pcre2_match_data_create_from_pattern(m->code, NULL);
	m->context = pcre2_match_context_create(NULL);
	if (!m->data || !m->context) {
		pcre2_code_free(m->code);
		m->code = NULL;
		return;
	}
	pcre2_set_match_limit(m->context, MATCH_LIMIT);
	pcre2_set_heap_limit(m->context, HEAP_LIMIT);
}

static struct aare_matcher *matcher_new(const struct aare *pattern, struct arena *arena)
{
	struct aare_matcher *m = ARENA_NEW(arena, struct aare_matcher);
	AUTOBUF regex = { 0 };

	m->pool = re_pool_new(arena, MATCHER_NODES);
	if (aare_translate(pattern->text, m->pool, &m->re, &regex, NULL) == 0)
		matcher_compile(m, &regex);
	return m;
}

bool aare_match(struct aare *pattern, struct slice path, struct arena *arena)
{
	struct aare_matcher *m = pattern->matcher;
	int found = PCRE2_ERROR_MATCHLIMIT;

	if (slice_find(path, '\0') < path.len)
		return false; /* outside the alphabet of re.h; no path holds one */
	if (!m)
		m = pattern->matcher = matcher_new(pattern, arena);
	if (m->code)
		found =
		    pcre2_match(m->code, (PCRE2_SPTR)(path.len ? path.ptr : ""), path.len, 0, 0, m->data, m->context);
	if (found >= 0)
		return true;
	return found != PCRE2_ERROR_NOMATCH && re_matches(m->pool, m->re, path);
}

void aare_release(struct aare *pattern)
{
	struct aare_matcher *m = pattern->matcher;

	pattern->matcher = NULL;
	if (!m)
		return;
	pcre2_match_context_free(m->context);
	pcre2_match_data_free(m->data);
	pcre2_code_free(m->code);
}
