/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <unistd.h>

#include "../lib/parser.h"
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
}

/* An administrator's own rule, which spares what the program writes, is the cause of nothing. */
static void spares_rules_that_deny_none_of_the_accesses(void)
{
	is_num(state_of("  deny /sys/net/core/** w,\n", net), LOCATE_ALLOWED, "another path of the scope");
	is_num(stage.finding.culprit_count, 0, "is nobody's culprit");
	is_num(state_of("  deny /sys/[^fdc]*{,/**} wklx,\n  deny /sys/net/core/** w,\n", net), LOCATE_BLOCKED,
	       "beside one that denies the access");
	is_num(stage.finding.culprit_count, 1, "it is none, either");
}

static void says_why_there_is_none(void)
{
	is_num(state_of("", net), LOCATE_ALLOWED, "no rule denies");
	ok(stage.finding.cases[0].allower && !stage.finding.cases[0].cure.len, "the rule that allows; no cure");
	is_num(state_of("  deny /sys/[^fdcn]*{,/**} wklx,\n", net), LOCATE_ALLOWED, "a rule that spares the path");
	is_num(state_of("  deny /sys/** rklx,\n", net), LOCATE_ALLOWED, "a rule that denies something else");
	is_num(state_of("  # aa-nestfix: test-conflict, was: deny\n  deny /sys/k* w,\n", net), LOCATE_ALLOWED,
	       "a mark that is none");
	is_num(stage.finding.cases[0].cure.len, 0, "is no cure");
	is_num(state_of("  # aa-nestfix: test-conflict, was: deny /sys/n* wk,\n  deny /sys/n* k,\n"
			"  deny /sys/{n,n[^e]*,ne,ne[^t]*,net?*} w,\n",
			net),
	       LOCATE_ALLOWED, "our own mark");
}

/* The rules without which the access is allowed are all that deny it: a union, so there is one such set. */
static void the_cause_is_all_that_deny(void)
{
	is_num(state_of("  deny /sys/** wk,\n  deny /sys/n*/** wl,\n  deny /sys/net/core/** w,\n", net), LOCATE_BLOCKED,
	       "two rules deny the access");
	is_num(stage.finding.cases[0].culprit_count, 2, "both are the cause, the third is not");
	is_num(state_of("  deny owner /sys/** wk,\n  deny other /sys/n*/** wl,\n", net), LOCATE_BLOCKED,
	       "two rules, each for its half");
	is_num(stage.finding.cases[0].culprit_count, 2, "both are the cause");
	is_num(state_of("  deny owner /sys/** w,\n", net), LOCATE_BLOCKED, "a rule for the owner alone");
	is_num(state_of("  deny /sys/[^fdc]*{,/**} wklx,\n  deny /sys/fs/[^c]*{,/**} wklx,\n", ipc), LOCATE_BLOCKED,
	       "two rules, each its part of the scope");
	is_num(stage.finding.culprit_count, 2, "both are culprits");
	is_num(state_of("  deny /sys/[^fdc]*{,/**} wklx,\n  deny /sys/fs/[^c]*{,/**} wklx,\n", both), LOCATE_BLOCKED,
	       "two scopes");
	is_num(stage.finding.case_count, 2, "are two cases");
	is_num(stage.finding.culprits[0]->scope_count, 2, "a rule knows the scopes it denies in");
}

