/* SPDX-License-Identifier: GPL-2.0-or-later */
/* commit-config: configuration of containers, which no policy is loaded for. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>

#include "commit-internal.h"

#define LOCK_DIR "/run/lock/lxc"

enum { LOCK_TRIES = 100, LOCK_STEP_MS = 100 }; /* Proxmox itself waits 10 s (PVE::LXC::Config lock_config) */

/* pmxcfs has the link, which is none of its files; without quorum it takes the write bits away, and refuses root, too.
 */
static int check_cluster(const struct work *w, const char *path, struct err *err)
{
	AUTOCLOSE dir = fsio_open(w->root, "/etc/pve", O_PATH | O_DIRECTORY, NULL);
	AUTOCLOSE local = fsio_open(w->root, "/etc/pve/local", O_PATH, NULL);
	struct stat link, st;

	if (dir < 0 || fstatat(dir, "local", &link, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISLNK(link.st_mode)) {
		err_put(err, ERR_REFUSED, "cannot change '%s': /etc/pve is not mounted", path);
		return err_hint(err, "start it: systemctl start pve-cluster");
	}
	if (local >= 0 && fstat(local, &st) == 0 && (st.st_mode & S_IWUSR))
		return 0;
	err_put(err, ERR_REFUSED, "cannot change '%s': the cluster has no quorum", path);
	return err_hint(err, "see 'pvecm status'; nothing below /etc/pve can be written until it has one");
}

/* Whoever may write to /run/lock could have made the folder. */
static int check_lock_dir(const struct work *w, struct err *err)
{
	AUTOCLOSE fd = fsio_open(w->root, LOCK_DIR, O_PATH | O_DIRECTORY | O_NOFOLLOW, err);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return err_errno(err, "cannot look at '%s'", LOCK_DIR);
	if (st.st_uid == 0 || st.st_uid == w->root->uid)
		return 0;
	err_put(err, ERR_REFUSED, "cannot take Proxmox' lock: '%s' belongs to uid %ld, not to root", LOCK_DIR,
		(long)st.st_uid);
	return err_hint(err, "remove the folder; Proxmox makes it anew");
}

static int wait_for(int fd, struct slice vmid, struct err *err)
{
	struct timespec pause = { .tv_nsec = LOCK_STEP_MS * 1000000L };

	for (int tries = LOCK_TRIES;;) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return err_errno(err, "cannot lock guest %.*s", SLICE_FMT(vmid));
		if (tries-- == 0)
			break;
		nanosleep(&pause, NULL);
	}
	err_put(err, ERR_REFUSED, "cannot lock guest %.*s: Proxmox is at work on it, for over 10 seconds",
		SLICE_FMT(vmid));
	return err_hint(err, "try again when its task has ended: see 'pvesh get /cluster/tasks'");
}

/* A lock of a longer task stands in the configuration itself: backup, snapshot, migrate … */
static int check_free(const struct work *w, const char *path, struct slice vmid, struct err *err)
{
	struct pve_guest guest;
	enum fsio_kind kind;
	struct file file;

	if (fsio_kind(w->root, path, &kind, err) < 0)
		return -1;
	if (kind == FSIO_MISSING)
		return 0; /* it moved to another node, or is gone */
	if (fsio_read(w->root, path, PVE_FILE_LIMIT, w->arena, &file, err) < 0)
		return -1;
	pve_parse(&guest, file.bytes, w->arena);
	if (guest.lock.len == 0)
		return 0;
	err_put(err, ERR_REFUSED, "cannot change guest %.*s: Proxmox has locked it (lock: %.*s)", SLICE_FMT(vmid),
		SLICE_FMT(guest.lock));
	return err_hint(err, "try again when that task has ended; 'pct unlock %.*s' is for one that was cut short",
			SLICE_FMT(vmid));
}

static int lock_guest(struct work *w, const char *path, struct slice vmid, struct err *err)
{
	const char *name = arena_printf(w->arena, LOCK_DIR "/pve-config-%.*s.lock", SLICE_FMT(vmid));
	enum fsio_kind kind = FSIO_MISSING;
	int fd;

	if (check_cluster(w, path, err) < 0)
		return -1;
	if (w->root->live && fsio_mkdirs(w->root, LOCK_DIR, 0755, err) < 0)
		return -1;
	if (fsio_kind(w->root, LOCK_DIR, &kind, err) < 0)
		return -1;
	if (kind != FSIO_MISSING) { /* on another root nobody is at work */
		if (check_lock_dir(w, err) < 0)
			return -1;
		fd = fsio_open(w->root, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, err);
		if (fd < 0)
			return -1;
		w->guests[w->guest_count++] = fd;
		if (wait_for(fd, vmid, err) < 0)
			return -1;
	}
	return check_free(w, path, vmid, err);
}

