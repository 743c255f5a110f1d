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
	buf_adds(&text, "# mine\n");
	dropin_read(&d, buf_slice(&text), &conflict, &arena);
	ok(d.mode == DROPIN_EDITED && !dropin_covers(&d, &scopes[0]), "one that somebody edited covers nothing");
	dropin_read(&d, SLICE("lxc.cap.drop = mknod\n"), &conflict, &arena);
	ok(d.mode == DROPIN_EDITED, "nor does one of somebody else");
	dropin_read(&d, SLICE("# Conflict and scopes: other net\n"), &conflict, &arena);
	ok(d.mode == DROPIN_EDITED, "nor one of another conflict");
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
	lines_go_before_the_last_brace();
	return tap_done();
}
