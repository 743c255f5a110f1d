/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../lib/parser.h"
#include "../lib/tap.h"

#include <nestfix/automaton.h>

#define BLOBS "tests/fixtures/blobs/"

static const char *const layouts[] = { "small-3.0.8-old",    "small-3.0.8-equiv", "small-4.1.0-old",
				       "small-4.1.0-table2", "small-5.0.2-old",   "small-5.0.2-table2",
				       "small-5.0.2-table3" };

enum { LAYOUTS = sizeof layouts / sizeof *layouts };

static struct slice blob_of(const char *name, struct arena *a)
{
	return read_fixture(arena_printf(a, BLOBS "%s", name), a);
}

static const struct automaton_profile *profile_of(const char *name, const char *profile, struct arena *a)
{
	struct automaton *out = ARENA_NEW(a, struct automaton);
	struct err err = { 0 };

	if (automaton_read(out, blob_of(name, a), a, &err)) {
		printf("# %s: %s\n", name, err.text);
		return NULL;
	}
	return automaton_find(out, slice_of(profile));
}

static uint32_t allows(const struct automaton_profile *p, const char *path, unsigned half)
{
	return automaton_path(p, slice_of(path)).half[half].allow;
}

/* What small.profile says, by hand. */
static const struct {
	const char *path;
	uint32_t user, other;
} truth[] = {
	{ "/read", PERM_R, PERM_R },
	{ "/rea", 0, 0 },
	{ "/readx", 0, 0 },
	{ "read", 0, 0 },
	{ "", 0, 0 },
	{ "/write", PERM_W | PERM_A, PERM_W | PERM_A },
	{ "/append", PERM_A, PERM_A },
	{ "/lock", PERM_K, PERM_K },
	{ "/link", PERM_L, PERM_L },
	{ "/map", PERM_M, PERM_M },
	{ "/own", PERM_R | PERM_W | PERM_A, 0 },
	{ "/logged", PERM_W | PERM_A, PERM_W | PERM_A },
	{ "/inherit", PERM_X | PERM_M, PERM_X | PERM_M },
	{ "/named", PERM_X, PERM_X },
	{ "/sub/a", PERM_R | PERM_W | PERM_A, PERM_R | PERM_W | PERM_A },
	{ "/sub/a/b", PERM_R | PERM_W | PERM_A, PERM_R | PERM_W | PERM_A },
	{ "/sub/", 0, 0 },
	{ "/sub/no", PERM_R, PERM_R },
	{ "/sub/no/x", PERM_R, PERM_R },
	{ "/sub/nox", PERM_R | PERM_W | PERM_A, PERM_R | PERM_W | PERM_A },
};

static void paths_say_what_the_rules_say(void)
{
	for (size_t i = 0; i < LAYOUTS; i++) {
		AUTOARENA a = { 0 };
		const struct automaton_profile *p = profile_of(layouts[i], "small", &a);
		bool good = p != NULL;

		for (size_t k = 0; p && k < sizeof truth / sizeof *truth; k++) {
			uint32_t user = allows(p, truth[k].path, AUTOMATON_USER);
			uint32_t other = allows(p, truth[k].path, AUTOMATON_OTHER);

			if (user == truth[k].user && other == truth[k].other)
				continue;
			good = false;
			printf("# %s: %x %x\n", truth[k].path, user, other);
		}
		ok(good, arena_printf(&a, "%s: every path as the rules say", layouts[i]));
	}
}

