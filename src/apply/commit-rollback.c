/* SPDX-License-Identifier: GPL-2.0-or-later */
/* commit-rollback: which changes are taken back, and in which order everything is done then. */
#include "commit-internal.h"

/* A rollback that is done once more goes through no steps: from any of them it is done once more again. */
static int go_to(const struct work *w, enum journal_step step, struct err *err)
{
	return w->recovering ? 0 : journal_step(w->root, step, err);
}

static int carry_back(struct work *w, struct back *back, struct err *err)
{
	VEC(const char *) written = { 0 }, removed = { 0 };

	for (size_t i = 0; i < back->step_count; i++) {
		struct step *step = &back->steps[i];

		if (step->undo.how != UNDO_KEEP)
			VEC_PUSH(w->arena, &written, step->path);
		if (step->undo.how == UNDO_REMOVE)
			VEC_PUSH(w->arena, &removed, step->path);
		w->receipt->files = written.ptr;
		w->receipt->file_count = written.len;
		w->receipt->removed = removed.ptr;
		w->receipt->removed_count = removed.len;
		if (work_do_step(w, step, err) < 0)
			return -1;
	}
	if (go_to(w, JOURNAL_LOADING, err) < 0 || work_load(w, err) < 0 || work_refresh_cache(w, err) < 0)
		return -1;
	return go_to(w, JOURNAL_LOADED, err);
}

/* Taking back failed: the machine becomes what it was before it was tried. Killed in here, the next run takes back. */
static void go_forward(struct work *w, struct back *back, struct err *err)
{
	struct err trouble = { 0 };

	for (size_t i = 0; i < w->loaded; i++)
		if (w->reloads[i].live && w->reloads[i].in_force)
			err_hint(err, "'aa-nestfix fix' cures the containers that run once more");
	work_unload(w, &trouble);
	for (size_t i = back->step_count; i > 0; i--)
		if (back->steps[i - 1].done && !work_is_untouched(w, &back->steps[i - 1]))
			work_put_back(w, &back->steps[i - 1], &trouble);
	work_refresh_cache(w, &trouble);
	if (!err_is_set(&trouble))
		journal_done(w->root, &trouble);
	if (err_is_set(&trouble))
		work_break(w, &trouble, err);
}

static int lock_guests(struct work *w, const struct back *back, struct err *err)
{
	struct backup_file *files = arena_array(w->arena, back->step_count, sizeof *files);

	for (size_t i = 0; i < back->step_count; i++)
		files[i].path = back->steps[i].path;
	return work_lock_guests(w, files, back->step_count, err);
}

/* Of what is taken back, something that another change asked for stays; that is said, with its name. */
static void note_staying(struct work *w, const struct back *back, const struct backup *gone)
{
	for (size_t i = 0; i < back->count; i++) {
		const struct backup *b = &back->list[i];
		bool stays = b->state == BACKUP_IN_FORCE;

		for (size_t k = 0; k < back->id_count; k++)
			stays = stays && strcmp(back->ids[k], b->id) != 0;
		for (size_t s = 0; stays && s < gone->scopes.len; s++)
			if (backup_has_name(&b->scopes, gone->scopes.ptr[s]))
				work_note(w, "%.*s stays given back: change %s asked for it, too",
					  SLICE_FMT(gone->scopes.ptr[s]), b->id);
	}
}

static int sweep(struct work *w, const struct back *back, struct err *err)
{
	for (size_t i = 0; i < back->count; i++)
		for (size_t k = 0; k < back->id_count; k++) {
			if (strcmp(back->ids[k], back->list[i].id) != 0)
				continue;
			if (backup_sweep_files(w->root, &back->list[i], err) < 0)
				return -1;
			note_staying(w, back, &back->list[i]);
		}
	return 0;
}

int work_take_back(struct work *w, const char *const *ids, size_t count, struct err *err)
{
	struct back back;

	w->id = ids[0];
	if (work_read_back(w, ids, count, &back, err) < 0 || sweep(w, &back, err) < 0)
		return -1;
	w->receipt->backup_id = ids[0];
	w->receipt->undone = ids;
	w->receipt->undone_count = count;
	if (work_plan_back(w, &back, err) < 0 || lock_guests(w, &back, err) < 0)
		return -1;
	if (work_prove_back(w, &back, err) < 0 || work_find_loaded(w, err) < 0)
		return -1;
	if (!w->recovering && journal_begin(w->root, JOURNAL_UNDO, ids, count, err) < 0) {
		journal_done(w->root, NULL);
		return -1;
	}
	if (carry_back(w, &back, err) < 0) {
		if (!w->recovering)
			go_forward(w, &back, err);
		return -1;
	}
	work_finish(w, ids, count, BACKUP_UNDONE);
	return 0;
}