static void rules_in_odd_places_are_rules(void)
{
	enum locate_state in_block;

	is_num(state_of("  if defined @{SYSDIR} {\n    deny /sys/** wk,\n  }\n", net), LOCATE_BLOCKED,
	       "a rule in a branch that is taken");
	is_num(state_of("  if not defined @{SYSDIR} {\n    deny /sys/n* wk,\n  } else if defined @{SYSDIR} {\n"
			"    deny /sys/** wk,\n  } else {\n    deny /sys/net/** wk,\n  }\n",
			net),
	       LOCATE_BLOCKED, "branches");
	is_num(stage.finding.culprits[0]->rule->stmt->line, 7, "the one that is taken counts");
	is_num(stage.finding.culprit_count, 1, "and no other");
	is_num(state_of("  if not defined @{SYSDIR} {\n    deny /sys/** wk,\n  }\n", net), LOCATE_ALLOWED,
	       "a rule in a branch that is not taken");
	/* 4.1 and 5.0 drop the "deny" of a rule in a block, which allows then: what the parser makes of it, counts */
	in_block = state_of("  audit {\n    deny /sys/** wk,\n  }\n", net);
	ok(in_block == LOCATE_BLOCKED || in_block == LOCATE_ALLOWED, "a rule in a block");
	is_num(state_of("  deny \"/sys/**\" wk,\n", net), LOCATE_BLOCKED, "a quoted one");
}

static void says_what_no_edit_can_split(void)
{
	const char alias[] = "alias /a/ -> /sys/,\nprofile lxc-a {\n  file,\n  deny /a/** wk,\n}\n";

	is_num(state_of("  deny /sys/net/ipv4/port w,\n", net), LOCATE_FIXED, "a rule that denies nothing else");
	ok(strstr(stage.finding.culprits[0]->why, "no rule is dropped whole"), "is not dropped whole");
	is_num(state_of("  deny /sys/net/ipv4/port wk,\n", net), LOCATE_BLOCKED, "one that keeps a letter is split");
	is_num(state_of("  deny /sys/** wl -> /x,\n", net), LOCATE_FIXED, "a rule with a target");
	ok(strstr(stage.finding.culprits[0]->why, "target"), "for that reason");
	tmp_write("/etc/apparmor.d/lxc-a", alias, sizeof alias - 1, 0644);
	is_num(stage_look(NULL, net), 0, "an alias");
	is_num(stage_state(), LOCATE_FIXED, "makes a rule deny what its text does not match");
	is_num(stage.finding.culprits[0]->rule->stmt->line, 4, "and the rule is found");
}

static void names_may_hold_variables(void)
{
	const char one[] = "@{N}=x\nprofile lxc-@{N} {\n  file,\n  deny /sys/** wk,\n}\nprofile other { }\n";
	const char two[] = "@{N}=x\nprofile lxc-@{N} {\n  file,\n}\nprofile @{N} { }\n";

	tmp_write("/etc/apparmor.d/lxc-a", one, sizeof one - 1, 0644);
	ok(stage_look(NULL, net) == 0 && stage_state() == LOCATE_BLOCKED, "a profile named by a variable is found");
	tmp_write("/etc/apparmor.d/lxc-a", two, sizeof two - 1, 0644);
	ok(stage_look(NULL, net) == 0 && stage_state() == LOCATE_UNKNOWN, "of two nothing is claimed");
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
}

static void what_the_parser_refuses_is_not_healthy(void)
{
	is_num(state_of("  deny /sys/** WKLX,\n", net), LOCATE_UNKNOWN, "a rule that the parser refuses");
	ok(strstr(stage.finding.cases[0].reason, "lxc-a") && strstr(stage.finding.cases[0].reason, "line 4"),
	   "is named in the parser's words");
	is_num(stage.finding.worst, LOCATE_UNKNOWN, "and counts");
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
	if (!parser_there()) {
		tap_skip("locate", "there is no " PARSER);
		return tap_done();
	}
	tmp_make();
	names_the_one_rule();
	spares_rules_that_deny_none_of_the_accesses();
	says_why_there_is_none();
	the_cause_is_all_that_deny();
	rules_in_odd_places_are_rules();
	says_what_no_edit_can_split();
	names_may_hold_variables();
	the_counterfactual_must_hold();
	what_the_parser_refuses_is_not_healthy();
	knows_all_who_share_the_rule();
	stage_release();
	return tap_done();
}
