/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * judge: random profiles. What it answers is what apparmor_parser, called by the test itself, makes of the text; the
 * rules that it names are those without which the parser's answer changes.
 *
 * NESTFIX_PARSER names another apparmor_parser, NESTFIX_SEED another seed, NESTFIX_PROFILES how many profiles: 50
 * questions each.
 */
#include <stdlib.h>
#include <unistd.h>

#include <nestfix/automaton.h>
#include <nestfix/run.h>

#include "../lib/random.h"
#include "../lib/stage.h"

enum { PATHS = 50, SHOWN = 10, TRIED = 2 };

static const char *const net[] = { "net", NULL };
static size_t asked, wrong, named, tried;
static int version; /* 40108 is 4.1.8 */

static const char *parser(void)
{
	const char *name = getenv("NESTFIX_PARSER");

	return name && *name ? name : "/sbin/apparmor_parser";
}

/* ---- texts ---- */

static void add_component(struct buf *b)
{
	static const char *const parts[] = { "a",         "b",       "ab",    "n",      "net",     "sys",    "s\\*",
					     "a\\040b",   "*",       "**",    "?",      "?*",      "a*",     "*b",
					     "n[^e]*",    "ne[^t]*", "[ab]",  "[^a]",   "[a-n]*",  "{a,b}",  "{a,}b",
					     "{a,b{n,}}", "a**",     "**b",   "[^a-n]", "{*,net}", "@{ONE}", "@{TWO}",
					     "\\x61",     "net?*",   "a\\,b", "[^fdc]*" };

	buf_adds(b, RANDOM_PICK(parts));
}

static void add_pattern(struct buf *b)
{
	static const char *const heads[] = { "/", "/", "/", "/sys/", "/a/", "@{DIR}/", "//", "/{a,sys}/" };
	static const char *const tails[] = {
		"", "", "", "", "/", "{,/**}", "/**", "/*", "/{,**}", "*/**", "{,/}", "/*/"
	};
	unsigned n = 1 + random_below(3);

	buf_adds(b, RANDOM_PICK(heads));
	for (unsigned i = 0; i < n; i++) {
		buf_adds(b, i == 0 ? "" : random_below(8) ? "/" : "//");
		add_component(b);
	}
	buf_adds(b, RANDOM_PICK(tails));
}

static void add_rule(struct buf *b)
{
	static const char *const owners[] = { "", "", "", "owner ", "other " };
	static const char *const allows[] = { "r", "rw", "w", "wk", "rwk", "a", "ra", "rix", "rwix", "l" };
	static const char *const denies[] = { "r", "w", "wk", "wkl", "a", "x", "rwx" };
	bool deny = !random_below(3);
	AUTOBUF pattern = { 0 };

	buf_adds(b, "  ");
	if (version >= 40100 && !random_below(6))
		buf_addf(b, "priority=%d ", (int)random_below(5) - 2);
	buf_adds(b, random_below(8) ? "" : "audit ");
	buf_adds(b, deny ? "deny " : random_below(8) ? "" : "allow ");
	buf_adds(b, RANDOM_PICK(owners));
	if (!deny && !random_below(20)) {
		buf_adds(b, "/** rw,\n");
		return;
	}
	add_pattern(&pattern);
	buf_addf(b, random_below(10) ? "%s %s,\n" : "\"%s\" %s,\n", buf_str(&pattern),
		 deny ? RANDOM_PICK(denies) : RANDOM_PICK(allows));
}

static void add_profile(struct buf *b, unsigned number)
{
	buf_addf(b, "profile lxc-%03u {\n", number);
	for (unsigned n = 4 + random_below(10); n > 0; n--)
		add_rule(b);
	if (!random_below(5))
		buf_addf(b, "  audit {\n    owner /%s/** r,\n  }\n  owner {\n    deny /a/** w,\n  }\n",
			 random_below(2) ? "a" : "b");
	if (!random_below(5))
		buf_adds(b, "  if $yes { /n* rw, } else { deny /s* rw, }\n  if not $yes { /a** k, } else if defined "
			    "@{ONE} {\n deny /b** k, }\n");
	if (!random_below(10))
		buf_adds(b, "  include <some>\n");
	if (!random_below(6))
		buf_adds(b, "  ^hat {\n    /h/@{profile_name} rw,\n    deny /h/** a,\n  }\n");
	buf_adds(b, "}\n");
}

