/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packages: what is installed, by dpkg's status file; and what a liblxc.so generates, by its bytes. Pure.
 */
#ifndef NESTFIX_PACKAGES_H
#define NESTFIX_PACKAGES_H

#include <nestfix/keyval.h>

/*
 * The version of a package whose files are on disk (installed, on hold too; unpacked or waiting for triggers in the
 * middle of an upgrade), or an empty slice.
 */
struct slice packages_version(struct slice dpkg_status, const char *package);

/* Is it on hold (apt-mark(8))? */
bool packages_is_held(struct slice dpkg_status, const char *package);

/* Debian's version order (deb-version(7)): < 0, 0, > 0. */
int packages_compare(struct slice a, struct slice b);

enum packages_liblxc {
	PACKAGES_LIBLXC_UNKNOWN, /* neither mark found */
	PACKAGES_LIBLXC_DENIES,  /* its generated profiles hold the rule, nesting or not */
	PACKAGES_LIBLXC_CURED,   /* cured when nesting is on */
};

/* Tells by the bytes around LXC's own rule text in the library (facts, section 2). */
enum packages_liblxc packages_liblxc(struct slice library);

#endif
