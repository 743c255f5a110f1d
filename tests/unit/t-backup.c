/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <sys/xattr.h>

#include <nestfix/backup.h>

#include "../lib/fault.h"
#include "../lib/tap.h"
#include "../lib/tmp.h"

static struct root root;
static const char acl_name[] = "system.posix_acl_access";

/* rw for the owner, r for uid 1234, r for the group, r as mask, nothing for others (linux/posix_acl_xattr.h). */
static const unsigned char acl[] = { 2, 0,   0,   0,   1,   0,   6,  0, 255, 255, 255, 255, 2,   0,  4,
				     0, 210, 4,   0,   0,   4,   0,  4, 0,   255, 255, 255, 255, 16, 0,
				     4, 0,   255, 255, 255, 255, 32, 0, 0,   0,   255, 255, 255, 255 };

static const char base_text[] = "# a\n  deny /sys/x wklx,\nlast\n";

/* The change that most tests make: one edit in a file with a name of any bytes, and one new file. */
static struct backup_edit base_edits[] = {
	{ 6, { "deny /sys/x wklx,", 17 }, { "deny /sys/x klx,\n  deny /sys/y w,", 33 } }
};
static struct backup_edit new_edits[] = { { 0, { "", 0 }, { "created\n", 8 } } };
static struct backup_edit odd_edits[] = { { 1, { "\0\xff", 2 }, { "\xfe\0\xc3", 3 } } };
static struct backup_file files[] = {
	{ .path = "/etc/base", .existed = true, .edits = base_edits, .edit_count = 1 },
	{ .path = "/etc/new", .existed = false, .edits = new_edits, .edit_count = 1 },
	{ .path = "/etc/odd \xc3\xa9 \xff\"", .existed = true, .edits = odd_edits, .edit_count = 1 },
};
static struct slice names[] = { { "runc-detached-procfs", 20 }, { "a\xff", 2 } };
static struct slice reload[] = { { "/etc/base", 9 } };

static bool xattrs;

static void set_stage(void)
{
	struct timespec old[2] = { { .tv_sec = 5 }, { .tv_sec = 1000, .tv_nsec = 123456789 } };

	unlink(tmp_path("/etc/new"));
	unlink(tmp_path("/etc/base"));
	tmp_write("/etc/base", base_text, sizeof base_text - 1, 0644);
	if (geteuid() == 0 && chown(tmp_path("/etc/base"), 0, 222) != 0)
		perror("chown");
	xattrs = setxattr(tmp_path("/etc/base"), "user.note", "a\0\xff", 3, 0) == 0 &&
		 setxattr(tmp_path("/etc/base"), acl_name, acl, sizeof acl, 0) == 0;
	utimensat(AT_FDCWD, tmp_path("/etc/base"), old, 0);
	tmp_write(files[2].path, "x\0\xffy", 4, 0600);
}

static struct backup plan(void)
{
	return (struct backup){ .conflicts = { names, 2 }, .files = files, .file_count = 3, .reload = { reload, 1 } };
}

/* What commit would do; whether it did shows in the files. */
static void apply_change(const struct backup *b)
{
	struct atomic_attr attr = { .mode = 0644, .uid = geteuid(), .gid = getegid() };

	for (size_t i = 0; i < b->file_count; i++) {
		AUTOBUF after = { 0 };

		backup_after(&b->files[i], &after);
		atomic_replace(&root, b->files[i].path, ATOMIC_ANY, buf_slice(&after), &attr, NULL);
	}
}

static enum backup_look look(const struct backup_file *file)
{
	AUTOARENA arena = { 0 };
	struct file now;

	if (fsio_read(&root, file->path, FSIO_LIMIT_POLICY, &arena, &now, NULL) != 0)
		return backup_look(file, NULL);
	return backup_look(file, &now.bytes);
}

static void what_is_restored_is_exact(void)
{
	AUTOARENA arena = { 0 };
	struct err err = { 0 };
	struct backup b = plan(), read;
	struct stat before, after;
	char value[256];

	set_stage();
	stat(tmp_path("/etc/base"), &before);
	ok(backup_make(&root, &b, &arena, &err) == 0, "a backup is made");
	if (err_is_set(&err))
		printf("# %s\n", err.text);
	ok(backup_is_id(b.id) && b.state == BACKUP_PREPARED, "  with an ID, prepared");
	apply_change(&b);
	is_text(slice_of(tmp_read("/etc/base")), "# a\n  deny /sys/x klx,\n  deny /sys/y w,\nlast\n",
		"the change is written");
	ok(backup_read(&root, b.id, &arena, &read, &err) == 0 && read.file_count == 3, "the backup is read");
	ok(strcmp(read.files[2].path, files[2].path) == 0 && slice_eq(read.files[2].edits[0].new_, odd_edits[0].new_),
	   "  any bytes survive");
	ok(slice_eq(read.conflicts.ptr[1], names[1]) && slice_is(read.reload.ptr[0], "/etc/base"), "  and the names");
	ok(look(&read.files[0]) == BACKUP_AS_LEFT && look(&read.files[1]) == BACKUP_AS_LEFT,
	   "the files are as we left them");
	for (size_t i = 0; i < 3; i++)
		ok(backup_restore(&root, &read.files[i], ATOMIC_ANY, &err) == 0, "a file is restored");
	is_text(slice_of(tmp_read("/etc/base")), base_text, "the content is back");
	ok(access(tmp_path("/etc/new"), F_OK) != 0, "what was created is gone");
	ok(look(&read.files[0]) == BACKUP_AS_BEFORE && look(&read.files[1]) == BACKUP_AS_BEFORE &&
	       look(&read.files[2]) == BACKUP_AS_BEFORE,
	   "the files are as before");
	stat(tmp_path("/etc/base"), &after);
	ok(before.st_uid == after.st_uid && before.st_gid == after.st_gid && before.st_mode == after.st_mode,
	   "owner and mode are back");
	ok(after.st_mtim.tv_sec == 1000 && after.st_mtim.tv_nsec == 123456789, "the time is back, to the nanosecond");
	if (!xattrs) {
		tap_skip("xattrs and ACLs are back", "THIS FILE SYSTEM HAS NO USER XATTRS OR ACLS");
		return;
	}
	ok(getxattr(tmp_path("/etc/base"), "user.note", value, sizeof value) == 3 && memcmp(value, "a\0\xff", 3) == 0,
	   "the xattr is back");
	ok(getxattr(tmp_path("/etc/base"), acl_name, value, sizeof value) == sizeof acl &&
	       memcmp(value, acl, sizeof acl) == 0,
	   "the ACL is back");
}

