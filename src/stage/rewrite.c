/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "rewrite-internal.h"

/* Lists the rules of a finding that cannot be cured, one a line, as FILE:LINE: TEXT. */
static void list_rules(const struct locate_case *c, struct buf *out)
{
	for (size_t i = 0; i < c->culprit_count; i++) {
		const struct policy_place *rule = c->culprits[i]->rule;

		buf_addf(out, "\n  %s:%zu: ", rule->source->path, rule->stmt->line);
		buf_addline(out, slice_sub(rule->source->doc.text, rule->stmt->span.at, rule->stmt->span.len));
	}
}

/* "FILE:LINE RULE has a target": the first of the rules that cannot be edited. */
static void refuse_fixed(const struct locate_case *c, struct err *err)
{
	size_t i = 0;
	const struct policy_place *rule;
	AUTOBUF text = { 0 };

	while (!c->culprits[i]->why)
		i++;
	rule = c->culprits[i]->rule;
	buf_addline(&text, slice_sub(rule->source->doc.text, rule->stmt->span.at, rule->stmt->span.len));
	if (c->culprits[i]->hint) {
		err_put(err, ERR_REFUSED, "cannot cure '%.*s': the rule at %s:%zu %s", SLICE_FMT(c->profile->name),
			rule->source->path, rule->stmt->line, c->culprits[i]->why);
		err_hint(err, "%s", c->culprits[i]->hint);
		return;
	}
	err_put(err, ERR_REFUSED, "cannot cure '%.*s': the rule at %s:%zu %s: %s", SLICE_FMT(c->profile->name),
		rule->source->path, rule->stmt->line, c->culprits[i]->why, buf_str(&text));
	err_hint(err, "change or remove that rule by hand, then run 'aa-nestfix fix' again");
}

static int refuse(const struct locate_case *c, struct err *err)
{
	AUTOBUF rules = { 0 };
	struct slice name = c->profile->name;

	list_rules(c, &rules);
	switch (c->state) {
	case LOCATE_FIXED:
		refuse_fixed(c, err);
		return -1;
	case LOCATE_INCOMPLETE:
		err_put(err, ERR_REFUSED,
			"cannot cure '%.*s': writing '%.*s' is denied, and not by these rules alone%s%s%s",
			SLICE_FMT(name), SLICE_FMT(c->witness), c->reason ? ": " : "", c->reason ? c->reason : "",
			buf_str(&rules));
		return err_hint(err, "see 'aa-nestfix explain', and look for what denies it in the policy by hand");
	case LOCATE_NO_ALLOW:
		if (c->culprit_count == 0)
			break; /* no rule of this conflict is in its way */
		err_put(err, ERR_REFUSED, "cannot cure '%.*s': no rule allows to write '%.*s', even without%s",
			SLICE_FMT(name), SLICE_FMT(c->witness), buf_str(&rules));
		return err_hint(err, "the profile itself must allow it; see 'aa-nestfix explain'");
	case LOCATE_UNKNOWN:
		return err_put(err, ERR_FAILED, "%s", c->reason);
	case LOCATE_ALLOWED:
	case LOCATE_UNLOADED:
	case LOCATE_BLOCKED:
		break;
	}
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct policy_place *x = (*(struct culprit *const *)a)->rule;
	const struct policy_place *y = (*(struct culprit *const *)b)->rule;
	int order = strcmp(x->source->path, y->source->path);

	if (order != 0)
		return order;
	return (x->stmt->span.at > y->stmt->span.at) - (x->stmt->span.at < y->stmt->span.at);
}

bool rewrite_is_generated(const struct site *site, const struct policy_source *source)
{
	for (size_t i = 0; i < site->policy_count; i++) {
		const struct site_policy *sp = site->policies[i];

		if (sp->container && sp->policy.source_count > 0 && sp->policy.sources[0] == source)
			return true;
	}
	return false;
}

static int refuse_edited(const struct policy_source *source, const struct mark *mark, struct err *err)
{
	err_at(err, ERR_REFUSED, source->path, mark->line, 0,
	       "cannot plan this rule anew: the lines that an earlier change left below its mark were edited since");
	return err_hint(err, "put in their place what the mark names as it was, then run 'aa-nestfix fix' again");
}

/* What is asked for, and what the mark gives back already. */
static const struct conflict_scope **join_scopes(const struct patch *patch, const struct mark_rule *rule,
						 const struct mark *mark, struct arena *arena, size_t *count)
{
	const struct finding *finding = patch->finding;
	const struct conflict *conflict = finding->conflict;
	VEC(const struct conflict_scope *) all = { 0 };

	for (size_t i = 0; i < conflict->scope_count; i++) {
		const struct conflict_scope *scope = &conflict->scopes[i];
		bool wanted = mark && mark_covers(mark, scope);

		for (size_t k = 0; k < finding->scope_count; k++)
			wanted |= finding->scopes[k] == scope && mark_meets(rule, scope, patch->site->pool);
		if (wanted)
			VEC_PUSH(arena, &all, scope);
	}
	*count = all.len;
	return all.ptr;
}

