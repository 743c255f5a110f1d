/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <unistd.h>

#include <nestfix/fsio.h>
#include <nestfix/policy.h>

#include "../lib/tap.h"

/* Files of a test, ended by a zeroed one. A directory is what stands before a slash. */
struct mem {
	const char *path, *text;
};

struct world {
	struct arena arena;
	struct err err;
	struct policy policy;
	struct re_pool *pool;
	struct policy_sources *sources;
	struct policy_reader reader;
	struct policy_dialect dialect;
	size_t reads;
	const struct mem *files;
};

static void add_name(struct slice **names, size_t *count, struct slice name)
{
	size_t i = *count;

	for (size_t j = 0; j < *count; j++)
		if (slice_eq((*names)[j], name))
			return;
	(*count)++;
	for (; i > 0 && slice_cmp((*names)[i - 1], name) > 0; i--)
		(*names)[i] = (*names)[i - 1];
	(*names)[i] = name;
}

static int mem_read(void *ctx, const char *path, enum policy_found *found, struct slice *bytes, struct slice **names,
		    size_t *count, struct arena *arena, struct err *err)
{
	struct world *w = ctx;
	size_t n = strlen(path);

	w->reads++;
	*found = POLICY_MISSING;
	*count = 0;
	if (strcmp(path, "/etc/apparmor.d/forbidden") == 0)
		return err_put(err, ERR_REFUSED, "cannot trust '%s'", path);
	*names = arena_array(arena, 100, sizeof **names);
	for (const struct mem *f = w->files; f->path; f++) {
		struct slice rest;

		if (strcmp(f->path, path) == 0) {
			*found = POLICY_FILE;
			*bytes = slice_of(f->text);
			return 0;
		}
		if (strncmp(f->path, path, n) != 0 || f->path[n] != '/')
			continue;
		rest = slice_of(f->path + n + 1);
		*found = POLICY_DIR;
		add_name(names, count, slice_sub(rest, 0, slice_find(rest, '/')));
	}
	return 0;
}

static void world_open(struct world *w, const struct mem *files)
{
	*w = (struct world){ .files = files };
	w->reader = (struct policy_reader){ w, mem_read };
	w->dialect.base = "/etc/apparmor.d";
	w->pool = re_pool_new(&w->arena, 0);
	w->sources = policy_sources_new(&w->reader, &w->dialect, &w->arena);
}

static void world_close(struct world *w)
{
	policy_release(&w->policy);
	arena_release(&w->arena);
}

/* Reads /etc/apparmor.d/top of the files. */
static int load(struct world *w, const struct mem *files)
{
	world_open(w, files);
	return policy_read(&w->policy, w->sources, "/etc/apparmor.d/top", &w->arena, &w->err);
}

static int load_text(struct world *w, const char *text)
{
	static const struct mem nothing[] = { { 0 } };

	world_open(w, nothing);
	return policy_read_text(&w->policy, w->sources, "top", slice_of(text), &w->arena, &w->err);
}

static void add_rule(struct buf *b, const struct policy_rule *rule)
{
	static const char letters[] = "xwralkm";
	static const char *const fixed[] = { "", " !cond", " !block", " !var", " !alias", " !implied" };

	if (rule->priority)
		buf_addf(b, "%d ", rule->priority);
	buf_addf(b, "%s%s%s", rule->audit ? "audit " : "", rule->deny ? "deny " : "", rule->prompt ? "prompt " : "");
	buf_addf(b, "%s%s%.*s ", rule->owner ? "owner " : "", rule->other ? "other " : "", SLICE_FMT(rule->pattern));
	for (unsigned i = 0; i < 7; i++)
		if (rule->perms & (1u << i))
			buf_addc(b, letters[i]);
	buf_adds(b, rule->inherit ? "+" : "");
	if (rule->target.len > 0)
		buf_addf(b, " %s> %.*s", rule->is_link ? "=" : "-", SLICE_FMT(rule->target));
	buf_addf(b, "%s;", fixed[rule->fixed]);
}

static struct slice rules_of(struct world *w, const char *name)
{
	struct policy_profile *p = policy_find(&w->policy, slice_of(name));
	AUTOBUF b = { 0 };

	if (!p)
		return SLICE("no such profile");
	for (size_t i = 0; i < p->rule_count; i++)
		add_rule(&b, &p->rules[i]);
	return arena_slice(&w->arena, buf_slice(&b));
}

/* The rules of profile p of a text, or the error. */
#define is_rules(source, want, what)                                                                                   \
	do {                                                                                                           \
		struct world w_;                                                                                       \
		int rc_ = load_text(&w_, (source));                                                                    \
		is_text(rc_ ? slice_of(w_.err.text) : rules_of(&w_, "p"), (want), (what));                             \
		world_close(&w_);                                                                                      \
	} while (0)

#define is_refused(source, part, what)                                                                                 \
	do {                                                                                                           \
		struct world w_;                                                                                       \
		is_num(load_text(&w_, (source)), -1, what ": fails");                                                  \
		is_err(&w_.err, (part), what);                                                                         \
		world_close(&w_);                                                                                      \
	} while (0)

/* The same for a set of files. */
#define is_file_rules(all, want, what)                                                                                 \
	do {                                                                                                           \
		struct world w_;                                                                                       \
		int rc_ = load(&w_, (all));                                                                            \
		is_text(rc_ ? slice_of(w_.err.text) : rules_of(&w_, "p"), (want), (what));                             \
		world_close(&w_);                                                                                      \
	} while (0)

