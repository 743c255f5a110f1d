/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "undo-internal.h"

static struct slice on_one_line(struct slice text, struct arena *arena)
{
	AUTOBUF line = { 0 };

	buf_addline(&line, text);
	return arena_slice(arena, buf_slice(&line));
}

static int refuse_edited(const struct undo_case *u, const struct mark *mark)
{
	struct slice rule = slice_sub(mark->rule.text, 0, 300);

	err_put(u->err, ERR_REFUSED,
		"cannot take our change out of '%s': what stands below its mark at line %zu was "
		"edited since",
		u->path, mark->line);
	if (rule.len == 0)
		return err_hint(u->err, "put in place of the mark and its lines what the mark names as it was");
	return err_hint(u->err,
			"edit it by hand so that in place of the mark and the lines below it this stands again, then "
			"run 'aa-nestfix rollback' once more:\n%.*s",
			SLICE_FMT(rule));
}

/* Is it the rule, or the rule in a comment, which harden put back? */
static bool holds_rule(const struct undo_case *u, struct slice text, struct slice rule)
{
	text = on_one_line(text, u->arena);
	while (slice_starts(text, "#"))
		text = slice_trim(slice_from(text, 1));
	return slice_eq(text, rule);
}

/*
 * The bytes that stood there: the mark names them on one line. Of several that read the same, the nth, as marks stand
 * in the order of the rules.
 */
static struct slice original(const struct undo_case *u, struct slice rule, size_t nth)
{
	for (size_t i = u->count; i > 0; i--) {
		const struct backup_file *file = u->changes[i - 1].file;
		size_t seen = 0;

		for (size_t e = 0; file && e < file->edit_count; e++)
			if (holds_rule(u, file->edits[e].old, rule) && seen++ == nth)
				return file->edits[e].old;
	}
	return rule;
}

/* How many marks before this one name the same rule. */
static size_t count_before(const struct mark *marks, size_t at)
{
	size_t n = 0;

	for (size_t i = 0; i < at; i++)
		n += slice_eq(marks[i].rule.text, marks[at].rule.text);
	return n;
}

/* The edit that leaves a mark only what stays; none where all of it does. */
static int plan_mark(const struct undo_case *u, const struct doc *doc, const struct mark *marks, size_t at,
		     struct edit *edit, struct undo *out)
{
	const struct mark *mark = &marks[at];
	size_t count;
	const struct conflict_scope **stay = undo_narrow(u, mark->scopes, mark->scope_count, &count, out);

	if (count == mark->scope_count)
		return 0;
	*edit = (struct edit){ .at = mark->span.at, .len = mark->span.len };
	if (count == 0)
		edit->with = original(u, mark->rule.text, count_before(marks, at));
	else if (mark_write(&mark->rule, u->ground->conflict, stay, count, mark_layout(doc->text, mark->span),
			    u->ground->pool, u->arena, &edit->with, u->err) < 0)
		return -1;
	return 1;
}

/* A file rule as it counts, blanks apart; empty for all other statements. */
static struct slice key_of(struct slice text, const struct stmt *stmt, struct arena *arena)
{
	struct span q = stmt->qualifiers.text;
	AUTOBUF key = { 0 };

	if (stmt->kind != STMT_RULE || stmt->rule_class != RULE_FILE)
		return (struct slice){ 0 };
	buf_addline(&key, slice_sub(text, q.at, q.len));
	buf_addf(&key, " %.*s %.*s", SLICE_FMT(stmt->path), SLICE_FMT(stmt->perms));
	return arena_slice(arena, buf_slice(&key));
}

/* A text, and the marks in it. */
struct reading {
	struct doc doc;
	struct mark *marks;
	size_t mark_count;
};

static int read_text(const struct undo_case *u, struct slice text, struct reading *out)
{
	doc_parse(&out->doc, text, u->arena);
	return mark_find(&out->doc, u->ground->conflict, u->ground->pool, u->arena, &out->marks, &out->mark_count,
			 u->err);
}

/* How often a rule stands there, outside our marks; *line is that of the first. */
static size_t count_rule(const struct reading *in, struct slice key, size_t *line)
{
	AUTOARENA scratch = { 0 };
	size_t n = 0;

	for (const struct stmt *s = in->doc.first; s; s = doc_next(s)) {
		if (mark_at(in->marks, in->mark_count, s->span) || !slice_eq(key_of(in->doc.text, s, &scratch), key))
			continue;
		if (n++ == 0)
			*line = s->line;
	}
	return n;
}

static int refuse_bare(const struct undo_case *u, const struct backup_edit *edit, size_t line)
{
	err_put(u->err, ERR_REFUSED,
		"cannot take our change out of '%s': a rule that it wrote stands at line %zu, without its mark",
		u->path, line);
	return err_hint(u->err,
			"take it out by hand, and put back what it stood for, then run 'aa-nestfix rollback' once "
			"more:\n%.*s",
			SLICE_FMT(slice_sub(edit->old, 0, 300)));
}

static int refuse_gone(const struct undo_case *u, const struct backup_edit *edit)
{
	err_put(u->err, ERR_REFUSED,
		"cannot take our change out of '%s': what it wrote was taken out since, and the rule that stood there "
		"before is not back",
		u->path);
	return err_hint(u->err, "put it back by hand, then run 'aa-nestfix rollback' once more:\n%.*s",
			SLICE_FMT(slice_sub(edit->old, 0, 300)));
}

