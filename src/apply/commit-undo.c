/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <sys/xattr.h>

#include "commit-internal.h"

enum step_how {
	STEP_KEEP,   /* nothing of the change is there */
	STEP_EXACT,  /* the file is as the change left it: bytes and attributes come back */
	STEP_SPLICE, /* edited since: only the change is taken out */
};

/* What is to be done with one file. */
struct step {
	const struct backup_file *file;
	enum step_how how;
	struct slice bytes;     /* STEP_SPLICE: the new content */
	struct file was;        /* as it is now, for the write */
	struct backup_file now; /* the same, for putting it back; `existed` tells whether it is there */
	bool done;
};

static int read_now(struct work *w, const char *path, int *fd, struct file *out, bool *there, struct err *err)
{
	enum fsio_kind kind;

	if (fsio_kind(w->root, path, &kind, err) < 0)
		return -1;
	*there = kind != FSIO_MISSING;
	if (!*there)
		return 0;
	*fd = fsio_open(w->root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, err);
	if (*fd < 0)
		return -1;
	return fsio_read_fd(*fd, w->root, path, FSIO_LIMIT_POLICY, w->arena, out, err);
}

static int keep_now(struct step *step, int fd, struct arena *arena, struct err *err)
{
	step->now.existed = true;
	step->now.content = step->was.bytes;
	step->now.attr = (struct atomic_attr){
		.mode = step->was.st.st_mode & 07777,
		.uid = step->was.st.st_uid,
		.gid = step->was.st.st_gid,
		.force = true,
		.mtime = step->was.st.st_mtim,
	};
	return fsio_xattrs(fd, step->file->path, arena, &step->now.xattrs, &step->now.xattr_count, err);
}

static int plan_splice(struct work *w, struct step *step, struct err *err)
{
	AUTOBUF out = { 0 };

	if (backup_take_out(step->file, step->now.content, &out, err) < 0)
		return -1;
	step->bytes = arena_slice(w->arena, buf_slice(&out));
	step->how = slice_eq(step->bytes, step->now.content) ? STEP_KEEP : STEP_SPLICE;
	return 0;
}

static int plan_step(struct work *w, struct step *step, const struct backup_file *file, struct err *err)
{
	AUTOCLOSE fd = -1;
	bool there;

	*step = (struct step){ .file = file, .now = { .path = file->path } };
	if (read_now(w, file->path, &fd, &step->was, &there, err) < 0)
		return -1;
	if (!there && file->removed) {
		step->how = STEP_EXACT;
		step->bytes = file->content;
		return 0;
	}
	if (!there && file->existed)
		work_note(w, "'%s' was removed since and stays so", file->path);
	if (!there)
		return 0;
	if (keep_now(step, fd, w->arena, err) < 0)
		return -1;
	if (step->was.st.st_nlink > 1)
		work_note(w, "'%s' has another name, which keeps what stands there now", file->path);
	switch (backup_look(file, &step->was.bytes)) {
	case BACKUP_AS_BEFORE:
		return 0;
	case BACKUP_AS_LEFT:
		step->how = STEP_EXACT;
		step->bytes = file->content;
		return 0;
	case BACKUP_EDITED:
		break;
	}
	return plan_splice(w, step, err);
}

static int write_step(struct work *w, const struct step *step, struct err *err)
{
	const struct file *was = step->now.existed ? &step->was : NULL;
	struct atomic_attr keep = { 0 };

	if (step->how == STEP_EXACT)
		return backup_restore(w->root, step->file, was, err);
	return atomic_replace(w->root, step->file->path, was, step->bytes, &keep, err);
}

/* An edit that came between the plan and now is refused there, and stands. After any other failure the file may be what
 * it is to be. */
static int do_step(struct work *w, struct step *step, struct err *err)
{
	struct err trouble = { 0 };

	if (step->how == STEP_KEEP)
		return 0;
	step->done = write_step(w, step, &trouble) == 0 || trouble.kind != ERR_REFUSED;
	if (!err_is_set(&trouble))
		return 0;
	err_put(err, trouble.kind, "%s", trouble.text);
	return err_hint(err, "%s", trouble.hint);
}

int work_restore(struct work *w, const struct backup *backup, struct err *err)
{
	struct err first = { 0 };

	for (size_t i = backup->file_count; i > 0; i--) {
		struct step step;

		if (plan_step(w, &step, &backup->files[i - 1], &first) == 0)
			do_step(w, &step, &first);
	}
	if (!err_is_set(&first))
		return 0;
	err_put(err, first.kind, "%s", first.text);
	return err_hint(err, "%s", first.hint);
}