#define is_file_refused(all, part, what)                                                                               \
	do {                                                                                                           \
		struct world w_;                                                                                       \
		is_num(load(&w_, (all)), -1, what ": fails");                                                          \
		is_err(&w_.err, (part), what);                                                                         \
		world_close(&w_);                                                                                      \
	} while (0)

#define TOP "/etc/apparmor.d/top"
#define ETC "/etc/apparmor.d/"

static void skipped_names(void)
{
	static const char *const yes[] = { "",           ".x",          "README",     "a.dpkg-new",
					   "a.dpkg-old", "a.dpkg-dist", "a.dpkg-bak", "a.dpkg-remove",
					   "a.pacsave",  "a.pacnew",    "a.rpmnew",   "a.rpmsave",
					   "a.orig",     "a.rej",       "a~" };
	static const char *const no[] = { "a", "a.dpkg-tmp", "a.bak", "a.save", "READMEx", "dpkg-new" };
	bool good = true;

	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		good &= policy_is_skipped(slice_of(yes[i]));
	ok(good, "names that apparmor_parser skips in a directory");
	good = true;
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		good &= !policy_is_skipped(slice_of(no[i]));
	ok(good, "backup names that it reads all the same");
}

static void includes_are_found(void)
{
	static const struct mem position[] = { { TOP, "profile p {\n /1 r,\n include <a/b>\n /3 r,\n}\n" },
					       { ETC "a/b", "/2 r,\n" },
					       { 0 } };
	static const struct mem dir[] = { { TOP, "profile p { #include <d>\n }\n" },
					  { ETC "d/b", "/b r,\n" },
					  { ETC "d/a", "/a r,\n" },
					  { ETC "d/B", "/B r,\n" },
					  { ETC "d/sub/x", "/x r,\n" },
					  { ETC "d/c.dpkg-old", "/c r,\n" },
					  { 0 } };
	static const struct mem absolute[] = { { TOP, "profile p { include \"/else/where\"\n }\n" },
					       { "/else/where", "/e r,\n" },
					       { 0 } };
	static const struct mem exists[] = { { TOP, "profile p {\n include if exists <no>\n /a r,\n}\n" }, { 0 } };

	is_file_rules(position, "/1 r;/2 r;/3 r;", "an include stands where it is written");
	is_file_rules(dir, "/B r;/a r;/b r;", "a directory: by byte, not recursive, without skipped names");
	is_file_rules(absolute, "/e r;", "a quoted absolute path");
	is_file_rules(exists, "/a r;", "include if exists of nothing");
}

static void includes_search_further_directories_first(void)
{
	static const struct mem files[] = { { TOP, "profile p {\n include <x>\n include <y>\n}\n" },
					    { "/one/x", "/one r,\n" },
					    { ETC "x", "/base r,\n" },
					    { ETC "y", "/y r,\n" },
					    { 0 } };
	static const char *const search[] = { "/none", "/one", NULL };
	struct world w;

	world_open(&w, files);
	w.dialect.search = search;
	is_num(policy_read(&w.policy, w.sources, TOP, &w.arena, &w.err), 0, "reads with -I directories");
	is_text(rules_of(&w, "p"), "/one r;/y r;", "further directories come before the base");
	world_close(&w);
}

static void includes_that_fail(void)
{
	static const struct mem missing[] = { { TOP, "profile p {\n  include <no/such>\n}\n" }, { 0 } };
	static const struct mem relative[] = { { TOP, "profile p {\n include \"x\"\n}\n" },
					       { ETC "x", "/x r,\n" },
					       { 0 } };
	static const struct mem refused[] = { { TOP, "include <forbidden>\nprofile p { }\n" }, { 0 } };
	static const struct mem broken[] = { { TOP, "profile p {\n include <a>\n}\n" },
					     { ETC "a", "/a r,\n\"/b r,\n" },
					     { 0 } };
	static const struct mem no_top[] = { { 0 } };
	static const struct mem is_dir[] = { { TOP "/x", "" }, { 0 } };
	struct world w;

	is_file_refused(missing, TOP ":2:3: cannot include 'no/such'", "a missing include is told with its place");
	is_file_refused(relative, "depends on the directory", "a relative include is refused");
	is_num(load(&w, refused), -1, "a refusal of the reader stops the reading");
	is_num(w.err.kind, ERR_REFUSED, "… and keeps its kind");
	world_close(&w);
	is_file_refused(broken, ETC "a:2:1: cannot read this policy", "broken syntax in an include names that file");
	is_file_refused(no_top, "no such file", "a missing top-level file");
	is_file_refused(is_dir, "it is a directory", "a directory as top-level file");
}

static void includes_once_per_body(void)
{
	static const struct mem files[] = {
		{ TOP, "$no = false\nprofile p {\n include <a>\n include <a>\n"
		       " if $no { include <b>\n } else { include <a>\n }\n include <b>\n include <dir>\n"
		       " include <dir/x>\n ^h { include <a>\n }\n include <c>\n}\nprofile q { include <a>\n }\n" },
		{ ETC "a", "/a r,\n" },
		{ ETC "b", "/b r,\n" },
		{ ETC "c", "include <a>\n/c r,\n" },
		{ ETC "dir/x", "/x r,\n" },
		{ 0 }
	};
	static const struct mem again[] = { { TOP, "profile p {\n include <a>\n include <a>\n}\n" },
					    { ETC "a", "/a r,\n" },
					    { 0 } };
	struct world w;

	is_num(load(&w, files), 0, "reads includes that repeat");
	is_text(slice_sub(rules_of(&w, "p"), 0, 15), "/a r;/x r;/c r;",
		"one body includes a file once, a branch not taken counts");
	is_text(slice_sub(rules_of(&w, "p//h"), 0, 5), "/a r;", "a hat starts afresh");
	is_text(rules_of(&w, "q"), "/a r;", "so does the next profile");
	is_num(w.reads, 6, "each path is read once a run, found or not");
	is_num(w.policy.source_count, 5, "every file is listed once");
	is_text(slice_of(w.policy.sources[0]->path), TOP, "the top-level file first");
	world_close(&w);
	world_open(&w, again);
	w.dialect.include_every_time = true;
	is_num(policy_read(&w.policy, w.sources, TOP, &w.arena, &w.err), 0, "reads as 2.13");
	is_text(rules_of(&w, "p"), "/a r;/a r;", "2.13 includes again");
	world_close(&w);
}

