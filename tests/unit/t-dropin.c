/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/automaton.h>
#include <nestfix/dropin.h>

#include "../lib/tap.h"

static struct slice net_paths[] = { SLICE("/sys/net{,/**}") };
static struct slice ipc_paths[] = { SLICE("/sys/kernel/sem"), SLICE("/sys/fs/mqueue/**") };
static struct conflict_scope scopes[] = {
	{ .name = SLICE("net"), .give_back = net_paths, .give_back_count = 1, .perms = PERM_W | PERM_A },
	{ .name = SLICE("ipc"), .give_back = ipc_paths, .give_back_count = 2, .perms = PERM_W },
};
static const struct conflict conflict = { .name = SLICE("c"), .scopes = scopes, .scope_count = 2 };
static const struct conflict_scope *const both[] = { &scopes[0], &scopes[1] };

static bool has(const struct buf *text, const char *part)
{
	return strstr(buf_str(text), part) != NULL;
}

static void lines_are_what_liblxc_takes(void)
{
	AUTOBUF raw = { 0 };
	AUTOBUF hook = { 0 };

	dropin_text(DROPIN_PRIORITY, &conflict, both, 2, &raw);
	ok(has(&raw, "\nlxc.apparmor.raw = priority=1 allow /sys/net{,/**} w,\n"), "a raw line a pattern");
	ok(has(&raw, "priority=1 allow /sys/kernel/sem w,\nlxc.apparmor.raw = priority=1 allow /sys/fs/mqueue/** w,\n"),
	   "  of each scope");
	ok(!has(&raw, "hook"), "  and no hook");
	dropin_text(DROPIN_HOOK, &conflict, both, 2, &hook);
	ok(has(&hook, "\nlxc.hook.start-host = /bin/sh -c '" NESTFIX_PROGRAM
		      " --scope net,ipc hook lxc -- \"$@\" || :' aa-nestfix\n"),
	   "a hook that cannot fail, with its scopes");
	ok(!has(&hook, "lxc.apparmor.raw"), "  and no raw line");
	ok(has(&hook, "aa-nestfix rollback"), "the file says how to take it out");
}

static void what_is_written_is_read(void)
{
	AUTOARENA arena = { 0 };
	AUTOBUF text = { 0 };
	struct dropin d;

	for (int mode = DROPIN_PRIORITY; mode <= DROPIN_HOOK; mode++) {
		buf_clear(&text);
		dropin_text((enum dropin_mode)mode, &conflict, both, 1, &text);
		dropin_read(&d, buf_slice(&text), &conflict, &arena);
		ok((int)d.mode == mode, "its mode is known");
		ok(dropin_covers(&d, &scopes[0]) && !dropin_covers(&d, &scopes[1]), "  and its scopes");
	}
	ok(!d.shared, "  and that nobody else writes there");
	buf_adds(&text, "# mine\n");
	dropin_read(&d, buf_slice(&text), &conflict, &arena);
	ok(d.mode == DROPIN_HOOK && d.shared && dropin_covers(&d, &scopes[0]),
	   "a line of somebody else changes nothing of ours");
	dropin_read(&d, SLICE("lxc.cap.drop = mknod\n"), &conflict, &arena);
	ok(d.mode == DROPIN_NONE && d.shared, "one without a line of ours");
	dropin_read(&d,
		    SLICE("# Conflict and scopes: c net,ipc\nlxc.apparmor.raw = priority=1 allow /sys/kernel/sem w,\n"),
		    &conflict, &arena);
	ok(d.mode == DROPIN_PRIORITY && d.scope_count == 0, "the rules tell the scopes, not the comment");
}

static void is_written(const char *old, enum dropin_mode mode, const char *front, bool text, const char *behind,
		       const char *what)
{
	AUTOBUF want = { 0 };
	AUTOBUF out = { 0 };

	buf_adds(&want, front);
	if (text)
		dropin_text(mode, &conflict, both, 1, &want);
	buf_adds(&want, behind);
	dropin_write(slice_of(old), mode, &conflict, both, 1, &out);
	is_text(buf_slice(&out), buf_str(&want), what);
}

