/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/wait.h>
#include <time.h>

#include <nestfix/cache.h>

#include "../lib/tap.h"
#include "../lib/tmp.h"

static struct root root;

/* What the maker makes, how long it takes, and where each of its runs leaves a byte. */
struct work {
	const char *text;
	unsigned milliseconds;
	const char *count;
	bool fails;
};

static int make(void *ctx, struct slice *out, struct err *err)
{
	const struct work *w = ctx;
	struct timespec pause = { .tv_nsec = (long)w->milliseconds * 1000000 };

	if (w->count) {
		AUTOCLOSE fd = open(tmp_path(w->count), O_WRONLY | O_APPEND | O_CREAT, 0600);

		if (write(fd, ".", 1) != 1)
			return err_errno(err, "cannot count");
	}
	nanosleep(&pause, NULL);
	if (w->fails)
		return err_put(err, ERR_FAILED, "cannot make it");
	*out = slice_of(w->text);
	return 0;
}

static bool take(const char *name, size_t limit, struct work *w, const char *want, bool want_made)
{
	AUTOARENA arena = { 0 };
	AUTOKEY key = { 0 };
	struct slice out;
	bool made;

	cache_key_add(&key, slice_of(name));
	return cache_take(&root, &key, limit, make, w, &out, &made, &arena, NULL) == 0 && slice_is(out, want) &&
	       made == want_made;
}

static long size_of(const char *path)
{
	struct stat st;

	return stat(tmp_path(path), &st) == 0 ? (long)st.st_size : -1;
}

static void an_entry_is_made_once(void)
{
	struct work w = { .text = "policy" }, other = { .text = "other" };
	struct work empty = { .text = "" }, broken = { .fails = true };
	struct stat st;

	ok(take("a", 0, &w, "policy", true), "what is not there is made");
	ok(take("a", 0, &other, "policy", false), "  and taken from then on");
	ok(take("b", 0, &other, "other", true), "another key is another entry");
	ok(stat(tmp_path(CACHE_DIR), &st) == 0 && (st.st_mode & 0777) == 0700, "the folder is private");
	ok(take("none", 0, &empty, "", true) && take("none", 0, &w, "", false), "nothing to cure is remembered, too");
	ok(!take("broken", 0, &broken, "", true), "what cannot be made is an error");
	ok(take("broken", 0, &w, "policy", true), "  and is not remembered");
}

static void parts_do_not_run_into_each_other(void)
{
	AUTOKEY a = { 0 };
	AUTOKEY b = { 0 };

	cache_key_add(&a, SLICE("ab"));
	cache_key_add(&a, SLICE("c"));
	cache_key_add(&b, SLICE("a"));
	cache_key_add(&b, SLICE("bc"));
	ok(!slice_eq(buf_slice(&a.parts), buf_slice(&b.parts)), "ab, c is another key than a, bc");
}

static const char *entry_of(struct arena *arena, const char *name, const char *text)
{
	struct work w = { .text = text };
	struct slice *before, *after;
	size_t n, m;

	if (fsio_list(&root, CACHE_DIR, arena, &before, &n, NULL) < 0 || !take(name, 0, &w, text, true) ||
	    fsio_list(&root, CACHE_DIR, arena, &after, &m, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < m; i++) {
		bool old = slice_ends(after[i], ".lock");

		for (size_t k = 0; k < n; k++)
			old |= slice_eq(after[i], before[k]);
		if (!old)
			return arena_printf(arena, CACHE_DIR "/%.*s", SLICE_FMT(after[i]));
	}
	return NULL;
}

static void a_corrupted_entry_is_made_anew(void)
{
	AUTOARENA arena = { 0 };
	const char *path = entry_of(&arena, "victim", "the compiled policy");
	struct work w = { .text = "made anew" };
	struct file file;
	char *bytes;

	if (!ok(path && fsio_read(&root, path, 1 << 20, &arena, &file, NULL) == 0, "an entry is one file"))
		return;
	bytes = arena_str(&arena, file.bytes);
	bytes[file.bytes.len - 1] ^= 1;
	tmp_write(path, bytes, file.bytes.len, 0600);
	ok(take("victim", 0, &w, "made anew", true), "a flipped bit is seen");
	tmp_write(path, bytes, 20, 0600);
	ok(take("victim", 0, &w, "made anew", true), "so is one cut short");
	bytes[file.bytes.len - 1] ^= 1;
	tmp_write(path, bytes, file.bytes.len, 0666);
	ok(take("victim", 0, &w, "made anew", true), "one that anybody may write is not believed");
}

static void the_oldest_go(void)
{
	static const char *const names[] = { "old", "middle", "new" };
	static char big[3000];
	struct work w = { .text = big };

	memset(big, 'x', sizeof big - 1);
	for (size_t i = 0; i < 3; i++) {
		struct timespec pause = { .tv_nsec = 20000000 };

		take(names[i], 7000, &w, big, true);
		nanosleep(&pause, NULL);
	}
	ok(take("new", 7000, &w, big, false), "the newest stays");
	ok(take("middle", 7000, &w, big, false), "the next as well, where there is room");
	ok(take("old", 7000, &w, big, true), "the oldest went");
}

static void many(const char *const *names, size_t count, struct work *w)
{
	for (size_t i = 0; i < count; i++)
		if (fork() == 0)
			_exit(take(names[i], 0, w, w->text, true) || take(names[i], 0, w, w->text, false) ? 0 : 1);
}

static bool all_well(size_t count)
{
	bool well = true;

	for (size_t i = 0; i < count; i++) {
		int status = 1;

		wait(&status);
		well &= status == 0;
	}
	return well;
}

static void sixty_four_at_once_make_it_once(void)
{
	struct work w = { .text = "shared", .milliseconds = 100, .count = "/count" };
	const char *names[64];

	for (size_t i = 0; i < 64; i++)
		names[i] = "the same";
	many(names, 64, &w);
	ok(all_well(64), "64 processes get the entry");
	is_num(size_of("/count"), 1, "  that one of them made");
}

static void another_key_does_not_wait(void)
{
	struct work slow = { .text = "slow", .milliseconds = 900 }, quick = { .text = "quick" };
	const char *name = "slow";
	struct timespec pause = { .tv_nsec = 100000000 }, from, to;

	many(&name, 1, &slow);
	nanosleep(&pause, NULL);
	clock_gettime(CLOCK_MONOTONIC, &from);
	ok(take("quick", 0, &quick, "quick", true), "a key is made while another is being made");
	clock_gettime(CLOCK_MONOTONIC, &to);
	ok((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000 < 600, "  without waiting for it");
	ok(all_well(1), "the slow one is made, too");
}

static void without_a_folder_it_is_made_each_time(void)
{
	struct work w = { .text = "policy" };

	rename(tmp_path(CACHE_DIR), tmp_path("/var/cache/away"));
	tmp_write(CACHE_DIR, "a file", 6, 0600);
	ok(take("a", 0, &w, "policy", true) && take("a", 0, &w, "policy", true),
	   "where the folder cannot be made, nothing is kept");
}

int main(void)
{
	tmp_make();
	if (root_open(&root, tmp_dir, NULL) < 0)
		return 1;
	an_entry_is_made_once();
	parts_do_not_run_into_each_other();
	a_corrupted_entry_is_made_anew();
	the_oldest_go();
	sixty_four_at_once_make_it_once();
	another_key_does_not_wait();
	without_a_folder_it_is_made_each_time();
	root_release(&root);
	tmp_remove();
	return tap_done();
}
