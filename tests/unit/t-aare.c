/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nestfix/aare.h>
#include <nestfix/automaton.h>

#include "../lib/tap.h"

static unsigned long seed = 19700101;

static unsigned dice(unsigned sides)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned)(seed >> 33) % sides;
}

/* -- reading ----------------------------------------------------------------------------------------------- */

struct match {
	const char *pattern, *yes, *no; /* strings separated by blanks; "-" for the empty list */
};

/* From the facts of parser_regex.c, each line tried on apparmor_parser 3.0.8. */
static const struct match matches[] = {
	{ "/d/**", "/d/x /d/x/ /d/x//y", "/d/ /d /d//x" },
	{ "/d/*", "/d/x", "/d/ /d/x/ /d/x/y" },
	{ "/d/{,**}", "/d/ /d//x /d/x", "/d" },
	{ "/d{,/**}", "/d /d/ /d/x /d//", "/dx" },
	{ "/d/*x", "/d/x /d/yx", "/d/ /d/x/x" },
	{ "/d/**x", "/d/x /d//x /d/y/x", "/d/" },
	{ "/**/x", "/a/x /a/b/x", "/x //x" },
	{ "/d/x*/**", "/d/x/y /d/xy/z/", "/d/x/ /d/x//z" },
	{ "/x*", "/x /xy", "/x/ /" },
	{ "/sys/n[^e]*", "/sys/n/ /sys/nx /sys/n/x", "/sys/n /sys/ne /sys/nx/" },
	{ "/sys/[^fdc]*{,/**}", "/sys/net /sys/net/ipv4 /sys//f", "/sys/fs /sys/ /sys/c/x" },
	{ "/a?c", "/abc", "/a/c /ac /abbc" },
	{ "/[abc]", "/a /c", "/d / /ab" },
	{ "/[a-c]", "/a /b /c", "/d /-" },
	{ "/[c-a]", "/a /b /c", "/d" },
	{ "/[^a]", "/b //", "/a /" },
	{ "/{a,b}{,c}", "/a /bc", "/c /ab" },
	{ "/{a,b{c,d},}x", "/ax /bcx /bdx /x", "/bx /cx" },
	{ "/a,b", "/a,b", "/a /b" },
	{ "/a^b$c.d+e|(f)", "/a^b$c.d+e|(f)", "/aXb$c.d+e|(f) /a^b$cXd+e|(f)" },
	{ "/\\*\\?\\[\\]\\{\\}\\,\\\\", "/*?[]{},\\", "/x" },
	{ "/[{},^]", "/{ /} /, /^", "/a" },
	{ "/[^^]", "/a", "/^" },
	{ "/[\\^a]", "/b", "/a" },
	{ "/[a\\]b]", "/a /] /b", "/\\" },
	{ "/[-a]", "/- /a", "/b" },
	{ "/[a\\-c]", "/a /b /c", "/-" },
	{ "/[\\*\\?]", "/* /?", "/x" },
	{ "/[*]", "/] /[] /^]", "/* /x" },
	{ "/[a\\,b]", "/, /\\ /a", "/c" },
	{ "/\\x41\\102\\d067", "/ABC", "/x41" },
	{ "/\\q", "/q", "/\\q" },
	{ "//d", "//d", "/d" },
	{ "///d", "/d", "//d" },
	{ "/a//b/", "/a/b/", "/a/b /a//b/" },
	{ "/a/***", "/a/b/c", "/a/" },
};

static int check_list(struct aare *p, const char *list, bool want, struct re_pool *pool, struct arena *arena)
{
	struct slice rest = slice_of(list);
	int bad = 0;

	while (rest.len > 0) {
		struct slice s = slice_sub(rest, 0, slice_find(rest, ' '));

		if (re_matches(pool, p->re, s) != want || aare_match(p, s, arena) != want) {
			printf("# '%.*s' and '%.*s'\n", SLICE_FMT(p->text), SLICE_FMT(s));
			bad++;
		}
		rest = slice_from(rest, s.len + 1);
	}
	return bad;
}

