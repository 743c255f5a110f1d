/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../lib/parser.h"
#include "../lib/tap.h"

#include <nestfix/compare.h>

#define BLOBS "tests/fixtures/blobs/"
#define HEAD                                                                                                           \
	"profile t flags=(attach_disconnected) { file, capability chown, signal (receive), mount fstype=proc -> "      \
	"/proc/, "
#define OLD_RULE "deny /sys/[^fdc]*{,/**} wklx, "
#define NEW_RULES "deny /sys/[^fdc]*{,/**} klx, deny /sys/{[^fdcn]*,n{,e},n[^e]*,ne[^t]*,net?*}{,/**} w, "
#define TAIL "deny /proc/kcore rwklx, ^hat { /h r, } }"

struct trial {
	struct arena arena;
	struct comparison result;
	struct err err;
};

static void trial_release(struct trial *t)
{
	arena_release(&t->arena);
}

#define AUTOTRIAL __attribute__((cleanup(trial_release))) struct trial

/* /sys/net{,/⁎⁎}: what LXC's rule may give back, and only w. */
static struct compare_exemption net_scope(struct re_pool *pool)
{
	const struct re *below = re_cat(pool, re_literal(pool, SLICE("/")), re_any(pool));
	const struct re *tail = re_alt(pool, re_empty(pool), below);

	return (struct compare_exemption){ re_cat(pool, re_literal(pool, SLICE("/sys/net")), tail), PERM_W };
}

static int compare_blobs(struct trial *t, struct slice old, struct slice new_, bool exempt)
{
	struct automaton a, b;
	struct re_pool *pool = re_pool_new(&t->arena, 0);
	struct compare_exemption scope = net_scope(pool);

	if (automaton_read(&a, old, &t->arena, &t->err) || automaton_read(&b, new_, &t->arena, &t->err))
		return -1;
	return compare_automata(&t->result, &a, &b, exempt ? &scope : NULL, pool, &t->arena, &t->err);
}

static bool compare_texts(struct trial *t, const char *old, const char *new_)
{
	struct slice a = parser_compile(old, FEATURES_OLD, &t->arena);
	struct slice b = parser_compile(new_, FEATURES_OLD, &t->arena);

	if (a.len == 0 || b.len == 0)
		printf("# the parser refused a text\n");
	else if (compare_blobs(t, a, b, true))
		printf("# %s\n", t->err.text);
	else
		return true;
	return false;
}

static const char *words_of(struct trial *t, size_t at)
{
	AUTOBUF b = { 0 };

	if (at >= t->result.count)
		return "no such change";
	compare_words(&t->result.changes[at], &b);
	return arena_str(&t->arena, buf_slice(&b));
}

static void show(struct trial *t)
{
	for (size_t i = 0; i < t->result.count; i++) {
		const struct compare_change *c = &t->result.changes[i];

		printf("# kind %d profile '%.*s' example '%.*s' pattern '%.*s' %s: %s\n", c->kind,
		       SLICE_FMT(c->profile), SLICE_FMT(c->example), SLICE_FMT(c->pattern),
		       c->allowed ? "allowed" : "not allowed", words_of(t, i));
	}
}

/* Parsers number states differently, and so show another of several shortest examples: "?" stands for any letter. */
static bool is_example(struct slice example, const char *want)
{
	if (example.len != strlen(want))
		return false;
	for (size_t i = 0; i < example.len; i++)
		if (want[i] != '?' && want[i] != example.ptr[i])
			return false;
	return true;
}

/* Is there a change of that kind with that example, not excused? */
static bool shows(struct trial *t, enum compare_kind kind, const char *example, const char *words)
{
	for (size_t i = 0; i < t->result.count; i++) {
		const struct compare_change *c = &t->result.changes[i];

		if (c->kind == kind && !c->allowed && (!example || is_example(c->example, example)) &&
		    strcmp(words_of(t, i), words) == 0)
			return true;
	}
	show(t);
	return false;
}

