/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What apparmor_parser could open for a policy, told by its text alone: policy_reach(). */
#include <nestfix/policy.h>

#include "../lib/reader.h"
#include "../lib/tap.h"

#define ETC "/etc/apparmor.d/"
#define TOP ETC "top"

static struct arena arena;

/* As reader_memory; "DEV" and "FIFO" stand for what they are, and what is named "broken" cannot be read. */
static int read_odd(void *ctx, const char *path, enum policy_found *found, struct slice *bytes, struct slice **names,
		    size_t *count, struct arena *a, struct err *err)
{
	if (strstr(path, "broken"))
		return err_put(err, ERR_FAILED, "cannot read '%s': Input/output error", path);
	if (reader_memory(ctx, path, found, bytes, names, count, a, err) < 0)
		return -1;
	if (*found == POLICY_FILE && slice_is(*bytes, "DEV"))
		*found = POLICY_DEVICE;
	if (*found == POLICY_FILE && slice_is(*bytes, "FIFO"))
		*found = POLICY_ELSE;
	if (*found == POLICY_FILE && slice_is(*bytes, "NOWHERE"))
		*found = POLICY_MISSING;
	return 0;
}

static struct policy_sources *sources_of(const struct reader_file *files, const char *const *search)
{
	struct policy_reader *reader = ARENA_NEW(&arena, struct policy_reader);
	struct policy_dialect *dialect = ARENA_NEW(&arena, struct policy_dialect);

	*reader = (struct policy_reader){ (void *)(uintptr_t)files, read_odd };
	*dialect = (struct policy_dialect){ .base = "/etc/apparmor.d", .search = search };
	return policy_sources_new(reader, dialect, &arena);
}

/* The paths that are reached, one after the other, and the first trouble. */
static const char *reached(struct policy_sources *sources)
{
	static const char *const kinds[] = { "", "", "/", " (device)", " (else)" };
	struct policy_reach reach;
	struct err err = { 0 };
	const struct policy_source *top = policy_source(sources, TOP, &err);
	AUTOBUF out = { 0 };

	if (!top)
		return arena_str(&arena, slice_of(err.text));
	policy_reach(&reach, sources, top, &arena);
	for (size_t i = 0; i < reach.count; i++)
		if (reach.parts[i].found != POLICY_MISSING)
			buf_addf(&out, "%s%s%s", i ? " " : "", reach.parts[i].path, kinds[reach.parts[i].found]);
	if (reach.trouble)
		buf_addf(&out, " BUT %s", reach.trouble->text);
	return arena_str(&arena, buf_slice(&out));
}

#define REACHES(want, what, ...)                                                                                       \
	do {                                                                                                           \
		const struct reader_file files[] = { __VA_ARGS__, { 0 } };                                             \
		is_text(slice_of(reached(sources_of(files, NULL))), want, what);                                       \
	} while (0)

static void every_way_of_naming_a_file_is_followed(void)
{
	REACHES(TOP " " ETC "a " ETC "b", "<x>, with and without #", { TOP, SLICE("include <a>\n#include <b>\n") },
		{ ETC "a", SLICE("") }, { ETC "b", SLICE("") });
	REACHES(TOP " /srv/x " ETC "b", "absolute, quoted and bare",
		{ TOP, SLICE("include \"/srv/x\"\ninclude /etc/apparmor.d/b\n") }, { "/srv/x", SLICE("") },
		{ ETC "b", SLICE("") });
	REACHES(TOP " /rel/x", "relative: from /, where the parser is started", { TOP, SLICE("include rel/x\n") },
		{ "/rel/x", SLICE("") });
	REACHES(TOP " /srv/x", "an absolute path behind an escape", { TOP, SLICE("include \"\\057srv\\x2fx\"\n") },
		{ "/srv/x", SLICE("") });
	REACHES(TOP " " ETC "a", "spelled oddly", { TOP, SLICE("include <.//a>\ninclude \"/etc//apparmor.d/./a\"\n") },
		{ ETC "a", SLICE("") });
	REACHES(TOP " " ETC "local/a", "if exists; what does not is no part",
		{ TOP, SLICE("include if exists <local/a>\n#include if exists <local/b>\n") },
		{ ETC "local/a", SLICE("") });
	REACHES(TOP " " ETC "abi/3.0 /srv/abi", "abi files", { TOP, SLICE("abi <abi/3.0>,\nabi \"/srv/abi\",\n") },
		{ ETC "abi/3.0", SLICE("") }, { "/srv/abi", SLICE("") });
	REACHES(TOP " " ETC "a " ETC "b " ETC "c", "an include in an included file",
		{ TOP, SLICE("profile p {\n include <a>\n}\n") }, { ETC "a", SLICE("include <b>\n") },
		{ ETC "b", SLICE("include <c>\ninclude <a>\n") }, { ETC "c", SLICE("/c r,\n") });
}

