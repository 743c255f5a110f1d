/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prove-reach: what a patch is and which policies it reaches, whatever the patch says of that itself. */
#include "prove-internal.h"

typedef VEC(const struct policy *) policy_vec;

static bool is_generated(const struct site *site, const struct policy_source *source)
{
	for (size_t i = 0; i < site->policy_count; i++) {
		const struct site_policy *sp = site->policies[i];

		if (sp->container && sp->policy.source_count > 0 && sp->policy.sources[0] == source)
			return true;
	}
	return false;
}

/* A generated text is loaded and never written; a file of policy is written, or loaded as it is. */
static int check_kind(const struct patch *patch, const struct patch_file *file, struct err *err)
{
	bool right = file->kind == PATCH_CREATE
			 ? !file->source
			 : file->source && is_generated(patch->site, file->source) == (file->kind == PATCH_LIVE);

	if (right && (file->kind != PATCH_LOAD || slice_eq(file->old, file->new_)))
		return 0;
	return err_put(err, ERR_REFUSED, "cannot prove the change of '%s': it is not what the change takes it for",
		       patch_path(file));
}

/* What may change is what the finding's scopes give back. */
static int check_exemption(const struct patch *patch, struct arena *arena, struct err *err)
{
	const struct finding *finding = patch->finding;
	struct re_pool *pool = patch->site->pool;
	const struct re *paths = re_none(pool);
	uint32_t perms = 0;

	for (size_t i = 0; i < finding->scope_count; i++) {
		paths = re_alt(pool, paths, finding->scopes[i]->paths);
		perms |= finding->scopes[i]->perms;
	}
	if ((patch->perms & ~perms) == 0 && re_contains(pool, paths, patch->paths, arena, NULL) == 1)
		return 0;
	return err_put(err, ERR_REFUSED, "cannot prove a change that may do more than its scopes give back");
}

static int check_claims(const struct patch *patch, struct arena *arena, struct err *err)
{
	for (size_t i = 0; i < patch->file_count; i++) {
		const char *path = patch_path(&patch->files[i]);

		if (check_kind(patch, &patch->files[i], err) < 0)
			return -1;
		for (size_t k = 0; k < i; k++)
			if (strcmp(patch_path(&patch->files[k]), path) == 0)
				return err_put(err, ERR_REFUSED, "cannot prove two changes of '%s'", path);
	}
	return check_exemption(patch, arena, err);
}

static bool holds(const struct policy *const *list, size_t count, const struct policy *policy)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == policy)
			return true;
	return false;
}

static int check_reader(const struct patch *patch, const char *path, const struct site_reader *reader,
			policy_vec *others, struct arena *arena, struct err *err)
{
	const struct policy *policy = reader->policy ? &reader->policy->policy : NULL;

	if (reader->err) {
		err_put(err, ERR_REFUSED, "cannot prove the change of '%s': '%s' may read it, too: %s", path,
			reader->path, reader->err->text);
		return err_hint(err, "%s",
				reader->err->hint[0] ? reader->err->hint : "mend that file, or move it away");
	}
	if (holds(patch->policies, patch->policy_count, policy) || holds(others->ptr, others->len, policy))
		return 0;
	if (!reader->policy->by_name)
		return err_put(err, ERR_REFUSED,
			       "cannot prove the change of '%s': '%s' reads it, too, and was not compared", path,
			       reader->path);
	VEC_PUSH(arena, others, policy);
	return 0;
}

/* What is only loaded changes no policy but its own, which must be compared. */
static int check_loaded(const struct patch *patch, const struct patch_file *file, struct err *err)
{
	for (size_t i = 0; i < patch->policy_count; i++)
		if (patch->policies[i]->source_count > 0 && patch->policies[i]->sources[0] == file->source)
			return 0;
	return err_put(err, ERR_REFUSED, "cannot prove the change of '%s': it was not compared", file->source->path);
}

int prove_check_reach(const struct patch *patch, const struct policy ***others, size_t *other_count,
		      struct arena *arena, struct err *err)
{
	policy_vec found = { 0 };

	if (check_claims(patch, arena, err) < 0)
		return -1;
	discover_readers_anew(patch->site);
	for (size_t i = 0; i < patch->file_count; i++) {
		const struct patch_file *file = &patch->files[i];
		struct site_reader *readers;
		size_t count;

		if (!file->source)
			continue;
		if (file->kind != PATCH_POLICY && check_loaded(patch, file, err) < 0)
			return -1;
		if (file->kind != PATCH_POLICY)
			continue;
		count = discover_readers(patch->site, file->source->path, &readers);
		for (size_t r = 0; r < count; r++)
			if (check_reader(patch, file->source->path, &readers[r], &found, arena, err) < 0)
				return -1;
	}
	*others = found.ptr;
	*other_count = found.len;
	return 0;
}
