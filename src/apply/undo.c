/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/config.h>

#include "undo-internal.h"

static void read_roles(struct undo_case *u)
{
	const struct conflict *conflict = u->ground->conflict;

	u->stay = arena_array(u->arena, conflict->scope_count, sizeof *u->stay);
	u->back = arena_array(u->arena, conflict->scope_count, sizeof *u->back);
	for (size_t i = 0; i < u->count; i++) {
		const struct undo_change *c = &u->changes[i];

		for (size_t k = 0; k < conflict->scope_count; k++) {
			bool asked = backup_has_name(&c->backup->conflicts, conflict->name) &&
				     backup_has_name(&c->backup->scopes, conflict->scopes[k].name);

			u->stay[k] |= asked && c->role == UNDO_STAYS;
			u->back[k] |= asked && c->role == UNDO_BACK;
		}
	}
	for (size_t k = 0; k < conflict->scope_count; k++)
		u->back[k] = u->back[k] && !u->stay[k];
}

const struct backup_file *undo_oldest(const struct undo_case *u)
{
	for (size_t i = 0; i < u->count; i++)
		if (u->changes[i].file)
			return u->changes[i].file;
	return NULL;
}

/* Did a change ask for it that is older than all that is known of the file's content? */
static bool was_asked(const struct undo_case *u, const struct conflict_scope *scope)
{
	for (size_t i = 0; i < u->count && !u->changes[i].file; i++)
		if (backup_has_name(&u->changes[i].backup->scopes, scope->name))
			return true;
	return false;
}

void undo_keep_foreign(struct undo_case *u, const struct conflict_scope *const *scopes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t k = (size_t)(scopes[i] - u->ground->conflict->scopes);

		if (was_asked(u, scopes[i]))
			continue;
		u->stay[k] = true;
		u->back[k] = false;
	}
}

bool undo_is_needed(const struct undo_case *u)
{
	for (size_t i = 0; i < u->ground->conflict->scope_count; i++)
		if (u->back[i])
			return true;
	return false;
}

bool undo_stays(const struct undo_case *u, const struct conflict_scope *scope)
{
	return u->stay[scope - u->ground->conflict->scopes];
}

static void add_lost(const struct undo_case *u, const struct conflict_scope *scope, struct undo *out)
{
	VEC(const struct conflict_scope *) lost = { out->lost, out->lost_count, vec_cap(out->lost_count) };

	for (size_t i = 0; i < lost.len; i++)
		if (lost.ptr[i] == scope)
			return;
	VEC_PUSH(u->arena, &lost, scope);
	out->lost = lost.ptr;
	out->lost_count = lost.len;
}

const struct conflict_scope **undo_narrow(const struct undo_case *u, const struct conflict_scope *const *scopes,
					  size_t count, size_t *kept, struct undo *out)
{
	VEC(const struct conflict_scope *) stay = { 0 };

	for (size_t i = 0; i < count; i++) {
		if (undo_stays(u, scopes[i]))
			VEC_PUSH(u->arena, &stay, scopes[i]);
		else
			add_lost(u, scopes[i], out);
	}
	*kept = stay.len;
	return stay.ptr;
}

void undo_settle(const struct undo_case *u, struct slice bytes, struct slice now, struct undo *out)
{
	bool same = slice_eq(bytes, now);

	out->bytes = bytes;
	out->how = same ? UNDO_KEEP : UNDO_WRITE;
	for (size_t i = u->count; i > 0; i--) {
		const struct backup_file *file = u->changes[i - 1].file;

		if (!file || !file->existed || !slice_eq(file->content, bytes))
			continue;
		out->how = same ? UNDO_KEEP : UNDO_EXACT;
		out->exact = file;
		return;
	}
}

/* Did the last of the changes, of those that stay or of all in force, take the file away? It was of no use any more. */
static bool is_retired(const struct undo_case *u, bool stays)
{
	bool retired = false;

	for (size_t i = 0; i < u->count; i++)
		if (u->changes[i].file && u->changes[i].role != UNDO_PAST &&
		    (!stays || u->changes[i].role == UNDO_STAYS))
			retired = u->changes[i].file->removed;
	return retired;
}

/* What stood there before the first change in force, where that was somebody else's: an earlier release wrote over it.
 */
static const struct backup_file *find_foreign(const struct undo_case *u)
{
	struct dropin dropin;

	for (size_t i = 0; i < u->count; i++) {
		const struct backup_file *file = u->changes[i].file;

		if (!file || u->changes[i].role == UNDO_PAST)
			continue;
		if (file->existed)
			dropin_read(&dropin, file->content, u->ground->conflict, u->arena);
		return file->existed && dropin.mode == DROPIN_NONE ? file : NULL;
	}
	return NULL;
}

