/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/config.h>

struct config_proof {
	struct patch_file *files;
	size_t count;
};

enum keyval_dialect config_dialect(const char *path)
{
	return slice_starts(slice_of(path), CONFIG_PVE_DIR "/") ? KEYVAL_PVE : KEYVAL_LXC;
}

struct slice config_vmid(const char *path)
{
	struct slice name = slice_of(path);

	if (!slice_starts(name, CONFIG_PVE_DIR "/") || !slice_ends(name, ".conf"))
		return (struct slice){ 0 };
	name = slice_from(name, sizeof CONFIG_PVE_DIR);
	name.len -= sizeof ".conf" - 1;
	return pve_is_vmid(name) ? name : (struct slice){ 0 };
}

/* keyval makes the text; what it left of the old one tells the bytes of the edit. */
static struct edit edit_one(const struct keyval *kv, const struct config_edit *what, struct arena *arena)
{
	bool at_end = what->index >= kv->count;
	struct span span = { kv->text.len, 0 };
	struct edit edit = { 0 };
	AUTOBUF out = { 0 };

	if (!at_end)
		span = kv->entries[what->index].span;
	if (what->verb == CONFIG_INSERT) {
		keyval_insert(kv, what->index, what->line, &out);
		if (at_end && kv->dialect == KEYVAL_LXC)
			span.at = slice_find(kv->text, '\0');
		span.len = 0;
	} else if (what->verb == CONFIG_REPLACE) {
		keyval_replace(kv, what->index, what->line, &out);
	} else {
		keyval_without(kv, what->index, &out);
	}
	edit.at = span.at;
	edit.len = span.len;
	edit.with = arena_slice(arena, slice_sub(buf_slice(&out), span.at, out.len - (kv->text.len - span.len)));
	return edit;
}

static struct slice apply(struct slice old, const struct edit *edits, size_t count, struct arena *arena)
{
	AUTOBUF out = { 0 };
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		buf_addslice(&out, slice_sub(old, at, edits[i].at - at));
		buf_addslice(&out, edits[i].with);
		at = edits[i].at + edits[i].len;
	}
	buf_addslice(&out, slice_from(old, at));
	return arena_slice(arena, buf_slice(&out));
}

void config_edit(struct patch_file *out, const char *path, struct slice text, const struct config_edit *edits,
		 size_t count, struct arena *arena)
{
	struct keyval kv;

	keyval_parse(&kv, text, config_dialect(path), arena);
	*out = (struct patch_file){
		.kind = PATCH_CONFIG,
		.path = path,
		.existed = true,
		.edits = arena_array(arena, count, sizeof *out->edits),
		.edit_count = count,
		.old = text,
	};
	for (size_t i = 0; i < count; i++)
		out->edits[i] = edit_one(&kv, &edits[i], arena);
	out->new_ = apply(text, out->edits, count, arena);
}

struct slice config_present(const char *path, struct slice text, struct arena *arena)
{
	struct keyval kv;

	keyval_parse(&kv, text, config_dialect(path), arena);
	for (size_t i = 0; i < kv.count; i++)
		if (kv.entries[i].kind == KEYVAL_SECTION)
			return slice_sub(text, 0, kv.entries[i].span.at);
	return text;
}

static bool stands_once(struct slice text, struct slice what)
{
	const char *first, *next;

	if (what.len == 0)
		return false;
	first = memmem(text.ptr, text.len, what.ptr, what.len);
	if (!first)
		return false;
	next = first + 1;
	return memmem(next, text.len - (size_t)(next - text.ptr), what.ptr, what.len) == NULL;
}

/* An edit in both texts. */
struct place {
	size_t old_at, old_end, new_at, new_end;
};

static bool is_found(const struct patch_file *file, const struct place *p)
{
	return stands_once(file->new_, slice_sub(file->new_, p->new_at, p->new_end - p->new_at));
}

/* One more line in front, one more behind, and so on, between the neighbouring edits. */
static void widen(const struct patch_file *file, struct place *p, size_t low, size_t high)
{
	for (int i = 0; !is_found(file, p); i++) {
		size_t start = p->old_at > low ? slice_line(file->old, p->old_at - 1) : p->old_at;
		size_t end = slice_line_end(file->old, p->old_end);

		start = start < low ? low : start;
		end = end > high ? high : end;
		if (start == p->old_at && end == p->old_end)
			return;
		if (i % 2 == 0 || end == p->old_end) {
			p->new_at -= p->old_at - start;
			p->old_at = start;
		} else {
			p->new_end += end - p->old_end;
			p->old_end = end;
		}
	}
}

static size_t end_of(const struct place *places, size_t count)
{
	return count > 0 ? places[count - 1].old_end : 0;
}

void config_anchor(struct patch_file *out, const struct patch_file *file, struct arena *arena)
{
	struct place *places = arena_array(arena, file->edit_count, sizeof *places);
	struct patch_file present = *file;
	size_t shift = 0; /* bytes that the edits before made more; wraps, as unsigned sums may */
	size_t count = 0;

	present.old = config_present(file->path, file->old, arena);
	present.new_ = config_present(file->path, file->new_, arena);
	for (size_t i = 0; i < file->edit_count; i++) {
		const struct edit *e = &file->edits[i];
		size_t high = i + 1 < file->edit_count ? file->edits[i + 1].at : present.old.len;
		struct place p = { e->at, e->at + e->len, e->at + shift, e->at + shift + e->with.len };

		shift += e->with.len - e->len;
		widen(&present, &p, end_of(places, count), high);
		while (count > 0 &&
		       !is_found(&present, &p)) { /* too few lines are left between it and the one before */
			count--;
			p.old_at = places[count].old_at;
			p.new_at = places[count].new_at;
			widen(&present, &p, end_of(places, count), high);
		}
		places[count++] = p;
	}
	*out = *file;
	out->edit_count = count;
	out->edits = arena_array(arena, count, sizeof *out->edits);
	for (size_t i = 0; i < count; i++)
		out->edits[i] = (struct edit){
			.at = places[i].old_at,
			.len = places[i].old_end - places[i].old_at,
			.with = slice_sub(file->new_, places[i].new_at, places[i].new_end - places[i].new_at),
		};
}

