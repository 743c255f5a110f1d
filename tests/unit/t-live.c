/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way of a generated profile through discover, locate, rewrite, lasting, prove and commit, with a kernel that is a
 * folder. */
#include <nestfix/commit.h>
#include <nestfix/lasting.h>

#include "../lib/host.h"
#include "../lib/tap.h"

#define WEB_DIR "/var/lib/lxc/web1"
#define WEB_TEXT WEB_DIR "/apparmor/lxc-web1_<-var-lib-lxc>"
#define WEB_PROFILE "lxc-web1_</var/lib/lxc>"
#define LOADED_DIR "/sys/kernel/security/apparmor/policy/profiles/lxc-web1_.var.lib.lxc.7"
#define GENERATED_RULE "deny /sys/[^fdck]*{,/**} wklx,"

static const char web_text[] = "profile \"" WEB_PROFILE "\" flags=(attach_disconnected,mediate_deleted) {\n"
			       "  file,\n  capability,\n  " GENERATED_RULE "\n}\n";

static struct arena arena;
static struct root root;
static struct compiler compiler;
static struct kernel kernel;
static struct undo_ground ground;

struct run_of {
	struct host host;
	struct patch patch;
	struct proof *proof;
	struct receipt receipt;
	const char *note;
	struct err err;
};

/* Everything that was looked at, for its release. */
static VEC(struct run_of *) looks;

static void release_looks(void)
{
	for (size_t i = 0; i < looks.len; i++)
		looks.len = 0;
}

/* A host with one container that runs, a generated profile that is loaded, and a hook to call. */
static void fresh_host(void)
{
	release_looks();
	tmp_remove();
	if (mkdir(tmp_dir, 0755) < 0)
		printf("# cannot make %s\n", tmp_dir);
	root_release(&root);
	root_open(&root, tmp_dir, NULL);
	host_put("/etc/apparmor.d/tunables/global", "");
	host_put(WEB_DIR "/config",
		 "lxc.include = /usr/share/lxc/config/common.conf\nlxc.apparmor.profile = generated\n"
		 "lxc.apparmor.allow_nesting = 1\n");
	host_put("/usr/share/lxc/config/common.conf", "lxc.include = " DROPIN_DIR "/\n");
	host_put(DROPIN_DIR "/10-mine.conf", "lxc.cap.drop = mknod\n");
	host_put(NESTFIX_PROGRAM, "");
	host_put(WEB_TEXT, web_text);
	host_put("/fs/features/policy/set_load", "yes\n");
	host_put("/fs/.replace", "");
	host_put("/fs/profiles", WEB_PROFILE " (enforce)\n");
	kernel_open(&kernel, &root, arena_printf(&arena, "%s", tmp_path("/fs")), &arena);
}

static struct run_of *look(void)
{
	static struct slice given_back[] = { SLICE("/sys/net{,/**}") };
	struct run_of *r = ARENA_NEW(&arena, struct run_of);

	VEC_PUSH(&arena, &looks, r);
	if (host_look(&r->host, &root, &arena, &r->err) < 0)
		printf("# cannot look: %s\n", r->err.text);
	r->host.scope.give_back = given_back;
	r->host.scope.give_back_count = 1;
	ground = (struct undo_ground){ .conflict = &r->host.conflict, .pool = r->host.site.pool };
	/* the drop-in was read before the scope had its patterns */
	if (r->host.site.dropin.mode != DROPIN_NONE)
		dropin_read(&r->host.site.dropin, r->host.site.dropin.text, &r->host.conflict, &arena);
	return r;
}

static int plan(struct run_of *r)
{
	if (rewrite(&r->patch, &r->host.site, &r->host.finding, &arena, &r->err) < 0 ||
	    lasting_plan(&r->patch, &compiler, slice_of(web_text), &r->note, &arena, &r->err) < 0)
		return -1;
	if (r->patch.file_count == 0)
		return 0;
	return prove_patch(&r->proof, &r->patch, &compiler, &arena, NULL, NULL, &r->err);
}

static struct run_of *planned(void)
{
	struct run_of *r = look();

	if (plan(r) == 0 && r->proof)
		return r;
	printf("# cannot plan: %s\n", r->err.text);
	return NULL;
}

static int commit(struct run_of *r)
{
	return commit_proof(r->proof, &kernel, -1, &arena, &r->receipt, &r->err);
}

