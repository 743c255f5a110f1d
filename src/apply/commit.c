/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <unistd.h>

#include "commit-internal.h"

/* Longer than a fix holds it that plans, proves and writes, on a host of some dozen containers. */
enum { LOCK_SECONDS = 60 };

void work_open(struct work *w, const struct compiler *compiler, const struct kernel *kernel,
	       const struct undo_ground *ground, struct arena *arena, struct receipt *receipt)
{
	*receipt = (struct receipt){ .kernel = kernel->state };
	*w = (struct work){
		.root = compiler->root,
		.compiler = compiler,
		.kernel = kernel,
		.ground = ground,
		.arena = arena,
		.receipt = receipt,
		.lock = -1,
	};
}

int commit_lock(const struct root *root, int *lock, struct err *err)
{
	return journal_lock(root, LOCK_SECONDS, lock, err);
}

int work_lock(struct work *w, int held, struct err *err)
{
	if (held < 0)
		return commit_lock(w->root, &w->lock, err);
	w->lock = fcntl(held, F_DUPFD_CLOEXEC, 0); /* flock(2): a lock ends with the last duplicate */
	return w->lock < 0 ? err_errno(err, "cannot go on with the lock") : 0;
}

void work_release(struct work *w)
{
	work_unlock_guests(w);
	fsio_close(&w->lock);
}

int work_changed_meanwhile(const char *path, struct err *err)
{
	err_put(err, ERR_REFUSED, "cannot change '%s': somebody else changed it meanwhile", path);
	return err_hint(err, "try again: the change is then planned anew");
}

/* Is it a file that is written, rather than policy that is only loaded? */
static bool is_file(const struct patch_file *file)
{
	return file->kind != PATCH_LIVE && file->kind != PATCH_LOAD;
}

static const struct patch_file *file_of(const struct patch *patch, const char *path)
{
	for (size_t i = 0; i < patch->file_count; i++)
		if (strcmp(patch_path(&patch->files[i]), path) == 0)
			return &patch->files[i];
	return NULL;
}

/* What is written down of a policy that the kernel does not show: its text as it will be on disk. */
static struct record_of describe_record(struct work *w, const struct patch *patch, const struct policy *policy)
{
	struct record_of of = discover_record(patch->site, policy);
	AUTOBUF text = { 0 };

	for (size_t i = 0; i < policy->source_count; i++) {
		const struct policy_source *source = policy->sources[i];
		const struct patch_file *file = file_of(patch, source->path);

		record_add(&text, source->path, file && is_file(file) ? file->new_ : source->doc.text);
	}
	of.text = arena_slice(w->arena, buf_slice(&text));
	return of;
}

static void collect_reloads(struct work *w, const struct proof *proof)
{
	const struct patch *patch = proof_patch(proof);
	size_t count;
	const struct proof_policy *policies = proof_policies(proof, &count);

	w->reloads = arena_array(w->arena, count, sizeof *w->reloads);
	w->reload_count = count;
	for (size_t i = 0; i < count; i++) {
		const struct policy *policy = policies[i].policy;
		struct reload *r = &w->reloads[i];

		*r = (struct reload){
			.path = policy->path,
			.before = policies[i].old_blob,
			.after = policies[i].new_blob,
			.live = discover_container(patch->site, policy) != NULL,
			.text = policy->source_count > 0 ? policy->sources[0]->doc.text : SLICE(""),
			.skip = policies[i].skipped != NULL,
			.loaded = policies[i].loaded,
		};
		if (r->loaded->state == LOADED_HIDDEN)
			r->record = describe_record(w, patch, policy);
	}
}

/* The first file by which what the parser would read now, a live text in its place, differs from `want`; or NULL. */
static int find_difference(struct work *w, struct reload *r, struct slice text, const struct policy_reach *want,
			   const char **path, struct err *err)
{
	struct compile_text live = { r->path, text };
	struct policy_reach now;

	*path = NULL;
	if (r->live && r->skip)
		return 0;
	if (r->live && work_check_live(w, r, err) < 0)
		return -1;
	if (r->gone)
		return 0;
	if (compile_gather(&now, w->compiler, NULL, r->path, &live, r->live, w->arena, err) < 0)
		return -1;
	*path = compile_difference(want, &now);
	return 0;
}

