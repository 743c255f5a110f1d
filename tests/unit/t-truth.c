/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * truth: random profiles, read by policy and compiled by apparmor_parser, must allow the same accesses.
 *
 * NESTFIX_PARSER names another apparmor_parser, NESTFIX_SEED another seed. Where releases of the parser differ (facts
 * in policy-rule.c and policy-decide.c, which follow 4.1.8 and later), older ones are not asked: m and x in deny rules,
 * "PATH l -> TARGET", priority.
 */
#include <stdlib.h>
#include <unistd.h>

#include <nestfix/automaton.h>
#include <nestfix/fsio.h>
#include <nestfix/policy.h>
#include <nestfix/run.h>

#include "../lib/tap.h"

enum { PROFILES = 100, PATHS = 60, SHOWN = 20 };

static uint64_t seed = 20261121;
static int version; /* 40108 is 4.1.8 */
static struct arena arena;
static struct err err;
static size_t cases, wrong;
static size_t allowed[7], denied[7]; /* by a rule, for each bit */

static uint64_t next_random(void) /* xorshift64* */
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545F4914F6CDD1D;
}

static unsigned below(unsigned n)
{
	return (unsigned)((next_random() >> 33) % n);
}

#define PICK(list) (list)[below(sizeof(list) / sizeof *(list))]

/* ---- patterns ---- */

static void add_component(struct buf *b)
{
	static const char *const parts[] = { "a",         "b",       "ab",    "n",      "net",     "sys",    "s\\*",
					     "a\\040b",   "*",       "**",    "?",      "?*",      "a*",     "*b",
					     "n[^e]*",    "ne[^t]*", "[ab]",  "[^a]",   "[a-n]*",  "{a,b}",  "{a,}b",
					     "{a,b{n,}}", "a**",     "**b",   "[^a-n]", "{*,net}", "@{ONE}", "@{TWO}",
					     "\\x61",     "net?*",   "a\\,b", "[^fdc]*" };

	buf_adds(b, PICK(parts));
}

static void add_pattern(struct buf *b)
{
	static const char *const heads[] = { "/", "/", "/", "/sys/", "/a/", "@{DIR}/", "//", "/{a,sys}/" };
	static const char *const tails[] = {
		"", "", "", "", "/", "{,/**}", "/**", "/*", "/{,**}", "*/**", "{,/}", "/*/"
	};
	unsigned n = 1 + below(3);

	buf_adds(b, PICK(heads));
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			buf_adds(b, below(8) ? "/" : "//");
		add_component(b);
	}
	buf_adds(b, PICK(tails));
}

/* ---- rules ---- */

enum kind { KIND_NONE, KIND_IX, KIND_PX, KIND_PIX };

static void add_letters(struct buf *b, bool deny, enum kind kind)
{
	static const char *const kinds[] = { "", "ix", "px", "pix" };
	static const char *const write[] = { "", "w", "a", "w" };
	bool m = !below(4), x = kind != KIND_NONE && !below(3);
	size_t before = b->len;

	if (deny && version >= 40100 && version < 40108)
		m = x = false; /* 4.1.0 loses a deny of m */
	else if (deny && version < 40100)
		m |= x; /* up to 4.1.7 m stays where only x is denied */
	buf_adds(b, below(2) ? "r" : "");
	buf_adds(b, PICK(write));
	buf_adds(b, below(4) ? "" : "k");
	buf_adds(b, m ? "m" : "");
	buf_adds(b, below(6) ? "" : "l");
	buf_adds(b, !x ? "" : deny ? "x" : kinds[kind]);
	if (b->len == before)
		buf_addc(b, 'r');
}

static void add_qualifiers(struct buf *b, bool *deny)
{
	static const char *const owners[] = { "", "", "", "owner ", "other " };

	*deny = !below(3);
	if (version >= 40100 && !below(4))
		buf_addf(b, "priority=%d ", (int)below(5) - 2);
	buf_adds(b, below(8) ? "" : "audit ");
	buf_adds(b, *deny ? "deny " : below(8) ? "" : "allow ");
	buf_adds(b, PICK(owners));
}

