/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * variants: the rule that this program is about as an administrator may have written it: split, quoted, with other
 * letters and qualifiers, in a branch, a block, a hat, an included file, beside other rules. Each is found healthy, or
 * cured, proved, and healthy then; or refused with a reason before anything is tried.
 *
 * NESTFIX_PARSER names another apparmor_parser, NESTFIX_SEED another seed, NESTFIX_VARIANTS how many.
 */
#include <stdlib.h>
#include <unistd.h>

#include <nestfix/prove.h>

#include "../lib/random.h"
#include "../lib/stage.h"

static const char *const net[] = { "net", NULL };
static size_t healthy, cured, refused, several, unknown;
static bool knows_priority;

static const char *parser(void)
{
	const char *name = getenv("NESTFIX_PARSER");

	return name && *name ? name : "/sbin/apparmor_parser";
}

static void add_rule(struct buf *b)
{
	static const char *const paths[] = { "/sys/[^fdc]*{,/**}",
					     "/sys/[^fdc]*{,/**}",
					     "/sys/[^fdck]*{,/**}",
					     "/sys/n*{,/**}",
					     "/sys/**",
					     "/sys/{,**}",
					     "\"/sys/[^fdc]*{,/**}\"",
					     "/sys/{[^fdc]*,n*}{,/**}",
					     "/{sys,proc}/[^k]*/**",
					     "/sys/net/**",
					     "@{SYSDIR}/[^fdc]*{,/**}",
					     "/sys/net/ipv4/port",
					     "/sys//[^fdc]*/**",
					     "/sys/[^fdcn]*/**",
					     "/sys/n[a-f]t/ipv[0-9]/po?t" };
	static const char *const letters[] = { "w", "wk", "wklx", "rwklx", "wl", "kw", "wklx", "a" };
	static const char *const qualifiers[] = {
		"deny ", "deny ", "deny ", "audit deny ", "deny owner ", "deny other "
	};
	const char *path = RANDOM_PICK(paths), *perms = RANDOM_PICK(letters);
	bool first = !random_below(6);

	buf_adds(b, RANDOM_PICK(qualifiers));
	buf_adds(b, random_below(6) ? "" : "file ");
	buf_addf(b, "%s %s,", first ? perms : path, first ? path : perms);
}

/* The rule where it may stand. */
static void add_placed(struct buf *b)
{
	AUTOBUF rule = { 0 };

	add_rule(&rule);
	switch (random_below(12)) {
	case 0:
		buf_addf(b, "  if defined @{SYSDIR} {\n    %s\n  }\n", buf_str(&rule));
		break;
	case 1:
		buf_addf(b, "  if defined @{NONE} {\n    /x r,\n  } else {\n    %s\n  }\n", buf_str(&rule));
		break;
	case 2:
		buf_addf(b, "  if defined @{NONE} {\n    %s\n  }\n", buf_str(&rule));
		break;
	case 3:
		buf_addf(b, "  audit {\n    %s\n  }\n", buf_str(&rule));
		break;
	case 4:
		buf_addf(b, "  owner {\n    %s\n    /y r,\n  }\n", buf_str(&rule));
		break;
	case 5:
		buf_addf(b, "  /x r, %s # mine\n", buf_str(&rule));
		break;
	case 6:
		buf_addf(b, "\t%s\r\n", buf_str(&rule));
		break;
	case 7:
		buf_adds(b, "  include <abstractions/shared>\n");
		break;
	default:
		buf_addf(b, "  %s\n", buf_str(&rule));
	}
}

static void add_others(struct buf *b)
{
	static const char *const others[] = {
		"  deny /sys/net/core/** w,\n",    "  deny /proc/** wklx,\n",        "  deny /sys/** k,\n",
		"  audit deny /sys/[^n]** w,\n",   "  deny mount fstype=debugfs,\n", "  # deny /sys/** w,\n",
		"  deny link /sys/net/** -> /x,\n"
	};

	for (unsigned n = random_below(3); n > 0; n--)
		buf_adds(b, RANDOM_PICK(others));
	if (!random_below(6))
		buf_adds(b, "  ^hat {\n    file,\n    deny /sys/** w,\n  }\n");
	if (knows_priority && !random_below(8))
		buf_adds(b, "  priority=1 /sys/net/** w,\n");
}

