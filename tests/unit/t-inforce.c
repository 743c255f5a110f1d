/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is in force decides: plans that start from what the kernel holds, from discover to commit, with a kernel that is
 * a folder. Law keeps-what-is-given-back: no cure takes another one away.
 */
#include <errno.h>

#include <nestfix/commit.h>
#include <nestfix/hold.h>
#include <nestfix/lasting.h>

#include "../lib/host.h"
#include "../lib/tap.h"

#define CONFLICT_FILE "patches/runc-detached-procfs.conflict" /* tests run in the source folder */
#define WEB_TEXT "/var/lib/lxc/web1/apparmor/lxc-web1_<-var-lib-lxc>"
#define WEB_PROFILE "lxc-web1_</var/lib/lxc>"
#define SHOWN "/sys/kernel/security/apparmor/policy/profiles/"
#define WEB_SHOWN SHOWN "lxc-web1_.var.lib.lxc.7"
#define TOP_SHOWN SHOWN HOST_PROFILE ".3"
#define NET HOST_WITNESS
#define IPC "/sys/kernel/shmmax"
#define GENERATED(rules)                                                                                               \
	"profile \"" WEB_PROFILE "\" flags=(attach_disconnected,mediate_deleted) {\n"                                  \
	"  file,\n  capability,\n" rules "  deny /sys/[^fdck]*{,/**} wklx,\n  deny /sys/k*{,/**} wklx,\n"              \
	"  deny /sys/fs/[^c]*{,/**} wklx,\n}\n"

static const char web_text[] = GENERATED("");

static struct arena arena;
static struct root root;
static struct compiler compiler;
static struct kernel kernel;
static struct slice conflict_text;

struct run_of {
	struct conflict conflict;
	struct site site;
	const struct conflict_scope *scopes[4];
	struct finding finding;
	struct patch patch;
	struct proof *proof;
	struct proof_policy *policies;
	size_t policy_count;
	struct receipt receipt;
	struct err err;
};

static void fresh_host(void)
{
	tmp_remove();
	if (mkdir(tmp_dir, 0755) < 0)
		printf("# cannot make %s\n", tmp_dir);
	root_release(&root);
	root_open(&root, tmp_dir, NULL);
	host_put("/etc/apparmor.d/tunables/global", "");
	host_put("/fs/features/policy/set_load", "yes\n");
	host_put("/fs/.replace", "");
	host_put("/fs/profiles", "");
	kernel_open(&kernel, &root, arena_printf(&arena, "%s", tmp_path("/fs")), &arena);
}

/* A container that runs, with a generated profile and no folder for a drop-in. */
static void fresh_container(void)
{
	fresh_host();
	host_put("/var/lib/lxc/web1/config", "lxc.apparmor.profile = generated\nlxc.apparmor.allow_nesting = 1\n");
	host_put(WEB_TEXT, web_text);
	host_put("/fs/profiles", WEB_PROFILE " (enforce)\n");
}

static void fresh_static(void)
{
	fresh_host();
	host_make();
	host_put("/fs/profiles", HOST_PROFILE " (enforce)\n");
}

static struct slice compiled(const char *path, const char *text)
{
	struct compile_text with = { path, slice_of(text) };
	struct slice blob = { 0 };
	struct err err = { 0 };

	if (compile_with(&compiler, path, &with, text ? 1 : 0, &arena, &blob, &err) < 0)
		printf("# %s\n", err.text);
	return blob;
}

static void shows(const char *dir, const char *profile, struct slice blob)
{
	host_put(arena_printf(&arena, "%s/name", dir), arena_printf(&arena, "%s\n", profile));
	tmp_write(arena_printf(&arena, "%s/raw_data", dir), blob.ptr, blob.len, 0644);
}

static void hides(const char *dir, const char *profile)
{
	host_put(arena_printf(&arena, "%s/name", dir), arena_printf(&arena, "%s\n", profile));
	unlink(tmp_path(arena_printf(&arena, "%s/raw_data", dir)));
}