/* Every file that the proof speaks of still has the bytes that it had then. */
static int check_planned(struct work *w, const struct proof *proof, struct err *err)
{
	size_t count;
	const struct proof_policy *policies = proof_policies(proof, &count);
	const char *path;

	for (size_t i = 0; i < count; i++) {
		struct reload *r = &w->reloads[i];

		if (find_difference(w, r, r->text, &policies[i].old_input, &path, err) < 0)
			return -1;
		if (path)
			return work_changed_meanwhile(path, err);
		if (work_check_loaded(w, r, err) < 0)
			return -1;
	}
	return 0;
}

static void add_name(struct backup_names *names, struct slice name, struct arena *arena)
{
	VEC(struct slice) all = { names->ptr, names->len, vec_cap(names->len) };

	if (backup_has_name(names, name))
		return;
	VEC_PUSH(arena, &all, name);
	*names = (struct backup_names){ all.ptr, all.len };
}

struct backup_file work_describe_file(const struct patch_file *from, struct arena *arena)
{
	struct backup_file file = {
		.path = patch_path(from),
		.kind = strcmp(patch_path(from), DROPIN_PATH) == 0 ? BACKUP_DROPIN
			: from->kind == PATCH_POLICY               ? BACKUP_POLICY
								   : BACKUP_CONFIG,
		.existed = from->source || from->existed,
		.removed = from->removed,
		.edits = arena_array(arena, from->edit_count, sizeof *file.edits),
		.edit_count = from->edit_count,
	};

	for (size_t i = 0; i < from->edit_count; i++) {
		const struct edit *edit = &from->edits[i];

		file.edits[i] = (struct backup_edit){ edit->at, slice_sub(from->old, edit->at, edit->len), edit->with };
	}
	return file;
}

static bool is_written(const struct patch *patch, const char *path)
{
	for (size_t i = 0; i < patch->file_count; i++)
		if (is_file(&patch->files[i]) && strcmp(patch_path(&patch->files[i]), path) == 0)
			return true;
	return false;
}

/* Is what was asked for given back there already, by an earlier change? */
static int is_held(struct work *w, const struct patch *patch, const struct policy_source *source, struct err *err)
{
	struct mark *marks;
	size_t count;

	if (mark_find(&source->doc, patch->finding->conflict, patch->site->pool, w->arena, &marks, &count, err) < 0)
		return -1;
	for (size_t m = 0; m < count; m++)
		for (size_t i = 0; i < patch->asked_count; i++)
			if (mark_covers(&marks[m], patch->asked[i]))
				return 1;
	return 0;
}

/* What is in force is what was asked for: a file that another change cured keeps it for this one's sake, too. */
static int list_held(struct work *w, const struct patch *patch, struct backup_names *out, struct err *err)
{
	const struct finding *finding = patch->finding;
	const struct dropin *dropin = &patch->site->dropin;

	for (size_t i = 0; i < finding->case_count; i++) {
		const struct policy *policy = finding->cases[i].policy;

		for (size_t s = 0; s < policy->source_count; s++) {
			struct slice path = slice_of(policy->sources[s]->path);
			int held;

			if (is_written(patch, path.ptr) || backup_has_name(out, path))
				continue;
			held = is_held(w, patch, policy->sources[s], err);
			if (held < 0)
				return -1;
			if (held)
				add_name(out, path, w->arena);
		}
	}
	for (size_t i = 0; i < patch->asked_count && !is_written(patch, DROPIN_PATH); i++)
		if (dropin_covers(dropin, patch->asked[i]))
			add_name(out, SLICE(DROPIN_PATH), w->arena);
	return 0;
}