/* A file that is gone comes back with all it had, from the archive alone. */
static void a_removed_file_comes_back(void)
{
	AUTOARENA arena = { 0 };
	struct backup b = plan();
	struct stat st;
	char value[8];

	set_stage();
	ok(backup_make(&root, &b, &arena, NULL) == 0, "a backup");
	unlink(tmp_path("/etc/base"));
	ok(look(&b.files[0]) == BACKUP_EDITED, "a removed file is seen");
	ok(backup_restore(&root, &b.files[0], ATOMIC_ANY, NULL) == 0, "  and can be restored");
	ok(stat(tmp_path("/etc/base"), &st) == 0 && st.st_mtim.tv_sec == 1000 &&
	       (!xattrs || getxattr(tmp_path("/etc/base"), "user.note", value, sizeof value) == 3),
	   "  with what it had");
}

/* What a change took away: its absence is what we left; whatever stands there since is somebody else's. */
static void a_file_that_was_taken_away_comes_back(void)
{
	AUTOARENA arena = { 0 };
	AUTOBUF kept = { 0 };
	struct backup_edit all = { 0, SLICE(base_text), SLICE("") };
	struct backup_file file = {
		.path = "/etc/base", .existed = true, .removed = true, .edits = &all, .edit_count = 1
	};
	struct backup b = { .conflicts = { names, 2 }, .files = &file, .file_count = 1 }, read;
	struct slice other = SLICE("of somebody else\n");

	set_stage();
	if (!ok(backup_make(&root, &b, &arena, NULL) == 0 && backup_read(&root, b.id, &arena, &read, NULL) == 0,
		"a backup of a file that is taken away"))
		return;
	ok(read.files[0].removed && look(&read.files[0]) == BACKUP_AS_BEFORE, "it is there: as before");
	unlink(tmp_path("/etc/base"));
	ok(look(&read.files[0]) == BACKUP_AS_LEFT, "it is not: as we left it");
	tmp_write("/etc/base", "", 0, 0644);
	ok(look(&read.files[0]) == BACKUP_EDITED, "an empty one is not what we left");
	ok(backup_take_out(&read.files[0], other, &kept, NULL) == 0 && slice_eq(buf_slice(&kept), other),
	   "what stands there since is kept");
	ok(backup_restore(&root, &read.files[0], ATOMIC_ANY, NULL) == 0, "it is restored");
	is_text(slice_of(tmp_read("/etc/base")), base_text, "  with its content");
}

static void a_file_with_two_names_is_refused(void)
{
	AUTOARENA arena = { 0 };
	struct err err = { 0 };
	struct backup b;

	set_stage();
	b = plan();
	ok(link(tmp_path("/etc/base"), tmp_path("/etc/twin")) == 0, "a second name");
	ok(backup_make(&root, &b, &arena, &err) == -1 && err.kind == ERR_REFUSED,
	   "a file with two names is not changed");
	is_err(&err, "has another name, which would keep the old content", "  and it is told why");
	ok(strstr(err.hint, "find / -xdev -samefile '/etc/base'"), "  and how to find it");
	unlink(tmp_path("/etc/twin"));
}

static void the_folder_must_be_private(void)
{
	AUTOARENA arena = { 0 };
	struct err err = { 0 };
	struct backup b, *list;
	size_t count;

	set_stage();
	b = plan();
	chmod(tmp_path("/var/lib/aa-nestfix/backups"), 0750);
	ok(backup_make(&root, &b, &arena, &err) == -1 && err.kind == ERR_REFUSED, "a folder that lets others in");
	is_err(&err, "its mode 0750 lets others in", "  is told");
	ok(backup_list(&root, &arena, &list, &count, NULL) == -1, "  nor are backups read from it");
	chmod(tmp_path("/var/lib/aa-nestfix/backups"), 0700);
	if (geteuid() != 0 || chown(tmp_path("/var/lib/aa-nestfix/backups"), 12345, 0) != 0) {
		tap_skip("a folder of somebody else's", "needs root");
		return;
	}
	err_clear(&err);
	ok(backup_make(&root, &b, &arena, &err) == -1 && err.kind == ERR_REFUSED, "a folder of somebody else's");
	is_err(&err, "belongs to uid 12345", "  is told");
	ok(chown(tmp_path("/var/lib/aa-nestfix/backups"), 0, 0) == 0, "chown");
}