/* A string near a pattern: globs filled in by chance, now and then a byte changed. */
static void add_path(struct buf *b, struct slice pattern)
{
	static const char *const some[] = { "", "a", "b", "n", "e", "net", "x/y", "/", "//", "a b" };

	for (size_t i = 0; i < pattern.len; i++) {
		char c = pattern.ptr[i];

		if (c == '\\' && i + 1 < pattern.len)
			buf_addc(b, pattern.ptr[++i]);
		else if (c == '*' || c == '?')
			buf_adds(b, RANDOM_PICK(some));
		else if (c == '[')
			buf_addc(b, "abefnst/"[random_below(8)]);
		else if (c == '@')
			buf_adds(b, "/dir");
		else if (!strchr("{},]\"", c) && (c != '/' || random_below(20)))
			buf_addc(b, c);
	}
}

static struct slice make_path(const struct policy_profile *p)
{
	static const char *const fixed[] = { "/sys/n", "/sys/net", "/sys/net/x", "/h/lxc-000//hat", "/a/b", "/" };
	AUTOBUF b = { 0 };

	if (!random_below(6) || p->rule_count == 0)
		buf_adds(&b, RANDOM_PICK(fixed));
	else
		add_path(&b, p->rules[random_below((unsigned)p->rule_count)].stmt->path);
	if (b.len == 0 || b.ptr[0] != '/')
		buf_adds(&b, "/a");
	return arena_slice(&stage.arena, buf_slice(&b));
}

static void make_text(struct buf *text, unsigned profiles)
{
	buf_adds(text, "@{TWO}=a/ n\n@{ONE}=one/\n@{TWO}+=@{ONE}/x\n@{DIR}=/dir\n$yes=true\n"
		       "alias /a/ -> /sys/,\n");
	for (unsigned i = 0; i < profiles; i++)
		add_profile(text, i);
}

/* ---- the parser ---- */

static bool compile(struct slice text, struct automaton *out)
{
	const char *argv[] = { parser(), "-q", "-Q", "-K", "-S", "--base", tmp_path("/etc/apparmor.d"), NULL };
	AUTORUN run = { .argv = argv, .input = text };

	if (run_program(&run, &stage.err) < 0 || run.status != 0) {
		printf("# %s\n", buf_str(&run.err));
		return false;
	}
	return automaton_read(out, arena_slice(&stage.arena, buf_slice(&run.out)), &stage.arena, &stage.err) == 0;
}

static bool find_version(void)
{
	const char *const argv[] = { parser(), "--version", NULL };
	AUTORUN run = { .argv = argv };
	const char *text;
	int major, minor, patch = 0;

	if (run_program(&run, &stage.err) < 0)
		return false;
	text = strstr(buf_str(&run.out), "version ");
	if (!text || sscanf(text, "version %d.%d.%d", &major, &minor, &patch) < 2)
		return false;
	version = major * 10000 + minor * 100 + patch;
	printf("# %s is %d, seed %llu\n", parser(), version, (unsigned long long)random_seed);
	return true;
}

/* ---- the questions ---- */

static bool allows(const struct automaton *a, struct slice profile, const struct conflict_access *access, int half)
{
	const struct automaton_profile *p = automaton_find(a, profile);

	return p && (automaton_path(p, access->path).half[half].allow & access->perms) == access->perms;
}

static void tell(const struct judge_question *q, size_t i, const char *what)
{
	const struct judge_answer *a = &q->answers[i];

	if (wrong++ >= SHOWN)
		return;
	printf("# %.*s: '%.*s' %x: %s (allowed %d %d, granted %d, freed %d)\n", SLICE_FMT(q->profile->name),
	       SLICE_FMT(q->accesses[i].path), q->accesses[i].perms, what, a->allowed[0], a->allowed[1], a->granted,
	       a->freed);
	for (size_t d = 0; d < a->denier_count; d++)
		printf("#   %.*s\n", SLICE_FMT(a->deniers[d]->stmt->text));
}

/* The text of the file without some of its rules. */
static struct slice without(const struct policy_source *source, const struct judge_answer *a)
{
	struct edit *edits = arena_array(&stage.arena, a->denier_count, sizeof *edits);
	AUTOBUF text = { 0 };

	for (size_t d = 0; d < a->denier_count; d++)
		edits[d] = (struct edit){ a->deniers[d]->stmt->span.at, a->deniers[d]->stmt->span.len, SLICE("") };
	if (doc_print(&source->doc, edits, a->denier_count, &text, &stage.err) < 0)
		return SLICE("");
	return arena_slice(&stage.arena, buf_slice(&text));
}

