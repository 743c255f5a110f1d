/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include <nestfix/pve.h>

#include "../lib/tap.h"

static struct arena arena;

static struct pve_guest parse(const char *text)
{
	struct pve_guest guest;

	pve_parse(&guest, slice_of(text), &arena);
	return guest;
}

static const char whole[] = "#Debian test guest%3A keep\n#second line\narch: amd64\ncores: 2\n"
			    "features: keyctl=1,nesting=1\nhookscript: local:snippets/old.sh\nhostname: web\n"
			    "lock: backup\nostype: debian\nunprivileged: 1\nlxc.apparmor.raw: one,\n"
			    "lxc.cgroup2.devices.allow: c 10:200 rwm\n\n"
			    "[pve:pending]\ndelete: hookscript\nfeatures: nesting=0\n\n"
			    "[before-upgrade]\n#snapshot\narch: amd64\nhookscript: local:snippets/snap.sh\n"
			    "hostname: old\nlxc.apparmor.profile: unconfined\nsnaptime: 1700000000\n";

static void the_current_section_counts(void)
{
	struct pve_guest g = parse(whole);

	ok(g.unprivileged && g.nesting, "unprivileged and nesting");
	is_text(g.hostname, "web", "hostname");
	is_text(g.ostype, "debian", "ostype");
	is_text(g.hookscript, "local:snippets/old.sh", "hookscript");
	is_text(g.lock, "backup", "lock");
	ok(g.has_pending && g.has_snapshots, "pending changes and snapshots are told");
	ok(!g.has_profile && g.profile.len == 0, "a snapshot's raw profile is not in force");
	is_num(g.raw_count, 2, "raw lines of the current section only");
	is_text(g.kv.entries[g.raw[0]].value, "one,", "in their order");
	g = parse("unprivileged: 0\nfeatures: mount=nfs;cifs\n");
	ok(!g.unprivileged && !g.nesting && !g.has_pending && !g.has_snapshots, "what is off is off");
	g = parse("");
	ok(!g.unprivileged && !g.nesting && g.raw_count == 0, "an empty file");
}

static void pending_changes_come_at_the_next_start(void)
{
	struct pve_guest g = parse(whole);

	ok(g.nesting && !g.next.nesting && g.next.unprivileged, "pending features are those of the next start");
	is_text(g.next.ostype, "debian", "what does not pend stays");
	ok(g.hookscript_pends, "a pending deletion of the hookscript is told");
	g = parse("features: nesting=0\nostype: debian\n\n[pve:pending]\ndelete: ostype,!features cores\nfeatures: "
		  "nesting=1\n");
	ok(!g.nesting && g.next.nesting, "a pending value comes after a pending deletion");
	ok(g.next.ostype.len == 0 && g.ostype.len > 0, "what is deleted is gone then");
	ok(!g.hookscript_pends, "no hookscript pends");
	g = parse("[pve:pending]\nfeatures: nesting=1\n\n[PVE:pending]\nostype: alpine\n");
	ok(!g.next.nesting && slice_is(g.next.ostype, "alpine"), "the last of such sections counts alone");
	g = parse("hookscript: a:snippets/b\n[pve:pending]\nhookscript: a:snippets/c\n[s1]\nfeatures: nesting=1\n");
	ok(g.hookscript_pends && !g.next.nesting, "a pending hookscript is told; a snapshot's features do not come");
	ok(parse("template: 1\n").is_template && !parse("template: 0\n").is_template, "templates are told");
	ok(parse("hookscript: \n").hookscript.len == 1, "a hookscript of blanks is one");
}

static void booleans(void)
{
	ok(parse("features: nesting=on\n").nesting && parse("features: nesting=True\n").nesting, "on, True");
	ok(!parse("features: nesting=No\n").nesting && !parse("features: nesting=off\n").nesting, "No, off");
	ok(!parse("features: fuse=1,xnesting=1\n").nesting, "another option's name");
	ok(parse("features: fuse=1, nesting=1\r\n").nesting, "blanks and CR");
	ok(!parse("unprivileged: 1\nunprivileged: 0\n").unprivileged, "the last of two counts");
}

static void raw_profile(void)
{
	struct pve_guest g = parse("lxc.apparmor.profile = lxc-container-default-cgns\n");

	ok(g.has_profile, "a raw profile with =");
	is_text(g.profile, "lxc-container-default-cgns", "is told");
	g = parse("lxc.apparmor.profile: \n");
	ok(g.has_profile && g.profile.len == 0, "an empty one is one: Proxmox writes none of its own then");
}

static void set_to(const char *text, const char *key, const char *value, const char *want, const char *what)
{
	struct pve_guest g = parse(text);
	AUTOBUF out = { 0 };

	pve_set(&g, key, slice_of(value), &out);
	is_text(buf_slice(&out), want, what);
}

