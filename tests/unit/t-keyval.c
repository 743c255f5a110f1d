/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/keyval.h>

#include "../lib/tap.h"

static struct arena arena;

static struct keyval read_text(const char *text, enum keyval_dialect dialect)
{
	struct keyval kv;

	keyval_parse(&kv, slice_of(text), dialect, &arena);
	return kv;
}

static const struct keyval_entry *entry(const struct keyval *kv, size_t i)
{
	static const struct keyval_entry none;

	return i < kv->count ? &kv->entries[i] : &none;
}

static bool is_pair(const struct keyval *kv, size_t i, const char *key, const char *value)
{
	const struct keyval_entry *e = entry(kv, i);

	return e->kind == KEYVAL_PAIR && slice_is(e->key, key) && slice_is(e->value, value);
}

static bool is_wrong(const struct keyval *kv, size_t i, size_t line, size_t column)
{
	const struct keyval_entry *e = entry(kv, i);

	return e->kind == KEYVAL_WRONG && e->line == line && e->column == column && e->wrong;
}

static void lxc_lines(void)
{
	struct keyval kv = read_text("# a comment\n\n  lxc.uts.name =  web1 \nlxc.apparmor.raw = # kept = all\n"
				     "name = ignored\n \t# indented\n\tlxc.empty=\n",
				     KEYVAL_LXC);

	is_num(kv.count, 7, "LXC: one entry a line");
	ok(entry(&kv, 0)->kind == KEYVAL_COMMENT, "LXC: # at line begin is a comment");
	is_text(entry(&kv, 0)->value, "a comment", "LXC: a comment's text");
	ok(entry(&kv, 1)->kind == KEYVAL_BLANK, "LXC: a blank line");
	ok(is_pair(&kv, 2, "lxc.uts.name", "web1"), "LXC: key and value are trimmed");
	is_num(entry(&kv, 2)->line, 3, "LXC: line");
	is_num(entry(&kv, 2)->column, 3, "LXC: column of the first byte that is no blank");
	ok(is_pair(&kv, 3, "lxc.apparmor.raw", "# kept = all"), "LXC: no trailing comments, split at the first =");
	ok(entry(&kv, 4)->kind == KEYVAL_IGNORED, "LXC: a line without lxc. is ignored");
	ok(entry(&kv, 5)->kind == KEYVAL_COMMENT, "LXC: an indented comment");
	ok(is_pair(&kv, 6, "lxc.empty", ""), "LXC: an empty value is one");
	is_num(entry(&kv, 6)->separator, '=', "LXC: separator");
}

static void lxc_values(void)
{
	struct keyval kv = read_text("lxc.a = \"x y\" \nlxc.b = 'it''s'\nlxc.c = \"\nlxc.d = \"a'\nlxc.e=\"\"\n"
				     "lxc.f g = 1\nlxc.h = \f1\v\n",
				     KEYVAL_LXC);

	ok(is_pair(&kv, 0, "lxc.a", "x y"), "LXC: one pair of quotes falls away");
	ok(is_pair(&kv, 1, "lxc.b", "it''s"), "LXC: nothing is processed inside quotes");
	ok(is_pair(&kv, 2, "lxc.c", "\""), "LXC: a lone quote stays");
	ok(is_pair(&kv, 3, "lxc.d", "\"a'"), "LXC: unequal quotes stay");
	ok(is_pair(&kv, 4, "lxc.e", ""), "LXC: an empty quoted value");
	ok(is_pair(&kv, 5, "lxc.f g", "1"), "LXC: a key may hold blanks");
	ok(is_pair(&kv, 6, "lxc.h", "\f1\v"), "LXC: only blanks and tabs are trimmed");
}

