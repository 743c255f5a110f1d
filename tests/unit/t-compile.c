/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <sys/sysmacros.h>

#include <nestfix/automaton.h>
#include <nestfix/compile.h>

#include "../lib/tap.h"
#include "../lib/tmp.h"

static struct arena arena;
static struct root root;
static struct compiler compiler;

static const char *parser(void)
{
	const char *named = getenv("NESTFIX_PARSER");

	return named ? named : "/sbin/apparmor_parser";
}

static void put(const char *path, const char *text)
{
	tmp_write(path, text, strlen(text), 0644);
}

/* A policy as the policy room would hand it over, without asking that room: the named files, the top-level one first.
 */
static struct policy *policy_of(const char *const *paths)
{
	struct policy *policy = ARENA_NEW(&arena, struct policy);
	VEC(const struct policy_source *) sources = { 0 };

	for (size_t i = 0; paths[i]; i++) {
		struct policy_source *source = ARENA_NEW(&arena, struct policy_source);

		source->path = paths[i];
		doc_parse(&source->doc, slice_of(arena_str(&arena, slice_of(tmp_read(paths[i])))), &arena);
		VEC_PUSH(&arena, &sources, source);
	}
	policy->path = paths[0];
	policy->sources = sources.ptr;
	policy->source_count = sources.len;
	return policy;
}

/* How many staging folders of this process stand in /tmp: none may be left behind. */
static int staging_folders(void)
{
	struct dirent *entry;
	DIR *dir = opendir("/tmp");
	char name[32];
	int count = 0, len = snprintf(name, sizeof name, "aa-nestfix-%d-", (int)getpid());

	while (dir && (entry = readdir(dir)))
		count += strncmp(entry->d_name, name, (size_t)len) == 0;
	if (dir)
		closedir(dir);
	return count;
}

/* What the compiled profile allows others on a path; -1 where there is no such profile. */
static int allowed(struct slice blob, const char *profile, const char *path)
{
	struct automaton automaton;
	const struct automaton_profile *p;

	if (automaton_read(&automaton, blob, &arena, NULL) < 0)
		return -1;
	p = automaton_find(&automaton, slice_of(profile));
	return p ? (int)automaton_path(p, slice_of(path)).half[AUTOMATON_OTHER].allow : -1;
}

static void the_parser_is_found_and_asked(void)
{
	struct compiler c;
	struct err err = { 0 };

	is_num(compiler_init(&c, &root, parser(), NULL, &arena, &err), 0, "compiler_init");
	ok(c.program && c.program[0] == '/', "the program is an absolute path");
	ok(c.major >= 2 && c.version[0], "it has a version");
	ok(c.dir[0] == '/', "the root is an absolute path");

	is_num(compiler_init(&c, &root, "/no/such/parser", NULL, &arena, &err), -1, "a parser that is not there");
	is_err(&err, "cannot find the program '/no/such/parser'", "… is named");
	ok(strstr(err.hint, "install"), "… and the hint says what to install");
	err_clear(&err);
	is_num(compiler_init(&c, &root, "/bin/true", NULL, &arena, &err), -1, "a program that is no parser");
	is_err(&err, "does not answer like apparmor_parser", "… is told");
	err_clear(&err);
	is_num(compiler_init(&c, &root, parser(), "/no/such/features", &arena, &err), -1, "features not there");
	is_err(&err, "cannot find the feature file '/no/such/features'", "… is told");
}

static void another_root_has_its_own_features(void)
{
	struct compiler c;

	put("/etc/apparmor/parser.conf", "# policy-features=/etc/none\n policy-features=/etc/feat  \nwrite-cache\n");
	put("/etc/feat", "domain {change_hat {yes\n}\n}\n");
	is_num(compiler_init(&c, &root, parser(), NULL, &arena, NULL), 0, "compiler_init");
	is_text(c.root_policy_features, "domain {change_hat {yes\n}\n}\n",
		"policy features are those of the root's parser.conf");
	is_text(slice_of(c.config), "/dev/null", "its parser.conf itself is kept from the parser");
	put("/usr/share/apparmor-features/features", "domain {change_hat {no\n}\n}\n");
	is_num(compiler_init(&c, &root, parser(), NULL, &arena, NULL), 0, "compiler_init");
	is_text(c.root_kernel_features, "domain {change_hat {no\n}\n}\n",
		"kernel features are the root's where it has some");
	ok(!c.kernel_features, "… and no path of the root is handed to the parser");
	remove(tmp_path("/usr/share/apparmor-features/features"));
	remove(tmp_path("/etc/apparmor/parser.conf"));
}

