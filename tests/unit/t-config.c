/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/backup.h>
#include <nestfix/config.h>

#include "../lib/tap.h"

#define PVE "/etc/pve/lxc/103.conf"
#define LXC "/var/lib/lxc/web1/config"
#define OFF_MOUNT "lxc.mount.entry: /dev/null sys/module/apparmor/parameters/enabled none bind 0 0\n"

static struct arena arena;

static struct patch_file edit(const char *path, const char *text, enum config_verb verb, size_t index, const char *line)
{
	struct config_edit e = { verb, index, slice_of(line ? line : "") };
	struct patch_file file;

	config_edit(&file, path, slice_of(text), &e, 1, &arena);
	return file;
}

static bool proves(const struct patch_file *file, struct err *err)
{
	struct config_proof *proof;

	err_clear(err);
	return config_prove(&proof, file, 1, NULL, &arena, err) == 0;
}

static void lines_go_and_come(void)
{
	struct patch_file file =
	    edit(PVE, "arch: amd64\nlxc.apparmor.profile: unconfined\nlxc.cap.drop: \n", CONFIG_REMOVE, 1, NULL);
	struct err err = { 0 };

	is_text(file.new_, "arch: amd64\nlxc.cap.drop: \n", "a line goes");
	ok(proves(&file, &err), "and that is proved");
	file = edit(LXC, "lxc.apparmor.profile = a\r\nlxc.uts.name = b", CONFIG_REPLACE, 0, "lxc.apparmor.profile = c");
	is_text(file.new_, "lxc.apparmor.profile = c\r\nlxc.uts.name = b", "a line is replaced, its end stays");
	ok(proves(&file, &err), "and that is proved");
	file = edit(LXC, "lxc.uts.name = b", CONFIG_INSERT, 1, "lxc.apparmor.profile = c");
	is_text(file.new_, "lxc.uts.name = b\nlxc.apparmor.profile = c\n", "a line comes behind one without end");
	ok(proves(&file, &err), "and that is proved");
	file = edit(PVE, "arch: amd64\n\n[s1]\narch: amd64\n", CONFIG_INSERT, 1, "lxc.apparmor.profile: c");
	is_text(file.new_, "arch: amd64\nlxc.apparmor.profile: c\n\n[s1]\narch: amd64\n",
		"a line comes before a section");
	ok(proves(&file, &err), "and that is proved");
}

static void more_than_a_setting_is_refused(void)
{
	static const char text[] =
	    "memory: 512\nlxc.apparmor.profile: generated\n"
	    "lxc.mount.entry: /srv srv none bind 0 0\n\n[s1]\nlxc.apparmor.profile: unconfined\n";
	struct patch_file file = edit(PVE, text, CONFIG_REMOVE, 0, NULL);
	struct err err = { 0 };

	ok(!proves(&file, &err), "another key does not go");
	is_err(&err, "more than one line's setting", "and the sentence says so");
	is_num(err.kind, ERR_REFUSED, "refused on purpose");
	file = edit(PVE, text, CONFIG_REMOVE, 1, NULL);
	ok(!proves(&file, &err), "a profile that protects does not go");
	file = edit(PVE, text, CONFIG_REMOVE, 2, NULL);
	ok(!proves(&file, &err), "a mount entry that hides nothing does not go");
	file = edit(PVE, text, CONFIG_REMOVE, 5, NULL);
	ok(!proves(&file, &err), "a line of a snapshot does not go");
	file = edit(PVE, text, CONFIG_INSERT, 0, "memory: 1024");
	ok(!proves(&file, &err), "another key does not come");
	file = edit(PVE, text, CONFIG_INSERT, 5, "lxc.apparmor.profile: c");
	ok(!proves(&file, &err), "nothing comes into a snapshot");
	file = edit(PVE, text, CONFIG_INSERT, 1, "lxc.apparmor.profile: c\nmemory: 1");
	ok(!proves(&file, &err), "a line end does not smuggle in a second line");
	file = edit(PVE, text, CONFIG_INSERT, 1, "lxc.apparmor.profile: c");
	file.new_ = SLICE("lxc.apparmor.profile: c\n");
	ok(!proves(&file, &err), "a text that its edits do not make is refused");
	file = edit(PVE, text, CONFIG_INSERT, 1, "lxc.apparmor.profile: c");
	file.kind = PATCH_POLICY;
	ok(!proves(&file, &err), "a file of another kind is refused");
}

static void apparmor_stays_on(void)
{
	static const char *const off[] = { "unconfined", "unchanged", "\"unconfined\"", "'unchanged'" };
	static const char text[] = "arch: amd64\nlxc.apparmor.profile: lxc-container-default\n";
	struct patch_file file;
	struct err err = { 0 };

	for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
		file = edit(PVE, text, CONFIG_REPLACE, 1, arena_printf(&arena, "lxc.apparmor.profile: %s", off[i]));
		ok(!proves(&file, &err), "a profile is not replaced by none");
		file = edit(LXC, "", CONFIG_INSERT, 0, arena_printf(&arena, "lxc.apparmor.profile = %s", off[i]));
		ok(!proves(&file, &err), "and none comes");
		file = edit(LXC, "", CONFIG_INSERT, 0, arena_printf(&arena, "lxc.aa_profile = %s", off[i]));
		ok(!proves(&file, &err), "by the old key either");
	}
	file = edit(PVE, text, CONFIG_INSERT, 2,
		    "lxc.mount.entry: /dev/null sys/module/apparmor/parameters/enabled none bind");
	ok(!proves(&file, &err), "AppArmor is hidden from no container");
}

