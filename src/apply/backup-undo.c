/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pure: what a change made of a file, and how to take it out again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backup-internal.h"

/* Where the new text of an edit stands, in bytes that were edited since. */
struct hit {
	size_t at;
	const struct backup_edit *edit;
};

void backup_after(const struct backup_file *file, struct buf *out)
{
	size_t at = 0;

	for (size_t i = 0; i < file->edit_count; i++) {
		const struct backup_edit *e = &file->edits[i];

		buf_addslice(out, slice_sub(file->content, at, e->at - at));
		buf_addslice(out, e->new_);
		at = e->at + e->old.len;
	}
	buf_addslice(out, slice_from(file->content, at));
}

enum backup_look backup_look(const struct backup_file *file, const struct slice *now)
{
	AUTOBUF after = { 0 };

	if (!now && file->removed)
		return BACKUP_AS_LEFT;
	if (!now)
		return file->existed ? BACKUP_EDITED : BACKUP_AS_BEFORE;
	if (file->existed && slice_eq(*now, file->content))
		return BACKUP_AS_BEFORE;
	if (file->removed)
		return BACKUP_EDITED;
	backup_after(file, &after);
	return slice_eq(*now, buf_slice(&after)) ? BACKUP_AS_LEFT : BACKUP_EDITED;
}

/* The next place of `what` from `at` on, or SIZE_MAX. */
static size_t find(struct slice text, size_t at, struct slice what)
{
	const char *hit;

	if (at > text.len || what.len == 0)
		return SIZE_MAX;
	hit = memmem(text.ptr + at, text.len - at, what.ptr, what.len);
	return hit ? (size_t)(hit - text.ptr) : SIZE_MAX;
}

static size_t count(struct slice text, struct slice what)
{
	size_t n = 0;

	for (size_t at = 0; (at = find(text, at, what)) != SIZE_MAX; at += what.len)
		n++;
	return n;
}

/* What stands before `at` on its line. */
static struct slice line_head(struct slice text, size_t at)
{
	size_t start = at;

	while (start > 0 && text.ptr[start - 1] != '\n')
		start--;
	return slice_trim(slice_sub(text, start, at - start));
}

static struct slice take_line(struct slice *rest)
{
	size_t end = slice_find(*rest, '\n');
	struct slice line = slice_sub(*rest, 0, end);

	*rest = slice_from(*rest, end + 1);
	return slice_trim(line);
}

static bool has_line(struct slice text, struct slice line)
{
	while (text.len > 0)
		if (slice_eq(take_line(&text), line))
			return true;
	return false;
}

/* Did somebody take an edit back by hand? Its old text stands there, at the place of its line that it had, as often as
 * was written, and no line that only the new text has. A comment that names the old one is not it. */
static bool is_taken_back(const struct backup_file *file, const struct backup_edit *e, struct slice now, size_t wrote)
{
	struct slice head = line_head(file->content, e->at), new_ = e->new_;
	size_t n = 0;

	for (size_t at = 0; e->old.len > 0 && (at = find(now, at, e->old)) != SIZE_MAX; at += e->old.len)
		n += slice_eq(line_head(now, at), head);
	while (n >= wrote && new_.len > 0) {
		struct slice line = take_line(&new_);

		if (line.len > 0 && !has_line(e->old, line) && has_line(now, line))
			return false;
	}
	return e->old.len > 0 && n >= wrote;
}

static int impossible(const struct backup_file *file, const struct backup_edit *e, const char *what, struct err *err)
{
	struct slice old = slice_sub(e->old, 0, 300);

	err_put(err, ERR_REFUSED, "cannot take our change out of '%s': %s", file->path, what);
	if (e->old.len > 0)
		return err_hint(err, "edit it by hand so that this stands there again:\n%.*s%s", SLICE_FMT(old),
				old.len < e->old.len ? "..." : "");
	return err_hint(err, "edit it by hand so that this is gone:\n%.*s", SLICE_FMT(slice_sub(e->new_, 0, 300)));
}

/* All edits that wrote the same text as `first`, which is the first of them; found in their order. */
static int find_group(const struct backup_file *file, struct slice after, struct slice now,
		      const struct backup_edit *first, struct hit *hits, size_t *hit_count, struct err *err)
{
	const struct backup_edit *end = file->edits + file->edit_count;
	size_t wrote = 0, found = count(now, first->new_), at = 0, shift = 0;

	for (const struct backup_edit *e = first; e < end; e++)
		wrote += slice_eq(e->new_, first->new_);
	if (first->new_.len == 0)
		return impossible(file, first, "it only removed text there, and the file was edited since", err);
	if (found == 0 && is_taken_back(file, first, now, wrote))
		return 0;
	if (found == 0)
		return impossible(file, first, "what it wrote there was edited since", err);
	if (found != wrote)
		return impossible(file, first, "what it wrote stands there more or less often than it was written",
				  err);
	for (const struct backup_edit *e = file->edits; e < end; e++) {
		size_t was = e->at + shift; /* where it stood in what we left; wraps, as unsigned sums may */

		shift += e->new_.len - e->old.len;
		if (!slice_eq(e->new_, first->new_))
			continue;
		at = find(now, at, e->new_);
		if (!slice_eq(line_head(now, at), line_head(after, was)))
			return impossible(file, e, "the start of its line was edited since", err);
		hits[(*hit_count)++] = (struct hit){ at, e };
		at += e->new_.len;
	}
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

static bool is_first_of_group(const struct backup_file *file, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (slice_eq(file->edits[k].new_, file->edits[i].new_))
			return false;
	return true;
}

static int splice(const struct backup_file *file, struct slice now, const struct hit *hits, size_t n, struct buf *out,
		  struct err *err)
{
	size_t at = 0;

	for (size_t i = 1; i < n; i++)
		if (hits[i].at < hits[i - 1].at + hits[i - 1].edit->new_.len)
			return impossible(file, hits[i].edit, "what it wrote runs into each other there", err);
	for (size_t i = 0; i < n; i++) {
		buf_addslice(out, slice_sub(now, at, hits[i].at - at));
		buf_addslice(out, hits[i].edit->old);
		at = hits[i].at + hits[i].edit->new_.len;
	}
	buf_addslice(out, slice_from(now, at));
	return 0;
}

int backup_take_out(const struct backup_file *file, struct slice now, struct buf *out, struct err *err)
{
	AUTOARENA arena = { 0 };
	AUTOBUF after = { 0 };
	struct hit *hits = arena_array(&arena, file->edit_count + 1, sizeof *hits);
	size_t n = 0;

	if (file->removed) {
		buf_addslice(out, now);
		return 0;
	}
	if (!file->existed) {
		err_put(err, ERR_REFUSED,
			"cannot take our change out of '%s': it created the file, which was edited since", file->path);
		return err_hint(err, "look at it; what is not needed, remove by hand: rm '%s'", file->path);
	}
	backup_after(file, &after);
	for (size_t i = 0; i < file->edit_count; i++)
		if (is_first_of_group(file, i) &&
		    find_group(file, buf_slice(&after), now, &file->edits[i], hits, &n, err) != 0)
			return -1;
	if (n > 0)
		qsort(hits, n, sizeof *hits, by_place);
	return splice(file, now, hits, n, out, err);
}
