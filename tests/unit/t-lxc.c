/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `t-lxc show ROOT PATH` prints a configuration as lxc-info -c does, for tests/t-lxc-loads.sh. */
#include <stdlib.h>

#include <nestfix/lxc.h>

#include "../lib/reader.h"
#include "../lib/tap.h"

static struct arena arena;
static struct err err;
static struct reader_file files[LXC_INCLUDE_LIMIT + 40];
static size_t file_count;

static void put(const char *path, const char *text)
{
	files[file_count++] = (struct reader_file){ path, slice_of(text) };
	files[file_count] = (struct reader_file){ 0 };
}

static void put_dir(const char *path)
{
	files[file_count++] = (struct reader_file){ path, { 0 } };
	files[file_count] = (struct reader_file){ 0 };
}

static int read_config(struct lxc_config *config)
{
	const struct policy_reader reader = { files, reader_memory };

	err_clear(&err);
	return lxc_read(config, &reader, "/c", &arena, &err);
}

/* The configuration of a lone file. */
static struct lxc_config read_text(const char *text)
{
	struct lxc_config config;

	file_count = 0;
	put("/c", text);
	read_config(&config);
	return config;
}

static bool is_item(struct lxc_list list, size_t i, const char *value, const char *path, size_t line)
{
	return i < list.count && slice_is(list.items[i].value, value) && line == list.items[i].place.line &&
	       strcmp(list.items[i].place.path, path) == 0;
}

static void the_last_single_value_counts(void)
{
	struct lxc_config c = read_text("lxc.apparmor.profile = a\nlxc.apparmor.allow_nesting = 1\n"
					"lxc.uts.name = one\nlxc.apparmor.profile = generated\nlxc.uts.name=two\n"
					"lxc.rootfs.path = dir:/r\n");

	ok(c.generated && !c.unconfined && !c.unchanged, "the last profile counts");
	is_num(c.profile.place.line, 4, "and its line is told");
	is_text(slice_of(c.profile.place.path), "/c", "with its file");
	is_text(c.uts_name, "two", "the last name counts");
	is_text(c.rootfs, "dir:/r", "rootfs");
	ok(c.nesting, "nesting");
	c = read_text("lxc.apparmor.profile = a\nlxc.apparmor.profile =\nlxc.apparmor.allow_nesting = 1\n"
		      "lxc.apparmor.allow_nesting =\n");
	ok(!c.profile.value.ptr && !c.nesting, "an empty value sets a key back");
	ok(read_text("lxc.apparmor.profile = unconfined").unconfined, "unconfined");
	ok(read_text("lxc.apparmor.profile = unchanged").unchanged, "unchanged");
	ok(!read_text("lxc.apparmor.profile = Generated").generated, "values are case-sensitive");
	ok(!read_text("LXC.apparmor.profile = generated").generated, "keys are case-sensitive");
	ok(!read_text("lxc.apparmor.profileX = generated").generated, "a longer key is another key");
	ok(!read_text("").profile.value.ptr && !err_is_set(&err), "an empty file is a configuration");
}

static void lists_append_and_reset(void)
{
	struct lxc_config c = read_text("lxc.apparmor.raw = a,\nlxc.apparmor.raw =\nlxc.apparmor.raw = b,\n"
					"lxc.apparmor.raw = c,\nlxc.hook.start-host = /x\nlxc.hook =\n"
					"lxc.hook.start-host = /y z\nlxc.mount.entry = p q none bind 0 0\n"
					"lxc.idmap = u 0 100000 65536\n");

	is_num(c.raw.count, 2, "an empty raw drops the raws so far");
	ok(is_item(c.raw, 0, "b,", "/c", 3) && is_item(c.raw, 1, "c,", "/c", 4), "the others stay in order");
	is_num(c.start_host.count, 1, "an empty lxc.hook clears the hooks so far");
	ok(is_item(c.start_host, 0, "/y z", "/c", 7), "a hook behind it stays");
	ok(is_item(c.mount_entries, 0, "p q none bind 0 0", "/c", 8), "mount entry");
	ok(c.unprivileged && c.idmaps.count == 1, "an id map makes it unprivileged");
	c = read_text("lxc.idmap = u 0 1 1\nlxc.idmap =\nlxc.mount.entry = a b\nlxc.mount.entry =\n");
	ok(!c.unprivileged && c.mount_entries.count == 0, "maps and mounts can be set back");
}