static void states_and_order(void)
{
	AUTOARENA arena = { 0 };
	struct err err = { 0 };
	struct backup b = plan(), c = plan(), *list;
	struct stat st;
	size_t count, before;

	set_stage();
	ok(backup_list(&root, &arena, &list, &before, NULL) == 0, "list");
	ok(backup_make(&root, &b, &arena, NULL) == 0 && backup_make(&root, &c, &arena, NULL) == 0,
	   "two within a second");
	ok(strcmp(b.id, c.id) != 0, "  have different IDs");
	tmp_write("/var/lib/aa-nestfix/backups/99990101T000000Z-9.json", "{}", 2, 0600);
	ok(backup_make(&root, &c, &arena, NULL) == 0, "one where the clock went back");
	is_text(slice_of(c.id), "99990101T000000Z-10", "  still sorts last");
	ok(backup_mark(&root, b.id, BACKUP_IN_FORCE, &err) == 0, "mark");
	ok(backup_mark(&root, c.id, BACKUP_UNDONE, &err) == 0, "mark");
	ok(backup_list(&root, &arena, &list, &count, NULL) == 0 && count == before + 4, "all are listed");
	ok(strcmp(list[before].id, b.id) == 0 && list[before].state == BACKUP_IN_FORCE && !list[before].undone,
	   "  oldest first, in force");
	ok(list[count - 2].state == BACKUP_DAMAGED && strstr(list[count - 2].damage, "not one of aa-nestfix"),
	   "  a damaged one as such");
	ok(strcmp(list[count - 1].id, c.id) == 0 && list[count - 1].state == BACKUP_UNDONE && list[count - 1].undone,
	   "  number 10 behind number 9, undone with its time");
	ok(stat(tmp_path("/var/lib/aa-nestfix/backups"), &st) == 0 && (st.st_mode & 07777) == 0700,
	   "the folder is private");
	ok(backup_sweep(&root, &err) == 0, "sweep");
	ok(backup_list(&root, &arena, &list, &count, NULL) == 0 && count == 3, "  takes only what was prepared");
	ok(strcmp(list[0].id, b.id) == 0, "  and leaves what is in force");
	ok(backup_discard(&root, b.id, NULL) == 0 && backup_discard(&root, b.id, NULL) == 0, "discard, twice");
	ok(backup_read(&root, b.id, &arena, &b, &err) == -1 && err.kind == ERR_USAGE, "a discarded one is not there");
	backup_discard(&root, c.id, NULL);
	backup_discard(&root, "99990101T000000Z-9", NULL);
}

/* 0.1 wrote no kinds. */
static void an_older_manifest_has_no_kinds(void)
{
	struct slice asked[] = { { "net", 3 }, { "/etc/odd", 8 } };
	struct backup b = plan(), read;
	AUTOARENA arena = { 0 };
	AUTOBUF text = { 0 };
	struct slice rest, line;
	const char *path;

	b.scopes = (struct backup_names){ asked, 1 };
	b.holds = (struct backup_names){ asked + 1, 1 };
	b.everywhere = true;
	files[0].kind = BACKUP_POLICY;
	if (!ok(backup_make(&root, &b, &arena, NULL) == 0, "a change of scopes"))
		return;
	ok(b.everywhere && b.holds.len == 1 && slice_is(b.holds.ptr[0], "/etc/odd"), "  what it holds is read back");
	ok(b.files[0].kind == BACKUP_POLICY && b.files[1].kind == BACKUP_CONFIG, "  and the kind of each file");
	path = arena_printf(&arena, BACKUP_DIR "/%s.json", b.id);
	for (rest = slice_of(tmp_read(path)); rest.len > 0; rest = slice_from(rest, line.len + 1)) {
		line = slice_sub(rest, 0, slice_find(rest, '\n'));
		if (!memmem(line.ptr, line.len, "\"kind\"", 6))
			buf_addf(&text, "%.*s\n", SLICE_FMT(line));
	}
	tmp_write(path, text.ptr, text.len, 0600);
	ok(backup_read(&root, b.id, &arena, &read, NULL) == 0 && read.files[0].kind == BACKUP_POLICY,
	   "  which is policy where none is told");
	backup_discard(&root, b.id, NULL);
	files[0].kind = BACKUP_CONFIG;
}

static void sweep_takes_torn_backups(void)
{
	AUTOARENA arena = { 0 };
	struct slice *left;
	size_t count;

	tmp_write("/var/lib/aa-nestfix/backups/20200101T000000Z.tar", "torn", 4, 0600);
	tmp_write("/var/lib/aa-nestfix/backups/.20200101T000000Z.json.aa-nestfix-abcdef", "torn", 4, 0600);
	tmp_write("/var/lib/aa-nestfix/backups/README", "mine", 4, 0600);
	ok(backup_sweep(&root, NULL) == 0, "sweep");
	ok(fsio_list(&root, BACKUP_DIR, &arena, &left, &count, NULL) == 0 && count == 1 && slice_is(left[0], "README"),
	   "  takes archives without manifest and hidden files, nothing else");
}

