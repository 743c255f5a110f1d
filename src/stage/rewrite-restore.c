/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rewrite-restore: rules that somebody commented out come back, split at once as a fix would split them. */
#include <stdlib.h>

#include "rewrite-internal.h"

static int by_place(const void *a, const void *b)
{
	const struct locate_opened *x = *(const struct locate_opened *const *)a;
	const struct locate_opened *y = *(const struct locate_opened *const *)b;
	int order = strcmp(x->source->path, y->source->path);

	return order ? order : (x->span.at > y->span.at) - (x->span.at < y->span.at);
}

/* What is asked for, as far as the rule speaks of it. */
static const struct conflict_scope **met_scopes(const struct patch *patch, const struct mark_rule *rule,
						struct arena *arena, size_t *count)
{
	VEC(const struct conflict_scope *) met = { 0 };

	for (size_t i = 0; i < patch->finding->scope_count; i++)
		if (mark_meets(rule, patch->finding->scopes[i], patch->site->pool))
			VEC_PUSH(arena, &met, patch->finding->scopes[i]);
	*count = met.len;
	return met.ptr;
}

/* Who put the # at the start of the line left the indentation behind it. */
static struct slice indent_behind(const struct locate_opened *opened)
{
	struct slice text = opened->source->doc.text;
	size_t from = opened->span.at, at;

	while (from < text.len && text.ptr[from] == '#')
		from++;
	for (at = from; at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\t');)
		at++;
	return at - from > 1 ? slice_sub(text, from, at - from) : (struct slice){ 0 };
}

static int plan_edit(struct edit *edit, const struct patch *patch, const struct locate_opened *opened,
		     struct arena *arena, struct err *err)
{
	struct mark_layout layout = mark_layout(opened->source->doc.text, opened->span);
	struct slice front = layout.indent.len == 0 ? indent_behind(opened) : (struct slice){ 0 };
	const struct conflict_scope **scopes;
	struct mark_rule rule;
	struct doc doc;
	size_t count;

	doc_parse(&doc, opened->rule, arena);
	if (!doc.first || !mark_read(&rule, opened->rule, doc.first, patch->site->pool, arena))
		return err_put(err, ERR_REFUSED, "cannot put the rule at %s back: its pattern is too large",
			       locate_opened_place(opened, arena));
	scopes = met_scopes(patch, &rule, arena, &count);
	*edit = (struct edit){ .at = opened->span.at, .len = opened->span.len };
	if (front.len > 0)
		layout.indent = front;
	if (mark_write(&rule, patch->finding->conflict, scopes, count, layout, patch->site->pool, arena, &edit->with,
		       err) < 0)
		return err_wrap(err, "%s: cannot split the rule", locate_opened_place(opened, arena));
	return 0;
}

static int patch_one(struct patch_file *file, const struct patch *patch, const struct locate_opened *const *opened,
		     size_t count, struct arena *arena, struct err *err)
{
	const struct policy_source *source = opened[0]->source;
	struct edit *bare = arena_array(arena, count, sizeof *bare);
	AUTOBUF new_ = { 0 };
	AUTOBUF restored = { 0 };

	*file = (struct patch_file){ .kind = PATCH_POLICY,
				     .source = source,
				     .old = source->doc.text,
				     .edits = arena_array(arena, count, sizeof *file->edits),
				     .edit_count = count };
	for (size_t i = 0; i < count; i++) {
		if (plan_edit(&file->edits[i], patch, opened[i], arena, err) < 0)
			return -1;
		bare[i] = (struct edit){ opened[i]->span.at, opened[i]->span.len, opened[i]->rule };
	}
	if (doc_print(&source->doc, file->edits, count, &new_, err) < 0 ||
	    doc_print(&source->doc, bare, count, &restored, err) < 0)
		return -1;
	file->new_ = arena_slice(arena, buf_slice(&new_));
	file->restored = arena_slice(arena, buf_slice(&restored));
	return 0;
}

int rewrite_restore(struct patch *out, const struct site *site, const struct finding *finding, struct arena *arena,
		    struct err *err)
{
	size_t count = finding->opened_count;
	const struct locate_opened **opened = arena_array(arena, count, sizeof *opened);
	VEC(struct patch_file) files = { 0 };

	*out = rewrite_begin(site, finding);
	out->restores = true;
	for (size_t i = 0; i < count; i++)
		opened[i] = finding->opened[i];
	if (count > 0)
		qsort(opened, count, sizeof *opened, by_place);
	for (size_t from = 0, to; from < count; from = to) {
		struct patch_file file;

		for (to = from + 1; to < count && opened[to]->source == opened[from]->source;)
			to++;
		if (patch_one(&file, out, opened + from, to - from, arena, err) < 0)
			return -1;
		VEC_PUSH(arena, &files, file);
	}
	out->files = files.ptr;
	out->file_count = files.len;
	rewrite_find_policies(out, arena);
	return 0;
}