static void patterns_match_as_documented(void)
{
	for (size_t i = 0; i < sizeof matches / sizeof *matches; i++) {
		AUTOARENA a = { 0 };
		struct re_pool *pool = re_pool_new(&a, 0);
		struct err err = { 0 };
		struct aare p;
		int bad = 0;

		if (aare_parse(&p, slice_of(matches[i].pattern), pool, &a, &err) == 0) {
			bad += check_list(&p, matches[i].yes, true, pool, &a);
			bad += check_list(&p, matches[i].no, false, pool, &a);
		}
		ok(bad == 0 && !err_is_set(&err), matches[i].pattern);
		aare_release(&p);
	}
}

struct refusal {
	const char *pattern, *what;
};

static const struct refusal refusals[] = {
	{ "/{a", "column 2: a '{' that is never closed" },
	{ "/a/{b,{c,d}", "column 4: a '{' that is never closed" },
	{ "/{a}", "column 2: a group without a comma" },
	{ "/{}", "column 2: a group without a comma" },
	{ "/a}", "column 3: a '}' without its '{'" },
	{ "/a]", "column 3: a ']' without its '['" },
	{ "/[ab", "column 2: a '[' that is never closed" },
	{ "/[]", "an empty class" },
	{ "/[^]", "an empty class" },
	{ "/[]a]", "column 5: a ']' without its '['" },
	{ "/[a-]", "a range in a class without its end" },
	{ "/[a-c-e]", "column 6: a '-' in a class" },
	{ "/a\\", "column 3: a backslash at the end" },
	{ "////a\\", "column 6: a backslash at the end" },
};

static void refusals_tell_the_column(void)
{
	AUTOARENA a = { 0 };
	struct re_pool *pool = re_pool_new(&a, 0);
	AUTOBUF deep = { 0 };
	struct err err = { 0 };
	struct aare p;

	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		err_clear(&err);
		aare_parse(&p, slice_of(refusals[i].pattern), pool, &a, &err);
		is_err(&err, refusals[i].what, refusals[i].pattern);
	}
	for (int i = 0; i < 50; i++)
		buf_adds(&deep, "/{a,");
	for (int i = 0; i < 50; i++)
		buf_adds(&deep, "}");
	err_clear(&err);
	aare_parse(&p, buf_slice(&deep), pool, &a, &err);
	is_err(&err, "more than 49 groups inside each other", "50 groups");
	err_clear(&err);
	is_num(aare_parse(&p, (struct slice){ deep.ptr + 4, deep.len - 5 }, pool, &a, &err), 0, "49 groups are legal");
	aare_parse(&p, (struct slice){ "/a\0b", 4 }, pool, &a, &err);
	is_err(&err, "column 3: a NUL byte", "NUL in a pattern");
	err_clear(&err);
	aare_parse(&p, SLICE("/some/long/literal"), re_pool_new(&a, 8), &a, &err);
	is_err(&err, "it is too large", "a full pool");
}

/* -- random patterns --------------------------------------------------------------------------------------- */

static const char *const wild[] = { "*",     "**",   "?",   "[ab]",    "[^a]", "[^n]*", "{a,b}",  "{,/**}", "/",
				    "a",     "b",    "n",   "e",       "net",  "/sys",  "{,e,*}", "/*",     "/**",
				    "[^/e]", "//",   "\\*", "{/,/**}", "[*]",  "[-n]",  "ab",     "/*/",    "{n,ne,*a}",
				    "[a-e]", "\\\\", "@",   "[",       "]",    "}" };

static struct slice pattern_random(char text[128], unsigned tokens, unsigned kinds)
{
	size_t len = 0;

