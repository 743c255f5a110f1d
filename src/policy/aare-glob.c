/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a pattern takes the two steps that apparmor_parser takes, because its odd corners come from their sequence:
 * convert_aaregex_to_pcre() (parser_regex.c) writes a regular expression as text, and regex_lex() with the grammar of
 * libapparmor_re/parse.y read that text again. `[*]`, for instance, is no class with a star in it: the first step
 * writes [[^/\x00]*] and the second reads a starred class with '[', '^' and '/' in it, then a literal ']'.
 */
#include <stdint.h>

#include "aare-internal.h"

int aare_refuse(const struct aare_source *s, size_t at, const char *what)
{
	struct slice shown = slice_sub(s->pattern, 0, 200);

	return err_put(s->err, ERR_FAILED, "cannot read the pattern '%.*s%s': column %zu: %s", SLICE_FMT(shown),
		       shown.len < s->pattern.len ? "..." : "", at + 1, what);
}

static void aare_traced_add(struct aare_traced *t, const char *bytes, size_t len, size_t from)
{
	buf_add(&t->text, bytes, len);
	for (size_t i = 0; i < len; i++)
		buf_add(&t->from, &from, sizeof from);
}

static void aare_traced_adds(struct aare_traced *t, const char *str, size_t from)
{
	aare_traced_add(t, str, strlen(str), from);
}

size_t aare_traced_from(const struct aare_traced *t, size_t at)
{
	const size_t *from = (const size_t *)(const void *)t->from.ptr;

	if (t->text.len == 0)
		return 0;
	return from[at < t->text.len ? at : t->text.len - 1];
}

void aare_traced_release(struct aare_traced *t)
{
	buf_release(&t->text);
	buf_release(&t->from);
}

/* filter_slashes(): one slash for many, but exactly two at the very start stay. */
static void squeeze_slashes(struct aare_traced *out, struct slice in)
{
	size_t i = 0;

	if (slice_starts(in, "//") && !slice_starts(in, "///") && in.len >= 2) {
		aare_traced_add(out, in.ptr, 1, 0);
		aare_traced_add(out, in.ptr, 1, 1);
		i = 2;
	}
	for (bool slash = false; i < in.len; i++) {
		if (in.ptr[i] != '/' || !slash)
			aare_traced_add(out, in.ptr + i, 1, i);
		slash = in.ptr[i] == '/';
	}
}

/* -- escapes: strn_escseq() of parser/lib.c ---------------------------------------------------------------- */

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* Stops before a digit that would take the value over 255, as strntol() there does. */
static size_t escape_number(struct slice s, int base, size_t digits, int *value)
{
	size_t n = 0;

	*value = 0;
	while (n < s.len && n < digits && digit_of(s.ptr[n]) < base && *value * base + digit_of(s.ptr[n]) <= 255)
		*value = *value * base + digit_of(s.ptr[n++]);
	return n;
}

/* s begins behind the backslash. How many bytes the escape takes and its value; 0 where it is none. */
size_t aare_escape(struct slice s, const char *literal, int *value)
{
	static const char names[] = "\\\"aefnrt", values[] = "\\\"\a\033\f\n\r\t";
	const char *hit;
	size_t n;

	if (s.len == 0)
		return 0;
	if (s.ptr[0] >= '0' && s.ptr[0] <= '7')
		return escape_number(s, 8, 3, value);
	if (s.ptr[0] == 'd' || s.ptr[0] == 'x') {
		bool hex = s.ptr[0] == 'x';

		n = escape_number(slice_from(s, 1), hex ? 16 : 10, hex ? 2 : 3, value);
		return n ? n + 1 : 0;
	}
	hit = strchr(names, (unsigned char)s.ptr[0]);
	if (hit) {
		*value = (unsigned char)values[hit - names];
		return 1;
	}
	*value = (unsigned char)s.ptr[0];
	return strchr(literal, s.ptr[0]) ? 1 : 0;
}

/* -- first step: glob to regular expression ---------------------------------------------------------------- */

struct glob {
	struct aare_source source;
	struct aare_traced in, out;
	size_t at; /* in in.text */
	bool in_class;
	size_t class_from;
	size_t depth;
	size_t commas[AARE_MAX_GROUPS], opened[AARE_MAX_GROUPS];
};

static size_t glob_from(const struct glob *g)
{
	return aare_traced_from(&g->in, g->at);
}

static char glob_peek(const struct glob *g, size_t ahead)
{
	return g->at + ahead < g->in.text.len ? g->in.text.ptr[g->at + ahead] : '\0';
}

