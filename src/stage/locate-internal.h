/* SPDX-License-Identifier: GPL-2.0-or-later */
/* locate-internal: what the files of the room locate share. */
#ifndef LOCATE_INTERNAL_H
#define LOCATE_INTERNAL_H

#include <nestfix/locate.h>

/* Says of each culprit whose file cannot be edited why: another policy may read it, and cannot be proved. */
void locate_hold_back(struct finding *finding, const struct site *site, struct judge *judge, struct arena *arena);

#endif
