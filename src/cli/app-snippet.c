/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hookscript that cures a guest. It lies in the folder of the guest's own hookscript, else in that of `local`, as
 * aa-nestfix+NAME or aa-nestfix: so the guest's configuration says by itself what is to be called in turn, on any node,
 * and the snippet calls it without this program, as a file beside it.
 *
 * Proxmox does not start a guest whose hookscript it cannot call. So the snippet is asked for as Proxmox asks before
 * any guest names it, and what was written for a change that is not made is taken back.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <nestfix/atomic.h>

#include "app.h"

#define OWN_NAME "aa-nestfix"
#define STORAGE_CFG "/etc/pve/storage.cfg"

enum { SNIPPET_LIMIT = 64 << 10, NAME_LIMIT = 255 };

/* Whose file it is: what begins otherwise is not replaced. */
static const char mark[] = "#!/bin/sh\n# Written by aa-nestfix";

static const char snippet[] = "#!/bin/sh\n"
			      "# Written by aa-nestfix (fix --pve-hookscript). Proxmox calls it when a guest starts "
			      "and stops, with VMID and phase.\n"
			      "# aa-nestfix cures the guest's AppArmor profile; then the hookscript that the guest had "
			      "before is called: this one's\n"
			      "# own name is aa-nestfix+NAME, and NAME lies beside it. What goes wrong here is said, "
			      "and keeps no guest from starting.\n"
			      "[ ! -x " NESTFIX_PROGRAM " ] || " NESTFIX_PROGRAM " hook pve \"$@\" </dev/null || :\n"
			      "\n"
			      "case ${0##*/} in\n" OWN_NAME "+?*) own=${0%/*}/${0##*/" OWN_NAME "+} ;;\n"
			      "*) exit 0 ;;\n"
			      "esac\n"
			      "if [ -f \"$own\" ] && [ -x \"$own\" ] && [ -O \"$own\" ]; then\n"
			      "\texec \"$own\" \"$@\"\n"
			      "fi\n"
			      "echo \"aa-nestfix: cannot call the hookscript of guest $1, '$own': it must be an "
			      "executable file of root's\" >&2\n";

static int read_storages(struct app *app, const struct look *look, struct pve_storages *out, struct err *err)
{
	struct file file = { 0 };
	enum fsio_kind kind;

	if (fsio_kind(&app->root, STORAGE_CFG, &kind, err) < 0)
		return -1;
	if (kind != FSIO_MISSING && fsio_read(&app->root, STORAGE_CFG, PVE_FILE_LIMIT, &app->arena, &file, err) < 0)
		return -1;
	pve_read_storages(out, file.bytes, look->site.host.pve_major, &app->arena);
	return 0;
}

static int unusable(const char *path, const char *why, struct err *err)
{
	return err_put(err, ERR_REFUSED, "cannot use '%s' as a hookscript: %s", path, why);
}

/* What Proxmox asks (PVE::GuestHelpers check_hookscript), what the kernel asks, and that it is root's. */
static int check_script(const struct root *root, const char *path, struct err *err)
{
	AUTOCLOSE fd = fsio_open(root, path, O_PATH, err);
	struct statvfs fs;
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || fstatvfs(fd, &fs) < 0)
		return err_errno(err, "cannot look at '%s'", path);
	if (!S_ISREG(st.st_mode))
		return unusable(path, "it is no regular file", err);
	if (st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != root->uid)
		return unusable(path, "it does not belong to root", err);
	if (st.st_mode & 022)
		return unusable(path, "others may write to it", err);
	if (!(st.st_mode & 0111))
		return unusable(path, "it is not executable", err);
	if (fs.f_flag & ST_NOEXEC)
		return unusable(path, "its file system is mounted noexec", err);
	return 0;
}