static void glob_put(struct glob *g, const char *regex)
{
	aare_traced_adds(&g->out, regex, glob_from(g));
}

static void glob_star(struct glob *g)
{
	size_t stars = 1;
	char next;

	while (glob_peek(g, stars) == '*')
		stars++;
	next = glob_peek(g, stars);
	if (g->out.text.len > 0 && g->out.text.ptr[g->out.text.len - 1] == '/' && (next == '/' || next == '\0'))
		glob_put(g, "[^/\\x00]");
	if (stars == 1) {
		glob_put(g, "[^/\\x00]*");
	} else {
		glob_put(g, "[^\\x00]*");
		g->at++;
	}
}

static int glob_open(struct glob *g)
{
	if (g->in_class) {
		glob_put(g, "{");
		return 0;
	}
	if (g->depth + 1 >= AARE_MAX_GROUPS)
		return aare_refuse(&g->source, glob_from(g), "more than 49 groups inside each other");
	g->depth++;
	g->commas[g->depth] = 0;
	g->opened[g->depth] = glob_from(g);
	glob_put(g, "(");
	return 0;
}

static int glob_close(struct glob *g)
{
	if (g->in_class) {
		glob_put(g, "}");
		return 0;
	}
	if (g->depth == 0)
		return aare_refuse(&g->source, glob_from(g), "a '}' without its '{'");
	if (g->commas[g->depth] == 0)
		return aare_refuse(&g->source, g->opened[g->depth], "a group without a comma");
	g->depth--;
	glob_put(g, ")");
	return 0;
}

static int glob_class_end(struct glob *g)
{
	if (!g->in_class)
		return aare_refuse(&g->source, glob_from(g), "a ']' without its '['");
	g->in_class = false;
	glob_put(g, "]");
	return 0;
}

/* A byte with no meaning here, or one whose meaning a regular expression must not see. */
static void glob_plain(struct glob *g)
{
	char c = glob_peek(g, 0);
	bool quote = strchr(".+|()", c) || (!g->in_class && (c == '^' || c == '$'));

	if (quote)
		glob_put(g, "\\");
	aare_traced_add(&g->out, &c, 1, glob_from(g));
}

/* The byte behind a backslash. What the second step would not understand loses the backslash. */
static void glob_escaped(struct glob *g)
{
	char c = glob_peek(g, 0);
	int value;
	size_t len;

	if (c == '\\') {
		glob_put(g, "\\\\");
	} else if (strchr("*[]{}", c) || (c == ',' && g->in_class)) {
		glob_put(g, "\\");
		aare_traced_add(&g->out, &c, 1, glob_from(g));
	} else if (strchr("?,^$.+|()", c)) {
		glob_plain(g);
	} else {
		len = aare_escape(slice_from(buf_slice(&g->in.text), g->at), "", &value);
		if (len > 0)
			glob_put(g, "\\");
		else
			len = 1;
		aare_traced_add(&g->out, g->in.text.ptr + g->at, len, glob_from(g));
		g->at += len - 1;
	}
}

static int glob_byte(struct glob *g)
{
	switch (glob_peek(g, 0)) {
	case '*':
		glob_star(g);
		return 0;
	case '?':
		glob_put(g, "[^/\\x00]");
		return 0;
	case '[':
		if (!g->in_class)
			g->class_from = glob_from(g);
		g->in_class = true;
		glob_put(g, "[");
		return 0;
	case ']':
		return glob_class_end(g);
	case '{':
		return glob_open(g);
	case '}':
		return glob_close(g);
	case ',':
		if (g->depth > 0 && !g->in_class) {
			g->commas[g->depth]++;
			glob_put(g, "|");
			return 0;
		}
		break;
	default:
		break;
	}
	glob_plain(g);
	return 0;
}

static int glob_read(struct glob *g)
{
	for (; g->at < g->in.text.len; g->at++) {
		if (glob_peek(g, 0) != '\\') {
			if (glob_byte(g) < 0)
				return -1;
			continue;
		}
		if (++g->at >= g->in.text.len)
			return aare_refuse(&g->source, glob_from(g), "a backslash at the end");
		glob_escaped(g);
	}
	if (g->in_class)
		return aare_refuse(&g->source, g->class_from, "a '[' that is never closed");
	if (g->depth > 0)
		return aare_refuse(&g->source, g->opened[g->depth], "a '{' that is never closed");
	return 0;
}

int aare_glob(const struct aare_source *source, struct aare_traced *out)
{
	struct glob g = { .source = *source };
	int result;

	squeeze_slashes(&g.in, source->pattern);
	result = glob_read(&g);
	*out = g.out;
	aare_traced_release(&g.in);
	return result;
}
