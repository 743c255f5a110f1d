/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/doc.h>

#include "../lib/tap.h"

static struct arena arena;

static struct doc parse(const char *text)
{
	struct doc doc;

	doc_parse(&doc, slice_of(text), &arena);
	return doc;
}

static struct slice span_text(const struct doc *doc, struct span span)
{
	return slice_sub(doc->text, span.at, span.len);
}

/* Statement number n in document order. */
static const struct stmt *nth(const struct doc *doc, size_t n)
{
	struct stmt *s = doc->first;

	while (s && n-- > 0)
		s = doc_next(s);
	return s;
}

static size_t count(const struct doc *doc)
{
	size_t n = 0;

	for (struct stmt *s = doc->first; s; s = doc_next(s))
		n++;
	return n;
}

/* "{kind:text}" of every statement; a body is told by its own statements. */
static const char *shape(const struct doc *doc)
{
	static const char *const kinds[] = { "include", "abi",         "alias", "variable", "boolean",
					     "profile", "conditional", "block", "rule",     "opaque" };
	AUTOBUF b = { 0 };

	for (struct stmt *s = doc->first; s; s = doc_next(s)) {
		if (b.len > 0)
			buf_addc(&b, '|');
		if (s->kind == STMT_RULE)
			buf_addslice(&b, span_text(doc, s->span));
		else
			buf_addf(&b, "<%s>", kinds[s->kind]);
	}
	if (doc->broken_count > 0)
		buf_addf(&b, " broken: %s", doc->broken[0].what);
	return arena_str(&arena, buf_slice(&b));
}

/* A text as the name of a test: on one line, without what TAP would take for a directive. */
static const char *label(const char *text)
{
	char *out = arena_str(&arena, slice_of(text));

	for (char *c = out; *c; c++)
		if (strchr("\n\r\t#\\", *c))
			*c = ' ';
	return out;
}

/* The statements of a text, rules as written. Anything `broken` is added. */
static void has(const char *text, const char *want, const char *what)
{
	struct doc doc = parse(text);
	AUTOBUF out = { 0 };

	is_text(slice_of(shape(&doc)), want, what);
	doc_print(&doc, NULL, 0, &out, NULL);
	if (!slice_eq(buf_slice(&out), doc.text))
		ok(false, "law print-parse");
}

/* One file or link rule inside a profile. */
static void file_is(const char *rule, const char *path, const char *perms, const char *target)
{
	struct doc doc = parse(arena_printf(&arena, "profile p {\n%s\n}\n", rule));
	const struct stmt *s = nth(&doc, 1);

	ok(s && s->kind == STMT_RULE && (s->rule_class == RULE_FILE || s->rule_class == RULE_LINK), label(rule));
	is_text(span_text(&doc, s->span), rule, "its extent");
	is_text(s->path, path, "its path");
	is_text(s->perms, perms, "its permissions");
	is_text(s->target, target, "its target");
	ok(s->path.len == 0 || slice_eq(span_text(&doc, s->path_span), s->path), "the span of its path");
	ok(s->perms.len == 0 || slice_eq(span_text(&doc, s->perms_span), s->perms), "the span of its permissions");
	is_num(doc.broken_count, 0, "nothing is broken");
}

static void file_rules_are_taken_apart(void)
{
	file_is("/a r,", "/a", "r", "");
	file_is("/a,b rw,", "/a,b", "rw", "");
	file_is("deny /sys/[^fdc]*{,/**} wklx,", "/sys/[^fdc]*{,/**}", "wklx", "");
	file_is("\"/a, b\" r,", "\"/a, b\"", "r", "");
	file_is("\"@{X}/b*\" r,", "\"@{X}/b*\"", "r", "");
	file_is("/a\\,\\ b r,", "/a\\,\\ b", "r", "");
	file_is("/a r ,", "/a", "r", "");
	file_is("/a\n\t r\n,", "/a", "r", "");
	file_is("/a # c, } {\n rw # d\n,", "/a", "rw", "");
	file_is("/a\r\n rw,", "/a", "rw", "");
	file_is("@{X} r,", "@{X}", "r", "");
	file_is("@{X}/y r,", "@{X}/y", "r", "");
	file_is("/a px -> b,c,", "/a", "px", "b,c");
	file_is("/a Cx -> \"b, c\",", "/a", "Cx", "\"b, c\"");
	file_is("/a l -> /b,", "/a", "l", "/b");
	file_is("file /a r,", "/a", "r", "");
	file_is("file rw /a,", "/a", "rw", "");
	file_is("file,", "", "", "");
	file_is("owner file,", "", "", "");
	file_is("file ,", "", "", "");
	file_is("unsafe /a ux,", "/a", "ux", "");
	file_is("file safe /a px,", "/a", "px", "");
	file_is("link /a -> /b,", "/a", "", "/b");
	file_is("link subset \"/a\"->\n/b,", "\"/a\"", "", "/b");
	file_is("/a#b r,", "/a#b", "r", "");
	file_is("/x} r,", "/x}", "r", "");
}