/* Taking away a drop-in that is of no use any more asks for nothing. */
static bool gives_back(const struct patch *patch)
{
	for (size_t i = 0; i < patch->file_count; i++)
		if (!patch->files[i].removed)
			return true;
	return false;
}

static int make_backup(struct work *w, const struct patch *patch, struct err *err)
{
	const struct finding *finding = patch->finding;
	struct backup backup = { 0 };

	add_name(&backup.conflicts, finding->conflict->name, w->arena);
	backup.everywhere = patch->site->target_count == 0;
	for (size_t i = 0; gives_back(patch) && i < patch->asked_count; i++)
		add_name(&backup.scopes, patch->asked[i]->name, w->arena);
	for (size_t i = 0; i < finding->case_count; i++)
		if (finding->cases[i].state == LOCATE_BLOCKED)
			add_name(&backup.profiles, finding->cases[i].profile->name, w->arena);
	for (size_t i = 0; i < w->reload_count; i++)
		if (!w->reloads[i].skip || !w->reloads[i].live)
			add_name(w->reloads[i].live ? &backup.live : &backup.reload, slice_of(w->reloads[i].path),
				 w->arena);
	backup.files = arena_array(w->arena, patch->file_count, sizeof *backup.files);
	for (size_t i = 0; i < patch->file_count; i++)
		if (is_file(&patch->files[i]))
			backup.files[backup.file_count++] = work_describe_file(&patch->files[i], w->arena);
	if (list_held(w, patch, &backup.holds, err) < 0 || backup_make(w->root, &backup, w->arena, err) < 0)
		return -1;
	w->id = backup.id;
	w->receipt->backup_id = backup.id;
	return 0;
}

int work_write_file(const struct work *w, const struct patch_file *file, struct err *err)
{
	struct atomic_attr keep = { .mode = 0644, .uid = geteuid(), .gid = getegid() };
	bool existed = file->kind != PATCH_CREATE || file->existed;
	struct file planned = { .bytes = file->old };

	if (file->removed)
		return atomic_remove(w->root, patch_path(file), &planned, err);
	return atomic_replace(w->root, patch_path(file), existed ? &planned : NULL, file->new_, &keep, err);
}

static int write_files(struct work *w, const struct patch *patch, struct err *err)
{
	VEC(const char *) written = { 0 };

	for (size_t i = 0; i < patch->file_count; i++) {
		if (!is_file(&patch->files[i]))
			continue;
		if (patch->files[i].removed)
			work_note(w, "'%s' was removed: LXC itself is cured", patch_path(&patch->files[i]));
		else
			VEC_PUSH(w->arena, &written, patch_path(&patch->files[i]));
		w->receipt->files = written.ptr;
		w->receipt->file_count = written.len;
		if (work_write_file(w, &patch->files[i], err) < 0)
			return -1;
	}
	return 0;
}

static struct slice new_text(const struct patch *patch, const struct reload *r)
{
	for (size_t i = 0; i < patch->file_count; i++)
		if (patch->files[i].kind == PATCH_LIVE && strcmp(patch_path(&patch->files[i]), r->path) == 0)
			return patch->files[i].new_;
	return r->text;
}

/* What the parser would read now has the bytes that were proved. It is not asked again: it need not write the same
 * policy twice. */
static int check_disk(struct work *w, const struct proof *proof, struct err *err)
{
	size_t count;
	const struct proof_policy *policies = proof_policies(proof, &count);
	const char *path;

	for (size_t i = 0; i < count; i++) {
		struct reload *r = &w->reloads[i];

		if (find_difference(w, r, new_text(proof_patch(proof), r), &policies[i].new_input, &path, err) < 0)
			return -1;
		if (path)
			return err_put(err, ERR_FAILED,
				       "cannot accept '%s' as it is on disk now: '%s' is not what was proved", r->path,
				       path);
	}
	return 0;
}