static void lxc_line_ends(void)
{
	struct keyval kv = read_text("lxc.a = 1\r\nlxc.b = 2\r\r\nlxc.c = 3\rlxc.d = 4", KEYVAL_LXC);

	is_num(kv.count, 5, "LXC: CRLF, CR and LF end lines");
	ok(is_pair(&kv, 0, "lxc.a", "1") && is_pair(&kv, 1, "lxc.b", "2"), "LXC: no CR in a value");
	ok(entry(&kv, 2)->kind == KEYVAL_BLANK, "LXC: an empty line between CR and CRLF");
	ok(is_pair(&kv, 3, "lxc.c", "3") && is_pair(&kv, 4, "lxc.d", "4"), "LXC: a lone CR ends a line");
	is_num(entry(&kv, 4)->line, 3, "LXC: lines are counted by LF");
	is_num(entry(&kv, 4)->column, 11, "LXC: and columns from the last LF");
	is_text(kv.eol, "\r\n", "LXC: new lines end as the first one");
}

static void lxc_nul_ends_the_file(void)
{
	struct slice text = SLICE("lxc.a = 1\nlxc.b = 2\0junk\nlxc.c = 3\n");
	struct keyval kv;
	AUTOBUF out = { 0 };

	keyval_parse(&kv, text, KEYVAL_LXC, &arena);
	is_num(kv.count, 3, "LXC: all that follows a NUL is one entry");
	ok(is_pair(&kv, 1, "lxc.b", "2"), "LXC: the line before the NUL counts");
	ok(entry(&kv, 2)->kind == KEYVAL_IGNORED && entry(&kv, 2)->span.len == 16, "LXC: the tail is ignored");
	ok(keyval_last(&kv, 0, "lxc.c") == NULL, "LXC: a key behind a NUL does not exist");
	keyval_insert(&kv, kv.count, SLICE("lxc.d = 4"), &out);
	ok(slice_eq(buf_slice(&out), SLICE("lxc.a = 1\nlxc.b = 2\nlxc.d = 4\n\0junk\nlxc.c = 3\n")),
	   "LXC: a line put at the end goes before the NUL");
	buf_clear(&out);
	keyval_replace(&kv, 2, SLICE("lxc.e = 5"), &out);
	is_text(buf_slice(&out), "lxc.a = 1\nlxc.b = 2lxc.e = 5", "LXC: the tail behind a NUL has no line end");
}

static void lxc_wrong(void)
{
	struct keyval kv = read_text("lxc.a = 1\n  lxc.rootfs  /x\nlxc.b\n", KEYVAL_LXC);

	ok(is_wrong(&kv, 1, 2, 15), "LXC: a key without = is wrong where the = should be");
	ok(is_wrong(&kv, 2, 3, 6), "LXC: the same at the end of the line");
}

static void lxc_last_wins(void)
{
	struct keyval kv =
	    read_text("lxc.apparmor.profile = a\nlxc.uts.name = x\nlxc.apparmor.profile = b\n", KEYVAL_LXC);
	const struct keyval_entry *e = keyval_last(&kv, 7, "lxc.apparmor.profile");

	ok(e == entry(&kv, 2), "LXC: keyval_last gives the last one of the file, whatever the section");
	ok(!keyval_last(&kv, 0, "lxc.Apparmor.profile"), "LXC: case counts");
	ok(!keyval_last(&kv, 0, "lxc.apparmor"), "LXC: a prefix is not the key");
}

static const char pve_text[] = "#one%0A line\narch: amd64\nlxc.apparmor.raw: deny x,\nlxc.mount.entry = a b  \n"
			       "lxc.empty:\n\n[pve:Pending]\ndelete: mp0\n\n[snap1]\n#of snap1\narch: i386\n"
			       "arch: arm64\n";