	text[len++] = '/';
	for (unsigned n = dice(tokens) + 1; n > 0; n--) {
		const char *t = wild[dice(kinds)];

		memcpy(text + len, t, strlen(t));
		len += strlen(t);
	}
	return (struct slice){ text, len };
}

static struct slice path_random(char text[64])
{
	static const char *const parts[] = { "/",  "a", "b", "n", "e",  "net",  "/sys",
					     "//", "*", "[", "]", "\\", "\200", "x" };
	size_t len = 0;

	text[len++] = '/';
	for (unsigned n = dice(8); n > 0; n--) {
		const char *t = parts[dice(14)];

		memcpy(text + len, t, strlen(t));
		len += strlen(t);
	}
	return (struct slice){ text, len };
}

static void pcre_matches_as_derivatives(void)
{
	int bad = 0, read = 0, hits = 0;

	for (int i = 0; i < 1200; i++) {
		AUTOARENA a = { 0 };
		struct re_pool *pool = re_pool_new(&a, 0);
		char text[128], path[64] = { 0 };
		struct aare p;

		if (aare_parse(&p, pattern_random(text, 7, sizeof wild / sizeof *wild), pool, &a, NULL) < 0)
			continue;
		read++;
		for (int k = 0; k < 30; k++) {
			struct slice s = path_random(path);
			bool want = re_matches(pool, p.re, s);

			hits += want;
			bad += aare_match(&p, s, &a) != want;
		}
		aare_release(&p);
	}
	ok(read > 400 && hits > 300, "random patterns match random paths");
	is_num(bad, 0, "PCRE2 and the derivatives agree");
}

/* Backtracking would take longer than the universe has: the derivatives must take over. */
static void hostile_patterns_end(void)
{
	AUTOARENA a = { 0 };
	struct re_pool *pool = re_pool_new(&a, 0);
	AUTOBUF pattern = { 0 };
	AUTOBUF path = { 0 };
	struct aare p;

	buf_addc(&pattern, '/');
	for (int i = 0; i < 60; i++)
		buf_adds(&pattern, "{*,**}{a,?,aa}");
	for (int i = 0; i < 200; i++)
		buf_addc(&path, i ? 'a' : '/');
	is_num(aare_parse(&p, buf_slice(&pattern), pool, &a, NULL), 0, "60 doubled stars");
	ok(aare_match(&p, buf_slice(&path), &a), "match");
	buf_addc(&path, '/');
	ok(!aare_match(&p, buf_slice(&path), &a), "and fail to match");
	ok(!aare_match(&p, (struct slice){ "/a\0a", 4 }, &a), "no path holds a NUL");
	aare_release(&p);
	aare_release(&p);
	buf_clear(&pattern);
	for (int i = 0; i < 20000; i++)
		buf_adds(&pattern, "/[^ab]");
	is_num(aare_parse(&p, buf_slice(&pattern), re_pool_new(&a, 200000), &a, NULL), 0, "too large for PCRE2");
	ok(!aare_match(&p, SLICE("/x"), &a), "still is matched");
	aare_release(&p);
}

/* -- subtraction ------------------------------------------------------------------------------------------- */

#define IPC "/sys/kernel/{msgmax,msgmnb,msgmni,sem,shmall,shmmax,shmmni,shm_rmid_forced}"

struct golden {
	const char *pattern, *without[4], *want; /* want: NULL where the exact text does not matter, "" for nothing */
};

