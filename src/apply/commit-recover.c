/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "commit-internal.h"

/*
 * After files were put back the kernel may hold what the killed run loaded, or what a boot read from half-written
 * files. Only a run that was killed while it wrote, in this very boot, has left the kernel alone.
 */
static bool kernel_is_untouched(const struct work *w, const struct journal *journal)
{
	return w->kernel->state != KERNEL_READY || (journal->step == JOURNAL_WRITING && journal->same_boot);
}

/* The drop-in as it is on disk, where the change touched it; else NULL. */
static int read_dropin(struct work *w, const struct backup *backup, struct slice **out, struct err *err)
{
	enum fsio_kind kind;
	struct file file;

	*out = NULL;
	for (size_t i = 0; i < backup->file_count; i++)
		if (backup->files[i].kind == BACKUP_DROPIN && !backup->files[i].removed)
			*out = ARENA_NEW(w->arena, struct slice);
	if (!*out || fsio_kind(w->root, DROPIN_PATH, &kind, err) < 0)
		return *out ? -1 : 0;
	if (kind == FSIO_MISSING)
		return 0;
	if (fsio_read(w->root, DROPIN_PATH, FSIO_LIMIT_POLICY, w->arena, &file, err) < 0)
		return -1;
	**out = file.bytes;
	return 0;
}

static int reload_old(struct work *w, const struct backup *backup, const struct journal *journal, struct err *err)
{
	struct slice *dropin;
	struct back back;

	w->reloads = arena_array(w->arena, backup->reload.len, sizeof *w->reloads);
	w->reload_count = backup->reload.len;
	for (size_t i = 0; i < w->reload_count; i++) {
		struct reload *r = &w->reloads[i];
		enum fsio_kind kind;

		r->path = arena_str(w->arena, backup->reload.ptr[i]);
		if (kernel_is_untouched(w, journal))
			continue;
		if (fsio_kind(w->root, r->path, &kind, err) < 0)
			return -1;
		if (kind != FSIO_MISSING && compile_with(w->compiler, r->path, NULL, 0, w->arena, &r->after, err) < 0)
			return -1;
	}
	if (!kernel_is_untouched(w, journal) &&
	    (work_read_back(w, &w->id, 1, &back, err) < 0 || read_dropin(w, backup, &dropin, err) < 0 ||
	     work_plan_live(w, &back, dropin, err) < 0))
		return -1;
	if (work_find_loaded(w, err) < 0 || work_load(w, err) < 0)
		return -1;
	return work_refresh_cache(w, err);
}

static int revert(struct work *w, const struct journal *journal, struct err *err)
{
	struct backup backup;

	if (backup_read(w->root, w->id, w->arena, &backup, err) < 0 || backup_sweep_files(w->root, &backup, err) < 0 ||
	    work_lock_guests(w, backup.files, backup.file_count, err) < 0 || work_restore(w, err) < 0 ||
	    reload_old(w, &backup, journal, err) < 0 || journal_done(w->root, err) < 0)
		return -1;
	backup_discard(w->root, w->id, NULL); /* without a journal it is swept away before the next change */
	return 0;
}

static int complete(struct work *w, struct err *err)
{
	if (backup_mark(w->root, w->id, BACKUP_IN_FORCE, err) < 0)
		return -1;
	return journal_done(w->root, err);
}

static const char *say(const struct work *w, const struct journal *journal, const char *what)
{
	return arena_printf(w->arena, "%s that was begun at %s and cut short %s",
			    journal->action == JOURNAL_UNDO ? "a rollback" : "a change", journal->time, what);
}

/* With a receipt of its own: what is done here is not what the caller was asked to do. */
int work_recover(struct work *w, const char **undone, struct err *err)
{
	struct journal journal;
	struct receipt receipt = { 0 };
	struct work past = *w;
	int result;

	*undone = NULL;
	if (journal_read(w->root, w->arena, &journal, err) < 0)
		return -1;
	if (journal.step == JOURNAL_NONE)
		return 0;
	past.receipt = &receipt;
	past.recovering = true;
	past.id = journal.backup;
	if (journal.action == JOURNAL_UNDO)
		result = work_take_back(&past, journal.back, journal.back_count, err);
	else if (journal.step == JOURNAL_LOADED)
		result = complete(&past, err);
	else
		result = revert(&past, &journal, err);
	work_unlock_guests(&past); /* the caller locks what it changes itself, and would wait for this process */
	if (result < 0)
		return err_wrap(err, "cannot end %s", say(w, &journal, "before"));
	if (journal.action == JOURNAL_UNDO || journal.step != JOURNAL_LOADED)
		*undone = past.id;
	w->receipt->recovered =
	    say(w, &journal,
		journal.action == JOURNAL_CHANGE && journal.step != JOURNAL_LOADED ? "was undone" : "was completed");
	if (receipt.note)
		work_note(w, "%s", receipt.note);
	return 0;
}

int commit_recover(const struct compiler *compiler, const struct kernel *kernel, const struct undo_ground *ground,
		   struct arena *arena, const char **words, struct err *err)
{
	struct journal journal;
	struct receipt receipt;
	const char *undone;
	struct work w;
	int result;

	*words = NULL;
	if (journal_read(compiler->root, arena, &journal, err) < 0)
		return -1;
	if (journal.step == JOURNAL_NONE)
		return 0;
	work_open(&w, compiler, kernel, ground, arena, &receipt);
	if (work_lock(&w, -1, err) < 0)
		return -1;
	result = work_recover(&w, &undone, err);
	work_release(&w);
	*words = receipt.recovered;
	return result;
}

int commit_unfinished(const struct root *root, struct arena *arena, const char **words, struct err *err)
{
	struct journal journal;
	bool locked;
	pid_t pid;

	*words = NULL;
	if (journal_is_locked(root, &locked, &pid, err) < 0)
		return -1;
	if (locked) {
		*words = arena_printf(arena, "another aa-nestfix is at work (process %ld)", (long)pid);
		return 0;
	}
	if (journal_read(root, arena, &journal, err) < 0)
		return -1;
	if (journal.step != JOURNAL_NONE)
		*words = arena_printf(arena,
				      "%s that was begun at %s was cut short; the next 'aa-nestfix fix' or "
				      "'aa-nestfix rollback' ends it",
				      journal.action == JOURNAL_UNDO ? "a rollback" : "a change", journal.time);
	return 0;
}
