/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <md5.h>
#include <strings.h>

#include <nestfix/container.h>
#include <nestfix/patched.h>

#define INFO "/var/lib/dpkg/info"

enum { BOOK_LIMIT = 4 << 20, SUM = 2 * MD5_DIGEST_LENGTH };

static const char *const packages[] = { "liblxc1", "liblxc1t64", "liblxc-common", "lxc", "lxc-pve", "pve-container" };

struct search {
	const struct root *root;
	struct arena *arena;
	struct slice diverted; /* /var/lib/dpkg/diversions: three lines each, the first is the path */
	VEC(struct patched) found;
};

/* The package of a name like liblxc1:amd64.md5sums, or NULL. */
static const char *package_of(struct slice name)
{
	struct slice package;

	if (!slice_ends(name, ".md5sums"))
		return NULL;
	package = slice_sub(name, 0, name.len - strlen(".md5sums"));
	package = slice_sub(package, 0, slice_find(package, ':'));
	for (size_t i = 0; i < sizeof packages / sizeof *packages; i++)
		if (slice_is(package, packages[i]))
			return packages[i];
	return NULL;
}

static bool decides(struct slice path)
{
	if (slice_starts(path, "usr/share/perl5/PVE/LXC"))
		return slice_ends(path, ".pm");
	if (slice_starts(path, "usr/share/lxc/config/"))
		return slice_ends(path, ".conf");
	return path.len > 0 && memmem(path.ptr, path.len, "/liblxc.so.", 11);
}

static bool is_diverted(const struct search *s, const char *path)
{
	struct slice rest = s->diverted;

	while (rest.len > 0) {
		if (slice_is(slice_sub(rest, 0, slice_find(rest, '\n')), path))
			return true;
		for (int i = 0; i < 3; i++)
			rest = slice_from(rest, slice_find(rest, '\n') + 1);
	}
	return false;
}

static void look(struct search *s, const char *package, struct slice sum, struct slice below)
{
	AUTOARENA scratch = { 0 };
	const char *path = arena_printf(s->arena, "/%.*s", SLICE_FMT(below));
	char hex[MD5_DIGEST_STRING_LENGTH];
	struct file file;

	if (is_diverted(s, path) || fsio_read(s->root, path, CONTAINER_LIBRARY_LIMIT, &scratch, &file, NULL) < 0)
		return;
	MD5Data((const uint8_t *)file.bytes.ptr, file.bytes.len, hex);
	if (strncasecmp(hex, sum.ptr, SUM) != 0)
		VEC_PUSH(s->arena, &s->found, (struct patched){ path, package });
}

/* "0123…cdef  usr/lib/x86_64-linux-gnu/liblxc.so.1.7.0" */
static void look_at_all(struct search *s, const char *package, struct slice sums)
{
	while (sums.len > 0) {
		struct slice line = slice_sub(sums, 0, slice_find(sums, '\n'));
		struct slice path = slice_from(line, SUM + 2);

		sums = slice_from(sums, line.len + 1);
		if (decides(path))
			look(s, package, slice_sub(line, 0, SUM), path);
	}
}

size_t patched_find(struct patched **out, const struct root *root, struct arena *arena)
{
	struct search s = { .root = root, .arena = arena };
	struct slice *names;
	struct file file;
	size_t count;

	*out = NULL;
	if (fsio_list(root, INFO, arena, &names, &count, NULL) < 0)
		return 0;
	if (fsio_read(root, "/var/lib/dpkg/diversions", BOOK_LIMIT, arena, &file, NULL) == 0)
		s.diverted = file.bytes;
	for (size_t i = 0; i < count; i++) {
		const char *package = package_of(names[i]);

		if (package && fsio_read(root, arena_printf(arena, INFO "/%.*s", SLICE_FMT(names[i])), BOOK_LIMIT,
					 arena, &file, NULL) == 0)
			look_at_all(&s, package, file.bytes);
	}
	*out = s.found.ptr;
	return s.found.len;
}