static void permissions_may_stand_first(void)
{
	struct doc doc = parse("profile p {\nrw /a,\nr subset /b -> c,\n}\n");
	const struct stmt *s = nth(&doc, 1);

	ok(s->perms_first && s->rule_class == RULE_FILE, "perms_first");
	is_text(s->path, "/a", "the path behind them");
	is_text(s->perms, "rw", "the permissions");
	ok(s->next->subset && s->next->perms_first, "subset");
	is_text(s->next->target, "c", "with a target");
	has("profile p {rw /a,/b r,\n}\n", "<profile>|rw /a,/b r,",
	    "a comma behind a path needs a blank: one rule for the parser");
}

static void commas_end_rules_where_the_parser_ends_them(void)
{
	has("profile p {/a r,/b w,}\n", "<profile>|/a r,|/b w,", "behind permissions anything may follow");
	has("profile p {/a r,#c\n}\n", "<profile>|/a r,", "even a comment");
	has("profile p { capability chown,/a r, }", "<profile>|capability chown,|/a r,",
	    "capability names end at the comma");
	has("profile p { network inet,\n/a r, }", "<profile>|network inet,|/a r,", "network");
	has("profile p { network,/a r, }", "<profile>|network,|/a r,", "a bare keyword");
	has("profile p { signal (send, receive) set=(a,b),/a r,}", "<profile>|signal (send, receive) set=(a,b),|/a r,",
	    "behind a list");
	has("profile p { mount options=(ro, rbind) /a,b -> \"/c, d\",\n}",
	    "<profile>|mount options=(ro, rbind) /a,b -> \"/c, d\",", "mount with commas in every place");
	has("profile p { mount fstype=ext4,\n mount {a,b},\n}", "<profile>|mount fstype=ext4,|mount {a,b},",
	    "mount with braces");
	has("profile p { mount options in(ro,rw) /a,\n}", "<profile>|mount options in(ro,rw) /a,", "mount with in");
	has("profile p { unix (send) peer=(label=foo,addr=\"@x, y\"),\n}",
	    "<profile>|unix (send) peer=(label=foo,addr=\"@x, y\"),", "a peer list");
	has("profile p { ptrace peer=a,b,\n}", "<profile>|ptrace peer=a,b,", "a comma in a value");
	has("profile p { dbus send path=/a/b\n member={A,B} peer=(name=\"x\"),}",
	    "<profile>|dbus send path=/a/b\n member={A,B} peer=(name=\"x\"),", "dbus over two lines");
	has("profile p { set rlimit data <= 100M,/a r,}", "<profile>|set rlimit data <= 100M,|/a r,", "rlimit");
	has("profile p { change_profile unsafe /a -> b,c,\n}", "<profile>|change_profile unsafe /a -> b,c,",
	    "change_profile");
	has("profile p { pivot_root oldroot=/a,b/ /c/ -> d,\n}", "<profile>|pivot_root oldroot=/a,b/ /c/ -> d,",
	    "pivot_root");
	has("profile p { userns create,/a r, }", "<profile>|userns create,|/a r,", "userns");
	has("profile p { mqueue (read) type=posix /a,\nio_uring sqpoll,all,}",
	    "<profile>|mqueue (read) type=posix /a,|io_uring sqpoll,|all,", "newer classes");
	has("profile p { mount # c, d\n}", "<profile>|mount # c,|d broken: a rule without a comma at its end",
	    "a mount rule holds no comment");
}

