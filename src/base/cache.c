/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include <sha2.h>

#include <nestfix/cache.h>

static const char magic[] = "aa-nestfix cache 1\n";

enum { HEX = 2 * SHA256_DIGEST_LENGTH, HEAD = sizeof magic - 1 + HEX + 1, LOCK_TRIES = 8 };

void cache_key_add(struct cache_key *key, struct slice part)
{
	buf_addf(&key->parts, "%zu:", part.len);
	buf_addslice(&key->parts, part);
}

void cache_key_release(struct cache_key *key)
{
	buf_release(&key->parts);
}

static const char *digest(struct slice bytes, struct arena *arena)
{
	char *hex = arena_alloc(arena, SHA256_DIGEST_STRING_LENGTH);

	SHA256Data((const uint8_t *)bytes.ptr, bytes.len, hex);
	return hex;
}

const char *cache_key_digest(const struct cache_key *key, struct arena *arena)
{
	return digest(buf_slice(&key->parts), arena);
}

/* The content of an entry; false where there is none, or none to be believed. */
static bool read_entry(const struct root *root, const char *path, struct slice *out, struct arena *arena)
{
	struct slice head, content;
	struct file file;

	if (fsio_read(root, path, FSIO_LIMIT_POLICY, arena, &file, NULL) < 0 || file.bytes.len < HEAD)
		return false;
	head = slice_sub(file.bytes, 0, HEAD);
	content = slice_from(file.bytes, HEAD);
	if (!slice_starts(head, magic) || head.ptr[HEAD - 1] != '\n' ||
	    !slice_is(slice_sub(head, sizeof magic - 1, HEX), digest(content, arena)))
		return false;
	*out = content;
	return true;
}

static void write_entry(const struct root *root, const char *path, struct slice content, struct arena *arena)
{
	struct atomic_attr attr = { .mode = 0600, .uid = geteuid(), .gid = getegid(), .force = true };
	AUTOBUF bytes = { 0 };

	attr.mtime.tv_nsec = UTIME_NOW;
	buf_addf(&bytes, "%s%s\n", magic, digest(content, arena));
	buf_addslice(&bytes, content);
	atomic_replace(root, path, ATOMIC_ANY, buf_slice(&bytes), &attr, NULL);
}

/* Holds the file that now bears the name: one that was cleared away meanwhile locks nothing. */
static int lock_key(const struct root *root, const char *path)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		AUTOCLOSE fd = fsio_open(root, path, O_RDWR | O_CREAT | O_NOFOLLOW, NULL);
		AUTOCLOSE now = -1;
		struct stat mine, there;
		int kept = fd;

		if (fd < 0 || flock(fd, LOCK_EX) < 0)
			return -1;
		now = fsio_open(root, path, O_PATH | O_NOFOLLOW, NULL);
		if (now < 0 || fstat(fd, &mine) < 0 || fstat(now, &there) < 0 || mine.st_ino != there.st_ino)
			continue;
		fd = -1;
		return kept;
	}
	return -1;
}

struct entry {
	const char *path;
	struct stat st;
};

static int by_age(const void *a, const void *b)
{
	const struct timespec *x = &((const struct entry *)a)->st.st_mtim, *y = &((const struct entry *)b)->st.st_mtim;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

/* An entry with its lock; one that somebody holds stays. */
static void drop_entry(const struct root *root, const char *path, struct arena *arena)
{
	const char *lock = arena_printf(arena, "%s.lock", path);
	AUTOCLOSE fd = fsio_open(root, lock, O_RDWR | O_NOFOLLOW, NULL);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		return;
	atomic_remove(root, path, ATOMIC_ANY, NULL);
	if (fd >= 0)
		atomic_remove(root, lock, ATOMIC_ANY, NULL);
}

static void drop_oldest(const struct root *root, size_t limit, struct arena *arena)
{
	VEC(struct entry) entries = { 0 };
	struct slice *names;
	size_t count, total = 0;

	if (fsio_list(root, CACHE_DIR, arena, &names, &count, NULL) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		struct entry e = { .path = arena_printf(arena, CACHE_DIR "/%.*s", SLICE_FMT(names[i])) };
		AUTOCLOSE fd = -1;

		if (names[i].len != HEX)
			continue;
		fd = fsio_open(root, e.path, O_PATH | O_NOFOLLOW, NULL);
		if (fd < 0 || fstat(fd, &e.st) < 0)
			continue;
		total += (size_t)e.st.st_size;
		VEC_PUSH(arena, &entries, e);
	}
	if (entries.len > 0)
		qsort(entries.ptr, entries.len, sizeof *entries.ptr, by_age);
	for (size_t i = 0; i + 1 < entries.len && total > limit; i++) {
		drop_entry(root, entries.ptr[i].path, arena);
		total -= (size_t)entries.ptr[i].st.st_size;
	}
}

int cache_take(const struct root *root, const struct cache_key *key, size_t limit, cache_make *make, void *ctx,
	       struct slice *out, bool *made, struct arena *arena, struct err *err)
{
	const char *path = arena_printf(arena, CACHE_DIR "/%s", cache_key_digest(key, arena));
	AUTOCLOSE lock = -1;

	*made = false;
	if (read_entry(root, path, out, arena))
		return 0;
	if (fsio_mkdirs(root, CACHE_DIR, 0700, NULL) == 0)
		lock = lock_key(root, arena_printf(arena, "%s.lock", path));
	if (lock >= 0 && read_entry(root, path, out, arena))
		return 0;
	*made = true;
	if (make(ctx, out, err) < 0)
		return -1;
	if (lock < 0)
		return 0;
	write_entry(root, path, *out, arena);
	fsio_close(&lock);
	drop_oldest(root, limit ? limit : CACHE_LIMIT, arena);
	return 0;
}