/* Behind it stands a manifest: no killed run left it so, and it may hold what a change that is in force found. */
static void an_archive_whose_manifest_is_gone_is_kept(void)
{
	AUTOARENA arena = { 0 };
	struct err err = { 0 };
	struct backup first = plan(), second = plan(), *list;
	const char *json, *tar;
	size_t count;

	set_stage();
	if (!ok(backup_make(&root, &first, &arena, &err) == 0 &&
		    backup_mark(&root, first.id, BACKUP_IN_FORCE, &err) == 0 &&
		    backup_make(&root, &second, &arena, &err) == 0 &&
		    backup_mark(&root, second.id, BACKUP_IN_FORCE, &err) == 0,
		"two backups"))
		return;
	json = arena_printf(&arena, "%s/%s.json", BACKUP_DIR, first.id);
	tar = arena_printf(&arena, "%s/%s.tar", BACKUP_DIR, first.id);
	unlink(tmp_path(json));
	ok(backup_list(&root, &arena, &list, &count, &err) == 0 && count == 2 && strcmp(list[0].id, first.id) == 0 &&
	       list[0].state == BACKUP_DAMAGED && strstr(list[0].damage, json),
	   "an archive before others whose manifest is gone is listed as damaged");
	ok(backup_sweep(&root, &err) == 0 && access(tmp_path(tar), F_OK) == 0, "  and kept");
	unlink(tmp_path(arena_printf(&arena, "%s/%s.json", BACKUP_DIR, second.id)));
	ok(backup_list(&root, &arena, &list, &count, &err) == 0 && count == 0,
	   "one behind all others is a killed run's");
	ok(backup_sweep(&root, &err) == 0 && access(tmp_path(tar), F_OK) != 0, "  and cleared away");
	set_stage();
}

static void check_not_planned(struct backup_file *file, const char *part, const char *what)
{
	AUTOARENA arena = { 0 };
	struct err err = { 0 };
	struct backup b = { .files = file, .file_count = 1 };
	struct slice *left;
	size_t count;

	set_stage();
	ok(backup_make(&root, &b, &arena, &err) == -1, what);
	is_err(&err, part, "  is told");
	ok(fsio_list(&root, BACKUP_DIR, &arena, &left, &count, NULL) == 0 && count == 1, "  and leaves nothing behind");
}

static void only_what_was_planned(void)
{
	struct backup_edit wrong = { 6, { "deny /sys/y", 11 }, { "", 0 } }, beyond = { 1000, { "", 0 }, { "x", 1 } };
	struct backup_edit overlap[] = { { 2, { "a\n  d", 5 }, { "", 0 } }, { 4, { "  ", 2 }, { "", 0 } } };

	check_not_planned(
	    &(struct backup_file){ .path = "/etc/base", .existed = true, .edits = &wrong, .edit_count = 1 },
	    "it changed since", "another text at the place");
	check_not_planned(
	    &(struct backup_file){ .path = "/etc/base", .existed = true, .edits = &beyond, .edit_count = 1 },
	    "it changed since", "a place beyond the end");
	check_not_planned(
	    &(struct backup_file){ .path = "/etc/base", .existed = true, .edits = overlap, .edit_count = 2 },
	    "it changed since", "edits that overlap");
	check_not_planned(
	    &(struct backup_file){ .path = "/etc/none", .existed = true, .edits = &wrong, .edit_count = 1 },
	    "it was removed since", "a file that is gone");
	check_not_planned(&(struct backup_file){ .path = "/etc/base", .edits = new_edits, .edit_count = 1 },
			  "it was created since", "a file that is there already");
	check_not_planned(&(struct backup_file){ .path = "/etc/../etc/base", .existed = true },
			  "no clean absolute path", "a path with ..");
	ok(symlink("base", tmp_path("/etc/link")) == 0, "symlink");
	check_not_planned(&(struct backup_file){ .path = "/etc/link", .existed = true }, "is a symlink", "a symlink");
}

/* Writes an archive of one entry over that of a backup. */
static void forge(const char *id, const char *name, unsigned type, const char *link, const char *text)
{
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	AUTOARENA arena = { 0 };

	archive_write_set_format_pax(a);
	archive_write_open_filename(a, tmp_path(arena_printf(&arena, "%s/%s.tar", BACKUP_DIR, id)));
	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, type);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_size(e, type == AE_IFREG ? (la_int64_t)strlen(text) : 0);
	if (link && type == AE_IFLNK)
		archive_entry_set_symlink(e, link);
	else if (link)
		archive_entry_set_hardlink(e, link);
	archive_write_header(a, e);
	archive_write_data(a, text, strlen(text));
	archive_entry_free(e);
	archive_write_free(a);
}

static void check_refused(const char *id, const char *part, const char *what)
{
	AUTOARENA arena = { 0 };
	struct err err = { 0 };
	struct backup b;

	ok(backup_read(&root, id, &arena, &b, &err) == -1 && err.kind == ERR_REFUSED, what);
	is_err(&err, part, "  is refused");
}

