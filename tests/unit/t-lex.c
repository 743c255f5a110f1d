/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/lex.h>

#include "../lib/tap.h"

static const enum lex_mode modes[] = { LEX_INITIAL, LEX_RULE,   LEX_UNKNOWN,  LEX_NAME,
				       LEX_INCLUDE, LEX_ASSIGN, LEX_CONDITION };

/* The text of the first token, of the expected kind. */
static void first(const char *text, enum lex_mode mode, enum token_kind kind, const char *want, const char *what)
{
	struct slice t = slice_of(text);
	struct token got = lex_token(t, 0, mode);

	if (!is_text(slice_sub(t, got.at, got.len), want, what) || got.kind != kind)
		is_num(got.kind, kind, what);
}

static bool covers(struct slice text, enum lex_mode mode)
{
	size_t at = 0;

	while (at < text.len) {
		struct token t = lex_token(text, at, mode);

		if (t.at != at || t.len == 0 || t.len > text.len - at || t.kind == TOKEN_END)
			return false;
		at += t.len;
	}
	return lex_token(text, at, mode).kind == TOKEN_END;
}

static void lex_covers(void)
{
	static const char *const texts[] = {
		"",
		"/a,b r,\n",
		"\"never",
		"(never",
		"#never",
		"@{",
		"@{X",
		"$",
		"${a",
		"\\",
		",",
		",,",
		"<",
		"<a",
		"<\"a",
		"#include",
		"include if exists ",
		"a=b\\\n c\r\n\r",
		"\f\v%;~!)]",
		"-> = += ?= := : & ^",
		"peer=(a=(b c))",
	};
	static const char nuls[] = "\"a\0b\" (\"\0) /\0,\0 #\0\n";
	bool good = true;

	for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
		for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
			good = good && covers(slice_of(texts[i]), modes[m]);
		good = good && covers((struct slice){ nuls, sizeof(nuls) - 1 }, modes[m]);
		for (int c = 0; c < 256; c++) {
			char two[2] = { (char)c, (char)(c * 7) };

			good = good && covers((struct slice){ two, 2 }, modes[m]);
		}
	}
	ok(good, "lex-covers: a text is its tokens joined, in every mode");
}

static void bare_paths_end_where_the_parser_ends_them(void)
{
	first("/a r,", LEX_INITIAL, TOKEN_PATH, "/a", "at a blank");
	first("/a,b r,", LEX_INITIAL, TOKEN_PATH, "/a,b", "a comma before a letter belongs to the word");
	first("/a, r,", LEX_INITIAL, TOKEN_PATH, "/a", "a comma before a blank does not");
	first("/a,,b r,", LEX_INITIAL, TOKEN_PATH, "/a", "nor does one before a comma");
	first("/a\\,,b r,", LEX_INITIAL, TOKEN_PATH, "/a\\,,b", "a comma behind a backslash hides");
	first("/a\\ b r,", LEX_INITIAL, TOKEN_PATH, "/a\\ b", "so does a blank");
	first("/a\\\\ b r,", LEX_INITIAL, TOKEN_PATH, "/a\\\\ b", "even behind two backslashes: the longest match");
	first("/a,\\ b r,", LEX_INITIAL, TOKEN_PATH, "/a,\\", "but not where the comma took the backslash");
	first("/a\"b", LEX_INITIAL, TOKEN_PATH, "/a", "at a quote");
	first("/a!b", LEX_INITIAL, TOKEN_PATH, "/a", "at an exclamation mark");
	first("/{a,b}#{c} r", LEX_INITIAL, TOKEN_PATH, "/{a,b}#{c}", "braces and # are letters of it");
	first("/a=b r", LEX_INITIAL, TOKEN_PATH, "/a=b", "so is =");
	first(":ns:p {", LEX_INITIAL, TOKEN_PATH, ":ns:p", "a namespace");
	first("&p {", LEX_INITIAL, TOKEN_PATH, "&p", "a stacked label");
	first("/a\r\n", LEX_INITIAL, TOKEN_PATH, "/a", "at a carriage return");
}