int work_reach_loaded(struct work *w, struct err *err)
{
	struct err trouble = { 0 };
	struct journal journal;

	if (journal_step(w->root, JOURNAL_LOADED, &trouble) == 0)
		return 0;
	if (journal_read(w->root, w->arena, &journal, NULL) == 0 && journal.step == JOURNAL_LOADED)
		return 0;
	err_put(err, trouble.kind, "%s", trouble.text);
	return err_hint(err, "%s", trouble.hint);
}

/* Everything between "begun" and "done"; a failure anywhere in here is undone by the caller. */
static int carry_out(struct work *w, const struct proof *proof, struct err *err)
{
	if (write_files(w, proof_patch(proof), err) < 0 || check_disk(w, proof, err) < 0)
		return -1;
	if (journal_step(w->root, JOURNAL_LOADING, err) < 0 || work_load(w, err) < 0)
		return -1;
	if (work_refresh_cache(w, err) < 0 || work_ask_after(w, err) < 0)
		return -1;
	return work_reach_loaded(w, err);
}

void work_undo(struct work *w, struct err *err)
{
	struct err trouble = { 0 };

	work_unload(w, &trouble);
	work_restore(w, &trouble);
	work_refresh_cache(w, &trouble);
	if (err_is_set(&trouble)) {
		work_break(w, &trouble, err);
		return;
	}
	/* what stays of the journal is undone once more by the next run; a backup without journal is swept away */
	if (journal_done(w->root, NULL) == 0)
		backup_discard(w->root, w->id, NULL);
}

void work_finish(struct work *w, const char *const *ids, size_t count, enum backup_state state)
{
	struct err err = { 0 };

	for (size_t i = 0; i < count; i++)
		backup_mark(w->root, ids[i], state, &err);
	if (err_is_set(&err) || journal_done(w->root, &err) < 0)
		work_note(w, "it could not be written down that this is complete (%s); the next run does it", err.text);
}

/* Files are as they should be, and the kernel is not: what it is given stands there already, so that a boot would give
 * it the same. Nothing is kept, and there is nothing to undo but the load. */
static int load_only(struct work *w, struct err *err)
{
	struct err trouble = { 0 };

	if (work_load(w, err) == 0 && work_refresh_cache(w, err) == 0 && work_ask_after(w, err) == 0)
		return 0;
	if (work_unload(w, &trouble) < 0)
		work_break(w, &trouble, err);
	return -1;
}

static bool is_load_only(const struct patch *patch)
{
	for (size_t i = 0; i < patch->file_count; i++)
		if (patch->files[i].kind != PATCH_LOAD)
			return false;
	return true;
}

static int commit_locked(struct work *w, const struct proof *proof, struct err *err)
{
	const char *undone;

	if (work_recover(w, &undone, err) < 0)
		return -1;
	collect_reloads(w, proof);
	if (check_planned(w, proof, err) < 0)
		return -1;
	if (work_find_loaded(w, err) < 0 || backup_sweep(w->root, err) < 0)
		return -1;
	work_ask_before(w, proof);
	if (is_load_only(proof_patch(proof)))
		return load_only(w, err);
	if (make_backup(w, proof_patch(proof), err) < 0)
		return -1;
	if (journal_begin(w->root, JOURNAL_CHANGE, &w->id, 1, err) < 0) {
		if (journal_done(w->root, NULL) == 0)
			backup_discard(w->root, w->id, NULL);
		return -1;
	}
	if (carry_out(w, proof, err) < 0) {
		work_undo(w, err);
		return -1;
	}
	work_finish(w, &w->id, 1, BACKUP_IN_FORCE);
	return 0;
}

int commit_proof(const struct proof *proof, const struct kernel *kernel, int lock, struct arena *arena,
		 struct receipt *out, struct err *err)
{
	const struct site *site = proof_patch(proof)->site;
	struct undo_ground ground = { .conflict = site->conflict, .pool = site->pool };
	struct work w;
	int result;

	work_open(&w, proof_compiler(proof), kernel, &ground, arena, out);
	if (work_lock(&w, lock, err) < 0)
		return -1;
	result = commit_locked(&w, proof, err);
	work_release(&w);
	return result;
}
