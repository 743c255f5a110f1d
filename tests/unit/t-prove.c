/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of sabotages: each is a change that a wrong rewrite could make, and each must be refused by name. */
#include <nestfix/prove.h>

#include "../lib/host.h"
#include "../lib/tap.h"
#include "../lib/tmp.h"

#define TOP HOST_TOP
#define BASE HOST_BASE
#define WITNESS HOST_WITNESS
#define RULE HOST_RULE
#define EXACT HOST_EXACT

static struct arena arena;
static struct root root;
static struct compiler compiler;
static struct host host;

static const struct policy_source *source_of(const char *path)
{
	const struct policy *policy = &host.site.policies[0]->policy;

	for (size_t i = 0; i < policy->source_count; i++)
		if (strcmp(policy->sources[i]->path, path) == 0)
			return policy->sources[i];
	return NULL;
}

/* One replacement in one file, by text: what stands there, and what is put in its place. The edit is made as short as
 * it can be. */
struct change {
	const char *path, *old, *new_;
};

static void add_change(struct patch *patch, const struct change *change)
{
	struct patch_file *file = &patch->files[patch->file_count++];
	struct edit *edit = ARENA_NEW(&arena, struct edit);
	size_t same = 0, tail = 0, len = strlen(change->old), new_len = strlen(change->new_);
	const char *hit;
	AUTOBUF out = { 0 };

	file->source = source_of(change->path);
	file->old = file->source->doc.text;
	hit = memmem(file->old.ptr, file->old.len, change->old, len);
	while (same < len && same < new_len && change->old[same] == change->new_[same])
		same++;
	while (tail < len - same && tail < new_len - same &&
	       change->old[len - tail - 1] == change->new_[new_len - tail - 1])
		tail++;
	*edit = (struct edit){ (size_t)(hit - file->old.ptr) + same, len - same - tail,
			       slice_sub(slice_of(change->new_), same, new_len - same - tail) };
	file->edits = edit;
	file->edit_count = 1;
	doc_print(&file->source->doc, edit, 1, &out, NULL);
	file->new_ = arena_slice(&arena, buf_slice(&out));
}

static struct patch *patch_of(const struct change *changes, size_t count)
{
	struct patch *patch = ARENA_NEW(&arena, struct patch);
	const struct policy **policies = arena_array(&arena, 1, sizeof *policies);

	policies[0] = &host.site.policies[0]->policy;
	*patch = (struct patch){ .site = &host.site,
				 .finding = &host.finding,
				 .files = arena_array(&arena, count, sizeof *patch->files),
				 .policies = policies,
				 .policy_count = 1,
				 .paths = host.finding.paths,
				 .perms = host.finding.perms };
	for (size_t i = 0; i < count; i++)
		add_change(patch, &changes[i]);
	return patch;
}

static struct proof *try(const struct patch *patch, struct err *err)
{
	struct proof *proof;

	err_clear(err);
	if (prove_patch(&proof, patch, &compiler, &arena, NULL, NULL, err) < 0)
		printf("# %s\n", err->text);
	return proof;
}

/* The sabotage is refused on purpose, and the text names `part`. */
static void is_refused(const struct change *changes, size_t count, const char *part, const char *what)
{
	struct err err;

	if (!ok(!try(patch_of(changes, count), &err) && err.kind == ERR_REFUSED, what))
		return;
	is_err(&err, part, "… and the text says what it would do");
}

#define REFUSED(part, what, ...)                                                                                       \
	do {                                                                                                           \
		const struct change list[] = { __VA_ARGS__ };                                                          \
		is_refused(list, sizeof list / sizeof *list, part, what);                                              \
	} while (0)

static void the_exact_change_is_proved(void)
{
	const struct change change = { BASE, RULE, EXACT };
	const struct patch *patch = patch_of(&change, 1);
	const struct proof_policy *policies;
	struct proof *proof;
	struct err err;
	size_t count = 0;

	proof = try(patch, &err);
	if (!ok(proof, "the rule split exactly is proved"))
		return;
	ok(proof_patch(proof) == patch, "the proof knows its patch");
	is_text(slice_of(proof_compiler(proof)->version), compiler.version, "… and its compiler");
	policies = proof_policies(proof, &count);
	is_num(count, 1, "… and its policies");
	ok(!policies[0].comparison.equal && policies[0].comparison.allowed, "which change, inside the exemption");
	ok(policies[0].old_blob.len > 0 && policies[0].new_blob.len > 0, "both compiled policies are kept");
}