static void audit_quiet_and_exec_are_told(void)
{
	for (size_t i = 0; i < LAYOUTS; i++) {
		AUTOARENA a = { 0 };
		const struct automaton_profile *p = profile_of(layouts[i], "small", &a);
		struct automaton_half h;
		bool good = p != NULL;

		if (good) {
			h = automaton_path(p, SLICE("/sub/no")).half[1];
			good &= h.quiet == (PERM_W | PERM_A | PERM_K | PERM_X) && h.audit == 0;
			h = automaton_path(p, SLICE("/sub/loud")).half[1];
			good &= h.quiet == 0 && h.allow == PERM_R;
			h = automaton_path(p, SLICE("/logged")).half[0];
			good &= h.audit == (PERM_W | PERM_A) && h.more == 0;
			h = automaton_path(p, SLICE("/inherit")).half[0];
			good &= h.xindex == AUTOMATON_X_INHERIT;
			h = automaton_path(p, SLICE("/child")).half[0];
			good &= h.xindex == (AUTOMATON_X_NAME | AUTOMATON_X_CHILD);
			h = automaton_path(p, SLICE("/free")).half[0];
			good &= h.xindex == (AUTOMATON_X_UNCONFINED | AUTOMATON_X_UNSAFE);
			h = automaton_path(p, SLICE("/named")).half[0];
			good &= (h.xindex & AUTOMATON_X_TABLE) != 0;
			good &= slice_is(p->xtable[h.xindex & AUTOMATON_X_INDEX], "other");
			h = automaton_path(p, SLICE("/from\0/to")).half[0];
			good &= (h.allow & (PERM_L | PERM_K)) == (PERM_L | PERM_K);
			h = automaton_path(p, SLICE("/from\0/elsewhere")).half[0];
			good &= (h.allow & PERM_L) == 0;
		}
		ok(good, arena_printf(&a, "%s: audit, quiet, exec and link", layouts[i]));
	}
}

static bool has_field(const struct automaton_profile *p, const char *name)
{
	for (size_t i = 0; i < p->rest_count; i++)
		if (slice_is(p->rest[i].name, name))
			return true;
	return false;
}

static void profiles_and_fields_are_found(void)
{
	AUTOARENA a = { 0 };
	struct automaton all;
	struct slice blob = blob_of("small-3.0.8-old", &a);

	is_num(automaton_read(&all, blob, &a, NULL), 0, "a blob of two images");
	is_num(all.count, 2, "profile and child");
	is_text(all.profiles[0].name, "small", "the profile's name");
	is_text(all.profiles[1].name, "small//child", "the child's name");
	ok(automaton_find(&all, SLICE("none")) == NULL, "a profile that is not there");
	is_num(all.profiles[0].image.len + all.profiles[1].image.len, blob.len, "the images are the whole blob");
	ok(has_field(&all.profiles[0], "flags") && has_field(&all.profiles[0], "rlimits") &&
	       has_field(&all.profiles[0], "caps") && has_field(&all.profiles[0], "caps64"),
	   "the fields of a profile");
	ok(!has_field(&all.profiles[1], "rlimits"), "a child without rlimits");
	is_num(all.profiles[0].mode, 0, "enforce mode");
	ok(all.profiles[0].policy != NULL, "a policydb");
	ok(all.profiles[0].attach == NULL, "no attachment");
}

/* Classes must be safe for a walk: bytes of one class lead to one state, from every state. */
static void classes_hold_bytes_that_no_state_tells_apart(void)
{
	for (size_t i = 0; i < LAYOUTS; i++) {
		AUTOARENA a = { 0 };
		const struct automaton_profile *p = profile_of(layouts[i], "small", &a);
		unsigned char class_of[256];
		size_t n = p ? automaton_classes(p->file, class_of) : 0, first[256] = { 0 };
		bool good = n > 10 && n < 60;

		for (size_t c = 256; c-- > 0;)
			first[class_of[c]] = c;
		for (uint32_t s = 0; good && s < automaton_states(p->file); s++)
			for (unsigned c = 0; c < 256; c++)
				good &= class_of[c] < n &&
					automaton_step(p->file, s, (unsigned char)c) ==
					    automaton_step(p->file, s, (unsigned char)first[class_of[c]]);
		ok(good, arena_printf(&a, "%s: %zu classes", layouts[i], n));
	}
}

static void the_trap_is_never_left(void)
{
	AUTOARENA a = { 0 };
	const struct automaton_profile *p = profile_of("small-3.0.8-equiv", "small", &a);
	bool stays = p != NULL;

	for (unsigned c = 0; stays && c < 256; c++)
		stays = automaton_step(p->file, 0, (unsigned char)c) == 0;
	ok(stays, "state 0 stays");
	is_num(automaton_file_perms(p, 0).half[0].allow, 0, "state 0 allows nothing");
	is_num(automaton_file_perms(p, 1u << 30).half[0].allow, 0, "a state out of range allows nothing");
}

