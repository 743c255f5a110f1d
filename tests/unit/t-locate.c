/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../lib/stage.h"

static const char *const net[] = { "net", NULL }, *const ipc[] = { "ipc", NULL };
static const char *const both[] = { "net", "ipc", NULL };

static enum locate_state state_of(const char *rules, const char *const *scopes)
{
	stage_policy("lxc-a", "lxc-a", rules);
	if (!ok(stage_look(NULL, scopes) == 0, rules))
		printf("#   %s\n", stage.err.text);
	return stage_state();
}

static void names_the_one_rule(void)
{
	is_num(state_of("  deny /sys/[^fdc]*{,/**} wklx,\n", net), LOCATE_BLOCKED, "one rule is the cause");
	is_num(stage.finding.culprit_count, 1, "it is the only culprit");
	is_num(stage.finding.culprits[0]->rule->stmt->line, 4, "its line");
	is_text(stage.finding.culprits[0]->witness, "/sys/net/ipv4/port", "the conflict's own path is the witness");
	is_num(state_of("  deny /sys/net/core/** w,\n", net), LOCATE_BLOCKED,
	       "a rule that denies another path of the scope");
	is_text(stage.finding.culprits[0]->witness, "/sys/net/core/a", "then a shortest path is the witness");
}

static void says_why_there_is_none(void)
{
	is_num(state_of("", net), LOCATE_ALLOWED, "no rule denies");
	ok(stage.finding.cases[0].allower && !stage.finding.cases[0].cure.len, "the rule that allows; no cure");
	is_num(state_of("  deny /sys/[^fdcn]*{,/**} wklx,\n", net), LOCATE_ALLOWED, "a rule that spares the path");
	is_num(state_of("  deny /sys/** rklx,\n", net), LOCATE_ALLOWED, "a rule that denies something else");
	is_num(state_of("  # aa-nestfix: test-conflict, was: deny /sys/net/** wk,\n  deny /sys/net/** k,\n", net),
	       LOCATE_ALLOWED, "our own mark");
	ok(slice_ends(stage.finding.cases[0].cure, "/etc/apparmor.d/lxc-a:4"), "is named as the cure");
	is_num(state_of("  # aa-nestfix: test-conflict, was: deny /sys/net/** wk,\n  deny /sys/n* k,\n", net),
	       LOCATE_ALLOWED, "a mark with other lines below it");
	ok(stage.finding.cases[0].cure.len == 0, "is no cure of ours");
	is_num(state_of("  deny /sys/** w,\n  priority=1 /sys/net{,/**} w,\n", net), LOCATE_ALLOWED, "a priority rule");
	ok(slice_ends(stage.finding.cases[0].cure, "/etc/apparmor.d/lxc-a:5"), "is named as the cure");
	is_num(state_of("  deny /sys/** w,\n  priority=1 /sys/net/ipv4/** w,\n", net), LOCATE_BLOCKED,
	       "a priority rule for a part of the scope is no cure");
}

static void claims_nothing_for_several(void)
{
	is_num(state_of("  deny /sys/** w,\n  deny /sys/net/** w,\n", net), LOCATE_SEVERAL,
	       "two rules deny the same path");
	is_num(stage.finding.cases[0].culprit_count, 2, "both are listed");
	is_num(state_of("  deny /sys/n* w,\n  deny /sys/net/** w,\n", net), LOCATE_BLOCKED,
	       "two rules, each its own paths");
	is_num(state_of("  deny /sys/[^fdc]*{,/**} wklx,\n  deny /sys/fs/[^c]*{,/**} wklx,\n", ipc), LOCATE_BLOCKED,
	       "two rules, each its part of the scope");
	is_num(stage.finding.culprit_count, 2, "both are culprits");
	is_num(state_of("  deny /sys/[^fdc]*{,/**} wklx,\n  deny /sys/fs/[^c]*{,/**} wklx,\n", both), LOCATE_BLOCKED,
	       "two scopes");
	is_num(stage.finding.case_count, 2, "are two cases");
	is_num(stage.finding.culprits[0]->scope_count, 2, "a rule knows the scopes it denies in");
}

static void knows_what_cannot_be_edited(void)
{
	is_num(state_of("  deny @{SYSDIR}/[^fdc]*{,/**} w,\n", net), LOCATE_FIXED, "a rule with a variable");
	is_num(stage.finding.culprits[0]->fixed, POLICY_BY_VARIABLE, "for that reason");
	is_num(state_of("  if defined @{SYSDIR} {\n    deny /sys/** w,\n  }\n", net), LOCATE_FIXED,
	       "a rule in a conditional");
	is_num(state_of("  audit {\n    deny /sys/** w,\n  }\n", net), LOCATE_FIXED, "a rule in a block");
}

static void the_counterfactual_must_hold(void)
{
	const char text[] = "profile lxc-a {\n  /usr/** r,\n  deny /sys/** w,\n}\n";

	tmp_write("/etc/apparmor.d/lxc-a", text, sizeof text - 1, 0644);
	is_num(stage_look(NULL, net), 0, "a profile that does not allow the access at all");
	is_num(stage_state(), LOCATE_NO_ALLOW, "is not stopped by the rule alone");
	tmp_write("/etc/apparmor.d/lxc-a", "profile lxc-a {\n  /usr/** r,\n}\n", 31, 0644);
	is_num(stage_look(NULL, net), 0, "the same without the rule");
	is_num(stage_state(), LOCATE_NO_ALLOW, "is refused, too, with no culprit");
	is_num(stage.finding.culprit_count, 0, "and none is named");
	is_num(stage.finding.worst, LOCATE_ALLOWED, "so that it does not count as found");
	is_num(state_of("  deny owner /sys/** w,\n", net), LOCATE_BLOCKED,
	       "a rule for the owner alone is judged in the owner's half");
}

static void knows_all_who_share_the_rule(void)
{
	const char *const one[] = { "profile:lxc-a", NULL };
	const char shared[] = "  deny /sys/[^fdc]*{,/**} wklx,\n";

	tmp_write("/etc/apparmor.d/abstractions/shared", shared, sizeof shared - 1, 0644);
	stage_policy("lxc-a", "lxc-a", "  include <abstractions/shared>\n");
	stage_policy("mine", "my-container", "  include <abstractions/shared>\n");
	is_num(stage_look(one, net), 0, "one profile is asked about");
	is_num(stage.finding.case_count, 1, "one is judged");
	is_num(stage.finding.culprits[0]->profile_count, 2, "everybody under the rule is known, whatever the name");
}

int main(void)
{
	tmp_make();
	names_the_one_rule();
	says_why_there_is_none();
	claims_nothing_for_several();
	knows_what_cannot_be_edited();
	the_counterfactual_must_hold();
	knows_all_who_share_the_rule();
	stage_release();
	return tap_done();
}