static int no_change(struct err *err)
{
	err_put(err, ERR_REFUSED, "cannot undo anything: there is no record of a change in force");
	return err_hint(err, "see what is given back now, recorded or not: aa-nestfix rollback --list");
}

typedef VEC(const char *) id_vec;

/* The newest changes in force, down to `stop`, which is left out. One that cannot be read could be one of them, so that
 * it is not passed over. */
static int choose(struct work *w, const char *stop, size_t most, id_vec *out, struct err *err)
{
	struct backup *list;
	size_t count;

	if (backup_list(w->root, w->arena, &list, &count, err) < 0)
		return -1;
	for (size_t i = count; i > 0 && out->len < most; i--) {
		const struct backup *b = &list[i - 1];

		if (stop && strcmp(b->id, stop) == 0)
			return 0;
		if (b->state == BACKUP_DAMAGED) {
			err_put(err, ERR_REFUSED, "cannot tell which changes are in force: %s",
				b->damage ? b->damage : b->id);
			return err_hint(
			    err,
			    "name the changes to undo one by one: see 'aa-nestfix rollback --list', which tells what "
			    "is given back then, too; what a damaged one found is in " BACKUP_DIR "/%s.tar",
			    b->id);
		}
		if (b->state == BACKUP_IN_FORCE)
			VEC_PUSH(w->arena, out, b->id);
	}
	return 0;
}

static int check_named(struct work *w, const char *id, enum commit_back which, struct err *err)
{
	struct backup backup;

	if (backup_read(w->root, id, w->arena, &backup, err) < 0)
		return -1;
	if (backup.state == BACKUP_IN_FORCE)
		return 0;
	if (backup.state != BACKUP_UNDONE)
		return err_put(err, ERR_REFUSED, "cannot undo '%s': it was never carried out", id);
	if (which == COMMIT_BACK_ONE)
		return err_put(err, ERR_REFUSED, "cannot undo '%s': that was done at %s", id,
			       backup.undone ? backup.undone : "an unknown time");
	err_put(err, ERR_REFUSED, "cannot go back to '%s': it is undone itself", id);
	return err_hint(err, "name a change that is in force: see 'aa-nestfix rollback --list'");
}

/* What a killed run left was undone just now, and that was all that was asked for. */
static int tell_undone(struct work *w, const char *id)
{
	const char **ids = ARENA_NEW(w->arena, const char *);

	*ids = id;
	w->receipt->backup_id = id;
	w->receipt->undone = ids;
	w->receipt->undone_count = 1;
	return 0;
}

static int rollback_locked(struct work *w, enum commit_back which, const char *id, struct err *err)
{
	const char *undone;
	id_vec ids = { 0 };

	if (work_recover(w, &undone, err) < 0)
		return -1;
	if (undone && (which == COMMIT_BACK_LAST || (which == COMMIT_BACK_ONE && strcmp(id, undone) == 0)))
		return tell_undone(w, undone); /* that was the newest change */
	if (id && check_named(w, id, which, err) < 0)
		return -1;
	if (which == COMMIT_BACK_ONE)
		VEC_PUSH(w->arena, &ids, id);
	else if (choose(w, id, which == COMMIT_BACK_LAST ? 1 : SIZE_MAX, &ids, err) < 0)
		return -1;
	if (ids.len > 0)
		return work_take_back(w, ids.ptr, ids.len, err);
	if (undone && which == COMMIT_BACK_ALL)
		return tell_undone(w, undone);
	if (which == COMMIT_BACK_TO)
		return err_put(err, ERR_REFUSED, "cannot undo anything: '%s' is the newest change in force", id);
	return no_change(err);
}

int commit_rollback(const struct compiler *compiler, const struct kernel *kernel, const struct undo_ground *ground,
		    enum commit_back which, const char *id, struct arena *arena, struct receipt *out, struct err *err)
{
	struct work w;
	int result;

	work_open(&w, compiler, kernel, ground, arena, out);
	if (work_lock(&w, -1, err) < 0)
		return -1;
	result = rollback_locked(&w, which, id, err);
	work_release(&w);
	return result;
}