/* The statement that ends before a place, or that begins behind it, on one line; empty where there is none. */
static struct slice neighbour(const struct undo_case *u, const struct doc *doc, size_t at, bool behind)
{
	const struct stmt *hit = NULL;

	for (const struct stmt *s = doc->first; s; s = doc_next(s)) {
		if (s->has_body)
			continue;
		if (behind && s->span.at >= at) {
			hit = s;
			break;
		}
		if (!behind && s->span.at + s->span.len <= at)
			hit = s;
	}
	return hit ? on_one_line(slice_sub(doc->text, hit->span.at, hit->span.len), u->arena) : (struct slice){ 0 };
}

/* How often the one statement follows the other at once. */
static size_t count_pairs(const struct doc *doc, struct slice before, struct slice behind)
{
	AUTOARENA scratch = { 0 };
	bool met = false;
	size_t n = 0;

	for (const struct stmt *s = doc->first; s; s = doc_next(s)) {
		struct slice text;

		if (s->has_body)
			continue;
		text = on_one_line(slice_sub(doc->text, s->span.at, s->span.len), &scratch);
		n += met && slice_eq(text, behind);
		met = slice_eq(text, before);
	}
	return n;
}

/*
 * Was the rule cut out, with our lines, of a text that otherwise is there? Where its neighbours are not side by side
 * the file is another one, of a newer package, or somebody put something of his own there.
 */
static bool is_cut_out(const struct undo_case *u, const struct backup_edit *edit, const struct reading *old,
		       const struct reading *now)
{
	struct slice before = neighbour(u, &old->doc, edit->at, false);
	struct slice behind = neighbour(u, &old->doc, edit->at + edit->old.len, true);

	if (before.len == 0 || behind.len == 0)
		return false;
	return count_pairs(&now->doc, before, behind) > count_pairs(&old->doc, before, behind);
}

/* Is nothing of an edit left in the text that is to be? */
static int check_edit(const struct undo_case *u, const struct backup_edit *edit, const struct reading *old,
		      const struct reading *now)
{
	struct reading wrote;
	bool named = false;
	size_t line = 0;

	if (read_text(u, edit->new_, &wrote) < 0)
		return -1;
	for (const struct stmt *s = wrote.doc.first; s; s = doc_next(s)) {
		struct slice key = key_of(wrote.doc.text, s, u->arena);

		if (key.len > 0 && count_rule(now, key, &line) > count_rule(old, key, &(size_t){ 0 }))
			return refuse_bare(u, edit, line);
	}
	for (size_t w = 0; w < wrote.mark_count; w++) {
		struct doc rule;

		for (size_t i = 0; i < now->mark_count; i++)
			named |= slice_eq(now->marks[i].rule.text, wrote.marks[w].rule.text);
		doc_parse(&rule, wrote.marks[w].rule.text, u->arena);
		named |= rule.first && count_rule(now, key_of(rule.text, rule.first, u->arena), &line) > 0;
	}
	if (!named && is_cut_out(u, edit, old, now))
		return refuse_gone(u, edit);
	return 0;
}

/* A change counts as undone only if nothing of it is left, and what stood there before is back. */
static int check_rest(const struct undo_case *u, struct slice bytes)
{
	struct reading old, now;

	if (read_text(u, bytes, &now) < 0)
		return -1;
	for (size_t i = 0; i < u->count; i++) {
		const struct backup_file *file = u->changes[i].file;

		if (!file || u->changes[i].role != UNDO_BACK)
			continue;
		if (read_text(u, file->content, &old) < 0)
			return -1;
		for (size_t e = 0; e < file->edit_count; e++)
			if (check_edit(u, &file->edits[e], &old, &now) < 0)
				return -1;
	}
	return 0;
}

static void keep_foreign(struct undo_case *u, const struct reading *oldest)
{
	for (size_t i = 0; i < oldest->mark_count; i++)
		undo_keep_foreign(u, oldest->marks[i].scopes, oldest->marks[i].scope_count);
}

int undo_policy(struct undo_case *u, struct slice now, struct undo *out)
{
	struct reading oldest, in;
	struct edit *edits;
	size_t count = 0;
	AUTOBUF text = { 0 };

	if (read_text(u, undo_oldest(u)->content, &oldest) < 0)
		return -1;
	keep_foreign(u, &oldest);
	if (!undo_is_needed(u))
		return 0;
	if (read_text(u, now, &in) < 0)
		return -1;
	edits = arena_array(u->arena, in.mark_count, sizeof *edits);
	for (size_t i = 0; i < in.mark_count; i++) {
		int planned = in.marks[i].intact ? plan_mark(u, &in.doc, in.marks, i, &edits[count], out)
						 : refuse_edited(u, &in.marks[i]);

		if (planned < 0)
			return -1;
		count += (size_t)planned;
	}
	if (doc_print(&in.doc, edits, count, &text, u->err) < 0 || check_rest(u, buf_slice(&text)) < 0)
		return -1;
	undo_settle(u, arena_slice(u->arena, buf_slice(&text)), now, out);
	return 0;
}
