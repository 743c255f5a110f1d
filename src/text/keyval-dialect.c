/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keyval-dialect: one line of LXC's, Proxmox's or deb822's, as its owner reads it. */
#include <strings.h>

#include "keyval-internal.h"

static struct keyval_entry pair(const struct keyval_raw *raw, struct slice key, char separator, struct slice value)
{
	struct keyval_entry e = keyval_entry_of(raw, KEYVAL_PAIR);

	e.key = key;
	e.separator = separator;
	e.value = value;
	return e;
}

static struct keyval_entry comment(const struct keyval_raw *raw, struct slice text)
{
	struct keyval_entry e = keyval_entry_of(raw, KEYVAL_COMMENT);

	e.value = slice_trim(text);
	return e;
}

struct slice keyval_lxc_value(struct slice value)
{
	value = keyval_trim_blanks(value);
	if (value.len > 1 && (value.ptr[0] == '\'' || value.ptr[0] == '"') && value.ptr[value.len - 1] == value.ptr[0])
		value = slice_sub(value, 1, value.len - 2);
	return value;
}

/* LXC: confile.c parse_line(). Blanks are space and tab only. */
struct slice keyval_lxc_meaning(const struct keyval *kv, const struct keyval_entry *entry)
{
	return kv->dialect == KEYVAL_PVE ? keyval_lxc_value(entry->value) : entry->value;
}

struct keyval_entry keyval_lxc_line(const struct keyval_raw *raw)
{
	size_t at = keyval_skip_blanks(raw->text, 0);
	struct slice line = slice_from(raw->text, at);
	size_t equal = slice_find(line, '=');

	if (line.len == 0)
		return keyval_entry_of(raw, KEYVAL_BLANK);
	if (line.ptr[0] == '#')
		return comment(raw, slice_from(line, 1));
	if (!slice_starts(line, "lxc."))
		return keyval_entry_of(raw, KEYVAL_IGNORED);
	if (equal == line.len) {
		at = keyval_skip_blanks(raw->text, keyval_skip_word(raw->text, at));
		return keyval_wrong(raw, at,
				    "a key that begins 'lxc.' needs a '=' behind it; LXC refuses the whole file");
	}
	return pair(raw, keyval_trim_blanks(slice_sub(line, 0, equal)), '=',
		    keyval_lxc_value(slice_from(line, equal + 1)));
}