static void what_is_cured_otherwise_is_told(void)
{
	struct proof_policy *policies;
	struct proof *proof;
	struct err err = { 0 };
	const struct change change = { BASE, RULE, "" };
	size_t count = 9;

	is_num(prove_patch(&proof, patch_of(&change, 1), &compiler, &arena, &policies, &count, &err), -1, "a refusal");
	ok(!proof, "gives no proof");
	is_num(count, 1, "but what was compared, for the report");
	ok(policies[0].comparison.count > 0, "with its changes");
}

static void opened_paths_are_refused(void)
{
	REFUSED("'/sys/", "the rule deleted instead of split", { BASE, RULE, "" });
	REFUSED("'/sys/n", "the class narrowed without the rungs that follow",
		{ BASE, RULE, "deny /sys/[^fdc]*{,/**} klx,\n  deny /sys/[^fdcn]*{,/**} w," });
	REFUSED("'/sys/n", "upstream's ladder, which leaks its own prefixes",
		{ BASE, RULE,
		  "deny /sys/[^fdc]*{,/**} klx,\n  deny /sys/[^fdcn]*{,/**} w,\n  deny /sys/n[^e]*{,/**} w,\n"
		  "  deny /sys/ne[^t]*{,/**} w,\n  deny /sys/net?*{,/**} w," });
	REFUSED("w denied → allowed", "a neighbour opened, with what happens to it",
		{ BASE, RULE, "deny /sys/[^fdc]*{,/**} klx,\n  deny /sys/{[^fdcn]*,n{,e},n[^e]*,ne[^t]*}{,/**} w," });
}

static void other_permissions_are_refused(void)
{
	REFUSED(
	    "/sys/", "x given back",
	    { BASE, RULE, "deny /sys/[^fdc]*{,/**} kl,\n  deny /sys/{[^fdcn]*,n{,e},n[^e]*,ne[^t]*,net?*}{,/**} w," });
	REFUSED(
	    "/sys/", "l given back",
	    { BASE, RULE, "deny /sys/[^fdc]*{,/**} kx,\n  deny /sys/{[^fdcn]*,n{,e},n[^e]*,ne[^t]*,net?*}{,/**} w," });
	REFUSED(
	    "k denied → allowed", "k given back",
	    { BASE, RULE, "deny /sys/[^fdc]*{,/**} lx,\n  deny /sys/{[^fdcn]*,n{,e},n[^e]*,ne[^t]*,net?*}{,/**} w," });
	REFUSED("r allowed → denied", "r taken away", { BASE, RULE, EXACT "\n  deny /sys/net/** r," });
}

static void other_rules_are_refused(void)
{
	REFUSED("container-base:5:3: the edit touches more than the rule", "an unrelated rule touched",
		{ BASE, RULE "\n  deny /proc/sysrq-trigger wklx,", EXACT "\n  deny /proc/sysrq-trigger klx," });
	REFUSED("'/etc/shadow'", "an unrelated rule added", { BASE, RULE, EXACT "\n  deny /etc/shadow w," });
}

static void other_classes_are_refused(void)
{
	REFUSED("mount", "a mount rule added", { BASE, RULE, EXACT "\n  deny mount fstype=proc," });
	REFUSED("lxc-containers:3:3: the edit touches more", "a mount rule touched", { BASE, RULE, EXACT },
		{ TOP, "fstype=devpts", "fstype=sysfs" });
	REFUSED("flags", "a profile flag changed", { BASE, RULE, EXACT }, { TOP, ",mediate_deleted", "" });
	REFUSED("added", "a profile added", { BASE, RULE, EXACT },
		{ TOP, "profile lxc", "profile added { }\nprofile lxc" });
	REFUSED("lxc-containers:4:3: the edit touches more", "a hat taken out", { BASE, RULE, EXACT },
		{ TOP, "^helper { /h r, }\n", "\n" });
	REFUSED("helper", "a hat lost behind a comment sign", { BASE, RULE, EXACT }, { TOP, "^helper", "# ^helper" });
}

