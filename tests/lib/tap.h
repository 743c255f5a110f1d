/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tap: the Test Anything Protocol for unit tests. Call ok() and friends, then `return tap_done();` from main. */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <nestfix/buf.h>
#include <nestfix/err.h>

static int tap_count, tap_failed;

__attribute__((unused)) static bool tap_report(bool good, const char *file, int line, const char *what)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++tap_count, what);
	if (!good) {
		tap_failed++;
		printf("#   at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

#define ok(cond, what) tap_report((cond), __FILE__, __LINE__, (what))

/* Compares a slice with a C string and shows both where they differ. */
#define is_text(got, want, what) tap_is_text((got), (want), __FILE__, __LINE__, (what))
__attribute__((unused)) static bool tap_is_text(struct slice got, const char *want, const char *file, int line,
						const char *what)
{
	bool good = tap_report(slice_is(got, want), file, line, what);

	if (!good)
		printf("#   got:  \"%.*s\"\n#   want: \"%s\"\n", SLICE_FMT(got), want);
	return good;
}

#define is_num(got, want, what) tap_is_num((long long)(got), (long long)(want), __FILE__, __LINE__, (what))
__attribute__((unused)) static bool tap_is_num(long long got, long long want, const char *file, int line,
					       const char *what)
{
	bool good = tap_report(got == want, file, line, what);

	if (!good)
		printf("#   got:  %lld\n#   want: %lld\n", got, want);
	return good;
}

/* True when the call failed and said `part` somewhere in its text. */
#define is_err(e, part, what) tap_is_err((e), (part), __FILE__, __LINE__, (what))
__attribute__((unused)) static bool tap_is_err(const struct err *e, const char *part, const char *file, int line,
					       const char *what)
{
	bool good = tap_report(err_is_set(e) && strstr(e->text, part), file, line, what);

	if (!good)
		printf("#   error: \"%s\"\n#   wants: \"%s\"\n", e->text, part);
	return good;
}

__attribute__((unused)) static void tap_skip(const char *what, const char *why)
{
	printf("ok %d - %s # SKIP %s\n", ++tap_count, what, why);
}

__attribute__((unused)) static int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}

#endif
