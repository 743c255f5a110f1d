/* SPDX-License-Identifier: GPL-2.0-or-later */
/* commit-reverse: the proof of taking back. In force → afterwards, the difference is what was given back, and no more.
 */
#include "commit-internal.h"

typedef VEC(const char *) path_vec;

/* The policy files as they will be. */
struct after {
	struct compile_text *texts;
	size_t count;
	bool exact;    /* each of them will be, to the byte, as it was before a change */
	bool restored; /* a change put back a rule that somebody had commented out */
	bool reopens;  /* one of those changes put back a rule that stands in a comment again */
	struct compare_exemption lost;
};

static bool is_policy(const struct back *back, const char *path)
{
	for (size_t i = 0; i < back->count; i++)
		for (size_t f = 0; f < back->list[i].file_count; f++)
			if (strcmp(back->list[i].files[f].path, path) == 0)
				return back->list[i].files[f].kind == BACKUP_POLICY;
	return false;
}

static bool put_back_a_rule(const struct backup_file *file)
{
	for (size_t i = 0; file && i < file->edit_count; i++)
		if (slice_starts(file->edits[i].old, "#"))
			return true;
	return false;
}

static bool was_restored(const struct back *back, const char *path)
{
	for (size_t i = 0; i < back->count; i++)
		for (size_t f = 0; f < back->list[i].file_count; f++)
			if (strcmp(back->list[i].files[f].path, path) == 0 && put_back_a_rule(&back->list[i].files[f]))
				return true;
	return false;
}

static void read_after(struct work *w, const struct back *back, struct after *out)
{
	struct re_pool *pool = w->ground->pool;

	*out = (struct after){ .exact = true };
	out->texts = arena_array(w->arena, back->step_count, sizeof *out->texts);
	if (pool)
		out->lost.paths = re_none(pool);
	for (size_t i = 0; i < back->step_count; i++) {
		const struct step *step = &back->steps[i];

		if (!is_policy(back, step->path))
			continue;
		out->exact = out->exact && step->undo.exact;
		out->restored = out->restored || was_restored(back, step->path);
		out->reopens = out->reopens || put_back_a_rule(step->undo.exact);
		if (step->undo.how != UNDO_KEEP)
			out->texts[out->count++] = (struct compile_text){ step->path, step->undo.bytes };
		for (size_t s = 0; s < step->undo.lost_count; s++) {
			out->lost.paths = re_alt(pool, out->lost.paths, step->undo.lost[s]->paths);
			out->lost.perms |= step->undo.lost[s]->perms;
		}
	}
}

static void add_path(struct work *w, path_vec *paths, const char *path)
{
	for (size_t i = 0; i < paths->len; i++)
		if (strcmp(paths->ptr[i], path) == 0)
			return;
	VEC_PUSH(w->arena, paths, path);
}

/* Every policy of the boot that reads the file, by whatever name. One that nobody can follow does not keep a change
 * from being taken back. */
static void add_readers(struct work *w, path_vec *paths, const struct site *site, const char *path)
{
	struct site_reader *readers;
	size_t count = discover_readers(site, path, &readers);

	for (size_t i = 0; i < count; i++)
		if (!readers[i].err && !readers[i].policy->by_name && !readers[i].policy->container)
			add_path(w, paths, readers[i].path);
}

/* What the changes loaded, and every file that reads a changed one now. */
static int list_policies(struct work *w, const struct back *back, const struct after *after, path_vec *out,
			 struct err *err)
{
	struct site site;

	for (size_t i = 0; i < back->count; i++)
		for (size_t k = 0; k < back->id_count; k++)
			for (size_t n = 0; strcmp(back->ids[k], back->list[i].id) == 0 && n < back->list[i].reload.len;
			     n++)
				add_path(w, out, arena_str(w->arena, back->list[i].reload.ptr[n]));
	if (after->count == 0 || !w->ground->conflict)
		return 0;
	if (discover(&site, w->root, w->ground->conflict, NULL, 0, w->ground->pool, w->arena, err) < 0)
		return -1;
	for (size_t i = 0; i < after->count; i++)
		add_readers(w, out, &site, after->texts[i].path);
	return 0;
}

/*
 * The policy as it will be. One that the parser refuses is brought back all the same where every byte is what stood
 * there before the change: that text is the user's.
 */
