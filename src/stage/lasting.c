/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/lasting.h>

static bool covers_all(const struct dropin *dropin, const struct conflict_scope *const *scopes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!dropin_covers(dropin, scopes[i]))
			return false;
	return true;
}

/* Does its configuration read the folder of the drop-in? One written by hand need not. */
static bool reads_dropin(const struct site *site, const struct container *c)
{
	struct slice file = SLICE(DROPIN_PATH);

	if (c->kind == CONTAINER_PVE)
		return true; /* every ostype's configuration includes it */
	for (size_t i = 0; i < c->lxc.file_count; i++)
		if (slice_is(file, c->lxc.files[i]))
			return true;
	(void)site;
	return false;
}

enum lasting lasting_of(const struct site *site, const struct container *c, const struct conflict_scope *const *scopes,
			size_t count)
{
	if (c->origin == CONTAINER_STATIC)
		return LASTING_FILE;
	if (c->origin != CONTAINER_GENERATED || (err_is_set(&c->err) && c->config == NULL))
		return LASTING_NONE;
	if (!discover_is_liblxc(c))
		return LASTING_DAEMON;
	if (c->nesting && site->host.liblxc_state == PACKAGES_LIBLXC_CURED)
		return LASTING_UPSTREAM;
	if (covers_all(&site->dropin, scopes, count) && reads_dropin(site, c))
		return LASTING_DROPIN;
	return LASTING_BLOCKED;
}

/* Is the container, or the profile that it generates, asked about? A policy file that was named says nothing of it. */
static bool is_wanted(const struct site *site, const struct container *c)
{
	for (size_t i = 0; i < site->target_count; i++) {
		const struct site_target *t = &site->targets[i];

		if (t->found == c)
			return true;
		if (t->profile.len > 0 && slice_eq(t->profile, c->profile))
			return true;
		if (t->path && c->generated && strcmp(t->path, c->generated) == 0)
			return true;
	}
	return site->target_count == 0;
}

/* The text in force is blocked, whatever the library on disk would write now. */
static bool is_blocked(const struct site *site, const struct finding *finding, const struct container *c)
{
	for (size_t i = 0; i < finding->case_count; i++)
		if (finding->cases[i].state == LOCATE_BLOCKED &&
		    discover_container(site, finding->cases[i].policy) == c)
			return true;
	return false;
}

/*
 * AppArmor was switched off in it to get round the conflict. Harden switches it on again where the drop-in is there: a
 * guest of Proxmox gets a generated profile then, and one of LXC's may.
 */
static bool is_off(const struct site *site, const struct container *c)
{
	bool cured = c->pve.nesting && site->host.liblxc_state == PACKAGES_LIBLXC_CURED;

	return discover_is_liblxc(c) && (c->origin == CONTAINER_UNCONFINED || c->origin == CONTAINER_OFF) && !cured;
}

bool lasting_is_needed(const struct site *site, const struct finding *finding)
{
	for (size_t i = 0; i < site->host.count; i++) {
		const struct container *c = &site->host.list[i];
		enum lasting next = lasting_of(site, c, finding->scopes, finding->scope_count);

		if (!discover_is_liblxc(c) || !is_wanted(site, c))
			continue;
		if (next == LASTING_BLOCKED || is_off(site, c) ||
		    (next == LASTING_UPSTREAM && is_blocked(site, finding, c)))
			return !covers_all(&site->dropin, finding->scopes, finding->scope_count);
	}
	return false;
}

/* A text that liblxc wrote before it was cured, and that nothing but its next start cures for good. */
static bool is_stale(const struct site *site, const struct locate_case *c)
{
	const struct container *container = discover_container(site, c->policy);

	if (!container || !discover_is_liblxc(container))
		return false;
	return c->state != LOCATE_ALLOWED || slice_is(c->cure, DROPIN_PATH);
}

bool lasting_is_over(const struct site *site, const struct finding *finding)
{
	struct site bare = *site;

	bare.dropin = (struct dropin){ 0 };
	if ((site->dropin.mode != DROPIN_PRIORITY && site->dropin.mode != DROPIN_HOOK) ||
	    site->host.liblxc_state != PACKAGES_LIBLXC_CURED)
		return false;
	for (size_t i = 0; i < site->host.count; i++) {
		const struct container *c = &site->host.list[i];

		if (!discover_is_liblxc(c))
			continue;
		if (err_is_set(&c->err) || is_off(&bare, c) ||
		    lasting_of(&bare, c, finding->scopes, finding->scope_count) == LASTING_BLOCKED)
			return false;
	}
	for (size_t i = 0; i < finding->case_count; i++)
		if (is_stale(site, &finding->cases[i]))
			return false;
	return true;
}

/*
 * Another root has a parser of its own, which is not asked: its version must be one that knows priorities, too. 1, 0;
 * -1 where its version cannot be read.
 */