static size_t size_of(const char *path)
{
	struct stat st;

	return stat(tmp_path(path), &st) == 0 ? (size_t)st.st_size : 0;
}

static bool loaded_allows(void)
{
	struct automaton automaton;
	struct file file;
	struct automaton_perms perms;

	if (fsio_read(&root, "/fs/.replace", 1 << 24, &arena, &file, NULL) < 0 || file.bytes.len == 0 ||
	    automaton_read(&automaton, file.bytes, &arena, NULL) < 0)
		return false;
	perms = automaton_path(&automaton.profiles[0], SLICE(HOST_WITNESS));
	return (perms.half[AUTOMATON_OTHER].allow & PERM_W) != 0;
}

/* What was loaded becomes what the kernel shows. */
static void show_loaded(void)
{
	struct file file;

	if (fsio_read(&root, "/fs/.replace", 1 << 24, &arena, &file, NULL) < 0)
		return;
	host_put(LOADED_DIR "/name", WEB_PROFILE "\n");
	tmp_write(LOADED_DIR "/raw_data", file.bytes.ptr, file.bytes.len, 0644);
}

static void a_generated_text_is_found(void)
{
	struct run_of *r;

	fresh_host();
	r = look();
	is_num(r->host.site.policy_count, 1, "the text of a container that runs is one policy");
	is_num(r->host.finding.worst, LOCATE_BLOCKED, "it is blocked");
	ok(r->host.finding.culprit_count == 1 && strcmp(r->host.finding.culprits[0]->rule->source->path, WEB_TEXT) == 0,
	   "by a rule of its file");
	ok(lasting_is_needed(&r->host.site, &r->host.finding), "its next start needs the drop-in");
}

static void it_is_loaded_and_not_written(void)
{
	struct run_of *r;

	fresh_host();
	r = planned();
	if (!ok(r && r->patch.file_count == 2 && r->patch.files[0].kind == PATCH_CREATE &&
		    r->patch.files[1].kind == PATCH_LIVE,
		"a live change and a drop-in are planned"))
		return;
	is_num(commit(r), 0, "they are carried out");
	ok(loaded_allows(), "the kernel got a policy that allows runc's write");
	is_text(slice_of(tmp_read(WEB_TEXT)), web_text, "the file is as it was");
	ok(strstr(tmp_read(DROPIN_PATH), "hook lxc"), "the drop-in stands");
	is_num(r->receipt.file_count, 1, "one file was written");
	show_loaded();
	r = look();
	is_num(r->host.finding.worst, LOCATE_ALLOWED, "what the kernel holds counts, not the file");
	ok(r->host.finding.case_count == 1 && slice_is(r->host.finding.cases[0].cure, "the policy in the kernel"),
	   "and it is told");
	ok(plan(r) == 0 && r->patch.file_count == 0, "a second run finds nothing to do");
}

static void a_rollback_loads_the_text_on_disk(void)
{
	struct receipt receipt;
	struct err err = { 0 };
	struct run_of *r;

	fresh_host();
	r = planned();
	if (!r || commit(r) < 0)
		return (void)ok(false, "a change to take back");
	host_put("/fs/.replace", "");
	is_num(commit_rollback(&compiler, &kernel, &ground, COMMIT_BACK_LAST, NULL, &arena, &receipt, &err), 0,
	       "it is taken back");
	ok(size_of("/fs/.replace") > 0 && !loaded_allows(), "the kernel got the policy that denies");
	ok(access(tmp_path(DROPIN_PATH), F_OK) < 0, "the drop-in is gone");
	ok(access(tmp_path(DROPIN_DIR "/10-mine.conf"), F_OK) == 0, "the other file of the folder is not");
}

static void a_rollback_passes_over_stopped_containers(void)
{
	struct receipt receipt;
	struct err err = { 0 };
	struct run_of *r;

	fresh_host();
	r = planned();
	if (!r || commit(r) < 0)
		return (void)ok(false, "a change to take back");
	host_put("/fs/.replace", "");
	unlink(tmp_path(WEB_TEXT));
	is_num(commit_rollback(&compiler, &kernel, &ground, COMMIT_BACK_LAST, NULL, &arena, &receipt, &err), 0,
	       "a container that stopped since is passed over");
	is_num(size_of("/fs/.replace"), 0, "nothing is loaded");
}