static void pve_lines(void)
{
	struct keyval kv = read_text(pve_text, KEYVAL_PVE);

	ok(entry(&kv, 0)->kind == KEYVAL_COMMENT, "PVE: # in the first column is a line of the description");
	is_text(entry(&kv, 0)->value, "one%0A line", "PVE: as it is written");
	ok(is_pair(&kv, 1, "arch", "amd64"), "PVE: key and value");
	ok(is_pair(&kv, 2, "lxc.apparmor.raw", "deny x,"), "PVE: a raw key with a colon");
	is_num(entry(&kv, 2)->separator, ':', "PVE: its separator");
	ok(is_pair(&kv, 3, "lxc.mount.entry", "a b"), "PVE: a raw key with =");
	is_num(entry(&kv, 3)->separator, '=', "PVE: its separator");
	ok(is_pair(&kv, 4, "lxc.empty", ""), "PVE: a raw value may be empty");
	ok(entry(&kv, 6)->kind == KEYVAL_SECTION, "PVE: a section header");
	is_text(entry(&kv, 6)->section_name, "pve:pending", "PVE: the pending section in any case");
	is_num(entry(&kv, 7)->section, 1, "PVE: what follows a header belongs to it");
	is_text(entry(&kv, 10)->section_name, "snap1", "PVE: a snapshot's description");
	is_text(keyval_last(&kv, 0, "arch")->value, "amd64", "PVE: keyval_last looks into one section only");
	is_text(keyval_last(&kv, 2, "arch")->value, "arm64", "PVE: where the last one wins");
	ok(!keyval_last(&kv, 1, "arch"), "PVE: and not into another");
	is_num(keyval_raw_place(&kv), 5, "PVE: raw lines belong before the blank line of the first header");
}

static void pve_wrong(void)
{
	struct keyval kv = read_text(" arch: amd64\nArch: amd64\narch : amd64\narch:\n  # indented\nlxc.a : 1\n"
				     "lxc.: 1\nlxc.A: 1\n[1snap]\n[s]\nnet0 x\nnet0: x\r\n \f\r\n",
				     KEYVAL_PVE);

	ok(is_wrong(&kv, 0, 1, 1), "PVE: no blanks before a key");
	ok(is_wrong(&kv, 1, 2, 1), "PVE: keys are lower case");
	ok(is_wrong(&kv, 2, 3, 5), "PVE: no blank before the colon");
	ok(is_wrong(&kv, 3, 4, 6), "PVE: a value is needed");
	ok(is_wrong(&kv, 4, 5, 1), "PVE: an indented # is no comment");
	ok(is_wrong(&kv, 5, 6, 7), "PVE: no blank before the colon of a raw key");
	ok(is_wrong(&kv, 6, 7, 5), "PVE: a raw key needs a name");
	ok(is_wrong(&kv, 7, 8, 5), "PVE: raw keys are lower case");
	ok(is_wrong(&kv, 8, 9, 1) && is_wrong(&kv, 9, 10, 1), "PVE: no section headers");
	ok(is_wrong(&kv, 10, 11, 5), "PVE: no colon");
	ok(is_pair(&kv, 11, "net0", "x"), "PVE: a CR is trimmed");
	ok(entry(&kv, 12)->kind == KEYVAL_BLANK, "PVE: a form feed and a CR are blank");
	kv = read_text("hookscript:\t \nhookscript:\r\nhookscript: \t\r\nhookscript:\n", KEYVAL_PVE);
	ok(is_pair(&kv, 0, "hookscript", " "), "PVE: of blanks alone the last one is the value");
	ok(is_pair(&kv, 1, "hookscript", "\r") && is_pair(&kv, 2, "hookscript", "\r"), "PVE: be it a CR");
	ok(is_wrong(&kv, 3, 4, 12), "PVE: nothing is none");
	kv = read_text("lxc.a: \"b\"\nlxc.c: 'd\"\n", KEYVAL_PVE);
	is_text(keyval_lxc_meaning(&kv, entry(&kv, 0)), "b", "PVE: quotes are LXC's matter");
	is_text(keyval_lxc_meaning(&kv, entry(&kv, 1)), "'d\"", "PVE: two different ones are none");
	kv = read_text("lxc.a = \"'b'\"\n", KEYVAL_LXC);
	is_text(keyval_lxc_meaning(&kv, entry(&kv, 0)), "'b'", "LXC: one pair goes, and no second one");
}

static void pve_raw_place_without_sections(void)
{
	struct keyval kv = read_text("arch: amd64\nhostname: x", KEYVAL_PVE);
	AUTOBUF out = { 0 };

	keyval_insert(&kv, keyval_raw_place(&kv), SLICE("lxc.include: /f"), &out);
	is_text(buf_slice(&out), "arch: amd64\nhostname: x\nlxc.include: /f\n",
		"PVE: a missing last newline is put in");
	kv = read_text("[snap1]\narch: amd64\n", KEYVAL_PVE);
	is_num(keyval_raw_place(&kv), 0, "PVE: a file that begins with a header");
}