static int root_knows_priority(const struct root *root, struct arena *arena, struct err *err)
{
	static const char status[] = "/var/lib/dpkg/status";
	enum fsio_kind kind;
	struct file file;

	if (root->live)
		return 1;
	if (fsio_kind(root, status, &kind, err) < 0)
		return -1;
	if (kind == FSIO_MISSING)
		return 0;
	if (fsio_read(root, status, 64 << 20, arena, &file, err) < 0)
		return -1;
	return packages_compare(packages_version(file.bytes, "apparmor"), SLICE("4.1~")) >= 0;
}

static int choose_mode(const struct site *site, const struct compiler *compiler, enum dropin_mode *mode,
		       struct arena *arena, struct err *err)
{
	int knows = compile_knows_priority(compiler, arena, err);

	if (knows > 0)
		knows = root_knows_priority(site->root, arena, err);
	if (knows < 0)
		return -1;
	*mode = knows ? DROPIN_PRIORITY : DROPIN_HOOK;
	return 0;
}

/* Why the drop-in cannot be placed, or NULL. */
static const char *obstacle(const struct site *site, enum dropin_mode mode)
{
	enum fsio_kind kind;

	if (fsio_kind(site->root, DROPIN_DIR, &kind, NULL) < 0 || kind != FSIO_DIR)
		return "the cure of generated profiles lasts only until a container starts anew: there is no folder "
		       "'" DROPIN_DIR "' (LXC before 3.0, or not installed); update LXC, or run 'aa-nestfix fix' after "
		       "each start";
	if (mode == DROPIN_HOOK && (fsio_kind(site->root, NESTFIX_PROGRAM, &kind, NULL) < 0 || kind != FSIO_FILE))
		return "the cure of generated profiles lasts only until a container starts anew: the hook needs "
		       "'" NESTFIX_PROGRAM "', which is not installed; install it ('make install'), then run "
		       "'aa-nestfix fix' again";
	return NULL;
}

/* Scopes that the drop-in gives back already stay given back. */
static void merge_scopes(const struct site *site, const struct finding *finding, const struct conflict_scope ***scopes,
			 size_t *count, struct arena *arena)
{
	VEC(const struct conflict_scope *) all = { 0 };

	for (size_t i = 0; i < site->conflict->scope_count; i++) {
		const struct conflict_scope *scope = &site->conflict->scopes[i];
		bool wanted = dropin_covers(&site->dropin, scope);

		for (size_t k = 0; k < finding->scope_count; k++)
			wanted |= finding->scopes[k] == scope;
		if (wanted)
			VEC_PUSH(arena, &all, scope);
	}
	*scopes = all.ptr;
	*count = all.len;
}

static int by_path(const struct patch_file *a, const struct patch_file *b)
{
	return strcmp(patch_path(a), patch_path(b));
}

static void add_file(struct patch *patch, struct slice text, bool removed, struct arena *arena)
{
	const struct dropin *old = &patch->site->dropin;
	struct patch_file file = {
		.kind = PATCH_CREATE,
		.path = DROPIN_PATH,
		.existed = old->mode != DROPIN_NONE,
		.removed = removed,
		.edits = ARENA_NEW(arena, struct edit),
		.edit_count = 1,
		.old = old->text,
		.new_ = text,
	};
	struct patch_file *files = arena_array(arena, patch->file_count + 1, sizeof *files);
	size_t at = 0;

	*file.edits = (struct edit){ .len = old->text.len, .with = text };
	while (at < patch->file_count && by_path(&patch->files[at], &file) < 0)
		at++;
	for (size_t i = 0; i < patch->file_count; i++)
		files[i + (i >= at)] = patch->files[i];
	files[at] = file;
	patch->files = files;
	patch->file_count++;
}

int lasting_plan(struct patch *patch, const struct compiler *compiler, struct slice sample, const char **note,
		 struct arena *arena, struct err *err)
{
	const struct site *site = patch->site;
	AUTOBUF text = { 0 };

	*note = NULL;
	if (!lasting_is_needed(site, patch->finding))
		return 0;
	if (choose_mode(site, compiler, &patch->dropin, arena, err) < 0)
		return -1;
	*note = obstacle(site, patch->dropin);
	if (*note)
		return 0;
	merge_scopes(site, patch->finding, &patch->dropin_scopes, &patch->dropin_scope_count, arena);
	dropin_text(patch->dropin, site->conflict, patch->dropin_scopes, patch->dropin_scope_count, &text);
	if (slice_eq(buf_slice(&text), site->dropin.text))
		return 0;
	patch->sample = sample;
	add_file(patch, arena_slice(arena, buf_slice(&text)), false, arena);
	return 0;
}

void lasting_retire(struct patch *patch, struct arena *arena)
{
	add_file(patch, SLICE(""), true, arena);
}

int lasting_is_dangerous(const struct site *site, const struct compiler *compiler, struct arena *arena, struct err *err)
{
	int knows;

	if (site->dropin.text.len == 0 || memmem(site->dropin.text.ptr, site->dropin.text.len, "priority=", 9) == NULL)
		return 0;
	knows = compile_knows_priority(compiler, arena, err);
	return knows < 0 ? -1 : !knows;
}