/* The storage of a volume of snippets, as Proxmox finds it. */
static int find_storage(struct app *app, const struct look *look, struct slice volume, const struct pve_storage **out,
			struct err *err)
{
	struct pve_storages storages;
	struct slice id, name;

	if (!pve_volume(volume, &id, &name))
		return err_put(err, ERR_REFUSED, "cannot use the hookscript '%.*s': it is no volume of snippets",
			       SLICE_FMT(volume));
	if (read_storages(app, look, &storages, err) < 0)
		return -1;
	*out = pve_find_storage(&storages, id);
	if (*out)
		return 0;
	err_put(err, ERR_REFUSED, "cannot use the hookscript '%.*s': Proxmox has no storage '%.*s' with files",
		SLICE_FMT(volume), SLICE_FMT(id));
	return err_hint(err, "see 'pvesm status' and %s", STORAGE_CFG);
}

/* The volume as Proxmox finds it: its path below the root. NULL with err. */
static const char *resolve(struct app *app, const struct look *look, struct slice volume, struct err *err)
{
	const struct pve_storage *storage;
	struct slice id, name;

	if (find_storage(app, look, volume, &storage, err) < 0)
		return NULL;
	pve_volume(volume, &id, &name);
	return arena_printf(&app->arena, "%s/%.*s", storage->snippets, SLICE_FMT(name));
}

bool snippet_is_own(struct slice volume)
{
	struct slice storage, name;

	return pve_volume(volume, &storage, &name) &&
	       (slice_is(name, OWN_NAME) || (slice_starts(name, OWN_NAME "+") && name.len > sizeof OWN_NAME));
}

/* For a guest without a hookscript: `local`, or where the guest may start elsewhere, what all nodes share. */
static int choose_storage(struct app *app, const struct look *look, const struct cluster *cluster, bool moves,
			  struct slice *out, struct err *err)
{
	struct pve_storages storages;

	*out = SLICE("local");
	if (!moves)
		return 0;
	if (read_storages(app, look, &storages, err) < 0)
		return -1;
	for (size_t i = 0; i < storages.count; i++) {
		const struct pve_storage *s = &storages.list[i];

		if (s->snippets && s->takes_snippets && cluster_shares(cluster, s)) {
			*out = s->id;
			break;
		}
	}
	return 0;
}

/* The volume that takes the place of the guest's. */
static int name_volume(struct app *app, const struct look *look, const struct cluster *cluster,
		       const struct container *c, struct slice *out, struct err *err)
{
	bool moves = !app->this_node_only && cluster_moves(app, cluster, c->name);
	struct slice had = c->pve.hookscript, storage, name = { 0 };
	struct err trouble = { 0 };
	const char *path;

	*out = had;
	if (snippet_is_own(had))
		return 0;
	if (had.len == 0) {
		if (choose_storage(app, look, cluster, moves, &storage, err) < 0)
			return -1;
	} else {
		path = resolve(app, look, had, err);
		if (!path)
			return -1;
		/* Proxmox would not start the guest as it is; with ours it starts. */
		if (check_script(&app->root, path, &trouble) < 0)
			report_note(&app->report, "the guest's own hookscript will not be called: %s", trouble.text);
		pve_volume(had, &storage, &name);
	}
	if (name.len + sizeof OWN_NAME > NAME_LIMIT)
		return err_put(err, ERR_REFUSED, "cannot call the hookscript '%.*s' in turn: its name is too long",
			       SLICE_FMT(had));
	*out = slice_of(arena_printf(&app->arena, "%.*s:snippets/" OWN_NAME "%s%.*s", SLICE_FMT(storage),
				     name.len > 0 ? "+" : "", SLICE_FMT(name)));
	return 0;
}