/* Perl's \s without a locale: Proxmox's patterns use it. */
static bool is_perl_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct slice trim_perl(struct slice s)
{
	while (s.len > 0 && is_perl_space(s.ptr[0]))
		s = slice_from(s, 1);
	while (s.len > 0 && is_perl_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return is_lower(c) || (c >= 'A' && c <= 'Z');
}

/* "[pve:pending]" or "[name]", in any case, blanks behind it allowed. */
static bool pve_header(struct slice line, struct slice *name)
{
	static const struct slice pending = { "pve:pending", 11 };
	struct slice s = trim_perl(line);

	if (line.len == 0 || line.ptr[0] != '[' || s.ptr[s.len - 1] != ']')
		return false;
	s = slice_sub(s, 1, s.len - 2);
	if (s.len == pending.len && strncasecmp(s.ptr, pending.ptr, s.len) == 0) {
		*name = pending;
		return true;
	}
	if (s.len < 2 || !is_letter(s.ptr[0]))
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (!is_letter(s.ptr[i]) && !is_digit(s.ptr[i]) && s.ptr[i] != '_' && s.ptr[i] != '-')
			return false;
	*name = s;
	return true;
}

static bool is_raw_key(char c)
{
	return is_lower(c) || is_digit(c) || c == '.' || c == '_' || c == '-';
}

static size_t pve_raw_key(struct slice line)
{
	size_t at = 0;

	while (at < line.len && is_raw_key(line.ptr[at]))
		at++;
	return at;
}

static size_t pve_key(struct slice line)
{
	size_t at = 0;

	while (at < line.len && (is_lower(line.ptr[at]) || (at > 0 && line.ptr[at] == '_')))
		at++;
	while (at > 0 && at < line.len && is_digit(line.ptr[at]))
		at++;
	return at;
}

static struct keyval_entry pve_raw(const struct keyval_raw *raw)
{
	struct slice line = raw->text;
	size_t end = pve_raw_key(line), at = end;

	if (end > 4 && at < line.len && line.ptr[at] != ':')
		while (at < line.len && is_perl_space(line.ptr[at]))
			at++;
	if (end > 4 && at < line.len && (line.ptr[at] == '=' || (line.ptr[at] == ':' && at == end)))
		return pair(raw, slice_sub(line, 0, end), line.ptr[at], trim_perl(slice_from(line, at + 1)));
	return keyval_wrong(raw, at,
			    "a raw LXC key is 'lxc.' and lower-case letters, digits or . _ - with ':' or '=' "
			    "behind it; Proxmox drops the line");
}

static struct keyval_entry pve_pair(const struct keyval_raw *raw)
{
	struct slice line = raw->text, value, blanks;
	size_t end = pve_key(line);

	if (end == 0 || end == line.len || line.ptr[end] != ':')
		return keyval_wrong(raw, end,
				    "a line is 'key: value' with a lower-case key and no blanks before it or the "
				    "colon; Proxmox drops the line");
	value = trim_perl(slice_from(line, end + 1));
	blanks = (struct slice){ line.ptr + end + 1, line.len - end - 1 + (raw->span.len > line.len + 1) }; /* CR too */
	if (value.len == 0 && blanks.len > 0)
		value = slice_from(blanks, blanks.len - 1); /* \s*(.+?)\s*$ leaves the last one */
	if (value.len == 0)
		return keyval_wrong(raw, end + 1, "a key without a value; Proxmox drops the line");
	return pair(raw, slice_sub(line, 0, end), ':', value);
}

static struct keyval_entry pve_line(const struct keyval_raw *raw, struct slice *header)
{
	if (trim_perl(raw->text).len == 0)
		return keyval_entry_of(raw, KEYVAL_BLANK);
	if (pve_header(raw->text, header))
		return keyval_entry_of(raw, KEYVAL_SECTION);
	if (raw->text.ptr[0] == '#')
		return comment(raw, slice_from(raw->text, 1));
	if (slice_starts(raw->text, "lxc."))
		return pve_raw(raw);
	return pve_pair(raw);
}

void keyval_parse_pve(struct keyval *kv, struct keyval_cursor *c)
{
	struct slice name = { 0 };
	struct keyval_raw raw;
	size_t section = 0;

	while (keyval_next_line(c, &raw)) {
		struct keyval_entry e = pve_line(&raw, &name);

		section += e.kind == KEYVAL_SECTION;
		e.section = section;
		e.section_name = name;
		keyval_push(kv, e);
	}
}

static bool is_deb822_blank(const struct keyval_raw *raw)
{
	return slice_trim(raw->text).len == 0;
}

static bool is_deb822_comment(const struct keyval_raw *raw)
{
	return raw->text.len > 0 && raw->text.ptr[0] == '#';
}

static bool is_deb822_more(const struct keyval_raw *raw)
{
	return raw->text.len > 0 && keyval_is_blank(raw->text.ptr[0]) && !is_deb822_blank(raw);
}

/*
 * Moves the cursor behind the continuation lines at it. Comments between them belong to the field, comments behind the
 * last one do not (deb822(5) allows a comment anywhere). Returns how many continuation lines there are. */
static size_t skip_more(struct keyval_cursor *c)
{
	struct keyval_cursor ahead = *c;
	struct keyval_raw raw;
	size_t count = 0;

	while (keyval_next_line(&ahead, &raw) && (is_deb822_more(&raw) || is_deb822_comment(&raw))) {
		if (is_deb822_more(&raw)) {
			count++;
			*c = ahead;
		}
	}
	return count;
}

static void add_value_line(struct buf *out, struct slice line)
{
	if (out->len > 0)
		buf_addc(out, '\n');
	if (!slice_is(line, "."))
		buf_addslice(out, line);
}

static struct slice long_value(struct slice first, struct keyval_cursor from, size_t end, struct arena *arena)
{
	AUTOBUF value = { 0 };
	struct keyval_raw raw;

	buf_addslice(&value, first);
	while (from.at < end && keyval_next_line(&from, &raw)) {
		struct slice line = slice_from(raw.text, 1);

		while (line.len > 0 && keyval_is_blank(line.ptr[line.len - 1]))
			line.len--;
		if (is_deb822_more(&raw))
			add_value_line(&value, line);
	}
	return arena_slice(arena, slice_trim(buf_slice(&value)));
}

static struct keyval_entry deb822_name(const struct keyval_raw *raw)
{
	struct slice line = raw->text;
	size_t end = 0, at;

	while (end < line.len && line.ptr[end] > ' ' && line.ptr[end] < 0x7f && line.ptr[end] != ':')
		end++;
	at = keyval_skip_blanks(line, end);
	if (keyval_is_blank(line.ptr[0]))
		return keyval_wrong(raw, at, "a continuation line without a field before it");
	if (end == 0 || line.ptr[0] == '-')
		return keyval_wrong(raw, 0, "a line begins with the name of a field: plain ASCII, no '-' in front");
	if (at == line.len || line.ptr[at] != ':')
		return keyval_wrong(raw, at, "the name of a field needs a colon behind it");
	return pair(raw, slice_sub(line, 0, end), ':', slice_trim(slice_from(line, at + 1)));
}

static struct keyval_entry deb822_field(const struct keyval_raw *raw, struct keyval_cursor *c, struct arena *arena)
{
	struct keyval_entry e = deb822_name(raw);
	struct keyval_cursor from = *c;

	if (skip_more(c) > 0 && e.kind == KEYVAL_PAIR)
		e.value = long_value(e.value, from, c->at, arena);
	e.span.len = c->at - e.span.at;
	return e;
}

void keyval_parse_deb822(struct keyval *kv, struct keyval_cursor *c, struct arena *arena)
{
	size_t stanza = 0;
	bool inside = false;
	struct keyval_raw raw;

	while (keyval_next_line(c, &raw)) {
		struct keyval_entry e;

		if (is_deb822_blank(&raw))
			e = keyval_entry_of(&raw, KEYVAL_BLANK);
		else if (is_deb822_comment(&raw))
			e = comment(&raw, slice_from(raw.text, 1));
		else
			e = deb822_field(&raw, c, arena);
		e.section = stanza;
		keyval_push(kv, e);
		if (e.kind == KEYVAL_BLANK && inside)
			stanza++;
		inside = e.kind == KEYVAL_COMMENT ? inside : e.kind != KEYVAL_BLANK;
	}
}

size_t keyval_lines(const struct keyval *kv, const struct keyval_entry *field, struct keyval_line **out,
		    struct arena *arena)
{
	struct keyval_cursor c = { .text = slice_sub(kv->text, 0, field->span.at + field->span.len),
				   .dialect = kv->dialect,
				   .at = field->span.at,
				   .line = field->line,
				   .line_start = field->span.at };
	VEC(struct keyval_line) lines = { 0 };
	struct keyval_raw raw;

	while (keyval_next_line(&c, &raw)) {
		size_t from = raw.span.at == field->span.at ? slice_find(raw.text, ':') + 1 : 0;
		struct slice text = slice_trim(slice_from(raw.text, from));

		if (text.len > 0 && !slice_is(text, ".") && !(from == 0 && is_deb822_comment(&raw)))
			VEC_PUSH(
			    arena, &lines,
			    (struct keyval_line){ text, raw.line, raw.column + keyval_skip_blanks(raw.text, from) });
	}
	*out = lines.ptr;
	return lines.len;
}
