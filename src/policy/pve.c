/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <strings.h>

#include <nestfix/pve.h>

static bool is_raw(const struct keyval_entry *e)
{
	return slice_starts(e->key, "lxc.");
}

/* PVE::JSONSchema parse_boolean(); a value that is none of these stays a string, which Perl takes as true. */
bool pve_is_true(struct slice value)
{
	static const char *const no[] = { "0", "off", "no", "false", "" };

	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		if (value.len == strlen(no[i]) && strncasecmp(value.ptr ? value.ptr : "", no[i], value.len) == 0)
			return false;
	return true;
}

bool pve_option(struct slice list, const char *key, struct slice *value)
{
	while (list.len > 0) {
		size_t end = slice_find(list, ',');
		struct slice item = slice_trim(slice_sub(list, 0, end));
		size_t equal = slice_find(item, '=');

		list = slice_from(list, end + 1);
		if (equal == item.len || !slice_is(slice_sub(item, 0, equal), key))
			continue;
		*value = slice_from(item, equal + 1);
		return true;
	}
	return false;
}

static struct slice value_of(const struct keyval *kv, const char *key)
{
	const struct keyval_entry *e = keyval_last(kv, 0, key);

	return e ? e->value : (struct slice){ 0 };
}

static void read_values(struct pve_guest *out)
{
	struct slice option;

	out->hostname = value_of(&out->kv, "hostname");
	out->ostype = value_of(&out->kv, "ostype");
	out->hookscript = value_of(&out->kv, "hookscript");
	out->lock = value_of(&out->kv, "lock");
	out->features = value_of(&out->kv, "features");
	out->unprivileged = pve_is_true(value_of(&out->kv, "unprivileged"));
	out->nesting = pve_option(out->features, "nesting", &option) && pve_is_true(option);
	out->profile = value_of(&out->kv, "lxc.apparmor.profile");
	out->has_profile = keyval_last(&out->kv, 0, "lxc.apparmor.profile") != NULL;
}

void pve_parse(struct pve_guest *out, struct slice text, struct arena *arena)
{
	VEC(size_t) raw = { 0 };

	*out = (struct pve_guest){ 0 };
	keyval_parse(&out->kv, text, KEYVAL_PVE, arena);
	for (size_t i = 0; i < out->kv.count; i++) {
		const struct keyval_entry *e = &out->kv.entries[i];

		if (e->kind == KEYVAL_SECTION && slice_is(e->section_name, "pve:pending"))
			out->has_pending = true;
		else if (e->kind == KEYVAL_SECTION)
			out->has_snapshots = true;
		else if (e->kind == KEYVAL_PAIR && e->section == 0 && is_raw(e))
			VEC_PUSH(arena, &raw, i);
	}
	out->raw = raw.ptr;
	out->raw_count = raw.len;
	read_values(out);
}

/*
 * Where a new key belongs: Proxmox writes keys in byte order and raw lines behind them. In a file of another order it
 * is put before the first greater key; without one, behind the last key.
 */
static size_t place_of(const struct keyval *kv, const char *key)
{
	size_t after = 0, end = keyval_raw_place(kv);
	bool any = false;

	for (size_t i = 0; i < end; i++) {
		const struct keyval_entry *e = &kv->entries[i];

		if (e->kind != KEYVAL_PAIR)
			continue;
		if (is_raw(e))
			return any ? after : i;
		if (slice_cmp(e->key, slice_of(key)) > 0)
			return i;
		any = true;
		after = i + 1;
	}
	return any ? after : end;
}

void pve_set(const struct pve_guest *guest, const char *key, struct slice value, struct buf *out)
{
	const struct keyval_entry *old = keyval_last(&guest->kv, 0, key);
	AUTOBUF line = { 0 };

	buf_adds(&line, key);
	buf_adds(&line, ": ");
	buf_addslice(&line, value);
	if (!old)
		keyval_insert(&guest->kv, place_of(&guest->kv, key), buf_slice(&line), out);
	else
		keyval_replace(&guest->kv, (size_t)(old - guest->kv.entries), buf_slice(&line), out);
}