static void include_loops(void)
{
	static const struct mem self[] = { { TOP, "profile p { include <a>\n }\n" },
					   { ETC "a", "/a r,\ninclude <a>\n" },
					   { 0 } };
	static const struct mem nested[] = { { TOP, "profile p { include <a>\n }\n" },
					     { ETC "a", "profile x {\n include <b>\n}\n" },
					     { ETC "b", "include <a>\n" },
					     { 0 } };
	struct world w;

	is_file_rules(self, "/a r;", "3.0 and later: a file that includes itself does so once");
	world_open(&w, self);
	w.dialect.include_every_time = true;
	is_num(policy_read(&w.policy, w.sources, TOP, &w.arena, &w.err), -1, "2.13 loops");
	is_err(&w.err, ETC "a:2:1: cannot follow an include loop: '" ETC "a' includes '" ETC "a'", "the loop is told");
	world_close(&w);
	is_file_refused(nested, "'" ETC "a' includes '" ETC "b' includes '" ETC "a'",
			"a loop through nested profiles tells its chain");
}

static void rules_tell_how_they_came(void)
{
	static const struct mem files[] = { { TOP, "include <a>\n" },
					    { ETC "a", "profile p {\n\n include <b>\n}\n" },
					    { ETC "b", "\n  deny /x w,\n" },
					    { 0 } };
	const struct policy_rule *rule;
	struct world w;

	is_num(load(&w, files), 0, "reads a chain of includes");
	rule = w.policy.count ? &w.policy.profiles[0].rules[0] : NULL;
	if (!ok(rule && w.policy.profiles[0].rule_count == 1, "one rule"))
		return;
	is_text(slice_of(rule->source->path), ETC "b", "its file");
	is_num(rule->stmt->line, 2, "its line");
	is_text(slice_of(rule->via->source->path), ETC "a", "the file that includes it");
	is_num(rule->via->include->line, 3, "at its line");
	is_text(slice_of(rule->via->up->source->path), TOP, "and that file's own way in");
	ok(rule->via->up->up == NULL, "which ends at the top");
	is_text(slice_of(w.policy.profiles[0].source->path), ETC "a", "the profile's file");
	world_close(&w);
}

static void variables_expand(void)
{
	is_rules("@{X} = /a\nprofile p { @{X}/b r, }", "/a/b r !var;", "one value is pasted in");
	is_rules("@{X}=/a /b\nprofile p { @{X}/c r, }", "{/a,/b}/c r !var;", "several values are alternatives");
	is_rules("@{X}=/a/ /b/\nprofile p { /x/@{X}/c r, }", "/x/{a,b}/c r !var;", "slashes beside slashes go");
	is_rules("@{X}=/a/\nprofile p { /x/@{X}/c r, }", "/x//a//c r !var;", "a single value is not trimmed");
	is_rules("@{X}=\"/a b\" \"\"\nprofile p { /x@{X} r, }", "/x{/a b,} r !var;", "quoted and empty values");
	is_rules("@{X}=@{Y}/1 @{Z}\n@{Y}=/a /b\n@{Z}=/c\nprofile p { @{X} r, }", "{/a/1,/b/1,/c} r !var;",
		 "variables in variables give all combinations");
	is_rules("@{X}=/a\n@{X}+=/b\nprofile p { @{X} r, }", "{/a,/b} r !var;", "+= adds");
	is_rules("@{X}=/a\n@{X} ?= /b\n@{Y} ?= /c\nprofile p { @{X}@{Y} r, }", "/a/c r !var;", "?= sets what is unset");
	is_rules("@{X}=/a\n@{X} := /b\nprofile p { @{X} r, }", "/b r !var;", ":= overrides");
	is_rules("@{X}=/a\nprofile p { /x\\@{X} r, /@X r, }", "/x\\@{X} r;/@X r;",
		 "an escaped @ and @X without braces are text");
	is_rules("@{X}=/a\nprofile p { link /l -> @{X}/t, /b px -> @{X}, }", "/l l => /a/t;/b x -> @{X};",
		 "link targets are expanded");
}

