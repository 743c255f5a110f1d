/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The definitions of apparmor's parser/parser_lex.l (5.0), by hand: flex takes the longest match, and of equals the one
 * listed first. Names in capitals are those of that file.
 */
#include <nestfix/lex.h>

/* Classes of bytes. CR counts as a newline; the parser accepts it before one only. */
enum {
	BLANK = 1 << 0, /* may hide behind a backslash */
	NEWLINE = 1 << 1,
	STOP = 1 << 2, /* ends every bare word; may hide behind a backslash */
	EQUAL = 1 << 3,
	ANGLE = 1 << 4,
	PAREN = 1 << 5,
	ALPHA = 1 << 6,
	DIGIT = 1 << 7,
};

static const unsigned char class[256] = {
	[' '] = BLANK,         ['\t'] = BLANK, ['\r'] = NEWLINE,      ['\n'] = NEWLINE, ['"'] = STOP,
	['!'] = STOP,          [','] = STOP,   ['='] = EQUAL,         [')'] = EQUAL,    ['<'] = ANGLE,
	['>'] = ANGLE,         ['('] = PAREN,  ['+'] = PAREN,         ['&'] = PAREN,    ['A' ... 'Z'] = ALPHA,
	['a' ... 'z'] = ALPHA, ['_'] = DIGIT,  ['0' ... '9'] = DIGIT,
};

/* What ends a word: ID_CHARS, ID_CHARS_NOEQ, INC_ID, and the first byte of IDS_NOEQ. */
enum {
	ENDS_ID = BLANK | NEWLINE | STOP,
	ENDS_NOEQ = ENDS_ID | EQUAL,
	ENDS_INCLUDE = ENDS_ID | ANGLE,
	ENDS_LEAD = ENDS_NOEQ | PAREN,
};

static bool is(struct slice t, size_t at, unsigned int mask)
{
	return at < t.len && (class[(unsigned char)t.ptr[at]] & mask) != 0;
}

static bool is_char(struct slice t, size_t at, char c)
{
	return at < t.len && t.ptr[at] == c;
}

static struct token token(enum token_kind kind, size_t at, size_t end)
{
	return (struct token){ .kind = kind, .at = at, .len = end - at };
}

static size_t skip(struct slice t, size_t at, unsigned int mask)
{
	while (is(t, at, mask))
		at++;
	return at;
}

static bool word_is(struct slice t, size_t at, size_t end, const char *word)
{
	return slice_is(slice_sub(t, at, end - at), word);
}

/*
 * The end of a run of ID: a byte that ends no word, a comma with such a byte behind it, or (escapes) a backslash with
 * what it hides. These overlap (in `,\ ` the backslash belongs to the comma and hides nothing), so the two next places
 * are kept as reachable or not, as flex does it.
 */
static size_t run(struct slice t, size_t at, unsigned int ends, bool escapes)
{
	bool here = true, next = false;
	size_t end = at;

	while (at < t.len && (here || next)) {
		bool after = false;

		if (here && !is(t, at, ends))
			next = true;
		if (here && t.ptr[at] == ',')
			after = at + 1 < t.len && !is(t, at + 1, ends);
		if (here && escapes && t.ptr[at] == '\\')
			after = is(t, at + 1, BLANK | STOP);
		here = next;
		next = after;
		at++;
		if (here)
			end = at;
	}
	return end;
}

/*
 * QUOTED_ID: ends at the first quote that no backslash stands before; where there is none, the longest match ends at
 * the last of the others. A NUL is never part of it.
 */
static struct token quoted(struct slice t, size_t at)
{
	size_t i, last = 0;
	struct token out;

	for (i = at + 1; i < t.len && t.ptr[i] != '\0'; i++) {
		if (t.ptr[i] != '"')
			continue;
		last = i;
		if (t.ptr[i - 1] != '\\')
			break;
	}
	out = token(TOKEN_QUOTED, at, last ? last + 1 : i);
	out.unended = last == 0;
	return out;
}

/* LIST_VAL_MODE and LIST_COND_MODE: values, commas, and in peer=( ) lists within the list. */
static struct token list(struct slice t, size_t at)
{
	size_t depth = 0, i = at;
	struct token out = { 0 };

	while (i < t.len && !out.unended) {
		char c = t.ptr[i];

		if (c == '"') {
			out = quoted(t, i);
			i += out.len;
			continue;
		}
		if (c == '\\' && (is(t, i + 1, BLANK | STOP) || is_char(t, i + 1, '(') || is_char(t, i + 1, ')')))
			i++;
		i++;
		if (c == '(')
			depth++;
		if (c == ')' && --depth == 0)
			return token(TOKEN_LIST, at, i);
	}
	out = token(TOKEN_LIST, at, i);
	out.unended = true;
	return out;
}

static struct token comment(struct slice t, size_t at)
{
	size_t end = at + slice_find(slice_from(t, at), '\n');
	struct token out = token(TOKEN_COMMENT, at, end);

	out.unended = end == t.len;
	if (end > at && end < t.len && t.ptr[end - 1] == '\r')
		out.len--;
	return out;
}