static bool is_profile_key(struct slice key)
{
	return slice_is(key, "lxc.apparmor.profile") || slice_is(key, "lxc.aa_profile");
}

/* Is this a line that may go, with nothing or with another one in its place? */
static bool may_go(const struct keyval *kv, const struct keyval_entry *e, bool replaced)
{
	struct slice value = keyval_lxc_meaning(kv, e);

	if (e->kind != KEYVAL_PAIR || e->section != 0)
		return false;
	if (is_profile_key(e->key))
		return replaced || slice_is(value, "unconfined");
	if (slice_is(e->key, "lxc.mount.entry"))
		return !replaced && lxc_hides_apparmor(value);
	return slice_is(e->key, "hookscript") && replaced;
}

/* Does the drop-in have this line, in one form or the other? */
static bool is_dropins(const struct conflict *conflict, struct slice key, struct slice value)
{
	if (slice_is(key, "lxc.apparmor.raw"))
		return dropin_is_rule(value, conflict);
	for (size_t i = 0; slice_is(key, "lxc.hook.start-host") && i < conflict->scope_count; i++)
		if (dropin_hook_gives(value, &conflict->scopes[i]))
			return true;
	return false;
}

/* Nothing ever comes that switches AppArmor off. */
static bool may_come(const struct keyval *kv, const struct keyval_entry *e, const struct conflict *conflict)
{
	struct slice value = keyval_lxc_meaning(kv, e);

	if (e->kind != KEYVAL_PAIR || e->section != 0 || e->value.len == 0)
		return false;
	if (is_profile_key(e->key))
		return !slice_is(value, "unconfined") && !slice_is(value, "unchanged");
	if (slice_is(e->key, "lxc.apparmor.allow_nesting"))
		return slice_is(value, "1");
	return slice_is(e->key, "hookscript") || (conflict && is_dropins(conflict, e->key, value));
}

/* A last line without end gets one when another follows it. */
static bool is_same(const struct keyval *a, size_t i, const struct keyval *b, size_t j)
{
	const struct keyval_entry *x = &a->entries[i], *y = &b->entries[j];
	struct slice before = slice_sub(a->text, x->span.at, x->span.len);
	struct slice after = slice_sub(b->text, y->span.at, y->span.len);

	if (x->kind != y->kind || x->section != y->section || !slice_eq(x->section_name, y->section_name) ||
	    !slice_eq(x->key, y->key) || !slice_eq(x->value, y->value))
		return false;
	if (slice_eq(before, after))
		return true;
	return i + 1 == a->count && before.len + a->eol.len == after.len &&
	       slice_eq(before, slice_sub(after, 0, before.len)) && slice_eq(slice_from(after, before.len), a->eol);
}

/* Old and new entries, side by side. */
static bool holds_law(const struct patch_file *file, const struct keyval *old, const struct keyval *new_,
		      const struct conflict *conflict)
{
	size_t i = 0, j = 0, e = 0, coming = 0;

	while (i < old->count || j < new_->count || e < file->edit_count) {
		const struct edit *edit = e < file->edit_count ? &file->edits[e] : NULL;
		const struct keyval_entry *x = i < old->count ? &old->entries[i] : NULL;

		if (edit && edit->len == 0 && (!x || edit->at <= x->span.at)) {
			coming++;
			e++;
		} else if (edit && x && edit->at == x->span.at && edit->len == x->span.len) {
			if (!may_go(old, x, edit->with.len > 0))
				return false;
			coming += edit->with.len > 0;
			e++;
			i++;
		} else if (coming > 0 && j < new_->count && may_come(new_, &new_->entries[j], conflict)) {
			coming--;
			j++;
		} else if (x && j < new_->count && is_same(old, i, new_, j)) {
			i++;
			j++;
		} else {
			return false;
		}
	}
	return coming == 0;
}

static int prove_file(const struct patch_file *file, const struct conflict *conflict, struct arena *arena,
		      struct err *err)
{
	struct keyval old, new_;

	keyval_parse(&old, file->old, config_dialect(file->path), arena);
	keyval_parse(&new_, file->new_, config_dialect(file->path), arena);
	if (file->kind == PATCH_CONFIG && file->existed && holds_law(file, &old, &new_, conflict) &&
	    slice_eq(apply(file->old, file->edits, file->edit_count, arena), file->new_))
		return 0;
	err_put(err, ERR_REFUSED, "cannot change '%s': it would change more than one line's setting", file->path);
	return err_hint(err, "look for odd line ends around the line, and change it by hand");
}

int config_prove(struct config_proof **out, const struct patch_file *files, size_t count,
		 const struct conflict *conflict, struct arena *arena, struct err *err)
{
	struct config_proof *proof = ARENA_NEW(arena, struct config_proof);

	proof->files = arena_array(arena, count, sizeof *proof->files);
	proof->count = count;
	for (size_t i = 0; i < count; i++) {
		proof->files[i] = files[i];
		if (prove_file(&files[i], conflict, arena, err) < 0)
			return -1;
	}
	*out = proof;
	return 0;
}

const struct patch_file *config_files(const struct config_proof *proof, size_t *count)
{
	*count = proof->count;
	return proof->files;
}