static const struct golden goldens[] = {
	{ "/sys/[^fdc]*{,/**}", { "/sys/net{,/**}" }, "/sys/{[^fdcn]*,n{,e},n[^e]*,ne[^t]*,net?*}{,/**}" },
	{ "/sys/[^fdck]*{,/**}", { "/sys/net{,/**}" }, "/sys/{[^fdckn]*,n{,e},n[^e]*,ne[^t]*,net?*}{,/**}" },
	{ "/sys/[^fdc]*{,/**}",
	  { "/sys/user{,/**}" },
	  "/sys/{[^fdcu]*,u{,s,se},u[^s]*,us[^e]*,use[^r]*,user?*}{,/**}" },
	{ "/sys/[^fdc]*{,/**}",
	  { "/sys/net{,/**}", "/sys/user{,/**}" },
	  "/sys/{[^fdcnu]*,n{,e},n[^e]*,ne[^t]*,net?*,u{,s,se},u[^s]*,us[^e]*,use[^r]*,user?*}{,/**}" },
	{ "/sys/[^fdc]*{,/**}", { "/sys/net{,/**}", "/sys/user{,/**}", "/sys/kernel/domainname", IPC }, NULL },
	{ "/sys/fs/[^c]*{,/**}",
	  { "/sys/fs/mqueue{,/**}" },
	  "/sys/fs/{[^cm]*,m{,q,qu,que,queu},m[^q]*,mq[^u]*,mqu[^e]*,mque[^u]*,mqueu[^e]*,mqueue?*}{,/**}" },
	{ "/sys/kernel/[^s]*{,/**}", { IPC }, NULL },
	{ "/sys/kernel/s[^e]*{,/**}", { IPC }, NULL },
	{ "/sys/kernel/se[^c]*{,/**}", { IPC }, "/sys/kernel/se{[^cm]*,m{/,?}*}{,/**}" },
	{ "/sys/k*{,/**}", { IPC }, NULL },
	{ "/sys/k[^e]*{,/**}", { IPC }, "/sys/k[^e]*{,/**}" },
	{ "/sys/**", { "/sys/net{,/**}" }, "/sys/{[^n/]*,n{,e},n[^e]*,ne[^t]*,net?*}{,/**}" },
	{ "/**", { "/sys/net/**" }, NULL },
	{ "/sys/net/foo", { "/sys/net/foo" }, "" },
	{ "/sys/net/*", { "/sys/net{,/**}" }, "" },
	{ "/sys/{net,user}/foo", { "/sys/net/foo" }, "/sys/user/foo" },
	{ IPC, { "/sys/kernel/sem" }, "/sys/kernel/{msgm{ax,nb,ni},shm{_rmid_forced,all,max,mni}}" },
	{ "/sys/net", { "/proc/**" }, "/sys/net" },
	{ "/a/{b*,[^b]*}", { "/z" }, "/a/{b*,[^b]*}" },
	{ "/**", { "/**/foo" }, NULL },
	{ "/a/**/b", { "/a/*/b" }, NULL },
	{ "/a/**", { "/a/b", "/a/**/foo" }, NULL },
};

static const struct re *union_of(const char *const *list, struct re_pool *pool, struct arena *arena)
{
	const struct re *e = re_none(pool);

	for (size_t i = 0; i < 4 && list[i]; i++) {
		struct aare q;

		if (aare_parse(&q, slice_of(list[i]), pool, arena, NULL) < 0)
			return NULL;
		e = re_alt(pool, e, q.re);
	}
	return e;
}

/* Is `text` read back as exactly p − q? By inclusion, not as the room itself proves it. */
static bool is_difference(struct slice text, const struct re *p, const struct re *q, struct re_pool *pool,
			  struct arena *a)
{
	struct aare again;

	return aare_parse(&again, text, pool, a, NULL) == 0 && re_disjoint(pool, again.re, q, a, NULL) == 1 &&
	       re_contains(pool, p, again.re, a, NULL) == 1 &&
	       re_contains(pool, re_alt(pool, again.re, q), p, a, NULL) == 1;
}

static struct slice golden_text(const struct golden *g, struct arena *a, bool *exact)
{
	struct re_pool *pool = re_pool_new(a, 0);
	struct slice text = { 0 };
	struct err err = { 0 };
	const struct re *q = union_of(g->without, pool, a);
	bool empty = false;
	struct aare p;

