/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include <nestfix/journal.h>

#define JOURNAL_FILE JOURNAL_DIR "/journal"
#define LOCK_FILE JOURNAL_DIR "/lock"

enum { JOURNAL_VERSION = 1, LIMIT_JOURNAL = 65536, BOOT_ID_SIZE = 64, LOCK_STEP_MS = 100 };

static const char *const actions[] = { [JOURNAL_CHANGE] = "change", [JOURNAL_UNDO] = "undo" };
static const char *const steps[] = {
	[JOURNAL_NONE] = "none",
	[JOURNAL_WRITING] = "writing",
	[JOURNAL_LOADING] = "loading",
	[JOURNAL_LOADED] = "loaded",
};

static void drop(json_t **j)
{
	json_decref(*j);
}
#define AUTOJSON __attribute__((cleanup(drop))) json_t

/* Which boot this is (random(4)); "" where it cannot be told, which equals no other. */
static void boot_id(char out[BOOT_ID_SIZE])
{
	AUTOCLOSE fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, out, BOOT_ID_SIZE - 1);

	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

/* The number that the holder wrote into the lock file, or 0. */
static pid_t holder(int fd)
{
	char text[32] = "";
	long pid;

	if (pread(fd, text, sizeof text - 1, 0) <= 0)
		return 0;
	pid = strtol(text, NULL, 10);
	return pid > 0 && pid < 1L << 30 ? (pid_t)pid : 0;
}

static int refuse_held(const struct root *root, int fd, unsigned seconds, struct err *err)
{
	AUTOARENA arena = { 0 };
	const char *name = root_path(root, LOCK_FILE, &arena);
	pid_t pid = holder(fd);
	char who[48] = "another aa-nestfix";

	if (pid > 0)
		snprintf(who, sizeof who, "another aa-nestfix, process %ld,", (long)pid);
	err_put(err, ERR_REFUSED, "cannot lock '%s': %s holds it%s", name, who,
		seconds > 0 ? arena_printf(&arena, ", for over %u seconds", seconds) : "");
	return err_hint(err, "wait until it has ended; removing the file would let two of them write at once");
}

static int take(const struct root *root, int fd, unsigned seconds, struct err *err)
{
	struct timespec pause = { .tv_nsec = LOCK_STEP_MS * 1000000L };
	unsigned long tries = seconds * (1000UL / LOCK_STEP_MS);

	for (;;) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return err_errno(err, "cannot lock '%s'", LOCK_FILE);
		if (tries-- == 0)
			return refuse_held(root, fd, seconds, err);
		nanosleep(&pause, NULL);
	}
}

int journal_lock(const struct root *root, unsigned seconds, int *fd, struct err *err)
{
	AUTOCLOSE lock = -1;
	char pid[32];
	int n;

	*fd = -1;
	if (fsio_mkdirs(root, JOURNAL_DIR, 0700, err) != 0 || fsio_private(root, JOURNAL_DIR, err) != 0)
		return -1;
	lock = fsio_open(root, LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, err);
	if (lock < 0 || take(root, lock, seconds, err) != 0)
		return -1;
	/* Only for the message of who comes next: a failure does not matter. */
	n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
	if (ftruncate(lock, 0) != 0 || pwrite(lock, pid, (size_t)n, 0) != n)
		errno = 0;
	if (atomic_sweep(root, JOURNAL_DIR, err) != 0)
		return -1;
	*fd = lock;
	lock = -1;
	return 0;
}

int journal_is_locked(const struct root *root, bool *locked, pid_t *pid, struct err *err)
{
	AUTOCLOSE fd = -1;
	enum fsio_kind kind;

	*locked = false;
	*pid = 0;
	if (fsio_kind(root, LOCK_FILE, &kind, err) != 0)
		return -1;
	if (kind == FSIO_MISSING)
		return 0;
	fd = fsio_open(root, LOCK_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, err);
	if (fd < 0)
		return -1;
	/* Shared, and let go at once: a process that asks for the exclusive one now tries again, see take(). */
	*locked = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	if (*locked)
		*pid = holder(fd);
	return 0;
}

static int word(const json_t *json, const char *const *words, int count)
{
	const char *text = json_string_value(json);

	for (int i = 0; text && i < count; i++)
		if (strcmp(text, words[i]) == 0)
			return i;
	return -1;
}

static int refuse(struct err *err)
{
	err_put(err, ERR_REFUSED, "cannot understand '%s': it is not what aa-nestfix wrote", JOURNAL_FILE);
	return err_hint(
	    err, "see which files the newest manifest in %s names, put them back by hand, then remove the journal",
	    BACKUP_DIR);
}

/* All backups of a rollback; a release that took back only one named no list. */
static bool read_back(const json_t *list, const char *backup, struct arena *arena, struct journal *out)
{
	size_t count = list ? json_array_size(list) : 1;

	out->back = arena_array(arena, count, sizeof *out->back);
	out->back_count = count;
	for (size_t i = 0; i < count; i++) {
		const char *id = list ? json_string_value(json_array_get(list, i)) : backup;

		if (!id || !backup_is_id(id))
			return false;
		out->back[i] = arena_str(arena, slice_of(id));
	}
	return count > 0 && strcmp(out->back[0], backup) == 0;
}