static struct slice taken(void)
{
	struct file file = { 0 };

	fsio_read(&root, "/fs/.replace", 1 << 24, &arena, &file, NULL);
	return file.bytes;
}

/* The kernel shows what it was given, and takes the next. */
static void show_taken(const char *dir, const char *profile)
{
	shows(dir, profile, taken());
	host_put("/fs/.replace", "");
}

static bool allows(struct slice blob, const char *path)
{
	struct automaton automaton;
	struct automaton_perms perms;

	if (blob.len == 0 || automaton_read(&automaton, blob, &arena, NULL) < 0)
		return false;
	perms = automaton_path(&automaton.profiles[0], slice_of(path));
	return (perms.half[AUTOMATON_OTHER].allow & PERM_W) != 0;
}

static struct run_of *look(const char *const *names)
{
	struct run_of *r = ARENA_NEW(&arena, struct run_of);
	struct re_pool *pool = re_pool_new(&arena, 0);
	size_t count = 0;

	if (conflict_parse(&r->conflict, CONFLICT_FILE, conflict_text, pool, &arena, &r->err) < 0)
		return r;
	for (; names[count]; count++)
		r->scopes[count] = conflict_scope(&r->conflict, slice_of(names[count]));
	if (discover(&r->site, &root, &r->conflict, NULL, 0, pool, &arena, &r->err) == 0)
		locate(&r->finding, &r->site, judge_new(&root, host_parser(), NULL, &arena), r->scopes, count, &arena,
		       &r->err);
	return r;
}

static const char *const net[] = { "net", NULL }, *const ipc[] = { "ipc", NULL },
			 *const both[] = { "net", "ipc", NULL };

static struct run_of *plan(const char *const *scopes, bool reload)
{
	struct run_of *r = look(scopes);

	if (err_is_set(&r->err) || rewrite(&r->patch, &r->site, &r->finding, &arena, &r->err) < 0 ||
	    r->patch.file_count == 0)
		return r;
	r->patch.reload = reload;
	prove_patch(&r->proof, &r->patch, &compiler, &arena, &r->policies, &r->policy_count, &r->err);
	return r;
}

static int commit(struct run_of *r)
{
	if (r->proof)
		return commit_proof(r->proof, &kernel, -1, &arena, &r->receipt, &r->err);
	printf("# %s\n", err_is_set(&r->err) ? r->err.text : "nothing to do");
	return -1;
}

static struct run_of *fix(const char *const *scopes, bool reload)
{
	struct run_of *r = plan(scopes, reload);

	if (commit(r) < 0)
		printf("# %s\n", r->err.text);
	return r;
}

/* Does the change concern nothing but this pattern? */
static bool changes_only(const struct run_of *r, const char *pattern)
{
	const struct comparison *c = &r->policies[0].comparison;
	bool any = false;

	for (size_t i = 0; i < c->count; i++) {
		if (c->changes[i].kind == COMPARE_LOGGING)
			continue;
		any = true;
		if (!slice_starts(c->changes[i].pattern, pattern))
			return false;
	}
	return any;
}

/* What rollback --list says of the kernel, of the first policy that it has: "net,ipc"; where it is hidden "?net", or
 * "unknown". */
static const char *in_kernel(void)
{
	struct run_of *r = look(both);
	struct hold_loaded *loaded;
	struct hold *holds;
	AUTOBUF out = { 0 };
	size_t count, hold_count;

	if (hold_list(&holds, &hold_count, &r->site, NULL, 0, &arena, &r->err) < 0)
		return r->err.text;
	hold_in_kernel(&loaded, &count, &r->site, holds, hold_count, &arena);
	for (size_t i = 0; count > 0 && i < loaded[0].scopes.len; i++)
		buf_addf(&out, "%s%.*s", i > 0 ? "," : loaded[0].hidden ? "?" : "", SLICE_FMT(loaded[0].scopes.ptr[i]));
	if (count > 0 && !loaded[0].known)
		buf_adds(&out, "unknown");
	return count == 0 ? "none" : out.len > 0 ? arena_str(&arena, buf_slice(&out)) : "nothing";
}

