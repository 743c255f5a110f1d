/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/harden.h>

#include "../lib/tap.h"

#define PVE "/etc/pve/lxc/103.conf"
#define LXC "/var/lib/lxc/web1/config"

static struct arena arena;

/* A host of two files: the container's own, and one that it may include. */
static const char *own_path;
static struct slice own, included = { "lxc.apparmor.profile = unconfined\n", 34 };

static int read_file(void *ctx, const char *path, enum policy_found *found, struct slice *bytes, struct slice **names,
		     size_t *count, struct arena *a, struct err *err)
{
	(void)ctx, (void)names, (void)count, (void)a, (void)err;
	*found = POLICY_FILE;
	*bytes = own;
	if (strcmp(path, "/inc") == 0)
		*bytes = included;
	else if (slice_starts(slice_of(path), "/usr/share/lxc/config/"))
		*bytes = SLICE("");
	else if (strcmp(path, own_path) != 0)
		*found = POLICY_MISSING;
	return 0;
}

static const struct policy_reader reader = { NULL, read_file };
static const struct root root = { .fd = -1 };
static const struct container_host no_host;

/* The container as container_list would give it. */
static struct container container_of(const char *path, struct slice text)
{
	struct container c = {
		.kind = strcmp(path, PVE) == 0 ? CONTAINER_PVE : CONTAINER_LXC,
		.name = SLICE("103"),
		.config = path,
		.lxcpath = SLICE("/var/lib/lxc"),
	};
	struct container out;
	struct err err = { 0 };

	own_path = path;
	own = text;
	pve_parse(&c.pve, c.kind == CONTAINER_PVE ? text : SLICE(""), &arena);
	if (harden_after(&out, &no_host, &root, &c, text, &reader, &arena, &err) < 0)
		printf("# %s\n", err.text);
	return out;
}

static struct harden find(const char *path, struct slice text, bool *any)
{
	struct container *c = ARENA_NEW(&arena, struct container);
	struct harden found;

	*c = container_of(path, text);
	*any = harden_find(&found, c, text, &arena);
	return found;
}

/* A file is put together from one of each row; rows 1 and 3 are the lines that go. */
enum { ROWS = 5, CHOICES = 4 };

static const char *const lxc_rows[ROWS][CHOICES] = {
	{ "", "lxc.include = /none/\n# why\n", "lxc.uts.name=x\n\n",
	  "lxc.apparmor.profile = generated\n\tlxc.mount.auto = proc\n" },
	{ "lxc.apparmor.profile = unconfined\n", "  lxc.apparmor.profile\t=unconfined  \n",
	  "lxc.apparmor.profile = 'unconfined'\n",
	  "lxc.apparmor.profile=unconfined\nlxc.apparmor.profile = \"unconfined\"\n" },
	{ "", "lxc.cap.drop =\n", "lxc.mount.entry = /srv srv none bind 0 0\nfree text\n",
	  "lxc.apparmor.raw = deny /x w,\n" },
	{ "lxc.mount.entry = /dev/null sys/module/apparmor/parameters/enabled none bind 0 0\n",
	  "lxc.mount.entry=/dev/null /sys/module/apparmor/parameters/enabled none bind,create=file,optional 0 0\n",
	  "lxc.mount.entry = /dev/null\t/var/lib/lxc/web1/rootfs/sys/module/apparmor/parameters/enabled\tnone "
	  "bind,ro\n",
	  "" },
	{ "", "lxc.net.0.type = veth\n", "lxc.net.0.type = veth",
	  "lxc.uts.name = x\n# lxc.apparmor.profile = unconfined\n" },
};
static const char *const pve_rows[ROWS][CHOICES] = {
	{ "", "#Mail%3A lxc.apparmor.profile%3A unconfined\narch: amd64\n", "arch: amd64\nhostname: x\n\n",
	  "memory: 512\narch: amd64\nodd line\n" },
	{ "lxc.apparmor.profile: unconfined\n", "lxc.apparmor.profile = unconfined\n",
	  "lxc.apparmor.profile:   unconfined \n",
	  "lxc.apparmor.profile: unconfined\nlxc.apparmor.profile: unconfined\n" },
	{ "", "lxc.cap.drop: \n", "lxc.mount.entry: /srv srv none bind 0 0\n", "lxc.cgroup2.devices.allow: a\n" },
	{ "lxc.mount.entry: /dev/null sys/module/apparmor/parameters/enabled none bind 0 0\n",
	  "lxc.mount.entry: /dev/null sys/module/apparmor/parameters/enabled none bind,create=file 0 0\n",
	  "lxc.mount.entry = /dev/null sys/module/apparmor/parameters/enabled none bind,optional 0 0\n", "" },
	{ "", "swap: 0\n\n[pve:pending]\nlxc.apparmor.profile: unconfined\n",
	  "\n[s1]\n#note\nlxc.apparmor.profile: unconfined\nlxc.mount.entry: /dev/null "
	  "sys/module/apparmor/parameters/enabled none bind 0 0\n\n[s2]\nmemory: 1\n",
	  "unprivileged: 1" },
};