static void add_quoted(struct buf *b)
{
	AUTOBUF pattern = { 0 };

	add_pattern(&pattern);
	buf_addf(b, below(10) ? "%s" : "\"%s\"", buf_str(&pattern));
}

/* Targets of allowed and of denied links lie apart, so that some target stays that no deny reaches. */
static void add_link(struct buf *b, bool deny)
{
	static const char *const targets[] = { "/t/a", "/t/*", "/t/{a,b}", "/t/**", "@{DIR}/t" };
	static const char *const denied_targets[] = { "/no/a", "/no/**" };
	unsigned shape = below(version >= 40108 ? 4 : 3);

	if (shape == 0)
		buf_adds(b, below(2) ? "link " : "link subset ");
	else if (shape < 3)
		buf_adds(b, "l ");
	add_quoted(b);
	buf_adds(b, shape == 3 ? " l" : "");
	if (shape != 2)
		buf_addf(b, " -> %s", deny ? PICK(denied_targets) : PICK(targets));
	buf_adds(b, " ,\n");
}

static void add_rule_text(struct buf *b, enum kind kind)
{
	bool deny;

	buf_adds(b, "  ");
	add_qualifiers(b, &deny);
	if (!below(8)) {
		add_link(b, deny);
		return;
	}
	if (!deny && !below(30) && kind <= KIND_IX) {
		buf_adds(b, kind == KIND_IX ? "file,\n" : "file rw /**,\n");
		return;
	}
	buf_adds(b, below(10) ? "" : "file ");
	add_quoted(b);
	buf_addc(b, ' ');
	add_letters(b, deny, kind);
	buf_adds(b, ",\n");
}

static void add_profile(struct buf *b, unsigned number)
{
	enum kind kind = below(4);
	unsigned n = 4 + below(10);

	buf_addf(b, "profile p%03u {\n", number);
	for (unsigned i = 0; i < n; i++)
		add_rule_text(b, kind);
	if (!below(5))
		buf_addf(b, "  audit {\n    owner /%s/** r,\n  }\n  owner {\n    /a/** w,\n  }\n",
			 below(2) ? "a" : "b");
	if (!below(5))
		buf_adds(b, "  if $yes { /n* rw, } else { /s* rw, }\n  if not $yes { /a** k, }\n");
	if (!below(10))
		buf_adds(b, "  change_profile -> x,\n");
	if (!below(6))
		buf_adds(b, "  ^hat {\n    /h/@{profile_name} rw,\n    deny /h/** a,\n  }\n");
	buf_adds(b, "}\n");
}

/* ---- paths ---- */

/* A string near a pattern: globs filled in by chance, now and then a byte changed. */
static void add_path(struct buf *b, struct slice pattern)
{
	static const char *const some[] = { "", "a", "b", "n", "e", "net", "x/y", "/", "//", "a b" };
	unsigned depth = 0;

	for (size_t i = 0; i < pattern.len; i++) {
		char c = pattern.ptr[i];

		if (c == '\\' && i + 1 < pattern.len)
			buf_addc(b, pattern.ptr[++i]);
		else if (c == '*' || c == '?')
			buf_adds(b, PICK(some));
		else if (c == '[' || (depth > 0 && c == ',')) {
			char end = c == '[' ? ']' : '}';

			while (i + 1 < pattern.len && pattern.ptr[i] != end)
				i++;
			buf_addc(b, "abefnst/"[below(c == '[' ? 8 : 1)]);
		} else if (c == '{') {
			depth++;
			while (!below(2) && i + 1 < pattern.len && pattern.ptr[i] != ',')
				i++;
		} else if (c != '}' && (c != '/' || below(20)))
			buf_addc(b, c);
	}
	if (!below(6) && b->len > 1)
		b->ptr[1 + below((unsigned)b->len - 1)] = "/abnetx"[below(7)];
}

static struct slice make_path(const struct policy_profile *p)
{
	static const char *const fixed[] = { "/proc/1/attr/current",
					     "/proc/x/attr/apparmor/exec",
					     "/proc/1/attr/apparmor/",
					     "/sys/module/apparmor/parameters/enabled",
					     "/sys/n",
					     "/sys/net",
					     "/sys/net/x",
					     "/h/p000//hat",
					     "/" };
	AUTOBUF b = { 0 };