static void profile_name_is_a_variable(void)
{
	struct world w;

	is_rules("profile p { /x/@{profile_name} r, }", "/x/p r !var;", "@{profile_name}");
	is_num(load_text(&w, "profile \"a*[b]\" { /@{profile_name} r, ^h { /@{profile_name} r, } }"), 0, "reads");
	is_text(slice_sub(rules_of(&w, "a*[b]"), 0, 17), "/a\\*\\[b\\] r !var;", "its glob characters are protected");
	is_text(slice_sub(rules_of(&w, "a*[b]//h"), 0, 20), "/a\\*\\[b\\]//h r !var;", "a hat has its full name");
	world_close(&w);
	is_num(load_text(&w, "@{X}=/@{profile_name}\nprofile p { @{X} r, }\nprofile q { @{X} w, }\n"), 0, "reads");
	is_text(rules_of(&w, "q"), "/q wa !var;", "inside a value, each profile has its own name");
	world_close(&w);
	is_rules("@{X}=1 2\nprofile p /b/@{X} { @{exec_path} r, /x@{attach_path} r, }",
		 "/b/{1,2} r !var;/x/b/{1,2} r !var;", "5.0 has @{exec_path} and @{attach_path}");
	is_num(load_text(&w, "/n* { @{exec_path} r, }"), 0, "reads a path as name");
	is_text(rules_of(&w, "/n*"), "/n* r !var;", "it is the attachment, then");
	world_close(&w);
	is_rules("@{exec_path}=/d\nprofile p /a { @{exec_path} r, }", "/d r !var;", "a definition goes before");
	is_refused("profile p { @{exec_path} r, }", "it is not defined", "not without an attachment");
	is_refused("profile @{profile_name} { }", "it is not defined", "not in a profile's own name");
}

static void variables_that_fail(void)
{
	is_refused("profile p {\n  /a@{NO} r,\n}", "top:2:3: cannot expand '@{NO}': it is not defined", "undefined");
	is_refused("@{X}=@{Y}\n@{Y}=@{X}\nprofile p { @{X} r, }", "it refers to itself", "a loop");
	is_refused("$b = true\nprofile p { /@{b} r, }", "it is a boolean", "a boolean in a path");
	is_refused("@{X}=a\n@{X}=b\n", "top:2:1: cannot define '@{X}' twice", "defined twice");
	is_refused("@{X}+=b\n", "not defined yet", "+= of nothing");
	is_refused("$x = true\n@{x} = a\n", "it is a boolean", "one name space for both kinds");
	is_refused("$x = perhaps\n", "neither a boolean", "a boolean is true or false");
	is_refused("profile p { }\n@{X}=a\n", "before the first profile", "a definition after a profile");
	is_refused("@{A}=0 1 2 3 4 5 6 7 8 9\n@{B}=@{A}@{A}@{A}\n@{C}=@{B}@{B}@{B}\nprofile p { /@{C} r, }",
		   "cannot expand", "a product that explodes");
	is_refused("@{A}=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
		   "@{B}=@{A}@{A}@{A}@{A}@{A}@{A}@{A}@{A}\n@{C}=@{B}@{B}@{B}@{B}@{B}@{B}@{B}@{B}\n"
		   "@{D}=@{C}@{C}@{C}@{C}@{C}@{C}@{C}@{C}\n@{E}=@{D}@{D}@{D}@{D}@{D}@{D}@{D}@{D}\n"
		   "@{F}=@{E}@{E}@{E}@{E}@{E}@{E}@{E}@{E}\nprofile p { /@{F} r, }",
		   "cannot expand", "a text that explodes");
}

static void conditions_choose(void)
{
#define COND(c) "$t = true\n$f=FALSE\n@{V}=a b\n@{N}=10\nprofile p { if " c " { /yes r, } else { /no r, } }"
#define YES "/yes r !cond;"
#define NO "/no r !cond;"
	is_rules(COND("$t"), YES, "a boolean");
	is_rules(COND("not ${f}"), YES, "not, braces");
	is_rules(COND("defined @{V}"), YES, "defined");
	is_rules(COND("not defined @{W}"), YES, "not defined");
	is_rules(COND("$t and $f or $t"), YES, "and before or");
	is_rules(COND("$t or $t and $f"), YES, "or after and");
	is_rules(COND("($t or $t) and $f"), NO, "parentheses");
	is_rules(COND("not $t or $t"), YES, "not before or");
	is_rules(COND("@{V} == @{V}"), YES, "sets are equal");
	is_rules(COND("@{V} == a"), NO, "a set is not one of its members");
	is_rules(COND("a in @{V}"), YES, "in");
	is_rules(COND("\"c\" in @{V}"), NO, "not in");
	is_rules(COND("@{V} != a"), YES, "!=");
	is_rules(COND("@{N} > 9"), YES, "numbers compare as numbers");
	is_rules(COND("@{N} <= 0x0a"), YES, "hexadecimal, too");
	is_rules(COND("b < a"), NO, "words by byte");
	is_rules("$t=true\nprofile p { if not $t { /1 r, } else if $t { /2 r, } else if $t { /3 r, } else { /4 r, } }",
		 "/2 r !cond;", "the first branch that holds");
	is_rules("$t=true\n$f=false\nprofile p { if $f { if $t { /1 r, } else { /2 r, } } /3 r, }", "/3 r;",
		 "nothing inside a branch not taken");
	is_rules("@{A}=x\n$b = defined @{A} and not defined @{B}\nprofile p { if $b { /1 r, } }", "/1 r !cond;",
		 "a boolean from an expression");
	is_refused(COND("$u"), "there is no boolean '$u'", "an unset boolean");
	is_refused(COND("$t or $u"), "there is no boolean '$u'", "even where the result is known");
	is_refused(COND("@{W} == a"), "not defined", "an undefined variable in a comparison");
	is_refused(COND("@{N} < a"), "only numbers compare", "a number with a word");
	is_refused(COND("defined $t"), "releases of apparmor_parser differ", "defined of a boolean");
	is_refused(COND("@{V} ="), "cannot evaluate this condition", "an unknown operator");
	is_refused(COND("@{V}"), "neither a boolean nor a comparison", "a variable alone");
	is_refused(COND("($t"), "it ends too early", "a parenthesis left open");
	is_refused("$t=true\nprofile p {\n  if $t and %foo { /a r, }\n}", "top:3:13: ", "place of the trouble");
}