static void a_wider_scope_keeps_the_cure(void)
{
	struct run_of *r;

	fresh_container();
	shows(WEB_SHOWN, WEB_PROFILE, compiled(WEB_TEXT, NULL));
	is_text(slice_of(in_kernel()), "nothing", "the kernel gives back nothing");
	fix(net, false);
	ok(allows(taken(), NET) && !allows(taken(), IPC), "a fix of net gives back net");
	show_taken(WEB_SHOWN, WEB_PROFILE);
	is_text(slice_of(in_kernel()), "net", "which the list says of the kernel");
	r = plan(ipc, false);
	ok(r->proof && r->policy_count == 1 && r->policies[0].comparison.count > 0, "ipc alone is planned on that");
	is_num(commit(r), 0, "and carried out");
	ok(allows(taken(), NET) && allows(taken(), IPC), "both are given back: keeps-what-is-given-back");
	ok(r->policies && r->policies[0].comparison.allowed && !changes_only(r, "/sys/net"),
	   "what was proved is what is in force against the new policy");
	show_taken(WEB_SHOWN, WEB_PROFILE);
	is_text(slice_of(in_kernel()), "net,ipc", "as the list says");
	r = look(both);
	is_num(r->finding.worst, LOCATE_ALLOWED, "then there is nothing to do for both");
	r = plan(net, false);
	is_num(r->patch.file_count, 0, "nor for one");
}

static void both_scopes_are_asked_for_and_one_is_in_force(void)
{
	struct run_of *r;

	fresh_container();
	shows(WEB_SHOWN, WEB_PROFILE, compiled(WEB_TEXT, NULL));
	fix(net, false);
	show_taken(WEB_SHOWN, WEB_PROFILE);
	r = fix(both, false);
	ok(allows(taken(), NET) && allows(taken(), IPC), "net,ipc where net is in force gives back both");
	ok(r->policies && !changes_only(r, "/sys/net"), "and changes what is new alone");
}

static void a_policy_loaded_by_hand_is_not_replaced(void)
{
	static const char by_hand[] = GENERATED("  deny /etc/shadow rw,\n");
	struct run_of *r;

	fresh_container();
	shows(WEB_SHOWN, WEB_PROFILE, compiled(WEB_TEXT, by_hand));
	r = plan(net, false);
	ok(!r->proof && r->err.kind == ERR_REFUSED, "what an administrator loaded by hand is refused");
	is_err(&r->err, "'/etc/shadow'", "with what would be lost");
	ok(strstr(r->err.hint, "--reload"), "and the way on");
	is_num(taken().len, 0, "nothing is loaded");
	r = fix(net, true);
	ok(r->policies && r->policies[0].beyond && !r->policies[0].comparison.allowed, "with reload it is said");
	ok(allows(taken(), NET) && allows(taken(), "/etc/shadow"), "and done");
}

static void a_policy_loaded_by_hand_keeps_what_it_gives_back(void)
{
	AUTOBUF text = { 0 };
	struct run_of *r;

	fresh_container();
	r = look(ipc);
	mark_text(SLICE(web_text), &r->conflict, r->scopes, 1, r->site.pool, &arena, &text, NULL);
	shows(WEB_SHOWN, WEB_PROFILE, compiled(WEB_TEXT, buf_str(&text)));
	r = fix(net, false);
	ok(allows(taken(), NET) && allows(taken(), IPC), "ipc was loaded by hand: a fix of net keeps it");
	ok(r->policies && changes_only(r, "/sys/net"), "and changes net alone");
}

