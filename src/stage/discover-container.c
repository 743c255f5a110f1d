/* SPDX-License-Identifier: GPL-2.0-or-later */
/* discover-container: containers, and the policy that was generated for those that run. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>

#include "discover-internal.h"

/* securityfs: POLICY/NAME.N for each loaded profile, with its `name` and, as it was loaded, its `raw_data`
 * (security/apparmor/apparmorfs.c __aafs_profile_mkdir). */
static const char loaded_dir[] = "/sys/kernel/security/apparmor/policy/profiles";

/* The names in it, read once. */
struct loaded {
	struct slice *names;
	size_t count;
};

/*
 * On a live host `policy` is a link that only the kernel can follow, into a file system of its own (apparmorfs.c
 * policy_get_link); fsio follows none of that kind, so it is opened by its plain name.
 */
static int read_kernel(const struct site *site, const char *path, size_t limit, struct file *out)
{
	AUTOCLOSE fd = -1;

	if (!site->root->live)
		return fsio_read(site->root, path, limit, site->arena, out, NULL);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -1 : fsio_read_fd(fd, site->root, path, limit, site->arena, out, NULL);
}

static void list_kernel(const struct site *site, struct loaded *out)
{
	VEC(struct slice) names = { 0 };
	struct dirent *entry;
	DIR *dir;

	if (!site->root->live) {
		fsio_list(site->root, loaded_dir, site->arena, &out->names, &out->count, NULL);
		return;
	}
	dir = opendir(loaded_dir);
	while (dir && (entry = readdir(dir)))
		VEC_PUSH(site->arena, &names, arena_slice(site->arena, slice_of(entry->d_name)));
	if (dir)
		closedir(dir);
	out->names = names.ptr;
	out->count = names.len;
}

/* What the kernel makes of a profile's name for its folder: apparmorfs.c mangle_name(). */
static struct slice mangled(struct slice name, struct arena *arena)
{
	char *out = arena_alloc(arena, name.len + 1);
	size_t len = 0;

	while (name.len > 0 && (name.ptr[0] == '/' || name.ptr[0] == '.'))
		name = slice_from(name, 1);
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];

		if (c == '/')
			out[len++] = '.';
		else if (isspace(c))
			out[len++] = '_';
		else if (isalnum(c) || strchr("._-", c))
			out[len++] = (char)c;
	}
	return (struct slice){ out, len };
}

static bool is_numbered(struct slice entry, struct slice name)
{
	struct slice number = slice_from(entry, name.len + 1);

	if (entry.len < name.len + 2 || !slice_eq(slice_sub(entry, 0, name.len), name) || entry.ptr[name.len] != '.')
		return false;
	for (size_t i = 0; i < number.len; i++)
		if (!isdigit((unsigned char)number.ptr[i]))
			return false;
	return true;
}

/* The policy of one loaded profile, or NULL: a kernel need not keep it (CONFIG_SECURITY_APPARMOR_EXPORT_BINARY). */
static const struct automaton *read_loaded(const struct site *site, struct slice entry, struct slice profile)
{
	const char *dir = arena_printf(site->arena, "%s/%.*s", loaded_dir, SLICE_FMT(entry));
	struct automaton *out = ARENA_NEW(site->arena, struct automaton);
	struct file file;

	if (read_kernel(site, arena_printf(site->arena, "%s/name", dir), 4096, &file) < 0 ||
	    !slice_eq(slice_trim(file.bytes), profile))
		return NULL;
	if (read_kernel(site, arena_printf(site->arena, "%s/raw_data", dir), FSIO_LIMIT_POLICY, &file) < 0 ||
	    automaton_read(out, file.bytes, site->arena, NULL) < 0)
		return NULL;
	return automaton_find(out, profile) ? out : NULL;
}

static const struct automaton *find_loaded(const struct site *site, const struct loaded *loaded, struct slice profile)
{
	struct slice name = mangled(profile, site->arena);

	for (size_t i = 0; i < loaded->count; i++) {
		const struct automaton *found;

		if (!is_numbered(loaded->names[i], name))
			continue;
		found = read_loaded(site, loaded->names[i], profile);
		if (found)
			return found;
	}
	return NULL;
}

/* Is there a text in force? After a crash liblxc leaves one behind; another root's are taken as if it ran. */
static bool is_generated(const struct site *site, const struct container *c)
{
	return c->generated && (c->running || !site->root->live);
}

