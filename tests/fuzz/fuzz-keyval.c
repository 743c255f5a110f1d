/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-keyval: the laws of keyval on any bytes. The first byte chooses the dialect, the second the entry to edit.
 *
 * print-parse: the spans are the text. edit-one: an edit changes the bytes of one entry, and read again no other one
 * has another key or value (where stray continuation lines do not make that depend on what stands before them).
 */
#include <stdint.h>
#include <stdlib.h>

#include <nestfix/keyval.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

static void check_spans(const struct keyval *kv)
{
	size_t at = 0;

	for (size_t i = 0; i < kv->count; i++) {
		const struct keyval_entry *e = &kv->entries[i];

		must(e->span.at == at && e->span.len > 0 && e->line > 0 && e->column > 0);
		must((e->kind == KEYVAL_WRONG) == (e->wrong != NULL));
		must(e->kind != KEYVAL_PAIR || (e->key.len > 0 && (e->separator == '=' || e->separator == ':')));
		at += e->span.len;
	}
	must(at == kv->text.len);
	must(keyval_raw_place(kv) <= kv->count);
}

static void check_lines(const struct keyval *kv, const struct keyval_entry *e, struct arena *arena)
{
	struct keyval_line *lines;
	size_t count = keyval_lines(kv, e, &lines, arena);

	for (size_t i = 0; i < count; i++) {
		const char *end = e->span.at + e->span.len + kv->text.ptr;

		must(lines[i].text.len > 0 && lines[i].line >= e->line);
		must(lines[i].text.ptr >= kv->text.ptr + e->span.at && lines[i].text.ptr + lines[i].text.len <= end);
		must(lines[i].column == 1 || lines[i].text.ptr[-1] != '\n');
	}
}

static bool is_tail(const struct keyval *kv, size_t i)
{
	return kv->dialect == KEYVAL_LXC && i < kv->count && kv->text.ptr[kv->entries[i].span.at] == '\0';
}

/* The pairs of a text in order, as the sum that an edit may change by one pair only. */
static size_t count_pairs(const struct keyval *kv)
{
	size_t n = 0;

	for (size_t i = 0; i < kv->count; i++)
		n += kv->entries[i].kind == KEYVAL_PAIR;
	return n;
}

static bool has_orphan(const struct keyval *kv)
{
	for (size_t i = 0; kv->dialect == KEYVAL_DEB822 && i < kv->count; i++) {
		char c = kv->text.ptr[kv->entries[i].span.at];

		if (c == ' ' || c == '\t')
			return true;
	}
	return false;
}

static void check_same_rest(const struct keyval *kv, struct slice edited, size_t lost, size_t added,
			    struct arena *arena)
{
	struct keyval again;

	keyval_parse(&again, edited, kv->dialect, arena);
	check_spans(&again);
	if (!has_orphan(kv))
		must(count_pairs(&again) == count_pairs(kv) - lost + added);
}

static void check_edits(const struct keyval *kv, size_t index, struct arena *arena)
{
	const struct slice line = kv->dialect == KEYVAL_LXC ? SLICE("lxc.x = 1") : SLICE("x: 1");
	const struct keyval_entry *e = &kv->entries[index];
	bool is_pair = e->kind == KEYVAL_PAIR;
	struct slice before = slice_sub(kv->text, 0, e->span.at),
		     after = slice_from(kv->text, e->span.at + e->span.len);
	AUTOBUF out = { 0 };

	keyval_without(kv, index, &out);
	must(out.len == before.len + after.len && slice_eq(slice_sub(buf_slice(&out), 0, before.len), before) &&
	     slice_eq(slice_from(buf_slice(&out), before.len), after));
	if (!is_tail(kv, index))
		check_same_rest(kv, buf_slice(&out), is_pair, 0, arena);
	buf_clear(&out);
	keyval_replace(kv, index, line, &out);
	must(slice_eq(slice_sub(buf_slice(&out), 0, before.len), before) &&
	     slice_eq(slice_sub(buf_slice(&out), before.len, line.len), line) &&
	     slice_eq(slice_from(buf_slice(&out), out.len - after.len), after));
	if (!is_tail(kv, index))
		check_same_rest(kv, buf_slice(&out), is_pair, 1, arena);
	buf_clear(&out);
	keyval_insert(kv, index, line, &out);
	must(slice_eq(slice_from(buf_slice(&out), out.len - (kv->text.len - before.len)),
		      slice_from(kv->text, before.len)));
	check_same_rest(kv, buf_slice(&out), 0, 1, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTOARENA arena = { 0 };
	struct keyval kv;
	AUTOBUF out = { 0 };

	if (size < 2)
		return 0;
	keyval_parse(&kv, (struct slice){ (const char *)data + 2, size - 2 }, (enum keyval_dialect)(data[0] % 3),
		     &arena);
	check_spans(&kv);
	for (size_t i = 0; i < kv.count; i++)
		if (kv.dialect == KEYVAL_DEB822)
			check_lines(&kv, &kv.entries[i], &arena);
	if (kv.count > 0)
		check_edits(&kv, data[1] % kv.count, &arena);
	keyval_insert(&kv, kv.count, SLICE("lxc.x = 1"), &out);
	must(out.len > kv.text.len);
	return 0;
}
