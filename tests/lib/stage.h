/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stage: a small host in a private root, looked at with the shipped conflict. Base: stage_policy(), then stage_look().
 */
#ifndef TESTS_STAGE_H
#define TESTS_STAGE_H

#include <stdlib.h>

#include <nestfix/rewrite.h>

#include "tap.h"
#include "tmp.h"

/* A conflict of two scopes, small enough to see through. */
static const char stage_conflict_text[] = "Conflict: test-conflict\n"
					  "Title: writes below /sys/net are refused\n"
					  "Description: a conflict for tests\n"
					  "Profiles: lxc-*\n"
					  "References: none\n"
					  "\n"
					  "Scope: net\n"
					  "Default: yes\n"
					  "Description: network\n"
					  "Access: /sys/net/ipv4/port w\n"
					  "Give-Back: /sys/net{,/**} w\n"
					  "Absent: /sys/net\n"
					  "\n"
					  "Scope: ipc\n"
					  "Default: no\n"
					  "Description: ipc\n"
					  "Access: /sys/kernel/sem w\n"
					  " /sys/fs/mqueue/max w\n"
					  "Give-Back: /sys/kernel/sem w\n"
					  " /sys/fs/mqueue{,/**} w\n"
					  "Absent: /sys/kernel/sem\n"
					  " /sys/fs/mqueue\n";

static struct {
	struct arena arena;
	struct root root;
	struct re_pool *pool;
	struct judge *judge;
	struct conflict conflict;
	struct site site;
	struct finding finding;
	struct patch patch;
	struct err err;
} stage = { .root = { .fd = -1 } };

/* One profile file: a preamble and `rules` in the body of profile NAME. */
__attribute__((unused)) static void stage_policy(const char *file, const char *name, const char *rules)
{
	char path[256];
	AUTOBUF text = { 0 };

	snprintf(path, sizeof path, "/etc/apparmor.d/%s", file);
	buf_addf(&text, "@{SYSDIR}=/sys\nprofile %s {\n  file,\n%s}\n", name, rules);
	tmp_write(path, text.ptr, text.len, 0644);
}

/* Looks at the host as it is on disk now: 0, or -1 with stage.err. `targets` and `scopes` end with NULL. */
__attribute__((unused)) static int stage_look(const char *const *targets, const char *const *scopes)
{
	static struct site_target wanted[8];
	static const struct conflict_scope *asked[4];
	size_t count = 0, scope_count = 0;
	const char *parser;

	err_clear(&stage.err);
	stage.site = (struct site){ 0 };
	root_release(&stage.root);
	stage.pool = re_pool_new(&stage.arena, 0);
	if (conflict_parse(&stage.conflict, "test.conflict", SLICE(stage_conflict_text), stage.pool, &stage.arena,
			   &stage.err) < 0 ||
	    root_open(&stage.root, tmp_dir, &stage.err) < 0)
		return -1;
	for (; targets && targets[count]; count++)
		if (discover_target(&wanted[count], &stage.root, targets[count], &stage.arena, &stage.err) < 0)
			return -1;
	for (; scopes[scope_count]; scope_count++)
		asked[scope_count] = conflict_scope(&stage.conflict, slice_of(scopes[scope_count]));
	if (discover(&stage.site, &stage.root, &stage.conflict, wanted, count, stage.pool, &stage.arena, &stage.err) <
	    0)
		return -1;
	parser = getenv("NESTFIX_PARSER");
	stage.judge = judge_new(&stage.root, parser && *parser ? parser : NULL, NULL, &stage.arena);
	return locate(&stage.finding, &stage.site, stage.judge, asked, scope_count, &stage.arena, &stage.err);
}

__attribute__((unused)) static int stage_rewrite(void)
{
	return rewrite(&stage.patch, &stage.site, &stage.finding, &stage.arena, &stage.err);
}

/* The state of the first case that was judged. */
__attribute__((unused)) static enum locate_state stage_state(void)
{
	return stage.finding.case_count ? stage.finding.cases[0].state : LOCATE_ALLOWED;
}

__attribute__((unused)) static void stage_release(void)
{
	root_release(&stage.root);
	arena_release(&stage.arena);
	tmp_remove();
}

#endif
