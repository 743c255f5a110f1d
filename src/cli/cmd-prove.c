/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "app.h"

enum { BLOB_LIMIT = 64 << 20 }; /* bytes of compiled policy; a whole distribution's profiles have under 10 MiB */

/* Every image begins with the NAME tag of its version word (kernel policy_unpack.c verify_header). */
static bool is_compiled(struct slice bytes)
{
	static const char head[] = "\x04\x08\x00version";

	return bytes.len >= sizeof head && memcmp(bytes.ptr, head, sizeof head) == 0;
}

/* The root whose policy directory a file stands in: what comes before /etc/apparmor.d/, or NULL. */
static const char *tree_of(const char *path, struct arena *arena)
{
	const char *hit = strstr(path, "/etc/apparmor.d/");

	if (!hit)
		return NULL;
	return hit == path ? "/" : arena_str(arena, (struct slice){ path, (size_t)(hit - path) });
}

/* One of the two that are compared. */
struct side {
	const char *name;
	const char *path; /* below the root of the tree that the text stands in; NULL: in none, or compiled */
	struct root root;
	struct compiler compiler;
	struct automaton automaton;
};

static void release_side(struct side *side)
{
	root_release(&side->root);
}

/* A text in a policy tree is compiled with that tree's includes, any other with those of the root. What is only looked
 * at may be anybody's. */
static int compile_side(struct app *app, struct side *side, struct slice text, struct slice *blob, struct err *err)
{
	const char *tree = tree_of(side->name, &app->arena);

	if (root_open(&side->root, tree ? tree : app->root.path, err) < 0)
		return -1;
	side->root.anybody = side->root.untrusted = true;
	if (compiler_init(&side->compiler, &side->root, app->parser, app->features, &app->arena, err) < 0)
		return -1;
	if (!tree)
		return compile_text(&side->compiler, side->name, text, &app->arena, blob, err);
	side->path = strstr(side->name, "/etc/apparmor.d/");
	return compile_with(&side->compiler, side->path, NULL, 0, &app->arena, blob, err);
}

static int read_side(struct app *app, const char *name, struct side *side, struct err *err)
{
	AUTOROOT machine = { .fd = -1 };
	char *path = realpath(name, NULL);
	struct file file;
	struct slice blob;
	int status;

	if (!path) {
		err_errno(err, "cannot find '%s'", name);
		err->kind = ERR_USAGE;
		return -1;
	}
	side->name = arena_str(&app->arena, slice_of(path));
	free(path);
	if (root_open(&machine, "/", err) < 0)
		return -1;
	machine.anybody = machine.untrusted = true; /* typed by the administrator */
	if (fsio_read(&machine, side->name, BLOB_LIMIT, &app->arena, &file, err) < 0)
		return -1;
	blob = file.bytes;
	status = is_compiled(blob) ? 0 : compile_side(app, side, file.bytes, &blob, err);
	if (status == 0)
		status = automaton_read(&side->automaton, blob, &app->arena, err);
	return status < 0 ? err_wrap(err, "%s", side->name) : 0;
}

/* One --allow PATTERN:PERMS. */
static int read_allowance(struct app *app, const char *text, struct compare_exemption *out, struct err *err)
{
	const char *colon = strrchr(text, ':');
	struct aare pattern = { 0 };

	if (!colon || !conflict_perms(slice_of(colon + 1), &out->perms)) {
		err_put(err, ERR_USAGE, "cannot read --allow '%s'", text);
		return err_hint(err, "write a pattern, a colon and permissions: --allow '/sys/net{,/**}:w'");
	}
	if (aare_parse(&pattern, (struct slice){ text, (size_t)(colon - text) }, app->pool, &app->arena, err) < 0) {
		err->kind = ERR_USAGE;
		return err_wrap(err, "--allow '%s'", text);
	}
	out->paths = pattern.re;
	return 0;
}

/* All --allow; those of equal permissions become one exemption. */
static int read_allowances(struct app *app, struct compare_exemption *list, size_t *count, struct err *err)
{
	for (size_t i = 0; i < app->allow_count; i++) {
		struct compare_exemption one;
		size_t at = 0;

		if (read_allowance(app, app->allow[i], &one, err) < 0)
			return -1;
		while (at < *count && list[at].perms != one.perms)
			at++;
		if (at == *count)
			list[(*count)++] = one;
		else
			list[at].paths = re_alt(app->pool, list[at].paths, one.paths);
	}
	return 0;
}

static bool same_change(const struct compare_change *a, const struct compare_change *b)
{
	return a->kind == b->kind && slice_eq(a->profile, b->profile) &&
	       memcmp(&a->from, &b->from, sizeof a->from) == 0 && memcmp(&a->to, &b->to, sizeof a->to) == 0;
}

/* A change that one exemption covers is all right, whatever the others say of it. */
static void merge(struct comparison *all, const struct comparison *one)
{
	all->allowed = true;
	for (size_t i = 0; i < all->count; i++) {
		struct compare_change *change = &all->changes[i];

		for (size_t k = 0; k < one->count; k++)
			change->allowed |= one->changes[k].allowed && same_change(change, &one->changes[k]);
		all->allowed &= change->allowed;
	}
}

static int compare(struct app *app, const struct automaton *old, const struct automaton *fresh, struct comparison *out,
		   struct err *err)
{
	struct compare_exemption *list = arena_array(&app->arena, app->allow_count + 1, sizeof *list);
	size_t count = 0;

	if (read_allowances(app, list, &count, err) < 0)
		return -1;
	if (compare_automata(out, old, fresh, &list[0], app->pool, &app->arena, err) < 0)
		return -1;
	for (size_t i = 1; i < count; i++) {
		struct comparison one;

		if (compare_automata(&one, old, fresh, &list[i], app->pool, &app->arena, err) < 0)
			return -1;
		merge(out, &one);
	}
	return 0;
}

static int check_steady(struct app *app, const struct side *side, const struct comparison *comparison, struct err *err)
{
	if (!side->path)
		return 0;
	return compile_check_steady(&side->compiler, NULL, side->path, NULL, 0, comparison, app->pool, &app->arena,
				    err);
}

static int prove(struct app *app, struct side *old, struct side *fresh, struct err *err)
{
	struct comparison comparison;

	if (read_side(app, app->args[0], old, err) < 0 || read_side(app, app->args[1], fresh, err) < 0 ||
	    compare(app, &old->automaton, &fresh->automaton, &comparison, err) < 0 ||
	    check_steady(app, old, &comparison, err) < 0 || check_steady(app, fresh, &comparison, err) < 0)
		return -1;
	report_prove(&app->report, &comparison);
	return !comparison.equal && !(app->allow_count > 0 && comparison.allowed);
}

int cmd_prove(struct app *app, struct err *err)
{
	struct side old = { 0 }, fresh = { 0 };
	int status;

	if (app->arg_count != 2)
		return err_put(err, ERR_USAGE, "prove needs two files: aa-nestfix prove OLD NEW");
	status = prove(app, &old, &fresh, err);
	release_side(&old);
	release_side(&fresh);
	return status;
}
