/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prove-restore: a rule that somebody commented out is put back. Two things are shown: from the policy with that rule,
 * whole, nothing changes but what is given back; and from the policy that there is, accesses are only taken away.
 */
#include "prove-internal.h"

/* What the comment holds behind its #. */
static struct slice uncommented(struct slice text)
{
	while (slice_starts(text, "#"))
		text = slice_from(text, 1);
	return slice_trim(text);
}

/* The text as it was before somebody put a # there: made anew here, whatever the patch says. */
int prove_check_restored(const struct patch_file *file, struct err *err)
{
	AUTOBUF restored = { 0 };
	size_t at = 0;

	for (size_t i = 0; i < file->edit_count; i++) {
		const struct edit *edit = &file->edits[i];
		struct slice comment = slice_sub(file->old, edit->at, edit->len);

		if (!slice_starts(comment, "#") || memchr(comment.ptr, '\n', comment.len))
			return err_put(err, ERR_REFUSED, "cannot prove the change of '%s': it replaces no comment",
				       file->source->path);
		buf_addslice(&restored, slice_sub(file->old, at, edit->at - at));
		buf_addslice(&restored, uncommented(comment));
		at = edit->at + edit->len;
	}
	buf_addslice(&restored, slice_from(file->old, at));
	if (!slice_eq(buf_slice(&restored), file->restored))
		return err_put(err, ERR_REFUSED,
			       "cannot prove the change of '%s': another rule than that would be put back",
			       file->source->path);
	return 0;
}

/* Is nothing allowed that was not? What is only logged, or hidden from the log, may change with the rule. */
static bool is_narrower(const struct compare_change *c)
{
	if (c->kind == COMPARE_LOGGING)
		return true;
	if (c->kind != COMPARE_FILE && c->kind != COMPARE_LINK)
		return false;
	for (int h = AUTOMATON_USER; h <= AUTOMATON_OTHER; h++) {
		const struct automaton_half *from = &c->from.half[h], *to = &c->to.half[h];

		if ((to->allow & ~from->allow) || (to->more & ~from->more) ||
		    ((to->allow & PERM_X) && to->xindex != from->xindex))
			return false;
	}
	return true;
}

void prove_narrow(struct comparison *comparison)
{
	comparison->allowed = true;
	for (size_t i = 0; i < comparison->count; i++) {
		comparison->changes[i].allowed = comparison->changes[i].allowed || is_narrower(&comparison->changes[i]);
		comparison->allowed = comparison->allowed && comparison->changes[i].allowed;
	}
}

static struct compile_text *restored_texts(const struct attempt *a, size_t *count)
{
	struct compile_text *texts = arena_array(a->arena, a->patch->file_count, sizeof *texts);

	*count = 0;
	for (size_t i = 0; i < a->patch->file_count; i++)
		if (a->patch->files[i].source)
			texts[(*count)++] =
			    (struct compile_text){ a->patch->files[i].source->path, a->patch->files[i].restored };
	return texts;
}

int prove_restored(const struct attempt *a, struct proof_policy *p, const struct automaton *new_)
{
	struct compare_exemption exemption = { .paths = a->patch->paths, .perms = a->patch->perms };
	struct automaton whole;
	struct slice blob;
	size_t count;
	struct compile_text *texts = restored_texts(a, &count);

	if (compile_policy(a->compiler, p->policy, texts, count, a->arena, &blob, a->err) < 0 ||
	    automaton_read(&whole, blob, a->arena, a->err) < 0 ||
	    compare_automata(&p->comparison, &whole, new_, &exemption, a->patch->site->pool, a->arena, a->err) < 0)
		return err_wrap(a->err, "cannot compare '%s' with what it was before the rule was taken out",
				p->policy->path);
	return p->comparison.allowed ? 0 : prove_refuse_change(a, p->policy->path, &p->comparison);
}