	if (aare_parse(&p, slice_of(g->pattern), pool, a, &err) < 0 ||
	    aare_subtract_text(&p, q, pool, a, &text, &empty, &err) < 0)
		printf("# %s\n", err.text);
	*exact = empty ? re_contains(pool, q, p.re, a, NULL) == 1 : is_difference(text, p.re, q, pool, a);
	return text;
}

static void subtraction_gives_the_golden_texts(void)
{
	for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
		AUTOARENA a = { 0 };
		bool exact;
		struct slice text = golden_text(&goldens[i], &a, &exact);

		if (goldens[i].want)
			is_text(text, goldens[i].want, goldens[i].pattern);
		else
			ok(text.len > 0 && text.len < 1000, goldens[i].pattern);
		ok(exact, "and it is exactly the difference");
	}
}

static void impossible_subtraction_is_refused(void)
{
	static const char *const foo[4] = { "/**foo**" }, *const states[4] = { "/**b???????????????" };
	AUTOARENA a = { 0 };
	struct re_pool *pool = re_pool_new(&a, 0);
	struct slice text = { 0 };
	struct err err = { 0 };
	bool empty;
	struct aare p;

	aare_parse(&p, SLICE("/**"), pool, &a, NULL);
	is_num(aare_subtract_text(&p, union_of(foo, pool, &a), pool, &a, &text, &empty, &err), -1, "no foo anywhere");
	is_err(&err, "AppArmor has no pattern", "is refused with a sentence");
	is_num(err.kind, ERR_REFUSED, "as a refusal");
	err_clear(&err);
	aare_parse(&p, SLICE("/**a???????????????"), pool, &a, NULL);
	ok(!aare_subtract(p.re, union_of(states, pool, &a), pool, &a, &err), "65,536 states are not tried");
	is_err(&err, "too large", "but refused");
	err_clear(&err);
	ok(!aare_subtract(p.re, NULL, pool, &a, &err), "so is what was too large to read");
	is_err(&err, "too large", "with another sentence");
	err_clear(&err);
	is_num(aare_print(re_none(pool), pool, &a, &text, &err), -1, "nothing has no pattern");
	is_num(err.kind, ERR_REFUSED, "which is a refusal, too");
}

/* LAW subtract: match(p − q, s) == match(p, s) and not match(q, s). */
static void subtract(void)
{
	int bad = 0, done = 0, printed = 0, wrong = 0;

	for (int i = 0; i < 500; i++) {
		AUTOARENA a = { 0 };
		struct re_pool *pool = re_pool_new(&a, 0);
		char one[128], two[128], path[64] = { 0 };
		const struct re *rest;
		struct slice text;
		struct aare p, q;

		if (aare_parse(&p, pattern_random(one, 5, 30), pool, &a, NULL) < 0 ||
		    aare_parse(&q, pattern_random(two, 5, 30), pool, &a, NULL) < 0)
			continue;
		rest = aare_subtract(p.re, q.re, pool, &a, NULL);
		if (!rest || rest->kind == RE_NONE)
			continue;
		done++;
		for (int k = 0; k < 20; k++) {
			struct slice s = path_random(path);

			bad += re_matches(pool, rest, s) != (re_matches(pool, p.re, s) && !re_matches(pool, q.re, s));
		}
		if (aare_print(rest, pool, &a, &text, NULL) < 0)
			continue;
		printed++;
		wrong += !is_difference(text, p.re, q.re, pool, &a);
	}
	ok(done > 150 && printed > done * 8 / 10, "most random differences can be written");
	is_num(bad, 0, "law subtract");
	is_num(wrong, 0, "the printed text is the difference");
}

/* -- printing ---------------------------------------------------------------------------------------------- */

static const char *const reprints[] = {
	"/",
	"/a/b",
	"/a/**",
	"/a/*",
	"/a/*/b",
	"/a/**/b",
	"/a/{,**}",
	"/a{,/**}",
	"/a/[^bc]*",
	"/a/[b-f]x",
	"/a\\*\\?\\[\\]\\{\\}\\,\\\\b",
	"/[-a]",
	"/[^-^]",
	"/a/{,*}/b",
	"//a",
	"/a/[/]b",
	"/a[@]{x*,y}",
};

