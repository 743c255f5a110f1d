/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the parts of the discover room. */
#ifndef DISCOVER_INTERNAL_H
#define DISCOVER_INTERNAL_H

#include <nestfix/discover.h>

#define DISCOVER_BASE "/etc/apparmor.d" /* apparmor_parser's built-in search directory */

typedef VEC(struct site_policy *) policy_vec;
typedef VEC(struct site_skipped) skipped_vec;

/* Does a file of that name in disable/ keep apparmor_parser from loading the policy? */
bool discover_is_disabled(const struct site *site, struct slice name);

struct site_reached *discover_reached_new(struct arena *arena);

int discover_read(struct site *site, const char *path, struct policy *policy, struct err *err);

/* The containers, the drop-in, and each running container's generated text as one more policy. What cannot be read is
 * listed as skipped. */
void discover_containers(struct site *site, const struct policy_reader *reader, policy_vec *policies,
			 skipped_vec *skipped);

#endif