static void add_generated(struct site *site, const struct container *c, const struct loaded *loaded,
			  policy_vec *policies, skipped_vec *skipped)
{
	struct site_policy *sp = ARENA_NEW(site->arena, struct site_policy);
	struct site_skipped bad = { .path = c->generated, .is_policy = true };

	sp->container = c;
	if (discover_read(site, c->generated, &sp->policy, &bad.err) < 0) {
		VEC_PUSH(site->arena, skipped, bad);
		return;
	}
	if (sp->policy.count > 0)
		sp->in_force = find_loaded(site, loaded, sp->policy.profiles[0].name);
	VEC_PUSH(site->arena, policies, sp);
}

static void read_dropin(struct site *site, skipped_vec *skipped)
{
	struct site_skipped bad = { .path = DROPIN_PATH };
	enum fsio_kind kind;
	struct file file;

	if (fsio_kind(site->root, DROPIN_PATH, &kind, NULL) == 0 && kind == FSIO_MISSING)
		return;
	if (fsio_read(site->root, DROPIN_PATH, 1 << 20, site->arena, &file, &bad.err) < 0) {
		site->dropin.mode = DROPIN_UNREADABLE;
		VEC_PUSH(site->arena, skipped, bad);
		return;
	}
	dropin_read(&site->dropin, file.bytes, site->conflict, site->arena);
}

void discover_containers(struct site *site, const struct policy_reader *reader, policy_vec *policies,
			 skipped_vec *skipped)
{
	struct site_skipped bad = { .path = "containers" };
	struct loaded loaded = { 0 };

	read_dropin(site, skipped);
	if (container_list(&site->host, site->root, reader, site->arena, &bad.err) < 0) {
		site->host = (struct container_host){ 0 };
		site->host_err = bad.err;
		VEC_PUSH(site->arena, skipped, bad);
	}
	list_kernel(site, &loaded);
	for (size_t i = 0; i < site->host.count; i++)
		if (is_generated(site, &site->host.list[i]))
			add_generated(site, &site->host.list[i], &loaded, policies, skipped);
}

int discover_knows_host(const struct site *site, struct err *err)
{
	if (!err_is_set(&site->host_err))
		return 0;
	err_put(err, site->host_err.kind, "%s", site->host_err.text);
	return err_hint(err, "%s", site->host_err.hint);
}

const struct container *discover_container(const struct site *site, const struct policy *policy)
{
	for (size_t i = 0; i < site->policy_count; i++)
		if (&site->policies[i]->policy == policy)
			return site->policies[i]->container;
	return NULL;
}

struct slice discover_anonymous(const struct container *c, struct slice text, struct arena *arena)
{
	struct slice name = lxc_profile_name(c->name, c->lxcpath, arena);
	struct slice file = lxc_profile_file(c->name, c->lxcpath, arena);
	AUTOBUF out = { 0 };

	for (size_t i = 0; i < c->name.len; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.", c->name.ptr[i]))
			return text;
	while (text.len > 0) {
		struct slice head = slice_sub(text, 0, name.len);
		size_t next = slice_find(slice_from(text, 1), 'l') + 1;

		if (slice_eq(head, name) || slice_eq(head, file)) {
			buf_adds(&out, "@");
			text = slice_from(text, name.len);
			continue;
		}
		buf_addslice(&out, slice_sub(text, 0, next));
		text = slice_from(text, next);
	}
	return arena_slice(arena, buf_slice(&out));
}

bool discover_same_includes(const struct policy *x, const struct policy *y)
{
	if (x->source_count != y->source_count)
		return false;
	for (size_t i = 1; i < x->source_count; i++)
		if (x->sources[i] != y->sources[i])
			return false;
	return true;
}

bool discover_are_twins(const struct site *site, const struct policy *x, const struct policy *y)
{
	const struct container *c = discover_container(site, x);
	const struct container *d = discover_container(site, y);
	AUTOARENA scratch = { 0 };

	if (!c || !d || !discover_is_liblxc(c) || !discover_is_liblxc(d) || !discover_same_includes(x, y))
		return false;
	return slice_eq(discover_anonymous(c, x->sources[0]->doc.text, &scratch),
			discover_anonymous(d, y->sources[0]->doc.text, &scratch));
}
