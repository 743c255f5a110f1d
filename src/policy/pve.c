/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <strings.h>

#include <nestfix/pve.h>

static bool is_raw(const struct keyval_entry *e)
{
	return slice_starts(e->key, "lxc.");
}

/* PVE::JSONSchema parse_boolean(); a value that is none of these stays a string, which Perl takes as true. */
bool pve_is_true(struct slice value)
{
	static const char *const no[] = { "0", "off", "no", "false", "" };

	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		if (value.len == strlen(no[i]) && strncasecmp(value.ptr ? value.ptr : "", no[i], value.len) == 0)
			return false;
	return true;
}

bool pve_option(struct slice list, const char *key, struct slice *value)
{
	while (list.len > 0) {
		size_t end = slice_find(list, ',');
		struct slice item = slice_trim(slice_sub(list, 0, end));
		size_t equal = slice_find(item, '=');

		list = slice_from(list, end + 1);
		if (equal == item.len || !slice_is(slice_sub(item, 0, equal), key))
			continue;
		*value = slice_from(item, equal + 1);
		return true;
	}
	return false;
}

static struct slice value_of(const struct keyval_entry *e)
{
	return e ? e->value : (struct slice){ 0 };
}

static bool is_listed(struct slice list, struct slice key)
{
	while (list.len > 0) {
		size_t n = 0;

		while (n < list.len && !strchr(",; \t", list.ptr[n]))
			n++;
		if (slice_eq(slice_sub(list, list.ptr[0] == '!', n - (list.ptr[0] == '!')), key))
			return true;
		list = slice_from(list, n + 1);
	}
	return false;
}

/*
 * What the next start brings: PVE::LXC vm_start applies the pending changes first, deletions before values
 * (vmconfig_apply_pending). A later section of that name takes the place of an earlier one.
 */
static const struct keyval_entry *next_of(const struct pve_guest *g, const char *key)
{
	const struct keyval_entry *e = g->pending ? keyval_last(&g->kv, g->pending, key) : NULL;

	if (e)
		return e;
	if (g->pending && is_listed(value_of(keyval_last(&g->kv, g->pending, "delete")), slice_of(key)))
		return NULL;
	return keyval_last(&g->kv, 0, key);
}

static struct pve_settings read_settings(const struct keyval_entry *ostype, const struct keyval_entry *features,
					 const struct keyval_entry *unprivileged)
{
	struct pve_settings out = { .ostype = value_of(ostype), .features = value_of(features) };
	struct slice option;

	out.unprivileged = pve_is_true(value_of(unprivileged));
	out.nesting = pve_option(out.features, "nesting", &option) && pve_is_true(option);
	return out;
}

static void read_values(struct pve_guest *out)
{
	const struct keyval *kv = &out->kv;
	struct pve_settings now = read_settings(keyval_last(kv, 0, "ostype"), keyval_last(kv, 0, "features"),
						keyval_last(kv, 0, "unprivileged"));

	out->unprivileged = now.unprivileged;
	out->nesting = now.nesting;
	out->ostype = now.ostype;
	out->features = now.features;
	out->next = read_settings(next_of(out, "ostype"), next_of(out, "features"), next_of(out, "unprivileged"));
	out->hostname = value_of(keyval_last(kv, 0, "hostname"));
	out->is_template = pve_is_true(value_of(keyval_last(kv, 0, "template")));
	out->hookscript = value_of(keyval_last(kv, 0, "hookscript"));
	out->hookscript_pends = next_of(out, "hookscript") != keyval_last(kv, 0, "hookscript");
	out->lock = value_of(keyval_last(kv, 0, "lock"));
	out->profile = value_of(keyval_last(kv, 0, "lxc.apparmor.profile"));
	out->has_profile = keyval_last(kv, 0, "lxc.apparmor.profile") != NULL;
}

void pve_parse(struct pve_guest *out, struct slice text, struct arena *arena)
{
	VEC(size_t) raw = { 0 };

	*out = (struct pve_guest){ 0 };
	keyval_parse(&out->kv, text, KEYVAL_PVE, arena);
	for (size_t i = 0; i < out->kv.count; i++) {
		const struct keyval_entry *e = &out->kv.entries[i];

		if (e->kind == KEYVAL_SECTION && slice_is(e->section_name, "pve:pending"))
			out->pending = e->section;
		else if (e->kind == KEYVAL_SECTION)
			out->has_snapshots = true;
		else if (e->kind == KEYVAL_PAIR && e->section == 0 && is_raw(e))
			VEC_PUSH(arena, &raw, i);
	}
	out->raw = raw.ptr;
	out->raw_count = raw.len;
	out->has_pending = out->pending > 0;
	read_values(out);
}

/*
 * Where a new key belongs: Proxmox writes keys in byte order and raw lines behind them. In a file of another order it
 * is put before the first greater key; without one, behind the last key.
 */
static size_t place_of(const struct keyval *kv, const char *key)
{
	size_t after = 0, end = keyval_raw_place(kv);
	bool any = false;

	for (size_t i = 0; i < end; i++) {
		const struct keyval_entry *e = &kv->entries[i];

		if (e->kind != KEYVAL_PAIR)
			continue;
		if (is_raw(e))
			return any ? after : i;
		if (slice_cmp(e->key, slice_of(key)) > 0)
			return i;
		any = true;
		after = i + 1;
	}
	return any ? after : end;
}

void pve_set(const struct pve_guest *guest, const char *key, struct slice value, struct buf *out)
{
	const struct keyval_entry *old = keyval_last(&guest->kv, 0, key);
	AUTOBUF line = { 0 };

	buf_adds(&line, key);
	buf_adds(&line, ": ");
	buf_addslice(&line, value);
	if (!old)
		keyval_insert(&guest->kv, place_of(&guest->kv, key), buf_slice(&line), out);
	else
		keyval_replace(&guest->kv, (size_t)(old - guest->kv.entries), buf_slice(&line), out);
}

void pve_unset(const struct pve_guest *guest, const char *key, struct buf *out)
{
	const struct keyval *kv = &guest->kv;

	for (size_t i = 0; i < kv->count; i++) {
		const struct keyval_entry *e = &kv->entries[i];

		if (e->kind != KEYVAL_PAIR || e->section != 0 || !slice_is(e->key, key))
			buf_addslice(out, slice_sub(kv->text, e->span.at, e->span.len));
	}
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool pve_volume(struct slice hookscript, struct slice *storage, struct slice *name)
{
	static const char kind[] = ":snippets/";
	size_t colon = slice_find(hookscript, ':');
	struct slice rest = slice_from(hookscript, colon);

	if (!pve_is_storage_id(slice_sub(hookscript, 0, colon)) || !slice_starts(rest, kind))
		return false;
	rest = slice_from(rest, sizeof kind - 1);
	if (rest.len == 0 || slice_find(rest, '/') < rest.len || slice_is(rest, ".") || slice_is(rest, ".."))
		return false;
	*storage = slice_sub(hookscript, 0, colon);
	*name = rest;
	return true;
}

bool pve_is_vmid(struct slice name)
{
	if (name.len < 3 || name.len > 9 || name.ptr[0] == '0')
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!is_digit(name.ptr[i]))
			return false;
	return true;
}