static void a_kernel_that_hides_its_policy(void)
{
	struct run_of *r;

	fresh_container();
	hides(WEB_SHOWN, WEB_PROFILE);
	r = plan(net, false);
	ok(!r->proof && r->err.kind == ERR_REFUSED, "what is in force cannot be read: no load");
	is_err(&r->err, "does not show", "with the reason");
	is_text(slice_of(in_kernel()), "unknown", "and the list does not say that nothing is given back");
	r = fix(net, true);
	ok(r->policies && r->policies[0].assumed, "with reload the text on disk is assumed, and that is said");
	ok(allows(taken(), NET) && !allows(taken(), IPC), "it is loaded");
	r = look(net);
	is_num(r->finding.worst, LOCATE_ALLOWED, "our own record tells what was loaded");
	is_text(slice_of(in_kernel()), "?net", "and the list says that it goes by that");
	host_put("/fs/.replace", "");
	r = fix(ipc, false);
	ok(allows(taken(), NET) && allows(taken(), IPC), "so a wider scope needs no reload, and keeps the cure");
	ok(r->policies && !r->policies[0].assumed && !changes_only(r, "/sys/net"), "proved on the record");
	unlink(tmp_path(WEB_TEXT));
	host_put(WEB_TEXT, web_text);
	r = look(net);
	is_num(r->finding.worst, LOCATE_BLOCKED, "a record of another start says nothing");
	is_text(slice_of(in_kernel()), "unknown", "nor does the list");
}

static void a_record_says_nothing_of_another_text(void)
{
	struct run_of *r;

	fresh_static();
	hides(TOP_SHOWN, HOST_PROFILE);
	r = fix(net, false);
	ok(r->policies && r->policies[0].skipped, "a file whose policy in force is not known is not loaded");
	ok(strstr(tmp_read(HOST_BASE), "# aa-nestfix: ") && taken().len == 0, "but written");
	fix(ipc, true);
	ok(allows(taken(), NET) && allows(taken(), IPC), "with reload it is loaded");
	host_put("/fs/.replace", "");
	r = plan((const char *const[]){ "user", NULL }, false);
	ok(r->policies && !r->policies[0].skipped && !r->policies[0].assumed, "what was loaded is known now");
	host_put(HOST_TOP, "profile " HOST_PROFILE " { include <abstractions/lxc/container-base> }\n");
	r = plan((const char *const[]){ "user", NULL }, false);
	ok(r->policies && r->policies[0].skipped, "until the file is edited");
}

static void a_file_that_was_edited_and_not_loaded(void)
{
	struct run_of *r;

	fresh_static();
	shows(TOP_SHOWN, HOST_PROFILE, compiled(HOST_TOP, NULL));
	host_put(HOST_TOP, "profile " HOST_PROFILE " flags=(attach_disconnected,mediate_deleted) {\n"
			   "  include <abstractions/lxc/container-base>\n  deny mount fstype=devpts,\n"
			   "  deny /etc/shadow rw,\n  ^helper { /h r, }\n}\n");
	r = plan(net, false);
	ok(!r->proof && r->err.kind == ERR_REFUSED, "a file that was edited and not loaded is refused");
	is_err(&r->err, "'/etc/shadow'", "with what loading it would change besides");
	r = fix(net, true);
	ok(r->policies && r->policies[0].beyond && allows(taken(), NET) && !allows(taken(), "/etc/shadow"),
	   "with reload it is loaded");
	ok(strstr(tmp_read(HOST_BASE), "# aa-nestfix: "), "and written");
}

static void a_file_that_is_cured_and_not_loaded(void)
{
	struct slice old;
	struct run_of *r;

	fresh_static();
	old = compiled(HOST_TOP, NULL);
	shows(TOP_SHOWN, HOST_PROFILE, old);
	fix(net, false);
	host_put("/fs/.replace", "");
	r = look(net);
	is_num(r->finding.worst, LOCATE_UNLOADED, "a cure that is on disk alone is none");
	r = fix(net, false);
	ok(r->patch.file_count == 1 && r->patch.files[0].kind == PATCH_LOAD, "nothing is to be written");
	ok(allows(taken(), NET), "it is loaded");
	ok(r->receipt.file_count == 0 && !r->receipt.backup_id, "and no change is recorded, for there is none to undo");
	shows(TOP_SHOWN, HOST_PROFILE, taken());
	r = plan(net, false);
	is_num(r->patch.file_count, 0, "then there is nothing to do");
}