/* Proxmox starts no guest whose hookscript is not on the node. */
static int check_reach(struct app *app, const struct cluster *cluster, const struct container *c,
		       const struct pve_storage *storage, struct err *err)
{
	if (app->this_node_only || cluster_shares(cluster, storage) || !cluster_moves(app, cluster, c->name))
		return 0;
	err_put(
	    err, ERR_REFUSED,
	    "cannot set a hookscript for guest %.*s: it may start on another node, which does not share the storage "
	    "'%.*s'; without the hookscript there it does not start",
	    SLICE_FMT(c->name), SLICE_FMT(storage->id));
	return err_hint(
	    err,
	    "the drop-in needs no hookscript: %s fix, on each node; else give all nodes a shared storage with "
	    "the content 'snippets', or say --this-node-only",
	    app->report.self);
}

/* What is written below a mount point without its mount is hidden later. */
static int check_mounted(struct app *app, const struct pve_storage *storage, struct err *err)
{
	AUTOCLOSE fd = -1;
	AUTOCLOSE above = -1;
	struct stat here, there;

	if (!app->root.live || !storage->mounted)
		return 0;
	fd = fsio_open(&app->root, arena_str(&app->arena, storage->path), O_PATH | O_DIRECTORY, err);
	above = fd < 0 ? -1 : openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (above >= 0 && fstat(fd, &here) == 0 && fstat(above, &there) == 0 && here.st_dev != there.st_dev)
		return 0;
	err_put(err, ERR_REFUSED, "cannot write to the storage '%.*s': it is not mounted at '%.*s'",
		SLICE_FMT(storage->id), SLICE_FMT(storage->path));
	return err_hint(err, "see 'pvesm status'");
}

/* The snippet passes over a program that is not there, and so would cure nothing. */
static int check_program(const struct root *root, const struct container *c, struct err *err)
{
	enum fsio_kind kind;

	if (fsio_kind(root, NESTFIX_PROGRAM, &kind, err) < 0)
		return -1;
	if (kind == FSIO_FILE)
		return 0;
	err_put(err, ERR_REFUSED, "cannot cure guest %.*s by a hookscript: it calls '%s', which is not installed",
		SLICE_FMT(c->name), NESTFIX_PROGRAM);
	return err_hint(err, "install the package aa-nestfix, then do this again");
}

int snippet_plan(struct app *app, const struct look *look, const struct container *c, struct snippet *out,
		 struct err *err)
{
	const struct pve_storage *storage;
	struct patch_file *file = &out->file;
	struct cluster cluster;
	enum fsio_kind kind;
	struct file old;

	*out = (struct snippet){ 0 };
	if (check_program(&app->root, c, err) < 0)
		return -1;
	if (cluster_read(app, &cluster, err) < 0 || name_volume(app, look, &cluster, c, &out->volume, err) < 0 ||
	    find_storage(app, look, out->volume, &storage, err) < 0)
		return -1;
	if (!snippet_is_own(c->pve.hookscript) && check_reach(app, &cluster, c, storage, err) < 0)
		return -1;
	if (check_mounted(app, storage, err) < 0)
		return -1;
	*file = (struct patch_file){ .kind = PATCH_CREATE, .new_ = SLICE(snippet) };
	file->path = resolve(app, look, out->volume, err);
	if (!file->path || fsio_kind(&app->root, file->path, &kind, err) < 0)
		return -1;
	file->existed = kind != FSIO_MISSING;
	out->named = cluster_names(app, &cluster, out->volume);
	if (file->existed) {
		if (fsio_read(&app->root, file->path, SNIPPET_LIMIT, &app->arena, &old, err) < 0)
			return -1;
		if (!slice_starts(old.bytes, mark)) {
			err_put(err, ERR_REFUSED, "cannot write '%s': it is somebody else's", file->path);
			return err_hint(err, "give it another name");
		}
		file->old = old.bytes;
		out->stands = slice_is(old.bytes, snippet) && check_script(&app->root, file->path, NULL) == 0;
	}
	file->edits = ARENA_NEW(&app->arena, struct edit);
	file->edit_count = 1;
	*file->edits = (struct edit){ .len = file->old.len, .with = file->new_ };
	return 0;
}