static void changes_that_cure_nothing_are_refused(void)
{
	REFUSED("it changes nothing", "an edit without effect", { BASE, RULE, "# a word\n  " RULE });
	REFUSED("would still be denied '" WITNESS "'", "a part of the scope that leaves the witness out",
		{ BASE, RULE,
		  "deny /sys/[^fdc]*{,/**} klx,\n  deny /sys/{[^fdcn]*,n{,e},n[^e]*,ne[^t]*,net?*}{,/**} w,\n"
		  "  deny /sys/net/ipv4/** w," });
	REFUSED("would still be denied '" WITNESS "'", "the owner's half alone",
		{ BASE, RULE, EXACT "\n  deny other /sys/net{,/**} w," });
}

static void bytes_outside_the_edit_are_looked_at(void)
{
	const struct change change = { BASE, RULE, EXACT };
	struct patch *patch = patch_of(&change, 1);
	AUTOBUF other = { 0 };
	struct err err;

	buf_addslice(&other, patch->files[0].new_);
	buf_adds(&other, "# nothing\n");
	patch->files[0].new_ = buf_slice(&other);
	ok(!try(patch, &err) && err.kind == ERR_REFUSED, "a byte more than the edits say");
	is_err(&err, "bytes outside the edit differ", "… is told");
	patch = patch_of(&change, 1);
	patch->files[0].old = SLICE("something else");
	ok(!try(patch, &err) && err.kind == ERR_REFUSED, "a patch for another text");
	is_err(&err, "made for another text", "… is told");
	patch = patch_of(&change, 1);
	patch->files[0].edits[0].len = (size_t)-1;
	ok(!try(patch, &err) && err.kind == ERR_REFUSED, "an edit beyond the text");
	patch = patch_of(&change, 1);
	patch->file_count = 0;
	ok(!try(patch, &err) && err.kind == ERR_REFUSED, "an empty patch has no proof");
}

/* Looks anew at a host with one policy more; the patch says of itself that it reaches the first alone. */
static void is_refused_beside(const char *path, const char *text, mode_t mode, const char *what)
{
	const struct change change = { BASE, RULE, EXACT };
	struct err err = { 0 };

	tmp_write(path, text, strlen(text), mode);
	if (chmod(tmp_path(path), mode) != 0 || host_look(&host, &root, &arena, &err) < 0)
		printf("Bail out! cannot look: %s\n", err.text);
	ok(!try(patch_of(&change, 1), &err) && err.kind == ERR_REFUSED, what);
	is_err(&err, path, "… by its name");
	remove(tmp_path(path));
}

/* A policy that the site does not know of. */
static void a_policy_outside_the_site_is_refused(const char *path)
{
	const struct change change = { BASE, RULE, EXACT };
	struct err err = { 0 };
	const char *text =
	    "alias /sys/ -> /mysys/,\nprofile other {\n  file,\n  include <abstractions/lxc/container-base>\n}\n";

	is_num(host_look(&host, &root, &arena, &err), 0, "a look");
	tmp_write(path, text, strlen(text), 0644);
	ok(!try(patch_of(&change, 1), &err) && err.kind == ERR_REFUSED, "a policy that came since is found");
	is_err(&err, path, "… and named");
	is_err(&err, "'/mysys/net'", "… with what it would do");
	remove(tmp_path(path));
}