	if (!below(8) || p->rule_count == 0) {
		buf_adds(&b, PICK(fixed));
	} else if (below(4)) {
		add_path(&b, p->rules[below((unsigned)p->rule_count)].pattern);
	} else {
		for (unsigned n = 1 + below(8); n > 0; n--)
			buf_addc(&b, "//abnets *x\xc3\xa9"[below(12)]);
	}
	return arena_slice(&arena, buf_slice(&b));
}

/* ---- comparing ---- */

static void tell(const struct policy_profile *p, struct slice path, uint32_t bit, int half, bool policy)
{
	static const char letters[] = "xwralkm";
	unsigned i = 0;

	if (wrong++ >= SHOWN)
		return;
	while (bit >> i > 1)
		i++;
	printf("# %.*s: '%.*s' %c %s: policy %s, apparmor_parser %s\n", SLICE_FMT(p->name), SLICE_FMT(path), letters[i],
	       half ? "other" : "owner", policy ? "allows" : "denies", policy ? "denies" : "allows");
	for (size_t r = 0; r < p->rule_count; r++) {
		const struct policy_rule *rule = &p->rules[r];

		if (rule->perms & (bit == PERM_M ? PERM_M | PERM_X : bit))
			printf("#   %s%.*s  from  %.*s\n",
			       aare_match((struct aare *)&rule->aare, path, &arena) ? "* " : "  ",
			       SLICE_FMT(rule->pattern),
			       SLICE_FMT(slice_sub(rule->source->doc.text, rule->stmt->span.at, rule->stmt->span.len)));
	}
}

/* May the compiled profile link the path to the target? Both the name and the pair must allow it (file.c
 * profile_path_link). */
static bool may_link(const struct automaton_profile *a, struct slice path, const char *target, int half)
{
	uint32_t state = automaton_run(a->file, a->file_start, path);

	if (!(automaton_file_perms(a, state).half[half].allow & PERM_L))
		return false;
	state = automaton_step(a->file, state, 0);
	state = automaton_run(a->file, state, slice_of(target));
	return automaton_file_perms(a, state).half[half].allow & PERM_L;
}

static bool may_link_somewhere(const struct automaton_profile *a, struct slice path, int half)
{
	static const char *const targets[] = { "/t/a", "/t/b", "/t/x", "/t/x/y", "/dir/t", "/other", "/no/b" };

	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
		if (a->file && may_link(a, path, targets[i], half))
			return true;
	return false;
}

static void count_outcome(const struct policy_verdict *v, uint32_t bit)
{
	unsigned i = 0;

	while (bit >> i > 1)
		i++;
	allowed[i] += v->allowed;
	denied[i] += v->denier_count > 0;
}

static void compare_path(struct policy_profile *p, const struct automaton_profile *a, struct slice path)
{
	struct automaton_perms perms = automaton_path(a, path);
	struct policy_verdict v;

	cases++;
	for (int half = 0; half < 2; half++) {
		for (uint32_t bit = PERM_X; bit <= PERM_M; bit <<= 1) {
			bool truth = perms.half[half].allow & bit;

			if (bit == PERM_L)
				truth = may_link_somewhere(a, path, half);
			policy_decide(p, path, bit, half, NULL, &v, &arena);
			count_outcome(&v, bit);
			if (v.allowed != truth)
				tell(p, path, bit, half, v.allowed);
			if (v.allowed && (!v.rule || v.rule->deny))
				tell(p, path, bit, half, true);
		}
	}
}

static void compare_profile(struct policy_profile *p, const struct automaton *truth, struct re_pool *pool)
{
	const struct automaton_profile *a = automaton_find(truth, p->name);

	if (!a || policy_prepare(p, pool, &arena, &err) < 0) {
		wrong++;
		printf("# %.*s: %s\n", SLICE_FMT(p->name), a ? err.text : "not in the compiled policy");
		return;
	}
	for (unsigned i = 0; i < PATHS; i++)
		compare_path(p, a, make_path(p));
}

/* ---- the parser ---- */

static const char *parser(void)
{
	const char *named = getenv("NESTFIX_PARSER");

	return named && *named ? named : "/sbin/apparmor_parser";
}

