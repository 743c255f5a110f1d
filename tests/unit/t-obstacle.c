/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../lib/parser.h"
#include "../lib/reader.h"
#include "../lib/tap.h"
#include "../lib/tmp.h"

#include <nestfix/obstacle.h>

static struct arena arena;

/* The features of a kernel with AppArmor 3, and of one with permission tables: both layouts of the compiled policy. */
static const char *const features[] = { FEATURES_OLD, "tests/fixtures/blobs/features-table2" };

static const struct automaton_profile *compiled(const char *rules, const char *flags, const char *feature_file)
{
	struct automaton *a = ARENA_NEW(&arena, struct automaton);
	struct err err = { 0 };
	const char *text = arena_printf(&arena, "profile p %s { %s }\n", flags, rules);

	if (automaton_read(a, parser_compile(text, feature_file, &arena), &arena, &err) == 0)
		return &a->profiles[0];
	printf("# %s: %s\n", text, err.text);
	return ARENA_NEW(&arena, struct automaton_profile);
}

static struct conflict needs_of(const char *lines)
{
	struct conflict c = { 0 };
	struct err err = { 0 };
	const char *text = arena_printf(&arena,
					"Conflict: c\nTitle: t\nDescription: d\nProfiles: *\nNeeds:\n %s\n\n"
					"Scope: s\nDefault: yes\nDescription: d\nGive-Back: /a w\nAccess: /a w\n",
					lines);

	if (conflict_parse(&c, "x", slice_of(text), re_pool_new(&arena, 0), &arena, &err) < 0)
		printf("# %s\n", err.text);
	return c;
}

static bool allows(const char *rules, const char *flags, const char *need)
{
	struct conflict c = needs_of(need);
	bool first = obstacle_allows(compiled(rules, flags, features[0]), c.needs);

	if (obstacle_allows(compiled(rules, flags, features[1]), c.needs) != first)
		printf("# the two layouts differ: %s\n", need);
	else
		return first;
	ok(false, need);
	return false;
}

/* A rule, and what it is about: each part of a mount decides. */
static const struct {
	const char *rules, *need;
	bool allowed;
} cases[] = {
	{ "mount,", "mount options=rslave -> /", true },
	{ "mount,", "mount fstype=ext4 options=ro,nosuid /dev/sda1 -> /mnt/", true },
	{ "mount,", "pivot_root oldroot=/old/ /new/", false },
	{ "mount,", "umount /mnt/", false },
	{ "umount,", "umount /mnt/", true },
	{ "umount /mnt/,", "umount /mnt/", true },
	{ "umount /mnt/,", "umount /mnt/x/", false },
	{ "pivot_root,", "pivot_root oldroot=/old/ /new/", true },
	{ "pivot_root,", "mount options=rslave -> /", false },
	{ "pivot_root oldroot=/old/ /new/,", "pivot_root oldroot=/old/ /new/", true },
	{ "pivot_root oldroot=/old/ /new/,", "pivot_root oldroot=/new/ /old/", false },
	{ "mount fstype=tmpfs,", "mount fstype=tmpfs options=nosuid tmpfs -> /r/", true },
	{ "mount fstype=tmpfs,", "mount fstype=tmpfs options=nosuid data=size=1k tmpfs -> /r/", true },
	{ "mount fstype=tmpfs,", "mount fstype=proc proc -> /r/", false },
	{ "mount fstype=tmpfs,", "mount options=bind /a -> /r", false },
	{ "mount fstype=proc -> /proc/,", "mount fstype=proc proc -> /proc/", true },
	{ "mount fstype=proc -> /proc/,", "mount fstype=proc proc -> /r/proc/", false },
	{ "mount, deny mount fstype=devpts,", "mount fstype=devpts options=nosuid data=newinstance devpts -> /p/",
	  false },
	{ "mount, deny mount fstype=devpts,", "mount fstype=tmpfs tmpfs -> /p/", true },
	{ "mount options=(rw,bind) /a/**,", "mount options=bind /a/b -> /c", true },
	{ "mount options=(rw,bind) /a/**,", "mount options=bind /b/b -> /c", false },
	{ "mount options=(rw,bind) /a/**,", "mount options=rbind /a/b -> /c", false },
	{ "mount options=(ro,remount,bind,nosuid),", "mount options=ro,remount,bind,nosuid -> /c", true },
	{ "mount options=(ro,remount,bind,nosuid),", "mount options=ro,remount,bind -> /c", false },
	{ "mount options=(rw,rprivate) -> /,", "mount options=rprivate -> /", true },
	{ "mount options=(rw,rprivate) -> /,", "mount options=private -> /", false },
	{ "mount options=(rw,rprivate) -> /,", "mount options=rprivate -> /x/", false },
	{ "/x r,", "mount options=bind /a -> /b", false },
};

