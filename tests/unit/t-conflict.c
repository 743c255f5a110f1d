/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <sys/mount.h>

#include <nestfix/automaton.h>
#include <nestfix/conflict.h>

#include "../lib/tap.h"

#ifndef CONFLICT_FILE
#define CONFLICT_FILE "patches/runc-detached-procfs.conflict" /* tests run in the source folder */
#endif

static struct arena arena;

static const char head[] = "Conflict: c\nTitle: t\nDescription: d\nProfiles: lxc-*\n";
static const char scope[] = "Scope: s\nDefault: yes\nDescription: d\nGive-Back: /a/** w\nAccess: /a/x w\n";

static int parse(struct conflict *c, struct slice text, struct err *err)
{
	return conflict_parse(c, "x.conflict", text, re_pool_new(&arena, 0), &arena, err);
}

static void add_file(struct buf *out, const char *path)
{
	FILE *f = fopen(path, "re");
	char block[4096];
	size_t n;

	while (f && (n = fread(block, 1, sizeof block, f)) > 0)
		buf_add(out, block, n);
	if (f)
		fclose(f);
}

static struct slice shipped(void)
{
	AUTOBUF text = { 0 };

	add_file(&text, CONFLICT_FILE);
	return arena_slice(&arena, buf_slice(&text));
}

static void is_scope(const struct conflict *c, const char *name, bool is_default, const char *witness,
		     const char *give_back, const char *absent)
{
	const struct conflict_scope *s = conflict_scope(c, slice_of(name));

	if (!ok(s != NULL, name))
		return;
	is_num(s->is_default, is_default, "only net is the default");
	is_num(s->perms, PERM_W, "only w comes back");
	is_num(s->access[0].perms, PERM_W, "w is what is denied");
	is_text(s->access[0].path, witness, "the witness");
	is_text(s->give_back[0], give_back, "what is given back");
	is_text(s->absent[0], absent, "what must be absent");
	ok(s->summary.len > 0, "a summary");
}

static void the_shipped_file(void)
{
	struct re_pool *pool = re_pool_new(&arena, 0);
	struct conflict c;
	struct err err = { 0 };

	if (!ok(conflict_parse(&c, CONFLICT_FILE, shipped(), pool, &arena, &err) == 0, "the shipped file reads")) {
		printf("# %s\n", err.text);
		return;
	}
	is_text(c.name, "runc-detached-procfs", "its name");
	is_text(c.references[0], "CVE-2025-52881", "its first reference");
	is_num(c.scope_count, 4, "its scopes");
	is_text(c.needs[0].text, "mount options=rslave -> /", "what runc needs first");
	is_scope(&c, "net", true, "/sys/net/ipv4/ip_unprivileged_port_start", "/sys/net{,/**}", "/sys/net");
	is_scope(&c, "ipc", false, "/sys/kernel/shmmax",
		 "/sys/kernel/{msgmax,msgmnb,msgmni,sem,shmall,shmmax,shmmni,shm_rmid_forced}", "/sys/kernel/shmmax");
	is_scope(&c, "uts", false, "/sys/kernel/domainname", "/sys/kernel/domainname", "/sys/kernel/domainname");
	is_scope(&c, "user", false, "/sys/user/max_user_namespaces", "/sys/user{,/**}", "/sys/user");
	ok(!conflict_scope(&c, SLICE("ne")), "no scope by half its name");
	ok(conflict_concerns(&c, SLICE("lxc-container-default-cgns")), "a static profile is concerned");
	ok(conflict_concerns(&c, SLICE("lxc-101_</var/lib/lxc>")), "a generated profile is concerned, slashes and all");
	ok(!conflict_concerns(&c, SLICE("/usr/bin/lxc-start")) && !conflict_concerns(&c, SLICE("docker-default")),
	   "others are not");
	ok(!conflict_concerns(&c, SLICE("lxc-\0x")), "a name with a NUL is no name");
}

