/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The manifest of a backup as JSON. A text is a JSON string where it is UTF-8, else {"hex": "…"}, so any bytes survive.
 */
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include <nestfix/dropin.h>

#include "backup-internal.h"

enum { MANIFEST_VERSION = 1, LIMIT_MANIFEST = 256 << 20 };

static const char *const states[] = {
	[BACKUP_PREPARED] = "prepared",
	[BACKUP_IN_FORCE] = "in force",
	[BACKUP_UNDONE] = "undone",
};

static const char *const kinds[] = {
	[BACKUP_CONFIG] = "configuration",
	[BACKUP_POLICY] = "policy",
	[BACKUP_DROPIN] = "drop-in",
};

static void drop(json_t **j)
{
	json_decref(*j);
}
#define AUTOJSON __attribute__((cleanup(drop))) json_t

/* jansson fails here only without memory: see buf.h. */
static json_t *must(json_t *j)
{
	if (!j)
		abort();
	return j;
}

static void put(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, must(value)) != 0)
		abort();
}

static void push(json_t *array, json_t *value)
{
	if (json_array_append_new(array, must(value)) != 0)
		abort();
}

static json_t *put_text(struct slice s)
{
	json_t *text = json_stringn(s.ptr ? s.ptr : "", s.len); /* NULL where it is not UTF-8 */
	AUTOBUF hex = { 0 };

	if (text)
		return text;
	for (size_t i = 0; i < s.len; i++)
		buf_addf(&hex, "%02x", (unsigned)(unsigned char)s.ptr[i]);
	text = must(json_object());
	put(text, "hex", json_string(buf_str(&hex)));
	return text;
}

static json_t *put_names(const struct backup_names *names)
{
	json_t *array = must(json_array());

	for (size_t i = 0; i < names->len; i++)
		push(array, put_text(names->ptr[i]));
	return array;
}

static json_t *put_file(const struct backup_file *file)
{
	json_t *object = must(json_object()), *edits = must(json_array());

	put(object, "path", put_text(slice_of(file->path)));
	put(object, "kind", json_string(kinds[file->kind]));
	put(object, "existed", json_boolean(file->existed));
	if (file->removed)
		put(object, "removed", json_true());
	for (size_t i = 0; i < file->edit_count; i++) {
		const struct backup_edit *e = &file->edits[i];
		json_t *edit = must(json_object());

		put(edit, "at", json_integer((json_int_t)e->at));
		put(edit, "length", json_integer((json_int_t)e->old.len));
		put(edit, "old", put_text(e->old));
		put(edit, "new", put_text(e->new_));
		push(edits, edit);
	}
	put(object, "edits", edits);
	return object;
}

static int write_json(const struct root *root, const char *id, json_t *json, struct err *err)
{
	struct atomic_attr attr = { .mode = 0600, .uid = geteuid(), .gid = getegid() };
	AUTOARENA arena = { 0 };
	char *text = json_dumps(json, JSON_INDENT(1));
	int r;

	if (!text)
		return err_put(err, ERR_FAILED, "cannot write the manifest of the backup '%s'", id);
	r = atomic_replace(root, backup_part(id, "json", &arena), ATOMIC_ANY, slice_of(text), &attr, err);
	free(text);
	return r;
}