static bool run_parser(const char *const *argv, struct slice input, struct buf *out)
{
	AUTORUN run = { .argv = argv, .input = input };
	int rc = run_program(&run, &err);

	if (rc == 0 && run.status != 0)
		printf("# status %d: %s\n", run.status, buf_str(&run.err));
	buf_addslice(out, buf_slice(&run.out));
	return rc == 0 && run.status == 0;
}

static bool find_version(void)
{
	const char *const argv[] = { parser(), "--version", NULL };
	int numbers[3] = { 0 }, *at = numbers;
	const char *text;
	AUTOBUF out = { 0 };

	if (!run_parser(argv, (struct slice){ 0 }, &out))
		return false;
	text = strstr(buf_str(&out), "version ");
	if (!text)
		return false;
	for (text += strlen("version "); (*text >= '0' && *text <= '9') || *text == '.'; text++) {
		if (*text == '.' && ++at == numbers + 3)
			break;
		if (*text != '.')
			*at = *at * 10 + *text - '0';
	}
	version = numbers[0] * 10000 + numbers[1] * 100 + numbers[2];
	printf("# %s is %d.%d.%d, seed %llu\n", parser(), numbers[0], numbers[1], numbers[2], (unsigned long long)seed);
	return version > 0;
}

static int no_files(void *ctx, const char *path, enum policy_found *found, struct slice *bytes, struct slice **names,
		    size_t *count, struct arena *a, struct err *e)
{
	(void)ctx, (void)path, (void)bytes, (void)names, (void)count, (void)a, (void)e;
	*found = POLICY_MISSING;
	return 0;
}

static bool compile_and_read(const char *const *argv, struct slice text, struct automaton *truth)
{
	AUTOBUF blob = { 0 };

	return run_parser(argv, text, &blob) &&
	       automaton_read(truth, arena_slice(&arena, buf_slice(&blob)), &arena, &err) == 0;
}

static void make_text(struct buf *text)
{
	/* 5.0.2 keeps a leading slash of a value behind a "/" that begins the pattern; 4.1.8 drops it */
	buf_addf(text, "@{TWO}=%sa/ n\n", version < 50000 ? "/" : "");
	buf_adds(text, "@{ONE}=one/\n@{TWO}+=@{ONE}/x\n@{DIR}=/dir\n$yes=true\n"
		       "alias /a/ -> /sys/,\nalias /b -> /a/b,\n");
	for (unsigned i = 0; i < PROFILES; i++)
		add_profile(text, i);
}

static void policy_agrees_with_the_compiler(void)
{
	const char *const argv[] = { parser(), "-q", "-Q", "-K", "-S", NULL };
	struct policy_reader reader = { NULL, no_files };
	struct policy_dialect dialect = { .base = "/nowhere", .include_every_time = version < 30000 };
	struct re_pool *pool = re_pool_new(&arena, 0);
	struct automaton truth = { 0 };
	struct policy policy = { 0 };
	AUTOBUF text = { 0 };
	bool enough = true;

	make_text(&text);
	if (getenv("NESTFIX_TRUTH_TEXT"))
		printf("%s", buf_str(&text));
	if (!ok(compile_and_read(argv, buf_slice(&text), &truth), "apparmor_parser compiles the profiles")) {
		printf("# %s\n", err.text);
		return;
	}
	ok(policy_read_text(&policy, policy_sources_new(&reader, &dialect, &arena), "random", buf_slice(&text), &arena,
			    &err) == 0,
	   "policy reads them");
	if (err_is_set(&err))
		printf("# %s\n", err.text);
	is_num(policy.count, truth.count, "both see the same profiles");
	for (size_t i = 0; i < policy.count; i++)
		compare_profile(&policy.profiles[i], &truth, pool);
	printf("# %zu profiles, %zu cases of a profile and a path\n", policy.count, cases);
	ok(cases >= 5000, "enough cases");
	for (unsigned i = 0; i < 7; i++) {
		printf("# bit %u: %zu allowed, %zu denied by a rule\n", i, allowed[i], denied[i]);
		enough &= allowed[i] >= 50 && (denied[i] >= 50 || (version >= 40100 && version < 40108));
	}
	ok(enough, "enough of either outcome for each permission");
	is_num(wrong, 0, "both allow the same");
	policy_release(&policy);
}