static void write_variant(struct buf *text)
{
	AUTOBUF shared = { 0 };

	buf_addf(text, "@{SYSDIR}=/sys\nprofile lxc-a {\n  file,\n  mount,\n");
	add_others(text);
	for (unsigned n = 1 + !random_below(3); n > 0; n--)
		add_placed(text);
	buf_adds(text, "}\n");
	add_rule(&shared);
	buf_addc(&shared, '\n');
	tmp_write("/etc/apparmor.d/abstractions/shared", shared.ptr, shared.len, 0644);
	tmp_write("/etc/apparmor.d/lxc-a", text->ptr, text->len, 0644);
}

/* Its own edits are made, as a commit would make them. */
static void write_patch(void)
{
	for (size_t i = 0; i < stage.patch.file_count; i++)
		tmp_write(patch_path(&stage.patch.files[i]), stage.patch.files[i].new_.ptr,
			  stage.patch.files[i].new_.len, 0644);
}

static const char *cure(enum locate_state rest)
{
	const struct compiler *compiler = judge_compiler(stage.judge, &stage.err);
	struct proof *proof;

	if (!compiler || prove_patch(&proof, &stage.patch, compiler, &stage.arena, NULL, NULL, &stage.err) < 0)
		return "planned, and not proved";
	write_patch();
	if (stage_look(NULL, net) < 0 || stage.finding.worst != rest)
		return "cured, and not healthy";
	if (stage_rewrite() == 0 && stage.patch.file_count > 0)
		return "cured, and cured again";
	cured++;
	return NULL;
}

static const char *try_variant(void)
{
	if (stage_look(NULL, net) < 0)
		return "cannot be looked at";
	several += stage.finding.culprit_count > 1;
	switch (stage.finding.worst) {
	case LOCATE_ALLOWED:
		healthy++;
		return stage_rewrite() == 0 && stage.patch.file_count == 0 ? NULL : "healthy, and edited";
	case LOCATE_BLOCKED:
		if (stage_rewrite() == 0)
			return cure(LOCATE_ALLOWED);
		break;
	case LOCATE_FIXED:
		if (stage_rewrite() == 0)
			return cure(LOCATE_FIXED); /* of the hat alone, or of the profile alone */
		break;
	case LOCATE_UNKNOWN: /* 4.1.0 and 5.0 forget the deny of a rule in a block, and then its x has no kind */
		unknown++;
		return strstr(stage.finding.cases[0].reason, "parser") ? NULL : "unknown, without the parser's words";
	default:
		return "not understood";
	}
	refused++;
	return stage.err.kind == ERR_REFUSED && strstr(stage.err.text, "/etc/apparmor.d/") ? NULL : "no reason";
}

int main(void)
{
	const char *many = getenv("NESTFIX_VARIANTS");
	unsigned count = many ? (unsigned)strtoul(many, NULL, 10) : 40, wrong = 0;

	random_begin();
	if (access(parser(), X_OK) != 0) {
		tap_skip("variants", "NO apparmor_parser HERE: apt-get install apparmor");
		return tap_done();
	}
	tmp_make();
	tmp_write("/etc/apparmor.d/lxc-a", "profile lxc-a { }\n", 18, 0644);
	if (ok(stage_look(NULL, net) == 0 && judge_compiler(stage.judge, &stage.err), "there is a parser"))
		knows_priority = compile_knows_priority(judge_compiler(stage.judge, NULL), &stage.arena, NULL) == 1;
	for (unsigned i = 0; i < count; i++) {
		AUTOBUF text = { 0 };
		const char *what;

		write_variant(&text);
		what = try_variant();
		if (what && wrong++ < 10)
			printf("# %s: %d %s %s\n%s", what, stage.finding.worst, stage.err.text,
			       stage.finding.case_count && stage.finding.cases[0].reason ? stage.finding.cases[0].reason
											 : "",
			       buf_str(&text));
	}
	printf("# %zu healthy, %zu cured, %zu refused, %zu unknown, %zu of several rules\n", healthy, cured, refused,
	       unknown, several);
	is_num(wrong, 0, "each variant is healthy, cured and proved, or refused with the reason");
	ok(cured > count / 4 && healthy > count / 20 && refused > 0 && several > 0, "there are enough of each");
	stage_release();
	return tap_done();
}