static void legacy_keys_are_known(void)
{
	struct lxc_config c = read_text("lxc.aa_profile = generated\nlxc.utsname = old\nlxc.rootfs = /r\n"
					"lxc.id_map = u 0 1 1\n");

	ok(c.generated && c.unprivileged, "lxc.aa_profile, lxc.id_map");
	is_text(c.uts_name, "old", "lxc.utsname");
	is_text(c.rootfs, "/r", "lxc.rootfs");
}

static void quotes_line_ends_and_nul(void)
{
	static const char nul[] = "lxc.uts.name = a\0\nlxc.uts.name = b\n";
	struct lxc_config c = read_text("lxc.apparmor.profile = \"generated\"\r\nlxc.uts.name = ' x '\rname = y\r\n");

	ok(c.generated, "one pair of quotes falls away");
	is_text(c.uts_name, " x ", "CR and CRLF end a line, quotes keep blanks");
	file_count = 0;
	put("/c", "");
	files[0].bytes = (struct slice){ nul, sizeof nul - 1 };
	read_config(&c);
	is_text(c.uts_name, "a", "nothing behind a NUL counts");
}

static void includes_are_obeyed_where_they_stand(void)
{
	struct lxc_config c;

	file_count = 0;
	put("/c", "lxc.apparmor.profile = before\nlxc.include = /inc\nlxc.include = /d/\nlxc.uts.name = c\n"
		  "lxc.include = /inc\nlxc.include = /no/such/dir/\n");
	put("/inc", "lxc.apparmor.profile = generated\nlxc.uts.name = inc\nlxc.apparmor.raw = i,\n");
	put_dir("/d");
	put("/d/10-a.conf", "lxc.hook.start-host = /a\n");
	put("/d/.h.conf", "lxc.hook.start-host = /h\n");
	put("/d/.conf", "lxc.hook.start-host = /bare\n");
	put("/d/README", "lxc.hook.start-host = /readme\n");
	put_dir("/d/sub.conf");
	is_num(read_config(&c), 0, "includes of files, of a directory, and of a missing directory");
	ok(c.generated, "an include overrides what stands before it");
	is_text(c.uts_name, "inc", "also the second time");
	is_num(c.raw.count, 2, "a file that is included twice appends twice");
	ok(is_item(c.raw, 1, "i,", "/inc", 3), "places name the included file");
	is_num(c.start_host.count, 2, "of a directory: *.conf, hidden ones too, but no bare .conf and no other name");
	is_num(c.file_count, 4, "every file is listed once");
	is_text(slice_of(c.files[0]), "/c", "the top-level file first");
	ok(!c.order_matters, "the order of this directory does not matter");
}

static bool order_matters(const char *one, const char *two)
{
	struct lxc_config c;

	file_count = 0;
	put("/c", "lxc.include = /d\n");
	put_dir("/d");
	put("/d/a.conf", one);
	put("/d/b.conf", two);
	return read_config(&c) == 0 && c.order_matters;
}

static void directory_order(void)
{
	ok(order_matters("lxc.apparmor.profile = a\n", "lxc.apparmor.profile = b\n"),
	   "two files that set the same profile: the order matters");
	ok(order_matters("lxc.apparmor.raw = a\n", "lxc.apparmor.raw =\n"), "one adds, one resets");
	ok(order_matters("lxc.hook =\n", "lxc.hook.start-host = /x\n"), "lxc.hook resets, too");
	ok(!order_matters("lxc.apparmor.raw = a\n", "lxc.apparmor.raw = b\n"), "both add: it does not matter");
	ok(!order_matters("lxc.uts.name = a\n", "lxc.apparmor.profile = b\n"), "different keys: nor here");
	ok(!order_matters("lxc.tty.max = 1\n", "lxc.tty.max = 2\n"), "keys that are not asked about: nor here");
}