/* All that taking back needs to know before the first write. */
struct plan {
	struct backup backup;
	struct step *steps; /* in the order of undoing: last file first */
	struct compile_text *texts;
	size_t text_count;
	bool exact; /* every file will be, to the byte, as it was before the change */
};

static int plan_files(struct work *w, struct plan *plan, struct err *err)
{
	size_t count = plan->backup.file_count;

	plan->steps = arena_array(w->arena, count, sizeof *plan->steps);
	plan->texts = arena_array(w->arena, count, sizeof *plan->texts);
	plan->exact = true;
	for (size_t i = 0; i < count; i++) {
		struct step *step = &plan->steps[i];

		if (plan_step(w, step, &plan->backup.files[count - 1 - i], err) < 0)
			return -1;
		if (step->how == STEP_SPLICE || (step->how == STEP_KEEP && step->file->existed &&
						 !slice_eq(step->now.content, step->file->content)))
			plan->exact = false;
		if (step->how != STEP_KEEP && step->file->existed)
			plan->texts[plan->text_count++] = (struct compile_text){ step->file->path, step->bytes };
	}
	return 0;
}

/*
 * The policy as it will be. One that the parser refuses is brought back all the same where every byte is what stood
 * there before the change: that text is the user's.
 */
static int plan_after(struct work *w, const struct plan *plan, struct reload *r, struct err *err)
{
	struct err trouble = { 0 };

	if (compile_with(w->compiler, r->path, plan->texts, plan->text_count, w->arena, &r->after, &trouble) == 0)
		return 0;
	if (plan->exact) {
		work_note(w, "what stood there before the change does not compile, and is not loaded: %s",
			  trouble.text);
		return 0;
	}
	err_put(err, ERR_REFUSED, "cannot take the change out of files that were edited since: %s", trouble.text);
	return err_hint(err, "nothing was written; put '%s' and what it includes right, then try again", r->path);
}

static int plan_reloads(struct work *w, const struct plan *plan, struct err *err)
{
	const struct backup_names *paths = &plan->backup.reload;

	w->reloads = arena_array(w->arena, paths->len, sizeof *w->reloads);
	w->reload_count = 0;
	for (size_t i = 0; i < paths->len; i++) {
		struct reload *r = &w->reloads[w->reload_count++];
		enum fsio_kind kind;

		r->path = arena_str(w->arena, paths->ptr[i]);
		if (fsio_kind(w->root, r->path, &kind, err) < 0)
			return -1;
		if (kind == FSIO_MISSING) {
			work_note(w, "'%s' was removed since, so that it cannot be loaded", r->path);
			continue;
		}
		if (plan_after(w, plan, r, err) < 0)
			return -1;
		if (w->kernel->state == KERNEL_READY) /* to go back to; what does not compile is not in force anyway */
			compile_with(w->compiler, r->path, NULL, 0, w->arena, &r->before, NULL);
	}
	if (work_plan_live(w, &plan->backup, err) < 0)
		return -1;
	return work_find_loaded(w, err);
}

/* A rollback that is done once more goes through no steps: from any of them it is done once more again. */
static int go_to(const struct work *w, enum journal_step step, struct err *err)
{
	return w->recovering ? 0 : journal_step(w->root, step, err);
}

static int carry_back(struct work *w, struct plan *plan, struct err *err)
{
	VEC(const char *) written = { 0 };

	for (size_t i = 0; i < plan->backup.file_count; i++) {
		struct step *step = &plan->steps[i];

		if (step->how != STEP_KEEP)
			VEC_PUSH(w->arena, &written, step->file->path);
		w->receipt->files = written.ptr;
		w->receipt->file_count = written.len;
		if (do_step(w, step, err) < 0)
			return -1;
	}
	if (go_to(w, JOURNAL_LOADING, err) < 0 || work_load(w, err) < 0 || work_refresh_cache(w, err) < 0)
		return -1;
	return go_to(w, JOURNAL_LOADED, err);
}

/* A step that failed before the new file took its place: nothing is to be put back, and maybe nothing can be written.
 */
static bool is_untouched(struct work *w, const struct step *step)
{
	AUTOCLOSE fd = -1;
	struct file file;
	bool there;

	return read_now(w, step->file->path, &fd, &file, &there, NULL) == 0 && there && step->now.existed &&
	       slice_eq(file.bytes, step->now.content);
}

