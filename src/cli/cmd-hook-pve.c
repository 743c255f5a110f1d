/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hook pve VMID PHASE: Proxmox calls it as a guest's hookscript (PVE::GuestHelpers exec_hookscript), through the
 * snippet that fix --pve-hookscript writes. At post-start the guest's generated profile is loaded; then, in every
 * phase, the hookscript that the guest had before takes our place, with our arguments, descriptors and environment, so
 * that its exit status is Proxmox' answer. When it cannot be called, that is a warning: Proxmox itself would not start
 * the guest.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app.h"

enum { RECORD_LIMIT = 4096, STORAGE_LIMIT = 1 << 20 };

static const char *const phases[] = { "pre-start", "post-start", "pre-stop", "post-stop" };

static bool is_phase(const char *text)
{
	for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
		if (strcmp(phases[i], text) == 0)
			return true;
	return false;
}

/* In a child: whatever becomes of it, the guest's own hookscript is called. */
static void cure_guest(struct app *app, const char *vmid)
{
	struct container c = {
		.kind = CONTAINER_PVE,
		.name = slice_of(vmid),
		.lxcpath = SLICE("/var/lib/lxc"),
		.origin = CONTAINER_GENERATED,
		.running = true,
	};
	struct err err = { 0 };
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		report_note(&app->report, "cannot start a process for the profile of guest %s", vmid);
		return;
	}
	if (pid == 0) {
		app_hook_limit();
		if (app_hook_cure(app, &c, &err) < 0)
			report_note(&app->report, "%s", err.text);
		fflush(NULL);
		_exit(0);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Where the record of an earlier hookscript leads: its path below the root, or NULL with err. */
static const char *find_chained(struct app *app, const char *record, struct err *err)
{
	struct slice storage, name, cfg = { 0 };
	const struct pve_storage *found;
	struct pve_storages storages;
	struct file file;

	if (fsio_read(&app->root, record, RECORD_LIMIT, &app->arena, &file, err) < 0)
		return NULL;
	if (!pve_volume(slice_trim(file.bytes), &storage, &name)) {
		err_put(err, ERR_FAILED, "cannot understand '%s': it names no hookscript", record);
		return NULL;
	}
	if (fsio_read(&app->root, "/etc/pve/storage.cfg", STORAGE_LIMIT, &app->arena, &file, NULL) == 0)
		cfg = file.bytes;
	pve_read_storages(&storages, cfg, 0, &app->arena);
	found = pve_find_storage(&storages, storage);
	if (!found) {
		err_put(err, ERR_FAILED, "cannot call the guest's own hookscript: there is no storage '%.*s'",
			SLICE_FMT(storage));
		return NULL;
	}
	return arena_printf(&app->arena, "%s/%.*s", found->snippets, SLICE_FMT(name));
}

static int chain(struct app *app, const char *vmid, const char *phase, struct err *err)
{
	const char *record = arena_printf(&app->arena, CONFIG_HOOK_DIR "/%s", vmid), *path, *full;
	enum fsio_kind kind;

	if (fsio_kind(&app->root, record, &kind, err) < 0)
		return -1;
	if (kind == FSIO_MISSING)
		return 0;
	path = find_chained(app, record, err);
	if (!path)
		return -1;
	if (fsio_kind(&app->root, path, &kind, err) < 0)
		return -1;
	if (kind == FSIO_MISSING)
		return err_put(err, ERR_FAILED, "cannot call the guest's own hookscript '%s': there is no such file",
			       path);
	full = root_path(&app->root, path, &app->arena);
	fflush(NULL);
	execv(full, (char *[]){ (char *)(uintptr_t)full, (char *)(uintptr_t)vmid, (char *)(uintptr_t)phase, NULL });
	if (errno == EACCES)
		return err_put(err, ERR_FAILED, "cannot call the guest's own hookscript '%s': it is not executable",
			       path);
	return err_errno(err, "cannot call the guest's own hookscript '%s'", path);
}

int hook_pve(struct app *app, struct err *err)
{
	const char *vmid, *phase;

	if (app->arg_count != 3 || !pve_is_vmid(slice_of(app->args[1])) || !is_phase(app->args[2]))
		return err_put(err, ERR_USAGE, "hook pve is called by Proxmox, with a VMID and a phase");
	vmid = app->args[1];
	phase = app->args[2];
	if (strcmp(phase, "post-start") == 0)
		cure_guest(app, vmid);
	return chain(app, vmid, phase, err);
}
