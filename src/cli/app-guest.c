/* SPDX-License-Identifier: GPL-2.0-or-later */
/* app-guest: most people meet the error inside a container, where nothing can be changed. */
#include "app.h"

enum { MARK_LIMIT = 4096, ENVIRON_LIMIT = 1 << 16 };

/* systemd writes down the kind of container it runs in; LXC, Incus and LXD tell it by `container=lxc` (their start
 * code sets it; systemd.io/CONTAINER_INTERFACE). */
static bool is_marked(const struct root *root)
{
	AUTOARENA scratch = { 0 };
	struct file file;

	return fsio_read(root, "/run/systemd/container", MARK_LIMIT, &scratch, &file, NULL) == 0 &&
	       slice_is(slice_trim(file.bytes), "lxc");
}

static bool is_in_environment(const struct root *root)
{
	static const char name[] = "\0container=lxc";
	AUTOARENA scratch = { 0 };
	struct file file;

	if (!root->live || fsio_read(root, "/proc/1/environ", ENVIRON_LIMIT, &scratch, &file, NULL) < 0)
		return false;
	return slice_starts(file.bytes, name + 1) ||
	       (file.bytes.len > 0 && memmem(file.bytes.ptr, file.bytes.len, name, sizeof name - 1));
}

bool app_is_guest(const struct app *app)
{
	return is_marked(&app->root) || is_in_environment(&app->root);
}

enum probe_self app_guest_meets(const struct app *app, struct err *err)
{
	const char *path = app->scopes[0]->access[0].path.ptr; /* /sys/net/…: what AppArmor takes /proc/sys/net/… for */

	if (app->root.live)
		return probe_self(path + 1, err);
	err_put(err, ERR_REFUSED, "this is another root");
	return PROBE_SELF_UNKNOWN;
}