static void another_policy_is_loaded_meanwhile(void)
{
	static const char by_hand[] = GENERATED("  deny /etc/shadow rw,\n");
	struct run_of *r;

	fresh_container();
	shows(WEB_SHOWN, WEB_PROFILE, compiled(WEB_TEXT, NULL));
	r = plan(net, false);
	shows(WEB_SHOWN, WEB_PROFILE, compiled(WEB_TEXT, by_hand));
	ok(commit(r) < 0 && r->err.kind == ERR_REFUSED, "another policy than planned on is not replaced");
	is_err(&r->err, "meanwhile", "in a sentence");
	is_num(taken().len, 0, "nothing is loaded");
}

static int denies_all(struct slice label, struct slice path)
{
	(void)label, (void)path;
	return EACCES;
}

static void a_failed_change_puts_back_what_the_kernel_held(void)
{
	AUTOBUF text = { 0 };
	struct slice held;
	struct run_of *r;

	fresh_container();
	r = look(ipc);
	mark_text(SLICE(web_text), &r->conflict, r->scopes, 1, r->site.pool, &arena, &text, NULL);
	held = compiled(WEB_TEXT, buf_str(&text));
	shows(WEB_SHOWN, WEB_PROFILE, held);
	r = plan(net, false);
	kernel.pretend = denies_all;
	ok(commit(r) < 0, "a kernel that denies all the same");
	kernel.pretend = NULL;
	ok(taken().len >= held.len && slice_eq(slice_sub(taken(), 0, held.len), held),
	   "gets back what it held, byte for byte");
}

static int rollback(const struct run_of *r, const char *id, bool reload, struct receipt *receipt, struct err *err)
{
	struct undo_ground ground = { .conflict = &r->conflict, .pool = r->site.pool, .reload = reload };
	int result;

	err_clear(err);
	result = commit_rollback(&compiler, &kernel, &ground, COMMIT_BACK_ONE, id, &arena, receipt, err);
	if (result < 0)
		printf("# %s\n", err->text);
	return result;
}

static void a_rollback_takes_away_its_own_scope_alone(void)
{
	struct receipt receipt;
	struct err err = { 0 };
	struct run_of *first, *second;

	fresh_container();
	shows(WEB_SHOWN, WEB_PROFILE, compiled(WEB_TEXT, NULL));
	first = fix(net, false);
	show_taken(WEB_SHOWN, WEB_PROFILE);
	second = fix(ipc, false);
	show_taken(WEB_SHOWN, WEB_PROFILE);
	is_num(rollback(second, second->receipt.backup_id, false, &receipt, &err), 0, "the wider change is taken back");
	ok(allows(taken(), NET) && !allows(taken(), IPC), "the kernel keeps the first one's scope");
	show_taken(WEB_SHOWN, WEB_PROFILE);
	is_num(rollback(second, first->receipt.backup_id, false, &receipt, &err), 0, "then the first");
	ok(taken().len > 0 && !allows(taken(), NET) && !allows(taken(), IPC), "and nothing is given back");
}

static void a_rollback_in_another_order(void)
{
	struct receipt receipt;
	struct err err = { 0 };
	struct run_of *first, *second;

	fresh_container();
	shows(WEB_SHOWN, WEB_PROFILE, compiled(WEB_TEXT, NULL));
	first = fix(net, false);
	show_taken(WEB_SHOWN, WEB_PROFILE);
	second = fix(ipc, false);
	show_taken(WEB_SHOWN, WEB_PROFILE);
	is_num(rollback(second, first->receipt.backup_id, false, &receipt, &err), 0, "the first change is taken back");
	ok(!allows(taken(), NET) && allows(taken(), IPC), "the kernel keeps the second one's scope");
}