/* Exactly what design says is given back, and not a byte more. */
static void the_shipped_paths(void)
{
	static const struct {
		const char *scope, *path;
		bool given;
	} cases[] = {
		{ "net", "/sys/net", true },
		{ "net", "/sys/net/", true },
		{ "net", "/sys/net/ipv4/ping_group_range", true },
		{ "net", "/sys/netx", false },
		{ "net", "/sys/n", false },
		{ "net", "/proc/sys/net/ipv4/x", false },
		{ "ipc", "/sys/kernel/shm_rmid_forced", true },
		{ "ipc", "/sys/kernel/sem", true },
		{ "ipc", "/sys/kernel/sem/x", false },
		{ "ipc", "/sys/kernel/security", false },
		{ "ipc", "/sys/kernel/domainname", false },
		{ "ipc", "/sys/fs/mqueue/queues_max", true },
		{ "ipc", "/sys/fs/cgroup", false },
		{ "uts", "/sys/kernel/domainname", true },
		{ "uts", "/sys/kernel/hostname", false },
		{ "user", "/sys/user/max_net_namespaces", true },
		{ "user", "/sys/use", false },
	};
	struct re_pool *pool = re_pool_new(&arena, 0);
	struct conflict c;

	if (conflict_parse(&c, CONFLICT_FILE, shipped(), pool, &arena, NULL) < 0)
		return;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct conflict_scope *s = conflict_scope(&c, slice_of(cases[i].scope));

		is_num(re_matches(pool, s->paths, slice_of(cases[i].path)), cases[i].given, cases[i].path);
	}
}

/* The error must begin with the place and hold the words. */
static void fails(const char *text, const char *place, const char *words)
{
	struct err err = { 0 };
	struct conflict c;
	const char *want = arena_printf(&arena, "x.conflict:%s", place);

	ok(parse(&c, slice_of(text), &err) == -1 && err.kind == ERR_FAILED, words);
	is_err(&err, words, "  says so");
	if (!ok(strncmp(err.text, want, strlen(want)) == 0, "  and where"))
		printf("#   error: %s\n#   wants: %s\n", err.text, want);
}

static const char *join(const char *a, const char *b)
{
	return arena_printf(&arena, "%s\n%s", a, b);
}

/* What the manual shows must read. */
static void the_example_of_the_manual(void)
{
	AUTOBUF text = { 0 };
	struct conflict c;
	struct err err = { 0 };
	const char *from, *to;

	add_file(&text, "patches/README.md");
	from = strstr(buf_str(&text), "```\nConflict:");
	to = from ? strstr(from + 4, "```") : NULL;
	if (!ok(to != NULL, "the manual of conflict files has an example"))
		return;
	ok(parse(&c, arena_slice(&arena, (struct slice){ from + 4, (size_t)(to - from - 4) }), &err) == 0, "it reads");
	is_num(c.scope_count, 2, "its scopes");
	is_text(slice_of(err.text), "", "without an error");
}

static void what_is_right(void)
{
	struct conflict c;
	struct err err = { 0 };

	ok(parse(&c, slice_of(join(head, scope)), &err) == 0, "the text that the wrong ones are made of reads");
	is_num(c.scopes[0].line, 6, "line of a scope");
	ok(parse(&c,
		 SLICE("# c\n\ncONFLICT: c\nTitle: t\nDescription: d\n .\n e\nProfiles: lxc-*\n x y\n# c\n"
		       "Give-Back: /z w\n"),
		 &err) == -1,
	   "a scope's field in the head stanza does not read");
	err_clear(&err);
	ok(parse(&c,
		 slice_of(join(head, "Scope: s\nDefault: yes\nDescription: d\n e\nGive-Back: /a b/* wk\n /c wk\n"
				     "Access:\n # not a comment\n"
				     "# a comment\n /a b/c kw\n")),
		 &err) == -1,
	   "an indented # is no comment");
	err_clear(&err);
	ok(parse(&c,
		 slice_of(join(head, "Scope: s\nDefault: yes\nDescription: d\n e\nGive-Back: /a b/* wk\n /c wk\n"
				     "Access:\n# a comment\n /a b/c\t kw\n /c a\n")),
		 &err) == 0,
	   "blanks in paths, comments in lists");
	is_text(c.scopes[0].access[0].path, "/a b/c", "a path with a blank");
	is_text(c.scopes[0].give_back[0], "/a b/*", "a pattern with a blank");
	is_text(c.scopes[0].summary, "d", "a summary is the first line");
	is_num(c.scopes[0].perms, PERM_W | PERM_K, "permissions in any order");
	is_num(c.scopes[0].access[1].perms, PERM_A, "w gives back a too");
}