static void a_patch_is_not_believed_what_it_says_of_itself(void)
{
	const struct change change = { BASE, RULE, EXACT }, deletion = { BASE, RULE, "" };
	struct patch *patch = patch_of(&change, 1), *twice;
	const struct change both[] = { change, change };
	struct err err = { 0 };
	struct aare all;

	patch->files[0].kind = PATCH_LIVE;
	ok(!try(patch, &err) && err.kind == ERR_REFUSED, "a file that it would load and not write");
	is_err(&err, "it is not what the change takes it for", "… is told");
	patch->files[0].kind = PATCH_LOAD;
	ok(!try(patch, &err) && err.kind == ERR_REFUSED, "a text that is not the disk's, to be loaded as it is");
	is_err(&err, "it is not what the change takes it for", "… is told");
	twice = patch_of(both, 2);
	ok(!try(twice, &err) && err.kind == ERR_REFUSED, "two changes of one file");
	is_err(&err, "two changes of '" BASE "'", "… are told");
	patch = patch_of(&deletion, 1);
	aare_parse(&all, SLICE("/{,**}"), host.site.pool, &arena, &err);
	patch->paths = all.re;
	ok(!try(patch, &err) && err.kind == ERR_REFUSED, "one that lets itself open every path");
	is_err(&err, "more than its scopes give back", "… is told");
	patch = patch_of(&deletion, 1);
	patch->perms = ~0u;
	ok(!try(patch, &err) && err.kind == ERR_REFUSED, "one that lets itself give back every permission");
	is_err(&err, "more than its scopes give back", "… is told");
}

static void a_policy_outside_the_patch_is_refused(void)
{
	struct err err = { 0 };

	is_refused_beside("/etc/apparmor.d/zz-other",
			  "profile other {\n  include <abstractions/lxc/container-base>\n}\n", 0644,
			  "a policy that reads the edited file, and that the patch does not name");
	is_refused_beside("/etc/apparmor.d/zz-other",
			  "profile other {\n  include <abstractions/lxc/container-base>\n}\n", 0664,
			  "a policy that others can write");
	a_policy_outside_the_site_is_refused("/etc/apparmor.d/zz-new");
	a_policy_outside_the_site_is_refused("/etc/apparmor.d/libvirt/libvirt-1");
	is_num(host_look(&host, &root, &arena, &err), 0, "the host is as before");
}

static void what_does_not_compile_is_a_failure(void)
{
	const struct change change = { BASE, RULE, "deny /sys/[^fdc]* klx w," };
	struct err err;

	ok(!try(patch_of(&change, 1), &err), "a syntax error has no proof");
	is_num(err.kind, ERR_FAILED, "… and is no refusal but a failure");
	is_err(&err, "cannot accept the change: cannot compile", "… which says that it is the new policy");
}

#define CONFIG "/var/lib/lxc/adm/config"
#define GENERATED "lxc.include = /usr/share/lxc/config/common.conf.d/\nlxc.apparmor.profile = generated\n"
#define DENY "deny /sys/net/ipv4/ip_forward w,"

static struct slice net[] = { SLICE("/sys/net{,/**}") };
static const struct conflict_scope *dropin_scopes[1];

/* The host with a container of this configuration, and a drop-in of this text (or NULL). */
static bool look_again(const char *config, const char *dropin)
{
	struct err err = { 0 };

	host_put("/etc/apparmor.d/tunables/global", "@{PROC}=/proc/\n");
	host_put(DROPIN_DIR "/README", "");
	host_put(CONFIG, config);
	if (dropin)
		host_put(DROPIN_PATH, dropin);
	else
		unlink(tmp_path(DROPIN_PATH));
	if (host_look(&host, &root, &arena, &err) < 0)
		return ok(false, err.text);
	host.scope.give_back = net;
	host.scope.give_back_count = 1;
	dropin_scopes[0] = &host.scope;
	dropin_read(&host.site.dropin, host.site.dropin.text, &host.conflict, &arena);
	return true;
}

/* A patch that writes a drop-in of this form, as lasting_plan makes it. */
static struct patch *dropin_patch(enum dropin_mode mode)
{
	struct patch *patch = ARENA_NEW(&arena, struct patch);
	struct patch_file *file = arena_array(&arena, 2, sizeof *file);
	AUTOBUF text = { 0 };

	*patch = (struct patch){
		.site = &host.site,
		.finding = &host.finding,
		.paths = host.finding.paths,
		.perms = host.finding.perms,
		.files = file,
		.file_count = 1,
		.dropin = mode,
		.dropin_scopes = dropin_scopes,
		.dropin_scope_count = mode != DROPIN_NONE,
		.sample = SLICE("profile \"lxc-sample_</var/lib/lxc>\" flags=(attach_disconnected,mediate_deleted) {\n"
				"  file,\n  deny /sys/[^fdck]*{,/**} wklx,\n}\n"),
	};
	dropin_write(host.site.dropin.text, mode, &host.conflict, dropin_scopes, patch->dropin_scope_count, &text);
	*file = (struct patch_file){ .kind = PATCH_CREATE,
				     .path = DROPIN_PATH,
				     .existed = host.site.dropin.text.len > 0,
				     .removed = text.len == 0,
				     .edits = ARENA_NEW(&arena, struct edit),
				     .edit_count = 1,
				     .old = host.site.dropin.text,
				     .new_ = arena_slice(&arena, buf_slice(&text)) };
	*file->edits = (struct edit){ 0, file->old.len, file->new_ };
	return patch;
}