static const char deb_text[] = "# head\nPackage: lxc\nStatus: install ok installed\nDescription: first\n one \n"
			       "# a comment inside\n .\n  two\n# behind\n\n\npackage: liblxc1\nVersion : 1:6.0\n";

static void deb822_fields(void)
{
	struct keyval kv = read_text(deb_text, KEYVAL_DEB822);
	const struct keyval_entry *d = keyval_last(&kv, 0, "description");
	struct keyval_line *lines;

	ok(entry(&kv, 0)->kind == KEYVAL_COMMENT && entry(&kv, 4)->kind == KEYVAL_COMMENT, "deb822: comments");
	is_text(d->value, "first\none\n\n two", "deb822: a long value, comments inside left out");
	is_num(d->line, 4, "deb822: the line it begins");
	is_num(d->span.len, 53, "deb822: its span holds the comment inside, not the one behind");
	is_text(keyval_last(&kv, 0, "PACKAGE")->value, "lxc", "deb822: keys without regard to case");
	is_text(keyval_last(&kv, 1, "Package")->value, "liblxc1", "deb822: blank lines end a stanza, two as one");
	is_text(keyval_last(&kv, 1, "Version")->value, "1:6.0", "deb822: a blank before the colon");
	ok(!keyval_last(&kv, 2, "Package"), "deb822: no third stanza");
	is_num(keyval_lines(&kv, d, &lines, &arena), 3, "deb822: the lines of a value");
	is_text(lines[2].text, "two", "deb822: a line");
	ok(lines[0].line == 4 && lines[0].column == 14, "deb822: place of the first line");
	ok(lines[2].line == 8 && lines[2].column == 3, "deb822: place of the last line");
}

static void deb822_wrong(void)
{
	struct keyval kv = read_text(
	    " orphan\n more\nNo colon here\n with its lines\n: x\n-A: x\nB\xc3\xa9: x\n\t\nC:\n", KEYVAL_DEB822);

	ok(is_wrong(&kv, 0, 1, 2), "deb822: a continuation line without a field");
	is_num(entry(&kv, 0)->span.len, 14, "deb822: takes its lines along");
	ok(is_wrong(&kv, 1, 3, 4), "deb822: a field without a colon, at the place for it");
	ok(is_wrong(&kv, 2, 5, 1) && is_wrong(&kv, 3, 6, 1), "deb822: an empty name, a name with - in front");
	ok(is_wrong(&kv, 4, 7, 2), "deb822: a name that is not ASCII");
	ok(entry(&kv, 5)->kind == KEYVAL_BLANK, "deb822: a line of blanks ends a stanza");
	ok(is_pair(&kv, 6, "C", "") && entry(&kv, 6)->section == 1, "deb822: an empty value");
}

static void edits(void)
{
	struct keyval kv = read_text("lxc.a = 1\r\n# c\r\nlxc.b = 2", KEYVAL_LXC);
	AUTOBUF out = { 0 };

	keyval_without(&kv, 1, &out);
	is_text(buf_slice(&out), "lxc.a = 1\r\nlxc.b = 2", "an entry taken out");
	buf_clear(&out);
	keyval_replace(&kv, 0, SLICE("lxc.a = 9"), &out);
	is_text(buf_slice(&out), "lxc.a = 9\r\n# c\r\nlxc.b = 2", "an entry replaced keeps its line end");
	buf_clear(&out);
	keyval_replace(&kv, 2, SLICE("lxc.b = 9"), &out);
	is_text(buf_slice(&out), "lxc.a = 1\r\n# c\r\nlxc.b = 9", "the last one keeps having none");
	buf_clear(&out);
	keyval_insert(&kv, 1, SLICE("lxc.n = 0"), &out);
	is_text(buf_slice(&out), "lxc.a = 1\r\nlxc.n = 0\r\n# c\r\nlxc.b = 2",
		"a line put in takes the file's line end");
	buf_clear(&out);
	keyval_insert(&kv, 3, SLICE("lxc.n = 0"), &out);
	is_text(buf_slice(&out), "lxc.a = 1\r\n# c\r\nlxc.b = 2\r\nlxc.n = 0\r\n", "a line put at the end");
	kv = read_text("", KEYVAL_LXC);
	buf_clear(&out);
	keyval_insert(&kv, 0, SLICE("lxc.n = 0"), &out);
	is_text(buf_slice(&out), "lxc.n = 0\n", "a line put into an empty file");
	kv = read_text(deb_text, KEYVAL_DEB822);
	buf_clear(&out);
	keyval_without(&kv, 3, &out);
	ok(!strstr(buf_str(&out), "two") && strstr(buf_str(&out), "# behind\n"), "deb822: a field goes with its lines");
}