int backup_write_manifest(const struct root *root, const struct backup *backup, struct err *err)
{
	AUTOJSON *json = must(json_object());
	json_t *files = must(json_array());

	put(json, "version", json_integer(MANIFEST_VERSION));
	put(json, "id", json_string(backup->id));
	put(json, "time", json_string(backup->time));
	put(json, "tool", json_string(backup->tool));
	put(json, "state", json_string(states[backup->state]));
	put(json, "conflicts", put_names(&backup->conflicts));
	put(json, "scopes", put_names(&backup->scopes));
	if (backup->everywhere)
		put(json, "everywhere", json_true());
	for (size_t i = 0; i < backup->file_count; i++)
		push(files, put_file(&backup->files[i]));
	put(json, "files", files);
	put(json, "profiles", put_names(&backup->profiles));
	put(json, "reload", put_names(&backup->reload));
	if (backup->live.len > 0)
		put(json, "live", put_names(&backup->live));
	if (backup->holds.len > 0)
		put(json, "holds", put_names(&backup->holds));
	return write_json(root, backup->id, json, err);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool get_hex(const json_t *json, struct arena *arena, struct slice *out)
{
	const char *hex = json_string_value(json_object_get(json, "hex"));
	size_t len = hex ? strlen(hex) : 1;
	char *ptr;

	if (len % 2 != 0)
		return false;
	ptr = arena_alloc(arena, len / 2 + 1);
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_digit(hex[i]), low = hex_digit(hex[i + 1]);

		if (high < 0 || low < 0)
			return false;
		ptr[i / 2] = (char)(high << 4 | low);
	}
	*out = (struct slice){ ptr, len / 2 };
	return true;
}

static bool get_text(const json_t *json, struct arena *arena, struct slice *out)
{
	if (!json_is_string(json))
		return get_hex(json, arena, out);
	*out = arena_slice(arena, (struct slice){ json_string_value(json), json_string_length(json) });
	return true;
}

/* A text without a NUL, as a C string; NULL where it is none. */
static const char *get_string(const json_t *json, struct arena *arena)
{
	struct slice s;

	if (!get_text(json, arena, &s) || memchr(s.ptr, '\0', s.len))
		return NULL;
	return s.ptr;
}

static bool get_size(const json_t *json, size_t *out)
{
	if (!json_is_integer(json) || json_integer_value(json) < 0)
		return false;
	*out = (size_t)json_integer_value(json);
	return true;
}

static bool get_names(const json_t *json, struct arena *arena, struct backup_names *out)
{
	out->len = json_array_size(json);
	out->ptr = arena_array(arena, out->len, sizeof *out->ptr);
	for (size_t i = 0; i < out->len; i++)
		if (!get_text(json_array_get(json, i), arena, &out->ptr[i]))
			return false;
	return json_is_array(json);
}

static bool get_edit(const json_t *json, struct arena *arena, struct backup_edit *out)
{
	size_t length;

	return get_size(json_object_get(json, "at"), &out->at) && get_size(json_object_get(json, "length"), &length) &&
	       get_text(json_object_get(json, "old"), arena, &out->old) &&
	       get_text(json_object_get(json, "new"), arena, &out->new_) && out->old.len == length;
}

/* A release that wrote no kinds made three sorts of changes that can be told apart. */
static bool get_kind(const json_t *json, bool scopes, struct backup_file *file)
{
	const char *kind = json_string_value(json);

	if (!json) {
		file->kind = strcmp(file->path, DROPIN_PATH) == 0 ? BACKUP_DROPIN
			     : scopes                             ? BACKUP_POLICY
								  : BACKUP_CONFIG;
		return true;
	}
	for (int i = BACKUP_CONFIG; kind && i <= BACKUP_DROPIN; i++)
		if (strcmp(kind, kinds[i]) == 0) {
			file->kind = (enum backup_kind)i;
			return true;
		}
	return false;
}

static bool get_file(const json_t *json, bool scopes, struct arena *arena, struct backup_file *out)
{
	const json_t *existed = json_object_get(json, "existed"), *edits = json_object_get(json, "edits");

	*out = (struct backup_file){ .path = get_string(json_object_get(json, "path"), arena),
				     .existed = json_is_true(existed),
				     .removed = json_is_true(json_object_get(json, "removed")),
				     .edit_count = json_array_size(edits) };
	if (!out->path || !backup_path_ok(slice_of(out->path)) || !json_is_boolean(existed) || !json_is_array(edits) ||
	    (out->removed && !out->existed) || !get_kind(json_object_get(json, "kind"), scopes, out))
		return false;
	out->edits = arena_array(arena, out->edit_count, sizeof *out->edits);
	for (size_t i = 0; i < out->edit_count; i++)
		if (!get_edit(json_array_get(edits, i), arena, &out->edits[i]))
			return false;
	return true;
}