static int read_disk(void *ctx, const char *path, enum policy_found *found, struct slice *bytes, struct slice **names,
		     size_t *count, struct arena *a, struct err *e)
{
	enum fsio_kind kind;
	struct file file;

	if (fsio_kind(ctx, path, &kind, e) < 0)
		return -1;
	*found = kind == FSIO_FILE ? POLICY_FILE : kind == FSIO_DIR ? POLICY_DIR : POLICY_MISSING;
	if (kind == FSIO_DIR)
		return fsio_list(ctx, path, a, names, count, e);
	if (kind != FSIO_FILE)
		return 0;
	if (fsio_read(ctx, path, FSIO_LIMIT_POLICY, a, &file, e) < 0)
		return -1;
	*bytes = file.bytes;
	return 0;
}

static const char *base(void)
{
	const char *named = getenv("NESTFIX_TRUTH_BASE");

	return named && *named ? named : "/etc/apparmor.d";
}

static void compare_file(const char *path, struct policy_sources *sources)
{
	const char *const argv[] = { parser(), "-q", "-Q", "-K", "-S", "-b", base(), path, NULL };
	struct re_pool *pool = re_pool_new(&arena, 0);
	struct automaton truth = { 0 };
	struct policy policy = { 0 };

	if (access(path, R_OK) != 0) {
		tap_skip(path, "not installed");
		return;
	}
	if (!compile_and_read(argv, (struct slice){ 0 }, &truth)) {
		tap_skip(path, "not for this parser");
		err_clear(&err);
		return;
	}
	err_clear(&err);
	wrong = cases = 0;
	ok(policy_read(&policy, sources, path, &arena, &err) == 0, path);
	if (err_is_set(&err))
		printf("# %s\n", err.text);
	is_num(policy.count, truth.count, "both see the same profiles");
	for (size_t i = 0; i < policy.count; i++)
		compare_profile(&policy.profiles[i], &truth, pool);
	printf("# %zu profiles, %zu cases of a profile and a path\n", policy.count, cases);
	is_num(wrong, 0, "both allow the same");
	policy_release(&policy);
}

/* NESTFIX_TRUTH_BASE: another folder than /etc/apparmor.d; NESTFIX_TRUTH_ALL: every file of it. */
static void policy_agrees_on_the_machines_profiles(void)
{
	static const char *const some[] = { "lxc-containers", "usr.bin.lxc-start", "usr.bin.man", "lsb_release" };
	struct policy_dialect dialect = { .base = base(), .include_every_time = version < 30000 };
	struct policy_reader reader = { .read = read_disk };
	struct policy_sources *sources;
	AUTOROOT root = { .fd = -1 };
	struct slice *names;
	size_t count = 0;

	if (!ok(root_open(&root, "/", &err) == 0, "opens /"))
		return;
	reader.ctx = &root;
	sources = policy_sources_new(&reader, &dialect, &arena);
	for (size_t i = 0; i < sizeof some / sizeof *some; i++)
		compare_file(arena_printf(&arena, "%s/%s", dialect.base, some[i]), sources);
	if (!getenv("NESTFIX_TRUTH_ALL") || fsio_list(&root, dialect.base, &arena, &names, &count, &err) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		const char *path = arena_printf(&arena, "%s/%.*s", dialect.base, SLICE_FMT(names[i]));
		enum fsio_kind kind;

		if (fsio_kind(&root, path, &kind, &err) == 0 && kind == FSIO_FILE)
			compare_file(path, sources);
	}
}

int main(void)
{
	if (getenv("NESTFIX_SEED"))
		seed = strtoull(getenv("NESTFIX_SEED"), NULL, 10) | 1;
	if (access(parser(), X_OK) != 0) {
		tap_skip("agreement with the real compiler", "NO apparmor_parser HERE: apt-get install apparmor");
		return tap_done();
	}
	if (ok(find_version(), "the parser tells its version")) {
		policy_agrees_with_the_compiler();
		policy_agrees_on_the_machines_profiles();
	}
	arena_release(&arena);
	return tap_done();
}