static void replaced_bytes_are_compiled(void)
{
	static const char *const paths[] = { "/etc/apparmor.d/p", "/etc/apparmor.d/abs/a", NULL };
	struct compile_text text = { "/etc/apparmor.d/abs/a", SLICE("/a w,\n") };
	int before = staging_folders();
	struct slice blob;
	struct err err = { 0 };

	put("/etc/apparmor.d/p", "profile p {\n  include <abs/a>\n}\n");
	put("/etc/apparmor.d/abs/a", "/a r,\n");
	is_num(compile_policy(&compiler, policy_of(paths), NULL, 0, &arena, &blob, &err), 0, "as it was read");
	is_num(allowed(blob, "p", "/a"), PERM_R, "… it allows to read");
	is_num(compile_policy(&compiler, policy_of(paths), &text, 1, &arena, &blob, &err), 0, "with one file replaced");
	is_num(allowed(blob, "p", "/a"), PERM_W | PERM_A, "… it allows to write");
	is_text(slice_of(tmp_read("/etc/apparmor.d/abs/a")), "/a r,\n", "the file itself is as before");
	is_num(staging_folders(), before, "no staging folder is left");
}

static void what_changes_meanwhile_does_not_slip_in(void)
{
	static const char *const paths[] = { "/etc/apparmor.d/p", "/etc/apparmor.d/abs/a", NULL };
	struct policy *policy;
	struct slice blob;

	put("/etc/apparmor.d/p", "profile p {\n  include <abs/a>\n}\n");
	put("/etc/apparmor.d/abs/a", "/a r,\n");
	policy = policy_of(paths);
	put("/etc/apparmor.d/abs/a", "/a rw,\n");
	is_num(compile_policy(&compiler, policy, NULL, 0, &arena, &blob, NULL), 0, "compiled after the file changed");
	is_num(allowed(blob, "p", "/a"), PERM_R, "the bytes that were read are what is compiled");
	is_num(compile_with(&compiler, "/etc/apparmor.d/p", NULL, 0, &arena, &blob, NULL), 0,
	       "compiled from what is there now");
	is_num(allowed(blob, "p", "/a"), PERM_R | PERM_W | PERM_A, "… speaks of the disk");
}

static void files_on_disk_can_be_replaced_for_a_look(void)
{
	struct compile_text texts[] = { { "/etc/apparmor.d/abs/a", SLICE("/a rk,\n") },
					{ "/etc/apparmor.d/abs/new", SLICE("/n r,\n") } };
	struct slice blob;

	put("/etc/apparmor.d/p", "profile p {\n  include <abs/a>\n  include if exists <abs/new>\n}\n");
	put("/etc/apparmor.d/abs/a", "/a r,\n");
	is_num(compile_with(&compiler, "/etc/apparmor.d/p", texts, 2, &arena, &blob, NULL), 0, "compile_with");
	is_num(allowed(blob, "p", "/a"), PERM_R | PERM_K, "an included file is replaced");
	is_num(allowed(blob, "p", "/n"), PERM_R, "one that is not there is added");
	is_num(compile_with(&compiler, "/etc/apparmor.d/none", NULL, 0, &arena, &blob, NULL), -1,
	       "a file that is not there");
}

/* The policy room has no reason to hand these over: abi files, empty folders, files named by absolute path. */
static void all_that_is_named_is_brought_along(void)
{
	static const char *const paths[] = { "/etc/apparmor.d/p", NULL };
	struct slice blob;
	struct err err = { 0 };

	put("/etc/apparmor.d/abi/x",
	    "policy {set_load {yes\n}\n}\nfile {mask {create read write exec append mmap_exec link lock\n}\n}\n");
	put("/etc/apparmor.d/local/dir/README", "skipped\n");
	put("/srv/abs", "/by-path r,\n");
	put("/etc/apparmor.d/p", "abi <abi/x>,\nprofile p {\n  include <local/dir>\n  include \"/srv/abs\"\n"
				 "  include if exists <nothing>\n}\n");
	if (!is_num(compile_policy(&compiler, policy_of(paths), NULL, 0, &arena, &blob, &err), 0, "compiles"))
		printf("# %s\n", err.text);
	is_num(allowed(blob, "p", "/by-path"), PERM_R, "an absolute include is the root's, not this machine's");
}