static void variables_and_paths_are_told_apart(void)
{
	first("@{X} = a", LEX_INITIAL, TOKEN_VARIABLE, "@{X}", "before a blank");
	first("@{X}=a", LEX_INITIAL, TOKEN_VARIABLE, "@{X}", "before =");
	first("@{X}+=a", LEX_INITIAL, TOKEN_VARIABLE, "@{X}", "before +=");
	first("@{X}?=a", LEX_INITIAL, TOKEN_VARIABLE, "@{X}", "before ?=");
	first("@{X}:=a b", LEX_INITIAL, TOKEN_PATH, "@{X}:=a", "before := without a blank it is a path");
	first("@{X}/a r,", LEX_INITIAL, TOKEN_PATH, "@{X}/a", "with more behind it");
	first("@{X},b r,", LEX_INITIAL, TOKEN_PATH, "@{X},b", "with a comma and more");
	first("@X /a", LEX_INITIAL, TOKEN_VARIABLE, "@X", "without braces");
	first("@X=a", LEX_INITIAL, TOKEN_VARIABLE, "@X", "without braces before =");
	first("@XY=a b", LEX_INITIAL, TOKEN_PATH, "@XY=a",
	      "two letters without braces and =: a path by the longest match");
	first("@{1}", LEX_INITIAL, TOKEN_BYTE, "@", "a name begins with a letter");
	first("$b = true", LEX_INITIAL, TOKEN_BOOLEAN, "$b", "a boolean");
	first("${b}=true", LEX_INITIAL, TOKEN_BOOLEAN, "${b}", "a boolean in braces");
}

static void quotes_end_at_the_first_bare_quote(void)
{
	struct token t;

	first("\"/a, b\" r,", LEX_INITIAL, TOKEN_QUOTED, "\"/a, b\"", "blanks and commas inside");
	first("\"a\\\"b\" \"c\"", LEX_INITIAL, TOKEN_QUOTED, "\"a\\\"b\"", "\\\" does not end it");
	first("\"a\\\\\" \"c\"", LEX_INITIAL, TOKEN_QUOTED, "\"a\\\\\" \"", "nor does one behind two backslashes");
	first("\"a\\\" b", LEX_INITIAL, TOKEN_QUOTED, "\"a\\\"", "unless there is no other");
	first("\"a\nb\" c", LEX_INITIAL, TOKEN_QUOTED, "\"a\nb\"", "a newline is part of it");
	t = lex_token(SLICE("\"abc"), 0, LEX_INITIAL);
	ok(t.unended && t.len == 4, "a quote that never ends is told");
	t = lex_token(SLICE("\"a\0b\""), 0, LEX_INITIAL);
	ok(t.unended && t.len == 2, "a NUL is never inside");
}

static void lists_are_one_token(void)
{
	first("(a, b),", LEX_INITIAL, TOKEN_LIST, "(a, b)", "commas inside");
	first("(label=(a b) x) y", LEX_RULE, TOKEN_LIST, "(label=(a b) x)", "a list in a list");
	first("(a\\) \")\" # b) c", LEX_RULE, TOKEN_LIST, "(a\\) \")\" # b)", "escapes, quotes, no comments");
	ok(lex_token(SLICE("(a, b"), 0, LEX_INITIAL).unended, "a list that never ends is told");
}

static void permissions_stand_before_a_blank_or_comma(void)
{
	first("rw,", LEX_INITIAL, TOKEN_MODE, "rw", "before a comma");
	first("Pix\n", LEX_INITIAL, TOKEN_MODE, "Pix", "before a newline");
	first("rw}", LEX_INITIAL, TOKEN_WORD, "rw", "not before a brace");
	first("rwz ", LEX_INITIAL, TOKEN_WORD, "rwz", "not with another letter");
	first("all,", LEX_INITIAL, TOKEN_WORD, "all", "`all` is a keyword");
	ok(lex_is_mode(SLICE("rwamklx")) && lex_is_mode(SLICE("pux")) && lex_is_mode(SLICE("CIx")), "known letters");
	ok(!lex_is_mode(SLICE("pi")) && !lex_is_mode(SLICE("")) && !lex_is_mode(SLICE("p")),
	   "half of an exec mode is none");
}