static void classes_are_known_by_their_word(void)
{
	static const struct {
		const char *rule;
		enum rule_class class;
	} table[] = {
		{ "capability,", RULE_CAPABILITY },
		{ "network,", RULE_NETWORK },
		{ "mount,", RULE_MOUNT },
		{ "remount,", RULE_MOUNT },
		{ "umount,", RULE_MOUNT },
		{ "unmount,", RULE_MOUNT },
		{ "pivot_root,", RULE_PIVOT_ROOT },
		{ "change_profile,", RULE_CHANGE_PROFILE },
		{ "set rlimit cpu <= 1,", RULE_RLIMIT },
		{ "signal,", RULE_SIGNAL },
		{ "ptrace,", RULE_PTRACE },
		{ "unix,", RULE_UNIX },
		{ "dbus,", RULE_DBUS },
		{ "userns,", RULE_USERNS },
		{ "mqueue,", RULE_MQUEUE },
		{ "io_uring,", RULE_IO_URING },
		{ "all,", RULE_ALL },
		{ "file,", RULE_FILE },
		{ "link /a -> /b,", RULE_LINK },
		{ "teleport (a, b) /x,", RULE_UNKNOWN },
		{ "set fire,", RULE_UNKNOWN },
		{ "/a /b /c,", RULE_UNKNOWN },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct doc doc = parse(arena_printf(&arena, "profile p { audit deny %s\n}", table[i].rule));
		const struct stmt *s = nth(&doc, 1);

		is_num(s->rule_class, table[i].class, table[i].rule);
		is_text(s->text, arena_str(&arena, slice_sub(slice_of(table[i].rule), 0, strlen(table[i].rule) - 1)),
			"its text without qualifiers and comma");
	}
}

static void qualifiers_in_any_order(void)
{
	struct doc doc =
	    parse("profile p {\npriority = -5 audit deny owner /a r,\nowner prompt user other allow /b r,\n"
		  "priority=99999999999999999999 /c r,\npriority /d r,\n}\n");
	const struct stmt *s = nth(&doc, 1);

	ok(s->qualifiers.audit && s->qualifiers.deny && s->qualifiers.owner && !s->qualifiers.allow, "flags");
	ok(s->qualifiers.has_priority && s->qualifiers.priority == -5, "priority");
	is_text(span_text(&doc, s->qualifiers.text), "priority = -5 audit deny owner", "their text");
	is_text(s->text, "/a r", "the rule behind them");
	s = s->next;
	ok(s->qualifiers.owner && s->qualifiers.prompt && s->qualifiers.other && s->qualifiers.allow, "a wrong order");
	is_num(s->rule_class, RULE_FILE, "is a rule all the same");
	s = s->next;
	is_num(s->qualifiers.priority, 2147483647, "a priority out of range does not wrap");
	s = s->next;
	ok(!s->qualifiers.has_priority && s->rule_class == RULE_UNKNOWN, "a priority without a number is none");
}

static void blocks_hold_rules(void)
{
	struct doc doc = parse("profile p {\n audit deny { /a w, owner { /b r, } }\n {/c r,}\n}\n");
	const struct stmt *s = nth(&doc, 1);

	is_num(s->kind, STMT_BLOCK, "a block");
	ok(s->qualifiers.audit && s->qualifiers.deny && s->has_body, "with its qualifiers");
	is_text(span_text(&doc, s->span), "audit deny { /a w, owner { /b r, } }", "up to its brace");
	ok(s->body->parent == s && !s->body->qualifiers.deny, "a rule tells its own qualifiers only");
	has("profile p {\n audit deny { /a w, owner { /b r, } }\n {/c r,}\n}\n",
	    "<profile>|<block>|/a w,|<block>|/b r,|<block>|/c r,", "blocks in blocks, and one without qualifiers");
}

static void profile_is(const char *header, const char *name, const char *attachment, const char *flags)
{
	struct doc doc = parse(arena_printf(&arena, "%s {\n /x r,\n}\n", header));
	const struct stmt *s = doc.first;

	ok(s && s->kind == STMT_PROFILE && s->body && !s->next && !s->unclosed, label(header));
	is_text(s->name, name, "its name");
	is_text(s->attachment, attachment, "its attachment");
	is_text(s->flags, flags, "its flags");
	is_num(s->span.len, strlen(header) + 11, "its extent");
	is_num(doc.broken_count, 0, "nothing is broken");
}

