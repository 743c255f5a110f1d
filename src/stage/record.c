/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <nestfix/record.h>

#define RECORD_DIR "/var/lib/aa-nestfix/loaded"

static const char magic[] = "aa-nestfix loaded 1\n";

enum { LIMIT = 64 << 10 };

static const char *name_of(const char *path, struct arena *arena)
{
	AUTOKEY key = { 0 };

	cache_key_add(&key, slice_of(path));
	return arena_printf(arena, RECORD_DIR "/%s", cache_key_digest(&key, arena));
}

/* The bytes of a small file of procfs, or nothing. */
static void add_proc(struct cache_key *key, const char *path)
{
	AUTOCLOSE fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[1024];
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text);

	cache_key_add(key, (struct slice){ text, n > 0 ? (size_t)n : 0 });
}

/* When a process began: field 22 of proc_pid_stat(5), behind a name that may hold anything but ends with the last ')'.
 */
static void add_process(struct cache_key *key, int pid, struct arena *arena)
{
	AUTOCLOSE fd = open(arena_printf(arena, "/proc/%d/stat", pid), O_RDONLY | O_CLOEXEC);
	char text[2048];
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
	const char *at = n > 0 ? memrchr(text, ')', (size_t)n) : NULL;

	text[n > 0 ? n : 0] = '\0';
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	buf_addf(&key->parts, "%d", pid);
	cache_key_add(key, at ? (struct slice){ at + 1, strcspn(at + 1, " ") } : SLICE("-"));
}

void record_add(struct buf *text, const char *path, struct slice bytes)
{
	buf_addf(text, "%s %zu\n", path, bytes.len);
	buf_addslice(text, bytes);
}

/* Two states with one digest are one: the same text, of the same start. */
static const char *digest_of(const struct root *root, const struct record_of *of, struct arena *arena)
{
	AUTOCLOSE fd = -1;
	AUTOKEY key = { 0 };
	struct stat st;

	add_proc(&key, "/proc/sys/kernel/random/boot_id");
	cache_key_add(&key, of->text);
	if (of->live) { /* liblxc removes the file when the container stops */
		fd = fsio_open(root, of->path, O_PATH | O_NOFOLLOW, NULL);
		if (fd < 0 || fstat(fd, &st) < 0)
			return NULL;
		buf_addf(&key.parts, "%llu %lld.%09ld", (unsigned long long)st.st_ino, (long long)st.st_ctim.tv_sec,
			 st.st_ctim.tv_nsec);
	}
	if (of->pid > 0)
		add_process(&key, of->pid, arena);
	return cache_key_digest(&key, arena);
}

/* The next line, without its end. */
static struct slice take_line(struct slice *rest)
{
	size_t end = slice_find(*rest, '\n');
	struct slice line = slice_sub(*rest, 0, end);

	*rest = slice_from(*rest, end + 1);
	return line;
}

static bool read_file(const struct root *root, const char *name, struct slice *rest, struct arena *arena)
{
	struct file file;

	if (fsio_read(root, name, LIMIT, arena, &file, NULL) < 0 || !slice_starts(file.bytes, magic))
		return false;
	*rest = slice_from(file.bytes, sizeof magic - 1);
	return true;
}

bool record_read(const struct root *root, const struct record_of *of, const struct conflict *conflict,
		 const struct conflict_scope ***scopes, size_t *count, struct arena *arena)
{
	const char *digest = digest_of(root, of, arena);
	VEC(const struct conflict_scope *) all = { 0 };
	struct slice rest;

	*count = 0;
	if (!digest || !read_file(root, name_of(of->path, arena), &rest, arena))
		return false;
	take_line(&rest); /* the path, for whoever looks */
	if (!slice_is(take_line(&rest), digest) || !slice_eq(take_line(&rest), conflict->name))
		return false;
	while (rest.len > 0) {
		const struct conflict_scope *scope = conflict_scope(conflict, take_line(&rest));

		if (!scope)
			return false;
		VEC_PUSH(arena, &all, scope);
	}
	*scopes = all.ptr;
	*count = all.len;
	return true;
}

/* Records of policies that are gone. One that cannot be removed costs its few bytes. */
static void sweep(const struct root *root, struct arena *arena)
{
	struct slice *names;
	size_t count;

	if (fsio_list(root, RECORD_DIR, arena, &names, &count, NULL) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		const char *name = arena_printf(arena, RECORD_DIR "/%.*s", SLICE_FMT(names[i]));
		enum fsio_kind kind;
		struct slice rest;

		if (read_file(root, name, &rest, arena) &&
		    fsio_kind(root, arena_str(arena, take_line(&rest)), &kind, NULL) == 0 && kind == FSIO_MISSING)
			atomic_remove(root, name, ATOMIC_ANY, NULL);
	}
}

bool record_allows(const struct automaton_profile *profile, const struct conflict_scope *scope)
{
	for (size_t i = 0; i < scope->access_count; i++) {
		struct automaton_perms perms = automaton_path(profile, scope->access[i].path);

		for (int half = AUTOMATON_USER; half <= AUTOMATON_OTHER; half++)
			if ((perms.half[half].allow & scope->access[i].perms) != scope->access[i].perms)
				return false;
	}
	return true;
}

static void add_scopes(struct buf *out, const struct automaton *a, const struct conflict *conflict)
{
	for (size_t i = 0; i < conflict->scope_count; i++) {
		bool allowed = a->count > 0;

		for (size_t p = 0; p < a->count; p++)
			allowed = allowed && record_allows(&a->profiles[p], &conflict->scopes[i]);
		if (allowed)
			buf_addf(out, "%.*s\n", SLICE_FMT(conflict->scopes[i].name));
	}
}

int record_write(const struct root *root, const struct record_of *of, const struct conflict *conflict,
		 struct slice blob, struct err *err)
{
	struct atomic_attr attr = { .mode = 0600, .uid = geteuid(), .gid = getegid(), .force = true };
	AUTOARENA arena = { 0 };
	AUTOBUF bytes = { 0 };
	const char *digest = digest_of(root, of, &arena);
	struct automaton automaton;

	attr.mtime.tv_nsec = UTIME_NOW;
	if (!digest || strchr(of->path, '\n'))
		return 0; /* the container stopped; no other program makes such a name */
	if (automaton_read(&automaton, blob, &arena, err) < 0)
		return -1;
	buf_addf(&bytes, "%s%s\n%s\n%.*s\n", magic, of->path, digest, SLICE_FMT(conflict->name));
	add_scopes(&bytes, &automaton, conflict);
	if (fsio_mkdirs(root, RECORD_DIR, 0700, err) < 0)
		return -1;
	sweep(root, &arena);
	return atomic_replace(root, name_of(of->path, &arena), ATOMIC_ANY, buf_slice(&bytes), &attr, err);
}

int record_drop(const struct root *root, const char *path, struct err *err)
{
	AUTOARENA arena = { 0 };

	return atomic_remove(root, name_of(path, &arena), ATOMIC_ANY, err);
}
