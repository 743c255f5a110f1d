/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <nestfix/loaded.h>

/* securityfs: POLICY/NAME.N for each loaded profile, with its `name` and, as it was loaded, its `raw_data`
 * (security/apparmor/apparmorfs.c __aafs_profile_mkdir). */
static const char loaded_dir[] = "/sys/kernel/security/apparmor/policy/profiles";

typedef VEC(struct automaton_profile) profile_vec;
typedef VEC(struct slice) slice_vec;

static const char loaded_list_file[] = "/sys/kernel/security/apparmor/profiles";

/* One piece that was loaded: many profiles may have come in it. */
struct loaded_blob {
	struct loaded_blob *next;
	struct slice bytes;
	struct automaton automaton;
};

/*
 * On a live host `policy` is a link that only the kernel can follow, into a file system of its own (apparmorfs.c
 * policy_get_link); fsio follows none of that kind, so it is opened by its plain name.
 */
static int read_kernel(const struct loaded *l, const char *path, size_t limit, struct file *out)
{
	AUTOCLOSE fd = -1;

	if (!l->root->live)
		return fsio_read(l->root, path, limit, l->arena, out, NULL);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -1 : fsio_read_fd(fd, l->root, path, limit, l->arena, out, NULL);
}

void loaded_list(struct loaded *out, const struct root *root, struct arena *arena)
{
	VEC(struct slice) names = { 0 };
	struct dirent *entry;
	DIR *dir;

	*out = (struct loaded){ .root = root, .arena = arena };
	if (!root->live) {
		fsio_list(root, loaded_dir, arena, &out->names, &out->count, NULL);
		return;
	}
	dir = opendir(loaded_dir);
	out->unlisted = !dir && access(loaded_list_file, R_OK) == 0;
	while (dir && (entry = readdir(dir)))
		VEC_PUSH(arena, &names, arena_slice(arena, slice_of(entry->d_name)));
	if (dir)
		closedir(dir);
	out->names = names.ptr;
	out->count = names.len;
}

/* What the kernel makes of a profile's name for its folder: apparmorfs.c mangle_name(). */
static struct slice mangled(struct slice name, struct arena *arena)
{
	char *out = arena_alloc(arena, name.len + 1);
	size_t len = 0;

	while (name.len > 0 && (name.ptr[0] == '/' || name.ptr[0] == '.'))
		name = slice_from(name, 1);
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];

		if (c == '/')
			out[len++] = '.';
		else if (isspace(c))
			out[len++] = '_';
		else if (isalnum(c) || strchr("._-", c))
			out[len++] = (char)c;
	}
	return (struct slice){ out, len };
}

static bool is_numbered(struct slice entry, struct slice name)
{
	struct slice number = slice_from(entry, name.len + 1);

	if (entry.len < name.len + 2 || !slice_eq(slice_sub(entry, 0, name.len), name) || entry.ptr[name.len] != '.')
		return false;
	for (size_t i = 0; i < number.len; i++)
		if (!isdigit((unsigned char)number.ptr[i]))
			return false;
	return true;
}

/* The folder of a profile, or NULL: the kernel does not have it. */
static const char *find_dir(const struct loaded *l, struct slice profile)
{
	struct slice name = mangled(profile, l->arena);

	for (size_t i = 0; i < l->count; i++) {
		const char *dir;
		struct file file;

		if (!is_numbered(l->names[i], name))
			continue;
		dir = arena_printf(l->arena, "%s/%.*s", loaded_dir, SLICE_FMT(l->names[i]));
		if (read_kernel(l, arena_printf(l->arena, "%s/name", dir), 4096, &file) == 0 &&
		    slice_eq(slice_trim(file.bytes), profile))
			return dir;
	}
	return NULL;
}

static int read_raw(const struct loaded *l, const char *dir, struct slice *out)
{
	struct file file;

	if (read_kernel(l, arena_printf(l->arena, "%s/raw_data", dir), FSIO_LIMIT_POLICY, &file) < 0)
		return -1;
	*out = file.bytes;
	return 0;
}

/* The piece that a profile came in, or NULL: it cannot be read. */
static struct loaded_blob *take_blob(struct loaded *l, const char *dir, struct slice profile)
{
	struct loaded_blob *blob;
	struct slice bytes;