static void fails(const char *text, const char *part, const char *what)
{
	struct lxc_config c;

	file_count = 0;
	put("/c", text);
	put("/loop", "lxc.tty.max = 1\nlxc.include = /loop2\n");
	put("/loop2", "lxc.include = /loop\n");
	is_num(read_config(&c), -1, what);
	is_err(&err, part, "and it says where and why");
}

static void what_liblxc_refuses(void)
{
	struct lxc_config c;

	fails("lxc.uts.name = x\nlxc.apparmor.profile\n", "/c:2:", "a key without '='");
	fails("\nlxc.include = /nothing\n", "/c:2:1: cannot find the included file '/nothing'", "a missing include");
	ok(err.hint[0], "with a way out");
	fails("lxc.include = /loop\n", "included by itself", "an include loop");
	fails("lxc.include = /c\n", "cannot read '/c': it is included by itself", "a file that includes itself");
	fails("lxc.apparmor.allow_nesting = 2\n", "/c:1:1: cannot read '2' as 0 or 1", "nesting = 2");
	fails("lxc.apparmor.allow_nesting = yes\n", "'yes'", "nesting = yes");
	fails("lxc.apparmor.allow_incomplete = -1\n", "'-1'", "a negative number");
	fails("lxc.hook.version = 2\n", "'2'", "a hook version that does not exist");
	c = read_text("lxc.apparmor.allow_nesting = 0x1\n");
	ok(c.nesting, "numbers in C notation are numbers");
	c = read_text("lxc.hook.version = x\n");
	is_num(c.hook_version, 0, "LXC takes a hook version that is no number as 0");
	c = read_text("lxc.hook.version = 4294967297\n");
	is_num(c.hook_version, 0, "nor does a number wrap");
	c = read_text("lxc.unheard.of = 1\nlxc.hook.version = 1\n");
	ok(!err_is_set(&err) && c.hook_version == 1, "an unknown key is not judged");
	c = read_text("lxc.uts.name = kept\nlxc.apparmor.profile = generated\nlxc.bad\n");
	ok(err_is_set(&err) && c.generated, "what stands before the trouble is told");
	files[0] = (struct reader_file){ 0 };
	is_num(read_config(&c), -1, "a missing top-level file");
	is_err(&err, "no such file", "is told");
}

static void hostile_includes_end(void)
{
	struct lxc_config c;

	file_count = 0;
	put("/c", "lxc.include = /0\n");
	for (int i = 0; i < 40; i++)
		put(arena_printf(&arena, "/%d", i),
		    arena_printf(&arena, "lxc.include = /%d\nlxc.include = /%d\n", i + 1, i + 1));
	put("/40", "");
	is_num(read_config(&c), -1, "includes 41 levels deep");
	is_err(&err, "levels deep", "are too many");
	file_count = 0;
	put("/c", "lxc.include = /0\nlxc.include = /0\n");
	for (int i = 0; i < 20; i++)
		put(arena_printf(&arena, "/%d", i),
		    arena_printf(&arena, "lxc.include = /%d\nlxc.include = /%d\n", i + 1, i + 1));
	put("/20", "");
	is_num(read_config(&c), -1, "a million includes in 20 levels");
	is_err(&err, "files are included", "are too many");
	file_count = 0;
	put("/c", "lxc.include = /big\n");
	put("/big", "");
	files[1].bytes = (struct slice){ arena_alloc(&arena, LXC_FILE_LIMIT + 1), LXC_FILE_LIMIT + 1 };
	is_num(read_config(&c), -1, "a file over the limit");
	is_num(err.kind, ERR_REFUSED, "is refused");
}

static void lines_of_proxmox(void)
{
	const struct policy_reader reader = { files, reader_memory };
	const struct lxc_line lines[] = {
		{ SLICE("lxc.include"), SLICE("/inc"), { "/x.conf", 0 } },
		{ SLICE("lxc.apparmor.profile"), SLICE("generated"), { "/x.conf", 0 } },
		{ SLICE("lxc.apparmor.raw"), SLICE("mine,"), { "/x.conf", 7 } },
	};
	struct lxc_config c;

	file_count = 0;
	put("/inc", "lxc.apparmor.profile = other\nlxc.hook.start-host = /h\n");
	is_num(lxc_read_lines(&c, &reader, "/x.conf", lines, 3, &arena, NULL), 0, "lines that are in no file");
	ok(c.generated && is_item(c.raw, 0, "mine,", "/x.conf", 7), "count in their order");
	ok(is_item(c.start_host, 0, "/h", "/inc", 2), "with what they include");
	is_text(slice_of(c.files[0]), "/x.conf", "their file is the top-level one");
}