static void headers_are_read(void)
{
	profile_is("profile p", "p", "", "");
	profile_is("profile \"a b\" flags=(attach_disconnected,mediate_deleted)", "a b", "",
		   "attach_disconnected,mediate_deleted");
	profile_is("profile lxc-1_</var/lib/lxc> flags = (\n complain\n audit )", "lxc-1_</var/lib/lxc>", "",
		   "\n complain\n audit ");
	profile_is("profile p /usr/{,s}bin/x (complain)", "p", "/usr/{,s}bin/x", "complain");
	profile_is("/usr/{,s}bin/x", "/usr/{,s}bin/x", "", "");
	profile_is("/a \"/b c\" flags=(kill)", "/a", "\"/b c\"", "kill");
	profile_is("\"/a b\"", "/a b", "", "");
	profile_is(":ns:name", ":ns:name", "", "");
	profile_is("@{X}", "@{X}", "", "");
	profile_is("profile p @{exec_path} flags=(error=EPERM)", "p", "@{exec_path}", "error=EPERM");
	profile_is("profile p xattrs=(user.a=\"x y\" b=(c)) flags=(complain)", "p", "", "complain");
	profile_is("/a + identities=(u) flags=(audit)", "/a", "", "audit");
	profile_is("profile p # c {\n", "p", "", "");
	profile_is("profile a//b", "a//b", "", "");
	profile_is("profile profile", "profile", "", "");
	profile_is("profile p news=(a) x", "p", "x", "");
}

static void hats_and_children(void)
{
	struct doc doc =
	    parse("profile p {\n ^a { /x r, }\n hat b flags=(complain) {}\n profile c /c { ^\"d e\" {} }\n}\n");
	const struct stmt *s = nth(&doc, 1);

	ok(s->is_hat && s->kind == STMT_PROFILE, "^a");
	is_text(s->name, "a", "its name");
	s = s->next;
	ok(s->is_hat, "hat b");
	is_text(s->name, "b", "its name");
	s = s->next;
	ok(!s->is_hat, "a child profile is no hat");
	is_text(s->name, "c", "its name");
	is_text(s->body->name, "d e", "a quoted hat in it");
	ok(s->body->parent == s && s->parent == doc.first, "parents");
	is_text(parse("/a xattrs=(x=y) {}").first->xattrs, "x=y", "xattrs");
}

static void conditionals_follow_each_other(void)
{
	struct doc doc =
	    parse("profile p {\n if not defined @{X} { /a r, } else if ($b and @{Y} == \"c {\") # d\n { /e r, }"
		  " else{/f r,}\n /g r,\n}\n");
	const struct stmt *s = nth(&doc, 1);

	is_num(s->kind, STMT_CONDITIONAL, "if");
	is_text(s->condition, "not defined @{X}", "its condition");
	ok(!s->is_else && s->body, "it has a body");
	s = s->next;
	ok(s->kind == STMT_CONDITIONAL && s->is_else, "else if");
	is_text(s->condition, "($b and @{Y} == \"c {\")", "its condition, as 5.0 writes it");
	s = s->next;
	ok(s->is_else && s->condition.len == 0, "else");
	is_text(span_text(&doc, s->span), "else{/f r,}", "its extent");
	is_text(s->next->path, "/g", "what follows");
	is_num(doc.broken_count, 0, "nothing is broken");
	has("profile p { if $b /a r, }", "<profile>|<opaque> broken: a condition without a body", "without a body");
}

static void include_is(const char *text, const char *name, bool magic, bool if_exists)
{
	struct doc doc = parse(text);
	const struct stmt *s = doc.first;

	ok(s && s->kind == STMT_INCLUDE, label(text));
	is_text(s->include_name, name, "its name");
	ok(s->include_magic == magic && s->include_if_exists == if_exists, "its form");
	is_num(s->include_hash, text[0] == '#', "with or without #");
}

