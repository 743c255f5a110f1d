/* SPDX-License-Identifier: GPL-2.0-or-later */
/* container-host: what is installed on the host, and the state of Proxmox' cluster file system. */
#include <fcntl.h>

#include "container-internal.h"

enum { STATUS_LIMIT = 64 << 20 };

static struct slice version(struct container_run *run, struct slice status, const char *package)
{
	return arena_slice(run->arena, packages_version(status, package));
}

/* Debian's name of the library's package changed with the 64-bit time_t. */
static struct slice liblxc_version(struct container_run *run, struct slice status)
{
	struct slice t64 = version(run, status, "liblxc1t64");

	return t64.len > 0 ? t64 : version(run, status, "liblxc1");
}

static int major_of(struct slice text)
{
	int n = 0;

	for (size_t i = 0; i < text.len && i < 4 && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++)
		n = n * 10 + (text.ptr[i] - '0');
	return n;
}

static void read_packages(struct container_run *run)
{
	struct container_host *host = run->host;
	AUTOARENA scratch = { 0 };
	struct file file;

	if (fsio_read(run->root, "/var/lib/dpkg/status", STATUS_LIMIT, &scratch, &file, NULL) < 0)
		return;
	host->lxc = version(run, file.bytes, "lxc");
	host->liblxc = liblxc_version(run, file.bytes);
	host->lxc_pve = version(run, file.bytes, "lxc-pve");
	host->pve_manager = version(run, file.bytes, "pve-manager");
	host->incus = version(run, file.bytes, "incus");
	if (host->incus.len == 0)
		host->incus = version(run, file.bytes, "incus-base");
	host->lxd = version(run, file.bytes, "lxd");
	host->pve_major = major_of(host->pve_manager);
}

/* Of several libraries (multiarch) the worst counts. */
static void judge_library(struct container_run *run, const char *dir, struct slice sub)
{
	AUTOARENA scratch = { 0 };
	const char *path =
	    arena_printf(run->arena, "%s/%.*s%sliblxc.so.1", dir, SLICE_FMT(sub), sub.len > 0 ? "/" : "");
	struct container_host *host = run->host;
	enum packages_liblxc state;
	enum fsio_kind kind;
	struct file file;

	if (fsio_kind(run->root, path, &kind, NULL) < 0 || kind != FSIO_FILE ||
	    fsio_read(run->root, path, CONTAINER_LIBRARY_LIMIT, &scratch, &file, NULL) < 0)
		return;
	state = packages_liblxc(file.bytes);
	if (state != PACKAGES_LIBLXC_DENIES && host->liblxc_state != PACKAGES_LIBLXC_UNKNOWN)
		return;
	host->liblxc_state = state;
	host->library = path;
}

static void read_library(struct container_run *run)
{
	static const char *const dirs[] = { "/usr/lib", "/usr/lib64", "/lib" };

	for (size_t d = 0; d < sizeof dirs / sizeof *dirs; d++) {
		AUTOARENA scratch = { 0 };
		struct slice *names;
		size_t count;

		judge_library(run, dirs[d], (struct slice){ 0 });
		if (fsio_list(run->root, dirs[d], &scratch, &names, &count, NULL) < 0)
			continue;
		for (size_t i = 0; i < count; i++)
			if (memmem(names[i].ptr, names[i].len, "-linux-gnu", 10))
				judge_library(run, dirs[d], names[i]);
	}
}

static bool stat_path(struct container_run *run, const char *path, int flags, struct stat *st)
{
	AUTOCLOSE fd = fsio_open(run->root, path, O_PATH | flags, NULL);

	return fd >= 0 && fstat(fd, st) == 0;
}

/*
 * pmxcfs (pve-cluster, src/pmxcfs): local is a symlink into nodes/, which exists only while it is mounted; without
 * quorum the write bits of everything are gone, and writing fails for root, too.
 */
static void read_cluster(struct container_run *run)
{
	static const char local[] = "/etc/pve/local";
	struct container_host *host = run->host;
	struct stat link, dir;

	host->pve_is_mounted = stat_path(run, local, O_NOFOLLOW, &link) && S_ISLNK(link.st_mode) &&
			       stat_path(run, local, 0, &dir) && S_ISDIR(dir.st_mode);
	host->pve_has_quorum = host->pve_is_mounted && (link.st_mode & S_IWUSR) && (dir.st_mode & S_IWUSR);
	host->is_pve = host->pve_is_mounted || host->pve_manager.len > 0 || host->lxc_pve.len > 0;
}

void container_host_read(struct container_run *run)
{
	read_packages(run);
	read_library(run);
	read_cluster(run);
}

struct slice container_lxc_version(const struct container_host *host)
{
	struct slice version = host->lxc_pve.len > 0 ? host->lxc_pve : host->liblxc;
	size_t colon = slice_find(version, ':');

	return colon < version.len ? slice_from(version, colon + 1) : version;
}

struct slice container_node(const struct root *root, struct slice vmid, struct arena *arena)
{
	struct slice *nodes;
	size_t count;

	if (!pve_is_vmid(vmid) || fsio_list(root, "/etc/pve/nodes", arena, &nodes, &count, NULL) < 0)
		return (struct slice){ 0 };
	for (size_t i = 0; i < count; i++) {
		const char *path =
		    arena_printf(arena, "/etc/pve/nodes/%.*s/lxc/%.*s.conf", SLICE_FMT(nodes[i]), SLICE_FMT(vmid));
		enum fsio_kind kind;

		if (fsio_kind(root, path, &kind, NULL) == 0 && kind == FSIO_FILE)
			return nodes[i];
	}
	return (struct slice){ 0 };
}