static void set(void)
{
	set_to("arch: amd64\nhostname: x\n", "hookscript", "l:snippets/a",
	       "arch: amd64\nhookscript: l:snippets/a\nhostname: x\n", "a new key goes into byte order");
	set_to("arch: amd64\nhookscript: old\nx: y\n", "hookscript", "new", "arch: amd64\nhookscript: new\nx: y\n",
	       "an old one is replaced where it stands");
	set_to("arch: amd64\nlxc.apparmor.raw: a,\n\n[s1]\narch: i386\n", "hookscript", "h",
	       "arch: amd64\nhookscript: h\nlxc.apparmor.raw: a,\n\n[s1]\narch: i386\n", "before raw lines");
	set_to("arch: amd64\nlxc.apparmor.raw: a,\n", "onboot", "1", "arch: amd64\nonboot: 1\nlxc.apparmor.raw: a,\n",
	       "whatever the key");
	set_to("#d\n\n[s1]\nhookscript: snap\n", "hookscript", "h", "#d\nhookscript: h\n\n[s1]\nhookscript: snap\n",
	       "never in a snapshot");
	set_to("[pve:pending]\nhookscript: p\n", "hookscript", "h", "hookscript: h\n[pve:pending]\nhookscript: p\n",
	       "before pending");
	set_to("arch: amd64", "hookscript", "h", "arch: amd64\nhookscript: h\n",
	       "a last line without line end gets one");
	set_to("", "hookscript", "h", "hookscript: h\n", "into an empty file");
	set_to("arch: amd64\r\nswap: 1\r\n", "hookscript", "h", "arch: amd64\r\nhookscript: h\r\nswap: 1\r\n", "CRLF");
	set_to("hookscript: a\nhookscript: b\n", "hookscript", "c", "hookscript: a\nhookscript: c\n",
	       "of two the one that counts");
}

static void unset(void)
{
	struct pve_guest g = parse("a: 1\nhookscript: x\nb: 2\nhookscript: y\n[s1]\nhookscript: z\n");
	AUTOBUF out = { 0 };

	pve_unset(&g, "hookscript", &out);
	is_text(buf_slice(&out), "a: 1\nb: 2\n[s1]\nhookscript: z\n", "unset takes every one of this section");
	buf_clear(&out);
	pve_unset(&g, "nothing", &out);
	ok(slice_eq(buf_slice(&out), g.kv.text), "unset of what is not there changes nothing");
}

static void volumes(void)
{
	static const char *const bad[] = { "",
					   "local",
					   "local:iso/x",
					   "local:snippets/",
					   ":snippets/x",
					   "1a:snippets/x",
					   "l:snippets/x",
					   "local:snippets/a/b",
					   "local:snippets/..",
					   "lo cal:snippets/x",
					   "local-:snippets/x" };
	struct slice storage = { 0 }, name = { 0 };

	ok(pve_volume(SLICE("local:snippets/aa-nestfix"), &storage, &name), "a volume id of snippets");
	is_text(storage, "local", "its storage");
	is_text(name, "aa-nestfix", "its name");
	ok(pve_volume(SLICE("nas_1.b:snippets/a b"), &storage, &name), "names may hold much");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(!pve_volume(slice_of(bad[i]), &storage, &name), "no volume id of snippets");
}

/* The folder of a storage's snippets, or "". */
static struct slice folder(const char *cfg, const char *id, int major)
{
	struct pve_storages storages;
	const struct pve_storage *s;

	pve_read_storages(&storages, slice_of(cfg), major, &arena);
	s = pve_find_storage(&storages, slice_of(id));
	return s ? slice_of(s->snippets) : SLICE("");
}

static void storages(void)
{
	static const char cfg[] =
	    "# by hand\ndir: local\n\tpath /var/lib/vz\n\tcontent iso,vztmpl\n\n"
	    "nfs: nas\n\texport /x\n\tserver 10.0.0.1\n\n"
	    "dir: fast\n\tpath /mnt/fast/\n\tcontent-dirs iso=i,snippets=my/snips\n\n"
	    "lvmthin: local-lvm\n\tthinpool data\n\n"
	    "cephfs: ceph\n\tpath /ceph\n\n"
	    "glusterfs: gl\n\tserver 10.0.0.2\n\tvolume v\n\ndir: evil\n\tpath /e\n\tcontent-dirs snippets=../../etc\n";

	is_text(folder(cfg, "local", 8), "/var/lib/vz/snippets", "local");
	is_text(folder(cfg, "nas", 8), "/mnt/pve/nas/snippets", "a network storage");
	is_text(folder(cfg, "ceph", 8), "/ceph/snippets", "a network storage with a path");
	is_text(folder(cfg, "fast", 8), "/mnt/fast/my/snips", "another folder for snippets");
	is_text(folder(cfg, "local-lvm", 8), "", "a storage without files");
	is_text(folder(cfg, "other", 8), "", "an unknown storage");
	is_text(folder(cfg, "evil", 8), "/e/snippets", "a folder that climbs out is not taken");
	is_text(folder(cfg, "gl", 8), "/mnt/pve/gl/snippets", "GlusterFS");
	is_text(folder(cfg, "gl", 9), "", "which Proxmox 9 has no more");
}

