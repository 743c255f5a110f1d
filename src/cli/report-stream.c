/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What reaches a terminal. The stream lets no byte through that a terminal acts on, wherever it came from; bold and
 * colour are therefore no bytes in the stream, but said to the terminal behind its back. report_print knows what is
 * data, too: a line end in a name does not begin a line.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "report-internal.h"

enum { SHOWN_AFTER = 1 /* seconds */, NAME_SHOWN = 40 };

enum { SEQUENCE = 4 }; /* bytes of a character at most */

struct guard {
	FILE *under;
	struct report_progress *progress; /* or NULL */
	bool json;
	size_t held; /* the beginning of a character, which may go on in the next bytes */
	unsigned char bytes[SEQUENCE];
};

/* Bytes of the character that begins at s; 0: none does, in UTF-8 (RFC 3629); SEQUENCE + 1: it was cut off. */
static size_t character(const unsigned char *s, size_t len)
{
	size_t size = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : 4;

	if (size == 4 && (s[0] < 0xf0 || s[0] > 0xf4))
		return 0;
	for (size_t i = 1; i < size; i++) {
		unsigned char low = 0x80, high = 0xbf;

		if (i >= len)
			return SEQUENCE + 1;
		if (i == 1 && (s[0] == 0xe0 || s[0] == 0xf0))
			low = s[0] == 0xe0 ? 0xa0 : 0x90;
		else if (i == 1 && (s[0] == 0xed || s[0] == 0xf4))
			high = s[0] == 0xed ? 0x9f : 0x8f;
		if (s[i] < low || s[i] > high)
			return 0;
	}
	return size;
}

/* The character of these bytes, which character() took for one. */
static unsigned number_of(const unsigned char *s, size_t size)
{
	unsigned n = size == 1 ? s[0] : s[0] & (0x7fU >> size);

	for (size_t i = 1; i < size; i++)
		n = n << 6 | (s[i] & 0x3fU);
	return n;
}

/*
 * What a screen acts on: C0 but the tab, DEL, C1; and what Unicode has to turn the text behind it around, to end a line
 * or not to be seen: a rule would be read as another one, and two names as one.
 */
static bool is_control(const unsigned char *s, size_t size)
{
	static const struct {
		unsigned first, last;
	} acted_on[] = { { 0, 8 },           { 10, 31 },         { 0x7f, 0x9f },     { 0x61c, 0x61c },
			 { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xfeff, 0xfeff } };
	unsigned n = number_of(s, size);

	for (size_t i = 0; i < sizeof acted_on / sizeof *acted_on; i++)
		if (acted_on[i].first <= n && n <= acted_on[i].last)
			return true;
	return false;
}

static void show(struct buf *out, const unsigned char *s, size_t size)
{
	for (size_t i = 0; i < size; i++)
		buf_addf(out, "\\x%02x", s[i]);
}

/* How many bytes were taken: all, unless the last character is cut off. */
static size_t pass(struct buf *out, const unsigned char *s, size_t len, bool lines, bool json)
{
	size_t at = 0;

	while (at < len) {
		size_t size = character(s + at, len - at);

		if (size > SEQUENCE)
			break;
		if (size == 0)
			show(out, s + at, 1);
		else if (!is_control(s + at, size) || (lines && s[at] == '\n'))
			buf_add(out, s + at, size);
		else if (json)
			buf_addf(out, "\\u%04x", number_of(s + at, size));
		else
			show(out, s + at, size);
		at += size ? size : 1;
	}
	return at;
}

void report_show(struct buf *out, struct slice text)
{
	const unsigned char *s = (const unsigned char *)text.ptr;
	size_t taken = pass(out, s, text.len, false, false);

	show(out, s + taken, text.len - taken);
}

void report_progress_end(struct report_progress *p)
{
	if (!p || !p->shown)
		return;
	p->shown = false;
	fputs("\r\033[K", p->screen);
	fflush(p->screen);
}

void report_progress(struct report_progress *p, const char *name)
{
	struct timespec now;
	AUTOBUF line = { 0 };

	if (!p || !p->screen)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (p->count++ == 0)
		p->since = now;
	if (now.tv_sec - p->since.tv_sec < SHOWN_AFTER + (now.tv_nsec < p->since.tv_nsec))
		return;
	report_show(&line, slice_sub(slice_of(name), 0, NAME_SHOWN));
	fprintf(p->screen, "\r\033[KPolicy %zu, %ld s: %s", p->count, (long)(now.tv_sec - p->since.tv_sec),
		buf_str(&line));
	fflush(p->screen);
	p->shown = true;
}