static void forged_archives_are_refused(void)
{
	AUTOARENA arena = { 0 };
	struct backup b = { .files = files, .file_count = 1 };
	static const char zeros[1024];
	const char *tar;
	char *text;

	set_stage();
	ok(backup_make(&root, &b, &arena, NULL) == 0, "a backup");
	tar = arena_printf(&arena, "%s/%s.tar", BACKUP_DIR, b.id);
	forge(b.id, "etc/base", AE_IFREG, NULL, base_text);
	ok(backup_read(&root, b.id, &arena, &b, NULL) == 0, "a forged archive that fits is read: the test works");
	forge(b.id, "/etc/base", AE_IFREG, NULL, base_text);
	check_refused(b.id, "other files", "an absolute name");
	forge(b.id, "etc/../etc/base", AE_IFREG, NULL, base_text);
	check_refused(b.id, "other files", "a name with ..");
	forge(b.id, "etc/shadow", AE_IFREG, NULL, base_text);
	check_refused(b.id, "other files", "another name");
	forge(b.id, "etc/base", AE_IFLNK, "/etc/shadow", "");
	check_refused(b.id, "no regular file", "a symlink");
	forge(b.id, "etc/base", AE_IFREG, "etc/shadow", "");
	check_refused(b.id, "no regular file", "a hard link");
	forge(b.id, "etc/base", AE_IFDIR, NULL, "");
	check_refused(b.id, "other files", "a directory");
	forge(b.id, "etc/base", AE_IFREG, NULL, "# a\n  deny /sys/z wklx,\n");
	check_refused(b.id, "disagree", "a content that does not fit the manifest");
	tmp_write(tar, "", 0, 0600);
	check_refused(b.id, "cannot be read", "an empty file");
	tmp_write(tar, zeros, sizeof zeros, 0600);
	check_refused(b.id, "a file is missing", "an empty archive");
	tmp_write(tar, "no tar", 6, 0600);
	check_refused(b.id, "cannot be read", "something else");
	forge(b.id, "etc/base", AE_IFREG, NULL, base_text);
	text = tmp_path(tar);
	ok(truncate(text, 1030) == 0, "truncate");
	check_refused(b.id, "its archive", "a torn archive");
	tmp_write(tar, "", 0, 0666);
	check_refused(b.id, "lets everybody write", "an archive that others may write");
	backup_discard(&root, b.id, NULL);
}

static void forged_manifests_are_refused(void)
{
#define HEAD                                                                                                           \
	"{\"version\":1,\"id\":\"20200101T000000Z\",\"time\":\"t\",\"tool\":\"1\",\"state\":\"in "                     \
	"force\",\"conflicts\":[],"                                                                                    \
	"\"scopes\":[],\"profiles\":[],\"reload\":[],\"files\":"
	static const char *const bad[] = {
		"",
		"[]",
		"{\"version\":0}",
		HEAD "{}}",
		HEAD "[1]}",
		HEAD "[{\"path\":\"etc/x\",\"existed\":true,\"edits\":[]}]}",
		HEAD "[{\"path\":\"/etc/../x\",\"existed\":true,\"edits\":[]}]}",
		HEAD "[{\"path\":\"/etc/x\\u0000y\",\"existed\":true,\"edits\":[]}]}",
		HEAD "[{\"path\":\"/etc/x\",\"existed\":1,\"edits\":[]}]}",
		HEAD "[{\"path\":\"/etc/x\",\"existed\":false,\"edits\":[]}]}",
		HEAD "[{\"path\":\"/etc/"
		     "x\",\"existed\":false,\"edits\":[{\"at\":1,\"length\":0,\"old\":\"\",\"new\":\"x\"}]}]}",
		HEAD "[{\"path\":\"/etc/"
		     "x\",\"existed\":false,\"edits\":[{\"at\":-1,\"length\":0,\"old\":\"\",\"new\":\"x\"}]}]}",
		HEAD "[{\"path\":\"/etc/"
		     "x\",\"existed\":true,\"edits\":[{\"at\":0,\"length\":2,\"old\":\"x\",\"new\":\"\"}]}]}",
		HEAD "[{\"path\":\"/etc/"
		     "x\",\"existed\":true,\"edits\":[{\"at\":0,\"length\":1,\"old\":{\"hex\":\"4\"},\"new\":\"\"}]}]}",
		HEAD
		"[{\"path\":\"/etc/"
		"x\",\"existed\":true,\"edits\":[{\"at\":0,\"length\":1,\"old\":{\"hex\":\"zz\"},\"new\":\"\"}]}]}",
		"{\"version\":1,\"id\":\"20200101T000000Z-2\",\"files\":[]}",
		"{\"version\":1,\"version\":1}",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		tmp_write("/var/lib/aa-nestfix/backups/20200101T000000Z.json", bad[i], strlen(bad[i]), 0600);
		check_refused("20200101T000000Z", "its manifest is not", bad[i]);
		ok(backup_mark(&root, "20200101T000000Z", BACKUP_UNDONE, NULL) == -1 || i == 9 || i == 10,
		   "  nor marked");
	}
	tmp_write("/var/lib/aa-nestfix/backups/20200101T000000Z.json", HEAD "[]}", sizeof HEAD "[]}" - 1, 0600);
	check_refused("20200101T000000Z", "its archive is missing", "a missing archive");
	tmp_write("/var/lib/aa-nestfix/backups/20200101T000000Z.json", "{\"version\":2}", 13, 0600);
	check_refused("20200101T000000Z", "a newer aa-nestfix made it", "a later version");
	backup_discard(&root, "20200101T000000Z", NULL);
#undef HEAD
}

