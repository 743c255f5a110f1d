/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "aare-internal.h"

struct re_set aare_all(void)
{
	struct re_set none = { 0 };

	return re_set_not(&none);
}

struct re_set aare_nonslash(void)
{
	struct re_set slash = { 0 };

	re_set_add(&slash, '/');
	return re_set_not(&slash);
}

int aare_translate(struct slice pattern, struct re_pool *pool, const struct re **language, struct buf *pcre,
		   struct err *err)
{
	struct aare_source source = { pattern, err };
	AUTOTRACED text = { 0 };

	*language = NULL;
	if (slice_find(pattern, '\0') < pattern.len)
		return aare_refuse(&source, slice_find(pattern, '\0'), "a NUL byte");
	if (aare_glob(&source, &text) < 0)
		return -1;
	*language = aare_regex(&source, &text, pool, pcre);
	if (!*language && re_pool_full(pool))
		aare_refuse(&source, 0, "it is too large"); /* the first error wins: no harm where there is one */
	return *language ? 0 : -1;
}

int aare_parse(struct aare *out, struct slice pattern, struct re_pool *pool, struct arena *arena, struct err *err)
{
	*out = (struct aare){ .text = arena_slice(arena, pattern) };
	return aare_translate(pattern, pool, &out->re, NULL, err);
}

/* May this byte stand in a bare word as it is? ID_CHARS of parser_lex.l, less the control bytes, which nobody can read.
 */
static bool bare(unsigned char c)
{
	return c > ' ' && c != 0x7f && c != '"' && c != '!';
}

static bool needs_quotes(struct slice pattern)
{
	for (size_t i = 0; i < pattern.len; i++) {
		char c = pattern.ptr[i];

		if (c == ' ' || c == '"' || c == '!')
			return true;
		if (c == ',' && (i + 1 == pattern.len || !bare((unsigned char)pattern.ptr[i + 1])))
			return true; /* a comma before something else ends a bare word */
	}
	return false;
}

struct slice aare_word(struct slice pattern, struct arena *arena)
{
	AUTOBUF b = { 0 };
	bool quotes = needs_quotes(pattern);

	if (quotes)
		buf_addc(&b, '"');
	for (size_t i = 0; i < pattern.len; i++) {
		unsigned char c = (unsigned char)pattern.ptr[i], next;

		next = i + 1 < pattern.len ? (unsigned char)pattern.ptr[i + 1] : 0;
		if (c == '\\' && next == '\\' && i + 2 == pattern.len) {
			i++;
			buf_adds(&b, "\\134"); /* a backslash would protect the blank or the quote behind the word */
		} else if (c == '\\' && next > ' ' && next != 0x7f && next != '"' && next != '!') {
			buf_add(&b, pattern.ptr + i++,
				2); /* both layers take the same escapes, with the same meaning */
		} else if (c == '\\' && next) {
			continue; /* protects nothing: the next byte needs the first layer's own escape */
		} else if (c == '"') {
			buf_adds(&b, "\\\"");
		} else if (c < ' ' || c == 0x7f) {
			buf_addf(&b, "\\%03o", c);
		} else {
			buf_addc(&b, (char)c);
		}
	}
	if (quotes)
		buf_addc(&b, '"');
	return arena_slice(arena, buf_slice(&b));
}