static void every_place_is_followed(void)
{
	REACHES(TOP " " ETC "a " ETC "b", "both branches of a condition",
		{ TOP, SLICE("$x=false\nprofile p {\n if $x { include <a>\n } else { include <b>\n }\n}\n") },
		{ ETC "a", SLICE("") }, { ETC "b", SLICE("") });
	REACHES(TOP " " ETC "a " ETC "b", "a block and a hat",
		{ TOP, SLICE("profile p {\n owner { include <a>\n }\n ^h {\n  include <b>\n }\n}\n") },
		{ ETC "a", SLICE("") }, { ETC "b", SLICE("") });
	REACHES(TOP " " ETC "a", "in the middle of a rule", { TOP, SLICE("profile p {\n /x\n include <a>\n r,\n}\n") },
		{ ETC "a", SLICE("r,\n") });
	REACHES(TOP, "not a comment", { TOP, SLICE("# include <a>\nprofile p { /x r, # include <a>\n}\n") },
		{ ETC "a", SLICE("") });
}

static void folders_are_read_as_the_parser_reads_them(void)
{
	REACHES(TOP " " ETC "d/ " ETC "d/a", "files by name, but for the skipped ones, folders, FIFOs and devices",
		{ TOP, SLICE("include <d>\n") }, { ETC "d", { 0 } }, { ETC "d/a", SLICE("") },
		{ ETC "d/b.dpkg-new", SLICE("") }, { ETC "d/c", SLICE("FIFO") }, { ETC "d/e", SLICE("DEV") },
		{ ETC "d/f", { 0 } }, { ETC "d/f/g", SLICE("") });
	REACHES(TOP " " ETC "d/ BUT cannot include '" ETC "d/a': it leads nowhere", "a name that leads nowhere",
		{ TOP, SLICE("include <d>\n") }, { ETC "d", { 0 } }, { ETC "d/a", SLICE("NOWHERE") });
}

static void what_cannot_be_followed_is_told(void)
{
	REACHES(TOP " " ETC "b BUT cannot read '" ETC "broken': Input/output error",
		"a file that cannot be read; what else there is is found",
		{ TOP, SLICE("include <broken>\ninclude <b>\n") }, { ETC "b", SLICE("") });
	REACHES(TOP " BUT cannot follow the include of '/etc/apparmor.d/../x'", "a path that climbs",
		{ TOP, SLICE("include <../x>\n") }, { "/etc/x", SLICE("") });
	REACHES(TOP " /dev/zero (device)", "a device is passed over", { TOP, SLICE("include \"/dev/zero\"\n") },
		{ "/dev/zero", SLICE("DEV") });
	REACHES(TOP " " ETC "f (else) BUT " TOP ":2:2: cannot include '" ETC "f': it is a FIFO or a socket",
		"a FIFO is not", { TOP, SLICE("\n include if exists <f>\n") }, { ETC "f", SLICE("FIFO") });
	REACHES(TOP " BUT " TOP ":2:1: cannot follow an include inside a rule", "one where no parser of today sees one",
		{ TOP, SLICE("profile p {\nmount include \"/etc/x\",\n}\n") });
	REACHES(TOP " BUT " TOP ":2:1: cannot follow an include inside a rule", "one in a condition",
		{ TOP, SLICE("profile p {\nif not #include <a>\n $x { /a r, }\n}\n") }, { ETC "a", SLICE("") });
	REACHES(TOP, "but not a path that holds the word",
		{ TOP, SLICE("profile p {\nmount /usr/include /x/include -> /y/include ,\n}\n") });
}

static void braces_that_hide_an_include_are_told(void)
{
	struct reader_file files[] = { { TOP, { 0 } }, { ETC "a", SLICE("") }, { 0 } };
	AUTOBUF text = { 0 };

	for (int i = 0; i < 80; i++)
		buf_adds(&text, "profile p {\n");
	buf_adds(&text, "include <a>\n");
	for (int i = 0; i < 80; i++)
		buf_adds(&text, "}\n");
	files[0].bytes = buf_slice(&text);
	is_text(slice_of(reached(sources_of(files, NULL))),
		TOP " BUT cannot follow the includes of '" TOP "': its braces nest too deeply", "80 braces deep");
}

static void search_folders_come_first(void)
{
	static const char *const search[] = { "/srv/site", "/srv/none", NULL };
	const struct reader_file files[] = { { TOP, SLICE("include <a>\ninclude <b>\n") },
					     { "/srv/site/a", SLICE("") },
					     { ETC "a", SLICE("") },
					     { ETC "b", SLICE("") },
					     { 0 } };

	is_text(slice_of(reached(sources_of(files, search))), TOP " /srv/site/a " ETC "b", "as the parser's -I");
}

static void a_set_may_stand_over_another(void)
{
	const struct reader_file files[] = {
		{ TOP, SLICE("include <a>\n") },
		{ ETC "a", SLICE("include <b>\n") },
		{ ETC "b", SLICE("") },
		{ ETC "c", SLICE("") },
		{ 0 },
	};
	struct policy_sources *under = sources_of(files, NULL), *over = policy_sources_over(under, &arena);

	policy_sources_put(over, ETC "a", SLICE("include <c>\n"));
	is_text(slice_of(reached(over)), TOP " " ETC "a " ETC "c", "what was put into it counts");
	is_text(slice_of(reached(under)), TOP " " ETC "a " ETC "b", "the one below is as it was");
}

int main(void)
{
	every_way_of_naming_a_file_is_followed();
	every_place_is_followed();
	folders_are_read_as_the_parser_reads_them();
	what_cannot_be_followed_is_told();
	braces_that_hide_an_include_are_told();
	search_folders_come_first();
	a_set_may_stand_over_another();
	arena_release(&arena);
	return tap_done();
}