static void ids(void)
{
	struct backup b;
	struct err err = { 0 };
	AUTOARENA arena = { 0 };

	ok(backup_is_id("20261121T213455Z") && backup_is_id("20261121T213455Z-2"), "IDs");
	ok(!backup_is_id("") && !backup_is_id("20261121T213455Z-") && !backup_is_id("20261121T213455Z-0") &&
	       !backup_is_id("20261121T213455Z.") && !backup_is_id("../../../../etc/x") &&
	       !backup_is_id("20261121T213455Z/x") && !backup_is_id("20261121T213455Z-2x") &&
	       !backup_is_id("20261121T213455Z-99999"),
	   "no IDs");
	ok(backup_read(&root, "../../../etc/passwd", &arena, &b, &err) == -1 && err.kind == ERR_USAGE,
	   "no path gets through");
	ok(strstr(err.hint, "--list"), "  and the hint shows the list");
}

/* ---- the pure part ---- */

static void check_take_out(const char *old, struct backup_edit *edits, size_t n, const char *now, const char *want,
			   const char *what)
{
	struct backup_file file = {
		.path = "/f", .existed = true, .edits = edits, .edit_count = n, .content = slice_of(old)
	};
	AUTOBUF out = { 0 };
	struct err err = { 0 };
	int r = backup_take_out(&file, slice_of(now), &out, &err);

	if (want) {
		ok(r == 0, what);
		is_text(buf_slice(&out), want, "  leaves the rest");
		return;
	}
	ok(r == -1 && err.kind == ERR_REFUSED && out.len == 0, what);
	is_err(&err, "cannot take our change out of '/f': ", "  is told");
	ok(strstr(err.hint, "edit it by hand"), "  with the steps by hand");
}

static void takes_out_only_our_change(void)
{
	const char *old = "# top\n  deny x,\nend\n", *left = "# top\n  deny y,\n  deny z,\nend\n";
	struct backup_edit one[] = { { 8, SLICE("deny x,"), SLICE("deny y,\n  deny z,") } };
	AUTOBUF after = { 0 };
	struct backup_file file = { .existed = true, .edits = one, .edit_count = 1, .content = slice_of(old) };

	backup_after(&file, &after);
	is_text(buf_slice(&after), left, "what the change left");
	check_take_out(old, one, 1, left, old, "nothing edited");
	check_take_out(old, one, 1, "# mine\nnew,\n  deny y,\n  deny z, # why\nEND\n",
		       "# mine\nnew,\n  deny x, # why\nEND\n", "edits before, behind and after");
	check_take_out(old, one, 1, "    deny y,\n  deny z,\n", "    deny x,\n", "another indentation");
	check_take_out(old, one, 1, "mine\n  deny x,\n", "mine\n  deny x,\n", "taken back by hand already");
	check_take_out(old, one, 1, "mine\n  # deny x,\n", NULL, "the old text in a comment");
	check_take_out(old, one, 1, "  deny x,\n  deny y,\n", NULL, "taken back by hand, but for a line");
	check_take_out(old, one, 1, "# top\n  deny y,\nend\n", NULL, "half of our text is gone");
	check_take_out(old, one, 1, "", NULL, "all is gone");
	check_take_out(old, one, 1, "  deny y,\n  deny z,\n  deny y,\n  deny z,\n", NULL,
		       "our text stands there twice");
	check_take_out(old, one, 1, "  # deny y,\n  deny z,\n", NULL, "its first line was made a comment");
	check_take_out(old, one, 1, "  deny y,\r\n  deny z,\r\n", NULL, "other line ends");
}

static void takes_out_several_edits(void)
{
	struct backup_edit two[] = { { 0, SLICE("aaa"), SLICE("AA") }, { 4, SLICE("bbb"), SLICE("BBBBB") } };
	struct backup_edit same[] = { { 0, SLICE("a1"), SLICE("X") }, { 3, SLICE("a2"), SLICE("X") } };
	struct backup_edit inside[] = { { 0, SLICE("a"), SLICE("XX") }, { 2, SLICE("b"), SLICE("aXXa") } };
	struct backup_edit removal[] = { { 2, SLICE("bb"), SLICE("") } };
	struct backup_edit insertion[] = { { 2, SLICE(""), SLICE("new\n") } };

	check_take_out("aaa\nbbb\n", two, 2, "x\nAA\ny\nBBBBB\n", "x\naaa\ny\nbbb\n", "two edits");
	check_take_out("aaa\nbbb\n", two, 2, "x\naaa\ny\nBBBBB\n", "x\naaa\ny\nbbb\n", "one of two is back already");
	check_take_out("aaa\nbbb\n", two, 2, "BBBBB\nAA\n", "bbb\naaa\n", "two edits in another order");
	check_take_out("aaa\nbbb\n", two, 2, "AA\n", NULL, "one of two is gone");
	check_take_out("a1\na2\n", same, 2, "X\nmine\nX\n", "a1\nmine\na2\n", "two edits with the same text");
	check_take_out("a1\na2\n", same, 2, "X\n", NULL, "  of which one is gone");
	check_take_out("a\nb\n", inside, 2, "XX\naXXa\n!", NULL, "a text within another is not guessed at");
	check_take_out("a\nbb\nc\n", removal, 1, "a\n\nc\n!", NULL, "a removal cannot be found again");
	check_take_out("a\nb\n", insertion, 1, "a\nnew\nb\n!", "a\nb\n!", "an insertion");
	check_take_out("a\nb\n", insertion, 1, "a\nb\n!", NULL, "an insertion that is gone leaves nothing to see");
}