static void refuse(struct slice blob, const char *part, const char *what)
{
	AUTOARENA a = { 0 };
	struct automaton out;
	struct err err = { 0 };

	ok(automaton_read(&out, blob, &a, &err) == -1, what);
	is_err(&err, part, what);
}

static void trouble_is_told(void)
{
	AUTOARENA a = { 0 };
	struct slice blob = blob_of("small-3.0.8-old", &a);
	struct automaton out;
	struct err err = { 0 };

	refuse(SLICE(""), "it is empty", "an empty blob");
	refuse(SLICE("profile x { }"), "unknown kind at byte 0", "a text");
	refuse(slice_sub(blob, 0, blob.len - 1), "the end comes too early", "a blob without its last byte");
	refuse(SLICE("\x04\x08\0version\0\x02\x04\0\0\0\x04\x08\0profile\0\x07"), "version that is not known",
	       "version 4");
	ok(automaton_read(&out, SLICE("\x01\x05\0\0\0\0\0\0\x28\xb5\x2f\xfd\x60"), &a, &err) == -1,
	   "a compressed blob");
	is_err(&err, "it is compressed", "a compressed blob is named");
	ok(strstr(err.hint, "--zstd-compress-level=none") != NULL, "and what to do about it");
}

/* No prefix of a blob may read but those that end with an image, and none may crash. */
static void every_prefix_is_refused(void)
{
	AUTOARENA a = { 0 };
	struct slice blob = blob_of("small-5.0.2-table3", &a);
	size_t read = 0, wrong = 0;

	for (size_t len = 0; len < blob.len; len += len < 2000 ? 1 : 37) {
		AUTOARENA local = { 0 };
		struct automaton out;
		char *copy = malloc(len + 1); /* so that a sanitizer sees one byte too far */

		memcpy(copy, blob.ptr, len);
		if (automaton_read(&out, (struct slice){ copy, len }, &local, NULL) == 0)
			wrong++;
		read++;
		free(copy);
	}
	ok(read > 2000 && wrong == 0, "no part of a blob passes for a whole");
}

/* A byte changed anywhere: an error, or a blob that can be walked. Under the sanitizers this is the test. */
static void damage_does_no_harm(void)
{
	AUTOARENA a = { 0 };
	struct slice blob = blob_of("small-5.0.2-table3", &a);
	char *copy = arena_alloc(&a, blob.len + 1);
	size_t refused = 0, tried = 0;
	uint32_t sum = 0;

	memcpy(copy, blob.ptr, blob.len);
	for (size_t at = 0; at < blob.len; at += 3, tried++) {
		AUTOARENA local = { 0 };
		struct automaton out;

		copy[at] = (char)(copy[at] ^ (at % 2 ? 0xff : 0x80));
		if (automaton_read(&out, (struct slice){ copy, blob.len }, &local, NULL))
			refused++;
		else
			for (size_t i = 0; i < out.count; i++)
				sum += allows(&out.profiles[i], "/sub/no/x", 0);
		copy[at] = blob.ptr[at];
	}
	ok(refused > 100 && refused < tried && sum > 0, "damaged blobs are refused or read");
}

/* A state machine of two states, big endian: header, accept, base, default, next and check of 257 edges, accept2. */
static void add_be(struct buf *b, uint64_t n, unsigned width)
{
	while (width-- > 0)
		buf_addc(b, (char)(n >> width * 8));
}

static void add_table(struct buf *b, unsigned id, unsigned width, const uint32_t *values, uint32_t count, uint32_t fill)
{
	add_be(b, id, 2);
	add_be(b, width, 2);
	add_be(b, 0, 4);
	add_be(b, fill, 4);
	for (uint32_t i = 0; i < fill; i++)
		add_be(b, i < count ? values[i] : 0, width);
	while (b->len % 8)
		buf_addc(b, 0);
}

struct machine {
	uint32_t base[3], dflt[3], next[512], check[512], flags, states;
};

static struct slice image_of(const struct machine *m, unsigned width, struct arena *a)
{
	struct buf dfa = { 0 }, out = { 0 };
	uint32_t none[3] = { 0 };
	struct slice s;

