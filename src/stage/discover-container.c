/* SPDX-License-Identifier: GPL-2.0-or-later */
/* discover-container: containers, and the policy that was generated for those that run. */
#include "discover-internal.h"

/* Is there a text in force? After a crash liblxc leaves one behind; another root's are taken as if it ran. */
static bool is_generated(const struct site *site, const struct container *c)
{
	return c->generated && (c->running || !site->root->live);
}

static void add_generated(struct site *site, const struct container *c, policy_vec *policies, skipped_vec *skipped)
{
	struct site_policy *sp = ARENA_NEW(site->arena, struct site_policy);
	struct site_skipped bad = { .path = c->generated, .is_policy = true };

	sp->container = c;
	if (discover_read(site, c->generated, &sp->policy, &bad.err) < 0) {
		VEC_PUSH(site->arena, skipped, bad);
		return;
	}
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

/* Its guests stand in a database, and are read by this file system only. In an image it is never mounted. */
static void look_for_pmxcfs(struct site *site, skipped_vec *skipped)
{
	struct site_skipped bad = { .path = "/etc/pve" };

	if (site->host.pve_manager.len == 0 || site->host.pve_is_mounted)
		return;
	err_put(&bad.err, ERR_FAILED, "cannot look at the guests of Proxmox: /etc/pve is not mounted");
	err_hint(&bad.err, "start it: systemctl start pve-cluster");
	if (site->root->live)
		site->host_err = bad.err;
	VEC_PUSH(site->arena, skipped, bad);
}

void discover_containers(struct site *site, const struct policy_reader *reader, policy_vec *policies,
			 skipped_vec *skipped)
{
	struct site_skipped bad = { .path = "containers" };

	read_dropin(site, skipped);
	if (container_list(&site->host, site->root, reader, site->arena, &bad.err) < 0) {
		site->host = (struct container_host){ 0 };
		site->host_err = bad.err;
		VEC_PUSH(site->arena, skipped, bad);
	}
	look_for_pmxcfs(site, skipped);
	for (size_t i = 0; i < site->host.count; i++)
		if (is_generated(site, &site->host.list[i]))
			add_generated(site, &site->host.list[i], policies, skipped);
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

struct slice discover_label(struct slice label)
{
	const char *at = label.len > 0 ? memmem(label.ptr, label.len, "//&", 3) : NULL;

	return at ? slice_sub(label, 0, (size_t)(at - label.ptr)) : label;
}

bool discover_is_worn(const struct site *site, struct slice profile)
{
	const struct container_host *host = &site->host;

	for (size_t i = 0; i < host->count; i++)
		if (slice_eq(host->list[i].profile, profile) || slice_eq(discover_label(host->list[i].label), profile))
			return true;
	for (size_t i = 0; i < host->label_count; i++)
		if (slice_eq(discover_label(host->labels[i]), profile))
			return true;
	return host->fresh && slice_eq(host->fresh->profile, profile);
}