	if (read_raw(l, dir, &bytes) < 0)
		return NULL;
	for (blob = l->blobs; blob; blob = blob->next)
		if (slice_eq(blob->bytes, bytes))
			return blob;
	blob = ARENA_NEW(l->arena, struct loaded_blob);
	blob->bytes = bytes;
	if (automaton_read(&blob->automaton, bytes, l->arena, NULL) < 0 || !automaton_find(&blob->automaton, profile))
		return NULL;
	blob->next = l->blobs;
	l->blobs = blob;
	return blob;
}

/* "parent" → "parent" and "parent//hat". */
static bool belongs(struct slice name, struct slice profile)
{
	return slice_eq(slice_sub(name, 0, profile.len), profile) &&
	       (name.len == profile.len || slice_starts(slice_from(name, profile.len), "//"));
}

static void add_profiles(struct loaded *l, const struct loaded_blob *blob, struct slice profile, profile_vec *out)
{
	for (size_t i = 0; i < blob->automaton.count; i++)
		if (belongs(blob->automaton.profiles[i].name, profile))
			VEC_PUSH(l->arena, out, blob->automaton.profiles[i]);
}

static bool has_piece(const slice_vec *pieces, struct slice bytes)
{
	for (size_t i = 0; i < pieces->len; i++)
		if (pieces->ptr[i].ptr == bytes.ptr)
			return true;
	return false;
}

/* Would loading the piece bring back a profile that is none of these? Another one may have taken its place since. */
static bool holds_others(const struct loaded_blob *blob, const profile_vec *profiles)
{
	for (size_t i = 0; i < blob->automaton.count; i++) {
		bool known = false;

		for (size_t k = 0; k < profiles->len && !known; k++)
			known = profiles->ptr[k].image.ptr == blob->automaton.profiles[i].image.ptr;
		if (!known)
			return true;
	}
	return false;
}

void loaded_read(struct loaded_policy *out, struct loaded *l, const struct slice *names, size_t count)
{
	profile_vec profiles = { 0 };
	slice_vec pieces = { 0 };

	*out = (struct loaded_policy){ .state = l->unlisted ? LOADED_HIDDEN : LOADED_ABSENT };
	for (size_t i = 0; i < count; i++) {
		const char *dir = find_dir(l, names[i]);
		struct loaded_blob *blob = dir ? take_blob(l, dir, names[i]) : NULL;

		if (!dir)
			continue;
		if (!blob) {
			out->state = LOADED_HIDDEN;
			return;
		}
		out->state = LOADED_READ;
		add_profiles(l, blob, names[i], &profiles);
		if (!has_piece(&pieces, blob->bytes))
			VEC_PUSH(l->arena, &pieces, blob->bytes);
	}
	out->automaton = (struct automaton){ profiles.ptr, profiles.len };
	out->pieces = pieces.ptr;
	out->piece_count = pieces.len;
	out->whole = true;
	for (const struct loaded_blob *b = l->blobs; b; b = b->next)
		if (has_piece(&pieces, b->bytes) && holds_others(b, &profiles))
			out->whole = false;
}

static bool is_inside(struct slice part, struct slice whole)
{
	return part.ptr >= whole.ptr && part.ptr < whole.ptr + whole.len;
}

bool loaded_is_same(const struct loaded_policy *policy, const struct root *root)
{
	AUTOARENA arena = { 0 };
	struct loaded now;

	loaded_list(&now, root, &arena);
	for (size_t i = 0; i < policy->automaton.count; i++) {
		const struct automaton_profile *p = &policy->automaton.profiles[i];
		const char *dir = find_dir(&now, p->name);
		struct slice bytes;

		if (p->name.len > 0 && memmem(p->name.ptr, p->name.len, "//", 2))
			continue; /* it came with its parent */
		if (!dir || read_raw(&now, dir, &bytes) < 0)
			return false;
		for (size_t k = 0; k < policy->piece_count; k++)
			if (is_inside(p->image, policy->pieces[k]) && !slice_eq(bytes, policy->pieces[k]))
				return false;
	}
	return true;
}