static struct token space(struct slice t, size_t at)
{
	return token(TOKEN_SPACE, at, skip(t, at, BLANK | NEWLINE));
}

/* `include` or `#include` ends at `end`: takes `if exists` with it where that follows on the same line. */
static struct token include(struct slice t, size_t at, size_t end)
{
	struct token out = token(TOKEN_INCLUDE, at, end);
	size_t i = skip(t, end, BLANK);

	if (i == end || !slice_starts(slice_from(t, i), "if"))
		return out;
	end = skip(t, i + 2, BLANK);
	if (end == i + 2 || !slice_starts(slice_from(t, end), "exists") || !is(t, end + 6, BLANK))
		return out;
	out.len = end + 6 - at;
	return out;
}

/* How many bytes of MODE_CHARS begin here. */
static size_t mode_chars(struct slice w, size_t at)
{
	size_t i = at;

	if (at < w.len && memchr("RrWwaLlMmkXx", w.ptr[at], 12))
		return 1;
	if (at < w.len && memchr("PpCc", w.ptr[at], 4))
		i++;
	if (i < w.len && memchr("IiUu", w.ptr[i], 4))
		i++;
	return i > at && i < w.len && memchr("Xx", w.ptr[i], 2) ? i + 1 - at : 0;
}

bool lex_is_mode(struct slice word)
{
	size_t at = 0, n;

	while ((n = mode_chars(word, at)) > 0)
		at += n;
	return word.len > 0 && at == word.len;
}

/* VARIABLE_NAME and what competes with it. */
static struct token name(struct slice t, size_t at)
{
	size_t end = skip(t, at, ALPHA | DIGIT);
	bool mode =
	    is(t, end, BLANK | NEWLINE) || is_char(t, end, ',') || is_char(t, end, '\f') || is_char(t, end, '\v');

	if (word_is(t, at, end, "include") && is(t, end, BLANK))
		return include(t, at, end);
	/* `all` is written with permission letters only, but is a keyword since 4.0 */
	if (mode && !word_is(t, at, end, "all") && lex_is_mode(slice_sub(t, at, end - at)))
		return token(TOKEN_MODE, at, end);
	return token(TOKEN_WORD, at, end);
}

/* The end of @{NAME}, @NAME, ${NAME} or $NAME, or `at` where there is none. */
static size_t variable_end(struct slice t, size_t at)
{
	size_t from = at + 1 + is_char(t, at + 1, '{');
	size_t end = skip(t, from, ALPHA | DIGIT);

	if (!is(t, from, ALPHA))
		return at;
	if (from == at + 1)
		return end;
	return is_char(t, end, '}') ? end + 1 : at;
}

/* SET_VARIABLE, or the LABEL that begins with one. */
static struct token variable(struct slice t, size_t at)
{
	size_t end = variable_end(t, at), label;
	bool braces = is_char(t, at + 1, '{');

	if (end == at)
		return token(TOKEN_BYTE, at, at + 1);
	label = run(t, end, ENDS_ID, true);
	/* @NAME: the longest match takes @N for the variable and what follows for the path */
	if (label > end && !braces && end > at + 2)
		return token(TOKEN_PATH, at, label);
	if (label == end || is_char(t, end, '=') || is_char(t, end, '+') ||
	    (is_char(t, end, '?') && is_char(t, end + 1, '=')))
		return token(TOKEN_VARIABLE, at, end);
	return token(TOKEN_PATH, at, label);
}

static struct token boolean(struct slice t, size_t at)
{
	size_t end = variable_end(t, at);

	return end == at ? token(TOKEN_BYTE, at, at + 1) : token(TOKEN_BOOLEAN, at, end);
}

/* LABEL: / : & or a variable, then ID. TOKEN_BYTE where none begins here. */
static struct token label(struct slice t, size_t at)
{
	char c = t.ptr[at];

	if (c == '@')
		return variable(t, at);
	if (c == '/' || c == '&')
		return token(TOKEN_PATH, at, run(t, at + 1, ENDS_ID, true));
	if (c == ':' && at + 1 < t.len && !is(t, at + 1, ENDS_ID) && t.ptr[at + 1] != '=')
		return token(TOKEN_PATH, at, run(t, at + 1, ENDS_ID, true));
	return token(TOKEN_BYTE, at, at + 1);
}

static struct token initial(struct slice t, size_t at)
{
	char c = t.ptr[at];

	if (is(t, at, ALPHA))
		return name(t, at);
	if (slice_starts(slice_sub(t, at, 8), "#include"))
		return include(t, at, at + 8);
	switch (c) {
	case '#':
		return comment(t, at);
	case '{':
		return token(TOKEN_OPEN, at, at + 1);
	case '}':
		return token(TOKEN_CLOSE, at, at + 1);
	case ',':
		return token(TOKEN_COMMA, at, at + 1);
	case '^':
		return token(TOKEN_CARET, at, at + 1);
	case '=':
		return token(TOKEN_ASSIGN, at, at + 1);
	case '"':
		return quoted(t, at);
	case '(':
		return list(t, at);
	case '$':
		return boolean(t, at);
	default:
		break;
	}
	if (memchr("+?:", c, 3) && is_char(t, at + 1, '='))
		return token(TOKEN_ASSIGN, at, at + 2);
	if (c == '-' && is_char(t, at + 1, '>'))
		return token(TOKEN_ARROW, at, at + 2);
	return label(t, at);
}