static void no_proof(const struct patch *patch, const char *part, const char *what)
{
	struct err err;

	if (ok(!try(patch, &err) && err.kind == ERR_REFUSED, what))
		is_err(&err, part, "… and says why");
}

static void forms_that_do_nothing_are_refused(void)
{
	static const struct conflict_scope other = { .name = SLICE("net"), .give_back = net, .give_back_count = 1 };
	static const struct conflict_scope *others[] = { &other };
	struct patch *patch;

	look_again(GENERATED, NULL);
	no_proof(dropin_patch(DROPIN_NONE), "gives back nothing", "a drop-in that gives back nothing");
	patch = dropin_patch(DROPIN_HOOK);
	patch->dropin_scope_count = 0;
	no_proof(patch, "gives back nothing", "one of no scope");
	patch = dropin_patch(DROPIN_HOOK);
	patch->dropin_scopes = others;
	no_proof(patch, "a scope that the conflict has not", "one of a scope that stands nowhere");
	no_proof(dropin_patch(DROPIN_HOOK), "which is not there", "a hook that calls nobody");
	host_put(NESTFIX_PROGRAM, "");
	ok(try(dropin_patch(DROPIN_HOOK), &(struct err){ 0 }), "one that calls this program is proved");
	patch = dropin_patch(DROPIN_HOOK);
	patch->files[1] = patch->files[0];
	patch->file_count = 2;
	no_proof(patch, "cannot prove two changes of", "two drop-ins in one change");
	patch = dropin_patch(DROPIN_HOOK);
	patch->files[0].path = DROPIN_DIR "/61-aa-nestfix.conf";
	no_proof(patch, "it is not what this program writes", "another file");
	patch = dropin_patch(DROPIN_HOOK);
	patch->files[0].removed = true;
	no_proof(patch, "gives back nothing", "one that is taken away instead");
}

static void lines_of_others_stay_in_the_dropin(void)
{
	AUTOBUF text = { 0 };
	struct patch *patch;

	look_again(GENERATED, "lxc.cap.drop = sys_rawio\n");
	patch = dropin_patch(DROPIN_HOOK);
	ok(try(patch, &(struct err){ 0 }), "a drop-in with lines of somebody else");
	dropin_text(DROPIN_HOOK, &host.conflict, dropin_scopes, 1, &text);
	patch->files[0].new_ = buf_slice(&text);
	no_proof(patch, "it is not what this program writes", "one without them");
	patch = dropin_patch(DROPIN_HOOK);
	patch->files[0].old = SLICE("");
	no_proof(patch, "made for another text", "one that was made for another text");
	patch = dropin_patch(DROPIN_HOOK);
	patch->files[0].existed = false;
	no_proof(patch, "made for another text", "one that says it is new");
	host.site.dropin.mode = DROPIN_UNREADABLE;
	no_proof(dropin_patch(DROPIN_HOOK), "made for another text", "one that nobody could read");
}