static void lines_of_others_are_kept(void)
{
	AUTOBUF mixed = { 0 };
	AUTOBUF windows = { 0 };

	is_written("", DROPIN_HOOK, "", true, "", "a new one");
	is_written("lxc.cap.drop = mknod", DROPIN_PRIORITY, "lxc.cap.drop = mknod\n", true, "",
		   "one of somebody else is added to");
	buf_adds(&mixed, "# first\n");
	dropin_text(DROPIN_PRIORITY, &conflict, both, 2, &mixed);
	buf_adds(&mixed, "lxc.apparmor.raw = deny /sys/net/x w,\n");
	dropin_text(DROPIN_HOOK, &conflict, both, 1, &mixed);
	buf_adds(&mixed, "# Conflict and scopes: other net\n# last");
	is_written(buf_str(&mixed), DROPIN_HOOK, "# first\n", true,
		   "lxc.apparmor.raw = deny /sys/net/x w,\n# Conflict and scopes: other net\n# last",
		   "whatever mode and scopes ours had, only they are exchanged");
	is_written(buf_str(&mixed), DROPIN_NONE, "# first\n", false,
		   "lxc.apparmor.raw = deny /sys/net/x w,\n# Conflict and scopes: other net\n# last", "or taken out");
	is_written("lxc.apparmor.raw = priority=1 allow /sys/net/x w,\n", DROPIN_NONE,
		   "lxc.apparmor.raw = priority=1 allow /sys/net/x w,\n", false, "",
		   "a rule that was edited is no longer ours");
	for (size_t i = 0; i < mixed.len; i++) {
		if (mixed.ptr[i] == '\n')
			buf_addc(&windows, '\r');
		buf_addc(&windows, mixed.ptr[i]);
	}
	is_written(buf_str(&windows), DROPIN_NONE, "# first\r\n", false,
		   "lxc.apparmor.raw = deny /sys/net/x w,\r\n# Conflict and scopes: other net\r\n# last",
		   "an editor's line ends do not matter");
	buf_clear(&mixed);
	dropin_text(DROPIN_PRIORITY, &conflict, both, 2, &mixed);
	is_written(buf_str(&mixed), DROPIN_NONE, "", false, "", "nothing is left of one that is ours alone");
}

static void lines_tell_what_they_give(void)
{
	AUTOBUF hook = { 0 };
	struct slice value;

	dropin_text(DROPIN_HOOK, &conflict, both, 1, &hook);
	value = slice_trim(slice_of(strstr(buf_str(&hook), "/bin/sh")));
	ok(dropin_hook_gives(value, &scopes[0]) && !dropin_hook_gives(value, &scopes[1]),
	   "a hook gives back its scopes");
	ok(!dropin_hook_gives(SLICE("/bin/true"), &scopes[0]), "another program none");
	ok(dropin_rule_gives(SLICE("priority=1 allow /sys/kernel/sem w,"), &scopes[1], 0) &&
	       !dropin_rule_gives(SLICE("priority=1 allow /sys/kernel/sem w,"), &scopes[1], 1),
	   "a rule gives back one pattern");
	ok(dropin_is_rule(SLICE("priority=1 allow /sys/fs/mqueue/** w,"), &conflict) &&
	       !dropin_is_rule(SLICE("allow /sys/fs/mqueue/** w,"), &conflict),
	   "and is known as ours");
}

static void lines_go_before_the_last_brace(void)
{
	AUTOBUF dropin = { 0 };
	AUTOBUF with = { 0 };
	AUTOBUF without = { 0 };
	AUTOBUF none = { 0 };

	dropin_text(DROPIN_PRIORITY, &conflict, both, 1, &dropin);
	ok(dropin_apply(SLICE("profile x {\n  /a{b} r,\n}\n"), buf_slice(&dropin), &with), "lines are put in");
	is_text(buf_slice(&with), "profile x {\n  /a{b} r,\npriority=1 allow /sys/net{,/**} w,\n}\n",
		"  before the last brace");
	dropin_strip(buf_slice(&with), buf_slice(&dropin), &without);
	is_text(buf_slice(&without), "profile x {\n  /a{b} r,\n}\n", "  and taken out again");
	ok(!dropin_apply(SLICE("no profile"), buf_slice(&dropin), &none), "a text without a brace is none");
}

int main(void)
{
	lines_are_what_liblxc_takes();
	what_is_written_is_read();
	lines_of_others_are_kept();
	lines_tell_what_they_give();
	lines_go_before_the_last_brace();
	return tap_done();
}
