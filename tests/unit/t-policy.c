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
	w->sources = policy_sources_new(&w->reader, &w->dialect, &w->arena);
}

static void world_close(struct world *w)
{
	arena_release(&w->arena);
}

/* Reads /etc/apparmor.d/top of the files. */
static int load(struct world *w, const struct mem *files)
{
	world_open(w, files);
	return policy_read(&w->policy, w->sources, "/etc/apparmor.d/top", &w->arena, &w->err);
}

static void add_rule(struct buf *b, const struct policy_place *rule)
{
	buf_addf(b, "%s%.*s;", policy_denies(rule) ? "-" : "", SLICE_FMT(rule->stmt->text));
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

/* The rules of profile p, or the error. */
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
	static const struct mem missing[] = { { TOP, "profile p {\n  include <no/such>\n  /a r,\n}\n" }, { 0 } };
	static const struct mem bare[] = { { TOP, "profile p {\n include \"x\"\n}\n" }, { "/x", "/x r,\n" }, { 0 } };
	static const struct mem refused[] = { { TOP, "include <forbidden>\nprofile p { }\n" }, { 0 } };
	static const struct mem broken[] = { { TOP, "profile p {\n include <a>\n}\n" },
					     { ETC "a", "/a r,\n\"/b r,\n" },
					     { 0 } };
	static const struct mem no_top[] = { { 0 } };
	static const struct mem is_dir[] = { { TOP "/x", "" }, { 0 } };
	struct world w;

	is_file_rules(missing, "/a r;", "what is missing is for the parser to tell");
	is_file_rules(bare, "/x r;", "a bare name is looked up from the parser's folder");
	is_num(load(&w, refused), -1, "a refusal of the reader stops the reading");
	is_num(w.err.kind, ERR_REFUSED, "… and keeps its kind");
	world_close(&w);
	is_file_rules(broken, "/a r;", "so is broken syntax");
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
	struct world w;

	is_num(load(&w, files), 0, "reads includes that repeat");
	is_text(rules_of(&w, "p"), "/a r;/b r;/x r;/c r;", "one body includes a file once, a branch not taken counts");
	is_text(rules_of(&w, "p//h"), "/a r;", "a hat starts afresh");
	is_text(rules_of(&w, "q"), "/a r;", "so does the next profile");
	is_num(w.reads, 6, "each path is read once a run, found or not");
	is_num(w.policy.source_count, 5, "every file is listed once");
	is_text(slice_of(w.policy.sources[0]->path), TOP, "the top-level file first");
	world_close(&w);
}

static void include_loops(void)
{
	static const struct mem self[] = { { TOP, "profile p { include <a>\n }\n" },
					   { ETC "a", "/a r,\ninclude <a>\n" },
					   { 0 } };
	static const struct mem nested[] = { { TOP, "profile p { include <a>\n }\n" },
					     { ETC "a", "/a r,\nprofile x {\n include <b>\n}\n" },
					     { ETC "b", "include <a>\n" },
					     { 0 } };

	is_file_rules(self, "/a r;", "a file that includes itself does so once");
	is_file_rules(nested, "/a r;", "a loop through nested profiles ends");
}

static void rules_tell_how_they_came(void)
{
	static const struct mem files[] = { { TOP, "include <a>\n" },
					    { ETC "a", "profile p {\n\n include <b>\n}\n" },
					    { ETC "b", "\n  deny /x w,\n" },
					    { 0 } };
	const struct policy_place *rule;
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
	is_text(slice_of(w.policy.profiles[0].place.source->path), ETC "a", "the profile's file");
	world_close(&w);
}