/* The edit that cures one rule: a rule of a mark is planned anew, with its mark, from the one that it was. */
static int plan_edit(struct edit *edit, const struct patch *patch, const struct culprit *culprit,
		     const struct mark *mark, struct arena *arena, struct err *err)
{
	const struct policy_place *rule = culprit->rule;
	struct slice text = rule->source->doc.text;
	struct span span = mark ? mark->span : rule->stmt->span;
	struct mark_rule original = mark ? mark->rule : mark_rule(text, rule->stmt, &culprit->aare, arena);
	size_t count;
	const struct conflict_scope **scopes = join_scopes(patch, &original, mark, arena, &count);

	edit->at = span.at;
	edit->len = span.len;
	if (mark_write(&original, patch->finding->conflict, scopes, count, mark_layout(text, span), patch->site->pool,
		       arena, &edit->with, err) < 0)
		return err_wrap(err, "%s:%zu: cannot split the rule", rule->source->path, rule->stmt->line);
	return 0;
}

/* The edits of all culprits of one file; the culprits are sorted by place. */
static int patch_one(struct patch_file *file, const struct patch *patch, struct culprit **culprits, size_t count,
		     struct arena *arena, struct err *err)
{
	const struct policy_source *source = culprits[0]->rule->source;
	struct mark *marks;
	size_t mark_count;
	AUTOBUF text = { 0 };

	if (mark_find(&source->doc, patch->finding->conflict, patch->site->pool, arena, &marks, &mark_count, err) < 0)
		return -1;
	for (size_t i = 0; i < mark_count; i++)
		if (!marks[i].intact)
			return refuse_edited(source, &marks[i], err);
	file->source = source;
	file->edits = arena_array(arena, count, sizeof *file->edits);
	for (size_t i = 0; i < count; i++) {
		const struct mark *mark = mark_at(marks, mark_count, culprits[i]->rule->stmt->span);
		struct edit *last = file->edit_count ? &file->edits[file->edit_count - 1] : NULL;

		if (mark && last && last->at == mark->span.at)
			continue; /* another line of the same mark */
		if (plan_edit(&file->edits[file->edit_count++], patch, culprits[i], mark, arena, err) < 0)
			return -1;
	}
	file->kind = PATCH_POLICY;
	file->old = source->doc.text;
	if (doc_print(&source->doc, file->edits, file->edit_count, &text, err) < 0)
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

static bool is_reader(const struct site_policy *sp, const struct site_reader *readers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (readers[i].policy == sp)
			return true;
	return false;
}

/* A text that is only loaded is read by nobody else. */
static bool reads_any(const struct site_policy *sp, const struct patch *patch)
{
	for (size_t f = 0; f < patch->file_count; f++) {
		const struct patch_file *file = &patch->files[f];
		struct site_reader *readers;
		size_t count;

		if (file->kind != PATCH_POLICY && sp->policy.sources[0] == file->source)
			return true;
		if (file->kind != PATCH_POLICY)
			continue;
		count = discover_readers(patch->site, file->source->path, &readers);
		if (is_reader(sp, readers, count))
			return true;
	}
	return false;
}

void rewrite_find_policies(struct patch *patch, struct arena *arena)
{
	VEC(const struct policy *) policies = { 0 };

	for (size_t i = 0; i < patch->site->policy_count; i++)
		if (reads_any(patch->site->policies[i], patch))
			VEC_PUSH(arena, &policies, &patch->site->policies[i]->policy);
	patch->policies = policies.ptr;
	patch->policy_count = policies.len;
}

/* The culprits in files that can be cured: those of cases where each is shown to be the one cause. Sorted by place,
 * each once. *blocked: some case is blocked, be it in a file or in a generated text. */
static struct culprit **find_curable(const struct site *site, const struct finding *finding, struct arena *arena,
				     size_t *count, bool *blocked)
{
	VEC(struct culprit *) all = { 0 };
	size_t kept = 0;

	*blocked = false;
	for (size_t i = 0; i < finding->case_count; i++) {
		const struct locate_case *c = &finding->cases[i];

		*blocked |= c->state == LOCATE_BLOCKED || c->state == LOCATE_UNLOADED;
		for (size_t k = 0; c->state == LOCATE_BLOCKED && k < c->culprit_count; k++)
			if (!rewrite_is_generated(site, c->culprits[k]->rule->source))
				VEC_PUSH(arena, &all, c->culprits[k]);
	}
	if (all.len > 0)
		qsort(all.ptr, all.len, sizeof *all.ptr, by_place);
	for (size_t i = 0; i < all.len; i++)
		if (kept == 0 || all.ptr[kept - 1] != all.ptr[i])
			all.ptr[kept++] = all.ptr[i];
	*count = kept;
	return all.ptr;
}

struct patch rewrite_begin(const struct site *site, const struct finding *finding)
{
	return (struct patch){
		.site = site,
		.finding = finding,
		.asked = finding->scopes,
		.asked_count = finding->scope_count,
		.paths = finding->paths,
		.perms = finding->perms,
	};
}

int rewrite(struct patch *out, const struct site *site, const struct finding *finding, struct arena *arena,
	    struct err *err)
{
	struct culprit **culprits;
	bool blocked;
	size_t count;

	*out = rewrite_begin(site, finding);
	culprits = find_curable(site, finding, arena, &count, &blocked);
	for (size_t i = 0; !blocked && i < finding->case_count; i++)
		if (refuse(&finding->cases[i], err) < 0)
			return -1;
	if (patch_files(out, culprits, count, arena, err) < 0 || rewrite_loads(out, arena, err) < 0)
		return -1;
	rewrite_find_policies(out, arena);
	return 0;
}