static int write_dropin(struct undo_case *u, const struct dropin *dropin, struct slice now, struct undo *out)
{
	const struct backup_file *foreign = find_foreign(u);
	AUTOBUF text = { 0 };
	size_t count;
	const struct conflict_scope **scopes = undo_narrow(u, dropin->scopes, dropin->scope_count, &count, out);

	if (count == dropin->scope_count && now.ptr)
		return 0;
	dropin_write(now.ptr ? now : SLICE(""), count > 0 ? dropin->mode : DROPIN_NONE, u->ground->conflict, scopes,
		     count, &text);
	if (text.len > 0) {
		undo_settle(u, arena_slice(u->arena, buf_slice(&text)), now, out);
		return 0;
	}
	if (foreign) {
		undo_settle(u, foreign->content, now, out);
		return 0;
	}
	out->how = now.ptr ? UNDO_REMOVE : UNDO_KEEP;
	out->bytes = (struct slice){ 0 };
	return 0;
}

/* The drop-in that a change took away, where that is taken back: as much of it as stays. */
static int bring_back_dropin(struct undo_case *u, struct undo *out)
{
	struct backup_file *again = ARENA_NEW(u->arena, struct backup_file);
	struct dropin dropin;

	for (size_t i = u->count; i > 0 && !is_retired(u, true); i--) {
		const struct undo_change *c = &u->changes[i - 1];

		if (c->role != UNDO_BACK || !c->file || !c->file->removed)
			continue;
		dropin_read(&dropin, c->file->content, u->ground->conflict, u->arena);
		write_dropin(u, &dropin, (struct slice){ 0 }, out);
		if (out->how == UNDO_WRITE) { /* there is no file whose attributes could stay */
			*again = *c->file;
			again->content = out->bytes;
			out->how = UNDO_EXACT;
			out->exact = again;
		}
		return 0;
	}
	return 0;
}

static int refuse_dropin(const struct undo_case *u)
{
	err_put(u->err, ERR_REFUSED, "cannot take our change out of '%s': it was edited since", u->path);
	return err_hint(u->err,
			"look at it; take out by hand the lines that begin with \"lxc.apparmor.raw = priority=\" or "
			"\"lxc.hook.start-host\" and name aa-nestfix, or the file as a whole: rm '%s'",
			u->path);
}

static int plan_dropin(struct undo_case *u, const struct slice *now, struct undo *out)
{
	const struct backup_file *oldest = undo_oldest(u);
	struct dropin dropin;

	if (oldest && oldest->existed) {
		dropin_read(&dropin, oldest->content, u->ground->conflict, u->arena);
		undo_keep_foreign(u, dropin.scopes, dropin.scope_count);
	}
	if (!now)
		return bring_back_dropin(u, out);
	if (!undo_is_needed(u))
		return 0;
	dropin_read(&dropin, *now, u->ground->conflict, u->arena);
	if (dropin_is_edited(&dropin))
		return refuse_dropin(u);
	return write_dropin(u, &dropin, *now, out);
}

static int refuse_order(const struct undo_case *u, const struct undo_change *c, const struct undo_change *later)
{
	err_put(u->err, ERR_REFUSED, "cannot take change %s out of '%s': the later change %s stands on it",
		c->backup->id, u->path, later->backup->id);
	return err_hint(u->err, "undo that one first: aa-nestfix rollback %s", later->backup->id);
}

/* Did one of the changes that were taken back earlier leave its marks in what a later one found? */
static bool holds_past(const struct undo_case *u, const struct undo_change *c)
{
	bool past = false;

	for (size_t i = 0; i < u->count; i++)
		past |= u->changes[i].role == UNDO_PAST;
	return past && c->file->kind != BACKUP_CONFIG && c->backup->state != BACKUP_PREPARED &&
	       memmem(c->file->content.ptr, c->file->content.len, "aa-nestfix", strlen("aa-nestfix"));
}

/* Takes one change out of bytes; *now is NULL where the file is missing, and *exact what is there exactly. */
static int take_out(const struct undo_case *u, const struct undo_change *c, struct slice **now,
		    const struct backup_file **exact, struct err *err)
{
	const struct backup_file *file = c->file;
	struct slice present;
	AUTOBUF out = { 0 };

	switch (holds_past(u, c) ? BACKUP_EDITED : backup_look(file, *now)) {
	case BACKUP_AS_BEFORE:
		*exact = *now ? file : NULL;
		return 0;
	case BACKUP_AS_LEFT:
		*exact = file;
		*now = NULL;
		if (file->existed) {
			*now = ARENA_NEW(u->arena, struct slice);
			**now = file->content;
		}
		return 0;
	case BACKUP_EDITED:
		break;
	}
	if (!*now)
		return 0; /* somebody removed it, which stays so */
	if (file->kind != BACKUP_CONFIG) {
		err_put(err, ERR_REFUSED,
			"cannot take our change out of '%s': it was edited since, and the marks in it cannot be read "
			"without the conflict's data",
			u->path);
		return err_hint(err, "name the folder with the conflict files: --patches DIR");
	}
	present = config_present(file->path, **now, u->arena);
	if (backup_take_out(file, present, &out, err) < 0)
		return -1;
	buf_addslice(&out, slice_from(**now, present.len));
	*now = ARENA_NEW(u->arena, struct slice);
	**now = arena_slice(u->arena, buf_slice(&out));
	*exact = NULL;
	return 0;
}

