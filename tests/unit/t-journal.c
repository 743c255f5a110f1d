/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include <nestfix/journal.h>

#include "../lib/tap.h"
#include "../lib/tmp.h"

static struct root root;
static const char id[] = "20261121T213455Z";

static void nothing_is_unfinished(void)
{
	AUTOARENA arena = { 0 };
	struct journal j;
	bool locked;
	pid_t pid;

	ok(journal_read(&root, &arena, &j, NULL) == 0 && j.step == JOURNAL_NONE,
	   "where nothing is, nothing is unfinished");
	ok(journal_is_locked(&root, &locked, &pid, NULL) == 0 && !locked, "nor locked");
	ok(access(tmp_path("/var"), F_OK) != 0, "and looking makes no folder");
	ok(journal_done(&root, NULL) == 0, "done without a journal is no error");
}

static void the_lock_keeps_others_out(void)
{
	AUTOCLOSE fd = -1;
	struct err err = { 0 };
	struct stat st;
	char want[64];
	int other = -1, status;
	bool locked;
	pid_t pid, child;

	tmp_write("/var/lib/aa-nestfix/.journal.aa-nestfix-abcdef", "left by a kill", 14, 0600);
	chmod(tmp_path("/var/lib/aa-nestfix"), 0700);
	ok(journal_lock(&root, 0, &fd, &err) == 0 && fd >= 0, "the lock is taken");
	ok(stat(tmp_path("/var/lib/aa-nestfix/lock"), &st) == 0 && (st.st_mode & 0777) == 0600,
	   "  its file is private");
	ok(access(tmp_path("/var/lib/aa-nestfix/.journal.aa-nestfix-abcdef"), F_OK) != 0,
	   "  what a kill left is swept");
	ok(fcntl(fd, F_GETFD) & FD_CLOEXEC, "  no program inherits it");
	ok(journal_is_locked(&root, &locked, &pid, NULL) == 0 && locked && pid == getpid(),
	   "  it can be seen, with its pid");
	child = fork();
	if (child == 0)
		_exit(journal_lock(&root, 1, &other, &err) == -1 && err.kind == ERR_REFUSED &&
			      strstr(err.text, "for over 1 seconds")
			  ? 0
			  : 1);
	waitpid(child, &status, 0);
	ok(status == 0, "another process waits for its time, then is refused");
	ok(journal_lock(&root, 0, &other, &err) == -1 && other == -1, "or at once");
	snprintf(want, sizeof want, "another aa-nestfix, process %ld, holds it", (long)getpid());
	is_err(&err, want, "  and is told who holds it");
	ok(strstr(err.hint, "removing the file"), "  and not to remove the file");
	fsio_close(&fd);
	ok(journal_lock(&root, 0, &fd, NULL) == 0, "closing it lets the next one in");
}

static void the_folder_must_be_private(void)
{
	AUTOARENA arena = { 0 };
	AUTOCLOSE fd = -1;
	struct err err = { 0 };
	struct journal j;

	chmod(tmp_path("/var/lib/aa-nestfix"), 0755);
	ok(journal_lock(&root, 0, &fd, &err) == -1 && err.kind == ERR_REFUSED, "a folder that lets others in");
	is_err(&err, "aa-nestfix': its mode 0755 lets others in", "  is told");
	ok(strstr(err.hint, "chmod 700"), "  with a way out");
	ok(journal_read(&root, &arena, &j, NULL) == -1, "  no journal is read from it");
	chmod(tmp_path("/var/lib/aa-nestfix"), 0700);
	if (geteuid() != 0 || chown(tmp_path("/var/lib/aa-nestfix"), 12345, 0) != 0) {
		tap_skip("a folder of somebody else's", "needs root");
		return;
	}
	err_clear(&err);
	ok(journal_lock(&root, 0, &fd, &err) == -1 && err.kind == ERR_REFUSED, "a folder of somebody else's");
	is_err(&err, "belongs to uid 12345", "  is told");
	ok(journal_read(&root, &arena, &j, NULL) == -1, "  no journal is read from it");
	ok(chown(tmp_path("/var/lib/aa-nestfix"), 0, 0) == 0, "chown");
}