static int plan_after(struct work *w, const struct after *after, struct reload *r, struct err *err)
{
	struct err trouble = { 0 };

	if (compile_with(w->compiler, r->path, after->texts, after->count, w->arena, &r->after, &trouble) == 0)
		return 0;
	if (after->exact) {
		work_note(w, "what stood there before the change does not compile, and is not loaded: %s",
			  trouble.text);
		return 0;
	}
	err_put(err, ERR_REFUSED, "cannot take the change out of files that were edited since: %s", trouble.text);
	return err_hint(err, "nothing was written; put '%s' and what it includes right, then try again", r->path);
}

/* Does the change take away only? */
static bool opens(const struct compare_change *change)
{
	for (int half = AUTOMATON_USER; half <= AUTOMATON_OTHER; half++)
		if (change->to.half[half].allow & ~change->from.half[half].allow)
			return true;
	return false;
}

static int refuse_more(const struct after *after, const struct reload *r, const struct compare_change *change,
		       struct err *err)
{
	AUTOBUF words = { 0 };

	compare_words(change, &words);
	err_put(err, ERR_REFUSED,
		"cannot take the change out of '%s': that would change more than it gave back: profile '%.*s': %s",
		r->path, SLICE_FMT(change->profile), buf_str(&words));
	if (after->restored)
		return err_hint(err,
				"a rule that was commented out was put back, and the file was edited since; to open it "
				"all the same, write a # before the rule that the mark names, in place of the mark and "
				"the lines below it");
	return err_hint(err, "nothing was written; please report this together with the policy file");
}

/* What the parser refuses as it is on disk is in force nowhere, so that there is nothing to compare with. */
static int compare(struct work *w, const struct after *after, const struct reload *r, struct err *err)
{
	struct automaton old, new_;
	struct comparison comparison;

	if (after->count == 0 || r->before.len == 0 || r->after.len == 0 || !w->ground->pool || w->recovering)
		return 0;
	if (automaton_read(&old, r->before, w->arena, err) < 0 || automaton_read(&new_, r->after, w->arena, err) < 0 ||
	    compare_automata(&comparison, &old, &new_, &after->lost, w->ground->pool, w->arena, err) < 0)
		return err_wrap(err, "cannot compare the policies of '%s'", r->path);
	for (size_t i = 0; i < comparison.count; i++) {
		const struct compare_change *change = &comparison.changes[i];

		if (after->exact && after->reopens && (change->kind == COMPARE_FILE || change->kind == COMPARE_LINK))
			continue; /* what the rule denies, as harden found it */
		if (!change->allowed || (change->kind == COMPARE_FILE && opens(change)))
			return refuse_more(after, r, change, err);
	}
	return 0;
}

static int plan_policy(struct work *w, const struct after *after, const char *path, struct err *err)
{
	struct reload *r = &w->reloads[w->reload_count++], held;
	enum fsio_kind kind;

	r->path = path;
	if (fsio_kind(w->root, path, &kind, err) < 0)
		return -1;
	if (kind == FSIO_MISSING) {
		work_note(w, "'%s' was removed since, so that it cannot be loaded", path);
		return 0;
	}
	if (plan_after(w, after, r, err) < 0)
		return -1;
	compile_with(w->compiler, path, NULL, 0, w->arena, &r->before, NULL); /* also to go back to */
	if (compare(w, after, r, err) < 0 || w->kernel->state != KERNEL_READY)
		return err_is_set(err) ? -1 : 0;
	if (work_look_loaded(w, r, err) < 0)
		return -1;
	held = *r;
	if (after->exact && after->reopens)
		held.after = r->before; /* what is in force must be what the change left */
	return work_prove_loaded(w, &held, false, &after->lost, err);
}

int work_prove_back(struct work *w, const struct back *back, struct err *err)
{
	const struct slice *dropin = NULL;
	path_vec paths = { 0 };
	struct after after;

	read_after(w, back, &after);
	if (list_policies(w, back, &after, &paths, err) < 0)
		return -1;
	w->reloads = arena_array(w->arena, paths.len, sizeof *w->reloads);
	w->reload_count = 0;
	for (size_t i = 0; i < paths.len; i++)
		if (plan_policy(w, &after, paths.ptr[i], err) < 0)
			return -1;
	for (size_t i = 0; i < back->step_count; i++)
		if (strcmp(back->steps[i].path, DROPIN_PATH) == 0 && back->steps[i].now.existed)
			dropin = &back->steps[i].undo.bytes;
	return work_plan_live(w, back, dropin, err);
}
