/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../lib/stage.h"

static const char *const net[] = { "net", NULL };

static void reads_what_the_parser_would_load(void)
{
	is_num(stage_look(NULL, net), 0, "a root without policy is no error");
	ok(!stage.site.has_policy, "and it is told");
	stage_policy("lxc-a", "lxc-a", "");
	stage_policy("README", "lxc-readme", "");
	stage_policy("lxc-b.dpkg-old", "lxc-b", "");
	stage_policy("lxc-off", "lxc-off", "");
	stage_policy("disable/lxc-off", "lxc-off", "");
	stage_policy("sub/lxc-c", "lxc-c", "");
	is_num(stage_look(NULL, net), 0, "a policy directory");
	is_num(stage.site.policy_count, 1, "skips README, .dpkg-old, disabled files and sub-directories");
	is_text(slice_of(stage.site.policies[0]->policy.path), "/etc/apparmor.d/lxc-a", "and reads the rest");
}

static void one_broken_file_does_not_hide_the_others(void)
{
	const char *const broken[] = { "/etc/apparmor.d/usr.broken", NULL };

	tmp_write("/etc/apparmor.d/usr.broken", "profile \"x {\n", 13, 0644);
	is_num(stage_look(NULL, net), 0, "a broken file is skipped");
	is_num(stage.site.policy_count, 1, "the others are read");
	is_num(stage.site.skipped_count, 1, "it is listed");
	is_err(&stage.site.skipped[0].err, "/etc/apparmor.d/usr.broken:1:9:", "with file, line and column");
	is_num(stage_look(broken, net), 0, "asked about, it still is a skipped file");
	tmp_write("/etc/apparmor.d/usr.broken", "profile x {\0}\n", 14, 0644);
	is_num(stage_look(NULL, net), 0, "a file with a NUL byte");
	is_err(&stage.site.skipped[0].err, "a NUL byte", "is skipped, too");
	unlink(tmp_path("/etc/apparmor.d/usr.broken"));
}

static void targets_choose(void)
{
	const char *const profile[] = { "profile:lxc-a", NULL }, *const none[] = { "profile:lxc-z", NULL };
	const char *const missing[] = { "/etc/apparmor.d/nothing", NULL }, *const word[] = { "web1", NULL };
	const char *const other[] = { "/srv/other", NULL };
	struct site_target target;

	stage_policy("lxc-d", "lxc-d", "");
	is_num(stage_look(profile, net), 0, "a profile as target");
	is_num(stage.finding.profile_count, 1, "only that one is judged");
	tmp_write("/etc/apparmor.d/lxc-tool", "profile lxc-tool /usr/bin/lxc-tool flags=(unconfined) {\n}\n", 56, 0644);
	is_num(stage_look(NULL, net), 0, "a profile that is unconfined");
	is_num(stage.finding.profile_count, 2, "is nobody's container");
	is_num(stage_look(none, net), -1, "an unknown profile");
	is_num(stage.err.kind, ERR_USAGE, "is a usage error");
	is_num(stage_look(missing, net), -1, "a missing file");
	is_num(stage.err.kind, ERR_USAGE, "is a usage error");
	is_num(stage_look(word, net), -1, "a word that is neither profile nor file");
	is_err(&stage.err, "'web1'", "is named in the message");
	tmp_write("/srv/other", "profile mine {\n  file,\n  deny /sys/** w,\n}\n", 43, 0644);
	is_num(stage_look(other, net), 0, "a file outside the boot policy");
	is_num(stage_state(), LOCATE_BLOCKED, "is judged whatever its profiles are called");
	is_num(discover_target(&target, &stage.root, tmp_path("/etc/x"), &stage.arena, NULL), 0,
	       "a path with the root");
	is_text(slice_of(target.path), "/etc/x", "is taken below the root");
}

int main(void)
{
	tmp_make();
	reads_what_the_parser_would_load();
	one_broken_file_does_not_hide_the_others();
	targets_choose();
	stage_release();
	return tap_done();
}
