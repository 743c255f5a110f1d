/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest: what a container's package books say, and that nothing else of it is read. Prints TAP. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nestfix/guest.h>

#include "../lib/tap.h"
#include "../lib/tmp.h"

#define STATUS "/var/lib/dpkg/status"
#define HELD "Package: runc\nStatus: hold ok installed\nVersion: 1.1.5+ds1-1\n\n"

static struct arena arena;
static struct root root;
static struct container guest = { .name = SLICE("c"), .running = true };

static void put(const char *path, const char *text)
{
	tmp_write(path, text, strlen(text), 0644);
}

static const struct guest_package *read_books(const char *text, size_t want, const char *what)
{
	struct guest_package *list;

	is_num((long)guest_read(&list, slice_of(text), &arena), (long)want, what);
	return list;
}

static void what_is_held_is_told(void)
{
	const struct guest_package *p;

	read_books("Package: runc\nStatus: install ok installed\nVersion: 1.1.5\n", 0, "nothing is held");
	p = read_books("Package: bash\nStatus: hold ok installed\nVersion: 5\n\n" HELD, 1, "runc on hold, and bash");
	ok(strcmp(p->name, "runc") == 0 && slice_is(p->version, "1.1.5+ds1-1") && p->held && !p->vulnerable,
	   "  is told");
	read_books("Package: runc\nStatus: hold ok config-files\nVersion: 1\n", 0, "one that was removed is not");
	read_books("", 0, "no bytes");
	read_books("Package: runc\nStatus: hold", 0, "a torn file");
}

static bool is_old(const char *version)
{
	AUTOBUF text = { 0 };
	struct guest_package *list;

	buf_addf(&text, "Package: containerd.io\nStatus: install ok installed\nVersion: %s\n", version);
	return guest_read(&list, buf_slice(&text), &arena) == 1 && list->vulnerable;
}

static void versions_from_before_the_fix(void)
{
	ok(is_old("1.7.28-1~debian.12~bookworm") && !is_old("1.7.29-1~debian.12~bookworm"), "1.7");
	ok(is_old("2.0.5-1") && !is_old("2.0.7-1"), "2.0");
	ok(is_old("2.1.4-1") && !is_old("2.1.5-1"), "2.1");
	ok(is_old("2.2.0~rc.1-1") && !is_old("2.2.0-1") && !is_old("2.3.1-1"), "2.2 and later");
	ok(is_old("1.6.33-1"), "older ones");
}

/* A process whose root is tmp_dir/rootfs, as a container's init; it ends with this one. */
static bool enter_root(bool mounts)
{
	if (mounts && (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		       mount("none", tmp_path("/rootfs/var/lib"), "tmpfs", 0, NULL) != 0))
		return false;
	if (mounts)
		put("/rootfs" STATUS, HELD);
	return chroot(tmp_path("/rootfs")) == 0;
}

enum guest_root { OWN, OURS, MOUNTED };

static pid_t make_guest(enum guest_root kind)
{
	int pipes[2];
	char byte;
	pid_t pid;

	if (pipe(pipes) != 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		if (kind != OURS && !enter_root(kind == MOUNTED))
			_exit(1);
		if (write(pipes[1], "", 1) == 1)
			pause();
		_exit(0);
	}
	close(pipes[1]);
	if (pid > 0 && read(pipes[0], &byte, 1) != 1)
		pid = -1; /* it ended at once */
	close(pipes[0]);
	return pid;
}

static void finds(size_t want, const char *what)
{
	struct guest_package *list;

	is_num((long)guest_packages(&list, &root, &guest, &arena), (long)want, what);
}

static void end_guest(void)
{
	kill(guest.pid, SIGKILL);
	waitpid(guest.pid, NULL, 0);
}

/* Not under valgrind 3.19, nor before Linux 5.6. */
static bool has_openat2(void)
{
	return syscall(SYS_openat2, -1, "", NULL, (size_t)0) < 0 && errno != ENOSYS;
}

static void only_its_own_regular_file(void)
{
	if (!has_openat2()) {
		tap_skip("the root of a container", "openat2 IS NOT TO BE HAD HERE");
		return;
	}
	put("/rootfs" STATUS, HELD);
	put("/outside/status", HELD);
	guest.pid = make_guest(OWN);
	finds(1, "the books of a container that runs");
	unlink(tmp_path("/rootfs" STATUS));
	finds(0, "none");
	ok(symlink("/elsewhere", tmp_path("/rootfs" STATUS)) == 0, "link");
	put("/rootfs/elsewhere", HELD);
	finds(0, "a link, be it to a file of its own, is not followed");
	unlink(tmp_path("/rootfs" STATUS));
	ok(mkfifo(tmp_path("/rootfs" STATUS), 0666) == 0, "FIFO");
	finds(0, "a FIFO holds nobody");
	unlink(tmp_path("/rootfs" STATUS));
	put("/rootfs" STATUS, HELD);
	ok(rename(tmp_path("/rootfs/var/lib/dpkg"), tmp_path("/rootfs/books")) == 0 &&
	       symlink("../../books", tmp_path("/rootfs/var/lib/dpkg")) == 0,
	   "a folder that is a link");
	finds(0, "  is not followed");
	unlink(tmp_path("/rootfs/var/lib/dpkg"));
	ok(rename(tmp_path("/rootfs/books"), tmp_path("/rootfs/var/lib/dpkg")) == 0, "back");
	if (truncate(tmp_path("/rootfs" STATUS), 17 << 20) == 0)
		finds(0, "a file that is too large is not read");
	put("/rootfs" STATUS, HELD);
	guest.running = false;
	finds(0, "one that does not run is not looked into");
	guest.running = true;
	root.live = false;
	finds(0, "nor one of another root");
	root.live = true;
	end_guest();
	finds(0, "one that has ended tells nothing");
	guest.pid = make_guest(OURS);
	finds(0, "one with our own root is no container");
	end_guest();
	guest.pid = make_guest(MOUNTED);
	if (guest.pid < 0) {
		tap_skip("another file system in it", "may not make a mount namespace");
		return;
	}
	finds(0, "what it mounted itself is not entered");
	end_guest();
}

int main(void)
{
	struct err err = { 0 };

	tmp_make();
	what_is_held_is_told();
	versions_from_before_the_fix();
	if (geteuid() == 0 && root_open(&root, "/", &err) == 0)
		only_its_own_regular_file();
	else
		tap_skip("the root of a container", "needs root");
	root_release(&root);
	arena_release(&arena);
	tmp_remove();
	return tap_done();
}