void pve_unset(const struct pve_guest *guest, const char *key, struct buf *out)
{
	const struct keyval *kv = &guest->kv;

	for (size_t i = 0; i < kv->count; i++) {
		const struct keyval_entry *e = &kv->entries[i];

		if (e->kind != KEYVAL_PAIR || e->section != 0 || !slice_is(e->key, key))
			buf_addslice(out, slice_sub(kv->text, e->span.at, e->span.len));
	}
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* PVE::JSONSchema pve-storage-id: [A-Za-z][\w.-]*[A-Za-z0-9] */
static bool is_storage(struct slice s)
{
	if (s.len < 2 || !is_letter(s.ptr[0]) || (!is_letter(s.ptr[s.len - 1]) && !is_digit(s.ptr[s.len - 1])))
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (!is_letter(s.ptr[i]) && !is_digit(s.ptr[i]) && !strchr("_.-", s.ptr[i]))
			return false;
	return memchr(s.ptr, '\0', s.len) == NULL;
}

bool pve_volume(struct slice hookscript, struct slice *storage, struct slice *name)
{
	static const char kind[] = ":snippets/";
	size_t colon = slice_find(hookscript, ':');
	struct slice rest = slice_from(hookscript, colon);

	if (!is_storage(slice_sub(hookscript, 0, colon)) || !slice_starts(rest, kind))
		return false;
	rest = slice_from(rest, sizeof kind - 1);
	if (rest.len == 0 || slice_find(rest, '/') < rest.len || slice_is(rest, ".") || slice_is(rest, ".."))
		return false;
	*storage = slice_sub(hookscript, 0, colon);
	*name = rest;
	return true;
}

/* One storage of storage.cfg (PVE::SectionConfig): "TYPE: ID", then indented "KEY VALUE" lines up to a blank one. */
struct storage {
	struct slice type, id, path, content_dirs;
};

static struct slice next_word(struct slice *rest)
{
	size_t end = 0;

	*rest = slice_trim(*rest);
	while (end < rest->len && rest->ptr[end] != ' ' && rest->ptr[end] != '\t')
		end++;
	struct slice word = slice_sub(*rest, 0, end);
	*rest = slice_trim(slice_from(*rest, end));
	return word;
}

static bool storage_header(struct slice line, struct storage *out)
{
	size_t colon = slice_find(line, ':');

	if (line.len == 0 || line.ptr[0] == ' ' || line.ptr[0] == '\t' || line.ptr[0] == '#' || colon == line.len)
		return false;
	*out = (struct storage){
		slice_trim(slice_sub(line, 0, colon)), slice_trim(slice_from(line, colon + 1)), { 0 }, { 0 }
	};
	return true;
}

static bool find_storage(struct slice cfg, struct slice id, struct storage *out)
{
	struct storage now = { 0 };
	bool found = false;

	while (cfg.len > 0) {
		size_t end = slice_find(cfg, '\n');
		struct slice line = slice_sub(cfg, 0, end), rest = line, key;

		cfg = slice_from(cfg, end + 1);
		if (slice_trim(line).len == 0) {
			now = (struct storage){ 0 };
			continue;
		}
		if (!storage_header(line, &now)) {
			key = next_word(&rest);
			if (slice_is(key, "path"))
				now.path = rest;
			else if (slice_is(key, "content-dirs"))
				now.content_dirs = rest;
		}
		if (now.id.len > 0 && slice_eq(now.id, id)) {
			*out = now;
			found = true;
		}
	}
	return found;
}

static bool is_any(struct slice s, const char *const *words)
{
	for (; *words; words++)
		if (slice_is(s, *words))
			return true;
	return false;
}

/* The directory that a storage is, or an empty slice. `local` exists even where the file does not name it. */
static struct slice storage_path(const struct storage *s, struct slice id, struct arena *arena)
{
	static const char *const local[] = { "dir", "btrfs", NULL };
	static const char *const network[] = { "nfs", "cifs", "cephfs", NULL };

	if (slice_is(id, "local") && (!slice_is(s->type, "dir") || !slice_starts(s->path, "/")))
		return SLICE("/var/lib/vz");
	if (slice_starts(s->path, "/") && (is_any(s->type, local) || is_any(s->type, network)))
		return s->path;
	if (is_any(s->type, network))
		return slice_of(arena_printf(arena, "/mnt/pve/%.*s", SLICE_FMT(id)));
	return (struct slice){ 0 };
}

static bool climbs(struct slice path)
{
	while (path.len > 0) {
		size_t end = slice_find(path, '/');

		if (slice_is(slice_sub(path, 0, end), ".."))
			return true;
		path = slice_from(path, end + 1);
	}
	return false;
}

struct slice pve_snippets(struct slice storage_cfg, struct slice storage, struct arena *arena)
{
	struct storage s = { 0 };
	struct slice sub = SLICE("snippets"), path;

	if (!find_storage(storage_cfg, storage, &s) && !slice_is(storage, "local"))
		return (struct slice){ 0 };
	path = storage_path(&s, storage, arena);
	pve_option(s.content_dirs, "snippets", &sub);
	while (slice_starts(sub, "/"))
		sub = slice_from(sub, 1);
	while (path.len > 1 && path.ptr[path.len - 1] == '/')
		path.len--;
	if (path.len == 0 || climbs(sub))
		return (struct slice){ 0 };
	return slice_of(arena_printf(arena, "%.*s/%.*s", SLICE_FMT(path), SLICE_FMT(sub)));
}

bool pve_is_vmid(struct slice name)
{
	if (name.len < 3 || name.len > 9 || name.ptr[0] == '0')
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!is_digit(name.ptr[i]))
			return false;
	return true;
}
