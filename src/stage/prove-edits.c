/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prove-edits: does a file's new text differ from its old one in its edits alone, and these in the rules alone? */
#include "prove-internal.h"

/* Takes `want` off the front of *rest. */
static bool take(struct slice *rest, struct slice want)
{
	if (rest->len < want.len || !slice_eq(slice_sub(*rest, 0, want.len), want))
		return false;
	*rest = slice_from(*rest, want.len);
	return true;
}

/* Is `new_` the old text with exactly its edits made? Not asked of doc_print, which made it. */
static bool is_spliced(const struct patch_file *file)
{
	struct slice rest = file->new_;
	size_t at = 0;

	for (size_t i = 0; i < file->edit_count; i++) {
		const struct edit *edit = &file->edits[i];

		if (edit->at < at || edit->at > file->old.len || edit->len > file->old.len - edit->at)
			return false;
		if (!take(&rest, slice_sub(file->old, at, edit->at - at)) || !take(&rest, edit->with))
			return false;
		at = edit->at + edit->len;
	}
	return slice_eq(rest, slice_from(file->old, at));
}

static bool is_culprit(const struct patch *patch, const struct patch_file *file, const struct stmt *stmt)
{
	for (size_t i = 0; i < patch->finding->culprit_count; i++) {
		const struct policy_place *rule = patch->finding->culprits[i]->rule;

		if (rule->source == file->source && rule->stmt->span.at == stmt->span.at)
			return true;
	}
	return false;
}

/* Does the edit change bytes of this statement? One inside its body changes the body's statements, not this one. */
static bool touches(const struct edit *edit, const struct stmt *stmt)
{
	size_t end = stmt->span.at + stmt->span.len;

	if (edit->at >= end || edit->at + edit->len <= stmt->span.at)
		return false;
	return !stmt->has_body || edit->at <= stmt->span.at || edit->at + edit->len >= end;
}

/* Does the edit replace one mark, with all lines below it that are ours, among them a culprit? */
static bool is_planned_anew(const struct patch *patch, const struct patch_file *file, const struct edit *edit,
			    const struct mark *marks, size_t count)
{
	const struct mark *mark = mark_at(marks, count, (struct span){ edit->at, edit->len });

	if (!mark || mark->span.at != edit->at || mark->span.len != edit->len)
		return false;
	for (const struct stmt *s = file->source->doc.first; s; s = doc_next(s))
		if (mark_at(mark, 1, s->span) && is_culprit(patch, file, s))
			return true;
	return false;
}

int prove_check_edits(const struct patch *patch, const struct patch_file *file, struct arena *arena, struct err *err)
{
	struct mark *marks;
	size_t count;

	if (!is_spliced(file))
		return err_put(err, ERR_REFUSED, "cannot prove the change of '%s': bytes outside the edit differ",
			       file->source->path);
	if (file->kind != PATCH_POLICY)
		return 0; /* nothing is written: what it means is compared with what is in force */
	if (mark_find(&file->source->doc, patch->finding->conflict, patch->site->pool, arena, &marks, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < file->edit_count; i++) {
		if (is_planned_anew(patch, file, &file->edits[i], marks, count))
			continue;
		for (const struct stmt *s = file->source->doc.first; s; s = doc_next(s))
			if (touches(&file->edits[i], s) && !is_culprit(patch, file, s))
				return err_at(err, ERR_REFUSED, file->source->path, s->line, s->column,
					      "the edit touches more than the rule that it replaces");
	}
	return 0;
}