static void includes_are_read(void)
{
	include_is("include <a/b>\n", "a/b", true, false);
	include_is("#include <a/b>\n", "a/b", true, false);
	include_is("#include<a/b>\n", "a/b", true, false);
	include_is("#includefoo\n", "foo", false, false);
	include_is("include if exists <local/x>", "local/x", true, true);
	include_is("#include if exists \"/a b\"\n", "/a b", false, true);
	include_is("include /a,b\n", "/a,b", false, false);
	include_is("include < a b >\n", "a b", true, false);
	include_is("include <\"a b\">\n", "a b", true, false);
	has("# include <a>\n/a {}\n", "<profile>", "a comment is no include");
	has("include <a> include <b> # c\n#include <d> #include <e>\n", "<include>|<include>|<include>|<include>",
	    "several in a line");
	has("profile p { include <a>/b r,\n}", "<profile>|<include>|/b r,", "a rule may follow");
	has("include\n", "include broken: a rule without a comma at its end", "include needs a blank");
	has("include <a\n", "<opaque>|<opaque> broken: an include without a name", "a name that never ends");
	has("profile p {\n /a r\n include <b>\n}", "<profile>|/a r|<include> broken: a rule without a comma at its end",
	    "a comma forgotten before it");
}

static void preambles_are_read(void)
{
	struct doc doc =
	    parse("abi <abi/3.0>,\nabi \"x\" ,\nalias /a -> \"/b c\",\nrewrite @{X} ->/d,\n"
		  "@{X}=a \"b c\" \\\n  d{,e} # f\n@{X} += \"\"\n@Y ?= g\n@{Z} := h,i\r\n$k = true\n${l}=false");
	const struct stmt *s = doc.first;

	ok(s->kind == STMT_ABI && s->include_magic, "abi");
	is_text(s->include_name, "abi/3.0", "its name");
	s = s->next;
	is_text(span_text(&doc, s->span), "abi \"x\" ,", "abi in quotes");
	s = s->next;
	is_text(s->alias_from, "/a", "alias from");
	is_text(s->alias_to, "\"/b c\"", "alias to");
	s = s->next;
	is_text(s->alias_to, "/d", "its old word");
	s = s->next;
	is_text(s->name, "X", "a variable");
	is_num(s->value_count, 3, "its values, over two lines");
	is_text(s->values[1], "\"b c\"", "as written");
	is_text(s->values[2], "d{,e}", "with braces and commas");
	is_text(span_text(&doc, s->span), "@{X}=a \"b c\" \\\n  d{,e}", "without the comment");
	s = s->next;
	is_text(s->op, "+=", "+=");
	is_text(s->values[0], "\"\"", "an empty value");
	s = s->next;
	is_text(s->name, "Y", "without braces");
	is_text(s->op, "?=", "?=");
	s = s->next;
	is_text(s->op, ":=", ":=");
	is_text(s->values[0], "h,i", "CRLF is no part of a value");
	s = s->next;
	ok(s->kind == STMT_BOOLEAN, "a boolean");
	is_text(s->name, "k", "its name");
	is_text(s->values[0], "true", "its value");
	s = s->next;
	is_text(s->name, "l", "in braces, without a newline");
	is_num(doc.broken_count, 0, "nothing is broken");
}

static void broken_is(const char *text, size_t line, size_t column, const char *what)
{
	struct doc doc = parse(text);
	bool found = false;

	for (size_t i = 0; i < doc.broken_count; i++)
		found = found || (strcmp(doc.broken[i].what, what) == 0 && doc.broken[i].line == line &&
				  doc.broken[i].column == column);
	if (!ok(found, what))
		for (size_t i = 0; i < doc.broken_count; i++)
			printf("# %zu:%zu: %s\n", doc.broken[i].line, doc.broken[i].column, doc.broken[i].what);
}

static void what_is_wrong_has_a_place(void)
{
	broken_is("profile p {\n  \"/a r,\n}\n", 2, 3, "a quote that never ends");
	broken_is("profile p {\n  signal (send,\n}\n", 2, 10, "a parenthesis that never ends");
	broken_is("\nprofile p {\n /a r,\n", 2, 1, "a brace that is never closed");
	broken_is("/a {\n}\n }", 3, 2, "a closing brace without an opening one");
	broken_is("/a {\n /a r\n}\n", 2, 6, "a rule without a comma at its end");
	broken_is("/a {\n mount fstype=proc\n}\n", 2, 19, "a rule without a comma at its end");
	broken_is("/a {}\n# c", 2, 4, "a comment without a newline behind it");
	broken_is("\n #include <a>", 2, 2, "an #include without a newline behind it");
	is_num(parse("#include <a>\ninclude <b>").broken_count, 0, "an include without # needs no newline");
	broken_is("@{X} =\n", 1, 7, "a variable without a value");
	broken_is("@{X} = a, \n", 1, 9, "a comma or ! among the values of a variable");
	broken_is("profile {\n}\n", 1, 8, "a profile without a name");
	broken_is("profile p /a,\n", 1, 13, "a profile without a body");
	broken_is("abi <a>\n/b {}", 1, 8, "a statement without a comma at its end");
	ok(nth(&(struct doc){ .first = parse("/a {").first }, 0)->unclosed, "an unclosed body is marked");
	has("/a {\n mount fstype=proc\n}\n/b { /c r, }\n",
	    "<profile>|mount fstype=proc|<profile>|/c r, broken: a rule without a comma at its end",
	    "a forgotten comma does not swallow the brace");
}