int work_lock_guests(struct work *w, const struct backup_file *files, size_t count, struct err *err)
{
	if (w->guests)
		return 0;
	w->guests = arena_array(w->arena, count, sizeof *w->guests);
	for (size_t i = 0; i < count; i++) {
		struct slice vmid = config_vmid(files[i].path);

		if (vmid.len > 0 && lock_guest(w, files[i].path, vmid, err) < 0) {
			work_unlock_guests(w);
			return -1;
		}
	}
	return 0;
}

void work_unlock_guests(struct work *w)
{
	while (w->guest_count > 0)
		fsio_close(&w->guests[--w->guest_count]);
	w->guests = NULL;
}

/* What the backup keeps of a change can be taken out of a file that was edited since: see config_anchor. */
static int make_backup(struct work *w, const struct patch_file *files, size_t count, struct err *err)
{
	struct backup backup = { .file_count = count };

	backup.files = arena_array(w->arena, count, sizeof *backup.files);
	for (size_t i = 0; i < count; i++) {
		struct patch_file anchored;

		config_anchor(&anchored, &files[i], w->arena);
		backup.files[i] = work_describe_file(&anchored, w->arena);
	}
	/* A quorum that was lost leaves a hidden file, which could not be removed then. */
	if (work_lock_guests(w, backup.files, count, err) < 0 || backup_sweep_files(w->root, &backup, err) < 0 ||
	    backup_make(w->root, &backup, w->arena, err) < 0)
		return -1;
	w->id = backup.id;
	w->receipt->backup_id = backup.id;
	return 0;
}

static int carry_out(struct work *w, const struct patch_file *files, size_t count, struct err *err)
{
	VEC(const char *) written = { 0 };

	for (size_t i = 0; i < count; i++) {
		VEC_PUSH(w->arena, &written, files[i].path);
		w->receipt->files = written.ptr;
		w->receipt->file_count = written.len;
		if (work_write_file(w, &files[i], err) < 0)
			return -1;
	}
	return work_reach_loaded(w, err);
}

static int change(struct work *w, const struct config_proof *proof, struct err *err)
{
	size_t count;
	const struct patch_file *files = config_files(proof, &count);
	const char *undone;

	if (work_recover(w, &undone, err) < 0 || backup_sweep(w->root, err) < 0 ||
	    make_backup(w, files, count, err) < 0)
		return -1;
	if (journal_begin(w->root, JOURNAL_CHANGE, &w->id, 1, err) < 0) {
		if (journal_done(w->root, NULL) == 0)
			backup_discard(w->root, w->id, NULL);
		return -1;
	}
	if (carry_out(w, files, count, err) < 0) {
		work_undo(w, err);
		return -1;
	}
	work_finish(w, &w->id, 1, BACKUP_IN_FORCE);
	return 0;
}

/* pmxcfs cannot write its database, which lies on this disk: status.c and database.c of pmxcfs answer EIO. */
static void explain_eio(const struct patch_file *files, size_t count, struct err *err)
{
	for (size_t i = 0; err && err->errnum == EIO && i < count; i++)
		if (slice_starts(slice_of(files[i].path), "/etc/pve/"))
			err_hint(err, "is the disk below /var/lib/pve-cluster full? See 'journalctl -u pve-cluster'");
}

int commit_config(const struct config_proof *proof, const struct compiler *compiler, const struct kernel *kernel,
		  const struct undo_ground *ground, int lock, struct arena *arena, struct receipt *out, struct err *err)
{
	struct work w;
	size_t count;
	const struct patch_file *files = config_files(proof, &count);
	int result;

	work_open(&w, compiler, kernel, ground, arena, out);
	if (work_lock(&w, lock, err) < 0)
		return -1;
	result = change(&w, proof, err);
	if (result < 0)
		explain_eio(files, count, err);
	work_release(&w);
	return result;
}