/* Laws, over generated files: fragments that matter to the dialects in random order, with random bytes between. */
static unsigned long seed = 20261121;

static unsigned pick(unsigned n)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned)(seed >> 33) % n;
}

static void generate(struct buf *out)
{
	static const char *const parts[] = { "lxc.apparmor.profile",
					     "lxc.",
					     "arch",
					     "Package",
					     "#",
					     "[snap1]",
					     "[pve:pending]",
					     "=",
					     ": ",
					     " ",
					     "\t",
					     "\n",
					     "\n",
					     "\r\n",
					     "\r",
					     "\n\n",
					     "value",
					     "'",
					     "\"",
					     ".",
					     "\n more",
					     "\f",
					     "0",
					     "lxc.a=1",
					     "a: b\n" };
	unsigned n = pick(60);

	buf_clear(out);
	for (unsigned i = 0; i < n; i++) {
		unsigned k = pick(sizeof parts / sizeof *parts + 1);

		if (k < sizeof parts / sizeof *parts)
			buf_adds(out, parts[k]);
		else
			buf_addc(out, (char)pick(256));
	}
}

/* A blank line counts as nothing for LXC; where a lone CR meets an LF, an edit may melt one into a line end. */
static bool counts(const struct keyval *kv, size_t i)
{
	return kv->dialect != KEYVAL_LXC || kv->entries[i].kind != KEYVAL_BLANK;
}

static bool same_entry(const struct keyval_entry *a, const struct keyval_entry *b)
{
	return a->kind == b->kind && slice_eq(a->key, b->key) && slice_eq(a->value, b->value);
}

/* Are b's entries those of a, but that a's `at` is gone (if lost) and the new line stands there (if added)? */
static bool same_but(const struct keyval *a, const struct keyval *b, size_t at, bool lost, bool added)
{
	size_t j = 0;

	for (size_t i = 0; i <= a->count; i++) {
		while (j < b->count && !counts(b, j))
			j++;
		if (i == at && added && (j == b->count || !slice_ends(b->entries[j++].key, "new")))
			return false;
		while (j < b->count && !counts(b, j))
			j++;
		if (i == a->count || (i == at && lost) || !counts(a, i))
			continue;
		if (j == b->count || !same_entry(&a->entries[i], &b->entries[j++]))
			return false;
	}
	return j == b->count;
}

static bool law_print_parse(const struct keyval *kv)
{
	size_t at = 0;

	for (size_t i = 0; i < kv->count; i++) {
		const struct keyval_entry *e = &kv->entries[i];

		if (e->span.at != at || e->span.len == 0 || e->line == 0 || e->column == 0)
			return false;
		if ((e->kind == KEYVAL_WRONG) != (e->wrong != NULL))
			return false;
		at += e->span.len;
	}
	return at == kv->text.len;
}

/* In deb822 what stands before a stray continuation line decides what it is, and an edit may change that. */
static bool has_orphans(const struct keyval *kv)
{
	for (size_t i = 0; i < kv->count; i++)
		if (kv->dialect == KEYVAL_DEB822 &&
		    (kv->text.ptr[kv->entries[i].span.at] == ' ' || kv->text.ptr[kv->entries[i].span.at] == '\t'))
			return true;
	return false;
}

