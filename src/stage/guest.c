/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <nestfix/guest.h>

enum { STATUS_LIMIT = 16 << 20 };

/* containerd.io carries a runc of its own: the first versions with a fixed one (containerd's release notes), by series.
 * Of a distribution's runc its version does not tell what was mended in it. */
static bool is_vulnerable(const char *package, struct slice version)
{
	static const struct {
		const char *from, *fixed;
	} series[] = { { "2.2", "2.2.0" }, { "2.1", "2.1.5" }, { "2.0", "2.0.7" }, { "0", "1.7.29" } };

	if (strcmp(package, "containerd.io") != 0)
		return false;
	for (size_t i = 0; i < sizeof series / sizeof *series; i++)
		if (packages_compare(version, slice_of(series[i].from)) >= 0)
			return packages_compare(version, slice_of(series[i].fixed)) < 0;
	return false;
}

size_t guest_read(struct guest_package **out, struct slice dpkg_status, struct arena *arena)
{
	static const char *const names[] = { "docker-ce", "docker.io", "containerd.io", "containerd", "runc" };
	VEC(struct guest_package) found = { 0 };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct guest_package p = { .name = names[i] };

		p.version = packages_version(dpkg_status, names[i]);
		p.held = packages_is_held(dpkg_status, names[i]);
		p.vulnerable = p.version.len > 0 && is_vulnerable(names[i], p.version);
		if (p.version.len > 0 && (p.held || p.vulnerable))
			VEC_PUSH(arena, &found, p);
	}
	*out = found.ptr;
	return found.len;
}

/* Its root directory; -1 where it is ours as well, or nobody may look. */
static int open_root(const struct root *root, const struct container *c, struct arena *scratch)
{
	AUTOCLOSE proc = fsio_open(root, arena_printf(scratch, "/proc/%d", c->pid), O_PATH | O_DIRECTORY, NULL);
	int fd = proc < 0 ? -1 : openat(proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat own, its;

	if (fd >= 0 && fstat(root->fd, &own) == 0 && fstat(fd, &its) == 0 &&
	    (own.st_dev != its.st_dev || own.st_ino != its.st_ino))
		return fd;
	fsio_close(&fd);
	return -1;
}

static int open_status(int dir)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};

	return (int)syscall(SYS_openat2, dir, "var/lib/dpkg/status", &how, sizeof how);
}

static struct slice read_status(int fd, struct arena *arena)
{
	struct stat st;
	char *bytes;
	size_t len = 0;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > STATUS_LIMIT)
		return (struct slice){ 0 };
	bytes = arena_alloc(arena, (size_t)st.st_size);
	while (len < (size_t)st.st_size) {
		ssize_t n = read(fd, bytes + len, (size_t)st.st_size - len);

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	return (struct slice){ bytes, len };
}

size_t guest_packages(struct guest_package **out, const struct root *root, const struct container *c,
		      struct arena *arena)
{
	AUTOARENA scratch = { 0 };
	AUTOCLOSE dir = -1;
	AUTOCLOSE fd = -1;

	*out = NULL;
	if (!root->live || !c->running || c->pid <= 0)
		return 0;
	dir = open_root(root, c, &scratch);
	fd = dir < 0 ? -1 : open_status(dir);
	return fd < 0 ? 0 : guest_read(out, read_status(fd, arena), arena);
}