/* A file of this machine that another root's links and includes name; the root has none of that name. */
static const char *foreign_file(void)
{
	static char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof path, "%s.foreign", tmp_path(""));
	f = fopen(path, "w");
	if (!f || fputs("/foreign r,\n", f) < 0 || fclose(f) != 0)
		printf("Bail out! cannot write %s\n", path);
	return path;
}

static void put_policy(const char *include)
{
	char text[PATH_MAX + 64];

	snprintf(text, sizeof text, "profile p {\n  /own r,\n  %s\n}\n", include);
	put("/etc/apparmor.d/p", text);
}

static void the_parser_reads_no_file_of_this_machine(void)
{
	const char *foreign = foreign_file();
	char include[PATH_MAX + 16];
	struct slice blob;

	snprintf(include, sizeof include, "include \"%s\"", foreign);
	put_policy(include);
	is_num(compile_with(&compiler, "/etc/apparmor.d/p", NULL, 0, &arena, &blob, NULL), -1,
	       "an absolute include of a file that only this machine has");
	snprintf(include, sizeof include, "include \"%s\"", foreign + 1);
	put_policy(include);
	is_num(compile_with(&compiler, "/etc/apparmor.d/p", NULL, 0, &arena, &blob, NULL), -1, "a relative one");
	snprintf(include, sizeof include, "include if exists \"%s\"", foreign + 1);
	put_policy(include);
	is_num(compile_with(&compiler, "/etc/apparmor.d/p", NULL, 0, &arena, &blob, NULL), 0, "one if it exists");
	is_num(allowed(blob, "p", "/foreign"), 0, "… which it does not");

	put_policy("include <abs/link>");
	ok(symlink(foreign, tmp_path("/etc/apparmor.d/abs/link")) == 0, "a link to that file");
	is_num(compile_with(&compiler, "/etc/apparmor.d/p", NULL, 0, &arena, &blob, NULL), -1, "… leads nowhere");
	is_num(compile_text(&compiler, "a text", SLICE("profile p {\n  include <abs/link>\n}\n"), &arena, &blob, NULL),
	       -1, "… nor does it from a text");
	remove(tmp_path("/etc/apparmor.d/abs/link"));
	remove(foreign);
}

static void a_fifo_holds_nobody(void)
{
	struct slice blob;
	struct err err = { 0 };

	ok(mkfifo(tmp_path("/etc/apparmor.d/abs/fifo"), 0600) == 0, "a FIFO");
	put_policy("include <abs/fifo>");
	is_num(compile_with(&compiler, "/etc/apparmor.d/p", NULL, 0, &arena, &blob, &err), -1, "… that is included");
	is_num(err.kind, ERR_REFUSED, "… is refused");
	is_err(&err, "it is a FIFO", "… by its kind");
	put_policy("include <abs>");
	err_clear(&err);
	is_num(compile_with(&compiler, "/etc/apparmor.d/p", NULL, 0, &arena, &blob, &err), 0,
	       "in a folder that is included it is passed over, as the parser does");
	remove(tmp_path("/etc/apparmor.d/abs/fifo"));
}

static void a_device_is_passed_over(void)
{
	struct slice blob;

	if (mknod(tmp_path("/etc/apparmor.d/abs/zero"), S_IFCHR | 0600, makedev(1, 5)) != 0) {
		tap_skip("a device is passed over", "no devices can be made here");
		return;
	}
	put_policy("include <abs/zero>");
	is_num(compile_with(&compiler, "/etc/apparmor.d/p", NULL, 0, &arena, &blob, NULL), 0,
	       "a device is passed over, as the parser does, and not read");
	is_num(allowed(blob, "p", "/own"), PERM_R, "… and the rest is there");
	remove(tmp_path("/etc/apparmor.d/abs/zero"));
}

/* The parser includes a file once in a body, and knows it by its path. A variable may be set but once. */
static void a_file_by_two_spellings_is_included_once(void)
{
	struct slice blob;

	put("/etc/apparmor.d/once", "@{X}=/x\n");
	put("/etc/apparmor.d/p", "include <once>\ninclude \"/etc/apparmor.d/once\"\nprofile p { @{X} r, }\n");
	is_num(compile_with(&compiler, "/etc/apparmor.d/p", NULL, 0, &arena, &blob, NULL), 0, "<x> and \"/…/x\"");
	put("/etc/apparmor.d/p", "include <once>\ninclude \"\\057etc/apparmor.d/once\"\nprofile p { @{X} r, }\n");
	is_num(compile_with(&compiler, "/etc/apparmor.d/p", NULL, 0, &arena, &blob, NULL), 0, "… and with an escape");
	remove(tmp_path("/etc/apparmor.d/once"));
}