/* Without the rules that were named the parser allows it, if it is said so. */
static void try_without(const struct judge_question *q, size_t i)
{
	const struct judge_answer *a = &q->answers[i];
	const struct policy_source *source = q->policy->sources[0];
	struct automaton truth;

	for (size_t d = 0; d < a->denier_count; d++)
		if (a->deniers[d]->source != source)
			return;
	tried++;
	if (!compile(without(source, a), &truth))
		tell(q, i, "cannot be compiled without the rules");
	else if ((allows(&truth, q->profile->name, &q->accesses[i], AUTOMATON_USER) &&
		  allows(&truth, q->profile->name, &q->accesses[i], AUTOMATON_OTHER)) != a->freed)
		tell(q, i, "the counterfactual does not hold");
}

/* What becomes of a deny rule in a block is not the same in all releases. */
static bool is_in_block(const struct policy_place *rule)
{
	return rule->stmt->parent && rule->stmt->parent->kind == STMT_BLOCK;
}

static void compare(const struct judge_question *q, size_t i, const struct automaton *truth)
{
	const struct judge_answer *a = &q->answers[i];

	for (int half = AUTOMATON_USER; half <= AUTOMATON_OTHER; half++) {
		asked++;
		if (a->allowed[half] != allows(truth, q->profile->name, &q->accesses[i], half))
			tell(q, i, "another answer than the parser's");
		if (a->rule[half] && !is_in_block(a->rule[half]) && policy_denies(a->rule[half]) == a->allowed[half])
			tell(q, i, "the rule says otherwise");
		named += a->rule[half] != NULL;
		if (a->allowed[half] && !a->rule[half])
			tell(q, i, "nobody allows it");
	}
	if (a->allowed[0] && a->allowed[1] && (a->denier_count > 0 || !a->freed))
		tell(q, i, "allowed, and denied");
}

static void answers_are_the_parsers(void)
{
	static const char included[] = "deny /a/b w,\n/b/** rw,\n";
	static const uint32_t perms[] = { PERM_W, PERM_W, PERM_R, PERM_K, PERM_A, PERM_X, PERM_R | PERM_W };
	const char *many = getenv("NESTFIX_PROFILES");
	VEC(struct judge_question *) all = { 0 };
	const struct policy *policy;
	struct automaton truth;
	AUTOBUF text = { 0 };

	make_text(&text, many ? (unsigned)strtoul(many, NULL, 10) : 12);
	tmp_write("/etc/apparmor.d/some", included, sizeof included - 1, 0644);
	tmp_write("/etc/apparmor.d/lxc-random", text.ptr, text.len, 0644);
	if (!ok(stage_look(NULL, net) == 0, "looks") || !ok(compile(buf_slice(&text), &truth), "the text compiles")) {
		printf("# %s\n", stage.err.text);
		return;
	}
	policy = &stage.site.policies[0]->policy;
	for (size_t p = 0; p < policy->count; p++) {
		struct conflict_access *accesses = arena_array(&stage.arena, PATHS, sizeof *accesses);

		for (size_t i = 0; i < PATHS; i++)
			accesses[i] = (struct conflict_access){ make_path(&policy->profiles[p]), RANDOM_PICK(perms) };
		VEC_PUSH(&stage.arena, &all,
			 judge_add(stage.judge, policy, &policy->profiles[p], NULL, accesses, PATHS));
	}
	ok(judge_run(stage.judge, &stage.err) == 0, "asks");
	is_num(policy->count, truth.count, "both see the same profiles");
	for (size_t p = 0; p < all.len; p++) {
		size_t tries = 0;

		if (!ok(all.ptr[p]->answers && !err_is_set(&all.ptr[p]->unsure), "answers")) {
			printf("# %s %s\n", all.ptr[p]->err.text, all.ptr[p]->unsure.text);
			continue;
		}
		for (size_t i = 0; i < PATHS; i++) {
			compare(all.ptr[p], i, &truth);
			if (all.ptr[p]->answers[i].denier_count > 0 && tries++ < TRIED)
				try_without(all.ptr[p], i);
		}
	}
	printf("# %zu questions, %zu rules named, %zu tried without them\n", asked, named, tried);
	ok(named > asked / 6 && tried > 5, "enough of either outcome");
	is_num(wrong, 0, "all answers hold");
}

int main(void)
{
	random_begin();
	if (access(parser(), X_OK) != 0) {
		tap_skip("agreement with the real compiler", "NO apparmor_parser HERE: apt-get install apparmor");
		return tap_done();
	}
	tmp_make();
	if (ok(find_version(), "the parser tells its version"))
		answers_are_the_parsers();
	stage_release();
	return tap_done();
}