/* Folders that are missing are made, and remembered. */
static int make_folders(struct app *app, struct snippet *s, struct err *err)
{
	struct slice path = slice_of(s->file.path);
	enum fsio_kind kind;

	while (path.len > 0 && path.ptr[path.len - 1] != '/')
		path.len--;
	for (struct slice dir = path; dir.len > 1;) {
		const char *name;

		dir.len--;
		name = arena_str(&app->arena, dir);
		if (fsio_kind(&app->root, name, &kind, err) < 0)
			return -1;
		if (kind != FSIO_MISSING)
			break;
		VEC_PUSH(&app->arena, &s->folders, name);
		while (dir.len > 0 && dir.ptr[dir.len - 1] != '/')
			dir.len--;
	}
	return fsio_mkdirs(&app->root, arena_str(&app->arena, path), 0755, err);
}

int snippet_write(struct app *app, const struct look *look, struct snippet *s, struct err *err)
{
	struct atomic_attr attr = { .mode = 0755, .uid = geteuid(), .gid = getegid(), .force = true };
	const struct file old = { .bytes = s->file.old };
	const char *path;

	if (s->stands)
		return 0;
	attr.mtime.tv_nsec = UTIME_NOW;
	if (make_folders(app, s, err) < 0)
		return -1;
	s->written = true; /* also a failed call may have brought it */
	if (atomic_replace(&app->root, s->file.path, s->file.existed ? &old : NULL, s->file.new_, &attr, err) < 0) {
		if (err->errnum == EACCES)
			err_hint(err,
				 "if aa-nestfix' own AppArmor profile is in the way: allow '%s rw,' in "
				 "/etc/apparmor.d/local/usr.sbin.aa-nestfix",
				 s->file.path);
		return -1;
	}
	path = resolve(app, look, s->volume, err);
	if (!path)
		return -1;
	if (strcmp(path, s->file.path) != 0)
		return err_put(err, ERR_REFUSED, "cannot use '%s' as a hookscript: " STORAGE_CFG " changed meanwhile",
			       s->file.path);
	return check_script(&app->root, path, err);
}

static int remove_folder(const struct root *root, const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	AUTOARENA arena = { 0 };
	AUTOCLOSE dir = fsio_open(root, arena_str(&arena, (struct slice){ path, (size_t)(name - path) }),
				  O_PATH | O_DIRECTORY, NULL);

	return dir < 0 ? -1 : unlinkat(dir, name, AT_REMOVEDIR);
}

/* What stands there is what was written, and not what somebody else put there meanwhile. */
static bool is_ours(struct app *app, const struct snippet *s)
{
	struct file file;

	return s->written && fsio_read(&app->root, s->file.path, SNIPPET_LIMIT, &app->arena, &file, NULL) == 0 &&
	       slice_eq(file.bytes, s->file.new_);
}

void snippet_take_back(struct app *app, struct snippet *s)
{
	struct atomic_attr attr = { .mode = 0755, .uid = geteuid(), .gid = getegid(), .force = true };
	const struct file left = { .bytes = s->file.new_ };
	struct err trouble = { 0 };
	struct cluster cluster;
	bool needed = cluster_read(app, &cluster, NULL) < 0 || cluster_names(app, &cluster, s->volume);

	attr.mtime.tv_nsec = UTIME_NOW;
	if (is_ours(app, s) && (s->named || !needed) &&
	    (s->file.existed ? atomic_replace(&app->root, s->file.path, &left, s->file.old, &attr, &trouble)
			     : atomic_remove(&app->root, s->file.path, &left, &trouble)) < 0)
		report_note(&app->report, "%s", trouble.text);
	for (size_t i = 0; i < s->folders.len; i++)
		if (remove_folder(&app->root, s->folders.ptr[i]) < 0 && errno != ENOENT)
			break; /* not empty any more */
}