static int understand(const json_t *json, struct arena *arena, struct journal *out, struct err *err)
{
	int action = word(json_object_get(json, "action"), actions, 2);
	int step = word(json_object_get(json, "step"), steps, 4);
	const char *backup = json_string_value(json_object_get(json, "backup"));
	const char *begun = json_string_value(json_object_get(json, "time"));
	const char *boot = json_string_value(json_object_get(json, "boot"));
	const json_t *pid = json_object_get(json, "pid");
	char now[BOOT_ID_SIZE];

	if (json_integer_value(json_object_get(json, "version")) != JOURNAL_VERSION || action < 0 ||
	    step <= JOURNAL_NONE || !backup || !backup_is_id(backup) || !begun || !boot || !json_is_integer(pid) ||
	    !read_back(json_object_get(json, "back"), backup, arena, out))
		return refuse(err);
	boot_id(now);
	out->action = (enum journal_action)action;
	out->step = (enum journal_step)step;
	out->backup = arena_str(arena, slice_of(backup));
	out->time = arena_str(arena, slice_of(begun));
	out->pid = (pid_t)json_integer_value(pid);
	out->same_boot = boot[0] && strcmp(boot, now) == 0;
	return 0;
}

/* The journal as JSON; *json is NULL where there is none. */
static int load(const struct root *root, json_t **json, struct err *err)
{
	AUTOARENA arena = { 0 };
	enum fsio_kind kind;
	struct file file;

	*json = NULL;
	if (fsio_private(root, JOURNAL_DIR, err) != 0 || fsio_kind(root, JOURNAL_FILE, &kind, err) != 0)
		return -1;
	if (kind == FSIO_MISSING)
		return 0;
	if (fsio_read(root, JOURNAL_FILE, LIMIT_JOURNAL, &arena, &file, err) != 0)
		return -1;
	*json = json_loadb(file.bytes.ptr, file.bytes.len, JSON_REJECT_DUPLICATES, NULL);
	return *json ? 0 : refuse(err);
}

int journal_read(const struct root *root, struct arena *arena, struct journal *out, struct err *err)
{
	AUTOJSON *json = NULL;

	*out = (struct journal){ .step = JOURNAL_NONE };
	if (load(root, &json, err) != 0)
		return -1;
	return json ? understand(json, arena, out, err) : 0;
}

static int write_json(const struct root *root, const json_t *json, struct err *err)
{
	struct atomic_attr attr = { .mode = 0600, .uid = geteuid(), .gid = getegid() };
	char *text = json_dumps(json, JSON_INDENT(1));
	int r;

	if (!text)
		return err_put(err, ERR_FAILED, "cannot write '%s'", JOURNAL_FILE);
	r = atomic_replace(root, JOURNAL_FILE, ATOMIC_ANY, slice_of(text), &attr, err);
	free(text);
	return r;
}

/* The list of a rollback of several; jansson fails here only without memory, see buf.h. */
static void add_back(json_t *json, const char *const *ids, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(list, json_string(ids[i])) != 0)
			abort();
	if (json_object_set_new(json, "back", list) != 0)
		abort();
}

int journal_begin(const struct root *root, enum journal_action action, const char *const *ids, size_t count,
		  struct err *err)
{
	AUTOJSON *json = NULL;
	char boot[BOOT_ID_SIZE], text[32];
	time_t now = time(NULL);
	struct journal other;
	AUTOARENA arena = { 0 };
	struct tm tm;

	if (journal_read(root, &arena, &other, err) != 0)
		return -1;
	if (other.step != JOURNAL_NONE)
		return err_put(err, ERR_REFUSED, "cannot begin a change: the one of backup '%s' is unfinished",
			       other.backup);
	boot_id(boot);
	gmtime_r(&now, &tm);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	json = json_pack("{s:i,s:s,s:s,s:s,s:s,s:I,s:s}", "version", JOURNAL_VERSION, "action", actions[action], "step",
			 steps[JOURNAL_WRITING], "backup", ids[0], "time", text, "pid", (json_int_t)getpid(), "boot",
			 boot);
	if (!json)
		return err_put(err, ERR_FAILED, "cannot write '%s'", JOURNAL_FILE);
	if (count > 1)
		add_back(json, ids, count);
	return write_json(root, json, err);
}

int journal_step(const struct root *root, enum journal_step step, struct err *err)
{
	AUTOARENA arena = { 0 };
	AUTOJSON *json = NULL;
	struct journal now;

	if (load(root, &json, err) != 0 || (json && understand(json, &arena, &now, err) != 0))
		return -1;
	if (!json || step < now.step)
		return err_put(err, ERR_FAILED, "cannot go to the step '%s': the journal is not there", steps[step]);
	if (json_object_set_new(json, "step", json_string(steps[step])) != 0)
		abort(); /* as buf.h */
	return write_json(root, json, err);
}

int journal_done(const struct root *root, struct err *err)
{
	return atomic_remove(root, JOURNAL_FILE, ATOMIC_ANY, err);
}