static void add_note(const struct undo_case *u, struct undo *out, const char *note)
{
	if (note)
		out->note = out->note ? arena_printf(u->arena, "%s; %s", out->note, note) : note;
}

/* What somebody set in the place of ours is not undone with it. */
static bool is_replaced(const struct undo_case *u, const struct undo_change *c, const struct slice *now,
			struct undo *out)
{
	if (!now || backup_look(c->file, now) != BACKUP_EDITED || !undo_guest_is_replaced(c->file, *now, u->arena))
		return false;
	add_note(u, out, arena_printf(u->arena, "'%s' has no line of ours any more, and stays as it is", u->path));
	return true;
}

/* Byte by byte, newest first: what is no set of scopes. */
static int plan_bytes(const struct undo_case *u, const struct slice *now, struct undo *out)
{
	struct slice text = now ? *now : (struct slice){ 0 }, *at = now ? &text : NULL;
	const struct undo_change *later = NULL;
	const struct backup_file *exact = NULL;

	for (size_t i = u->count; i > 0; i--) {
		const struct undo_change *c = &u->changes[i - 1];
		struct err trouble = { 0 };

		if (c->role == UNDO_STAYS && c->file)
			later = c;
		if (c->role != UNDO_BACK || !c->file)
			continue;
		/* where a later change has made it what it was, undoing that one would bring this one back */
		if (later && backup_look(c->file, at) == BACKUP_AS_BEFORE)
			return refuse_order(u, c, later);
		add_note(u, out, at ? undo_guest_elsewhere(c->file, *at, u->arena) : NULL);
		if (!later && is_replaced(u, c, at, out))
			continue;
		if (take_out(u, c, &at, &exact, &trouble) == 0)
			continue;
		if (later)
			return refuse_order(u, c, later);
		err_put(u->err, trouble.kind, "%s", trouble.text);
		return err_hint(u->err, "%s", trouble.hint);
	}
	out->exact = at ? exact : NULL;
	out->bytes = at ? *at : (struct slice){ 0 };
	if (!at)
		out->how = now ? UNDO_REMOVE : UNDO_KEEP;
	else if (!now || !slice_eq(*at, *now))
		out->how = exact ? UNDO_EXACT : UNDO_WRITE;
	return 0;
}

/* A change that was cut short is the newest, and nothing was taken back since it was begun: what it found is what is to
 * be, whatever can be read of it. */
static bool is_cut_short(const struct undo_case *u, const struct slice *now)
{
	for (size_t i = 0; i < u->count; i++)
		if (u->changes[i].file && u->changes[i].backup->state == BACKUP_PREPARED)
			return backup_look(u->changes[i].file, now) != BACKUP_EDITED;
	return false;
}

/* Is all that is taken back of the conflict whose marks can be read? */
static bool is_readable(const struct undo_case *u)
{
	for (size_t i = 0; i < u->count; i++)
		if (u->changes[i].role == UNDO_BACK &&
		    (!u->ground->conflict ||
		     !backup_has_name(&u->changes[i].backup->conflicts, u->ground->conflict->name)))
			return false;
	return true;
}

int undo_plan(struct undo *out, const struct undo_ground *ground, const struct undo_change *changes, size_t count,
	      const struct slice *now, struct arena *arena, struct err *err)
{
	struct undo_case u = { .ground = ground, .changes = changes, .count = count, .arena = arena, .err = err };
	const struct backup_file *first = undo_oldest(&u);

	*out = (struct undo){ .how = UNDO_KEEP };
	if (now)
		out->bytes = *now;
	if (!first)
		return 0;
	u.path = first->path;
	if (!now && first->existed && !is_retired(&u, false))
		out->note = arena_printf(arena, "'%s' was removed since and stays so", u.path);
	if (first->kind == BACKUP_CONFIG || is_cut_short(&u, now) || !is_readable(&u))
		return plan_bytes(&u, now, out);
	read_roles(&u);
	if (first->kind == BACKUP_DROPIN)
		return plan_dropin(&u, now, out);
	return now ? undo_policy(&u, *now, out) : 0;
}