static ssize_t guard_write(void *cookie, const char *bytes, size_t size)
{
	struct guard *g = cookie;
	AUTOBUF in = { 0 };
	AUTOBUF out = { 0 };
	size_t taken;

	report_progress_end(g->progress);
	buf_add(&in, g->bytes, g->held);
	buf_add(&in, bytes, size);
	taken = pass(&out, (unsigned char *)in.ptr, in.len, true, g->json);
	g->held = in.len - taken;
	memcpy(g->bytes, in.ptr + taken, g->held);
	fwrite(out.ptr, 1, out.len, g->under);
	return ferror(g->under) || fflush(g->under) != 0 ? 0 : (ssize_t)size;
}

static int guard_close(void *cookie)
{
	struct guard *g = cookie;
	AUTOBUF out = { 0 };

	show(&out, g->bytes, g->held);
	fwrite(buf_str(&out), 1, out.len, g->under);
	free(g);
	return 0;
}

FILE *report_stream(FILE *under, struct report_progress *progress, bool json)
{
	struct guard *g = calloc(1, sizeof *g);
	FILE *stream =
	    g ? fopencookie(g, "w", (cookie_io_functions_t){ .write = guard_write, .close = guard_close }) : NULL;

	if (!stream)
		abort(); /* no memory: see buf.h */
	*g = (struct guard){ .under = under, .progress = progress, .json = json };
	setvbuf(stream, NULL, _IOLBF, BUFSIZ);
	return stream;
}

/* One conversion of a format: "%zu", "%-16s", "%.*s". */
struct conversion {
	bool left, cut, wide;
	int width, precision;
	char letter;
};

/* Reads what stands behind a '%'; returns where it ends. */
static const char *read_conversion(const char *at, struct conversion *out)
{
	*out = (struct conversion){ 0 };
	for (; *at == '-'; at++)
		out->left = true;
	while (*at >= '0' && *at <= '9')
		out->width = out->width * 10 + (*at++ - '0');
	if (at[0] == '.' && at[1] == '*') {
		out->cut = true;
		at += 2;
	}
	for (; *at == 'z' || *at == 'l'; at++)
		out->wide = true;
	out->letter = *at;
	return at + 1;
}

static void add_string(struct buf *out, const struct conversion *c, const char *text)
{
	if (text)
		report_show(out, (struct slice){ text, c->cut ? strnlen(text, (size_t)c->precision) : strlen(text) });
}

static void add_argument(struct buf *out, struct conversion *c, va_list *ap)
{
	AUTOBUF shown = { 0 };

	if (c->cut)
		c->precision = va_arg(*ap, int);
	switch (c->letter) {
	case 's':
		add_string(&shown, c, va_arg(*ap, const char *));
		break;
	case 'u':
		buf_addf(&shown, "%lu", c->wide ? va_arg(*ap, unsigned long) : va_arg(*ap, unsigned));
		break;
	case 'd':
		buf_addf(&shown, "%ld", c->wide ? va_arg(*ap, long) : va_arg(*ap, int));
		break;
	case '%':
		buf_addc(&shown, '%');
		break;
	default:
		abort(); /* no format of ours */
	}
	buf_addf(out, c->left ? "%-*s" : "%*s", c->width, buf_str(&shown)); /* the width counts what is shown */
}

void report_format(struct buf *out, const char *fmt, va_list *ap)
{
	struct conversion c;

	while (*fmt) {
		if (*fmt != '%') {
			buf_addc(out, *fmt++);
			continue;
		}
		fmt = read_conversion(fmt + 1, &c);
		add_argument(out, &c, ap);
	}
}

void report_print(const struct report *r, const char *fmt, ...)
{
	AUTOBUF text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	report_format(&text, fmt, &ap);
	va_end(ap);
	fwrite(buf_str(&text), 1, text.len, r->out);
}

static void style(const struct report *r, const char *sequence)
{
	if (!r->screen)
		return;
	fflush(r->out);
	fputs(sequence, r->screen);
}

static void print_styled(const struct report *r, const char *sequence, const char *fmt, va_list *ap)
{
	AUTOBUF text = { 0 };

	report_format(&text, fmt, ap);
	style(r, sequence);
	fwrite(buf_str(&text), 1, text.len, r->out);
	style(r, "\033[0m");
}

void report_bold(const struct report *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_styled(r, "\033[1m", fmt, &ap);
	va_end(ap);
}

void report_good(const struct report *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_styled(r, "\033[1;32m", fmt, &ap);
	va_end(ap);
}

void report_bad(const struct report *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_styled(r, "\033[1;31m", fmt, &ap);
	va_end(ap);
}