/* What the step left, and nothing else, gives way to what it found. */
static void put_back(struct work *w, const struct step *step, struct err *err)
{
	struct file left = { .bytes = step->bytes };
	bool removed = step->how == STEP_EXACT && !step->file->existed;

	backup_restore(w->root, &step->now, removed ? NULL : &left, err);
}

/* Taking back failed: the machine becomes what it was before it was tried. Killed in here, the next run takes back. */
static void go_forward(struct work *w, struct plan *plan, struct err *err)
{
	struct err trouble = { 0 };

	for (size_t i = 0; i < w->loaded; i++)
		if (w->reloads[i].live && w->reloads[i].in_force)
			err_hint(err, "'aa-nestfix fix' cures the containers that run once more");
	work_unload(w, &trouble);
	for (size_t i = plan->backup.file_count; i > 0; i--)
		if (plan->steps[i - 1].done && !is_untouched(w, &plan->steps[i - 1]))
			put_back(w, &plan->steps[i - 1], &trouble);
	work_refresh_cache(w, &trouble);
	if (!err_is_set(&trouble))
		journal_done(w->root, &trouble);
	if (err_is_set(&trouble))
		work_break(w, &trouble, err);
}

int work_take_back(struct work *w, struct err *err)
{
	struct plan plan = { 0 };

	if (backup_read(w->root, w->id, w->arena, &plan.backup, err) < 0 ||
	    backup_sweep_files(w->root, &plan.backup, err) < 0)
		return -1;
	w->receipt->backup_id = w->id;
	if (work_lock_guests(w, plan.backup.files, plan.backup.file_count, err) < 0)
		return -1;
	if (plan_files(w, &plan, err) < 0 || plan_reloads(w, &plan, err) < 0)
		return -1;
	if (!w->recovering && journal_begin(w->root, JOURNAL_UNDO, w->id, err) < 0) {
		journal_done(w->root, NULL);
		return -1;
	}
	if (carry_back(w, &plan, err) < 0) {
		if (!w->recovering)
			go_forward(w, &plan, err);
		return -1;
	}
	work_finish(w, BACKUP_UNDONE);
	return 0;
}

static int no_change(struct err *err)
{
	err_put(err, ERR_REFUSED, "cannot undo anything: no change is in force");
	return err_hint(err, "see 'aa-nestfix rollback --list'");
}

/* The newest change in force. One that cannot be read could be it, so that it is not passed over. */
static int choose(struct work *w, struct err *err)
{
	struct backup *list;
	size_t count;

	if (backup_list(w->root, w->arena, &list, &count, err) < 0)
		return -1;
	for (size_t i = count; i > 0; i--) {
		const struct backup *b = &list[i - 1];

		if (b->state == BACKUP_DAMAGED) {
			err_put(err, ERR_REFUSED, "cannot tell which change is the newest: %s",
				b->damage ? b->damage : b->id);
			return err_hint(err, "name the one to undo: see 'aa-nestfix rollback --list'");
		}
		w->id = b->id;
		if (b->state == BACKUP_IN_FORCE)
			return 0;
	}
	return no_change(err);
}

static int check_named(struct work *w, const char *id, struct err *err)
{
	struct backup backup;

	w->id = id;
	if (backup_read(w->root, id, w->arena, &backup, err) < 0)
		return -1;
	if (backup.state == BACKUP_IN_FORCE)
		return 0;
	if (backup.state == BACKUP_UNDONE)
		return err_put(err, ERR_REFUSED, "cannot undo '%s': that was done at %s", id,
			       backup.undone ? backup.undone : "an unknown time");
	return err_put(err, ERR_REFUSED, "cannot undo '%s': it was never carried out", id);
}

static int rollback_locked(struct work *w, const char *id, struct err *err)
{
	const char *undone;

	if (work_recover(w, &undone, err) < 0)
		return -1;
	if (undone && (!id || strcmp(id, undone) == 0)) { /* that was the newest change */
		w->receipt->backup_id = undone;
		return 0;
	}
	if ((id ? check_named(w, id, err) : choose(w, err)) < 0)
		return -1;
	return work_take_back(w, err);
}

int commit_rollback(const struct compiler *compiler, const struct kernel *kernel, const char *id, struct arena *arena,
		    struct receipt *out, struct err *err)
{
	struct work w;
	int result;

	work_open(&w, compiler, kernel, arena, out);
	if (work_lock(&w, -1, err) < 0)
		return -1;
	result = rollback_locked(&w, id, err);
	work_release(&w);
	return result;
}