static void blocks_add_their_qualifiers(void)
{
	is_rules("profile p { audit { /a r, deny /b w, } }", "audit /a r !block;audit deny /b wa !block;", "audit");
	is_rules("profile p { deny { /a rw, owner { /b k, } } }", "deny /a wra !block;deny owner /b k !block;",
		 "deny, and a block in it");
	is_rules("$t=true\nprofile p { owner { if $t { /a r, } } if $t { owner { /b r, } } }",
		 "owner /a r !cond;owner /b r !cond;", "a conditional goes before a block");
	is_rules("@{X}=/x\nalias /x -> /y,\nprofile p { @{X} r, owner { @{X} w, } /x a, }",
		 "/x r !var;/y r !var;owner /x wa !block;owner /y wa !block;/x a;/y a !alias;",
		 "then block, variable, alias");
	is_refused("profile p {\n deny { allow /a r, }\n}", "top:2:9: cannot read this rule: its qualifiers contradict",
		   "allow in deny");
	is_refused("profile p { deny { /a x, } }", "'x' needs a kind", "x in a deny block never works");
}

static void other_rules_in_force(void)
{
	struct world w;
	struct policy_profile *p;

	is_num(load_text(&w, "$t=true\nprofile p { capability, owner { capability chown, change_profile -> x, }\n"
			     " if $t { signal, } else { ptrace, }\n audit { ^h { /x r, } } }"),
	       0, "reads other classes");
	p = policy_find(&w.policy, SLICE("p"));
	is_num(p ? p->other_count : 0, 3, "a block keeps change_profile only, a branch not taken nothing");
	is_num(w.policy.count, 1, "a hat inside a block is not in force");
	is_text(rules_of(&w, "p"),
		"owner /proc/*/attr/{apparmor/,}{current,exec} w !implied;"
		"owner /proc/*/attr/apparmor/ r !implied;owner /sys/module/apparmor/parameters/enabled r !implied;",
		"change_profile brings its rules on /proc");
	world_close(&w);
}

static void aliases_copy(void)
{
	is_rules("alias /usr/ -> /mnt/usr/,\nprofile p { /usr/b r, /us/c r, }", "/usr/b r;/mnt/usr/b r !alias;/us/c r;",
		 "a copy for each rule that begins so");
	is_rules("alias /a -> /b,\nalias /b -> /c,\nprofile p { /a r, }", "/a r;/b r !alias;", "no copies of copies");
	is_rules("alias /a -> /b,\nprofile p { link /a/1 -> /a/2, /x ix -> /a/3, }",
		 "/a/1 l => /a/2;/b/1 l => /b/2 !alias;/x x+ -> /a/3;", "link targets too, exec targets not");
}

static void profiles_have_full_names(void)
{
	struct world w;

	is_num(load_text(&w, "@{N}=n1 n2\nprofile a /x/@{N} flags=(complain) {\n hat h { /h r, }\n"
			     " profile b { ^c { /c r, } }\n}\n/y { }\nprofile :ns:z { ^h { } }\nprofile :ns://y2 { }\n"
			     "profile @{N} { }"),
	       0, "reads nested profiles");
	is_num(w.policy.count, 9, "all are flattened");
	ok(policy_find(&w.policy, SLICE("a//b//c")) != NULL, "a//b//c");
	ok(policy_find(&w.policy, SLICE("z//h")) != NULL, "the namespace is no part of the name");
	ok(policy_find(&w.policy, SLICE("y2")) != NULL, ":ns://name");
	ok(policy_find(&w.policy, SLICE("{n1,n2}")) != NULL, "a name may be a variable");
	ok(policy_find(&w.policy, SLICE("h")) == NULL, "a hat has no short name");
	is_text(w.policy.profiles[0].attachment, "/x/{n1,n2}", "attachment");
	is_text(w.policy.profiles[0].flags, "complain", "flags");
	is_text(rules_of(&w, "a//h"),
		"/h r;owner /proc/[0-9]*/attr/{apparmor/,}current w !implied;"
		"owner /proc/*/attr/apparmor/ r !implied;owner /sys/module/apparmor/parameters/enabled r !implied;",
		"a hat brings its rules on /proc");
	world_close(&w);
	is_refused("profile a { }\nprofile b { }\nprofile a { }\n",
		   "top:3:1: cannot define profile 'a' twice: it is defined "
		   "at top:1:1",
		   "the same name twice names both places");
	is_refused("profile a { ^h { }\n ^h { } }", "cannot define profile 'a//h' twice", "hats, too");
	is_rules(":x:p { }\nprofile p { /a r, }", "", "another namespace is another name");
}

static void implied_rules_of_213(void)
{
	static const struct mem files[] = { { TOP, "profile p { change_profile -> x, ^h { } }\n" }, { 0 } };
	struct world w;

	world_open(&w, files);
	w.dialect.include_every_time = true;
	is_num(policy_read(&w.policy, w.sources, TOP, &w.arena, &w.err), 0, "reads as 2.13");
	is_text(rules_of(&w, "p"), "owner /proc/*/attr/{current,exec} w !implied;",
		"2.13: change_profile brings one rule");
	is_text(rules_of(&w, "p//h"), "owner /proc/[0-9]*/attr/current w !implied;", "and a hat one, its parent none");
	world_close(&w);
}