static void a_rollback_of_what_was_loaded_by_hand(void)
{
	static const char by_hand[] = GENERATED("  deny /etc/shadow rw,\n");
	struct receipt receipt;
	struct err err = { 0 };
	struct run_of *r;

	fresh_container();
	shows(WEB_SHOWN, WEB_PROFILE, compiled(WEB_TEXT, NULL));
	r = fix(net, false);
	host_put("/fs/.replace", "");
	shows(WEB_SHOWN, WEB_PROFILE, compiled(WEB_TEXT, by_hand));
	ok(rollback(r, r->receipt.backup_id, false, &receipt, &err) < 0 && err.kind == ERR_REFUSED,
	   "a policy that was loaded by hand since is not replaced by a rollback");
	is_err(&err, "'/etc/shadow'", "it says what would be lost");
	is_num(taken().len, 0, "nothing is loaded");
	is_num(rollback(r, r->receipt.backup_id, true, &receipt, &err), 0, "with reload it is");
	ok(!allows(taken(), NET) && allows(taken(), "/etc/shadow"), "by the text without the change");
}

static void a_rollback_of_a_file_that_was_edited_and_not_loaded(void)
{
	struct receipt receipt;
	struct err err = { 0 };
	struct run_of *r;

	fresh_static();
	shows(TOP_SHOWN, HOST_PROFILE, compiled(HOST_TOP, NULL));
	r = fix(net, false);
	show_taken(TOP_SHOWN, HOST_PROFILE);
	host_put(HOST_TOP, "profile " HOST_PROFILE " flags=(attach_disconnected,mediate_deleted) {\n"
			   "  include <abstractions/lxc/container-base>\n  deny mount fstype=devpts,\n"
			   "  deny /etc/shadow rw,\n  ^helper { /h r, }\n}\n");
	ok(rollback(r, r->receipt.backup_id, false, &receipt, &err) < 0 && err.kind == ERR_REFUSED,
	   "a file that was edited and not loaded stops its rollback");
	is_err(&err, "'/etc/shadow'", "with what it would change besides");
	ok(strstr(tmp_read(HOST_BASE), "# aa-nestfix: ") && taken().len == 0, "nothing was changed");
	is_num(rollback(r, r->receipt.backup_id, true, &receipt, &err), 0, "with reload it is taken back");
	ok(!allows(taken(), NET) && !allows(taken(), "/etc/shadow"), "and loaded");
}

static void a_rollback_where_the_kernel_hides_its_policy(void)
{
	struct receipt receipt;
	struct err err = { 0 };
	struct run_of *r;

	fresh_container();
	hides(WEB_SHOWN, WEB_PROFILE);
	r = fix(net, true);
	host_put("/fs/.replace", "");
	is_num(rollback(r, r->receipt.backup_id, false, &receipt, &err), 0, "what was written down is taken back");
	ok(taken().len > 0 && !allows(taken(), NET), "the kernel got the text");
	r = look(net);
	is_num(r->finding.worst, LOCATE_BLOCKED, "and the record says so");
	is_text(slice_of(in_kernel()), "nothing", "as the list does");
	fix(net, true);
	unlink(tmp_path(WEB_TEXT));
	host_put(WEB_TEXT, web_text);
	r = look(net);
	host_put("/fs/.replace", "");
	ok(rollback(r, "x", false, &receipt, &err) < 0, "an ID that is none");
	err_clear(&err);
	ok(commit_rollback(&compiler, &kernel, &(struct undo_ground){ .conflict = &r->conflict, .pool = r->site.pool },
			   COMMIT_BACK_LAST, NULL, &arena, &receipt, &err) < 0 &&
	       err.kind == ERR_REFUSED && taken().len == 0,
	   "of another start nothing is known, and nothing is loaded");
}

