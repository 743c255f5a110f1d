/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../lib/stage.h"

static const char *const net[] = { "net", NULL }, *const ipc[] = { "ipc", NULL };

/* The new text of the one edited file behind its first three lines. */
static struct slice rewritten(const char *rules, const char *const *scopes)
{
	struct slice text;

	stage_policy("lxc-a", "lxc-a", rules);
	if (!ok(stage_look(NULL, scopes) == 0 && stage_rewrite() == 0 && stage.patch.file_count == 1, rules)) {
		printf("#   %s\n", stage.err.text);
		return (struct slice){ 0 };
	}
	text = stage.patch.files[0].new_;
	for (int i = 0; i < 3; i++)
		text = slice_from(text, slice_find(text, '\n') + 1);
	return slice_sub(text, 0, text.len - 2);
}

static void splits_the_rule(void)
{
	is_text(rewritten("  deny /sys/[^fdc]*{,/**} wklx,\n", net),
		"  # aa-nestfix: test-conflict, was: deny /sys/[^fdc]*{,/**} wklx,\n"
		"  deny /sys/[^fdc]*{,/**} klx,\n"
		"  deny /sys/{[^fdcn]*,n{,e},n[^e]*,ne[^t]*,net?*}{,/**} w,\n",
		"two lines and a comment");
	is_text(rewritten("  deny /sys/net/** rw,\n", net),
		"  # aa-nestfix: test-conflict, was: deny /sys/net/** rw,\n  deny /sys/net/** r,\n",
		"a rule whose paths all lie in the scope keeps its other permissions");
}

static void keeps_what_stands_around(void)
{
	is_text(rewritten(
		    "\tcapability, audit deny /sys/net/core r, audit deny\n  /sys/[^fdc]*{,/**}\n w, # mine\n\t/x r,\n",
		    net),
		"\tcapability, audit deny /sys/net/core r, # aa-nestfix: test-conflict, was: audit deny "
		"/sys/[^fdc]*{,/**} w,\n"
		"\taudit deny /sys/{[^fdcn]*,n{,e},n[^e]*,ne[^t]*,net?*}{,/**} w, # mine\n\t/x r,\n",
		"qualifiers, other rules of the line, trailing comment, indentation");
	is_text(rewritten("  deny /x w,\r\n  deny wk /sys/net/**,\r\n", net),
		"  deny /x w,\r\n"
		"  # aa-nestfix: test-conflict, was: deny wk /sys/net/**,\r\n  deny /sys/net/** k,\r\n",
		"CR LF line ends, and permissions in front");
}

static void edits_each_rule_of_a_scope(void)
{
	is_text(
	    rewritten("  deny /sys/fs/[^c]*{,/**} w,\n  deny /sys/kernel/sem rwk,\n", ipc),
	    "  # aa-nestfix: test-conflict, was: deny /sys/fs/[^c]*{,/**} w,\n"
	    "  deny /sys/fs/{[^cm]*,m{,q,qu,que,queu},m[^q]*,mq[^u]*,mqu[^e]*,mque[^u]*,mqueu[^e]*,mqueue?*}{,/**} w,\n"
	    "  # aa-nestfix: test-conflict, was: deny /sys/kernel/sem rwk,\n"
	    "  deny /sys/kernel/sem rk,\n",
	    "two rules, each its part of the scope");
}

static void touches_every_policy_that_reads_the_file(void)
{
	const char shared[] = "  deny /sys/[^fdc]*{,/**} wklx,\n";
	const char *const one[] = { "profile:lxc-b", NULL };

	tmp_write("/etc/apparmor.d/abstractions/shared", shared, sizeof shared - 1, 0644);
	stage_policy("lxc-a", "lxc-a", "");
	stage_policy("lxc-b", "lxc-b", "  include <abstractions/shared>\n");
	stage_policy("mine", "my-container", "  include <abstractions/shared>\n");
	ok(stage_look(one, net) == 0 && stage_rewrite() == 0, "a rule in a shared file");
	is_num(stage.patch.file_count, 1, "is one file");
	is_num(stage.patch.policy_count, 2, "and two policies to compile and load");
}

static void refuses_what_it_cannot_cure(void)
{
	unlink(tmp_path("/etc/apparmor.d/lxc-b"));
	unlink(tmp_path("/etc/apparmor.d/mine"));
	stage_policy("lxc-a", "lxc-a", "  deny /sys/** w,\n  deny /sys/net/** w,\n");
	ok(stage_look(NULL, net) == 0 && stage_rewrite() == -1, "a rule that lies in the scope as a whole");
	is_num(stage.err.kind, ERR_REFUSED, "is refused");
	is_err(&stage.err, "/etc/apparmor.d/lxc-a:5", "and named");
	is_err(&stage.err, "no rule is dropped whole: deny /sys/net/** w,", "with the reason and its text");
	stage_policy("lxc-a", "lxc-a", "  deny /sys/k* w,\n");
	ok(stage_look(NULL, net) == 0 && stage_rewrite() == 0, "nothing to do");
	is_num(stage.patch.file_count, 0, "is an empty patch");
	stage_policy("lxc-z", "lxc-z", "  deny /sys/net/** w,\n");
	stage_policy("lxc-a", "lxc-a", "  deny /sys/** w,\n");
	ok(stage_look(NULL, net) == 0 && stage_rewrite() == 0, "one profile can be cured, one not");
	is_num(stage.patch.file_count, 1, "what can be cured is cured");
}

int main(void)
{
	tmp_make();
	splits_the_rule();
	keeps_what_stands_around();
	edits_each_rule_of_a_scope();
	touches_every_policy_that_reads_the_file();
	refuses_what_it_cannot_cure();
	stage_release();
	return tap_done();
}