static void patterns_print_as_they_are(void)
{
	AUTOARENA a = { 0 };
	struct re_pool *pool = re_pool_new(&a, 0);

	for (size_t i = 0; i < sizeof reprints / sizeof *reprints; i++) {
		struct slice text = { 0 };
		struct err err = { 0 };
		struct aare p;

		if (aare_parse(&p, slice_of(reprints[i]), pool, &a, &err) == 0)
			aare_print(p.re, pool, &a, &text, &err);
		is_text(text, reprints[i], reprints[i]);
	}
}

/* Each set of two of the awkward bytes, plain and negated, must come back as the same set. */
static void awkward_sets_survive_printing(void)
{
	static const char awkward[] = "-]^\\*?{},[@!\" a\001\t\n/\177\200\377$.+|()";
	size_t n = sizeof awkward - 1;
	int bad = 0;

	for (size_t i = 0; i < n * n * 2; i++) {
		AUTOARENA a = { 0 };
		struct re_pool *pool = re_pool_new(&a, 0);
		struct re_set set = { 0 };
		const struct re *e;
		struct slice text;

		if (i / n % n > i % n)
			continue; /* the same two in the other order */
		re_set_add(&set, (unsigned char)awkward[i % n]);
		re_set_add(&set, (unsigned char)awkward[i / n % n]);
		if (i >= n * n)
			set = re_set_not(&set);
		e = re_cat(pool, re_literal(pool, SLICE("/x")), re_set(pool, &set));
		bad += aare_print(e, pool, &a, &text, NULL) < 0; /* which reads it back and compares */
	}
	is_num(bad, 0, "every set can be written");
}

/* -- against apparmor_parser ------------------------------------------------------------------------------- */

static bool parser_exists(void)
{
	return access("/usr/sbin/apparmor_parser", X_OK) == 0 || access("/sbin/apparmor_parser", X_OK) == 0;
}

static void parser_child(int in, int out)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(in, 0);
	dup2(out, 1);
	dup2(null, 2);
	execlp("apparmor_parser", "apparmor_parser", "-q", "-Q", "-K", "-S", (char *)NULL);
	_exit(127);
}

/* Compiles a policy; false where the parser refuses it. */
static bool compile(struct slice policy, struct buf *blob)
{
	FILE *file = tmpfile();
	char chunk[4096];
	int out[2], status = -1;
	ssize_t got;
	pid_t pid;

	if (!file || pipe2(out, O_CLOEXEC) < 0)
		return false;
	fwrite(policy.ptr, 1, policy.len, file);
	fflush(file);
	rewind(file);
	pid = fork();
	if (pid == 0)
		parser_child(fileno(file), out[1]);
	close(out[1]);
	while ((got = read(out[0], chunk, sizeof chunk)) > 0)
		buf_add(blob, chunk, (size_t)got);
	close(out[0]);
	fclose(file);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 && blob->len > 0;
}

static void add_profile(struct buf *policy, size_t number, struct slice pattern, struct arena *a)
{
	struct slice word = aare_word(pattern, a);

	buf_addf(policy, "profile p%zu {\n", number);
	buf_addslice(policy, word);
	buf_adds(policy, " w,\n}\n");
}

static bool allows(const struct automaton *auto_, size_t number, struct slice path, struct arena *a)
{
	const struct automaton_profile *p = automaton_find(auto_, slice_of(arena_printf(a, "p%zu", number)));

	return p && automaton_path(p, path).half[0].allow & PERM_W;
}