static struct slice put_together(const char *const rows[ROWS][CHOICES], unsigned pick, bool whole, bool crlf)
{
	AUTOBUF out = { 0 };

	for (int row = 0; row < ROWS; row++, pick /= CHOICES) {
		const char *part = rows[row][pick % CHOICES];

		for (; *part && (whole || (row != 1 && row != 3)); part++) {
			if (crlf && *part == '\n')
				buf_addc(&out, '\r');
			buf_addc(&out, *part);
		}
	}
	return arena_slice(&arena, buf_slice(&out));
}

/* ≥ 100 varied files: exactly the lines meant go, every other byte stays, and that can be proved. */
static size_t count_wrong(const char *path, const char *const rows[ROWS][CHOICES], bool crlf)
{
	size_t wrong = 0;

	for (unsigned pick = 0; pick < 1024; pick++) {
		struct slice text = put_together(rows, pick, true, crlf), want = put_together(rows, pick, false, crlf);
		struct config_proof *proof;
		struct err err = { 0 };
		bool any;
		struct harden h = find(path, text, &any);

		if (any && slice_eq(h.file.new_, want) && config_prove(&proof, &h.file, 1, NULL, &arena, &err) == 0)
			continue;
		if (wrong++ == 0)
			printf("# %s\n# from:\n%.*s\n# got:\n%.*s\n", err.text, SLICE_FMT(text),
			       SLICE_FMT(h.file.new_));
	}
	return wrong;
}

static void every_other_byte_stays(void)
{
	is_num(count_wrong(LXC, lxc_rows, false), 0, "LXC: 1024 files");
	is_num(count_wrong(LXC, lxc_rows, true), 0, "LXC: 1024 files with CRLF");
	is_num(count_wrong(PVE, pve_rows, false), 0, "Proxmox: 1024 files");
	is_num(count_wrong(PVE, pve_rows, true), 0, "Proxmox: 1024 files with CRLF");
}

static void what_protects_is_left_alone(void)
{
	bool any;

	find(LXC, SLICE("lxc.apparmor.profile = unconfined\nlxc.apparmor.profile = generated\n"), &any);
	ok(!any, "a line that another one overrules");
	find(LXC,
	     SLICE("lxc.mount.entry = /dev/null sys/module/apparmor/parameters/enabled none bind\n"
		   "lxc.mount.entry =\nlxc.apparmor.profile = generated\n"),
	     &any);
	ok(!any, "a mount entry that was set back");
	find(LXC, SLICE("lxc.apparmor.profile = unchanged\n"), &any);
	ok(!any, "unchanged is no workaround");
	find(PVE, SLICE("arch: amd64\n\n[s1]\nlxc.apparmor.profile: unconfined\n"), &any);
	ok(!any, "a line of a snapshot");
}

static void included_lines_are_only_told(void)
{
	bool any;
	struct harden h = find(LXC, SLICE("lxc.include = /inc\nlxc.uts.name = x\n"), &any);

	ok(any && h.line_count == 1 && !h.lines[0].own, "a line of an included file is found, as not its own");
	is_text(slice_of(h.lines[0].place.path), "/inc", "with its file");
	is_num(h.lines[0].place.line, 1, "and line");
	is_num(h.file.edit_count, 0, "and nothing goes");
}

static void after_is_what_the_next_start_brings(void)
{
	struct container c = container_of(PVE, SLICE("features: nesting=1\n"));

	is_num(c.origin, CONTAINER_GENERATED, "Proxmox generates where no profile is named");
	ok(c.nesting, "with the nesting of its features");
	is_text(c.profile, "lxc-103_</var/lib/lxc>", "under its name");
	c = container_of(PVE, SLICE("lxc.apparmor.profile: mine\nfeatures: nesting=1\n"));
	is_num(c.origin, CONTAINER_STATIC, "a raw profile is a static one");
	ok(!c.nesting, "and drops the features' nesting");
	c = container_of(LXC, SLICE("lxc.uts.name = x\n"));
	is_text(c.profile, "lxc-container-default-cgns", "LXC's default");
}

static void proxmox_may_forbid_it(void)
{
	struct container_host host = { .is_pve = true, .pve_has_quorum = true };
	struct container c = container_of(PVE, SLICE("lock: backup\nlxc.apparmor.profile: unconfined\n"));
	const char *why = harden_forbidden(&host, &c, &arena);

	is_text(slice_of(why ? why : ""), "Proxmox has locked it (lock: backup)", "a lock");
	c = container_of(PVE, SLICE("lxc.apparmor.profile: unconfined\n"));
	ok(!harden_forbidden(&host, &c, &arena), "none");
	host.pve_has_quorum = false;
	ok(harden_forbidden(&host, &c, &arena) != NULL, "no quorum");
	c.kind = CONTAINER_USER;
	ok(harden_forbidden(&host, &c, &arena) != NULL, "a user's container");
}

int main(void)
{
	every_other_byte_stays();
	what_protects_is_left_alone();
	included_lines_are_only_told();
	after_is_what_the_next_start_brings();
	proxmox_may_forbid_it();
	arena_release(&arena);
	return tap_done();
}