	add_be(&dfa, 0x1B5E783D, 4);
	add_be(&dfa, 24, 4);
	add_be(&dfa, 0, 4);
	add_be(&dfa, m->flags, 2);
	buf_add(&dfa, "notflex\0\0", 10);
	add_table(&dfa, 1, 4, (uint32_t[]){ 0, 0, 4 }, 3, m->states);
	add_table(&dfa, 7, 4, none, 3, m->states);
	add_table(&dfa, 2, 4, m->base, 3, m->states);
	add_table(&dfa, 4, width, m->dflt, 3, m->states);
	add_table(&dfa, 8, width, m->next, 512, 512);
	add_table(&dfa, 3, width, m->check, 512, 512);
	buf_addslice(&out, SLICE("\x04\x08\0version\0\x02\x05\0\0\0\x04\x08\0profile\0\x07\x05\x02\0p\0"));
	buf_add(&out, "\x04\x06\0flags\0\x07\x02\0\0\0\0\x02\0\0\0\0\x02\0\0\0\0\x08", 26);
	buf_add(&out, "\x04\x06\0aadfa\0\x06", 10);
	for (unsigned i = 0; i < 4; i++)
		buf_addc(&out, (char)(dfa.len >> i * 8));
	buf_addslice(&out, buf_slice(&dfa));
	buf_addc(&out, 8);
	s = arena_slice(a, buf_slice(&out));
	buf_release(&dfa);
	buf_release(&out);
	return s;
}

/* State 1 goes to state 2 by a, which allows r. */
static struct machine good_machine(void)
{
	return (struct machine){ .base = { 0, 200, 0 }, .next[200 + 'a'] = 2, .check[200 + 'a'] = 1, .states = 3 };
}

static void machines_are_checked(void)
{
	AUTOARENA a = { 0 };
	struct automaton out;
	struct machine m = good_machine();

	is_num(automaton_read(&out, image_of(&m, 2, &a), &a, NULL), 0, "a machine by hand");
	is_num(allows(&out.profiles[0], "a", 0), PERM_R, "it matches its string");
	is_num(allows(&out.profiles[0], "b", 0) | allows(&out.profiles[0], "aa", 0), 0, "and no other");
	is_num(automaton_read(&out, image_of(&m, 4, &a), &a, NULL), 0, "a machine with wide tables");
	is_num(allows(&out.profiles[0], "a", 0), PERM_R, "it matches its string");
	m.base[1] = 300;
	refuse(image_of(&m, 2, &a), "edges out of range", "a base too high");
	m = good_machine();
	m.dflt[1] = 3;
	refuse(image_of(&m, 2, &a), "a default state out of range", "a default state out of range");
	m = good_machine();
	m.next[0] = 7;
	refuse(image_of(&m, 2, &a), "an edge out of range", "an edge to nowhere");
	m = good_machine();
	m.next[0] = 1;
	refuse(image_of(&m, 2, &a), "a trap state that can be left", "a trap with a way out");
	m = good_machine();
	m.dflt[0] = 1;
	refuse(image_of(&m, 2, &a), "a trap state that can be left", "a trap with a default");
	m = good_machine();
	m.base[1] |= 0x80000000u;
	is_num(automaton_read(&out, image_of(&m, 2, &a), &a, NULL), 0, "a difference without the flag, as 2.13 writes");
	m.flags = 1;
	is_num(automaton_read(&out, image_of(&m, 2, &a), &a, NULL), 0, "a difference to the trap");
	m.base[2] |= 0x80000000u;
	m.dflt[1] = 2;
	m.dflt[2] = 1;
	refuse(image_of(&m, 2, &a), "differ from each other in a circle", "differences in a circle");
	m = good_machine();
	m.flags = 2;
	m.base[2] = 0x20000000u;
	refuse(image_of(&m, 2, &a), "a state of an unknown kind", "an out-of-band edge before the table");
	m = good_machine();
	m.states = 1;
	refuse(image_of(&m, 2, &a), "without a start state", "a machine of one state");
}

int main(void)
{
	paths_say_what_the_rules_say();
	audit_quiet_and_exec_are_told();
	profiles_and_fields_are_found();
	classes_hold_bytes_that_no_state_tells_apart();
	the_trap_is_never_left();
	trouble_is_told();
	every_prefix_is_refused();
	damage_does_no_harm();
	machines_are_checked();
	return tap_done();
}
