/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/automaton.h>
#include <nestfix/dropin.h>

static const char raw_key[] = "lxc.apparmor.raw = ";
static const char scope_line[] = "# Conflict and scopes: ";

static void add_scopes(const struct conflict *conflict, const struct conflict_scope *const *scopes, size_t count,
		       struct buf *out)
{
	buf_addf(out, "%s%.*s", scope_line, SLICE_FMT(conflict->name));
	for (size_t i = 0; i < count; i++)
		buf_addf(out, "%c%.*s", i == 0 ? ' ' : ',', SLICE_FMT(scopes[i]->name));
	buf_addc(out, '\n');
}

static void add_rule(const struct conflict_scope *scope, size_t pattern, struct buf *out)
{
	static const char letters[] = "xwralkm"; /* in the order of the PERM_* bits */

	buf_addf(out, "priority=1 allow %.*s ", SLICE_FMT(scope->give_back[pattern]));
	for (size_t b = 0; b < sizeof letters - 1; b++)
		if ((scope->perms & (1U << b)) != 0 && (letters[b] != 'a' || !(scope->perms & PERM_W)))
			buf_addc(out, letters[b]);
	buf_addc(out, ',');
}

void dropin_rules(const struct conflict_scope *const *scopes, size_t count, struct buf *out)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < scopes[i]->give_back_count; k++) {
			buf_adds(out, out->len > 0 ? " " : "");
			add_rule(scopes[i], k, out);
		}
	}
}

bool dropin_is_rule(struct slice rule, const struct conflict *conflict)
{
	for (size_t i = 0; i < conflict->scope_count; i++) {
		for (size_t k = 0; k < conflict->scopes[i].give_back_count; k++) {
			AUTOBUF own = { 0 };

			add_rule(&conflict->scopes[i], k, &own);
			if (slice_eq(buf_slice(&own), rule))
				return true;
		}
	}
	return false;
}

static void add_raw(const struct conflict_scope *scope, struct buf *out)
{
	for (size_t i = 0; i < scope->give_back_count; i++) {
		buf_adds(out, raw_key);
		add_rule(scope, i, out);
		buf_addc(out, '\n');
	}
}

/*
 * liblxc runs `sh -c "exec VALUE 'NAME' 'lxc' 'start-host'"` and gives up the start when that fails
 * (conf.c run_script_argv). So a shell stands between: were the program removed and the drop-in forgotten, containers
 * would start all the same.
 */
static void add_hook(const struct conflict_scope *const *scopes, size_t count, struct buf *out)
{
	buf_adds(out, "lxc.hook.start-host = /bin/sh -c '" NESTFIX_PROGRAM " --scope ");
	for (size_t i = 0; i < count; i++)
		buf_addf(out, "%s%.*s", i ? "," : "", SLICE_FMT(scopes[i]->name));
	buf_adds(out, " hook lxc -- \"$@\" || :' aa-nestfix\n");
}

void dropin_text(enum dropin_mode mode, const struct conflict *conflict, const struct conflict_scope *const *scopes,
		 size_t count, struct buf *out)
{
	buf_adds(out, "# Written by aa-nestfix: lets runc and Docker set their sysctls in containers whose AppArmor "
		      "profile is generated.\n");
	add_scopes(conflict, scopes, count, out);
	buf_adds(out,
		 "# To take it out again: aa-nestfix rollback. Removing this file does it too, from the next start "
		 "of a container on.\n");
	if (mode == DROPIN_HOOK)
		add_hook(scopes, count, out);
	for (size_t i = 0; mode == DROPIN_PRIORITY && i < count; i++)
		add_raw(scopes[i], out);
}

/* The next line, without its end. */
static struct slice take_line(struct slice *rest)
{
	size_t end = slice_find(*rest, '\n');
	struct slice line = slice_sub(*rest, 0, end);

	*rest = slice_from(*rest, end + 1);
	return line;
}

static bool has_line(struct slice text, const char *start, struct slice *rest)
{
	while (text.len > 0) {
		struct slice line = take_line(&text);

		if (!slice_starts(line, start))
			continue;
		*rest = slice_from(line, strlen(start));
		return true;
	}
	return false;
}

static void read_scopes(struct dropin *out, struct slice names, const struct conflict *conflict, struct arena *arena)
{
	VEC(const struct conflict_scope *) scopes = { 0 };
	size_t blank = slice_find(names, ' ');

	if (!slice_eq(slice_sub(names, 0, blank), conflict->name))
		return;
	names = slice_from(names, blank + 1);
	while (names.len > 0) {
		size_t comma = slice_find(names, ',');
		const struct conflict_scope *scope = conflict_scope(conflict, slice_sub(names, 0, comma));

		if (scope)
			VEC_PUSH(arena, &scopes, scope);
		names = slice_from(names, comma + 1);
	}
	out->scopes = scopes.ptr;
	out->scope_count = scopes.len;
}

void dropin_read(struct dropin *out, struct slice text, const struct conflict *conflict, struct arena *arena)
{
	AUTOBUF expected = { 0 };
	struct slice rest;

	*out = (struct dropin){ .mode = DROPIN_EDITED, .text = text };
	if (has_line(text, scope_line, &rest))
		read_scopes(out, rest, conflict, arena);
	if (out->scope_count == 0)
		return;
	out->mode = has_line(text, raw_key, &rest) ? DROPIN_PRIORITY : DROPIN_HOOK;
	dropin_text(out->mode, conflict, out->scopes, out->scope_count, &expected);
	if (!slice_eq(buf_slice(&expected), text))
		out->mode = DROPIN_EDITED;
}

bool dropin_covers(const struct dropin *dropin, const struct conflict_scope *scope)
{
	if (dropin->mode != DROPIN_PRIORITY && dropin->mode != DROPIN_HOOK)
		return false;
	for (size_t i = 0; i < dropin->scope_count; i++)
		if (dropin->scopes[i] == scope)
			return true;
	return false;
}

bool dropin_apply(struct slice generated, struct slice dropin, struct buf *out)
{
	const char *brace = generated.len > 0 ? memrchr(generated.ptr, '}', generated.len) : NULL;
	size_t at = brace ? (size_t)(brace - generated.ptr) : 0;

	if (!brace)
		return false;
	buf_addslice(out, slice_sub(generated, 0, at));
	if (at > 0 && generated.ptr[at - 1] != '\n')
		buf_addc(out, '\n');
	while (dropin.len > 0) {
		struct slice line = take_line(&dropin);

		if (slice_starts(line, raw_key))
			buf_addf(out, "%.*s\n", SLICE_FMT(slice_from(line, sizeof raw_key - 1)));
	}
	buf_addslice(out, slice_from(generated, at));
	return true;
}

static bool is_raw_line(struct slice line, struct slice dropin)
{
	while (dropin.len > 0) {
		struct slice raw = take_line(&dropin);

		if (slice_starts(raw, raw_key) &&
		    slice_eq(slice_trim(line), slice_trim(slice_from(raw, sizeof raw_key - 1))))
			return true;
	}
	return false;
}

void dropin_strip(struct slice generated, struct slice dropin, struct buf *out)
{
	while (generated.len > 0) {
		struct slice rest = generated, line = take_line(&rest);

		if (!is_raw_line(line, dropin))
			buf_addslice(out, slice_sub(generated, 0, generated.len - rest.len));
		generated = rest;
	}
}
