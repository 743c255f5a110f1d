/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stdio.h>

#include "commit-internal.h"

typedef VEC(struct slice) name_vec;

static int is_loaded(const struct work *w, struct reload *r, name_vec *names, struct err *err)
{
	struct slice blob = r->after.len > 0 ? r->after : r->before;
	struct automaton automaton;

	if (blob.len == 0 || r->gone || r->skip)
		return 0;
	if (automaton_read(&automaton, blob, w->arena, err) < 0)
		return err_wrap(err, "cannot read the compiled policy of '%s'", r->path);
	for (size_t i = 0; i < automaton.count; i++) {
		bool loaded;

		if (kernel_has(w->kernel, automaton.profiles[i].name, &loaded, err) < 0)
			return -1;
		r->in_force = r->in_force || loaded;
	}
	for (size_t i = 0; r->in_force && i < automaton.count; i++)
		VEC_PUSH(w->arena, names, automaton.profiles[i].name);
	return 0;
}

int work_find_loaded(struct work *w, struct err *err)
{
	name_vec names = { 0 };

	if (w->kernel->state != KERNEL_READY)
		return 0;
	for (size_t i = 0; i < w->reload_count; i++)
		if (is_loaded(w, &w->reloads[i], &names, err) < 0)
			return -1;
	w->receipt->profiles = names.ptr;
	w->receipt->profile_count = names.len;
	return 0;
}

int work_check_loaded(struct work *w, const struct reload *r, struct err *err)
{
	if (r->skip || r->gone || !r->loaded || r->loaded->state != LOADED_READ || loaded_is_same(r->loaded, w->root))
		return 0;
	err_put(err, ERR_REFUSED, "cannot replace the policy of '%s': somebody loaded another one meanwhile", r->path);
	return err_hint(err, "try again: the change is then planned anew");
}

/* A kernel that does not show what it holds: what it is given is written down, and between nothing is. */
static int load_one(struct work *w, const struct reload *r, struct err *err)
{
	struct err trouble = { 0 };

	if (r->loaded && r->loaded->state == LOADED_HIDDEN && record_drop(w->root, r->path, err) < 0)
		return -1;
	if (kernel_load(w->kernel, r->after, err) < 0)
		return -1;
	if (r->record.path && record_write(w->root, &r->record, w->ground->conflict, r->after, &trouble) < 0)
		work_note(w, "it could not be written down what the kernel was given (%s)", trouble.text);
	return 0;
}

/* What the kernel held, piece by piece as it was given; else the old text. */
static int put_back(struct work *w, struct reload *r, struct err *err)
{
	struct compile_text text = { r->path, r->text };

	if (r->loaded && r->loaded->state == LOADED_READ && r->loaded->whole) {
		for (size_t i = 0; i < r->loaded->piece_count; i++)
			if (kernel_load(w->kernel, r->loaded->pieces[i], err) < 0)
				return -1;
		return 0;
	}
	if (r->live && r->before.len == 0)
		compile_with(w->compiler, r->path, &text, 1, w->arena, &r->before, NULL);
	return r->before.len > 0 ? kernel_load(w->kernel, r->before, err) : 0;
}

int work_load(struct work *w, struct err *err)
{
	for (w->loaded = 0; w->loaded < w->reload_count; w->loaded++) {
		struct reload *r = &w->reloads[w->loaded];

		/* a container may start anew at any time, and its new policy must not be replaced by the old one's */
		if (r->live && r->in_force && work_check_live(w, r, err) < 0)
			return -1;
		if (!r->in_force || r->gone || r->after.len == 0)
			continue;
		if (work_check_loaded(w, r, err) < 0)
			return -1;
		if (load_one(w, r, err) == 0)
			continue;
		/* a kernel that does not take sets may have taken the first profiles of the file */
		put_back(w, r, NULL);
		return err_wrap(err, "cannot bring '%s' into force", r->path);
	}
	return 0;
}

int work_unload(struct work *w, struct err *err)
{
	int result = 0;

	for (; w->loaded > 0; w->loaded--) {
		struct reload *r = &w->reloads[w->loaded - 1];

		if (r->in_force && !r->gone && put_back(w, r, err) < 0)
			result = -1;
	}
	return result;
}

int work_refresh_cache(struct work *w, struct err *err)
{
	for (size_t i = 0; i < w->reload_count; i++)
		if (!w->reloads[i].live &&
		    kernel_refresh_cache(w->kernel, w->compiler, w->reloads[i].path, w->arena, err) < 0)
			return -1;
	return 0;
}

void work_note(struct work *w, const char *fmt, ...)
{
	const char *old = w->receipt->note;
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	w->receipt->note = arena_printf(w->arena, "%s%s%s", old ? old : "", old ? "; " : "", text);
}

void work_break(const struct work *w, const struct err *trouble, struct err *err)
{
	const char *root = w->root->live ? "/" : w->root->path;
	struct err first = *err;
	AUTOBUF steps = { 0 };

	buf_addf(&steps, "bring the files back by hand:\n  tar --xattrs --acls -C %s -xpf %s\n", root,
		 root_path(w->root, arena_printf(w->arena, "%s/%s.tar", BACKUP_DIR, w->id), w->arena));
	for (size_t i = 0; i < w->receipt->file_count; i++)
		buf_addf(&steps, "%s %s", i == 0 ? "it holds:" : ",", w->receipt->files[i]);
	for (size_t i = 0; i < w->reload_count; i++)
		if (w->reloads[i].in_force)
			buf_addf(&steps, "\nthen: apparmor_parser -r %s", w->reloads[i].path);
	err_clear(err);
	err_put(err, ERR_BROKEN, "%s; and not everything could be put back: %s", first.text, trouble->text);
	err_hint(err, "%s", buf_str(&steps));
}