static void the_cure_is_exactly_the_scope(void)
{
	AUTOTRIAL t = { 0 };
	const struct compare_change *c = NULL;

	if (!ok(compare_texts(&t, HEAD OLD_RULE TAIL, HEAD NEW_RULES TAIL), "rule and cure compare"))
		return;
	ok(t.result.allowed, "everything that changes may change");
	ok(!t.result.equal, "something changes");
	for (size_t i = 0; i < t.result.count; i++)
		if (t.result.changes[i].kind == COMPARE_FILE)
			c = &t.result.changes[i];
	if (!ok(c && t.result.changes == c, "the change of paths comes first, and is one"))
		return show(&t);
	is_text(c->example, "/sys/net", "the shortest example");
	is_text(c->pattern, "/sys/net{,/**}", "all its paths as a pattern");
	is_text(c->profile, "t", "its profile");
	is_text(slice_of(words_of(&t, 0)), "w denied → allowed (user, other)", "in words");
	is_num(c->to.half[0].allow & ~c->from.half[0].allow, PERM_W | PERM_A, "the bits of w");
	for (size_t i = 1; i < t.result.count; i++)
		ok(t.result.changes[i].kind == COMPARE_LOGGING, "strings with a NUL differ in logging at most");
}

static void the_same_policy_is_equal(void)
{
	AUTOTRIAL t = { 0 };

	ok(compare_texts(&t, HEAD OLD_RULE TAIL, HEAD TAIL) && !t.result.equal, "a lost rule is no equal policy");
	AUTOTRIAL u = { 0 };
	ok(compare_texts(&u, HEAD OLD_RULE TAIL, HEAD OLD_RULE TAIL) && u.result.equal, "a policy equals itself");
	is_num(u.result.count, 0, "without any change");
	ok(u.result.allowed, "and nothing to excuse");
}