/* What a rollback does in a file that was edited since. */
static bool comes_back(struct patch_file *file, const char *edited, const char *wanted)
{
	struct patch_file anchored;
	struct backup_file kept = { .path = file->path, .existed = true, .content = file->old };
	struct slice present = config_present(file->path, slice_of(edited), &arena);
	struct err err = { 0 };
	AUTOBUF out = { 0 };

	config_anchor(&anchored, file, &arena);
	kept.edits = arena_array(&arena, anchored.edit_count, sizeof *kept.edits);
	kept.edit_count = anchored.edit_count;
	for (size_t i = 0; i < anchored.edit_count; i++)
		kept.edits[i] = (struct backup_edit){ anchored.edits[i].at,
						      slice_sub(file->old, anchored.edits[i].at, anchored.edits[i].len),
						      anchored.edits[i].with };
	if (backup_take_out(&kept, present, &out, &err) < 0) {
		printf("# %s\n", err.text);
		return false;
	}
	buf_adds(&out, edited + present.len);
	if (!slice_is(buf_slice(&out), wanted))
		printf("# got: %s\n", buf_str(&out));
	return slice_is(buf_slice(&out), wanted);
}

static void removed_lines_come_back_into_an_edited_file(void)
{
	struct patch_file file;
	struct config_edit both[] = { { CONFIG_REMOVE, 1, { 0 } }, { CONFIG_REMOVE, 3, { 0 } } };

	config_edit(
	    &file, PVE,
	    SLICE("memory: 1\nlxc.apparmor.profile: unconfined\nlxc.cap.drop: \n" OFF_MOUNT "\n[s1]\nmemory: 1\n"),
	    both, 2, &arena);
	is_text(file.new_, "memory: 1\nlxc.cap.drop: \n\n[s1]\nmemory: 1\n", "two lines went");
	ok(comes_back(&file, "cores: 4\nmemory: 1\nlxc.cap.drop: \n\n[s1]\nmemory: 1\n\n[t1]\nmemory: 1\n",
		      "cores: 4\nmemory: 1\nlxc.apparmor.profile: unconfined\nlxc.cap.drop: \n" OFF_MOUNT
		      "\n[s1]\nmemory: 1\n\n[t1]\nmemory: 1\n"),
	   "removed_lines_come_back_into_an_edited_file");
	ok(!comes_back(&file, "memory: 1\n", ""), "not where the lines around them are gone");
	file = edit(LXC, "lxc.apparmor.profile = unconfined\n", CONFIG_REMOVE, 0, NULL);
	ok(!comes_back(&file, "lxc.uts.name = x\n", ""), "not where there was no other line");
}

static void lines_side_by_side_come_back_as_one(void)
{
	struct config_edit both[] = { { CONFIG_REMOVE, 1, { 0 } }, { CONFIG_REMOVE, 2, { 0 } } };
	struct patch_file file;

	config_edit(&file, PVE, SLICE("memory: 1\nlxc.apparmor.profile: unconfined\n" OFF_MOUNT), both, 2, &arena);
	ok(comes_back(&file, "memory: 1\n\n[s1]\nmemory: 1\n",
		      "memory: 1\nlxc.apparmor.profile: unconfined\n" OFF_MOUNT "\n[s1]\nmemory: 1\n"),
	   "lines_side_by_side_come_back_as_one");
	both[1].index = 3;
	config_edit(&file, PVE, SLICE("memory: 1\nlxc.apparmor.profile: unconfined\nmemory: 1\n" OFF_MOUNT), both, 2,
		    &arena);
	ok(comes_back(&file, "memory: 1\nmemory: 1\n[s1]\n",
		      "memory: 1\nlxc.apparmor.profile: unconfined\nmemory: 1\n" OFF_MOUNT "[s1]\n"),
	   "and where the lines between them are needed for one");
}

static void vmids_are_read_from_paths(void)
{
	is_text(config_vmid(PVE), "103", "a guest's configuration");
	is_text(config_vmid("/etc/pve/lxc/x.conf"), "", "no VMID");
	is_text(config_vmid("/etc/pve/nodes/b/lxc/103.conf"), "", "another node's");
	is_text(config_vmid(LXC), "", "LXC's");
}

int main(void)
{
	lines_go_and_come();
	more_than_a_setting_is_refused();
	apparmor_stays_on();
	removed_lines_come_back_into_an_edited_file();
	lines_side_by_side_come_back_as_one();
	vmids_are_read_from_paths();
	arena_release(&arena);
	return tap_done();
}
