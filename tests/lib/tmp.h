/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmp: a private root for a test: tmp_make() once, tmp_path("/etc/x") and tmp_write() below it, tmp_remove() at the
 * end. */
#ifndef TESTS_TMP_H
#define TESTS_TMP_H

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char tmp_dir[PATH_MAX / 2];

__attribute__((unused)) static void tmp_make(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(tmp_dir, sizeof tmp_dir, "%s/nestfix-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(tmp_dir)) {
		perror("mkdtemp");
		exit(1);
	}
	umask(022);
}

/* The path outside; good until the fourth call after this one. */
__attribute__((unused)) static char *tmp_path(const char *path)
{
	static char ring[4][PATH_MAX];
	static int at;

	at = (at + 1) % 4;
	snprintf(ring[at], sizeof ring[at], "%s%s", tmp_dir, path);
	return ring[at];
}

/* Writes a file of exactly this mode, and the directories above it. */
__attribute__((unused)) static void tmp_write(const char *path, const char *bytes, size_t len, mode_t mode)
{
	char *full = tmp_path(path);
	FILE *f;

	for (char *p = full + strlen(tmp_dir) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		mkdir(full, 0755);
	}
	f = fopen(full, "w");
	if (!f || fwrite(bytes, 1, len, f) != len || fclose(f) != 0 || chmod(full, mode) != 0) {
		perror(full);
		exit(1);
	}
}

/* The bytes of a file, or "(missing)"; good until the next call. */
__attribute__((unused)) static const char *tmp_read(const char *path)
{
	static char text[65536];
	FILE *f = fopen(tmp_path(path), "r");
	size_t n;

	if (!f)
		return "(missing)";
	n = fread(text, 1, sizeof text - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

__attribute__((unused)) static int tmp_remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

__attribute__((unused)) static void tmp_remove(void)
{
	nftw(tmp_dir, tmp_remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

#endif
