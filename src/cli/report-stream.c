/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report-internal.h"

/* Is this byte one that a terminal may act on? A C1 control comes as two bytes of UTF-8, the first of them 0xc2. */
static bool is_control(unsigned char c, unsigned char before)
{
	if (before == 0xc2)
		return c >= 0x80 && c < 0xa0;
	return (c < ' ' && c != '\n' && c != '\t') || c == 0x7f;
}

static void pass(FILE *under, unsigned char c, unsigned char before)
{
	if (c == REPORT_BOLD)
		fputs("\033[1m", under);
	else if (c == REPORT_PLAIN)
		fputs("\033[0m", under);
	else if (is_control(c, before))
		fprintf(under, "\\x%02x", c);
	else
		fputc(c, under);
}

static ssize_t write_visible(void *cookie, const char *bytes, size_t size)
{
	FILE *under = cookie;
	unsigned char before = 0;

	for (size_t i = 0; i < size; i++) {
		pass(under, (unsigned char)bytes[i], before);
		before = (unsigned char)bytes[i];
	}
	return ferror(under) || fflush(under) != 0 ? 0 : (ssize_t)size;
}

FILE *report_stream(FILE *under)
{
	FILE *stream = fopencookie(under, "w", (cookie_io_functions_t){ .write = write_visible });

	if (!stream)
		return under;
	setvbuf(stream, NULL, _IOLBF, BUFSIZ);
	return stream;
}
