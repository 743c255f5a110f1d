/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>
#include <sys/apparmor.h>

#include <nestfix/atomic.h>
#include <nestfix/kernel.h>

static bool has_capability(unsigned capability)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &head, data) < 0)
		return false;
	return (data[capability / 32].effective & (1U << capability % 32)) != 0;
}

/* The first line of a small file of procfs, sysfs or securityfs; empty where it cannot be read. */
static void read_line(const char *path, char *line, size_t size)
{
	AUTOCLOSE fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, size - 1);

	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
}

/*
 * The kernel's aa_may_manage_policy() (security/apparmor/policy.c): CAP_MAC_ADMIN, policy not locked, and either the
 * first user namespace or one with a policy namespace of its own. In the last case what is loaded binds only that
 * namespace, which is the one that the caller lives in.
 */
static bool may_load(const char *apparmorfs, struct arena *arena)
{
	unsigned inside, outside, count;
	char line[128];

	if (!has_capability(CAP_MAC_ADMIN))
		return false;
	read_line("/sys/module/apparmor/parameters/lock_policy", line, sizeof line);
	if (line[0] == 'Y')
		return false;
	read_line("/proc/self/uid_map", line, sizeof line);
	if (sscanf(line, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 && outside == 0 &&
	    count == UINT32_MAX)
		return true;
	read_line(arena_printf(arena, "%s/.ns_stacked", apparmorfs), line, sizeof line);
	return strcmp(line, "yes") == 0;
}

/* What aa_is_enabled() means by its errno: libapparmor's kernel.c. */
static enum kernel_state state_of(int errnum)
{
	switch (errnum) {
	case ENOENT:
		return KERNEL_HIDDEN;
	case EPERM:
	case EACCES:
		return KERNEL_DENIED;
	default: /* ENOSYS: not in the kernel; ECANCELED: switched off at boot */
		return KERNEL_NO_APPARMOR;
	}
}

void kernel_open(struct kernel *out, const struct root *root, const char *apparmorfs, struct arena *arena)
{
	char *mount = NULL;

	*out = (struct kernel){ .state = KERNEL_READY, .apparmorfs = apparmorfs, .pretended = apparmorfs != NULL };
	if (apparmorfs)
		return;
	if (!root->live) {
		out->state = KERNEL_OTHER_ROOT;
		return;
	}
	errno = ENOSYS;
	if (!aa_is_enabled()) {
		out->state = state_of(errno);
		return;
	}
	if (aa_find_mountpoint(&mount) < 0) {
		out->state = KERNEL_HIDDEN;
		return;
	}
	out->apparmorfs = arena_str(arena, slice_of(mount));
	free(mount);
	if (!may_load(out->apparmorfs, arena))
		out->state = KERNEL_DENIED;
}

const char *kernel_state_words(enum kernel_state state)
{
	switch (state) {
	case KERNEL_READY:
		return "the kernel takes policy";
	case KERNEL_OTHER_ROOT:
		return "files only: this is another root, its policy is loaded when it boots";
	case KERNEL_NO_APPARMOR:
		return "files only: AppArmor is not switched on in this kernel";
	case KERNEL_HIDDEN:
		return "files only: securityfs is not mounted, so the kernel cannot be reached";
	case KERNEL_DENIED:
		return "files only: this process may not load policy into the kernel";
	}
	return "";
}

static int not_ready(const struct kernel *kernel, struct err *err)
{
	return err_put(err, ERR_FAILED, "cannot reach AppArmor in the kernel (%s)", kernel_state_words(kernel->state));
}

/* Lines of the kernel's `profiles` file: "NAME (MODE)"; names hold blanks, modes do not. */
static bool lists(struct slice text, struct slice profile)
{
	while (text.len > 0) {
		size_t end = slice_find(text, '\n');
		struct slice line = slice_sub(text, 0, end);
		size_t name = line.len;

		text = slice_from(text, end + 1);
		while (name > 0 && line.ptr[name - 1] != '(')
			name--;
		if (name >= 2 && slice_eq(slice_sub(line, 0, name - 2), profile))
			return true;
	}
	return false;
}

static int read_all(int fd, struct buf *out)
{
	for (;;) {
		ssize_t n;

		buf_reserve(out, 1 << 16);
		n = read(fd, out->ptr + out->len, 1 << 16);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		out->len += (size_t)n;
		out->ptr[out->len] = '\0';
	}
}

int kernel_has(const struct kernel *kernel, struct slice profile, bool *loaded, struct err *err)
{
	AUTOBUF path = { 0 };
	AUTOBUF text = { 0 };
	AUTOCLOSE fd = -1;

	*loaded = false;
	if (kernel->state != KERNEL_READY)
		return not_ready(kernel, err);
	buf_addf(&path, "%s/profiles", kernel->apparmorfs);
	fd = open(buf_str(&path), O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read_all(fd, &text) < 0)
		return err_errno(err, "cannot read '%s'", buf_str(&path));
	*loaded = lists(buf_slice(&text), profile);
	return 0;
}

/* What the kernel means by an errno when policy is written: policy_unpack.c and apparmorfs.c. */
static const char *load_reason(int errnum)
{
	switch (errnum) {
	case EPERM:
	case EACCES:
		return "this process may not load policy, or policy is locked";
	case EPROTO:
	case EPROTONOSUPPORT:
		return "it does not understand the compiled policy";
	case EBADMSG:
		return "the compiled policy is damaged";
	default:
		return NULL;
	}
}

static int refused_load(int errnum, struct err *err)
{
	const char *reason = load_reason(errnum);

	errno = errnum;
	if (!reason)
		return err_errno(err, "cannot load the policy into the kernel");
	return err_put(err, ERR_FAILED, "cannot load the policy into the kernel: %s (%s)", reason, strerror(errnum));
}

/* With the features at hand libapparmor writes all profiles in one piece where the kernel takes sets. */
static aa_features *features_of(const struct kernel *kernel)
{
	aa_features *features = NULL;
	AUTOBUF path = { 0 };

	buf_addf(&path, "%s/features", kernel->apparmorfs);
	if (aa_features_new(&features, AT_FDCWD, buf_str(&path)) < 0 &&
	    aa_features_new_from_string(&features, "", 0) < 0)
		return NULL;
	return features;
}

int kernel_load(const struct kernel *kernel, struct slice blob, struct err *err)
{
	aa_kernel_interface *interface = NULL;
	aa_features *features;
	int result, errnum;

	if (kernel->state != KERNEL_READY)
		return not_ready(kernel, err);
	features = features_of(kernel);
	result = aa_kernel_interface_new(&interface, features, kernel->apparmorfs);
	if (result == 0)
		result = aa_kernel_interface_replace_policy(interface, blob.ptr, blob.len);
	errnum = errno;
	aa_kernel_interface_unref(interface);
	aa_features_unref(features);
	return result == 0 ? 0 : refused_load(errnum, err);
}

/* Where apparmor_parser and systemd keep compiled policy: /var/cache/apparmor since 2.13, /etc/apparmor.d/cache before,
 * and what systemd loads before any service, without looking at its age. */
static const char *const cache_dirs[] = { "/var/cache/apparmor", "/etc/apparmor.d/cache", "/etc/apparmor/earlypolicy" };

static int drop_entry(const struct root *root, const char *path, bool *dropped, struct err *err)
{
	enum fsio_kind kind;

	if (fsio_kind(root, path, &kind, err) < 0)
		return -1;
	if (kind != FSIO_FILE)
		return 0;
	*dropped = true;
	return atomic_remove(root, path, ATOMIC_ANY, err);
}

/* Entries are DIR/HASH.N/NAME; before 2.13 DIR/NAME. */
static int drop_entries(const struct root *root, const char *dir, const char *name, struct arena *arena, bool *dropped,
			struct err *err)
{
	struct slice *names;
	enum fsio_kind kind;
	size_t count;

	*dropped = false;
	if (fsio_kind(root, dir, &kind, err) < 0)
		return -1;
	if (kind != FSIO_DIR)
		return 0;
	if (drop_entry(root, arena_printf(arena, "%s%s", dir, name), dropped, err) < 0)
		return -1;
	if (fsio_list(root, dir, arena, &names, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const char *folder = arena_printf(arena, "%s/%.*s", dir, SLICE_FMT(names[i]));

		if (fsio_kind(root, folder, &kind, err) < 0)
			return -1;
		if (kind != FSIO_DIR)
			continue;
		if (drop_entry(root, arena_printf(arena, "%s%s", folder, name), dropped, err) < 0)
			return -1;
	}
	return 0;
}

/* Without an entry the policy is compiled at boot, so a parser that cannot write one is no trouble. */
static void write_entry(const struct compiler *compiler, const char *dir, const char *path)
{
	const char *argv[] = { compiler->program, "-q", "-Q", "-W", "-T", "--cache-loc", dir, path, NULL };
	AUTORUN run = { .argv = argv };

	run_program(&run, NULL);
}

int kernel_refresh_cache(const struct kernel *kernel, const struct compiler *compiler, const char *path,
			 struct arena *arena, struct err *err)
{
	const char *name = strrchr(path, '/');

	for (size_t i = 0; name && i < sizeof cache_dirs / sizeof *cache_dirs; i++) {
		bool dropped;

		if (drop_entries(compiler->root, cache_dirs[i], name, arena, &dropped, err) < 0)
			return err_wrap(err, "cannot refresh the boot cache");
		if (dropped && compiler->root->live && kernel->state == KERNEL_READY)
			write_entry(compiler, cache_dirs[i], path);
	}
	return 0;
}