static void a_created_file_that_was_edited_stays(void)
{
	struct backup_edit edit = { 0, SLICE(""), SLICE("ours\n") };
	struct backup_file file = { .path = "/f", .edits = &edit, .edit_count = 1 };
	struct slice ours = SLICE("ours\n"), edited = SLICE("ours\nmine\n");
	AUTOBUF out = { 0 };
	struct err err = { 0 };

	ok(backup_look(&file, NULL) == BACKUP_AS_BEFORE, "a created file that is gone is as before");
	ok(backup_look(&file, &ours) == BACKUP_AS_LEFT, "one with our content is as we left it");
	ok(backup_look(&file, &edited) == BACKUP_EDITED, "another content is an edit");
	ok(backup_take_out(&file, edited, &out, &err) == -1 && err.kind == ERR_REFUSED, "an edited one is not removed");
	ok(strstr(err.hint, "rm '/f'"), "  and the hint says how to do it");
}

/* ---- with a fault at every call ---- */

/* Makes a backup, marks it, changes and restores a file, as commit does without a kernel. 1: an error was told. */
static int victim(const char *dir)
{
	AUTOARENA arena = { 0 };
	struct err err = { 0 };
	struct backup b = plan();

	if (root_open(&root, dir, &err) != 0)
		return 2;
	if (backup_make(&root, &b, &arena, &err) == 0) {
		apply_change(&b);
		if (backup_mark(&root, b.id, BACKUP_IN_FORCE, &err) == 0 &&
		    backup_restore(&root, &b.files[0], ATOMIC_ANY, &err) == 0 &&
		    backup_restore(&root, &b.files[1], ATOMIC_ANY, &err) == 0 &&
		    backup_restore(&root, &b.files[2], ATOMIC_ANY, &err) == 0)
			backup_mark(&root, b.id, BACKUP_UNDONE, &err);
	}
	arena_release(&arena);
	root_release(&root);
	return !err_is_set(&err) ? 0 : err.text[0] ? 1 : 2;
}

/*
 * What the next run finds: every listed backup can be read, and brings everything back. Where there is none, nothing
 * was changed.
 */
static bool stage_is_sound(void)
{
	AUTOARENA arena = { 0 };
	struct backup *list, b = { 0 };
	bool good = true;
	size_t count = 0;

	good &= backup_list(&root, &arena, &list, &count, NULL) == 0 && count <= 1;
	for (size_t i = 0; good && i < count; i++) {
		good &= backup_read(&root, list[i].id, &arena, &b, NULL) == 0;
		for (size_t k = 0; good && k < b.file_count; k++)
			good &= look(&b.files[k]) != BACKUP_EDITED &&
				backup_restore(&root, &b.files[k], ATOMIC_ANY, NULL) == 0;
		good &= backup_sweep_files(&root, &b, NULL) == 0 && backup_discard(&root, list[i].id, NULL) == 0;
	}
	good &= strcmp(tmp_read("/etc/base"), base_text) == 0 && access(tmp_path("/etc/new"), F_OK) != 0;
	return good && backup_sweep(&root, NULL) == 0;
}

static bool folder_is_empty(const char *path, size_t want)
{
	AUTOARENA arena = { 0 };
	struct slice *left;
	size_t count;

	return fsio_list(&root, path, &arena, &left, &count, NULL) == 0 && count == want;
}

static void every_call_may_fail(const char *lib, const char *what)
{
	bool kill = strncmp(what, "KILL", 4) == 0, sound = true;
	int n, told = 0, status = 0;

	for (n = 1; n < 400; n++) {
		bool good;

		set_stage();
		status = fault_run(lib, n, what);
		if (!strstr(tmp_read("/log"), " HIT"))
			break;
		told += WIFEXITED(status) && WEXITSTATUS(status) == 1;
		good = kill ? WIFSIGNALED(status) : WIFEXITED(status) && WEXITSTATUS(status) <= 1;
		good &= stage_is_sound() && folder_is_empty(BACKUP_DIR, 0);
		if (!good)
			printf("# %s at call %d: status %x, log:\n%s", what, n, (unsigned)status, tmp_read("/log"));
		sound &= good;
	}
	printf("# %s: %d calls, %d errors told\n", what, n - 1, told);
	ok(sound && n > 40, "whatever call fails, a backup is whole or absent, and brings all back");
	ok(status == 0 && n < 400, "and without a fault all is done");
	ok(kill ? told == 0 : told >= 20, "and failures are told");
	stage_is_sound();
}

