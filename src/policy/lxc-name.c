/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lxc-name: the names that liblxc derives from a container's name and lxcpath, and the lxcpath itself. */
#include <inttypes.h>

#include <nestfix/lxc.h>

enum {
	PROFILE_MAX = 246, /* lsm/apparmor.c shorten_apparmor_name(): what is longer is hashed */
	SOCKET_MAX = 105,  /* commands_utils.c: snprintf() into sizeof(sun_path) - 2 bytes */
};

/* FNV-1a, 64 bits, as liblxc's fnv_64a_buf() with FNV1A_64_INIT. */
static uint64_t hash(struct slice s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)s.ptr[i]) * UINT64_C(0x100000001b3);
	return h;
}

struct slice lxc_profile_name(struct slice name, struct slice lxcpath, struct arena *arena)
{
	AUTOBUF full = { 0 };

	buf_adds(&full, "lxc-");
	buf_addslice(&full, name);
	buf_adds(&full, "_<");
	buf_addslice(&full, lxcpath);
	buf_addc(&full, '>');
	if (full.len > PROFILE_MAX)
		return slice_of(arena_printf(arena, "%016" PRIx64, hash(buf_slice(&full))));
	return arena_slice(arena, buf_slice(&full));
}

struct slice lxc_profile_file(struct slice name, struct slice lxcpath, struct arena *arena)
{
	struct slice profile = lxc_profile_name(name, lxcpath, arena);
	char *file = arena_str(arena, profile);

	for (size_t i = 0; i < profile.len; i++)
		if (file[i] == '/')
			file[i] = '-';
	return (struct slice){ file, profile.len };
}

struct slice lxc_label(struct slice name, struct slice lxcpath, bool stacking, struct arena *arena)
{
	struct slice profile = lxc_profile_name(name, lxcpath, arena);
	AUTOBUF label = { 0 };

	if (!stacking)
		return profile;
	buf_addslice(&label, profile);
	buf_adds(&label, "//&:");
	buf_addslice(&label, lxc_profile_file(name, lxcpath, arena));
	buf_addc(&label, ':');
	return arena_slice(arena, buf_slice(&label));
}

struct slice lxc_socket(struct slice name, struct slice lxcpath, struct arena *arena)
{
	static const char command[] = "/command";
	AUTOBUF path = { 0 };

	buf_addslice(&path, lxcpath);
	buf_addc(&path, '/');
	buf_addslice(&path, name);
	if (path.len + sizeof command - 1 > SOCKET_MAX)
		return slice_of(arena_printf(arena, "lxc/%016" PRIx64 "%s", hash(buf_slice(&path)), command));
	buf_adds(&path, command);
	return arena_slice(arena, buf_slice(&path));
}

static struct slice skip_blanks(struct slice s)
{
	while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
		s = slice_from(s, 1);
	return s;
}

/* The value of a line that sets lxc.lxcpath; false for any other. The value runs to the end of the line, blanks and
 * all. */
static bool path_line(struct slice line, struct slice *value)
{
	static const char key[] = "lxc.lxcpath";

	line = skip_blanks(line);
	if (!slice_starts(line, key))
		return false;
	line = skip_blanks(slice_from(line, sizeof key - 1));
	if (line.len == 0 || line.ptr[0] != '=')
		return false;
	*value = skip_blanks(slice_from(line, 1));
	return value->len > 0;
}

struct slice lxc_path_of(struct slice lxc_conf, struct arena *arena)
{
	struct slice rest = slice_sub(lxc_conf, 0, slice_find(lxc_conf, '\0')), value = { 0 };

	while (rest.len > 0) {
		size_t end = slice_find(rest, '\n');

		if (path_line(slice_sub(rest, 0, end), &value))
			break;
		rest = slice_from(rest, end + 1);
	}
	while (value.len > 1 && value.ptr[value.len - 1] == '/')
		value.len--;
	return value.len > 0 ? arena_slice(arena, value) : SLICE("/var/lib/lxc");
}