static void permissions_are_read(void)
{
	is_rules("profile p { /a rwk, /b a, /c lm, rw /d, /e RWrw, }", "/a wrak;/b a;/c lm;/d wra;/e wra;",
		 "letters; w brings a");
	is_rules("profile p { /a ix, /b px, /c Pix, /d CUx, /e ux, /f pixpix, /g px -> x, }",
		 "/a x+;/b x;/c x+;/d x;/e x;/f x+;/g x -> x;", "kinds of exec");
	is_rules("profile p { deny /a rx, deny /b wklx, }", "deny /a xr;deny /b xwalk;", "deny takes a plain x");
	is_rules("profile p { file, }", "/{**,} xwralkm+;", "bare file");
	is_rules("profile p { owner file, audit file /a r, }", "owner /{**,} xwralkm+;audit /a r;", "file with more");
	is_rules("profile p { all, }", "/{**,} wralkm;-1 /{**,} x+;", "all");
	is_rules("profile p { deny all, }", "deny owner /{**,} wralkm;-1 deny /{**,} x;",
		 "deny all, as broken as it is");
	is_rules("profile p { priority=-5 audit deny owner /a r, priority=1000 other /b r, }",
		 "-5 audit deny owner /a r;1000 other /b r;", "qualifiers");
	is_rules("profile p { link subset /a -> /b, l /c -> /d, /e l -> /f, /g rl, }",
		 "/a l => /b;/c l => /d;/e l => /f;/g rl;", "links");
	is_rules("profile p { \"/a b\" r, /c\\x2ad w, /e\\040f r, }", "/a b r;/c\\*d wa;/e f r;", "escapes");
	is_rules("profile p { /a r, # c\n\n  /b\n w,\n}", "/a r;/b wa;", "comments and line ends");
}

static void permissions_that_fail(void)
{
	is_refused("profile p {\n  /a wa,\n}", "top:2:6: cannot read this rule: both 'w' and 'a'", "w with a");
	is_refused("profile p { /a aw, }", "both 'w' and 'a'", "a with w");
	is_refused("profile p { /a x, }", "'x' needs a kind", "plain x");
	is_refused("profile p { deny /a ix, }", "plain 'x'", "deny with a kind");
	is_refused("profile p { /a pxix, }", "two kinds of exec", "two kinds");
	is_refused("profile p { deny file, }", "plain 'x'", "deny file");
	is_refused("profile p { priority=1001 /a r, }", "priority 1001 is not between", "a priority out of range");
	is_refused("profile p { priority=1 audit { /a r, } }", "a block takes no priority", "a priority on a block");
	is_refused("/a r,\n", "inside a profile", "a rule outside a profile");
	is_refused("profile p { l /a -> ", "cannot read this policy", "a file that ends too early");
}

struct ask {
	const char *path;
	uint32_t perms;
	int half;
	bool allowed;
	const char *rule; /* the deciding rule, "" for none */
};

static void is_decided(struct world *w, struct policy_profile *p, const struct ask *ask)
{
	struct policy_verdict v;
	AUTOBUF got = { 0 };
	AUTOBUF want = { 0 };

	policy_decide(p, slice_of(ask->path), ask->perms, ask->half, NULL, &v, &w->arena);
	buf_addf(&got, "%s %s", ask->path, v.allowed ? "allowed by " : "denied by ");
	if (v.rule)
		add_rule(&got, v.rule);
	buf_addf(&want, "%s %s%s", ask->path, ask->allowed ? "allowed by " : "denied by ", ask->rule);
	is_text(buf_slice(&got), buf_str(&want), ask->path);
}

static void decide_all(const char *text, const struct ask *asks)
{
	struct policy_profile *p;
	struct world w;

	if (!ok(load_text(&w, text) == 0, "reads"))
		printf("# %s\n", w.err.text);
	p = policy_find(&w.policy, SLICE("p"));
	if (ok(p && policy_prepare(p, w.pool, &w.arena, &w.err) == 0, "prepares"))
		for (; asks->path; asks++)
			is_decided(&w, p, asks);
	world_close(&w);
}

enum { USER = AUTOMATON_USER, OTHER = AUTOMATON_OTHER };

static void deny_beats_allow(void)
{
	static const struct ask asks[] = { { "/a/x", PERM_R, USER, true, "/a/** wra;" },
					   { "/a/x", PERM_W, USER, false, "deny /a/x wa;" },
					   { "/a/x", PERM_A, USER, false, "deny /a/x wa;" },
					   { "/a/y", PERM_A, USER, false, "deny /a/y a;" },
					   { "/a/y", PERM_W, USER, true, "/a/** wra;" },
					   { "/a/y", PERM_R | PERM_W, USER, true, "/a/** wra;" },
					   { "/b", PERM_R, USER, false, "" },
					   { "/a/x", PERM_R | PERM_W, USER, false, "deny /a/x wa;" },
					   { "/o", PERM_R, USER, true, "owner /o r;" },
					   { "/o", PERM_R, OTHER, false, "" },
					   { "/t", PERM_R, USER, false, "deny owner /t r;" },
					   { "/t", PERM_R, OTHER, true, "/t r;" },
					   { 0 } };

	decide_all("profile p { deny /a/x w, /a/** rw, deny /a/y a, owner /o r, /t r, deny owner /t r, }", asks);
}

