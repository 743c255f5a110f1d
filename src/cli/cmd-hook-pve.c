/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hook pve VMID PHASE: called by the snippet that fix --pve-hookscript writes, which Proxmox calls as a guest's
 * hookscript (PVE::GuestHelpers exec_hookscript). At post-start the guest's generated profile is loaded; in the other
 * phases there is nothing to do. The hookscript that the guest had before is the snippet's matter.
 */
#include <string.h>

#include "app.h"

static const char *const phases[] = { "pre-start", "post-start", "pre-stop", "post-stop" };

static bool is_phase(const char *text)
{
	for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
		if (strcmp(phases[i], text) == 0)
			return true;
	return false;
}

int hook_pve(struct app *app, struct err *err)
{
	struct container c = {
		.kind = CONTAINER_PVE,
		.lxcpath = SLICE("/var/lib/lxc"),
		.origin = CONTAINER_GENERATED,
		.running = true,
	};

	if (app->arg_count != 3 || !pve_is_vmid(slice_of(app->args[1])) || !is_phase(app->args[2]))
		return err_put(err, ERR_USAGE, "hook pve is called by Proxmox, with a VMID and a phase");
	if (strcmp(app->args[2], "post-start") != 0)
		return 0;
	c.name = slice_of(app->args[1]);
	return app_hook_cure(app, &c, err);
}