static void parser_takes_the_goldens(void)
{
	AUTOARENA a = { 0 };
	AUTOBUF policy = { 0 };
	AUTOBUF blob = { 0 };
	bool exact;

	for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
		struct slice text = golden_text(&goldens[i], &a, &exact);

		if (text.len > 0)
			buf_addf(&policy, "profile p%zu { deny %.*s w,\n}\n", i, SLICE_FMT(text));
	}
	ok(compile(buf_slice(&policy), &blob), "apparmor_parser takes all goldens as bare words");
}

enum { BATCH = 60 };

/* Patterns → words → apparmor_parser → automaton: the same matches as ours. Returns how many differ, -1 on trouble. */
static int compare_batch(const struct aare *p, size_t count, struct re_pool *pool, struct arena *a)
{
	AUTOBUF policy = { 0 };
	AUTOBUF blob = { 0 };
	struct automaton compiled;
	struct err err = { 0 };
	int bad = 0;

	for (size_t i = 0; i < count; i++)
		add_profile(&policy, i, p[i].text, a);
	if (!compile(buf_slice(&policy), &blob) || automaton_read(&compiled, buf_slice(&blob), a, &err) < 0) {
		printf("# %s\n", err.text);
		return -1;
	}
	for (size_t i = 0; i < count * 40; i++) {
		char text[64];
		struct slice path = path_random(text);
		bool want = re_matches(pool, p[i % count].re, path);

		if (allows(&compiled, i % count, path, a) == want)
			continue;
		if (bad++ < 5)
			printf("# '%.*s' and '%.*s'\n", SLICE_FMT(p[i % count].text), SLICE_FMT(path));
	}
	return bad;
}

static void parser_compiles_the_same_language(void)
{
	int bad = 0;

	for (int batch = 0; batch < 5; batch++) {
		AUTOARENA a = { 0 };
		struct re_pool *pool = re_pool_new(&a, 0);
		struct aare p[BATCH];
		char text[128];
		size_t n = 0;

		while (n < BATCH)
			n +=
			    aare_parse(&p[n], pattern_random(text, 6, sizeof wild / sizeof *wild), pool, &a, NULL) == 0;
		bad += compare_batch(p, n, pool, &a);
	}
	is_num(bad, 0, "300 random patterns mean the same to apparmor_parser");
}

static void parser_refuses_what_we_refuse(void)
{
	int bad = 0;

	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		AUTOBUF policy = { 0 };
		AUTOBUF blob = { 0 };

		buf_addf(&policy, "profile p { \"%s\" w,\n}\n", refusals[i].pattern);
		bad += compile(buf_slice(&policy), &blob);
	}
	is_num(bad, 0, "apparmor_parser refuses what aare_parse refuses");
}

/* Literal paths with every awkward byte, through print and word and the parser, must match themselves and no other. */
static void words_keep_every_byte(void)
{
	AUTOARENA a = { 0 };
	struct re_pool *pool = re_pool_new(&a, 0);
	AUTOBUF policy = { 0 };
	AUTOBUF blob = { 0 };
	struct automaton compiled;
	int bad = 0;

	for (size_t c = 1; c < 256; c++) {
		char path[] = { '/', 'a', (char)c, (char)c, '1', (char)c };
		const struct re *e = re_literal(pool, (struct slice){ path, sizeof path });
		struct slice text = { 0 };

		bad += aare_print(e, pool, &a, &text, NULL) < 0;
		add_profile(&policy, c, text, &a);
	}
	is_num(bad, 0, "every byte can be written in a literal path");
	if (!parser_exists()) {
		tap_skip("words keep every byte", "no apparmor_parser");
		return;
	}
	ok(compile(buf_slice(&policy), &blob) && automaton_read(&compiled, buf_slice(&blob), &a, NULL) == 0,
	   "apparmor_parser takes them all as words");
	for (size_t c = 1; c < 256 && blob.len > 0; c++) {
		char path[] = { '/', 'a', (char)c, (char)c, '1', (char)c }, other[] = "/abb1b";

		bad += !allows(&compiled, c, (struct slice){ path, sizeof path }, &a);
		bad += c != 'b' && allows(&compiled, c, slice_of(other), &a);
	}
	is_num(bad, 0, "and each matches its own path only");
}