/* What this parser makes of priority= decides what can be shown here. */
static void next_starts_are_looked_at(void)
{
	static struct slice wider[] = { SLICE("/sys/{net,block}{,/**}") };
	const struct container *adm = NULL;
	static char modern[PATH_MAX];
	struct err err = { 0 };
	const struct proof_start *starts;
	struct proof *proof;
	size_t count;

	if (compile_knows_priority(&compiler, &arena, &err) == 0) {
		look_again(GENERATED, NULL);
		no_proof(dropin_patch(DROPIN_PRIORITY), "container 'adm' could not start",
			 "a rule that the parser refuses");
		compiler.program = "build/real/trixie/apparmor_parser";
		if (access(compiler.program, X_OK) != 0) {
			tap_skip("rules with priority=", "no parser that knows them");
			return;
		}
		compiler.program = realpath(compiler.program, modern);
		compiler.major = 4;
	}
	look_again(GENERATED, NULL);
	proof = try(dropin_patch(DROPIN_PRIORITY), &err);
	if (ok(proof, "a rule for a container that denies nothing itself")) {
		starts = proof_starts(proof, &count);
		is_num(count, 1, "its next start was compared");
		ok(starts[0].container && starts[0].base == NEXTSTART_SAMPLE && !starts[0].comparison.equal,
		   "and what its text was made from is told");
	}
	look_again(GENERATED, NULL);
	host.scope.give_back = wider;
	no_proof(dropin_patch(DROPIN_PRIORITY), "it would do more than it should",
		 "a rule that gives back more than the scope's paths");
	look_again(GENERATED "lxc.apparmor.raw = " DENY "\n", NULL);
	no_proof(dropin_patch(DROPIN_PRIORITY),
		 "container 'adm' denies '/sys/net/ipv4/ip_forward' itself (" CONFIG ":3: " DENY ")",
		 "a rule that takes away what a container denies itself");
	look_again("lxc.apparmor.raw = " DENY "\n" GENERATED "lxc.apparmor.raw =\n", NULL);
	proof = try(dropin_patch(DROPIN_PRIORITY), &err);
	if (ok(proof, "where an empty value takes both back, a new container is looked at"))
		ok(!proof_starts(proof, &count)->container && count == 1, "  and nothing else changes");
	look_again(GENERATED "lxc.apparmor.raw = deny /x w\n", NULL);
	ok(try(dropin_patch(DROPIN_PRIORITY), &err), "a container that does not start as it is holds up nobody");
	host_put(DROPIN_DIR "/50-reset.conf", "lxc.apparmor.raw =\n");
	look_again(GENERATED, NULL);
	no_proof(dropin_patch(DROPIN_PRIORITY), "LXC reads them in no certain order",
		 "a rule that may be taken back, or not");
	remove(tmp_path(DROPIN_DIR "/50-reset.conf"));
	look_again(GENERATED, NULL);
	err_put(&host.site.host_err, ERR_FAILED, "cannot list");
	no_proof(dropin_patch(DROPIN_PRIORITY), "could be listed", "a rule where there may be more containers");
	look_again(GENERATED, NULL);
	container_find(&host.site.host, SLICE("adm"), &adm, NULL);
	((struct container *)(uintptr_t)adm)->lxc.unread = true;
	no_proof(dropin_patch(DROPIN_PRIORITY), "what container 'adm' denies itself is not known",
		 "or for one whose lines nobody knows");
	ok(try(dropin_patch(DROPIN_HOOK), &err), "but a hook, which leaves other lines alone");
}

/* A host whose rule somebody commented out: the line `comment` is in its place. */
static struct patch *restoring_patch(const char *comment)
{
	struct patch *patch = ARENA_NEW(&arena, struct patch);
	AUTOBUF base = { 0 };
	struct err err = { 0 };

	buf_addf(&base, "  file,\n  mount,\n  capability,\n%s\n  deny /proc/sysrq-trigger wklx,\n", comment);
	host_put(HOST_BASE, buf_str(&base));
	if (host_look(&host, &root, &arena, &err) < 0 ||
	    rewrite_restore(patch, &host.site, &host.finding, &arena, &err) < 0 || patch->file_count != 1) {
		ok(false, err.text);
		return NULL;
	}
	return patch;
}

/* The only edit of it, and what would have stood there before, with other texts. */
static struct patch *meddled(struct patch *patch, const char *rule, const char *with)
{
	struct patch_file *file = &patch->files[0];
	struct edit bare = { file->edits[0].at, file->edits[0].len, slice_of(rule) };
	AUTOBUF restored = { 0 };
	AUTOBUF new_ = { 0 };

	file->edits[0].with = slice_of(with);
	doc_print(&file->source->doc, &bare, 1, &restored, NULL);
	doc_print(&file->source->doc, file->edits, 1, &new_, NULL);
	file->restored = arena_slice(&arena, buf_slice(&restored));
	file->new_ = arena_slice(&arena, buf_slice(&new_));
	return patch;
}