static void a_container_that_stops_meanwhile_is_passed_over(void)
{
	struct run_of *r;

	fresh_host();
	r = planned();
	if (!ok(r, "a change is planned"))
		return;
	unlink(tmp_path(WEB_TEXT));
	is_num(commit(r), 0, "its text gone, the rest is carried out");
	is_num(size_of("/fs/.replace"), 0, "nothing is loaded");
	ok(r->receipt.note && strstr(r->receipt.note, "was stopped meanwhile"), "it is told");
	ok(access(tmp_path(DROPIN_PATH), F_OK) == 0, "the drop-in stands");
}

static void a_container_started_anew_meanwhile_is_refused(void)
{
	struct run_of *r;

	fresh_host();
	r = planned();
	if (!ok(r, "a change is planned"))
		return;
	host_put(WEB_TEXT, "profile \"" WEB_PROFILE "\" {\n  /other r,\n  " GENERATED_RULE "\n}\n");
	is_num(commit(r), -1, "another text than planned on is refused");
	is_err(&r->err, "was started anew meanwhile", "in a sentence");
	is_num(r->err.kind, ERR_REFUSED, "on purpose");
	ok(size_of("/fs/.replace") == 0 && access(tmp_path(DROPIN_PATH), F_OK) < 0, "nothing was changed");
}

static void what_the_kernel_refuses_is_undone(void)
{
	struct run_of *r;

	fresh_host();
	r = planned();
	if (!ok(r, "a change is planned"))
		return;
	unlink(tmp_path("/fs/.replace"));
	if (symlink("/dev/full", tmp_path("/fs/.replace")) < 0)
		return;
	is_num(commit(r), -1, "a kernel that does not take it");
	ok(access(tmp_path(DROPIN_PATH), F_OK) < 0, "the drop-in is taken out again");
}

static void what_is_missing_is_told(void)
{
	struct run_of *r;

	fresh_host();
	unlink(tmp_path(NESTFIX_PROGRAM));
	r = planned();
	ok(r && r->patch.file_count == 1 && r->note && strstr(r->note, "is not installed"),
	   "without the program there is no hook, but the live cure");
	fresh_host();
	unlink(tmp_path(DROPIN_DIR "/10-mine.conf"));
	rmdir(tmp_path(DROPIN_DIR));
	r = planned();
	ok(r && r->patch.file_count == 1 && r->note && strstr(r->note, "there is no folder"),
	   "without the folder there is no drop-in, but the live cure");
}

static void a_text_that_goes_while_it_is_read_is_skipped(void)
{
	struct run_of *r;

	fresh_host();
	unlink(tmp_path(WEB_TEXT));
	if (symlink("/nowhere", tmp_path(WEB_TEXT)) < 0)
		return;
	r = look();
	ok(!err_is_set(&r->err) && r->host.site.policy_count == 0, "a text that cannot be read ends nothing");
	host_put(WEB_DIR "/x", "");
	unlink(tmp_path(WEB_TEXT));
	host_put(WEB_TEXT, "profile \"x {\n");
	r = look();
	ok(!err_is_set(&r->err) && r->host.site.skipped_count == 1, "one that is broken is listed");
}

static void a_drop_in_of_a_text_that_was_started_with_it_is_stripped(void)
{
	static const char raw[] = "priority=1 allow /sys/net{,/**} w,\n";
	struct receipt receipt;
	struct err err = { 0 };
	struct run_of *r;
	AUTOBUF text = { 0 };

	fresh_host();
	host_put("/var/lib/dpkg/status", "Package: apparmor\nStatus: install ok installed\nVersion: 4.1.0-1\n");
	r = look();
	if (plan(r) < 0 || compile_knows_priority(&compiler, &arena, NULL) != 1) {
		printf("ok %d - # SKIP this parser knows no priority=\n", ++tap_count);
		return;
	}
	if (commit(r) < 0)
		return (void)ok(false, "a change to take back");
	ok(strstr(tmp_read(DROPIN_PATH), raw), "a parser that knows priorities gets a rule, not a hook");
	buf_adds(&text, web_text);
	text.len -= 2;
	buf_addf(&text, "%s}\n", raw);
	host_put(WEB_TEXT, buf_str(&text));
	host_put("/fs/.replace", "");
	is_num(commit_rollback(&compiler, &kernel, &ground, COMMIT_BACK_LAST, NULL, &arena, &receipt, &err), 0,
	       "it is taken back");
	ok(size_of("/fs/.replace") > 0 && !loaded_allows(), "and the kernel's policy denies again");
}