static void hidden_apparmor(void)
{
	ok(lxc_hides_apparmor(SLICE("/dev/null sys/module/apparmor/parameters/enabled none bind 0 0")), "relative");
	ok(lxc_hides_apparmor(SLICE("\t/dev/null  /sys/module/apparmor/parameters/enabled none bind,optional 0 0")),
	   "absolute, with blanks");
	ok(!lxc_hides_apparmor(SLICE("/sys/module/apparmor/parameters/enabled mnt none bind 0 0")), "only as target");
	ok(!lxc_hides_apparmor(SLICE("")), "an empty entry");
}

static void lxcpath(void)
{
	static const char *const cases[][2] = {
		{ "", "/var/lib/lxc" },
		{ "lxc.lxcpath = /srv/lxc\n", "/srv/lxc" },
		{ "lxc.lxcpath=/srv/lxc//\nlxc.lxcpath = /other\n", "/srv/lxc" },
		{ "#lxc.lxcpath = /no\n \tlxc.lxcpath\t = \t/yes it is", "/yes it is" },
		{ "x lxc.lxcpath = /no\n", "/var/lib/lxc" },
		{ "lxc.lxcpathx = /no\n", "/var/lib/lxc" },
		{ "lxc.lxcpath =\nlxc.lxcpath = /second\n", "/second" },
		{ "lxc.lxcpath = /\n", "/" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		is_text(lxc_path_of(slice_of(cases[i][0]), &arena), cases[i][1], "lxc.lxcpath");
}

static void names(void)
{
	struct slice path = SLICE("/var/lib/lxc"), web = SLICE("web1");
	char name[400] = { 0 };

	is_text(lxc_profile_name(web, path, &arena), "lxc-web1_</var/lib/lxc>", "profile name");
	is_text(lxc_profile_file(web, path, &arena), "lxc-web1_<-var-lib-lxc>", "file name");
	is_text(lxc_label(web, path, false, &arena), "lxc-web1_</var/lib/lxc>", "label");
	is_text(lxc_label(web, path, true, &arena),
		"lxc-web1_</var/lib/lxc>//&:lxc-web1_<-var-lib-lxc>:", "stacked label");
	memset(name, 'a', 227);
	is_num(lxc_profile_name(slice_of(name), path, &arena).len, 246, "a name of 246 bytes is kept");
	memset(name, 'a', 228);
	/* FNV-1a 64 of "lxc-" "a"*228 "_</var/lib/lxc>", by another implementation */
	is_text(lxc_profile_name(slice_of(name), path, &arena), "6f4db6e3a306a764", "one of 247 bytes is hashed");
	ok(slice_eq(lxc_profile_file(slice_of(name), path, &arena), lxc_profile_name(slice_of(name), path, &arena)),
	   "and so is its file");
	is_text(lxc_profile_file(SLICE("a b\"*"), SLICE("/x/y"), &arena), "lxc-a b\"*_<-x-y>", "odd names are data");
}

static void sockets(void)
{
	struct slice path = SLICE("/var/lib/lxc");
	char name[400] = { 0 };

	is_text(lxc_socket(SLICE("web1"), path, &arena), "/var/lib/lxc/web1/command", "socket");
	memset(name, 'a', 84);
	is_num(lxc_socket(slice_of(name), path, &arena).len, 105, "the longest plain name");
	memset(name, 'a', 85);
	is_text(lxc_socket(slice_of(name), path, &arena), "lxc/a807244bea323305/command", "a longer one is hashed");
}

/* Law: an edit of one entry leaves every other byte, and every other setting, as it was. */
static bool law_edit(const char *text)
{
	struct lxc_config before = read_text(text), after;
	AUTOBUF with = { 0 }, back = { 0 };
	struct slice line = SLICE("lxc.apparmor.raw = priority=1 /sys/net/** w,");
	struct keyval kv;
	bool good = !err_is_set(&err);
	size_t count;

	keyval_parse(&kv, slice_of(text), KEYVAL_LXC, &arena);
	keyval_insert(&kv, kv.count, line, &with);
	after = read_text(buf_str(&with));
	good = good && after.raw.count == before.raw.count + 1 && !err_is_set(&err);
	good = good && slice_eq(after.raw.items[before.raw.count].value, SLICE("priority=1 /sys/net/** w,"));
	good = good && after.generated == before.generated && after.nesting == before.nesting &&
	       slice_eq(after.profile.value, before.profile.value) && slice_eq(after.uts_name, before.uts_name) &&
	       after.mount_entries.count == before.mount_entries.count;
	good = good && slice_starts(buf_slice(&with), text);
	keyval_parse(&kv, buf_slice(&with), KEYVAL_LXC, &arena);
	count = kv.count;
	keyval_without(&kv, count - 1, &back);
	return good && slice_starts(buf_slice(&back), text) && back.len - strlen(text) <= 2;
}

/* 3 * 3 * 3 * 3 * 2 = 162 files. */
static void law_of_edits(void)
{
	static const char *const eol[] = { "\n", "\r\n", "\n\n" };
	static const char *const profile[] = { "", "lxc.apparmor.profile = generated", "lxc.apparmor.profile=\"a b\"" };
	static const char *const raw[] = { "# nothing", "lxc.apparmor.raw = deny /x w,", "\tlxc.apparmor.raw =" };
	static const char *const other[] = { "lxc.uts.name = w", "garbage = 1", "lxc.mount.entry = a b none bind 0 0" };
	int bad = 0, done = 0;

	for (int i = 0; i < 162; i++) {
		const char *e = eol[i % 3];
		AUTOBUF text = { 0 };

		buf_addf(&text, "%s%s%s%s%s%s", profile[i / 3 % 3], e, raw[i / 9 % 3], e, other[i / 27 % 3],
			 i / 81 ? e : "");
		bad += !law_edit(buf_str(&text));
		done++;
	}
	is_num(bad, 0, "law: an edit of an LXC file leaves every other byte and setting");
	ok(done > 100, "over a hundred files");
}

static void print_list(const char *key, struct lxc_list list, bool lines)
{
	printf("%s =", key);
	for (size_t i = 0; i < list.count; i++)
		printf("%s%.*s\n", i ? "" : " ", SLICE_FMT(list.items[i].value));
	if (lines || list.count == 0)
		printf("\n");
}

static int show(const char *dir, const char *path)
{
	struct lxc_config c;
	struct root root;

	if (root_open(&root, dir, &err) < 0)
		return 2;
	const struct policy_reader reader = { &root, reader_disk };
	if (lxc_read(&c, &reader, path, &arena, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	printf("lxc.apparmor.profile =%s%.*s\n", c.profile.value.len ? " " : "", SLICE_FMT(c.profile.value));
	printf("lxc.apparmor.allow_nesting = %d\n", c.nesting);
	print_list("lxc.apparmor.raw", c.raw, true);
	print_list("lxc.hook.start-host", c.start_host, true);
	print_list("lxc.mount.entry", c.mount_entries, true);
	print_list("lxc.idmap", c.idmaps, false);
	printf("lxc.hook.version = %d\n", c.hook_version);
	printf("lxc.uts.name =%s%.*s\n", c.uts_name.len ? " " : "", SLICE_FMT(c.uts_name));
	root_release(&root);
	arena_release(&arena);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "show") == 0)
		return show(argv[2], argv[3]);
	the_last_single_value_counts();
	lists_append_and_reset();
	legacy_keys_are_known();
	quotes_line_ends_and_nul();
	includes_are_obeyed_where_they_stand();
	directory_order();
	what_liblxc_refuses();
	hostile_includes_end();
	lines_of_proxmox();
	hidden_apparmor();
	lxcpath();
	names();
	sockets();
	law_of_edits();
	arena_release(&arena);
	return tap_done();
}
