/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stdio.h>

#include "commit-internal.h"

typedef VEC(struct slice) name_vec;

static int is_loaded(const struct work *w, struct reload *r, name_vec *names, struct err *err)
{
	struct slice blob = r->after.len > 0 ? r->after : r->before;
	struct automaton automaton;

	if (blob.len == 0 || r->gone)
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

int work_load(struct work *w, struct err *err)
{
	for (w->loaded = 0; w->loaded < w->reload_count; w->loaded++) {
		struct reload *r = &w->reloads[w->loaded];

		/* a container may start anew at any time, and its new policy must not be replaced by the old one's */
		if (r->live && r->in_force && work_check_live(w, r, err) < 0)
			return -1;
		if (!r->in_force || r->gone || r->after.len == 0 || kernel_load(w->kernel, r->after, err) == 0)
			continue;
		/* a kernel that does not take sets may have taken the first profiles of the file */
		if (r->before.len > 0)
			kernel_load(w->kernel, r->before, NULL);
		return err_wrap(err, "cannot bring '%s' into force", r->path);
	}
	return 0;
}

int work_unload(struct work *w, struct err *err)
{
	int result = 0;

	for (; w->loaded > 0; w->loaded--) {
		struct reload *r = &w->reloads[w->loaded - 1];
		struct compile_text text = { r->path, r->text };

		if (r->live && r->in_force && !r->gone && r->before.len == 0)
			compile_with(w->compiler, r->path, &text, 1, w->arena, &r->before, NULL);
		if (r->in_force && !r->gone && r->before.len > 0 && kernel_load(w->kernel, r->before, err) < 0)
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
