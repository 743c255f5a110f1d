/* SPDX-License-Identifier: GPL-2.0-or-later */
/* commit-undo: the files of changes that are taken back, one step a file. */
#include <fcntl.h>

#include "commit-internal.h"

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
	return fsio_xattrs(fd, step->path, arena, &step->now.xattrs, &step->now.xattr_count, err);
}

static bool is_back(const struct back *back, const char *id)
{
	for (size_t i = 0; i < back->id_count; i++)
		if (strcmp(back->ids[i], id) == 0)
			return true;
	return false;
}

/* Neither does a damaged manifest say what is in force, nor is one of any weight that was prepared and never used. */
static bool takes_part(const struct back *back, const struct backup *b)
{
	if (b->state == BACKUP_DAMAGED)
		return false;
	return b->state != BACKUP_PREPARED || is_back(back, b->id);
}

static enum undo_role role_of(const struct back *back, const struct backup *b)
{
	if (is_back(back, b->id))
		return UNDO_BACK;
	return b->state == BACKUP_UNDONE ? UNDO_PAST : UNDO_STAYS;
}

static bool names_path(const struct backup *b, const char *path)
{
	for (size_t i = 0; i < b->file_count; i++)
		if (strcmp(b->files[i].path, path) == 0)
			return true;
	return backup_has_name(&b->holds, slice_of(path));
}

typedef VEC(const char *) path_vec;

static void add_path(struct work *w, path_vec *paths, const char *path)
{
	for (size_t i = 0; i < paths->len; i++)
		if (strcmp(paths->ptr[i], path) == 0)
			return;
	VEC_PUSH(w->arena, paths, path);
}

/* Each file once: those of the newest change first, its last one first. */
static void list_paths(struct work *w, const struct back *back, path_vec *out)
{
	for (size_t i = back->count; i > 0; i--) {
		const struct backup *b = &back->list[i - 1];

		if (!is_back(back, b->id))
			continue;
		for (size_t h = b->holds.len; h > 0; h--)
			add_path(w, out, b->holds.ptr[h - 1].ptr);
		for (size_t f = b->file_count; f > 0; f--)
			add_path(w, out, b->files[f - 1].path);
	}
}

static bool meets(const struct back *back, const struct backup *b)
{
	for (size_t i = 0; i < back->step_count; i++)
		if (names_path(b, back->steps[i].path))
			return true;
	return false;
}

int work_read_back(struct work *w, const char *const *ids, size_t count, struct back *out, struct err *err)
{
	path_vec paths = { 0 };

	*out = (struct back){ .ids = ids, .id_count = count };
	if (backup_list(w->root, w->arena, &out->list, &out->count, err) < 0)
		return -1;
	list_paths(w, out, &paths);
	out->steps = arena_array(w->arena, paths.len, sizeof *out->steps);
	out->step_count = paths.len;
	for (size_t i = 0; i < paths.len; i++)
		out->steps[i].path = paths.ptr[i];
	for (size_t i = 0; i < out->count; i++) {
		struct backup *b = &out->list[i], whole;
		struct err trouble = { 0 };
		const char *id = b->id;

		if (!takes_part(out, b) || !meets(out, b))
			continue;
		if (backup_read(w->root, id, w->arena, &whole, &trouble) == 0) {
			*b = whole;
			continue;
		}
		b->damage = arena_str(w->arena, slice_of(trouble.text));
		if (role_of(out, b) == UNDO_PAST)
			continue; /* what it found there would only have helped */
		err_put(err, trouble.kind, "%s", trouble.text);
		return err_hint(err, "%s", trouble.hint);
	}
	for (size_t i = 0; i < count; i++)
		if (backup_read(w->root, ids[i], w->arena, &(struct backup){ 0 }, err) < 0)
			return -1;
	return 0;
}

/* All that took part in making the file what it is. */
static struct undo_change *changes_of(struct work *w, const struct back *back, const char *path, size_t *count)
{
	VEC(struct undo_change) all = { 0 };

	for (size_t i = 0; i < back->count; i++) {
		const struct backup *b = &back->list[i];
		struct undo_change change = { .backup = b, .role = role_of(back, b) };

		if (!takes_part(back, b) || !names_path(b, path))
			continue;
		for (size_t f = 0; f < b->file_count; f++)
			if (!b->damage && strcmp(b->files[f].path, path) == 0)
				change.file = &b->files[f];
		VEC_PUSH(w->arena, &all, change);
	}
	*count = all.len;
	return all.ptr;
}

