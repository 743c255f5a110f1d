/* SPDX-License-Identifier: GPL-2.0-or-later */
/* discover-option: the parser's own configuration, as parser_main.c getopt_long_file() reads it: options of the command
 * line, one a line, their values behind blanks or `=`. */
#include "discover-internal.h"

enum { CONF_LIMIT = 1 << 20 }; /* bytes; the shipped file has 2 KiB */

static struct slice read_conf(const struct root *root, struct arena *arena)
{
	struct file file;

	if (fsio_read(root, "/etc/apparmor/parser.conf", CONF_LIMIT, arena, &file, NULL) < 0)
		file.bytes = SLICE("");
	return file.bytes;
}

static bool sets(struct slice line, const char *option, struct slice *value)
{
	size_t key = 0;

	line = slice_trim(line);
	while (key < line.len && !memchr(" \t=", line.ptr[key], 3))
		key++;
	*value = slice_from(line, key);
	while (value->len > 0 && memchr(" \t=", value->ptr[0], 3))
		*value = slice_from(*value, 1);
	return slice_is(slice_sub(line, 0, key), option);
}

const char *const *discover_options(const struct root *root, const char *option, struct arena *arena)
{
	VEC(const char *) found = { 0 };
	struct slice text = read_conf(root, arena);

	while (text.len > 0) {
		size_t end = slice_line_end(text, 0);
		struct slice value;

		if (sets(slice_sub(text, 0, end), option, &value) && value.len > 0)
			VEC_PUSH(arena, &found, arena_str(arena, value));
		text = slice_from(text, end);
	}
	VEC_PUSH(arena, &found, NULL);
	return found.ptr;
}

static const char search[] = "Include";

const char *const *discover_search(const struct root *root, struct arena *arena)
{
	const char *const *found = discover_options(root, search, arena);
	VEC(const char *) dirs = { 0 };

	/* a relative one begins where the parser is started, at / */
	for (size_t i = 0; found[i]; i++)
		VEC_PUSH(arena, &dirs, found[i][0] == '/' ? found[i] : arena_printf(arena, "/%s", found[i]));
	VEC_PUSH(arena, &dirs, NULL);
	return dirs.ptr;
}

struct slice discover_without_search(const struct root *root, struct arena *arena)
{
	struct slice text = read_conf(root, arena);
	AUTOBUF out = { 0 };

	while (text.len > 0) {
		size_t end = slice_line_end(text, 0);
		struct slice value;

		if (!sets(slice_sub(text, 0, end), search, &value))
			buf_addslice(&out, slice_sub(text, 0, end));
		text = slice_from(text, end);
	}
	buf_addc(&out, '\n');
	return arena_slice(arena, buf_slice(&out));
}
