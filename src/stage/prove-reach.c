/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prove-reach: which policies a patch reaches, whatever the patch says of that itself. */
#include "prove-internal.h"

static bool is_compared(const struct patch *patch, const struct policy *policy)
{
	for (size_t i = 0; i < patch->policy_count; i++)
		if (patch->policies[i] == policy)
			return true;
	return false;
}

static int check_readers(const struct patch *patch, const char *path, struct err *err)
{
	const struct site *site = patch->site;

	for (size_t i = 0; i < site->policy_count; i++) {
		const struct policy *policy = &site->policies[i]->policy;

		if (discover_reads(policy, path) && !is_compared(patch, policy))
			return err_put(err, ERR_REFUSED,
				       "cannot prove the change of '%s': '%s' reads it, too, and was not compared",
				       path, policy->path);
	}
	return 0;
}

static int check_unread(const struct patch *patch, const char *path, struct err *err)
{
	const struct site_skipped *unread = discover_unread(patch->site);

	if (!unread)
		return 0;
	err_put(err, ERR_REFUSED, "cannot prove the change of '%s': '%s' may read it, too: %s", path, unread->path,
		unread->err.text);
	return err_hint(err, "%s", unread->err.hint[0] ? unread->err.hint : "make that file readable, or move it away");
}

int prove_check_reach(const struct patch *patch, struct err *err)
{
	for (size_t i = 0; i < patch->file_count; i++) {
		const struct patch_file *file = &patch->files[i];

		if (!file->source)
			continue;
		if (check_readers(patch, file->source->path, err) < 0)
			return -1;
		if (file->kind == PATCH_POLICY && check_unread(patch, file->source->path, err) < 0)
			return -1;
	}
	return 0;
}
