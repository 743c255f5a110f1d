/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `t-container show ROOT` prints what is found below a root, for tests/t-hosts.sh; `count ROOT` only how many. */
#include <nestfix/container.h>

#include "../lib/reader.h"
#include "../lib/tap.h"
#include "../lib/tmp.h"

static struct arena arena;
static struct root root;
static struct err err;
static struct container_host host;

static void put(const char *path, const char *text)
{
	tmp_write(path, text, strlen(text), 0644);
}

static void link_to(const char *path, const char *target)
{
	unlink(tmp_path(path));
	put(path, "");
	unlink(tmp_path(path));
	if (symlink(target, tmp_path(path)) != 0)
		perror(path);
}

static void tmp_remove_below(const char *path)
{
	nftw(tmp_path(path), tmp_remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

static int look(const struct root *proc)
{
	const struct policy_reader reader = { &root, reader_disk };

	err_clear(&err);
	return container_list_live(&host, &root, proc, &reader, &arena, &err);
}

static const struct container *find(const char *name)
{
	static const struct container none;
	const struct container *c;

	return container_find(&host, slice_of(name), &c, NULL) == 0 && c ? c : &none;
}

static bool is_there(const char *name)
{
	return find(name)->name.len > 0;
}

static void an_empty_root(void)
{
	is_num(look(NULL), 0, "a root without anything");
	ok(host.count == 0 && !host.is_pve && host.lxc.len == 0 && host.liblxc_state == PACKAGES_LIBLXC_UNKNOWN,
	   "holds nothing");
	ok(!is_there("x"), "and finds nothing");
}

static void odd_names_are_data(void)
{
	put("/var/lib/lxc/a b/config", "lxc.apparmor.profile = generated\n");
	put("/var/lib/lxc/q\"'*?/config", "lxc.uts.name = x\n");
	put("/var/lib/lxc/new\nline/config", "lxc.apparmor.profile = unconfined\n");
	put("/var/lib/lxc/..dots/config", "lxc.uts.name = x\n");
	put("/var/lib/lxc/.hidden/config", "lxc.uts.name = x\n");
	put("/var/lib/lxc/empty/rootfs/etc/x", "");
	is_num(look(NULL), 0, "odd names");
	is_num(host.count, 3, "those with a dot in front and those without a config are none");
	is_text(find("a b")->profile, "lxc-a b_</var/lib/lxc>", "blanks");
	is_text(slice_of(find("q\"'*?")->config), "/var/lib/lxc/q\"'*?/config", "quotes and glob characters");
	is_text(find("q\"'*?")->profile, "lxc-container-default-cgns", "the default profile");
	is_num(find("new\nline")->origin, CONTAINER_UNCONFINED, "a line end");
}

static void configurations_decide(void)
{
	static const char hide[] = "lxc.mount.entry = /dev/null sys/module/apparmor/parameters/enabled none bind 0 0\n";
	AUTOBUF text = { 0 };

	buf_adds(&text, "lxc.apparmor.profile = unconfined\n");
	buf_adds(&text, hide);
	put("/var/lib/lxc/off/config", buf_str(&text));
	buf_clear(&text);
	buf_adds(&text, "lxc.apparmor.profile = generated\nlxc.apparmor.allow_nesting = 1\nlxc.idmap = u 0 1 1\n");
	buf_adds(&text, hide);
	put("/var/lib/lxc/gen/config", buf_str(&text));
	put("/var/lib/lxc/gen/apparmor/lxc-gen_<-var-lib-lxc>", "profile x {}\n");
	put("/var/lib/lxc/same/config", "lxc.apparmor.profile = unchanged\n");
	put("/var/lib/lxc/own/config", "lxc.apparmor.profile = my-own\n");
	put("/var/lib/lxc/bad/config", "lxc.apparmor.profile = generated\nlxc.oops\n");
	tmp_write("/var/lib/lxc/loose/config", "lxc.uts.name = x\n", 17, 0666);
	is_num(look(NULL), 0, "one unreadable container does not stop it");
	is_num(find("off")->origin, CONTAINER_OFF, "unconfined and hidden is off");
	ok(find("gen")->origin == CONTAINER_GENERATED && find("gen")->hidden,
	   "hidden alone leaves the profile in force");
	ok(find("gen")->nesting && find("gen")->unprivileged, "nesting, unprivileged");
	is_text(slice_of(find("gen")->generated), "/var/lib/lxc/gen/apparmor/lxc-gen_<-var-lib-lxc>", "generated text");
	is_num(find("same")->origin, CONTAINER_UNCHANGED, "unchanged");
	ok(find("own")->origin == CONTAINER_STATIC && !find("own")->generated, "a profile by name");
	is_text(find("own")->profile, "my-own", "its name");
	is_err(&find("bad")->err, "/var/lib/lxc/bad/config:2:", "a bad line is told with its place");
	is_num(find("bad")->origin, CONTAINER_GENERATED, "and what stands before it");
	is_err(&find("loose")->err, "cannot trust", "a file that others can write is not trusted");
	is_num(find("loose")->profile.len, 0, "nor read");
}

static void other_paths(void)
{
	put("/etc/lxc/lxc.conf", "lxc.lxcpath = /srv/ct\n");
	put("/srv/ct/far/config", "lxc.apparmor.profile = generated\n");
	is_num(look(NULL), 0, "lxc.lxcpath");
	is_text(find("far")->profile, "lxc-far_</srv/ct>", "is looked at, too");
	ok(find("own")->config != NULL, "beside the default one");
	link_to("/var/lib/lxc/linked", "/srv/ct/far");
	look(NULL);
	ok(find("linked")->config && !err_is_set(&find("linked")->err), "a container's folder may be a link");
	put("/etc/lxc/lxc.conf", "lxc.lxcpath = relative/path\n");
	is_num(look(NULL), 0, "a relative lxcpath is passed over");
}

/* liblxc gives the folder of an unprivileged container to the container's root. */
static void mapped_roots(void)
{
	put("/usr/share/lxc/config/ids.conf", "lxc.idmap = u 0 200000 10\n");
	put("/var/lib/lxc/mapped/config",
	    "lxc.apparmor.profile = generated\nlxc.include = /usr/share/lxc/config/ids.conf\n"
	    "lxc.include = /var/lib/lxc/mapped/config.more\n");
	put("/var/lib/lxc/mapped/config.more", "lxc.apparmor.profile = unconfined\n");
	put("/var/lib/lxc/mapped/apparmor/lxc-mapped_<-var-lib-lxc>", "profile x {}\n");
	if (chown(tmp_path("/var/lib/lxc/mapped"), 200009, 0) != 0 || chmod(tmp_path("/var/lib/lxc/mapped"), 0770)) {
		tap_skip("a folder of the mapped root's", "needs root");
		return;
	}
	is_num(look(NULL), 0, "a folder of a uid of its lxc.idmap");
	is_num(find("mapped")->origin, CONTAINER_GENERATED, "is passed to its configuration");
	ok(find("mapped")->generated, "and to the text that liblxc wrote");
	is_err(&find("mapped")->err, "/mapped' belongs to uid 200009", "but to no other file in it");
	put("/var/lib/lxc/mapped/config", "lxc.apparmor.profile = generated\nlxc.idmap = u 0 200000 10\n");
	look(NULL);
	ok(find("mapped")->generated && !err_is_set(&find("mapped")->err), "without that one all is well");
	if (link(tmp_path("/var/lib/lxc/mapped/config"), tmp_path("/var/lib/lxc/twice")) == 0) {
		look(NULL);
		ok(!find("mapped")->generated, "a configuration with a second name speaks for no folder");
		unlink(tmp_path("/var/lib/lxc/twice"));
	}
	if (chown(tmp_path("/var/lib/lxc/mapped"), 200010, 0) != 0)
		return;
	look(NULL);
	is_err(&find("mapped")->err, "/mapped' belongs to uid 200010", "another uid's is not passed");
	ok(!find("mapped")->generated && find("mapped")->lxc.file_count == 0, "nothing is read there");
	put("/var/lib/lxc/mapped/config", "lxc.apparmor.profile = generated\nlxc.idmap = g 0 200010 10\n");
	look(NULL);
	is_err(&find("mapped")->err, "belongs to uid 200010", "nor one of a group's number");
	unlink(tmp_path("/var/lib/lxc/mapped/config"));
}

static void users_containers(void)
{
	put("/home/alice/.local/share/lxc/hers/config", "lxc.apparmor.profile = unconfined\n");
	put("/home/bob/file", "");
	if (chown(tmp_path("/home/alice/.local/share/lxc/hers/config"), 1000, 1000) != 0) {
		tap_skip("users' containers", "needs root");
		return;
	}
	is_num(look(NULL), 0, "containers of users");
	is_num(find("hers")->kind, CONTAINER_USER, "are told apart");
	is_err(&find("hers")->err, "belongs to uid 1000", "and not read");
	ok(find("hers")->unprivileged && find("hers")->lxc.profile.value.len == 0, "nothing of it counts");
	is_num(host.list[host.count - 1].kind, CONTAINER_USER, "they come last");
	link_to("/home/bob/.local/share/lxc", "/var/lib/lxc");
	put("/home/eve/.local/share/lxc/own/x", "");
	link_to("/home/eve/.local/share/lxc/own/config", "/var/lib/lxc/own/config");
	if (chown(tmp_path("/home/bob/.local/share"), 1001, 1001) != 0 ||
	    chown(tmp_path("/home/eve/.local/share/lxc"), 1001, 1001) != 0)
		return;
	look(NULL);
	ok(slice_is(host.list[host.count - 1].name, "own") && host.list[host.count - 1].lxc.file_count == 0,
	   "nothing is read through a user's link");
	is_num(host.list[host.count - 1].kind, CONTAINER_USER, "a user's container it is");
	ok(host.list[host.count - 2].kind != CONTAINER_USER || slice_is(host.list[host.count - 2].name, "hers"),
	   "nor is a link to the host's containers followed");
	unlink(tmp_path("/home/bob/.local/share/lxc"));
	unlink(tmp_path("/home/eve/.local/share/lxc/own/config"));
}

/* A name that two containers have is nobody's; each can be named by its folder. */
static void equal_names(void)
{
	const struct container *c;

	put("/etc/lxc/lxc.conf", "lxc.lxcpath = /srv/ct\n");
	put("/srv/ct/own/config", "lxc.apparmor.profile = unconfined\n");
	put("/srv/ct/hers/config", "lxc.apparmor.profile = generated\n");
	is_num(look(NULL), 0, "two lxcpaths");
	ok(container_find(&host, SLICE("own"), &c, &err) == -1 && err.kind == ERR_USAGE, "an equal name is asked back");
	is_err(&err, "several have this name", "  in a sentence");
	ok(strstr(err.hint, "/srv/ct/own (lxc)") && strstr(err.hint, "/var/lib/lxc/own (lxc)"), "  with both");
	is_text(find("/srv/ct/own")->lxcpath, "/srv/ct", "one is named by its folder");
	is_text(find("/var/lib/lxc/own/")->lxcpath, "/var/lib/lxc", "the other, too");
	is_text(find("/var/lib/lxc/own/config")->lxcpath, "/var/lib/lxc", "or by its configuration");
	ok(!is_there("/var/lib/lxc") && !is_there("/var/lib/lxc/ow") && !is_there("/"), "other paths are none");
	is_text(find("/srv/ct/own")->title, "/srv/ct/own", "which is what it is called");
	is_text(find("off")->title, "off", "where a name is enough, that is");
	is_num(find("hers")->kind, CONTAINER_LXC, "a user's container of the same name does not count");
	is_text(find("hers")->title, "hers", "  nor make the name unclear");
	is_text(find("/home/alice/.local/share/lxc/hers")->title, "/home/alice/.local/share/lxc/hers",
		"  and is named by its folder");
	tmp_remove_below("/srv/ct");
	link_to("/srv/ct", "../var/lib/lxc");
	is_num(look(NULL), 0, "an lxcpath that is a link to the default one");
	ok(slice_is(find("own")->lxcpath, "/srv/ct") && slice_is(find("own")->title, "own"),
	   "  is that one, as lxc.conf spells it");
	unlink(tmp_path("/srv/ct"));
	put("/etc/lxc/lxc.conf", "");
}

static void proxmox(void)
{
	put("/var/lib/dpkg/status", "Package: pve-manager\nStatus: install ok installed\nVersion: 8.4.1\n");
	put("/var/lib/lxc/101/config", "lxc.apparmor.profile = unconfined\n");
	put("/usr/share/lxc/config/common.conf", "lxc.include = /usr/share/lxc/config/common.conf.d/\n");
	put("/usr/share/lxc/config/common.conf.d/60-x.conf", "lxc.hook.start-host = /x\n");
	put("/usr/share/lxc/config/userns.conf", "lxc.cap.drop =\n");
	is_num(look(NULL), 0, "Proxmox without /etc/pve");
	ok(host.is_pve && !host.pve_is_mounted && !host.pve_has_quorum && host.pve_major == 8, "is told");
	is_num(find("101")->kind, CONTAINER_PVE, "a VMID in /var/lib/lxc is Proxmox'");
	is_err(&find("101")->err, "/etc/pve is not mounted", "with the trouble");
	put("/etc/pve/nodes/a/lxc/101.conf",
	    "features: nesting=1\nostype: debian\nunprivileged: 1\nlxc.apparmor.raw: x,\n"
	    "[snap]\nlxc.apparmor.profile: unconfined\n");
	put("/etc/pve/nodes/a/lxc/1000.conf", "hostname: h\nlxc.apparmor.profile: \n");
	put("/etc/pve/nodes/a/lxc/099.conf", "hostname: h\n");
	put("/etc/pve/nodes/a/lxc/102.conf.tmp.77", "hostname: h\n");
	put("/etc/pve/nodes/b/lxc/202.conf", "hostname: there\n");
	put("/var/lib/lxc/202/config", "lxc.uts.name = left-behind\n");
	link_to("/etc/pve/local", "nodes/a");
	link_to("/etc/pve/lxc", "nodes/a/lxc");
	is_num(look(NULL), 0, "Proxmox");
	ok(host.pve_is_mounted && host.pve_has_quorum, "with quorum");
	ok(!is_there("202"), "another node's guest is not listed");
	ok(!is_there("099") && !is_there("102"), "nor what is no guest");
	is_text(find("101")->profile, "lxc-101_</var/lib/lxc>", "VMID.conf counts, not what LXC was given last time");
	ok(find("101")->nesting && find("101")->unprivileged, "its features");
	is_num(find("101")->lxc.start_host.count, 1, "the common configuration counts");
	is_num(find("101")->lxc.raw.count, 1, "raw lines count, those of a snapshot do not");
	is_num(find("101")->lxc.raw.items[0].place.line, 4, "with their line");
	is_text(find("1000")->profile, "lxc-container-default-cgns", "an empty raw profile gives LXC's default");
	ok(find("1000")->lxc.raw.count == 0, "and Proxmox adds no rules of its own");
	ok(slice_is(host.list[host.count - 1].name, "hers") || geteuid() != 0, "sorted by kind");
	chmod(tmp_path("/etc/pve/nodes/a"), 0555);
	look(NULL);
	ok(host.pve_is_mounted && !host.pve_has_quorum, "no write bit is no quorum");
	chmod(tmp_path("/etc/pve/nodes/a"), 0755);
}

static void incus_and_lxd(void)
{
	static const char ct[] = "profile \"incus-p_c1_</var/lib/incus>\" {\n  ### Base profile\n"
				 "  ### Configuration: nesting\n}\n";

	put("/var/lib/incus/security/apparmor/profiles/incus-p_c1", ct);
	put("/var/lib/incus/security/apparmor/profiles/incus-vm", "profile \"incus-vm\" {\n  /dev/kvm rw,\n}\n");
	put("/var/lib/incus/security/apparmor/profiles/incus_dnsmasq-br0", "profile \"x\" {\n  ### Base profile\n}\n");
	put("/var/lib/lxd/security/apparmor/profiles/lxd-c2", "profile \"lxd-c2_<x>\" {\n  ### Base profile\n}\n");
	put("/var/snap/lxd/common/lxd/security/apparmor/profiles/lxd-c2",
	    "profile \"lxd-c2_<x>\" {\n  ### Base profile\n}\n");
	is_num(look(NULL), 0, "Incus and LXD");
	is_num(find("p_c1")->kind, CONTAINER_INCUS, "an Incus container");
	is_text(find("p_c1")->profile, "incus-p_c1_</var/lib/incus>", "its profile's name");
	ok(find("p_c1")->nesting && !find("p_c1")->unprivileged, "its nesting");
	ok(!is_there("vm"), "a virtual machine is none");
	is_num(find("c2")->kind, CONTAINER_LXD, "an LXD container");
	ok(host.list[host.count - 1].kind == CONTAINER_USER ? !slice_is(host.list[host.count - 3].name, "c2")
							    : !slice_is(host.list[host.count - 2].name, "c2"),
	   "is listed once where /var/lib/lxd is the snap's");
}

static void process_named(const char *name, int pid, int ppid, const char *uids, const char *nspid, const char *label)
{
	AUTOBUF text = { 0 };

	buf_addf(&text, "Name:\t%s\nPPid:\t%d\nUid:\t%s\nNSpid:\t%s\n", name, ppid, uids, nspid);
	put(arena_printf(&arena, "/proc/%d/status", pid), buf_str(&text));
	put(arena_printf(&arena, "/proc/%d/attr/current", pid), label);
	link_to(arena_printf(&arena, "/proc/%d/root", pid), "/");
}

static void process_of(int pid, int ppid, const char *uids, const char *nspid, const char *label)
{
	process_named("x", pid, ppid, uids, nspid, label);
}

static void process(int pid, int ppid, int uid, const char *nspid, const char *label)
{
	process_of(pid, ppid, arena_printf(&arena, "%d\t%d\t%d\t%d", uid, uid, uid, uid), nspid, label);
}

static void opens(int pid, int fd, const char *target)
{
	link_to(arena_printf(&arena, "/proc/%d/fd/%d", pid, fd), target);
}

/* A socket that was made under a uid: what the link of procfs jumps to. */
static void holds(int pid, int fd, int inode, uid_t maker)
{
	const char *link = arena_printf(&arena, "socket:[%d]", inode);
	const char *path = arena_printf(&arena, "/proc/%d/fd/%s", pid, link);

	opens(pid, fd, link);
	unlink(tmp_path(path));
	if (mknod(tmp_path(path), S_IFSOCK | 0777, 0) != 0 || chown(tmp_path(path), maker, 0) != 0)
		perror(path);
}

static const char sockets[] =
    "Num       RefCount Protocol Flags    Type St Inode Path\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 501 @/var/lib/lxc/own/command\n"
    "0000000000000000: 00000003 00000000 00000000 0001 03 509 @/var/lib/lxc/same/command\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 504 @/var/lib/lxc/off/command\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 505 @/opt/lxc/else/command\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 506 @/opt/lxc/theirs/command\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 507 /var/lib/lxc/bad/command\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 508 @/var/lib/incus/containers/p_c1/command\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 505 @/../../etc/command\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 505 @/opt/lxc/../lxc/else/command\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 505 @/opt//lxc/else/command\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 511 @/opt/lxc/.x/command\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 512 @/home/alice/.local/share/lxc/hers/command\n"
    "garbage @/var/lib/lxc/bad/command\n";

static void live(void)
{
	put("/proc/net/unix", sockets);
	put("/opt/lxc/else/config", "lxc.apparmor.profile = generated\n");
	put("/opt/lxc/.x/config", "lxc.uts.name = x\n");
	put("/var/lib/incus/containers/p_c1/config", "lxc.uts.name = x\n");
	tmp_write("/opt/lxc/theirs/config", "lxc.uts.name = x\n", 17, 0666);
	process(1, 0, 0, "1", "unconfined\n");
	opens(1, 0, "/dev/null");
	process(40, 1, 0, "40", "/usr/bin/lxc-start (enforce)\n");
	opens(40, 3, "/dev/null");
	holds(40, 4, 501, 0);
	process(41, 40, 0, "41\t1", "lxc-container-default-cgns (enforce)\n");
	process(42, 41, 0, "42\t2", "lxc-container-default-cgns (enforce)\n");
	process(43, 42, 0, "43\t9\t1", "inner (enforce)\n");
	/* a user who binds the name of a container of root's and makes a pid namespace */
	process(60, 1, 1000, "60", "unconfined\n");
	holds(60, 3, 504, 1000);
	process(61, 60, 1000, "61\t1", "lxc-off_</var/lib/lxc>//&:x:y (enforce)\n");
	process(65, 1, 1000, "65", "unconfined\n");
	holds(65, 3, 512, 1000);
	process(66, 65, 100000, "66\t1", "unconfined\n");
	process(68, 1, 0, "68", "unconfined\n");
	holds(68, 3, 505, 0);
	holds(68, 4, 506, 0);
	holds(68, 5, 511, 0);
	process(70, 1, 0, "70", "unconfined\n");
	holds(70, 7, 508, 0);
	process(71, 70, 0, "71\t1", "incus-p_c1_</var/lib/incus>//&:incus-p_c1_<var-lib-incus>:unconfined\n");
	is_num(look(&root), 0, "live facts");
	ok(find("own")->running && find("own")->pid == 41, "the monitor's child that is process 1 is the init");
	is_text(find("own")->label, "lxc-container-default-cgns", "its label, without the mode");
	ok(!find("same")->running && find("same")->pid == 0, "a connection is no listener");
	ok(!find("bad")->running, "nor is a socket in the file system, or garbage");
	ok(!find("off")->running && find("off")->pid == 0, "a user who binds a name runs no container of root's");
	ok(find("hers")->running && find("hers")->pid == 66, "but one of that user's");
	ok(!is_there(".x"), "nor one that liblxc would not list");
	is_num(find("p_c1")->kind, CONTAINER_INCUS, "a daemon's own folder is no lxcpath");
	is_num(find("p_c1")->pid, 71, "Incus' containers, too");
	is_text(find("p_c1")->label, "incus-p_c1_</var/lib/incus>//&:incus-p_c1_<var-lib-incus>:unconfined",
		"a label without mode is kept whole");
	ok(find("else")->running && slice_is(find("else")->lxcpath, "/opt/lxc"),
	   "a container of another path is found, by one spelling");
	is_err(&find("theirs")->err, "cannot trust", "one whose configuration anybody can write is told, and not read");
	is_num((long)host.label_count, 4, "the label of every init is known, in a list or not");
	ok(!find("own")->docker, "no Docker runs in it");
	process_named("dockerd", 45, 42, "0\t0\t0\t0", "45\t7\t3", "x\n");
	process_named("dockerd", 46, 1, "0\t0\t0\t0", "46", "x\n");
	look(&root);
	ok(!find("own")->docker, "nor where it runs in a namespace below, or on the host");
	process_named("dockerd", 45, 42, "0\t0\t0\t0", "45\t7", "x\n");
	look(&root);
	ok(find("own")->docker && !find("p_c1")->docker, "now it does, below a process of the container");
	is_num(look(NULL), 0, "without /proc");
	ok(!find("own")->running && !is_there("else"), "nothing runs");
}

/* One socket of an lxcpath that nothing else tells of, and of one that is listed; process 80 is to hold both. */
static void check_holder(bool counts, const char *what)
{
	look(&root);
	ok(is_there("told") == counts, what);
	ok(find("own")->running == counts, counts ? "  and says what runs" : "  nor does it say that a container runs");
}

/* A path that is learnt from a process counts only if that process is root's: container-socket.c. */
static void only_roots_sockets_count(void)
{
	put("/proc/net/unix", "Num       RefCount Protocol Flags    Type St Inode Path\n"
			      "0000000000000000: 00000002 00000000 00010000 0001 01 601 @/opt/other/told/command\n"
			      "0000000000000000: 00000002 00000000 00010000 0001 01 602 @/var/lib/lxc/own/command\n");
	put("/opt/other/told/config", "lxc.uts.name = x\n");
	process(80, 1, 0, "80", "unconfined\n");
	holds(80, 3, 601, 0);
	holds(80, 4, 602, 0);
	check_holder(true, "a socket of root's tells of a path");
	process(80, 1, 1000, "80", "unconfined\n");
	check_holder(false, "one that another user holds does not");
	process_of(80, 1, "1000\t0\t0\t0", "80", "unconfined\n");
	check_holder(false, "nor one that a setuid program was started with");
	process_of(80, 1, "0\t65534\t0\t65534", "80", "unconfined\n");
	check_holder(false, "nor one of a process that gave up root");
	process(80, 1, 0, "80\t5", "unconfined\n");
	check_holder(false, "nor one of a guest's root");
	process(80, 1, 0, "80", "unconfined\n");
	holds(80, 3, 601, 1000);
	holds(80, 4, 602, 1000);
	check_holder(false, "nor one that a user made and sent to root");
	holds(80, 3, 601, 0);
	holds(80, 4, 602, 0);
	process(81, 1, 1000, "81", "unconfined\n");
	holds(81, 3, 601, 0);
	holds(81, 4, 602, 0);
	check_holder(false, "nor one that root and a user hold");
	tmp_remove_below("/proc/81");
	link_to("/proc/80/root", "/srv/chroot");
	check_holder(false, "nor one of another root directory");
	link_to("/proc/80/root", "/");
	check_holder(true, "(it is all of these)");
	tmp_remove_below("/proc/80");
	check_holder(false, "nor one that nobody is seen to hold");
}

/* Whoever opens sockets without end must not make containers seem to be stopped. */
static void sockets_without_end_are_told(void)
{
	if (truncate(tmp_path("/proc/net/unix"), 70 << 20) != 0)
		perror("truncate");
	is_num(look(&root), -1, "more sockets than anybody needs");
	is_err(&err, "cannot tell which containers run", "  are told");
}

/* A user, or a program that is confined: what is told then decides nothing, but paths are not learnt. */
static void without_descriptors(void)
{
	put("/proc/net/unix", "Num       RefCount Protocol Flags    Type St Inode Path\n"
			      "0000000000000000: 00000002 00000000 00010000 0001 01 502 @/var/lib/lxc/gen/command\n"
			      "0000000000000000: 00000002 00000000 00010000 0001 01 601 @/opt/other/told/command\n"
			      "0000000000000000: 00000002 00000000 00010000 0001 01 503 @/var/lib/lxc/a b/command\n");
	tmp_remove_below("/proc/1/fd");
	process(50, 1, 0, "50", "unconfined\n");
	process(51, 50, 100000, "51\t1", "lxc-gen_</var/lib/lxc>//&:lxc-gen_<-var-lib-lxc>:unconfined (enforce)\n");
	/* a name that begins like another */
	process(49, 50, 100000, "49\t1", "lxc-gen_</var/lib/lxc>x//&:x:y (enforce)\n");
	process(61, 60, 1000, "61\t1", "lxc-a b_</var/lib/lxc>//&:x:y (enforce)\n");
	/* another, which falls to process 1 when its parent ends */
	process(62, 1, 1000, "62\t1", "lxc-a b_</var/lib/lxc>//&:x:y (enforce)\n");
	look(&root);
	ok(find("gen")->running && find("gen")->pid == 51, "without the monitor's descriptors a generated label tells");
	ok(find("a b")->running && find("a b")->pid == 0, "but not a user's process that wears it");
	ok(!is_there("told"), "and no path is learnt");
}

static const char *origin_word(enum container_origin origin)
{
	static const char *const words[] = { "static", "generated", "unconfined", "unchanged", "off" };

	return words[origin];
}

static void show_one(const struct container *c)
{
	static const char *const kinds[] = { "lxc", "pve", "incus", "lxd", "user" };

	printf("%s '%.*s' %s '%.*s'%s%s%s%s", kinds[c->kind], SLICE_FMT(c->name), origin_word(c->origin),
	       SLICE_FMT(c->profile), c->nesting ? " nesting" : "", c->unprivileged ? " unprivileged" : "",
	       c->hidden ? " hidden" : "", c->generated ? " text" : "");
	if (c->lxc.raw.count)
		printf(" raw=%zu", c->lxc.raw.count);
	if (c->lxc.start_host.count)
		printf(" start-host=%zu", c->lxc.start_host.count);
	if (c->kind == CONTAINER_PVE)
		printf("%s%s%s%.*s", c->pve.has_pending ? " pending" : "", c->pve.has_snapshots ? " snapshots" : "",
		       c->pve.hookscript.len ? " hookscript=" : "", SLICE_FMT(c->pve.hookscript));
	printf("%s%s\n", err_is_set(&c->err) ? " ERROR " : "", c->err.text);
}

static int show(const char *dir, bool all)
{
	static const char *const liblxc[] = { "unknown", "denies", "cured" };

	if (root_open(&root, dir, &err) == 0)
		root.own_folder = container_own_folder;
	if (err_is_set(&err) || look(NULL) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	printf("host lxc='%.*s' liblxc='%.*s' lxc-pve='%.*s' incus='%.*s' lxd='%.*s' library=%s", SLICE_FMT(host.lxc),
	       SLICE_FMT(host.liblxc), SLICE_FMT(host.lxc_pve), SLICE_FMT(host.incus), SLICE_FMT(host.lxd),
	       liblxc[host.liblxc_state]);
	if (host.is_pve)
		printf(" pve=%d%s%s", host.pve_major, host.pve_is_mounted ? " mounted" : "",
		       host.pve_has_quorum ? " quorum" : "");
	printf(" containers=%zu\n", host.count);
	for (size_t i = 0; i < host.count && all; i++)
		show_one(&host.list[i]);
	root_release(&root);
	arena_release(&arena);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && (strcmp(argv[1], "show") == 0 || strcmp(argv[1], "count") == 0))
		return show(argv[2], argv[1][0] == 's');
	tmp_make();
	if (root_open(&root, tmp_dir, &err) < 0)
		return 1;
	root.own_folder = container_own_folder;
	an_empty_root();
	odd_names_are_data();
	configurations_decide();
	other_paths();
	mapped_roots();
	users_containers();
	equal_names();
	proxmox();
	incus_and_lxd();
	if (geteuid() == 0) {
		live();
		only_roots_sockets_count();
		sockets_without_end_are_told();
		without_descriptors();
	} else {
		tap_skip("live facts", "needs root");
	}
	root_release(&root);
	arena_release(&arena);
	tmp_remove();
	return tap_done();
}
