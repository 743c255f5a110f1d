/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <nestfix/err.h>

/* Appends to a fixed field; a text that does not fit ends in "..." so that a cut is seen. */
static void append(char *field, size_t size, const char *fmt, va_list ap)
{
	size_t used = strlen(field);
	int n = vsnprintf(field + used, size - used, fmt, ap);

	if (n >= 0 && (size_t)n >= size - used)
		memcpy(field + size - 4, "...", 4);
}

static void append_text(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void append_text(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
}

static bool begin(struct err *e, enum err_kind kind, int errnum)
{
	if (!e || err_is_set(e))
		return false;
	e->kind = kind;
	e->errnum = errnum;
	e->text[0] = '\0';
	e->hint[0] = '\0';
	return true;
}

int err_put(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	if (!begin(e, kind, 0))
		return -1;
	va_start(ap, fmt);
	append(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	return -1;
}

int err_errno(struct err *e, const char *fmt, ...)
{
	int errnum = errno;
	va_list ap;

	if (!begin(e, ERR_FAILED, errnum))
		return -1;
	va_start(ap, fmt);
	append(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	append_text(e, ": %s", strerror(errnum));
	return -1;
}

int err_at(struct err *e, enum err_kind kind, const char *file, size_t line, size_t column, const char *fmt, ...)
{
	va_list ap;

	if (!begin(e, kind, 0))
		return -1;
	append_text(e, "%s:", file);
	if (line > 0)
		append_text(e, "%zu:", line);
	if (line > 0 && column > 0)
		append_text(e, "%zu:", column);
	append_text(e, " ");
	va_start(ap, fmt);
	append(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char old[sizeof e->text];
	va_list ap;

	if (!e || !err_is_set(e))
		return -1;
	memcpy(old, e->text, sizeof old);
	e->text[0] = '\0';
	va_start(ap, fmt);
	append(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	append_text(e, ": %s", old);
	return -1;
}

int err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (!e || !err_is_set(e) || e->hint[0])
		return -1;
	va_start(ap, fmt);
	append(e->hint, sizeof e->hint, fmt, ap);
	va_end(ap);
	return -1;
}

void err_raise(struct err *e, enum err_kind kind)
{
	if (e && kind > e->kind)
		e->kind = kind;
}

bool err_is_set(const struct err *e)
{
	return e && e->kind != ERR_NONE;
}

void err_clear(struct err *e)
{
	if (e)
		memset(e, 0, sizeof *e);
}

int err_status(enum err_kind kind)
{
	return kind == ERR_NONE ? 0 : (int)kind + 1;
}
