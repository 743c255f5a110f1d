/* SPDX-License-Identifier: GPL-2.0-or-later */
/* undo-guest: VMID.conf of Proxmox, whose present ends at the first section. What follows is pending, or a snapshot. */
#include <nestfix/config.h>

#include "undo-internal.h"

static bool has_line(const struct keyval *kv, size_t section, const struct keyval_entry *line)
{
	for (size_t i = 0; i < kv->count; i++) {
		const struct keyval_entry *e = &kv->entries[i];

		if (e->kind == KEYVAL_PAIR && e->section == section && slice_eq(e->key, line->key) &&
		    slice_eq(e->value, line->value))
			return true;
	}
	return false;
}

typedef VEC(struct keyval_entry) line_vec;

/* The lines that an edit brought. */
static void own_lines(const struct backup_edit *edit, line_vec *out, struct arena *arena)
{
	struct keyval old, new_;

	keyval_parse(&old, edit->old, KEYVAL_PVE, arena);
	keyval_parse(&new_, edit->new_, KEYVAL_PVE, arena);
	for (size_t i = 0; i < new_.count; i++)
		if (new_.entries[i].kind == KEYVAL_PAIR && !has_line(&old, 0, &new_.entries[i]))
			VEC_PUSH(arena, out, new_.entries[i]);
}

bool undo_guest_is_replaced(const struct backup_file *file, struct slice now, struct arena *arena)
{
	struct keyval kv;

	if (config_vmid(file->path).len == 0 || !file->existed)
		return false;
	keyval_parse(&kv, now, KEYVAL_PVE, arena);
	for (size_t i = 0; i < file->edit_count; i++) {
		line_vec lines = { 0 };

		own_lines(&file->edits[i], &lines, arena);
		if (lines.len == 0)
			return false; /* it took lines away, which are to come back */
		for (size_t k = 0; k < lines.len; k++)
			if (has_line(&kv, 0, &lines.ptr[k]))
				return false;
	}
	return true;
}

static const char *join(const char *before, const char *more, struct arena *arena)
{
	return before ? arena_printf(arena, "%s; %s", before, more) : more;
}

static const char *say_pending(const char *said, struct slice vmid, const struct keyval_entry *line,
			       struct arena *arena)
{
	const char *more = arena_printf(
	    arena,
	    "a pending change of guest %.*s still has '%.*s: %.*s', which its next start brings back: "
	    "pct set %.*s --revert %.*s",
	    SLICE_FMT(vmid), SLICE_FMT(line->key), SLICE_FMT(line->value), SLICE_FMT(vmid), SLICE_FMT(line->key));

	return join(said, more, arena);
}

static const char *say_snapshots(const char *said, struct slice vmid, const struct keyval_entry *line,
				 struct slice names, struct arena *arena)
{
	const char *more =
	    arena_printf(arena, "snapshot %.*s of guest %.*s still has '%.*s: %.*s', which 'pct rollback' brings back",
			 SLICE_FMT(names), SLICE_FMT(vmid), SLICE_FMT(line->key), SLICE_FMT(line->value));

	return join(said, more, arena);
}

static const char *find_elsewhere(const char *said, const struct keyval *kv, struct slice vmid,
				  const struct keyval_entry *line, struct arena *arena)
{
	AUTOBUF names = { 0 };

	for (size_t i = 0; i < kv->count; i++) {
		const struct keyval_entry *e = &kv->entries[i];

		if (e->kind != KEYVAL_SECTION || !has_line(kv, e->section, line))
			continue;
		if (slice_is(e->section_name, "pve:pending"))
			said = say_pending(said, vmid, line, arena);
		else
			buf_addf(&names, "%s'%.*s'", names.len > 0 ? ", " : "", SLICE_FMT(e->section_name));
	}
	return names.len > 0 ? say_snapshots(said, vmid, line, buf_slice(&names), arena) : said;
}

const char *undo_guest_elsewhere(const struct backup_file *file, struct slice now, struct arena *arena)
{
	struct slice vmid = config_vmid(file->path);
	const char *said = NULL;
	struct keyval kv;

	if (vmid.len == 0 || !file->existed)
		return NULL;
	keyval_parse(&kv, now, KEYVAL_PVE, arena);
	for (size_t i = 0; i < file->edit_count; i++) {
		line_vec lines = { 0 };

		own_lines(&file->edits[i], &lines, arena);
		for (size_t k = 0; k < lines.len; k++)
			said = find_elsewhere(said, &kv, vmid, &lines.ptr[k], arena);
	}
	return said;
}

/* What brings back the old line of this key, on the node where the guest is. */
static const char *say_command(const struct backup_edit *edit, struct slice vmid, const struct keyval_entry *line,
			       struct arena *arena)
{
	const struct keyval_entry *old;
	struct keyval kv;

	if (!slice_is(line->key, "hookscript"))
		return arena_printf(arena, "edit /etc/pve/lxc/%.*s.conf", SLICE_FMT(vmid));
	keyval_parse(&kv, edit->old, KEYVAL_PVE, arena);
	old = keyval_last(&kv, 0, "hookscript");
	if (old)
		return arena_printf(arena, "pct set %.*s --hookscript %.*s", SLICE_FMT(vmid), SLICE_FMT(old->value));
	return arena_printf(arena, "pct set %.*s --delete hookscript", SLICE_FMT(vmid));
}

static const char *find_moved(const char *said, const struct backup_file *file, const struct keyval *kv,
			      struct arena *arena)
{
	struct slice vmid = config_vmid(file->path);

	for (size_t i = 0; i < file->edit_count; i++) {
		line_vec lines = { 0 };

		own_lines(&file->edits[i], &lines, arena);
		if (lines.len == 0)
			said = join(said, "what was taken out of it is not put back", arena);
		for (size_t k = 0; k < lines.len; k++)
			if (has_line(kv, 0, &lines.ptr[k]))
				said = join(said,
					    arena_printf(arena, "'%.*s: %.*s'; take it back there: %s",
							 SLICE_FMT(lines.ptr[k].key), SLICE_FMT(lines.ptr[k].value),
							 say_command(&file->edits[i], vmid, &lines.ptr[k], arena)),
					    arena);
	}
	return said;
}

const char *undo_guest_moved(const struct undo_change *changes, size_t count, struct slice node, struct slice text,
			     struct arena *arena)
{
	struct slice vmid = { 0 };
	const char *said = NULL;
	struct keyval kv;

	keyval_parse(&kv, text, KEYVAL_PVE, arena);
	for (size_t i = count; i > 0; i--) {
		const struct undo_change *c = &changes[i - 1];

		if (c->role != UNDO_BACK || !c->file)
			continue;
		vmid = config_vmid(c->file->path);
		said = find_moved(said, c->file, &kv, arena);
	}
	return arena_printf(arena, "guest %.*s is on the node '%.*s' now, and %s%s", SLICE_FMT(vmid), SLICE_FMT(node),
			    said ? "stays as it is there: " : "no line of ours stands there", said ? said : "");
}