static void a_text_stands_in_under_all_names_of_its_file(void)
{
	struct compile_text text = { "/etc/apparmor.d/abs/a", SLICE("/a rk,\n") };
	struct slice blob = { 0 };

	put("/etc/apparmor.d/abs/a", "/a r,\n");
	ok(symlink("a", tmp_path("/etc/apparmor.d/abs/link")) == 0 &&
	       link(tmp_path("/etc/apparmor.d/abs/a"), tmp_path("/etc/apparmor.d/abs/hard")) == 0,
	   "a file of three names");
	put_policy("include <abs/link>");
	is_num(compile_with(&compiler, "/etc/apparmor.d/p", &text, 1, &arena, &blob, NULL), 0, "included by a symlink");
	is_num(allowed(blob, "p", "/a"), PERM_R | PERM_K, "… it has the new text");
	put_policy("include <abs/hard>");
	is_num(compile_with(&compiler, "/etc/apparmor.d/p", &text, 1, &arena, &blob, NULL), 0, "by another hard link");
	is_num(allowed(blob, "p", "/a"), PERM_R | PERM_K, "… too");
	remove(tmp_path("/etc/apparmor.d/abs/link"));
	remove(tmp_path("/etc/apparmor.d/abs/hard"));
}

static int gather(struct policy_reach *out, const struct compile_text *text)
{
	return compile_gather(out, &compiler, NULL, "/etc/apparmor.d/p", text, text != NULL, &arena, NULL);
}

static void what_is_read_can_be_told_again(void)
{
	struct compile_text text = { "/etc/apparmor.d/abs/a", SLICE("/a rk,\n") };
	struct policy_reach planned, now;

	put("/etc/apparmor.d/abs/a", "/a r,\n");
	put_policy("include <abs/a>\ninclude if exists <abs/none>\n");
	ok(gather(&planned, &text) == 0 && gather(&now, NULL) == 0, "what is read is gathered");
	is_text(slice_of(compile_difference(&planned, &now)), text.path, "a file is not as it was planned");
	put("/etc/apparmor.d/abs/a", "/a rk,\n");
	ok(gather(&now, NULL) == 0 && !compile_difference(&planned, &now), "now it is");
	put("/etc/apparmor.d/abs/none", "");
	ok(gather(&now, NULL) == 0 && compile_difference(&planned, &now), "a file came, though it is empty");
	remove(tmp_path("/etc/apparmor.d/abs/none"));
	tmp_write("/etc/apparmor.d/abs/a", "/a r,\0\n", 7, 0644);
	ok(gather(&now, NULL) < 0, "a NUL byte is no policy");
	put("/etc/apparmor.d/abs/a", "/a r,\n");
}

static void a_file_of_features_is_read_below_the_root(void)
{
	const char *foreign = foreign_file();
	struct compiler c;

	put("/usr/share/apparmor-features/README", "");
	ok(symlink(foreign, tmp_path("/usr/share/apparmor-features/features")) == 0, "features that are a link");
	is_num(compiler_init(&c, &root, parser(), NULL, &arena, NULL), 0, "compiler_init");
	ok(c.root_kernel_features.len == 0 && (!c.kernel_features || strcmp(c.kernel_features, foreign) != 0),
	   "… to a file of this machine are not taken");
	remove(tmp_path("/usr/share/apparmor-features/features"));
	remove(foreign);
}