static bool backups_are_whole(void)
{
	AUTOARENA arena = { 0 };
	struct backup *list, b;
	bool good;
	size_t count = 0;

	good = backup_list(&root, &arena, &list, &count, NULL) == 0;
	for (size_t i = 0; good && i < count; i++)
		good = backup_read(&root, list[i].id, &arena, &b, NULL) == 0 && b.files[0].xattr_count == 2;
	return good;
}

/* What cannot be read is not passed over: else a rollback would bring back less than was there. */
static void no_attribute_is_lost(const char *lib)
{
	int n, told = 0, status = 0;
	bool good = true;

	if (!xattrs) {
		tap_skip("attributes that cannot be read", "THIS FILE SYSTEM HAS NO USER XATTRS OR ACLS");
		return;
	}
	setenv("FAULT_ONLY", "fgetxattr,flistxattr", 1);
	for (n = 1; n < 100 && good; n++) {
		set_stage();
		status = fault_run(lib, n, "EIO");
		if (!strstr(tmp_read("/log"), " HIT"))
			break;
		told += WIFEXITED(status) && WEXITSTATUS(status) == 1;
		good = WIFEXITED(status) && WEXITSTATUS(status) <= 1 && backups_are_whole() && stage_is_sound();
		if (!good)
			printf("# EIO at attribute %d: status %x\n", n, (unsigned)status);
	}
	unsetenv("FAULT_ONLY");
	ok(good && n > 6, "no backup lacks an attribute that could not be read");
	ok(told > 4, "  which is told");
	stage_is_sound();
}

static void take_attribute(void)
{
	removexattr(tmp_path("/etc/base"), "user.note");
}

static void touch_file(void)
{
	utimensat(AT_FDCWD, tmp_path("/etc/base"), NULL, 0);
}

/* The sticky bit: no ACL, which is an attribute, changes with it. */
static void change_mode(void)
{
	struct stat st;

	if (stat(tmp_path("/etc/base"), &st) == 0)
		chmod(tmp_path("/etc/base"), (st.st_mode & 07777) | S_ISVTX);
}

static void give_to_user(void)
{
	if (chown(tmp_path("/etc/base"), 65534, (gid_t)-1) != 0)
		perror("chown");
}

static void give_to_group(void)
{
	if (chown(tmp_path("/etc/base"), (uid_t)-1, 65534) != 0)
		perror("chown");
}

/* As long as before, and with the time that it had. */
static void write_other_bytes(void)
{
	const char *path = tmp_path("/etc/base");
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && pwrite(fd, "!", 1, 0) == 1)
		futimens(fd, (const struct timespec[]){ st.st_atim, st.st_mtim });
	if (fd >= 0)
		close(fd);
}

/* The first fsync is the archive's: what it holds was written. */
static void what_was_kept_is_compared(const char *lib)
{
	static const struct {
		const char *what;
		void (*meddle)(void);
	} cases[] = { { "attribute", take_attribute }, { "time", touch_file },     { "mode", change_mode },
		      { "owner", give_to_user },       { "group", give_to_group }, { "content", write_other_bytes } };

	for (size_t i = xattrs ? 0 : 1; i < sizeof cases / sizeof *cases; i++) {
		int status;

		set_stage();
		status = fault_meddle(lib, 1, "fsync", cases[i].meddle);
		ok(WIFEXITED(status) && WEXITSTATUS(status) == 1,
		   "what differs from the archive keeps a change from beginning");
		printf("# %s\n", cases[i].what);
		ok(folder_is_empty(BACKUP_DIR, 0) && strcmp(tmp_read("/etc/base") + 1, base_text + 1) == 0,
		   "  and leaves no backup");
	}
}

static void faults(void)
{
	const char *lib = fault_lib();

	unlink(tmp_path("/var/lib/aa-nestfix/backups/README"));
	unlink(tmp_path("/etc/link"));
	if (!lib) {
		tap_skip("faults at every call", "fault.so IS NOT BUILT BESIDE THE FOLDER OF THIS TEST");
		return;
	}
	what_was_kept_is_compared(lib);
	no_attribute_is_lost(lib);
	every_call_may_fail(lib, "ENOSPC");
	every_call_may_fail(lib, "KILLAFTER");
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "victim") == 0)
		return victim(argv[2]);
	tmp_make();
	if (root_open(&root, tmp_dir, NULL) != 0)
		return 1;
	what_is_restored_is_exact();
	a_removed_file_comes_back();
	a_file_that_was_taken_away_comes_back();
	a_file_with_two_names_is_refused();
	the_folder_must_be_private();
	states_and_order();
	an_older_manifest_has_no_kinds();
	sweep_takes_torn_backups();
	an_archive_whose_manifest_is_gone_is_kept();
	only_what_was_planned();
	forged_archives_are_refused();
	forged_manifests_are_refused();
	ids();
	takes_out_only_our_change();
	takes_out_several_edits();
	a_created_file_that_was_edited_stays();
	faults();
	root_release(&root);
	tmp_remove();
	return tap_done();
}