static void what_is_wrong(void)
{
	fails("", " ", "the file is empty");
	fails("# nothing\n\n", " ", "the file is empty");
	fails("Conflict: c\nTitle t\n", "2:7:", "needs a colon");
	fails(join(head, "Scope: s\nDefaults: yes\n"), "7:1:", "has no field 'Defaults'");
	fails(join(head, "Title: t\n"), "6:1:", "has no field 'Title'");
	fails("Conflict: c\nTitle: t\nTITLE: u\n", "3:1:", "twice, first in line 2");
	fails("Conflict: c\nTitle:\n", "2:1:", "the field 'Title' is empty");
	fails("# x\nConflict: c\nDescription: d\nProfiles: x\n", "2:", "lacks the field 'Title'");
	fails(join(head, "Scope: s\nDescription: d\nGive-Back: /a w\n"), "6:", "lacks the field 'Access'");
	fails("Conflict: c\nTitle: t\n u\nDescription: d\nProfiles: x\n", "3:2:", "'u': a second line");
	fails("Conflict:  a b\nTitle: t\nDescription: d\nProfiles: x\n", "1:12:", "a name is made of");
	fails("Conflict: Aa\nTitle: t\nDescription: d\nProfiles: x\n", "1:11:", "a name is made of");
	fails(head, " ", "no stanza of a scope");
	fails(join(head, "Scope: s\nDescription: d\nGive-Back: /a w\nAccess: /a w\n"), " ",
	      "no scope says 'Default: yes'");
	fails(join(join(head, scope), scope), "12:8:", "a scope of this name");
	fails(join(head, "Scope: s\nDefault: Yes\nDescription: d\nGive-Back: /a w\nAccess: /a w\n"),
	      "7:10:", "'yes' or 'no'");
	fails(join(head, "Scope: s\nDescription: d\nGive-Back: /a w\nAccess:\n /a w\n /a\n"),
	      "11:2:", "a line is a path, a blank and permissions");
	fails(join(head, "Scope: s\nDescription: d\nGive-Back: /a w\nAccess: /a  wq\n"),
	      "9:13:", "'wq': permissions are letters");
	fails(join(head, "Scope: s\nDescription: d\nGive-Back: a/b w\nAccess: /a w\n"), "8:12:", "begins with '/'");
	fails(join(head, "Scope: s\nDescription: d\nGive-Back: /a{b w\nAccess: /a w\n"), "8:12:", "/a{b");
	fails(join(head, "Scope: s\nDescription: d\nGive-Back: /a w\n /b wk\nAccess: /a w\n"),
	      "9:2:", "give back the same permissions");
	fails(join(head, "Scope: s\nDescription: d\nGive-Back: /a/* w\nAccess: /a/* w\n"), "9:9:", "not a pattern");
	fails(join(head, "Scope: s\nDescription: d\nGive-Back: /a/* w\nAccess: a w\n"),
	      "9:9:", "a path begins with '/'");
	fails(join(head, "Scope: s\nDescription: d\nGive-Back: /a/* w\nAccess: /a//b w\n"), "9:9:", "no '//'");
	fails(join(head, "Scope: s\nDescription: d\nGive-Back: /a/* w\nAccess:\n /a/b w\n /b w\n"),
	      "11:2:", "not among what Give-Back gives back");
	fails(join(head, "Scope: s\nDescription: d\nGive-Back: /a/* w\nAccess: /a/b r\n"),
	      "9:9:", "not among what Give-Back gives back");
	fails(join(head, "Scope: s\nDescription: d\nGive-Back: /a{,/**} w\nAccess: /a w\nAbsent: /a/b\n"),
	      "10:1:", "gives back '/a', which is below no path");
	fails(join(head, "Scope: s\nDescription: d\nGive-Back: /a w\nAccess: /a w\nAbsent: /a*\n"),
	      "10:9:", "not a pattern");
	fails(join(head, "Scope: s\nDescription: d\nGive-Back: /a w\nAccess: /a w\nAbsent: /a/\n"),
	      "10:9:", "no '/' at its end");
}

static const struct conflict_need *need_of(struct conflict *c, const char *line)
{
	struct err err = { 0 };

	if (parse(c, slice_of(arena_printf(&arena, "%sNeeds:\n %s\n\n%s", head, line, scope)), &err) == 0)
		return &c->needs[0];
	printf("# %s\n", err.text);
	return ARENA_NEW(&arena, struct conflict_need);
}