/* LABEL, else IDS_NOEQ, which takes braces, parentheses and `#` for letters. */
static struct token word(struct slice t, size_t at)
{
	struct token out = label(t, at);

	if (out.kind == TOKEN_BYTE && !is(t, at, ENDS_LEAD))
		out.len = run(t, at + 1, ENDS_NOEQ, false) - at;
	else if (out.kind == TOKEN_BYTE)
		return out;
	if (out.kind == TOKEN_VARIABLE)
		out.len = run(t, at + 1, ENDS_NOEQ, false) - at;
	out.kind = TOKEN_WORD;
	return out;
}

static struct token rule(struct slice t, size_t at)
{
	switch (t.ptr[at]) {
	case ',':
		return token(TOKEN_COMMA, at, at + 1);
	case '"':
		return quoted(t, at);
	case '(':
		return list(t, at);
	case '=':
		return token(TOKEN_ASSIGN, at, at + 1);
	default:
		break;
	}
	/* `options in(ro)`: the list needs no blank before it, although a parenthesis is a letter of a word */
	if (slice_starts(slice_sub(t, at, 3), "in("))
		return token(TOKEN_WORD, at, at + 2);
	return word(t, at);
}

static struct token unknown(struct slice t, size_t at)
{
	switch (t.ptr[at]) {
	case '#':
	case '{':
	case '}':
		return initial(t, at);
	default:
		return rule(t, at);
	}
}

/* A quoted word, or a run; what begins neither is a comma or a byte that should not be here. */
static struct token bare(struct slice t, size_t at, unsigned int ends)
{
	size_t end;

	if (t.ptr[at] == '"')
		return quoted(t, at);
	end = run(t, at, ends, true);
	if (end > at)
		return token(TOKEN_WORD, at, end);
	return token(t.ptr[at] == ',' ? TOKEN_COMMA : TOKEN_BYTE, at, at + 1);
}

static struct token included(struct slice t, size_t at)
{
	size_t end = at + 1;

	if (t.ptr[at] != '<')
		return bare(t, at, ENDS_INCLUDE);
	if (is_char(t, end, '"')) {
		struct token q = quoted(t, end);

		end += q.len;
	} else {
		while (end < t.len && !is(t, end, NEWLINE) && !memchr("\"\t>", t.ptr[end], 3))
			end++;
	}
	if (end > at + 1 && is_char(t, end, '>'))
		return token(TOKEN_MAGIC, at, end + 1);
	return token(TOKEN_BYTE, at, at + 1);
}

/* A backslash directly before the newline, with nothing before it but a blank: the values go on. */
static bool continues(struct slice t, size_t at)
{
	return is_char(t, at, '\\') && is_char(t, at + 1, '\n');
}

static bool ends_line(struct slice t, size_t at)
{
	return is_char(t, at, '\n') || (is_char(t, at, '\r') && is_char(t, at + 1, '\n'));
}

static struct token assigned(struct slice t, size_t at)
{
	size_t end = at;

	if (ends_line(t, at))
		return token(TOKEN_NEWLINE, at, at + 1 + (t.ptr[at] == '\r'));
	if (t.ptr[at] == '#')
		return comment(t, at);
	for (;;) {
		if (continues(t, end))
			end += 2;
		else if (is(t, end, BLANK | NEWLINE) && !ends_line(t, end))
			end++;
		else
			break;
	}
	return end > at ? token(TOKEN_SPACE, at, end) : bare(t, at, ENDS_ID);
}

static struct token condition(struct slice t, size_t at)
{
	switch (t.ptr[at]) {
	case '"':
	case '#':
	case '{':
	case '}':
	case '$':
	case ',':
		return initial(t, at);
	case '@':
		return variable(t, at);
	default:
		return word(t, at);
	}
}

struct token lex_token(struct slice text, size_t at, enum lex_mode mode)
{
	if (at >= text.len)
		return token(TOKEN_END, text.len, text.len);
	if (mode == LEX_ASSIGN)
		return assigned(text, at);
	if (is(text, at, BLANK | NEWLINE))
		return space(text, at);
	switch (mode) {
	case LEX_RULE:
		return rule(text, at);
	case LEX_UNKNOWN:
		return unknown(text, at);
	case LEX_NAME:
		return bare(text, at, ENDS_ID);
	case LEX_INCLUDE:
		return included(text, at);
	case LEX_CONDITION:
		return condition(text, at);
	default:
		return initial(text, at);
	}
}

struct token lex_next(struct slice text, size_t at, enum lex_mode mode)
{
	bool unended = false;
	struct token t;

	for (;;) {
		t = lex_token(text, at, mode);
		if (t.kind != TOKEN_SPACE && t.kind != TOKEN_COMMENT)
			break;
		unended = t.unended;
		at = t.at + t.len;
	}
	if (t.kind == TOKEN_END)
		t.unended = unended;
	return t;
}
