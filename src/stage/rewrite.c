/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <stdlib.h>

#include <nestfix/rewrite.h>

static const char perm_letters[] = "xwralkm"; /* in the order of the PERM_* bits */

static uint32_t letter_perm(char letter)
{
	const char *hit = letter ? strchr(perm_letters, tolower((unsigned char)letter)) : NULL;

	return hit ? 1U << (hit - perm_letters) : 0;
}

/* The rule's letters, those given back left out; in the order they were written. */
static void add_perms(struct buf *out, struct slice perms, uint32_t given_back, bool keep)
{
	for (size_t i = 0; i < perms.len; i++)
		if (((letter_perm(perms.ptr[i]) & given_back) == 0) == keep)
			buf_addc(out, perms.ptr[i]);
}

/* How new lines are laid out: as the lines around the rule are. */
struct layout {
	struct slice eol, indent;
};

static void begin_line(struct buf *out, const struct layout *layout)
{
	if (out->len == 0)
		return; /* the rule's own place: its indentation stands before it */
	buf_addslice(out, layout->eol);
	buf_addslice(out, layout->indent);
}

static struct slice qualifiers_of(const struct policy_rule *rule)
{
	struct span span = rule->stmt->qualifiers.text;

	return slice_sub(rule->source->doc.text, span.at, span.len);
}

static void add_rule(struct buf *out, const struct layout *layout, const struct policy_rule *rule, struct slice path,
		     struct slice perms)
{
	begin_line(out, layout);
	buf_addline(out, qualifiers_of(rule));
	buf_addc(out, ' ');
	buf_addslice(out, path);
	buf_addc(out, ' ');
	buf_addslice(out, perms);
	buf_addc(out, ',');
}

static void add_mark(struct buf *out, const struct conflict *conflict, const struct policy_rule *rule)
{
	struct span span = rule->stmt->span;

	buf_addf(out, LOCATE_MARK "%.*s, was: ", SLICE_FMT(conflict->name));
	buf_addline(out, slice_sub(rule->source->doc.text, span.at, span.len));
}

int rewrite_rule(const struct policy_rule *rule, const struct conflict *conflict, const struct re *paths,
		 uint32_t perms, struct slice eol, struct slice indent, struct re_pool *pool, struct arena *arena,
		 struct slice *out, struct err *err)
{
	const struct stmt *stmt = rule->stmt;
	struct layout layout = { eol, indent };
	AUTOBUF text = { 0 };
	AUTOBUF kept = { 0 };
	AUTOBUF given_back = { 0 };
	struct slice rest;
	bool empty;

	if (stmt->target.len > 0)
		return err_at(err, ERR_REFUSED, rule->source->path, stmt->line, stmt->column,
			      "cannot split a rule that has a target");
	if (aare_subtract_text(&rule->aare, paths, pool, arena, &rest, &empty, err) < 0)
		return err_wrap(err, "%s:%zu: cannot split the rule", rule->source->path, stmt->line);
	add_perms(&kept, stmt->perms, perms, true);
	add_perms(&given_back, stmt->perms, perms, false);
	add_mark(&text, conflict, rule);
	if (kept.len > 0)
		add_rule(&text, &layout, rule, stmt->path, buf_slice(&kept));
	if (!empty)
		add_rule(&text, &layout, rule, aare_word(rest, arena), buf_slice(&given_back));
	if (kept.len == 0 && empty)
		begin_line(&text, &layout); /* whatever follows on the line must not become part of the comment */
	*out = arena_slice(arena, buf_slice(&text));
	return 0;
}

/* Indentation of the rule's line, and the line end that the file uses there. */
static struct layout layout_at(struct slice text, struct span span)
{
	size_t line = slice_line(text, span.at), end = line, next;

	while (end < span.at && (text.ptr[end] == ' ' || text.ptr[end] == '\t'))
		end++;
	next = span.at + span.len + slice_find(slice_from(text, span.at + span.len), '\n');
	return (struct layout){
		.eol = next < text.len && next > 0 && text.ptr[next - 1] == '\r' ? SLICE("\r\n") : SLICE("\n"),
		.indent = slice_sub(text, line, end - line),
	};
}

/* Lists the rules of a finding that cannot be cured, one a line, as FILE:LINE: TEXT. */
static void list_rules(const struct locate_case *c, struct buf *out)
{
	for (size_t i = 0; i < c->culprit_count; i++) {
		const struct policy_rule *rule = c->culprits[i]->rule;

		buf_addf(out, "\n  %s:%zu: ", rule->source->path, rule->stmt->line);
		buf_addline(out, slice_sub(rule->source->doc.text, rule->stmt->span.at, rule->stmt->span.len));
	}
}