static struct slice line_of(enum keyval_dialect dialect)
{
	return dialect == KEYVAL_LXC ? SLICE("lxc.new = 1") : SLICE("new: 1");
}

static bool law_edit_one(const struct keyval *kv, size_t i, struct buf *out)
{
	bool end = i == kv->count, tail = !end && kv->text.ptr[kv->entries[i].span.at] == '\0';
	struct slice line = line_of(kv->dialect);
	struct keyval again;

	buf_clear(out);
	keyval_insert(kv, i, line, out);
	keyval_parse(&again, buf_slice(out), kv->dialect, &arena);
	if (end && kv->count > 0 && kv->text.ptr[kv->entries[kv->count - 1].span.at] == '\0')
		i = kv->dialect == KEYVAL_LXC ? i - 1 : i;
	if (!has_orphans(kv) && !same_but(kv, &again, i, false, true))
		return false;
	if (end || tail)
		return true;
	buf_clear(out);
	keyval_replace(kv, i, line, out);
	keyval_parse(&again, buf_slice(out), kv->dialect, &arena);
	if (!has_orphans(kv) && !same_but(kv, &again, i, true, true))
		return false;
	buf_clear(out);
	keyval_without(kv, i, out);
	keyval_parse(&again, buf_slice(out), kv->dialect, &arena);
	return has_orphans(kv) || same_but(kv, &again, i, true, false);
}

static void laws(enum keyval_dialect dialect, const char *name)
{
	size_t printed = 0, edited = 0, edit_count = 0, pairs = 0, wrong = 0;
	AUTOBUF text = { 0 };
	AUTOBUF out = { 0 };

	for (int n = 0; n < 400; n++) {
		AUTOARENA own = { 0 };
		struct keyval kv;

		generate(&text);
		keyval_parse(&kv, buf_slice(&text), dialect, &own);
		printed += law_print_parse(&kv);
		for (size_t i = 0; i <= kv.count; i++, edit_count++) {
			if (i < kv.count) {
				pairs += kv.entries[i].kind == KEYVAL_PAIR;
				wrong += kv.entries[i].kind == KEYVAL_WRONG;
			}
			if (law_edit_one(&kv, i, &out))
				edited++;
			else
				printf("# %s file %d, entry %zu of %zu\n", name, n, i, kv.count);
		}
	}
	printf("# %s: %zu edits, %zu pairs, %zu wrong lines\n", name, edit_count, pairs, wrong);
	is_num(printed, 400, "law print-parse");
	is_num(edited, edit_count, "law edit-one");
	ok(pairs > 100 && wrong > 100, "the generated files are varied");
}

static void time_is_linear(void)
{
	enum { SIZE = 1 << 20 };
	static const struct slice parts[] = {
		{ "\n", 1 }, { "#\n", 2 }, { "a: b\n#\n", 7 }, { " x\n", 3 }, { "lxc.", 4 }
	};

	for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
		AUTOBUF text = { 0 };

		while (text.len < SIZE)
			buf_addslice(&text, parts[p]);
		for (int d = KEYVAL_DEB822; d <= KEYVAL_PVE; d++) {
			AUTOARENA own = { 0 };
			struct keyval kv;

			keyval_parse(&kv, buf_slice(&text), (enum keyval_dialect)d, &own);
			if (!law_print_parse(&kv))
				ok(false, "1 MiB of one fragment are read");
		}
	}
	ok(true, "1 MiB of one fragment are read in linear time (this test ended)");
}

int main(void)
{
	lxc_lines();
	lxc_values();
	lxc_line_ends();
	lxc_nul_ends_the_file();
	lxc_wrong();
	lxc_last_wins();
	pve_lines();
	pve_wrong();
	pve_raw_place_without_sections();
	deb822_fields();
	deb822_wrong();
	edits();
	laws(KEYVAL_LXC, "LXC");
	laws(KEYVAL_PVE, "PVE");
	laws(KEYVAL_DEB822, "deb822");
	time_is_linear();
	arena_release(&arena);
	return tap_done();
}
