/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rewrite-internal: what the files of the room rewrite share. */
#ifndef REWRITE_INTERNAL_H
#define REWRITE_INTERNAL_H

#include <nestfix/rewrite.h>

/* Is it the generated text of a container, rather than a file that such a text includes? */
bool rewrite_is_generated(const struct site *site, const struct policy_source *source);

/* A patch of no files, of all that the finding asks about. */
struct patch rewrite_begin(const struct site *site, const struct finding *finding);

/* Fills in every top-level file that reads an edited one, whatever its profiles are called. */
void rewrite_find_policies(struct patch *patch, struct arena *arena);

/* Adds what is loaded and not written: generated texts, and files that are cured but not in force. */
int rewrite_loads(struct patch *patch, struct arena *arena, struct err *err);

#endif