/* Of a file that is missing: the guest may be on another node, with all it had. */
static const char *find_moved(struct work *w, const char *path, const struct undo_change *changes, size_t count)
{
	struct slice vmid = config_vmid(path);
	struct slice node = container_node(w->root, vmid, w->arena);
	struct file file;

	if (node.len == 0)
		return NULL;
	path = arena_printf(w->arena, "/etc/pve/nodes/%.*s/lxc/%.*s.conf", SLICE_FMT(node), SLICE_FMT(vmid));
	if (fsio_read(w->root, path, PVE_FILE_LIMIT, w->arena, &file, NULL) < 0)
		return NULL;
	return undo_guest_moved(changes, count, node, file.bytes, w->arena);
}

static int plan_step(struct work *w, const struct back *back, struct step *step, struct err *err)
{
	const char *path = step->path, *moved = NULL;
	AUTOCLOSE fd = -1;
	struct undo_change *changes;
	size_t count;
	bool there;

	*step = (struct step){ .path = path, .now = { .path = path } };
	if (read_now(w, path, &fd, &step->was, &there, err) < 0 || (there && keep_now(step, fd, w->arena, err) < 0))
		return -1;
	changes = changes_of(w, back, path, &count);
	if (undo_plan(&step->undo, w->ground, changes, count, there ? &step->was.bytes : NULL, w->arena, err) < 0)
		return -1;
	if (!there)
		moved = find_moved(w, path, changes, count);
	if (moved)
		step->undo.note = moved;
	if (there && step->was.st.st_nlink > 1 && step->undo.how != UNDO_KEEP)
		work_note(w, "'%s' has another name, which keeps what stands there now", path);
	return 0;
}

int work_plan_back(struct work *w, struct back *back, struct err *err)
{
	for (size_t i = 0; i < back->step_count; i++) {
		if (plan_step(w, back, &back->steps[i], err) < 0)
			return -1;
		if (back->steps[i].undo.note)
			work_note(w, "%s", back->steps[i].undo.note);
	}
	return 0;
}

static int write_step(struct work *w, const struct step *step, struct err *err)
{
	const struct file *was = step->now.existed ? &step->was : NULL;
	struct atomic_attr keep = { .mode = 0644 };

	switch (step->undo.how) {
	case UNDO_EXACT:
		return backup_restore(w->root, step->undo.exact, was, err);
	case UNDO_REMOVE:
		return atomic_remove(w->root, step->path, was, err);
	case UNDO_WRITE:
	case UNDO_KEEP:
		break;
	}
	return atomic_replace(w->root, step->path, was, step->undo.bytes, &keep, err);
}

/* An edit that came between the plan and now is refused there, and stands. After any other failure the file may be what
 * it is to be. */
int work_do_step(struct work *w, struct step *step, struct err *err)
{
	struct err trouble = { 0 };

	if (step->undo.how == UNDO_KEEP)
		return 0;
	step->done = write_step(w, step, &trouble) == 0 || trouble.kind != ERR_REFUSED;
	if (!err_is_set(&trouble))
		return 0;
	err_put(err, trouble.kind, "%s", trouble.text);
	return err_hint(err, "%s", trouble.hint);
}

bool work_is_untouched(struct work *w, const struct step *step)
{
	AUTOCLOSE fd = -1;
	struct file file;
	bool there;

	return read_now(w, step->path, &fd, &file, &there, NULL) == 0 && there && step->now.existed &&
	       slice_eq(file.bytes, step->now.content);
}

void work_put_back(struct work *w, const struct step *step, struct err *err)
{
	struct file left = { .bytes = step->undo.bytes };

	backup_restore(w->root, &step->now, step->undo.how == UNDO_REMOVE ? NULL : &left, err);
}

int work_restore(struct work *w, struct err *err)
{
	struct err first = { 0 };
	struct back back;

	if (work_read_back(w, &w->id, 1, &back, err) < 0)
		return -1;
	for (size_t i = 0; i < back.step_count; i++)
		if (plan_step(w, &back, &back.steps[i], &first) == 0)
			work_do_step(w, &back.steps[i], &first);
	if (!err_is_set(&first))
		return 0;
	err_put(err, first.kind, "%s", first.text);
	return err_hint(err, "%s", first.hint);
}