static void what_is_put_back_only_takes_away(void)
{
	struct err err = { 0 };
	struct patch *patch;

	patch = restoring_patch("  #" HOST_RULE);
	if (!patch || !ok(try(patch, &err), "a rule that was commented out comes back"))
		return;
	no_proof(meddled(patch, "deny /sys/[^fdc]*{,/**} w,", HOST_EXACT), "another rule than that",
		 "but no other in its place");
	no_proof(meddled(patch, HOST_RULE, "deny /sys/[^fdc]*{,/**} klx,"), "it would do more than it should",
		 "nor one that gives back more than the scope");
	no_proof(meddled(patch, HOST_RULE, "#"), "it would do more than it should", "nor none at all");
	patch = restoring_patch("  #" HOST_RULE);
	patch->files[0].edits[0].at -= 2;
	no_proof(meddled(patch, HOST_RULE, HOST_EXACT), "it replaces no comment",
		 "nor in the place of more than a comment");
	patch = restoring_patch("  #" HOST_RULE);
	patch->restores = false;
	no_proof(patch, "it would do more than it should", "nor where the patch does not say so");
	patch = restoring_patch("  audit deny /x w,\n  #" HOST_RULE);
	host.finding.opened_count = 0;
	ok(!patch || try(patch, &err), "the finding is not asked");
	host_put(HOST_TOP, host_top);
	host_put(HOST_BASE, "  mount,\n  capability,\n  #/x w,\n  #" HOST_RULE "\n  /sys/** w,\n");
	if (host_look(&host, &root, &arena, &err) < 0 ||
	    rewrite_restore(patch, &host.site, &host.finding, &arena, &err) < 0)
		ok(false, err.text);
	patch->files[0].edits[0].at = slice_find(host.finding.opened[0]->source->doc.text, '#');
	patch->files[0].edits[0].len = strlen("#/x w,");
	no_proof(meddled(patch, "/x w,", "/x w,"), "it would do more than it should",
		 "a rule that allows something is not put back");
	host_make();
}

static void what_is_needed_is_not_taken_away(void)
{
	AUTOBUF text = { 0 };

	look_again(GENERATED, NULL);
	dropin_text(DROPIN_HOOK, &host.conflict, dropin_scopes, 1, &text);
	look_again(GENERATED, buf_str(&text));
	no_proof(dropin_patch(DROPIN_NONE), "container 'adm' would still be denied '" WITNESS "'",
		 "a hook is not taken away from a container that needs it");
	look_again(GENERATED "lxc.hook =\n", buf_str(&text));
	ok(try(dropin_patch(DROPIN_NONE), &(struct err){ 0 }), "but from one that does not call it");
}

int main(void)
{
	struct err err = { 0 };

	if (access(host_parser(), X_OK) != 0) {
		printf("# %s is missing: NOTHING of prove is tested\n", host_parser());
		tap_skip("prove", "no apparmor_parser");
		return tap_done();
	}
	tmp_make();
	host_make();
	if (root_open(&root, tmp_dir, &err) < 0 ||
	    compiler_init(&compiler, &root, host_parser(), NULL, &arena, &err) < 0 ||
	    host_look(&host, &root, &arena, &err) < 0 || host.finding.culprit_count != 1) {
		printf("Bail out! %s\n", err.text);
		return 1;
	}
	the_exact_change_is_proved();
	what_is_cured_otherwise_is_told();
	opened_paths_are_refused();
	other_permissions_are_refused();
	other_rules_are_refused();
	other_classes_are_refused();
	changes_that_cure_nothing_are_refused();
	bytes_outside_the_edit_are_looked_at();
	a_patch_is_not_believed_what_it_says_of_itself();
	a_policy_outside_the_patch_is_refused();
	what_does_not_compile_is_a_failure();
	forms_that_do_nothing_are_refused();
	lines_of_others_stay_in_the_dropin();
	what_is_put_back_only_takes_away();
	what_is_needed_is_not_taken_away();
	next_starts_are_looked_at();
	root_release(&root);
	tmp_remove();
	arena_release(&arena);
	return tap_done();
}