static void includes_are_found_as_the_parser_finds_them(void)
{
	first("include <a>\n", LEX_INITIAL, TOKEN_INCLUDE, "include", "the word");
	first("include<a>\n", LEX_INITIAL, TOKEN_WORD, "include", "it needs a blank");
	first("#include<a>\n", LEX_INITIAL, TOKEN_INCLUDE, "#include", "the old form does not");
	first("#includefoo\n", LEX_INITIAL, TOKEN_INCLUDE, "#include", "not even before a letter");
	first("# include <a>\n", LEX_INITIAL, TOKEN_COMMENT, "# include <a>", "with a blank in it it is a comment");
	first("include if exists <a>\n", LEX_INITIAL, TOKEN_INCLUDE, "include if exists", "if exists");
	first("#include \tif  exists\t<a>\n", LEX_INITIAL, TOKEN_INCLUDE, "#include \tif  exists", "with other blanks");
	first("include if existsx\n", LEX_INITIAL, TOKEN_INCLUDE, "include", "a name that begins alike");
	first("<a b/c>x", LEX_INCLUDE, TOKEN_MAGIC, "<a b/c>", "a magic name");
	first("<\"a>b\">x", LEX_INCLUDE, TOKEN_MAGIC, "<\"a>b\">", "quoted inside");
	first("<a\n>", LEX_INCLUDE, TOKEN_BYTE, "<", "not over a line's end");
	first("a,b, c", LEX_INCLUDE, TOKEN_WORD, "a,b", "a bare name");
}

static void comments_exist_in_some_modes_only(void)
{
	first("# c\nx", LEX_INITIAL, TOKEN_COMMENT, "# c", "between tokens");
	first("# c\r\nx", LEX_INITIAL, TOKEN_COMMENT, "# c", "CRLF is not part of it");
	first("#c d,", LEX_RULE, TOKEN_WORD, "#c", "a word in a mount rule");
	first("#c d,", LEX_NAME, TOKEN_WORD, "#c", "a word for a name");
	first("#c d\n", LEX_ASSIGN, TOKEN_COMMENT, "#c d", "behind the values of a variable");
	first("#c\n", LEX_UNKNOWN, TOKEN_COMMENT, "#c", "in a rule nobody knows");
	ok(lex_token(SLICE("# c"), 0, LEX_INITIAL).unended, "a comment without a newline is told");
	ok(lex_next(SLICE(" # c"), 0, LEX_INITIAL).unended, "also when it is passed over");
	ok(!lex_next(SLICE(" # c\n"), 0, LEX_INITIAL).unended, "not with one");
}

static void values_end_with_their_line(void)
{
	first("\n@{Y}", LEX_ASSIGN, TOKEN_NEWLINE, "\n", "the newline is a token");
	first("\r\n@{Y}", LEX_ASSIGN, TOKEN_NEWLINE, "\r\n", "CRLF too");
	first(" \\\n b", LEX_ASSIGN, TOKEN_SPACE, " \\\n ", "a backslash before it makes it space");
	first("a\\\n b", LEX_ASSIGN, TOKEN_WORD, "a\\", "but not behind a letter");
	first("{a,b} c", LEX_ASSIGN, TOKEN_WORD, "{a,b}", "braces are letters");
}

static void rule_words_stop_at_equals_signs(void)
{
	first("options=(ro)", LEX_RULE, TOKEN_WORD, "options", "before =");
	first("/dev/a=b c", LEX_RULE, TOKEN_WORD, "/dev/a=b", "not in a path");
	first("inet,/a r", LEX_RULE, TOKEN_WORD, "inet,/a", "the comma rule holds here too");
	first("in(ro, rw)", LEX_RULE, TOKEN_WORD, "in", "`in` needs no blank before its list");
	first("{a,b} ->", LEX_RULE, TOKEN_WORD, "{a,b}", "braces are letters");
	first("} x", LEX_RULE, TOKEN_WORD, "}", "even alone");
	first("} x", LEX_UNKNOWN, TOKEN_CLOSE, "}", "except in a rule nobody knows");
	first("@{X} x", LEX_RULE, TOKEN_WORD, "@{X}", "a variable");
	first(",x y", LEX_NAME, TOKEN_WORD, ",x", "a name may begin with a comma");
	first("->x", LEX_INITIAL, TOKEN_ARROW, "->", "an arrow needs no blank");
}

static void long_words_take_linear_time(void)
{
	AUTOBUF b = { 0 };

	for (int i = 0; i < 1000000; i++)
		buf_adds(&b, "/\\,,a\\\"");
	is_num(lex_token(buf_slice(&b), 0, LEX_INITIAL).len, b.len, "a word of 7 MB");
}

int main(void)
{
	lex_covers();
	bare_paths_end_where_the_parser_ends_them();
	variables_and_paths_are_told_apart();
	quotes_end_at_the_first_bare_quote();
	lists_are_one_token();
	permissions_stand_before_a_blank_or_comma();
	includes_are_found_as_the_parser_finds_them();
	comments_exist_in_some_modes_only();
	values_end_with_their_line();
	rule_words_stop_at_equals_signs();
	long_words_take_linear_time();
	return tap_done();
}
