/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rewrite-load: policy that is loaded and not written. */
#include "rewrite-internal.h"

static void add_file(struct patch *patch, const struct patch_file *file, struct arena *arena)
{
	struct patch_file *files = arena_array(arena, patch->file_count + 1, sizeof *files);
	size_t at = 0;

	while (at < patch->file_count && strcmp(patch_path(&patch->files[at]), patch_path(file)) < 0)
		at++;
	for (size_t i = 0; i < patch->file_count; i++)
		files[i + (i >= at)] = patch->files[i];
	files[at] = *file;
	patch->files = files;
	patch->file_count++;
}

/* Does the policy read a file that is written, so that it is loaded for that? */
static bool reads_written(const struct policy *policy, const struct patch *patch)
{
	for (size_t f = 0; f < patch->file_count; f++)
		if (patch->files[f].kind == PATCH_POLICY && discover_reads(policy, patch_path(&patch->files[f])))
			return true;
	return false;
}

static bool has_case(const struct finding *finding, const struct policy *policy, enum locate_state state)
{
	for (size_t i = 0; i < finding->case_count; i++)
		if (finding->cases[i].policy == policy && finding->cases[i].state == state)
			return true;
	return false;
}

/* Is the scope to be given back in the text: asked for and denied there, or given back by the kernel? What the text
 * itself allows needs no edit. */
static bool is_wanted(const struct finding *finding, const struct policy *policy, const struct conflict_scope *scope,
		      bool held)
{
	for (size_t i = 0; i < finding->case_count; i++) {
		const struct locate_case *c = &finding->cases[i];

		if (c->policy != policy || c->scope != scope)
			continue;
		if (c->state == LOCATE_BLOCKED)
			return true;
		if (c->state == LOCATE_ALLOWED && c->allower)
			held = false;
	}
	return held;
}

static const struct conflict_scope **wanted_scopes(const struct patch *patch, const struct policy *policy,
						   struct arena *arena, size_t *count)
{
	const struct conflict *conflict = patch->finding->conflict;
	VEC(const struct conflict_scope *) all = { 0 };
	const struct conflict_scope **held;
	size_t held_count;

	held = discover_held(patch->site, policy, &held_count);
	for (size_t i = 0; i < conflict->scope_count; i++) {
		const struct conflict_scope *scope = &conflict->scopes[i];
		bool is_held = false;

		for (size_t k = 0; k < held_count; k++)
			is_held |= held[k] == scope;
		if (is_wanted(patch->finding, policy, scope, is_held))
			VEC_PUSH(arena, &all, scope);
	}
	*count = all.len;
	return all.ptr;
}

static int add_text(struct patch *patch, const struct policy *policy, struct arena *arena, struct err *err)
{
	const struct policy_source *source = policy->sources[0];
	struct patch_file file = { .kind = PATCH_LIVE, .source = source, .old = source->doc.text };
	const struct conflict_scope **scopes;
	size_t count;
	AUTOBUF text = { 0 };

	scopes = wanted_scopes(patch, policy, arena, &count);
	if (mark_edits(&source->doc, patch->finding->conflict, scopes, count, patch->site->pool, arena, &file.edits,
		       &file.edit_count, err) < 0)
		return err_wrap(err, "%s", source->path);
	if (doc_print(&source->doc, file.edits, file.edit_count, &text, err) < 0)
		return -1;
	file.new_ = arena_slice(arena, buf_slice(&text));
	if (file.edit_count > 0 || has_case(patch->finding, policy, LOCATE_UNLOADED))
		add_file(patch, &file, arena);
	return 0;
}

int rewrite_loads(struct patch *patch, struct arena *arena, struct err *err)
{
	const struct site *site = patch->site;

	for (size_t i = 0; i < site->policy_count; i++) {
		const struct policy *policy = &site->policies[i]->policy;
		bool unloaded = has_case(patch->finding, policy, LOCATE_UNLOADED);
		bool written = reads_written(policy, patch);

		if (policy->source_count == 0)
			continue;
		if (site->policies[i]->container) {
			if ((written || unloaded || has_case(patch->finding, policy, LOCATE_BLOCKED)) &&
			    add_text(patch, policy, arena, err) < 0)
				return -1;
		} else if (unloaded && !written) {
			struct slice text = policy->sources[0]->doc.text;

			add_file(patch,
				 &(struct patch_file){
				     .kind = PATCH_LOAD, .source = policy->sources[0], .old = text, .new_ = text },
				 arena);
		}
	}
	return 0;
}