/* Two profiles came in one piece, one of them was replaced by hand since. */
static void pieces_are_told_apart(void)
{
	static const char two[] = "profile lxc-a { /a r, }\nprofile lxc-b { /b r, }\n";
	struct slice names[] = { SLICE("lxc-a"), SLICE("lxc-b") };
	struct loaded_policy policy;
	struct loaded loaded;
	struct slice blob;

	fresh_host();
	host_put("/etc/apparmor.d/two", two);
	blob = compiled("/etc/apparmor.d/two", NULL);
	shows(SHOWN "lxc-a.1", "lxc-a", blob);
	shows(SHOWN "lxc-b.2", "lxc-b", blob);
	loaded_list(&loaded, &root, &arena);
	loaded_read(&policy, &loaded, names, 2);
	ok(policy.state == LOADED_READ && policy.automaton.count == 2 && policy.piece_count == 1 && policy.whole,
	   "two profiles of one piece");
	ok(loaded_is_same(&policy, &root), "are still the same");
	loaded_read(&policy, &loaded, names, 1);
	ok(policy.automaton.count == 1 && !policy.whole, "one of them does not bring back the other");
	shows(SHOWN "lxc-b.2", "lxc-b", compiled("/etc/apparmor.d/two", "profile lxc-b { /c r, }\n"));
	loaded_list(&loaded, &root, &arena);
	loaded_read(&policy, &loaded, names, 2);
	ok(policy.automaton.count == 2 && policy.piece_count == 2 && !policy.whole, "one was replaced since");
	shows(SHOWN "lxc-b.2", "lxc-b", blob);
	ok(!loaded_is_same(&policy, &root), "and is another now");
	names[0] = SLICE("lxc-none");
	loaded_read(&policy, &loaded, names, 1);
	is_num(policy.state, LOADED_ABSENT, "one that the kernel does not have");
	tmp_write(SHOWN "lxc-a.1/raw_data", "damaged", 7, 0644);
	names[0] = SLICE("lxc-a");
	loaded_list(&loaded, &root, &arena);
	loaded_read(&policy, &loaded, names, 1);
	is_num(policy.state, LOADED_HIDDEN, "one whose piece cannot be understood");
}

static bool read_conflict(void)
{
	AUTOROOT here = { .fd = -1 };
	AUTOBUF path = { 0 };
	struct file file;
	char *cwd = realpath(".", NULL);

	buf_addf(&path, "%s/" CONFLICT_FILE, cwd ? cwd : "");
	free(cwd);
	if (root_open(&here, "/", NULL) < 0)
		return false;
	here.anybody = true;
	if (fsio_read(&here, buf_str(&path), 1 << 20, &arena, &file, NULL) < 0)
		return false;
	conflict_text = file.bytes;
	return true;
}

int main(void)
{
	struct err err = { 0 };

	if (access(host_parser(), X_OK) < 0) {
		printf("1..0 # SKIP no %s\n", host_parser());
		return 0;
	}
	tmp_make();
	fresh_host();
	if (!read_conflict() || compiler_init(&compiler, &root, host_parser(), NULL, &arena, &err) < 0) {
		printf("Bail out! cannot begin: %s\n", err.text);
		return 1;
	}
	a_wider_scope_keeps_the_cure();
	both_scopes_are_asked_for_and_one_is_in_force();
	a_policy_loaded_by_hand_is_not_replaced();
	a_policy_loaded_by_hand_keeps_what_it_gives_back();
	a_kernel_that_hides_its_policy();
	a_record_says_nothing_of_another_text();
	a_file_that_was_edited_and_not_loaded();
	a_file_that_is_cured_and_not_loaded();
	another_policy_is_loaded_meanwhile();
	a_failed_change_puts_back_what_the_kernel_held();
	a_rollback_takes_away_its_own_scope_alone();
	a_rollback_in_another_order();
	a_rollback_of_what_was_loaded_by_hand();
	a_rollback_of_a_file_that_was_edited_and_not_loaded();
	a_rollback_where_the_kernel_hides_its_policy();
	pieces_are_told_apart();
	root_release(&root);
	tmp_remove();
	arena_release(&arena);
	return tap_done();
}