/* Proxmox resets what it does not like of `local`. */
static void local_is_where_it_always_is(void)
{
	static const char *const moved[] = {
		"",
		"dir: local\n\tpath /data/vz\n\tcontent iso,snippets\n",
		"dir: local\n\tpath /data/vz\n\tcontent-dirs snippets=x\n",
		"lvm: local\n\tpath /x\n",
		"dir: local\n\tcontent snippets\n",
		"dir: local\n\tpath /var/lib/vz\n\tcontent none,iso\n\tcontent-dirs snippets=x\n",
		"dir: local\n\tpath /var/lib/vz\n\tcontent-dirs snippets=x\n\nnfs: local\n\tserver a\n",
		"\n dir: local\n\tpath /data/vz\n",
	};

	for (size_t i = 0; i < sizeof moved / sizeof *moved; i++)
		for (int major = 7; major < 10; major++)
			is_text(folder(moved[i], "local", major), "/var/lib/vz/snippets",
				arena_printf(&arena, "local %zu of Proxmox %d", i, major));
	is_text(folder("dir: local\n\tpath /var/lib/vz\n\tcontent-dirs snippets=x\n", "local", 8), "/var/lib/vz/x",
		"but a folder of its own is left, where the path is the usual one");
}

static int by_id(const void *a, const void *b)
{
	return slice_cmp(((const struct pve_storage *)a)->id, ((const struct pve_storage *)b)->id);
}

static struct slice read_fixture(const char *name)
{
	const char *path = arena_printf(&arena, "tests/fixtures/pve-storage/%s", name);
	FILE *file = fopen(path, "r");
	AUTOBUF bytes = { 0 };
	int c;

	if (!file)
		return (struct slice){ 0 };
	while ((c = getc(file)) != EOF)
		buf_addc(&bytes, (char)c);
	fclose(file);
	return arena_slice(&arena, buf_slice(&bytes));
}

static void add_answers(struct buf *out, int major, int number)
{
	struct slice cfg = read_fixture(arena_printf(&arena, "%02d.cfg", number));
	struct pve_storages storages;

	pve_read_storages(&storages, cfg, major, &arena);
	qsort(storages.list, storages.count, sizeof *storages.list, by_id);
	for (size_t i = 0; i < storages.count; i++) {
		const struct pve_storage *s = &storages.list[i];

		if (!s->snippets)
			continue;
		buf_addf(out, "%d\t%02d\t%.*s\t", major, number, SLICE_FMT(s->id));
		for (const char *p = s->snippets; *p; p++)
			if (p[0] != '/' || p[1] != '/')
				buf_addc(out, *p);
		buf_addf(out, "\t%s\t%s\t%s\t%s\n", s->shared ? "shared" : "own", s->nodes.len ? "some" : "all",
			 s->takes_snippets ? "snippets" : "-", s->disabled ? "disabled" : "-");
	}
}

/* Line by line, so that the first difference is shown. */
static void reads_as_proxmox_does(void)
{
	struct slice wanted = read_fixture("answers"), got;
	AUTOBUF text = { 0 };
	size_t lines = 0;

	for (int major = 7; major < 10; major++)
		for (int number = 0; number < 66; number++)
			add_answers(&text, major, number);
	got = buf_slice(&text);
	while (wanted.len > 0 &&
	       slice_eq(slice_sub(wanted, 0, slice_line_end(wanted, 0)), slice_sub(got, 0, slice_line_end(got, 0)))) {
		wanted = slice_from(wanted, slice_line_end(wanted, 0));
		got = slice_from(got, slice_line_end(got, 0));
		lines++;
	}
	ok(lines > 400, "recorded answers of Proxmox");
	is_text(slice_sub(got, 0, slice_line_end(got, 0)),
		arena_str(&arena, slice_sub(wanted, 0, slice_line_end(wanted, 0))),
		"storage.cfg is read as Proxmox does");
}

static void vmids(void)
{
	ok(pve_is_vmid(SLICE("100")) && pve_is_vmid(SLICE("999999999")), "100 and 999999999");
	ok(!pve_is_vmid(SLICE("99")) && !pve_is_vmid(SLICE("0100")) && !pve_is_vmid(SLICE("1000000000")) &&
	       !pve_is_vmid(SLICE("10a")) && !pve_is_vmid(SLICE("")),
	   "and nothing else");
}