static void what_nobody_knows_is_passed_over(void)
{
	has("profile p { teleport a=(b, c) \"x, y\" z # d, }\n, /a r, }",
	    "<profile>|teleport a=(b, c) \"x, y\" z # d, }\n,|/a r,", "a rule of the future");
	has("profile p { when (a) b { /c r, } /d r, }", "<profile>|<opaque>|<block>|/c r,|/d r,",
	    "a body of the future: its braces are matched");
	has("profile p { %; ! /x, /a r, }", "<profile>|<opaque>|/a r,", "bytes that begin nothing");
	has("profile p { ,,, /a r, }", "<profile>|<opaque>|/a r,", "commas");
	has("profile p { \"a\" r, /a r, }", "<profile>|<opaque>|/a r,", "a quoted path that begins like no path");
	has("}}} /a {}", "<opaque>|<profile> broken: a closing brace without an opening one", "braces");
	has("\xef\xbb\xbf#include <a>\n", "<opaque>|<include>", "a byte order mark");
	has("profile p { network, /a\fr, }", "<profile>|network,|/a\fr,", "a form feed is a letter");
}

static void places_are_told(void)
{
	struct doc doc = parse("# c\n\nprofile p {\n\t/a r, /b w,\n}\n");
	size_t line, column;

	is_num(nth(&doc, 1)->line, 4, "line");
	is_num(nth(&doc, 1)->column, 2, "column");
	is_num(nth(&doc, 2)->column, 8, "column of the second in a line");
	doc_place(&doc, nth(&doc, 2)->span.at, &line, &column);
	ok(line == 4 && column == 8, "doc_place says the same");
	doc_place(&doc, doc.text.len + 5, &line, &column);
	ok(line == 6 && column == 1, "doc_place beyond the end");
}

static void edits_are_spliced(void)
{
	struct doc doc = parse("profile p { /a r, /b w, }");
	struct span a = nth(&doc, 1)->span, b = nth(&doc, 2)->span;
	struct edit edits[] = { { a.at, a.len, SLICE("/x k,") },
				{ a.at + a.len, 0, SLICE("\n") },
				{ b.at, b.len, SLICE("") } };
	struct edit twisted[] = { edits[2], edits[0] };
	struct edit far = { doc.text.len, 1, SLICE("") }, wrap = { 1, (size_t)-1, SLICE("") };
	AUTOBUF out = { 0 };
	struct err err = { 0 };

	is_num(doc_print(&doc, edits, 3, &out, &err), 0, "sorted edits");
	is_text(buf_slice(&out), "profile p { /x k,\n  }", "are spliced in");
	buf_clear(&out);
	is_num(doc_print(&doc, twisted, 2, &out, &err), -1, "edits in the wrong order");
	is_err(&err, "cannot apply edit 1", "are refused");
	err_clear(&err);
	is_num(doc_print(&doc, &far, 1, &out, &err), -1, "an edit beyond the end");
	is_err(&err, "beyond the end", "is refused");
	is_num(doc_print(&doc, &wrap, 1, &out, NULL), -1, "a length that wraps is refused");
	is_num(out.len, 0, "nothing was appended");
}

static void word_is(const char *raw, const char *want)
{
	is_text(doc_word(slice_of(raw), &arena), want, label(raw));
}