static bool get_state(const json_t *json, enum backup_state *out)
{
	const char *state = json_string_value(json);

	for (int i = BACKUP_PREPARED; state && i <= BACKUP_UNDONE; i++)
		if (strcmp(state, states[i]) == 0) {
			*out = (enum backup_state)i;
			return true;
		}
	return false;
}

static bool get_backup(const json_t *json, const char *id, struct arena *arena, struct backup *out)
{
	const char *named = json_string_value(json_object_get(json, "id"));
	const json_t *files = json_object_get(json, "files"), *undone = json_object_get(json, "undone");
	const json_t *live = json_object_get(json, "live"), *holds = json_object_get(json, "holds");
	const json_t *scopes = json_object_get(json, "scopes");

	*out = (struct backup){ .id = arena_str(arena, slice_of(id)), .file_count = json_array_size(files) };
	out->time = get_string(json_object_get(json, "time"), arena);
	out->tool = get_string(json_object_get(json, "tool"), arena);
	out->undone = undone ? get_string(undone, arena) : NULL;
	out->everywhere = json_is_true(json_object_get(json, "everywhere"));
	out->files = arena_array(arena, out->file_count, sizeof *out->files);
	if (!named || strcmp(named, id) != 0 || !out->time || !out->tool || (undone && !out->undone) ||
	    !json_is_array(files) || !get_state(json_object_get(json, "state"), &out->state))
		return false;
	for (size_t i = 0; i < out->file_count; i++)
		if (!get_file(json_array_get(files, i), json_array_size(scopes) > 0, arena, &out->files[i]))
			return false;
	return get_names(json_object_get(json, "conflicts"), arena, &out->conflicts) &&
	       get_names(scopes, arena, &out->scopes) &&
	       get_names(json_object_get(json, "profiles"), arena, &out->profiles) &&
	       get_names(json_object_get(json, "reload"), arena, &out->reload) &&
	       (!live || get_names(live, arena, &out->live)) && (!holds || get_names(holds, arena, &out->holds));
}

/* The JSON of a manifest of our version, or NULL. */
static json_t *load(const struct root *root, const char *id, struct arena *arena, struct err *err)
{
	struct file file;
	json_error_t where;
	size_t version;
	json_t *json;

	if (fsio_read(root, backup_part(id, "json", arena), LIMIT_MANIFEST, arena, &file, err) != 0)
		return NULL;
	json = json_loadb(file.bytes.ptr, file.bytes.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &where);
	if (!json || !get_size(json_object_get(json, "version"), &version) || version == 0) {
		json_decref(json);
		backup_refuse(id, "its manifest is not one of aa-nestfix", err);
		return NULL;
	}
	if (version > MANIFEST_VERSION) {
		json_decref(json);
		err_put(err, ERR_REFUSED, "cannot use the backup '%s': a newer aa-nestfix made it", id);
		err_hint(err, "use that one again");
		return NULL;
	}
	return json;
}

int backup_read_manifest(const struct root *root, const char *id, struct arena *arena, struct backup *out,
			 struct err *err)
{
	AUTOJSON *json = load(root, id, arena, err);

	if (!json)
		return -1;
	return get_backup(json, id, arena, out) ? 0 : backup_refuse(id, "its manifest is not sound", err);
}

int backup_mark_manifest(const struct root *root, const char *id, enum backup_state state, const char *now,
			 struct err *err)
{
	AUTOARENA arena = { 0 };
	AUTOJSON *json = load(root, id, &arena, err);
	struct backup known;

	if (!json)
		return -1;
	if (state == BACKUP_DAMAGED || !get_backup(json, id, &arena, &known))
		return backup_refuse(id, "its manifest is not sound", err);
	if (known.state == state)
		return 0;
	put(json, "state", json_string(states[state]));
	json_object_del(json, "undone");
	if (state == BACKUP_UNDONE)
		put(json, "undone", json_string(now));
	return write_json(root, id, json, err);
}