static int refuse(const struct locate_case *c, struct err *err)
{
	AUTOBUF rules = { 0 };
	struct slice name = c->profile->name;

	list_rules(c, &rules);
	switch (c->state) {
	case LOCATE_SEVERAL:
		err_put(err, ERR_REFUSED, "cannot cure '%.*s': several rules deny '%.*s'%s", SLICE_FMT(name),
			SLICE_FMT(c->witness), buf_str(&rules));
		return err_hint(err, "remove the rules that were added by hand, then run 'aa-nestfix fix' again");
	case LOCATE_FIXED:
		err_put(err, ERR_REFUSED, "cannot cure '%.*s': the rule %s%s", SLICE_FMT(name),
			locate_why(c->culprits[0]->fixed), buf_str(&rules));
		return err_hint(err, "write the rule on its own, with a plain path, then run 'aa-nestfix fix' again");
	case LOCATE_NO_ALLOW:
		if (c->culprit_count == 0)
			break; /* no rule of this conflict is in its way */
		err_put(err, ERR_REFUSED, "cannot cure '%.*s': no rule allows to write '%.*s', even without%s",
			SLICE_FMT(name), SLICE_FMT(c->witness), buf_str(&rules));
		return err_hint(err, "the profile itself must allow it; see 'aa-nestfix explain'");
	case LOCATE_ALLOWED:
	case LOCATE_BLOCKED:
		break;
	}
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct policy_rule *x = (*(struct culprit *const *)a)->rule;
	const struct policy_rule *y = (*(struct culprit *const *)b)->rule;
	int order = strcmp(x->source->path, y->source->path);

	if (order != 0)
		return order;
	return (x->stmt->span.at > y->stmt->span.at) - (x->stmt->span.at < y->stmt->span.at);
}

/* Is it the generated text of a container, rather than a file that such a text includes? */
static bool is_generated(const struct site *site, const struct policy_source *source)
{
	for (size_t i = 0; i < site->policy_count; i++) {
		const struct site_policy *sp = site->policies[i];

		if (sp->container && sp->policy.source_count > 0 && sp->policy.sources[0] == source)
			return true;
	}
	return false;
}

/* The edits of all culprits of one file; the culprits are sorted by place. */
static int patch_one(struct patch_file *file, const struct patch *patch, struct culprit **culprits, size_t count,
		     struct arena *arena, struct err *err)
{
	AUTOBUF text = { 0 };

	file->source = culprits[0]->rule->source;
	file->edits = arena_array(arena, count, sizeof *file->edits);
	file->edit_count = count;
	for (size_t i = 0; i < count; i++) {
		const struct policy_rule *rule = culprits[i]->rule;
		struct layout layout = layout_at(file->source->doc.text, rule->stmt->span);
		struct edit *edit = &file->edits[i];

		edit->at = rule->stmt->span.at;
		edit->len = rule->stmt->span.len;
		if (rewrite_rule(rule, patch->finding->conflict, patch->paths, patch->perms, layout.eol, layout.indent,
				 patch->site->pool, arena, &edit->with, err) < 0)
			return -1;
	}
	file->kind = is_generated(patch->site, file->source) ? PATCH_LIVE : PATCH_POLICY;
	file->old = file->source->doc.text;
	if (doc_print(&file->source->doc, file->edits, count, &text, err) < 0)
		return -1;
	file->new_ = arena_slice(arena, buf_slice(&text));
	return 0;
}

static int patch_files(struct patch *patch, struct culprit **culprits, size_t count, struct arena *arena,
		       struct err *err)
{
	VEC(struct patch_file) files = { 0 };
	size_t from = 0;

	while (from < count) {
		struct patch_file file = { 0 };
		size_t to = from + 1;

		while (to < count && culprits[to]->rule->source == culprits[from]->rule->source)
			to++;
		if (patch_one(&file, patch, culprits + from, to - from, arena, err) < 0)
			return -1;
		VEC_PUSH(arena, &files, file);
		from = to;
	}
	patch->files = files.ptr;
	patch->file_count = files.len;
	return 0;
}

static bool reads_any(const struct policy *policy, const struct patch *patch)
{
	for (size_t i = 0; i < policy->source_count; i++)
		for (size_t f = 0; f < patch->file_count; f++)
			if (policy->sources[i] == patch->files[f].source)
				return true;
	return false;
}

/* Every top-level file that reads an edited one, whatever its profiles are called. */
static void find_policies(struct patch *patch, struct arena *arena)
{
	VEC(const struct policy *) policies = { 0 };

	for (size_t i = 0; i < patch->site->policy_count; i++)
		if (reads_any(&patch->site->policies[i]->policy, patch))
			VEC_PUSH(arena, &policies, &patch->site->policies[i]->policy);
	patch->policies = policies.ptr;
	patch->policy_count = policies.len;
}

/* The culprits that can be cured: those of cases where each is shown to be the one cause. Sorted by place, each once.
 */
static struct culprit **find_curable(const struct finding *finding, struct arena *arena, size_t *count)
{
	VEC(struct culprit *) all = { 0 };
	size_t kept = 0;

	for (size_t i = 0; i < finding->case_count; i++)
		for (size_t c = 0; finding->cases[i].state == LOCATE_BLOCKED && c < finding->cases[i].culprit_count;
		     c++)
			VEC_PUSH(arena, &all, finding->cases[i].culprits[c]);
	if (all.len > 0)
		qsort(all.ptr, all.len, sizeof *all.ptr, by_place);
	for (size_t i = 0; i < all.len; i++)
		if (kept == 0 || all.ptr[kept - 1] != all.ptr[i])
			all.ptr[kept++] = all.ptr[i];
	*count = kept;
	return all.ptr;
}

int rewrite(struct patch *out, const struct site *site, const struct finding *finding, struct arena *arena,
	    struct err *err)
{
	struct culprit **culprits;
	size_t count;

	*out = (struct patch){
		.site = site,
		.finding = finding,
		.paths = finding->paths,
		.perms = finding->perms,
	};
	culprits = find_curable(finding, arena, &count);
	for (size_t i = 0; count == 0 && i < finding->case_count; i++)
		if (refuse(&finding->cases[i], err) < 0)
			return -1;
	if (patch_files(out, culprits, count, arena, err) < 0)
		return -1;
	find_policies(out, arena);
	return 0;
}