static void put_container(const char *name, const char *rule)
{
	AUTOBUF text = { 0 };
	AUTOBUF path = { 0 };

	buf_addf(&path, "/var/lib/lxc/%s/config", name);
	host_put(buf_str(&path), "lxc.apparmor.profile = generated\n");
	buf_clear(&path);
	buf_addf(&path, "/var/lib/lxc/%s/apparmor/lxc-%s_<-var-lib-lxc>", name, name);
	buf_addf(&text,
		 "profile \"lxc-%s_</var/lib/lxc>\" flags=(attach_disconnected,mediate_deleted) {\n"
		 "  file,\n  capability,\n%s  " GENERATED_RULE "\n}\n",
		 name, rule);
	host_put(buf_str(&path), buf_str(&text));
}

/* One of several containers of one kind is compared; the others are compiled and asked. */
static void one_text_stands_for_its_like(void)
{
	const struct proof_policy *policies;
	struct run_of *r;
	size_t count;

	fresh_host();
	put_container("web2", "");
	put_container("web3", "  deny /x r,\n");
	put_container("web 4", "");
	host_put("/fs/profiles", WEB_PROFILE " (enforce)\nlxc-web2_</var/lib/lxc> (enforce)\n");
	r = planned();
	if (!ok(r, "four containers are planned"))
		return;
	policies = proof_policies(r->proof, &count);
	is_num(count, 4, "each is a policy");
	for (size_t i = 0; i < count; i++) {
		struct slice name = policies[i].policy->profiles[0].name;
		bool alike = slice_starts(name, "lxc-web2_");

		ok((policies[i].old_blob.len == 0) == alike,
		   "only one of equal text and plain name is taken for another");
		ok(policies[i].new_blob.len > 0 && slice_eq(policies[i].comparison.changes[0].profile, name),
		   "  its own policy is compiled, and the change bears its name");
	}
	is_num(commit(r), 0, "all are carried out");
	is_num(r->receipt.profile_count, 2, "those that the kernel holds are loaded");
}

static struct patch_file *live_file(struct patch *patch)
{
	for (size_t i = 0; i < patch->file_count; i++)
		if (patch->files[i].kind == PATCH_LIVE)
			return &patch->files[i];
	return NULL;
}

static void is_sabotage(struct run_of *r, const char *part, const char *what)
{
	err_clear(&r->err);
	ok(prove_patch(&r->proof, &r->patch, &compiler, &arena, NULL, NULL, &r->err) < 0 && r->err.kind == ERR_REFUSED,
	   what);
	is_err(&r->err, part, "… is told");
}

static void sabotage_of_a_live_text_is_refused(void)
{
	struct run_of *r;

	fresh_host();
	r = planned();
	if (!ok(r && live_file(&r->patch), "a text that is loaded and not written"))
		return;
	live_file(&r->patch)->kind = PATCH_POLICY;
	is_sabotage(r, "it is not what the change takes it for", "one that would be written");
	r = planned();
	r->patch.policy_count = 0;
	is_sabotage(r, "it was not compared", "one that nobody compared");
	r = planned();
	live_file(&r->patch)->old = SLICE("profile other {}\n");
	is_sabotage(r, "it was made for another text", "one that was made for another text");
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
	if (compiler_init(&compiler, &root, host_parser(), NULL, &arena, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		return 1;
	}
	a_generated_text_is_found();
	it_is_loaded_and_not_written();
	a_rollback_loads_the_text_on_disk();
	a_rollback_passes_over_stopped_containers();
	a_container_that_stops_meanwhile_is_passed_over();
	a_container_started_anew_meanwhile_is_refused();
	what_the_kernel_refuses_is_undone();
	what_is_missing_is_told();
	a_text_that_goes_while_it_is_read_is_skipped();
	a_drop_in_of_a_text_that_was_started_with_it_is_stripped();
	one_text_stands_for_its_like();
	sabotage_of_a_live_text_is_refused();
	release_looks();
	root_release(&root);
	tmp_remove();
	arena_release(&arena);
	return tap_done();
}
