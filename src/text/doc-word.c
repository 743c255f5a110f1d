/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first of two de-escaping passes: parser/parser_misc.c processunquoted(), parser/lib.c strn_escseq(). */
#include <nestfix/doc.h>

/* Up to `most` digits of a base, as long as the value stays a byte. Returns how many, the value in *out. */
static size_t number(struct slice s, int base, size_t most, int *out)
{
	size_t i;

	*out = 0;
	for (i = 0; i < most && i < s.len; i++) {
		char c = s.ptr[i];
		int digit = c >= '0' && c <= '9' ? c - '0' : 99;

		if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (c | 0x20) - 'a' + 10;
		if (digit >= base || *out * base + digit > 255)
			break;
		*out = *out * base + digit;
	}
	return i;
}

/* The byte of the escape that begins behind a backslash. Returns its length without the backslash, 0 for none. */
static size_t escape(struct slice s, int *out)
{
	static const char letters[] = "\\\"aefnrt", values[] = "\\\"\a\033\f\n\r\t";
	const char *hit;
	size_t n;

	if (s.len == 0)
		return 0;
	if (s.ptr[0] >= '0' && s.ptr[0] <= '7')
		return number(s, 8, 3, out);
	if (s.ptr[0] == 'd' || s.ptr[0] == 'x') {
		bool hex = s.ptr[0] == 'x';

		n = number(slice_from(s, 1), hex ? 16 : 10, hex ? 2 : 3, out);
		return n > 0 ? n + 1 : 0;
	}
	hit = memchr(letters, (unsigned char)s.ptr[0], sizeof(letters) - 1);
	if (!hit)
		return 0;
	*out = (unsigned char)values[hit - letters];
	return 1;
}

/* Only a closing quote that is there is taken off: an unended quote has none. */
static struct slice unquote(struct slice raw)
{
	if (raw.len == 0 || raw.ptr[0] != '"')
		return raw;
	raw = slice_from(raw, 1);
	if (raw.len > 0 && raw.ptr[raw.len - 1] == '"')
		raw.len--;
	return raw;
}

struct slice doc_word(struct slice raw, struct arena *arena)
{
	struct slice s = unquote(raw);
	char *out = arena_alloc(arena, 2 * s.len + 1);
	size_t len = 0, i = 0;

	while (i < s.len) {
		int byte = 0;
		size_t n = s.ptr[i] == '\\' ? escape(slice_from(s, i + 1), &byte) : 0;

		if (n == 0 || byte == 0) {
			/* no escape, or a NUL, which the next pass must not see: as it is written */
			for (size_t end = i + 1 + n; i < end; i++)
				out[len++] = s.ptr[i];
			continue;
		}
		if (memchr("*?[]{}^,\\", byte, 9))
			out[len++] = '\\';
		out[len++] = (char)byte;
		i += n + 1;
	}
	return (struct slice){ out, len };
}