static void needs(void)
{
	const struct conflict_need *n;
	struct conflict c;

	n = need_of(&c, "mount fstype=devpts options=nosuid,noexec data=newinstance,mode=0620 devpts -> /r/dev/pts/");
	is_num(n->operation, CONFLICT_MOUNT, "a mount");
	is_text(n->type, "devpts", "  its type");
	is_num(n->flags, MS_NOSUID | MS_NOEXEC, "  its flags");
	is_text(n->data, "newinstance,mode=0620", "  its data");
	is_text(n->source, "devpts", "  its source");
	is_text(n->target, "/r/dev/pts/", "  its target");
	n = need_of(&c, "mount options=rslave -> /");
	is_num(n->flags, MS_REC | MS_SLAVE, "r… is MS_REC");
	ok(n->source.len == 0 && n->type.len == 0 && n->data.len == 0, "no source, type or data");
	is_text(n->text, "mount options=rslave -> /", "the text as written");
	n = need_of(&c, "mount options=rw,bind /a -> /b");
	is_num(n->flags, MS_BIND, "rw is no flag");
	is_text(n->source, "/a", "a source without type");
	n = need_of(&c, "pivot_root   oldroot=/r/old/\t/r/");
	is_num(n->operation, CONFLICT_PIVOT_ROOT, "pivot_root");
	is_text(n->source, "/r/old/", "  its old root");
	is_text(n->target, "/r/", "  its new root");
	is_num(need_of(&c, "umount /r/")->operation, CONFLICT_UMOUNT, "umount");
	parse(&c, slice_of(join(head, scope)), NULL);
	is_num(c.need_count, 0, "needs may be left out");
}

static void wrong_needs(void)
{
	static const struct {
		const char *line, *words;
	} cases[] = {
		{ "remount /", "begins with 'mount', 'umount' or 'pivot_root'" },
		{ "mount options=rslave /", "'-> PATH' is missing" },
		{ "mount", "'-> PATH' is missing" },
		{ "mount options=slave,REC -> /", "options are names of mount flags" },
		{ "mount options= -> /", "options are names of mount flags" },
		{ "mount options=slave, -> /", "options are names of mount flags" },
		{ "mount -> x", "a path begins with '/'" },
		{ "mount ->", "a path begins with '/'" },
		{ "mount a b -> /", "'-> PATH' is missing" },
		{ "umount / x", "nothing may follow" },
		{ "pivot_root /a /b", "'oldroot=PATH' is missing" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		fails(arena_printf(&arena, "%sNeeds: umount /\n %s\n\n%s", head, cases[i].line, scope),
		      "6:2:", cases[i].words);
}

static void a_nul_is_wrong(void)
{
	struct err err = { 0 };
	struct conflict c;

	ok(parse(&c, SLICE("Conflict: c\nTi\0tle: t\n"), &err) == -1, "a NUL byte");
	is_err(&err, "x.conflict:2:3: a NUL byte", "  says where");
}

static void a_pool_that_is_too_small(void)
{
	struct err err = { 0 };
	struct conflict c;

	ok(conflict_parse(&c, "x.conflict", slice_of(join(head, scope)), re_pool_new(&arena, 4), &arena, &err) == -1,
	   "patterns too large for the pool are an error");
	ok(strncmp(err.text, "x.conflict:9:12: ", 17) == 0, "  with its place");
}

static void permissions(void)
{
	uint32_t p = 0;

	ok(conflict_perms(SLICE("rwk"), &p) && p == (PERM_R | PERM_W | PERM_K), "rwk");
	ok(conflict_perms(SLICE("axml"), &p) && p == (PERM_A | PERM_X | PERM_M | PERM_L), "axml");
	ok(!conflict_perms(SLICE(""), &p) && !conflict_perms(SLICE("ww"), &p) && !conflict_perms(SLICE("w,"), &p) &&
	       !conflict_perms(SLICE("W"), &p),
	   "nothing, a letter twice, and other letters are none");
}

int main(void)
{
	the_shipped_file();
	the_shipped_paths();
	the_example_of_the_manual();
	what_is_right();
	what_is_wrong();
	needs();
	wrong_needs();
	a_nul_is_wrong();
	a_pool_that_is_too_small();
	permissions();
	arena_release(&arena);
	return tap_done();
}
