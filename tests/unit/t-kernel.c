/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/kernel.h>

#include "../lib/tap.h"
#include "../lib/tmp.h"

static struct arena arena;
static struct root root;

static void put(const char *path, const char *text)
{
	tmp_write(path, text, strlen(text), 0644);
}

static void another_root_leaves_this_kernel_alone(void)
{
	struct kernel kernel;
	struct err err = { 0 };
	bool loaded;

	kernel_open(&kernel, &root, NULL, &arena);
	is_num(kernel.state, KERNEL_OTHER_ROOT, "a root other than / is another machine");
	is_num(kernel_load(&kernel, SLICE("x"), &err), -1, "nothing is loaded for it");
	is_err(&err, "cannot reach AppArmor in the kernel (files only: this is another root",
	       "… and the text says why");
	err_clear(&err);
	is_num(kernel_has(&kernel, SLICE("x"), &loaded, &err), -1, "nor asked");
}

static void every_state_has_words(void)
{
	for (int state = KERNEL_READY; state <= KERNEL_DENIED; state++)
		ok(strlen(kernel_state_words(state)) > 10, "a state has words");
}

static void this_machine_is_some_state(void)
{
	AUTOROOT live = { .fd = -1 };
	struct kernel kernel;
	struct err err = { 0 };
	bool enabled = access("/sys/module/apparmor/parameters/enabled", R_OK) == 0;

	is_num(root_open(&live, "/", &err), 0, "the live root");
	kernel_open(&kernel, &live, NULL, &arena);
	ok(kernel.state != KERNEL_OTHER_ROOT, "the live root is this kernel's");
	if (!enabled)
		is_num(kernel.state, KERNEL_NO_APPARMOR, "a kernel without AppArmor is told as such");
}

static void loaded_profiles_are_known_by_their_whole_name(void)
{
	struct kernel kernel;
	struct err err = { 0 };
	bool loaded;

	put("/fs/profiles", "lxc-container-default (enforce)\nlxc-101_</var/lib/lxc> (enforce)\n"
			    "a (b) c (complain)\nparent//child (enforce)\nlast (unconfined)");
	kernel_open(&kernel, &root, arena_printf(&arena, "%s", tmp_path("/fs")), &arena);
	is_num(kernel.state, KERNEL_READY, "a kernel");
	ok(kernel_has(&kernel, SLICE("lxc-container-default"), &loaded, &err) == 0 && loaded, "a plain name");
	ok(kernel_has(&kernel, SLICE("lxc-101_</var/lib/lxc>"), &loaded, &err) == 0 && loaded, "a container's");
	ok(kernel_has(&kernel, SLICE("a (b) c"), &loaded, &err) == 0 && loaded, "one with blanks and parentheses");
	ok(kernel_has(&kernel, SLICE("last"), &loaded, &err) == 0 && loaded, "one without a line end");
	ok(kernel_has(&kernel, SLICE("lxc-container"), &loaded, &err) == 0 && !loaded, "not a beginning");
	ok(kernel_has(&kernel, SLICE("child"), &loaded, &err) == 0 && !loaded, "not an end");
	ok(kernel_has(&kernel, SLICE(""), &loaded, &err) == 0 && !loaded, "not nothing");
	remove(tmp_path("/fs/profiles"));
	is_num(kernel_has(&kernel, SLICE("last"), &loaded, &err), -1, "a list that cannot be read is an error");
	is_err(&err, "cannot read", "… which says so");
}

/* Two images as apparmor_parser writes them begin alike: \4 \10 \0 "version" \0 \2. */
#define IMAGE(rest) "\004\010\000version\000\002\005\000\000\000" rest

static void a_blob_is_loaded_whole(void)
{
	static const char blob[] = IMAGE("first") IMAGE("second");
	struct kernel kernel;
	struct err err = { 0 };

	put("/fs/features/policy/set_load", "yes\n");
	put("/fs/.replace", "");
	kernel_open(&kernel, &root, arena_printf(&arena, "%s", tmp_path("/fs")), &arena);
	is_num(kernel_load(&kernel, SLICE(blob), &err), 0, "kernel_load, all images in one piece");
	ok(memcmp(tmp_read("/fs/.replace"), blob, sizeof blob - 1) == 0, "the kernel got every byte");
	put("/fs/.replace", "");
	remove(tmp_path("/fs/features/policy/set_load"));
	is_num(kernel_load(&kernel, SLICE(blob), &err), 0, "kernel_load, image by image for an old kernel");
	ok(memcmp(tmp_read("/fs/.replace"), blob, sizeof blob - 1) == 0, "the kernel got every byte");
}

static void a_refused_load_says_why(void)
{
	struct kernel kernel;
	struct err err = { 0 };

	kernel_open(&kernel, &root, arena_printf(&arena, "%s", tmp_path("/fs")), &arena);
	remove(tmp_path("/fs/.replace"));
	is_num(kernel_load(&kernel, SLICE(IMAGE("x")), &err), -1, "a kernel without the interface");
	is_err(&err, "cannot load the policy into the kernel", "… is told");
	is_num(err.kind, ERR_FAILED, "… as a failure");
	err_clear(&err);
	if (symlink("/dev/full", tmp_path("/fs/.replace")) < 0)
		printf("# no symlink\n");
	is_num(kernel_load(&kernel, SLICE(IMAGE("x")), &err), -1, "a kernel that refuses");
	is_err(&err, "No space left", "… keeps its reason");
	remove(tmp_path("/fs/.replace"));
}

static void stale_cache_entries_are_dropped(void)
{
	static const char *const stale[] = { "/var/cache/apparmor/26b63962.0/lxc-containers",
					     "/var/cache/apparmor/aaaa0000.1/lxc-containers",
					     "/var/cache/apparmor/lxc-containers",
					     "/etc/apparmor.d/cache/lxc-containers",
					     "/etc/apparmor/earlypolicy/26b63962.0/lxc-containers" };
	struct compiler compiler = { .root = &root, .program = "/bin/false" };
	struct kernel kernel;
	struct err err = { 0 };

	for (size_t i = 0; i < sizeof stale / sizeof *stale; i++)
		put(stale[i], "old");
	put("/var/cache/apparmor/26b63962.0/usr.bin.man", "keep");
	put("/var/cache/apparmor/26b63962.0/.features", "keep");
	kernel_open(&kernel, &root, NULL, &arena);
	is_num(kernel_refresh_cache(&kernel, &compiler, "/etc/apparmor.d/lxc-containers", &arena, &err), 0,
	       "kernel_refresh_cache");
	for (size_t i = 0; i < sizeof stale / sizeof *stale; i++)
		is_text(slice_of(tmp_read(stale[i])), "(missing)", stale[i]);
	is_text(slice_of(tmp_read("/var/cache/apparmor/26b63962.0/usr.bin.man")), "keep", "other entries stay");
	is_text(slice_of(tmp_read("/var/cache/apparmor/26b63962.0/.features")), "keep", "the cache's own files stay");
	is_num(kernel_refresh_cache(&kernel, &compiler, "/etc/apparmor.d/lxc-containers", &arena, &err), 0,
	       "once more");
}

int main(void)
{
	struct err err = { 0 };

	tmp_make();
	if (root_open(&root, tmp_dir, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		return 1;
	}
	another_root_leaves_this_kernel_alone();
	every_state_has_words();
	this_machine_is_some_state();
	loaded_profiles_are_known_by_their_whole_name();
	a_blob_is_loaded_whole();
	a_refused_load_says_why();
	stale_cache_entries_are_dropped();
	root_release(&root);
	tmp_remove();
	arena_release(&arena);
	return tap_done();
}