static void search_folders_of_the_configuration_count(void)
{
	struct compile_text text = { "/srv/site/abs/a", SLICE("/site k,\n") };
	struct compiler c;
	struct slice blob, conf;

	put("/etc/apparmor/parser.conf",
	    "#Include /srv/none\nwrite-cache\n  Include = /srv/site/ \nInclude srv/more\n");
	put("/srv/site/abs/a", "/site r,\n");
	put("/srv/more/abs/b", "/more r,\n");
	put("/etc/apparmor.d/abs/a", "/base r,\n");
	put_policy("include <abs/a>\n  include <abs/b>");
	is_num(compiler_init(&c, &root, parser(), NULL, &arena, NULL), 0, "with search folders");
	is_num(compile_with(&c, "/etc/apparmor.d/p", NULL, 0, &arena, &blob, NULL), 0, "… a policy compiles");
	is_num(allowed(blob, "p", "/site"), PERM_R, "… the first folder is searched first");
	is_num(allowed(blob, "p", "/base"), 0, "… before /etc/apparmor.d");
	is_num(allowed(blob, "p", "/more"), PERM_R, "… then the next");
	is_num(compile_with(&c, "/etc/apparmor.d/p", &text, 1, &arena, &blob, NULL), 0, "with a file there replaced");
	is_num(allowed(blob, "p", "/site"), PERM_K, "… it has the new text");
	conf = discover_without_search(&root, &arena);
	ok(memmem(conf.ptr, conf.len, "write-cache", 11) && !memmem(conf.ptr, conf.len, "site", 4),
	   "the parser is told the rest of the configuration alone");
	remove(tmp_path("/etc/apparmor/parser.conf"));
	put("/etc/apparmor.d/abs/a", "/a r,\n");
}

static void messages_name_the_real_files(void)
{
	static const char *const paths[] = { "/etc/apparmor.d/p", NULL };
	struct compile_text text = { "/etc/apparmor.d/p", SLICE("profile p {\n  /a r\n  /b r,\n}\n") };
	int before = staging_folders();
	struct slice blob;
	struct err err = { 0 };
	char want[PATH_MAX + 64];

	put("/etc/apparmor.d/p", "profile p { /a r, }\n");
	is_num(compile_policy(&compiler, policy_of(paths), &text, 1, &arena, &blob, &err), -1, "a syntax error");
	is_num(err.kind, ERR_FAILED, "… is a failure");
	snprintf(want, sizeof want, "cannot compile '%s': AppArmor parser error for %s", tmp_path("/etc/apparmor.d/p"),
		 tmp_path("/etc/apparmor.d/p"));
	is_err(&err, want, "… in the parser's words, with the real path");
	is_err(&err, "line ", "… and the line");
	ok(!strstr(err.text, "aa-nestfix-"), "… and nothing of the staging folder");
	ok(strstr(err.hint, compiler.version), "the hint names the parser's version");
	is_num(staging_folders(), before, "no staging folder is left after a failure");
}

static void files_without_profiles_are_failures(void)
{
	static const char *const paths[] = { "/etc/apparmor.d/p", NULL };
	struct slice blob;
	struct err err = { 0 };

	put("/etc/apparmor.d/p", "# no profile\n");
	is_num(compile_policy(&compiler, policy_of(paths), NULL, 0, &arena, &blob, &err), -1,
	       "a file without profiles");
	is_err(&err, "the parser made no policy of it", "… is no success although the parser's status is 0");
}

static void paths_that_climb_are_refused(void)
{
	static const char *const paths[] = { "/etc/apparmor.d/p", "/etc/apparmor.d/../../../../../x", NULL };
	struct slice blob;
	struct err err = { 0 };

	put("/etc/apparmor.d/p", "profile p { include <../../../../../x>\n/a r, }\n");
	is_num(compile_policy(&compiler, policy_of(paths), NULL, 0, &arena, &blob, &err), -1,
	       "'..' in a source's path");
	is_num(err.kind, ERR_REFUSED, "… is refused");
	err_clear(&err);
	is_num(
	    compile_policy(&compiler, policy_of((const char *const[]){ paths[0], NULL }), NULL, 0, &arena, &blob, &err),
	    -1, "'..' in an include");
	is_err(&err, "..", "… is refused");
}

static void markers_of_the_administrator_count(void)
{
	static const char *const paths[] = { "/etc/apparmor.d/p", NULL };
	struct automaton automaton = { 0 };
	struct slice blob = { 0 }, disk = { 0 };

	put("/etc/apparmor.d/p", "profile p { /a r, }\n");
	put("/etc/apparmor.d/force-complain/p", "");
	is_num(compile_policy(&compiler, policy_of(paths), NULL, 0, &arena, &blob, NULL), 0, "with force-complain");
	is_num(automaton_read(&automaton, blob, &arena, NULL), 0, "… it can be read");
	ok(automaton.count == 1 && automaton.profiles[0].mode == 1, "… and is in complain mode, as on this host");
	put("/etc/apparmor.d/disable/p", "");
	is_num(compile_with(&compiler, paths[0], NULL, 0, &arena, &disk, NULL), 0,
	       "a disabled file can be compiled from disk");
	ok(slice_eq(blob, disk), "… and what is read now and what was read agree to the byte");
	remove(tmp_path("/etc/apparmor.d/disable/p"));
	is_num(compile_with(&compiler, paths[0], NULL, 0, &arena, &disk, NULL), 0, "without the marker, too");
	ok(slice_eq(blob, disk), "… with the same policy");
	remove(tmp_path("/etc/apparmor.d/force-complain/p"));
}

