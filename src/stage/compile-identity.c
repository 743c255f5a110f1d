/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compile-identity: what a compiled policy depends on beside its text. */
#include <stdlib.h>

#include <sys/apparmor.h>

#include "compile-internal.h"

enum { IDENTITY_LIMIT = 1 << 20 }; /* bytes of a configuration or feature file */

static void add_file(const struct root *root, struct cache_key *key, const char *path)
{
	AUTOARENA scratch = { 0 };
	struct file file;

	if (fsio_read(root, path, IDENTITY_LIMIT, &scratch, &file, NULL) < 0)
		cache_key_add(key, SLICE("-"));
	else
		cache_key_add(key, file.bytes);
}

static void add_kernel(struct cache_key *key)
{
	aa_features *features = NULL;
	char *id = NULL;

	if (aa_features_new_from_kernel(&features) == 0)
		id = aa_features_id(features);
	cache_key_add(key, slice_of(id ? id : ""));
	free(id);
	aa_features_unref(features);
}

/* A file that is run or read by its path: another one has another size, time or inode. Asking the parser for its
 * version would take longer than all the rest. */
static void add_stat(struct cache_key *key, const char *path)
{
	AUTOBUF identity = { 0 };
	struct stat st = { 0 };

	if (path && stat(path, &st) == 0)
		buf_addf(&identity, "%s %llu %lld %lld.%09ld", path, (unsigned long long)st.st_ino,
			 (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	cache_key_add(key, buf_slice(&identity));
}

void compile_identity(const struct root *root, const char *program, const char *features, struct cache_key *key)
{
	static const char *const folders[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };
	static const char *const files[] = { "/etc/apparmor/parser.conf", "/usr/share/apparmor-features/features" };
	AUTOROOT machine = { .fd = -1 };
	AUTOARENA scratch = { 0 };

	program = program ? program : "apparmor_parser";
	if (strchr(program, '/'))
		add_stat(key, program);
	for (size_t i = 0; !strchr(program, '/') && i < sizeof folders / sizeof *folders; i++)
		add_stat(key, arena_printf(&scratch, "%s/%s", folders[i], program));
	add_kernel(key);
	add_stat(key, features);
	if (root_open(&machine, "/", NULL) < 0)
		return;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		add_file(&machine, key, files[i]);
		add_file(root, key, files[i]);
	}
}