/* The same for classes: pairs of awkward bytes. */
static void words_keep_every_class(void)
{
	static const char awkward[] = "-]^\\*?{},[@!\" a\001\t\n\r\177\200\377#$1";
	AUTOARENA a = { 0 };
	struct re_pool *pool = re_pool_new(&a, 0);
	AUTOBUF policy = { 0 };
	AUTOBUF blob = { 0 };
	struct automaton compiled;
	size_t n = sizeof awkward - 1;
	struct re_set *sets = arena_array(&a, n * n * 2, sizeof *sets);
	int bad = 0;

	for (size_t i = 0; i < n * n * 2; i++) {
		struct slice text = { 0 };

		re_set_add(&sets[i], (unsigned char)awkward[i % n]);
		re_set_add(&sets[i], (unsigned char)awkward[i / n % n]);
		if (i >= n * n)
			sets[i] = re_set_not(&sets[i]);
		bad += aare_print(re_cat(pool, re_literal(pool, SLICE("/x")), re_set(pool, &sets[i])), pool, &a, &text,
				  NULL) < 0;
		add_profile(&policy, i, text, &a);
	}
	ok(bad == 0 && compile(buf_slice(&policy), &blob) && automaton_read(&compiled, buf_slice(&blob), &a, NULL) == 0,
	   "apparmor_parser takes every class as a word");
	for (size_t i = 0; i < compiled.count && blob.len > 0; i++) {
		const struct automaton_profile *p = automaton_find(&compiled, slice_of(arena_printf(&a, "p%zu", i)));

		for (int c = 1; c < 256; c++) {
			char path[] = { '/', 'x', (char)c };
			bool got = p && automaton_path(p, (struct slice){ path, 3 }).half[0].allow & PERM_W;

			bad += got != re_set_has(&sets[i], (unsigned char)c);
		}
	}
	is_num(bad, 0, "and each is the same set of bytes");
}

static void words_are_quoted_where_needed(void)
{
	AUTOARENA a = { 0 };

	is_text(aare_word(SLICE("/a/{b,c}[^d]*"), &a), "/a/{b,c}[^d]*", "a glob is a bare word");
	is_text(aare_word(SLICE("/a b"), &a), "\"/a b\"", "a blank");
	is_text(aare_word(SLICE("/a\"b"), &a), "\"/a\\\"b\"", "a quote");
	is_text(aare_word(SLICE("/a,"), &a), "\"/a,\"", "a comma that would end the rule");
	is_text(aare_word(SLICE("/a,b"), &a), "/a,b", "a comma inside a word");
	is_text(aare_word(SLICE("/a\nb\001"), &a), "/a\\012b\\001", "control bytes");
	is_text(aare_word(SLICE("/a\\*\\\\b"), &a), "/a\\*\\\\b", "escapes stay");
	is_text(aare_word(SLICE("/a\\\\"), &a), "/a\\134", "a backslash at the end");
	is_text(aare_word(SLICE("/\303\244"), &a), "/\303\244", "bytes of UTF-8 stay");
}

int main(void)
{
	patterns_match_as_documented();
	refusals_tell_the_column();
	pcre_matches_as_derivatives();
	hostile_patterns_end();
	subtraction_gives_the_golden_texts();
	impossible_subtraction_is_refused();
	subtract();
	patterns_print_as_they_are();
	awkward_sets_survive_printing();
	words_are_quoted_where_needed();
	words_keep_every_byte();
	if (parser_exists()) {
		words_keep_every_class();
		parser_takes_the_goldens();
		parser_compiles_the_same_language();
		parser_refuses_what_we_refuse();
	} else {
		tap_skip("comparison with apparmor_parser", "no apparmor_parser");
	}
	return tap_done();
}