static void priority_decides_each_bit(void)
{
	static const struct ask asks[] = { { "/d", PERM_R, USER, true, "1 /d r;" },
					   { "/d", PERM_W, USER, false, "deny /d wra;" },
					   { "/e", PERM_R, USER, true, "/e r;" },
					   { "/f", PERM_R, USER, false, "2 deny /f r;" },
					   { "/q", PERM_R, USER, true, "/q r;" },
					   { "/s", PERM_R, USER, false, "" },
					   { 0 } };

	decide_all("profile p { deny /d rw, priority=1 /d r, priority=-1 deny /e r, /e r, priority=1 /f r,"
		   " priority=2 deny /f r, prompt /q r, /q r, prompt /s r, }",
		   asks);
}

static void ix_implies_m(void)
{
	static const struct ask asks[] = {
		{ "/i", PERM_M, USER, true, "/i x+;" }, { "/n", PERM_M, USER, false, "deny /n m;" },
		{ "/x", PERM_M, USER, false, "" },      { "/h", PERM_M, USER, true, "1 /h x+;" },
		{ "/g/px", PERM_M, USER, false, "" },   { "/g/ix", PERM_M, USER, true, "/g/* x+;" },
		{ "/o", PERM_M, OTHER, false, "" },     { 0 }
	};

	decide_all("profile p { /i ix, /n ix, deny /n m, /x ix, deny /x x, priority=1 /h ix, deny /h m, /g/* ix,"
		   " /g/px px, owner /o ix, }",
		   asks);
}

static void links_to_some_target(void)
{
	static const struct ask asks[] = { { "/a", PERM_L, USER, true, "/a l => /b;" },
					   { "/c", PERM_L, USER, false, "deny /c l;" },
					   { "/d", PERM_L, USER, true, "/d l;" },
					   { 0 } };

	decide_all("profile p { link /a -> /b, /c l, deny /c l, /d l, deny link /d -> /e, }", asks);
}

static void deniers_and_the_counterfactual(void)
{
	struct policy_verdict v;
	struct policy_profile *p;
	struct world w;

	is_num(load_text(&w, "alias /a -> /b,\nprofile p { /** rw, deny /a/** w, deny /a/x w, deny /a/* r, "
			     "priority=-1 deny /a/x w, deny /a/x w, }"),
	       0, "reads");
	p = policy_find(&w.policy, SLICE("p"));
	is_num(policy_prepare(p, w.pool, &w.arena, &w.err), 0, "prepares");
	is_num(policy_prepare(p, w.pool, &w.arena, &w.err), 0, "twice");
	policy_decide(p, SLICE("/a/x"), PERM_W, USER, NULL, &v, &w.arena);
	is_num(v.denier_count, 3, "all rules that deny at the deciding priority");
	policy_decide(p, SLICE("/a/y"), PERM_W, USER, NULL, &v, &w.arena);
	is_num(v.denier_count, 1, "one rule denies");
	policy_decide(p, SLICE("/a/y"), PERM_W, USER, v.rule, &v, &w.arena);
	ok(v.allowed && v.denier_count == 0, "without it the access is allowed");
	is_text(v.rule ? v.rule->pattern : SLICE(""), "/**", "and this rule allows it");
	policy_decide(p, SLICE("/b/y"), PERM_W, USER, &p->rules[1], &v, &w.arena);
	ok(v.allowed, "an alias's copy is left out with the rule it was made of");
	policy_decide(p, SLICE("/a/x"), PERM_W, USER, &p->rules[1], &v, &w.arena);
	ok(!v.allowed, "with one of several left out, the others still deny");
	policy_decide(p, SLICE("/a/x"), 0, USER, NULL, &v, &w.arena);
	ok(!v.allowed, "no permission asked, none given");
	world_close(&w);
}

static void patterns_that_fail(void)
{
	struct world w;

	is_num(load_text(&w, "profile p {\n  /a[ r,\n}"), 0, "a bad pattern is read");
	is_num(policy_prepare(&w.policy.profiles[0], w.pool, &w.arena, &w.err), -1, "and refused when prepared");
	is_err(&w.err, "top:2:3: ", "with its place");
	world_close(&w);
}

/* A reader of files that go on for ever: each includes the next. */
static int endless_read(void *ctx, const char *path, enum policy_found *found, struct slice *bytes,
			struct slice **names, size_t *count, struct arena *arena, struct err *err)
{
	long n = strtol(strrchr(path, '/') + 1, NULL, 10);

	(void)ctx, (void)names, (void)count, (void)err;
	*found = POLICY_FILE;
	*bytes = slice_of(arena_printf(arena, "include <%ld>\n", n + 1));
	return 0;
}

static int many_read(void *ctx, const char *path, enum policy_found *found, struct slice *bytes, struct slice **names,
		     size_t *count, struct arena *arena, struct err *err)
{
	const size_t all = 20000;

	(void)ctx, (void)err;
	if (strcmp(path, TOP) != 0 && strcmp(path, ETC "d") != 0) {
		*found = POLICY_FILE;
		*bytes = SLICE("\n");
		return 0;
	}
	*found = strcmp(path, TOP) == 0 ? POLICY_FILE : POLICY_DIR;
	*bytes = SLICE("include <d>\n");
	*names = arena_array(arena, all, sizeof **names);
	for (*count = 0; *count < all; (*count)++)
		(*names)[*count] = slice_of(arena_printf(arena, "%06zu", *count));
	return 0;
}