static void places_have_a_way_out(void)
{
	static const struct mem files[] = {
		{ TOP, "profile p {\n audit {\n  if $x { include <a>\n }\n }\n deny {\n  include <b>\n }\n}\n" },
		{ ETC "a", "owner {\n /a r,\n}\n" },
		{ ETC "b", "/b r,\n" },
		{ 0 }
	};
	static const enum stmt_kind kinds[] = { STMT_BLOCK, STMT_INCLUDE, STMT_CONDITIONAL, STMT_BLOCK, STMT_PROFILE };
	struct policy_place at;
	struct world w;
	bool right = true;
	size_t n = 0;

	is_num(load(&w, files), 0, "reads a rule in a block in an include in a condition in a block");
	is_text(rules_of(&w, "p"), "/a r;-/b r;", "a block around the include denies");
	at = w.policy.profiles[0].rules[0];
	for (; policy_outer(&at) && n < 5; n++)
		right = right && at.stmt->kind == kinds[n];
	ok(right && n == 5 && at.stmt->kind == STMT_PROFILE, "what stands around it, one after the other");
	world_close(&w);
}

static void preambles_are_listed(void)
{
	static const struct mem files[] = { { TOP, "abi <x>,\ninclude <t>\nprofile p {\n ^h { }\n}\n@{Z}=1\n" },
					    { ETC "t", "@{X}=/a\n$y=true\nalias /a -> /b,\nprofile q { /q r,\n }\n" },
					    { 0 } };
	struct world w;

	is_num(load(&w, files), 0, "definitions around profiles");
	is_num(w.policy.preamble_count, 5, "are all listed");
	ok(w.policy.preamble[0].stmt->kind == STMT_ABI && w.policy.preamble[4].stmt->line == 6, "in their order");
	is_num(w.policy.count, 3, "profiles of the preamble's includes as well");
	world_close(&w);
}

static void profiles_have_full_names(void)
{
	static const struct mem files[] = { { TOP,
					      "profile p {\n profile c {\n  ^h { /1 r, }\n }\n}\n"
					      "profile :ns:q { }\nprofile :ns://r { }\n/bin/x flags=(complain) { }\n"
					      "profile \"a b\" /att { /2 r, }\n" },
					    { 0 } };
	static const char *const names[] = { "p", "p//c", "p//c//h", "q", "r", "/bin/x", "a b" };
	struct world w;

	is_num(load(&w, files), 0, "profiles, nested, with namespaces, with paths for names");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		ok(i < w.policy.count && slice_is(w.policy.profiles[i].name, names[i]), names[i]);
	is_text(w.policy.profiles[5].flags, "complain", "with their flags");
	is_text(rules_of(&w, "p//c//h"), "/1 r;", "rules stand in the innermost");
	world_close(&w);
}

static void what_is_listed(void)
{
	static const struct mem files[] = { { TOP, "profile p {\n /a r,\n file,\n capability,\n link /x -> /y,\n all,\n"
						   " mount,\n deny owner w /b,\n unknown rule,\n}\n" },
					    { 0 } };

	is_file_rules(files, "/a r;file;link /x -> /y;all;-w /b;", "file, link and all rules, and no others");
}

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
	struct mem files[] = { { TOP, NULL }, { 0 } };
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
	buf_adds(&b, "profile p {\n");
	for (int i = 0; i < 100000; i++)
		buf_addf(&b, "deny /sys/n%d w,\n", i);
	files[0].text = buf_str(&b);
	is_file_refused(files, "more than 20000 file rules", "100,000 rules");
}

/* Each profile may include a file that defines two more. */
static int doubling_read(void *ctx, const char *path, enum policy_found *found, struct slice *bytes,
			 struct slice **names, size_t *count, struct arena *arena, struct err *err)
{
	long n = strtol(strrchr(path, '/') + 1, NULL, 10);

	(void)ctx, (void)names, (void)count, (void)err;
	*found = POLICY_FILE;
	*bytes = slice_of(
	    arena_printf(arena, "profile a {\n include <%ld>\n}\nprofile b {\n include <%ld>\n}\n", n + 1, n + 1));
	return 0;
}

static void includes_that_explode(void)
{
	struct world w;

	world_open(&w, NULL);
	w.reader.read = doubling_read;
	is_num(policy_read(&w.policy, w.sources, ETC "1", &w.arena, &w.err), -1, "2 to the 100 includes");
	is_err(&w.err, "cannot read this policy", "… are told");
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
	places_have_a_way_out();
	preambles_are_listed();
	profiles_have_full_names();
	what_is_listed();
	limits_are_clear();
	includes_that_explode();
	return tap_done();
}