static void the_lock_dies_with_its_process(void)
{
	AUTOCLOSE fd = -1;
	int fds[2], status;
	pid_t child;
	char byte;

	ok(pipe(fds) == 0, "pipe");
	child = fork();
	if (child == 0) {
		int lock;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (journal_lock(&root, 5, &lock, NULL) != 0 || write(fds[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	ok(read(fds[0], &byte, 1) == 1, "a process holds the lock");
	kill(child, SIGKILL);
	ok(journal_lock(&root, 5, &fd, NULL) == 0, "it is free when that process is killed");
	waitpid(child, &status, 0);
	close(fds[0]);
	close(fds[1]);
}

static void steps_are_on_disk(void)
{
	AUTOARENA arena = { 0 };
	struct err err = { 0 };
	struct journal j;

	ok(journal_step(&root, JOURNAL_LOADING, &err) == -1, "no step without a beginning");
	err_clear(&err);
	ok(journal_begin(&root, JOURNAL_UNDO, &(const char *){ id }, 1, &err) == 0, "begin");
	ok(journal_read(&root, &arena, &j, &err) == 0, "is read back");
	ok(j.action == JOURNAL_UNDO && j.step == JOURNAL_WRITING, "  with its action and step");
	is_text(slice_of(j.backup), id, "  its backup");
	ok(j.pid == getpid() && j.same_boot && strlen(j.time) == 20, "  who, when, and in which boot");
	ok(journal_begin(&root, JOURNAL_CHANGE, &(const char *){ id }, 1, &err) == -1 && err.kind == ERR_REFUSED,
	   "no second beginning");
	is_err(&err, "is unfinished", "  and says why");
	err_clear(&err);
	ok(journal_step(&root, JOURNAL_LOADED, &err) == 0 && journal_read(&root, &arena, &j, &err) == 0 &&
	       j.step == JOURNAL_LOADED && j.action == JOURNAL_UNDO,
	   "a step forward");
	ok(journal_step(&root, JOURNAL_LOADING, NULL) == -1, "no step back");
	ok(journal_done(&root, &err) == 0 && journal_read(&root, &arena, &j, &err) == 0 && j.step == JOURNAL_NONE,
	   "done: nothing is unfinished");
}

static void a_rollback_names_all_that_it_takes_back(void)
{
	const char *const ids[] = { "20261121T213456Z", "20261121T213455Z-2" };
	AUTOARENA arena = { 0 };
	struct journal j;

	ok(journal_begin(&root, JOURNAL_UNDO, ids, 2, NULL) == 0 && journal_step(&root, JOURNAL_LOADING, NULL) == 0 &&
	       journal_read(&root, &arena, &j, NULL) == 0,
	   "a rollback of two changes");
	is_text(slice_of(j.backup), ids[0], "  the newest");
	ok(j.back_count == 2 && strcmp(j.back[0], ids[0]) == 0 && strcmp(j.back[1], ids[1]) == 0,
	   "  and both, in order");
	journal_done(&root, NULL);
	ok(journal_begin(&root, JOURNAL_UNDO, ids, 1, NULL) == 0 && journal_read(&root, &arena, &j, NULL) == 0 &&
	       j.back_count == 1 && strcmp(j.back[0], ids[0]) == 0,
	   "a rollback of one");
	journal_done(&root, NULL);
}

static void another_boot_is_seen(void)
{
	static const char text[] =
	    "{\"version\":1,\"action\":\"change\",\"step\":\"loading\",\"backup\":\"20261121T213455Z-2\","
	    "\"time\":\"2026-11-21T21:34:55Z\",\"pid\":1,\"boot\":\"another\"}";
	AUTOARENA arena = { 0 };
	struct journal j;

	tmp_write("/var/lib/aa-nestfix/journal", text, sizeof text - 1, 0600);
	ok(journal_read(&root, &arena, &j, NULL) == 0 && !j.same_boot && j.step == JOURNAL_LOADING,
	   "another boot is seen");
}

static void a_foreign_journal_is_refused(void)
{
	static const char *const bad[] = {
		"",
		"x",
		"{}",
		"[]",
		"{\"version\":1}",
		"{\"version\":2,\"action\":\"change\",\"step\":\"loading\",\"backup\":\"20261121T213455Z\",\"time\":"
		"\"\",\"pid\":1,\"boot\":\"\"}",
		"{\"version\":1,\"action\":\"change\",\"step\":\"none\",\"backup\":\"20261121T213455Z\",\"time\":\"\","
		"\"pid\":1,\"boot\":\"\"}",
		"{\"version\":1,\"action\":\"jump\",\"step\":\"loading\",\"backup\":\"20261121T213455Z\",\"time\":\"\","
		"\"pid\":1,\"boot\":\"\"}",
		"{\"version\":1,\"action\":\"change\",\"step\":\"loading\",\"backup\":\"../../../etc/"
		"x\",\"time\":\"\",\"pid\":1,\"boot\":\"\"}",
		"{\"version\":1,\"action\":\"change\",\"step\":\"loading\",\"backup\":\"20261121T213455Z\",\"time\":"
		"\"\",\"pid\":\"1\",\"boot\":\"\"}",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		AUTOARENA arena = { 0 };
		struct err err = { 0 };
		struct journal j;

		tmp_write("/var/lib/aa-nestfix/journal", bad[i], strlen(bad[i]), 0600);
		ok(journal_read(&root, &arena, &j, &err) == -1 && err.kind == ERR_REFUSED && err.hint[0], bad[i]);
		ok(j.step == JOURNAL_NONE, "  and nothing of it is given back");
	}
	tmp_write("/var/lib/aa-nestfix/journal", "{}", 2, 0666);
	ok(journal_read(&root, &(struct arena){ 0 }, &(struct journal){ 0 }, NULL) == -1, "one that others may write");
}

int main(void)
{
	tmp_make();
	if (root_open(&root, tmp_dir, NULL) != 0)
		return 1;
	nothing_is_unfinished();
	the_lock_keeps_others_out();
	the_folder_must_be_private();
	the_lock_dies_with_its_process();
	steps_are_on_disk();
	a_rollback_names_all_that_it_takes_back();
	another_boot_is_seen();
	a_foreign_journal_is_refused();
	root_release(&root);
	tmp_remove();
	return tap_done();
}