static void words_are_decoded_once(void)
{
	word_is("/a", "/a");
	word_is("\"/a b\"", "/a b");
	word_is("\"\"", "");
	word_is("\"", "");
	word_is("/\\101\\x42\\d067", "/ABC");
	word_is("\\0412", "!2");
	word_is("\\400", " 0");
	word_is("\\d256", "\x19"
			  "6");
	word_is("\\x4z", "\x04z");
	word_is("\\a\\e\\f\\n\\r\\t", "\a\033\f\n\r\t");
	word_is("\\x2a\\052\\d42", "\\*\\*\\*");
	word_is("\\x3f\\x5b\\x5d\\x7b\\x7d\\x5e\\x2c\\x5c", "\\?\\[\\]\\{\\}\\^\\,\\\\");
	word_is("\\\\x", "\\\\x");
	word_is("\\\"", "\"");
	word_is("\\q\\*\\ \\,", "\\q\\*\\ \\,");
	word_is("\\x", "\\x");
	word_is("\\dz\\xg", "\\dz\\xg");
	word_is("\\0\\x00\\d000", "\\0\\x00\\d000");
	word_is("a\\", "a\\");
	word_is("\"/a\\\"b\"", "/a\"b");
}

static void depth_is_bounded(void)
{
	AUTOBUF b = { 0 };
	struct doc doc;
	const struct stmt *s;
	size_t depth = 0;

	for (int i = 0; i < 65; i++)
		buf_adds(&b, "{ ");
	buf_adds(&b, "/a r, { /b r, } ");
	for (int i = 0; i < 65; i++)
		buf_adds(&b, "}");
	buf_adds(&b, " /c r,");
	doc_parse(&doc, buf_slice(&b), &arena);
	is_num(count(&doc), 66, "64 braces are read");
	for (s = doc.first; s->body; s = s->body)
		depth++;
	is_num(depth, 64, "one in the other");
	ok(s->kind == STMT_OPAQUE && !s->next, "the 65th is opaque");
	is_text(span_text(&doc, s->span), "{ /a r, { /b r, } }", "with all that is in it");
	is_text(doc.first->next->path, "/c", "what follows is read");
	is_num(doc.broken_count, 0, "nothing is broken");
}

/* Texts that cost a careless parser quadratic time or its stack; they take milliseconds. */
static void hostile_texts_take_linear_time(void)
{
	static const char *const parts[] = { "{",         "}",      "\"",      "(",  "/a \"\\\"", "if ",  "^a",
					     "profile ",  "/a b=(", "\\",      "@{", "!",         "/a {", "else {",
					     "#include ", "/a\n",   "/a r\n}", "\n", "/a \"" };
	bool good = true;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		AUTOBUF b = { 0 }, out = { 0 };
		AUTOARENA own = { 0 };
		struct doc doc;

		for (size_t n = 0; n < 100000; n += strlen(parts[i])) {
			buf_adds(&b, parts[i]);
			if (i == 18)
				buf_addc(&b, '\0');
		}
		doc_parse(&doc, buf_slice(&b), &own);
		doc_print(&doc, NULL, 0, &out, NULL);
		good = good && slice_eq(buf_slice(&out), buf_slice(&b));
	}
	ok(good, "100 KB of the same");
}

static void any_text_is_printed_as_it_was(void)
{
	static const char bytes[] = "profile p {\0 /a r,\r\n\xff\xfe \"/b\0\" r, } # no newline";
	struct doc doc;
	AUTOBUF out = { 0 };

	doc_parse(&doc, (struct slice){ bytes, sizeof(bytes) - 1 }, &arena);
	doc_print(&doc, NULL, 0, &out, NULL);
	ok(slice_eq(buf_slice(&out), doc.text), "print-parse");
	has("", "", "an empty text");
	has(" \n\t# c\n", "", "a text of comments");
	doc_parse(&doc, (struct slice){ 0 }, &arena);
	ok(!doc.first && !doc_next(NULL), "a zeroed slice");
}

int main(void)
{
	file_rules_are_taken_apart();
	permissions_may_stand_first();
	commas_end_rules_where_the_parser_ends_them();
	classes_are_known_by_their_word();
	qualifiers_in_any_order();
	blocks_hold_rules();
	headers_are_read();
	hats_and_children();
	conditionals_follow_each_other();
	includes_are_read();
	preambles_are_read();
	what_is_wrong_has_a_place();
	what_nobody_knows_is_passed_over();
	places_are_told();
	edits_are_spliced();
	words_are_decoded_once();
	depth_is_bounded();
	hostile_texts_take_linear_time();
	any_text_is_printed_as_it_was();
	arena_release(&arena);
	return tap_done();
}
