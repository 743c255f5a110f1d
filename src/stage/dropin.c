/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/automaton.h>
#include <nestfix/dropin.h>

static const char raw_key[] = "lxc.apparmor.raw = ";
static const char hook_key[] = "lxc.hook.start-host = ";
static const char hook_start[] = "/bin/sh -c '" NESTFIX_PROGRAM " --scope ";
static const char hook_end[] = " hook lxc -- \"$@\" || :' aa-nestfix";
static const char scope_line[] = "# Conflict and scopes: ";
static const char first_line[] =
    "# Written by aa-nestfix: lets runc and Docker set their sysctls in containers whose AppArmor "
    "profile is generated.\n";
static const char last_line[] =
    "# To take it out again: aa-nestfix rollback. Removing this file does it too, from the next "
    "start of a container on.\n";

void dropin_letters(uint32_t perms, struct buf *out)
{
	static const char letters[] = "xwralkm"; /* in the order of the PERM_* bits */

	for (size_t b = 0; b < sizeof letters - 1; b++)
		if ((perms & (1U << b)) != 0 && (letters[b] != 'a' || !(perms & PERM_W)))
			buf_addc(out, letters[b]);
}

static void add_rule(const struct conflict_scope *scope, size_t pattern, struct buf *out)
{
	buf_addf(out, "priority=1 allow %.*s ", SLICE_FMT(scope->give_back[pattern]));
	dropin_letters(scope->perms, out);
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

bool dropin_rule_gives(struct slice rule, const struct conflict_scope *scope, size_t pattern)
{
	AUTOBUF own = { 0 };

	add_rule(scope, pattern, &own);
	return slice_eq(buf_slice(&own), rule);
}

bool dropin_is_rule(struct slice rule, const struct conflict *conflict)
{
	for (size_t i = 0; i < conflict->scope_count; i++)
		for (size_t k = 0; k < conflict->scopes[i].give_back_count; k++)
			if (dropin_rule_gives(rule, &conflict->scopes[i], k))
				return true;
	return false;
}

/* The scopes that a hook of ours names; false for any other hook. */
static bool hook_scopes(struct slice hook, struct slice *scopes)
{
	size_t front = sizeof hook_start - 1, back = sizeof hook_end - 1;

	if (hook.len < front + back || !slice_starts(hook, hook_start) || !slice_ends(hook, hook_end))
		return false;
	*scopes = slice_sub(hook, front, hook.len - front - back);
	return true;
}

bool dropin_hook_gives(struct slice hook, const struct conflict_scope *scope)
{
	struct slice names;

	if (!hook_scopes(hook, &names))
		return false;
	while (names.len > 0) {
		size_t comma = slice_find(names, ',');

		if (slice_eq(slice_sub(names, 0, comma), scope->name))
			return true;
		names = slice_from(names, comma + 1);
	}
	return false;
}

static void add_names(const struct conflict_scope *const *scopes, size_t count, struct buf *out)
{
	for (size_t i = 0; i < count; i++)
		buf_addf(out, "%s%.*s", i ? "," : "", SLICE_FMT(scopes[i]->name));
}

static void add_raw(const struct conflict_scope *scope, struct buf *out)
{
	for (size_t i = 0; i < scope->give_back_count; i++) {
		buf_adds(out, raw_key);
		add_rule(scope, i, out);
		buf_addc(out, '\n');
	}
}

void dropin_text(enum dropin_mode mode, const struct conflict *conflict, const struct conflict_scope *const *scopes,
		 size_t count, struct buf *out)
{
	buf_adds(out, first_line);
	buf_addf(out, "%s%.*s ", scope_line, SLICE_FMT(conflict->name));
	add_names(scopes, count, out);
	buf_addf(out, "\n%s", last_line);
	/*
	 * liblxc runs `sh -c "exec VALUE 'NAME' 'lxc' 'start-host'"` and gives up the start when that fails (conf.c
	 * run_script_argv). So a shell stands between: were the program removed and the drop-in forgotten, containers
	 * would start all the same.
	 */
	if (mode == DROPIN_HOOK) {
		buf_addf(out, "%s%s", hook_key, hook_start);
		add_names(scopes, count, out);
		buf_addf(out, "%s\n", hook_end);
	}
	for (size_t i = 0; mode == DROPIN_PRIORITY && i < count; i++)
		add_raw(scopes[i], out);
}

/* The next line, with its end. */
static struct slice take_line(struct slice *rest)
{
	struct slice line = slice_sub(*rest, 0, slice_line_end(*rest, 0));

	*rest = slice_from(*rest, line.len);
	return line;
}

/* The value of a line with this key in front, spelt as we spell it; an editor's line ends and blanks do not matter. */
static bool value_of(struct slice line, const char *key, struct slice *value)
{
	line = slice_trim(line);
	if (!slice_starts(line, key))
		return false;
	*value = slice_from(line, strlen(key));
	return true;
}

static bool is_ours(struct slice line, const struct conflict *conflict)
{
	struct slice value, names;

	if (slice_eq(slice_trim(line), slice_trim(SLICE(first_line))) ||
	    slice_eq(slice_trim(line), slice_trim(SLICE(last_line))))
		return true;
	if (value_of(line, scope_line, &value))
		return slice_eq(slice_sub(value, 0, slice_find(value, ' ')), conflict->name);
	if (value_of(line, raw_key, &value))
		return dropin_is_rule(value, conflict);
	return value_of(line, hook_key, &value) && hook_scopes(value, &names);
}

void dropin_write(struct slice old, enum dropin_mode mode, const struct conflict *conflict,
		  const struct conflict_scope *const *scopes, size_t count, struct buf *out)
{
	AUTOBUF before = { 0 };
	AUTOBUF after = { 0 };
	bool met = false;

	while (old.len > 0) {
		struct slice line = take_line(&old);

		if (is_ours(line, conflict))
			met = true;
		else
			buf_addslice(met ? &after : &before, line);
	}
	buf_addslice(out, buf_slice(&before));
	if (mode != DROPIN_NONE) {
		if (before.len > 0 && before.ptr[before.len - 1] != '\n')
			buf_addc(out, '\n');
		dropin_text(mode, conflict, scopes, count, out);
	}
	buf_addslice(out, buf_slice(&after));
}

/* Does a line of the text give back the scope by a hook, or this pattern of it by a rule? */
static bool has_hook(struct slice text, const struct conflict_scope *scope)
{
	struct slice value;

	while (text.len > 0)
		if (value_of(take_line(&text), hook_key, &value) && dropin_hook_gives(value, scope))
			return true;
	return false;
}

static bool has_rule(struct slice text, const struct conflict_scope *scope, size_t pattern)
{
	struct slice value;

	while (text.len > 0)
		if (value_of(take_line(&text), raw_key, &value) && dropin_rule_gives(value, scope, pattern))
			return true;
	return false;
}

static bool has_rules(struct slice text, const struct conflict_scope *scope)
{
	for (size_t i = 0; i < scope->give_back_count; i++)
		if (!has_rule(text, scope, i))
			return false;
	return scope->give_back_count > 0;
}

void dropin_read(struct dropin *out, struct slice text, const struct conflict *conflict, struct arena *arena)
{
	VEC(const struct conflict_scope *) scopes = { 0 };
	struct slice rest = text, value;

	*out = (struct dropin){ .text = text };
	while (rest.len > 0) {
		struct slice line = take_line(&rest);

		if (!is_ours(line, conflict))
			out->shared = true;
		else if (value_of(line, raw_key, &value))
			out->mode = DROPIN_PRIORITY;
		else if (value_of(line, hook_key, &value) && out->mode == DROPIN_NONE)
			out->mode = DROPIN_HOOK;
	}
	for (size_t i = 0; i < conflict->scope_count; i++)
		if (out->mode == DROPIN_PRIORITY ? has_rules(text, &conflict->scopes[i])
						 : has_hook(text, &conflict->scopes[i]))
			VEC_PUSH(arena, &scopes, &conflict->scopes[i]);
	out->scopes = scopes.ptr;
	out->scope_count = scopes.len;
}

bool dropin_is_edited(const struct dropin *dropin)
{
	struct slice text = dropin->text;

	return dropin->mode == DROPIN_NONE && text.len > 0 &&
	       (memmem(text.ptr, text.len, "aa-nestfix", strlen("aa-nestfix")) ||
		memmem(text.ptr, text.len, "priority=", strlen("priority=")));
}

bool dropin_covers(const struct dropin *dropin, const struct conflict_scope *scope)
{
	for (size_t i = 0; i < dropin->scope_count; i++)
		if (dropin->scopes[i] == scope)
			return true;
	return false;
}

bool dropin_apply(struct slice generated, struct slice dropin, struct buf *out)
{
	const char *brace = generated.len > 0 ? memrchr(generated.ptr, '}', generated.len) : NULL;
	size_t at = brace ? (size_t)(brace - generated.ptr) : 0;
	struct slice value;

	if (!brace)
		return false;
	buf_addslice(out, slice_sub(generated, 0, at));
	if (at > 0 && generated.ptr[at - 1] != '\n')
		buf_addc(out, '\n');
	while (dropin.len > 0)
		if (value_of(take_line(&dropin), raw_key, &value))
			buf_addf(out, "%.*s\n", SLICE_FMT(value));
	buf_addslice(out, slice_from(generated, at));
	return true;
}

static bool is_raw_line(struct slice line, struct slice dropin)
{
	struct slice value;

	while (dropin.len > 0)
		if (value_of(take_line(&dropin), raw_key, &value) && slice_eq(slice_trim(line), slice_trim(value)))
			return true;
	return false;
}

void dropin_strip(struct slice generated, struct slice dropin, struct buf *out)
{
	while (generated.len > 0) {
		struct slice line = take_line(&generated);

		if (!is_raw_line(line, dropin))
			buf_addslice(out, line);
	}
}