/* The length of what two texts share at their begin. */
static size_t shared_front(struct slice a, struct slice b)
{
	size_t n = 0;

	while (n < a.len && n < b.len && a.ptr[n] == b.ptr[n])
		n++;
	return n;
}

static size_t shared_back(struct slice a, struct slice b)
{
	size_t n = 0;

	while (n < a.len && n < b.len && a.ptr[a.len - 1 - n] == b.ptr[b.len - 1 - n])
		n++;
	return n;
}

static bool same_but(const struct pve_guest *a, const struct pve_guest *b, const char *key)
{
	size_t i = 0, j = 0;

	for (;;) {
		while (i < a->kv.count && a->kv.entries[i].section == 0 && slice_is(a->kv.entries[i].key, key))
			i++;
		while (j < b->kv.count && b->kv.entries[j].section == 0 && slice_is(b->kv.entries[j].key, key))
			j++;
		if (i == a->kv.count || j == b->kv.count)
			return i == a->kv.count && j == b->kv.count;
		if (a->kv.entries[i].kind != b->kv.entries[j].kind ||
		    !slice_eq(a->kv.entries[i].key, b->kv.entries[j].key) ||
		    !slice_eq(a->kv.entries[i].value, b->kv.entries[j].value) ||
		    a->kv.entries[i].section != b->kv.entries[j].section)
			return false;
		i++;
		j++;
	}
}

/* Law: set changes one line and no other byte; unset takes it out again. */
static bool law(const char *text, const char *key)
{
	struct pve_guest before = parse(text), after, back;
	bool had = keyval_last(&before.kv, 0, key) != NULL, good;
	AUTOBUF out = { 0 }, undone = { 0 };
	struct slice old = slice_of(text), now;

	pve_set(&before, key, SLICE("local:snippets/new"), &out);
	now = buf_slice(&out);
	pve_parse(&after, now, &arena);
	good = keyval_last(&after.kv, 0, key) && slice_is(keyval_last(&after.kv, 0, key)->value, "local:snippets/new");
	good = good && same_but(&before, &after, key);
	/* what is not shared is less than the line */
	good = good && (had || shared_front(old, now) + shared_back(old, now) >= old.len);
	pve_unset(&after, key, &undone);
	pve_parse(&back, buf_slice(&undone), &arena);
	good = good && !keyval_last(&back.kv, 0, key) && same_but(&before, &back, key);
	if (!had && slice_ends(old, "\n"))
		good = good && slice_eq(old, buf_slice(&undone));
	return good;
}

static void law_of_edits(void)
{
	static const char *const head[] = { "", "#desc%0Aription\n", "#a\n\n# b \n", "\r\n" };
	static const char *const body[] = { "", "arch: amd64\nhostname: h\n", "hookscript: local:snippets/old\n",
					    "zfs_x: 1\nstrange line\n arch: i386\nmp0: local:1,mp=/x\n",
					    "hookscript: a\ncores: 1\nhookscript: b\n" };
	static const char *const raw[] = { "", "lxc.apparmor.raw: deny /x w,\nlxc.idmap = u 0 1 1\n" };
	static const char *const tail[] = { "", "\n[pve:pending]\nhookscript: p\n", "\n[s1]\narch: i386\nlxc.idmap: x",
					    "[s1]\nhookscript: s\n\n[S-2]\n#d\nsnaptime: 1\n" };
	static const char *const keys[] = { "hookscript", "aaa", "zzz" };
	int bad = 0, done = 0;

	for (int i = 0; i < 4 * 5 * 2 * 4 * 3; i++) {
		AUTOBUF text = { 0 };

		buf_addf(&text, "%s%s%s%s", head[i % 4], body[i / 4 % 5], raw[i / 20 % 2], tail[i / 40 % 4]);
		if (!law(buf_str(&text), keys[i / 160]) && bad++ == 0)
			printf("# key %s in:\n# %s\n", keys[i / 160], buf_str(&text));
		done++;
	}
	is_num(bad, 0, "law: setting a key changes one line and no other byte");
	ok(done >= 100, "over a hundred files");
	ok(law(whole, "hookscript") && law(whole, "onboot"), "the law for a file as Proxmox writes it");
}

int main(void)
{
	the_current_section_counts();
	pending_changes_come_at_the_next_start();
	booleans();
	raw_profile();
	set();
	unset();
	volumes();
	storages();
	local_is_where_it_always_is();
	reads_as_proxmox_does();
	vmids();
	law_of_edits();
	arena_release(&arena);
	return tap_done();
}