static void limits_are_clear(void)
{
	struct world w;
	AUTOBUF b = { 0 };

	world_open(&w, NULL);
	w.reader.read = endless_read;
	is_num(policy_read(&w.policy, w.sources, ETC "1", &w.arena, &w.err), -1, "includes without end");
	is_err(&w.err, "nest too deeply", "… are told");
	world_close(&w);
	world_open(&w, NULL);
	w.reader.read = many_read;
	is_num(policy_read(&w.policy, w.sources, TOP, &w.arena, &w.err), -1, "20,000 files");
	is_err(&w.err, "more than 10000 policy files", "… are told");
	world_close(&w);
	buf_adds(&b, "$t=true\nprofile p { if ");
	for (int i = 0; i < 100000; i++)
		buf_addc(&b, '(');
	buf_adds(&b, "$t { /a r, } }");
	is_refused(buf_str(&b), "parentheses nest too deeply", "a condition without end");
}

/* 2.13's includes: f0 includes f1 twice, that f2 twice, … */
static int doubling_read(void *ctx, const char *path, enum policy_found *found, struct slice *bytes,
			 struct slice **names, size_t *count, struct arena *arena, struct err *err)
{
	long n = strtol(strrchr(path, '/') + 1, NULL, 10);

	(void)ctx, (void)names, (void)count, (void)err;
	*found = POLICY_FILE;
	*bytes = slice_of(arena_printf(arena, "include <%ld>\ninclude <%ld>\n", n + 1, n + 1));
	if (n == 60)
		*bytes = SLICE("\n");
	return 0;
}

static void includes_that_explode(void)
{
	struct world w;

	world_open(&w, NULL);
	w.reader.read = doubling_read;
	w.dialect.include_every_time = true;
	is_num(policy_read(&w.policy, w.sources, ETC "1", &w.arena, &w.err), -1, "2 to the 60 includes");
	is_err(&w.err, "it includes too much", "… are told");
	world_close(&w);
}

static int disk_read(void *ctx, const char *path, enum policy_found *found, struct slice *bytes, struct slice **names,
		     size_t *count, struct arena *arena, struct err *err)
{
	const struct root *root = ctx;
	enum fsio_kind kind;
	struct file file;

	if (fsio_kind(root, path, &kind, err) < 0)
		return -1;
	*found = kind == FSIO_FILE ? POLICY_FILE : kind == FSIO_DIR ? POLICY_DIR : POLICY_MISSING;
	if (kind == FSIO_DIR)
		return fsio_list(root, path, arena, names, count, err);
	if (kind != FSIO_FILE)
		return 0;
	if (fsio_read(root, path, FSIO_LIMIT_POLICY, arena, &file, err) < 0)
		return -1;
	*bytes = file.bytes;
	return 0;
}

/* The bug this program is about, as bookworm's LXC ships it. */
static void check_lxc_profile(struct world *w, struct policy_profile *p)
{
	struct slice path = SLICE("/sys/net/ipv4/ip_unprivileged_port_start");
	struct policy_verdict v;

	if (!ok(policy_prepare(p, w->pool, &w->arena, &w->err) == 0, "prepares"))
		printf("# %s\n", w->err.text);
	for (int half = 0; half < 2; half++) {
		policy_decide(p, path, PERM_W, half, NULL, &v, &w->arena);
		if (!ok(!v.allowed && v.rule && v.denier_count == 1, "one rule denies runc's write"))
			continue;
		is_text(slice_sub(v.rule->source->doc.text, v.rule->stmt->span.at, v.rule->stmt->span.len),
			"deny /sys/[^fdc]*{,/**} wklx,", "it is LXC's");
		is_num(v.rule->stmt->line, 188, "its line");
		is_text(slice_of(v.rule->source->path), ETC "abstractions/lxc/container-base", "its file");
		is_num(v.rule->fixed, POLICY_EDITABLE, "it can be replaced");
		policy_decide(p, path, PERM_W, half, v.rule, &v, &w->arena);
		ok(v.allowed, "without it the write is allowed");
	}
}

static void lxc_of_this_machine(void)
{
	struct policy_reader reader = { .read = disk_read };
	AUTOROOT root = { .fd = -1 };
	struct world w;

	if (access(ETC "lxc-containers", R_OK) != 0 || access(ETC "abstractions/lxc/container-base", R_OK) != 0) {
		tap_skip("LXC's own profiles", "NOT INSTALLED: apt-get install liblxc-common");
		return;
	}
	world_open(&w, NULL);
	is_num(root_open(&root, "/", &w.err), 0, "opens /");
	reader.ctx = &root;
	w.sources = policy_sources_new(&reader, &w.dialect, &w.arena);
	if (!ok(policy_read(&w.policy, w.sources, ETC "lxc-containers", &w.arena, &w.err) == 0, "reads it"))
		printf("# %s\n", w.err.text);
	is_num(w.policy.count, 4, "four profiles");
	for (size_t i = 0; i < w.policy.count; i++)
		check_lxc_profile(&w, &w.policy.profiles[i]);
	world_close(&w);
}

int main(void)
{
	skipped_names();
	includes_are_found();
	includes_search_further_directories_first();
	includes_that_fail();
	includes_once_per_body();
	include_loops();
	rules_tell_how_they_came();
	variables_expand();
	profile_name_is_a_variable();
	variables_that_fail();
	conditions_choose();
	blocks_add_their_qualifiers();
	other_rules_in_force();
	aliases_copy();
	profiles_have_full_names();
	implied_rules_of_213();
	permissions_are_read();
	permissions_that_fail();
	deny_beats_allow();
	priority_decides_each_bit();
	ix_implies_m();
	links_to_some_target();
	deniers_and_the_counterfactual();
	patterns_that_fail();
	limits_are_clear();
	includes_that_explode();
	lxc_of_this_machine();
	return tap_done();
}