static void the_rules_decide(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		is_num(allows(cases[i].rules, "", cases[i].need), cases[i].allowed,
		       arena_printf(&arena, "%s %s", cases[i].rules, cases[i].need));
}

static void what_refuses_nothing(void)
{
	struct automaton_profile none = { .name = SLICE("p") };
	struct conflict c = needs_of("mount options=bind /a -> /b");

	ok(obstacle_allows(&none, c.needs), "a profile without other classes");
	ok(obstacle_allows(compiled("/x r,", "flags=(complain)", features[0]), c.needs), "one that complains only");
	ok(!obstacle_allows(compiled("/x r,", "", features[0]), c.needs), "and the same in force does");
}

static void all_needs_in_order(void)
{
	struct conflict c =
	    needs_of("umount /\n mount options=bind /a -> /b\n mount fstype=proc options=nosuid proc -> /p/");
	const struct conflict_need **needs;
	const struct automaton_profile *p = compiled("mount options=(rw,bind),", "", features[0]);

	is_num(obstacle_needs(p, &c, &needs, &arena), 2, "two of three are refused");
	is_text(needs[0]->text, "umount /", "the first");
	is_text(needs[1]->text, "mount fstype=proc options=nosuid proc -> /p/", "and the last");
	is_num(obstacle_needs(compiled("mount, umount,", "", features[0]), &c, &needs, &arena), 0, "none is refused");
}

/* Profiles that cannot be compiled are counted, and the reason is kept. */
static void what_cannot_be_asked(void)
{
	struct conflict c = needs_of("umount /");
	struct reader_file files[] = { { "/etc/apparmor.d/x", SLICE("profile p { mount, }\n") }, { 0 } };
	struct policy_reader reader = { files, reader_memory };
	struct policy_dialect dialect = { .base = "/etc/apparmor.d" };
	struct policy policy;
	struct policy_profile lost = { .name = SLICE("a") };
	struct locate_case cases_[3] = { { .policy = &policy, .profile = &lost },
					 { .policy = &policy },
					 { .policy = &policy } };
	struct finding finding = { .conflict = &c, .cases = cases_, .case_count = 3 };
	AUTOROOT root = { .fd = -1 };
	struct site site = { 0 };
	struct obstacles out;

	if (!ok(root_open(&root, tmp_dir, NULL) == 0 &&
		    policy_read(&policy, policy_sources_new(&reader, &dialect, &arena), files[0].path, &arena, NULL) ==
			0,
		"a policy"))
		return;
	cases_[1].profile = cases_[2].profile = &policy.profiles[0];
	obstacle_find(&out, &site, &finding, judge_new(&root, "/no/such/parser", NULL, &arena), &arena);
	ok(out.asked == 0 && out.unasked == 2 && out.count == 0, "without a parser nothing is known");
	is_err(&out.reason, "/no/such/parser", "  and why");
	policy.count = 2; /* of two profiles none stands for the other */
	obstacle_find(&out, &site, &finding, judge_new(&root, NULL, features[0], &arena), &arena);
	ok(out.asked == 1 && out.unasked == 1, "a lost profile is not asked");
	ok(out.count == 1 && slice_is(out.list[0].profile, "p") && out.list[0].need_count == 1,
	   "a profile of two scopes is asked once");
	c.need_count = 0;
	obstacle_find(&out, &site, &finding, judge_new(&root, NULL, NULL, &arena), &arena);
	ok(out.asked == 0 && out.unasked == 0, "a conflict without needs asks nothing");
}

int main(void)
{
	if (!parser_there()) {
		tap_skip("obstacle", "there is no " PARSER);
		return tap_done();
	}
	the_rules_decide();
	what_refuses_nothing();
	all_needs_in_order();
	tmp_make();
	what_cannot_be_asked();
	tmp_remove();
	arena_release(&arena);
	return tap_done();
}