static void generated_texts_use_the_roots_folder(void)
{
	struct slice blob;
	struct err err = { 0 };

	put("/etc/apparmor.d/tunables/global", "@{X}=/only/here\n");
	is_num(compile_text(&compiler, "lxc-1",
			    SLICE("include <tunables/global>\nprofile \"lxc-1_</x>\" { @{X} r, }\n"), &arena, &blob,
			    &err),
	       0, "compile_text");
	is_num(allowed(blob, "lxc-1_</x>", "/only/here"), PERM_R, "the tunables are those of the root");
	is_num(compile_text(&compiler, "lxc-1", SLICE("profile {"), &arena, &blob, &err), -1, "a broken text");
	is_err(&err, "cannot compile 'lxc-1': AppArmor parser error", "… is told by its name");
}

static void priority_is_asked_for(void)
{
	struct compiler broken = compiler;
	struct err err = { 0 };
	int knows = compile_knows_priority(&compiler, &arena, &err);
	bool newer = compiler.major > 4 || (compiler.major == 4 && compiler.minor >= 1);

	is_num(knows, newer, "priority= is known from 4.1 on");
	broken.program = "/bin/false";
	is_num(compile_knows_priority(&broken, &arena, &err), -1, "a parser that compiles nothing gives no answer");
	ok(err_is_set(&err), "… but an error");
}

/* A parser that does `what` to a text with priority=, and is the host's else. */
static int asked_of_parser_that(const char *what, struct err *err)
{
	struct compiler odd = compiler;
	char script[PATH_MAX * 2];
	int knows;

	snprintf(script, sizeof script,
		 "#!/bin/sh\ntext=$(cat)\ncase $text in *priority=*) %s ;; esac\necho \"$text\" | %s \"$@\"\n", what,
		 compiler.program);
	tmp_write("/parser", script, strlen(script), 0755);
	odd.program = tmp_path("/parser");
	err_clear(err);
	knows = compile_knows_priority(&odd, &arena, err);
	remove(tmp_path("/parser"));
	return knows;
}

static void trouble_is_no_answer_about_priority(void)
{
	struct err err = { 0 };

	is_num(asked_of_parser_that("kill -9 $$", &err), -1, "a parser that is killed at priority= gives no answer");
	is_err(&err, "cannot ask the parser whether it knows priority=", "… but an error");
	is_num(asked_of_parser_that("echo 'Memory allocation error.' >&2; exit 1", &err), -1, "nor one without memory");
	is_num(asked_of_parser_that("exit 0", &err), -1, "nor one that says nothing");
	is_num(asked_of_parser_that("echo 'AppArmor parser error, in stdin line 1: syntax error' >&2; exit 1", &err), 0,
	       "one that calls it a syntax error does not know it");
}

int main(void)
{
	struct err err = { 0 };

	if (access(parser(), X_OK) != 0) {
		printf("# %s is missing: NOTHING of compile is tested\n", parser());
		tap_skip("compile", "no apparmor_parser");
		return tap_done();
	}
	tmp_make();
	if (root_open(&root, tmp_dir, &err) < 0 || compiler_init(&compiler, &root, parser(), NULL, &arena, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		return 1;
	}
	the_parser_is_found_and_asked();
	another_root_has_its_own_features();
	replaced_bytes_are_compiled();
	what_changes_meanwhile_does_not_slip_in();
	files_on_disk_can_be_replaced_for_a_look();
	all_that_is_named_is_brought_along();
	the_parser_reads_no_file_of_this_machine();
	a_fifo_holds_nobody();
	a_device_is_passed_over();
	a_file_by_two_spellings_is_included_once();
	a_text_stands_in_under_all_names_of_its_file();
	what_is_read_can_be_told_again();
	a_file_of_features_is_read_below_the_root();
	search_folders_of_the_configuration_count();
	messages_name_the_real_files();
	files_without_profiles_are_failures();
	paths_that_climb_are_refused();
	markers_of_the_administrator_count();
	generated_texts_use_the_roots_folder();
	priority_is_asked_for();
	trouble_is_no_answer_about_priority();
	root_release(&root);
	tmp_remove();
	arena_release(&arena);
	return tap_done();
}