/* Each is a way to get the edit wrong, and what must be said of it. */
static void sabotage_is_reported(void)
{
	static const struct {
		const char *what, *text;
		enum compare_kind kind;
		const char *example, *words;
	} cases[] = {
		{ "the rule deleted instead of split", HEAD TAIL, COMPARE_FILE, "/sys/?",
		  "wkx denied → allowed (user, other)" },
		{ "a set without its follow-up rungs",
		  HEAD "deny /sys/[^fdc]*{,/**} klx, deny /sys/[^fdcn]*{,/**} w, " TAIL, COMPARE_FILE, "/sys/n",
		  "w denied → allowed (user, other)" },
		{ "the ladder as upstream writes it",
		  HEAD "deny /sys/[^fdcn]*{,/**} wklx, deny /sys/n[^e]*{,/**} wklx, deny /sys/ne[^t]*{,/**} wklx, "
		       "deny /sys/net?*{,/**} wklx, " TAIL,
		  COMPARE_FILE, "/sys/n", "wkx denied → allowed (user, other)" },
		{ "x, k and l given back, too",
		  HEAD "deny /sys/{[^fdcn]*,n{,e},n[^e]*,ne[^t]*,net?*}{,/**} wklx, " TAIL, COMPARE_FILE, "/sys/net",
		  "wkx denied → allowed (user, other)" },
		{ "an unrelated file rule", HEAD NEW_RULES "deny /etc/shadow r, " TAIL, COMPARE_FILE, "/etc/shadow",
		  "r allowed → denied (user, other)" },
		{ "another rule for the same paths", HEAD NEW_RULES "deny /sys/net/x r, " TAIL, COMPARE_FILE,
		  "/sys/net/x", "w denied → allowed (user, other), r allowed → denied (user, other)" },
		{ "a mount rule", HEAD OLD_RULE "mount fstype=sysfs -> /sys/, " TAIL, COMPARE_CLASS, NULL,
		  "mount rules changed" },
		{ "a signal rule", HEAD OLD_RULE "signal (send), " TAIL, COMPARE_CLASS, NULL, "signal rules changed" },
		{ "a ptrace rule", HEAD OLD_RULE "ptrace, " TAIL, COMPARE_CLASS, NULL, "ptrace rules changed" },
		{ "a network rule", HEAD OLD_RULE "network inet stream, " TAIL, COMPARE_CLASS, NULL,
		  "network rules changed" },
		{ "a capability", HEAD OLD_RULE "capability sys_admin, " TAIL, COMPARE_FIELD, NULL,
		  "capabilities changed" },
		{ "an rlimit", HEAD OLD_RULE "set rlimit nofile <= 10, " TAIL, COMPARE_FIELD, NULL, "rlimits changed" },
		{ "a link rule", HEAD OLD_RULE "deny link /a -> /b, " TAIL, COMPARE_LINK, NULL,
		  "l allowed → denied (user, other)" },
		{ "audit", HEAD OLD_RULE "audit /etc/shadow w, " TAIL, COMPARE_FILE, "/etc/shadow",
		  "w now audited (user, other)" },
		{ "a change of profile", HEAD OLD_RULE "change_profile -> unconfined, " TAIL, COMPARE_FILE,
		  "unconfined",
		  "change_profile denied → allowed (user, other), onexec denied → allowed (user, other)" },
		{ "a flag", "profile t flags=(attach_disconnected,complain) { }", COMPARE_FIELD, NULL,
		  "flags changed" },
		{ "a path flag", "profile t { }", COMPARE_FIELD, NULL, "path flags changed" },
		{ "an attachment", "profile t /bin/t flags=(attach_disconnected) { }", COMPARE_FIELD, NULL,
		  "attachment changed" },
		{ "a profile added", HEAD OLD_RULE TAIL " profile more { }", COMPARE_ADDED, NULL, "profile added" },
		{ "a hat lost", HEAD OLD_RULE "deny /proc/kcore rwklx, }", COMPARE_LOST, NULL, "profile lost" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTOTRIAL t = { 0 };

		if (!compare_texts(&t, HEAD OLD_RULE TAIL, cases[i].text)) {
			ok(false, cases[i].what);
			continue;
		}
		ok(!t.result.equal && !t.result.allowed && shows(&t, cases[i].kind, cases[i].example, cases[i].words),
		   cases[i].what);
	}
}

/* A set with [^ holds the NUL, too; what is allowed behind one is asked for links only. */
static void behind_a_nul_links_count(void)
{
	AUTOTRIAL t = { 0 };

	if (!ok(compare_texts(&t, "profile t { /s/[^f]* rw, deny /s/{,**} w, }",
			      "profile t { /s/[^f]* rw, deny /s/{[^n]*,n,n?*,}{,/**} w, deny /s/{,**} w, }"),
		"an allow and a deny rule that both match a NUL"))
		return;
	ok(t.result.count > 0 && t.result.allowed, "differ in nothing that is asked");
	for (size_t i = 0; i < t.result.count; i++)
		ok(t.result.changes[i].kind == COMPARE_LOGGING, "not in a link, either");
}

static void bits_and_halves_are_told_apart(void)
{
	static const struct {
		const char *old, *new_, *words;
	} cases[] = {
		{ "/a r, ", "/a rw, ", "w denied → allowed (user, other)" },
		{ "/a rw, ", "owner /a rw, ", "rw allowed → denied (other)" },
		{ "owner /a r, ", "/a r, ", "r denied → allowed (other)" },
		{ "/a r, ", "deny /a r, ", "r allowed → denied (user, other)" },
		{ "deny /a r, ", "audit deny /a r, ", "r refusal logged now (user, other)" },
		{ "audit deny /a r, ", "deny /a r, ", "r refused quietly now (user, other)" },
		{ "/a a, ", "/a w, ", "w denied → allowed (user, other)" },
		{ "/a ix, ", "/a Px, ", "m allowed → denied (user, other), ix → Px (user, other)" },
		{ "/a Px, ", "/a Cx, ", "Px → Cx (user, other)" },
		{ "/a px -> b, ", "/a px -> c, ", "px → px to another profile (user, other)" },
		{ "/a ux, ", "/a PUx, ", "ux → PUx (user, other)" },
		{ "change_profile /a -> b, ", "change_profile /a -> c, ", NULL },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTOTRIAL t = { 0 };
		const char *old = arena_printf(&t.arena, "profile t { %s }", cases[i].old);
		const char *new_ = arena_printf(&t.arena, "profile t { %s }", cases[i].new_);
		const char *what = arena_printf(&t.arena, "%s to %s", cases[i].old, cases[i].new_);

		if (!compare_texts(&t, old, new_))
			ok(false, what);
		else if (!cases[i].words)
			ok(!t.result.equal, what);
		else if (!ok(strcmp(words_of(&t, 0), cases[i].words) == 0, what))
			show(&t);
	}
}

static void patterns_hold_all_paths_of_a_change(void)
{
	static const struct {
		const char *old, *new_, *pattern;
	} cases[] = {
		{ "/a r, ", "/a w, ", "/a" },        { " ", "/a/** r, ", "/a/**" }, { " ", "/a/* r, ", "/a/*" },
		{ " ", "/a/[bc]* r, ", "/a/[bc]*" }, { " ", "/a/**/b r, ", "" }, /* needs a circle, which no glob of
										    ours has */
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTOTRIAL t = { 0 };
		const char *old = arena_printf(&t.arena, "profile t { %s }", cases[i].old);
		const char *new_ = arena_printf(&t.arena, "profile t { %s }", cases[i].new_);

		if (ok(compare_texts(&t, old, new_) && t.result.count > 0, cases[i].new_))
			is_text(t.result.changes[0].pattern, cases[i].pattern, cases[i].new_);
	}
}

/* A table of exec targets in another order is no change; the same number for another name is one. */
static void exec_targets_are_compared_by_name(void)
{
	AUTOTRIAL t = { 0 };
	AUTOTRIAL u = { 0 };

	ok(compare_texts(&t, "profile t { /a px -> one, /b px -> two, }",
			 "profile t { /b px -> two, /a px -> one, }") &&
	       t.result.equal,
	   "the order of the rules does not matter");
	ok(compare_texts(&u, "profile t { /a px -> one, /b px -> two, }",
			 "profile t { /a px -> two, /b px -> one, }") &&
	       !u.result.equal && u.result.count == 2,
	   "swapped targets do");
}

static void layouts_of_one_policy_are_equal(void)
{
	static const char *const names[] = { "small-3.0.8-equiv", "small-4.1.0-old",    "small-4.1.0-table2",
					     "small-5.0.2-old",   "small-5.0.2-table2", "small-5.0.2-table3" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		AUTOTRIAL t = { 0 };
		struct slice old = read_fixture(BLOBS "small-3.0.8-old", &t.arena);
		struct slice new_ = read_fixture(arena_printf(&t.arena, BLOBS "%s", names[i]), &t.arena);
		bool good = compare_blobs(&t, old, new_, false) == 0;

		for (size_t k = 0; good && k < t.result.count; k++)
			good = t.result.changes[k].kind != COMPARE_FILE && t.result.changes[k].kind != COMPARE_LINK &&
			       t.result.changes[k].kind != COMPARE_FIELD;
		if (!ok(good, names[i]))
			show(&t);
	}
}

/* Without a file rule no parser writes a state machine for files: then the policydb speaks for them, too. */
static void a_profile_without_file_rules_allows_no_path(void)
{
	AUTOTRIAL t = { 0 };
	struct automaton all;
	struct slice blob = parser_compile("profile t { umount, }", FEATURES_OLD, &t.arena);

	is_num(automaton_read(&all, blob, &t.arena, &t.err), 0, "a profile without file rules");
	is_num(automaton_path(&all.profiles[0], SLICE("/a")).half[0].allow, 0, "allows no path");
	ok(compare_texts(&t, "profile t { umount, }", "profile t { umount, /sys/net w, }"), "against one with a rule");
	if (!ok(t.result.count == 1 && t.result.allowed, "the rule is the one change"))
		show(&t);
	is_text(t.result.changes[0].example, "/sys/net", "its path");
}

static void nothing_is_excused_without_an_exemption(void)
{
	AUTOTRIAL t = { 0 };
	struct slice a = parser_compile("profile t { /sys/net r, }", FEATURES_OLD, &t.arena);
	struct slice b = parser_compile("profile t { /sys/net rw, }", FEATURES_OLD, &t.arena);

	is_num(compare_blobs(&t, a, b, false), 0, "a comparison without an exemption");
	ok(t.result.count == 1 && !t.result.changes[0].allowed && !t.result.allowed, "nothing may change");
	is_num(compare_blobs(&t, a, b, true), 0, "the same with one");
	ok(t.result.count == 1 && t.result.changes[0].allowed && t.result.allowed, "w on /sys/net may");
}

/* The example of a change that is partly excused is a path that is not. */
static void examples_speak_against(void)
{
	AUTOTRIAL t = { 0 };

	if (!ok(compare_texts(&t, "profile t { / r, }", "profile t { / r, /sys/{net,network} w, }"), "half excused"))
		return;
	is_num(t.result.count, 1, "one change");
	is_text(t.result.changes[0].example, "/sys/network", "the path outside");
	ok(!t.result.allowed, "is not allowed");
}

int main(void)
{
	layouts_of_one_policy_are_equal();
	if (!parser_there()) {
		tap_skip("comparing compiled texts", "no " PARSER);
		return tap_done();
	}
	the_cure_is_exactly_the_scope();
	the_same_policy_is_equal();
	sabotage_is_reported();
	behind_a_nul_links_count();
	bits_and_halves_are_told_apart();
	patterns_hold_all_paths_of_a_change();
	exec_targets_are_compared_by_name();
	a_profile_without_file_rules_allows_no_path();
	nothing_is_excused_without_an_exemption();
	examples_speak_against();
	return tap_done();
}
