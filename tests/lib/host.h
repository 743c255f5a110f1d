/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host: a small root with a policy like LXC's, and one look at it: discover and locate with a conflict made by hand.
 * host_make() writes the files below tmp_dir, host_look() reads them anew.
 */
#ifndef TESTS_HOST_H
#define TESTS_HOST_H

#include <nestfix/locate.h>

#include "tmp.h"

#define HOST_TOP "/etc/apparmor.d/lxc-containers"
#define HOST_BASE "/etc/apparmor.d/abstractions/lxc/container-base"
#define HOST_WITNESS "/sys/net/ipv4/ip_unprivileged_port_start"
#define HOST_RULE "deny /sys/[^fdc]*{,/**} wklx,"
#define HOST_EXACT "deny /sys/[^fdc]*{,/**} klx,\n  deny /sys/{[^fdcn]*,n{,e},n[^e]*,ne[^t]*,net?*}{,/**} w,"
#define HOST_PROFILE "lxc-container-default"

static const char host_top[] = "profile " HOST_PROFILE " flags=(attach_disconnected,mediate_deleted) {\n"
			       "  include <abstractions/lxc/container-base>\n"
			       "  deny mount fstype=devpts,\n"
			       "  ^helper { /h r, }\n"
			       "}\n";
static const char host_base[] = "  file,\n  mount,\n  capability,\n"
				"  " HOST_RULE "\n"
				"  deny /proc/sysrq-trigger wklx,\n";

struct host {
	struct site site;
	struct finding finding;
	struct conflict conflict;
	struct conflict_access access;
	struct conflict_scope scope;
	const struct conflict_scope *scopes[1];
	struct slice profiles[2];
};

__attribute__((unused)) static const char *host_parser(void)
{
	const char *named = getenv("NESTFIX_PARSER");

	return named ? named : "/sbin/apparmor_parser";
}

__attribute__((unused)) static void host_put(const char *path, const char *text)
{
	tmp_write(path, text, strlen(text), 0644);
}

__attribute__((unused)) static void host_make(void)
{
	host_put(HOST_TOP, host_top);
	host_put(HOST_BASE, host_base);
}

__attribute__((unused)) static int host_look(struct host *host, const struct root *root, struct arena *arena,
					     struct err *err)
{
	struct re_pool *pool = re_pool_new(arena, 0);
	struct aare paths;

	*host = (struct host){ .access = { SLICE(HOST_WITNESS), PERM_W } };
	if (aare_parse(&paths, SLICE("/sys/net{,/**}"), pool, arena, err) < 0)
		return -1;
	host->profiles[0] = SLICE(HOST_PROFILE);
	host->profiles[1] = SLICE("lxc-other");
	host->scopes[0] = &host->scope;
	host->scope = (struct conflict_scope){
		.name = SLICE("net"),
		.access = &host->access,
		.access_count = 1,
		.paths = paths.re,
		.perms = PERM_W,
	};
	host->conflict = (struct conflict){
		.name = SLICE("test"),
		.profiles = host->profiles,
		.profile_count = 2,
		.scopes = &host->scope,
		.scope_count = 1,
	};
	if (discover(&host->site, root, &host->conflict, NULL, 0, pool, arena, err) < 0)
		return -1;
	return locate(&host->finding, &host->site, judge_new(root, host_parser(), NULL, arena), host->scopes, 1, arena,
		      err);
}

#endif
