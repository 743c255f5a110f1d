/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Marks: what is written, and what is read back of it. */
#include <stdlib.h>

#include "../lib/stage.h"

#define RULE "deny /sys/[^fdc]*{,/**} wklx,"
#define MARK "# aa-nestfix: test-conflict, was: "
#define NET_REST "deny /sys/{[^fdcn]*,n{,e},n[^e]*,ne[^t]*,net?*}{,/**} w,"

static struct arena arena;
static struct re_pool *pool;
static struct conflict conflict;
static struct doc doc;
static struct mark *marks;
static size_t count;

static int find(const char *text)
{
	struct err err = { 0 };

	doc_parse(&doc, arena_slice(&arena, slice_of(text)), &arena);
	return mark_find(&doc, &conflict, pool, &arena, &marks, &count, &err);
}

static const char *scopes_of(const struct mark *mark)
{
	const char *names = "";

	for (size_t i = 0; i < mark->scope_count; i++)
		names = arena_printf(&arena, "%s%s%.*s", names, i ? "," : "", SLICE_FMT(mark->scopes[i]->name));
	return names;
}

/* The text with each mark planned anew with these scopes. */
static const char *planned(const char *text, const char *const *names)
{
	const struct conflict_scope *scopes[4];
	struct edit *edits;
	size_t n = 0;
	AUTOBUF out = { 0 };

	if (find(text) < 0)
		return "";
	for (; names && names[n]; n++)
		scopes[n] = conflict_scope(&conflict, slice_of(names[n]));
	edits = arena_array(&arena, count, sizeof *edits);
	for (size_t i = 0; i < count; i++) {
		edits[i] = (struct edit){ marks[i].span.at, marks[i].span.len, { 0 } };
		if (!marks[i].intact ||
		    mark_write(&marks[i].rule, &conflict, scopes, n, mark_layout(doc.text, marks[i].span), pool, &arena,
			       &edits[i].with, NULL) < 0)
			return "";
	}
	if (doc_print(&doc, edits, count, &out, NULL) < 0)
		return "";
	return arena_str(&arena, buf_slice(&out));
}

/* A profile whose one rule is split for these scopes. */
static const char *split(const char *rules, const char *const *names)
{
	stage_policy("lxc-a", "lxc-a", rules);
	if (stage_look(NULL, names) < 0 || stage_rewrite() < 0 || stage.patch.file_count != 1)
		return "";
	return arena_str(&arena, stage.patch.files[0].new_);
}

static const char *const net[] = { "net", NULL }, *const ipc[] = { "ipc", NULL },
			 *const both[] = { "net", "ipc", NULL };

static void reads_what_was_written(void)
{
	static const char *const rules[] = {
		"  " RULE "\n",
		"\t" RULE " # mine\n",
		"  audit  deny\n /sys/** wk,\n",
		"  deny /sys/net/ipv4/port wk, # mine\n",
		"  deny /sys/net/** wk,\r\n  deny /x r,\r\n",
		"  deny wkx /sys/kernel/*,\n",
		"  capability, deny /sys/{net,kernel}/** w, deny /sys/n* r,\n",
		"  deny \"/sys/net/{ipv4/port,a b}\" wl,\n",
		"  " RULE "\n  deny /sys/fs/[^c]*{,/**} wklx,\n  deny /sys/c[^l]*{,/**} wklx,\n",
	};

	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		const char *text = split(rules[i], both), *was;
		bool intact = find(text) == 0 && count > 0;

		for (size_t m = 0; m < count; m++)
			intact = intact && marks[m].intact;
		ok(intact, rules[i]);
		was = tmp_read("/etc/apparmor.d/lxc-a");
		if (i != 2)
			is_text(slice_of(planned(text, NULL)), was, "… taken out, it is the old text");
		is_text(slice_of(planned(text, both)), text, "… planned anew, it is the same");
	}
}

static void a_set_of_scopes_has_one_text(void)
{
	const char *text = "  " RULE "\n  deny /sys/fs/[^c]*{,/**} wklx,\n", *one, *other;

	one = arena_printf(&arena, "%s", split(text, net));
	tmp_write("/etc/apparmor.d/lxc-a", one, strlen(one), 0644);
	ok(stage_look(NULL, ipc) == 0 && stage_rewrite() == 0 && stage.patch.file_count == 1, "net, then ipc");
	one = arena_str(&arena, stage.patch.files[0].new_);
	other = arena_printf(&arena, "%s", split(text, ipc));
	tmp_write("/etc/apparmor.d/lxc-a", other, strlen(other), 0644);
	ok(stage_look(NULL, net) == 0 && stage_rewrite() == 0 && stage.patch.file_count == 1, "ipc, then net");
	is_text(stage.patch.files[0].new_, one, "are the same text");
	is_text(slice_of(split(text, both)), one, "… as both at once");
	ok(strstr(one, MARK RULE) && !strstr(one, MARK NET_REST), "… with one mark, which names the first rule");
	ok(find(one) == 0 && count == 2, "two rules, two marks");
	is_text(slice_of(scopes_of(&marks[0])), "net,ipc", "… the first with both scopes");
	is_text(slice_of(scopes_of(&marks[1])), "ipc", "… the second with the one that it touches");
	is_text(slice_of(planned(one, net)), split(text, net), "narrowed again, it is the text of the one scope");
}

static void knows_lines_that_were_edited(void)
{
	static const char *const edited[] = {
		"  " MARK RULE "\n  deny /sys/[^fdc]*{,/**} klx, # mine\n  " NET_REST "\n",
		"  " MARK RULE "\n  # mine\n  deny /sys/[^fdc]*{,/**} klx,\n  " NET_REST "\n",
		"  " MARK RULE "\n  deny /sys/[^fdc]*{,/**} kl,\n  " NET_REST "\n",
		"  " MARK RULE "\n  deny /sys/[^fdc]*{,/**} klx,\n",
		"  " MARK RULE "\n  " NET_REST "\n",
		"  " MARK RULE "\n  deny /sys/[^fdc]*{,/**} klx,\n  deny /sys/[^fdcn]*{,/**} w,\n",
		"  " MARK RULE "\n  deny /sys/[^fdc]*{,/**} klx,\n  audit " NET_REST "\n",
		"  " MARK "deny /sys/[^fdc]*{,/**} wklx\n  deny /sys/[^fdc]*{,/**} klx,\n  " NET_REST "\n",
		"  " MARK RULE " " RULE "\n  deny /sys/[^fdc]*{,/**} klx,\n  " NET_REST "\n",
		"  " MARK "deny @{x}/[^fdc]*{,/**} wklx,\n  deny @{x}/[^fdc]*{,/**} klx,\n  " NET_REST "\n",
		"  " MARK RULE "\n  " RULE "\n",
		"  " MARK RULE "\n",
	};

	for (size_t i = 0; i < sizeof edited / sizeof *edited; i++)
		ok(find(edited[i]) == 0 && count == 1 && !marks[0].intact && marks[0].scope_count == 0, edited[i]);
}

static void blanks_make_no_difference(void)
{
	ok(find("  " MARK RULE "\n\tdeny /sys/[^fdc]*{,/**}   klx,\n\n      " NET_REST " # mine\n") == 0 &&
	       count == 1 && marks[0].intact,
	   "indented otherwise, with a comment behind the last line");
	is_text(slice_of(planned("\t" MARK RULE "\n  deny /sys/[^fdc]*{,/**} klx,\n  " NET_REST " # mine\n", NULL)),
		"\t" RULE " # mine\n", "… it is taken out, and the comment stays");
	is_text(slice_of(planned("\t" MARK "deny /sys/net/x w,\n\n", NULL)), "\tdeny /sys/net/x w,\n",
		"a blank at the end of a line that an editor took away");
	ok(find("  " MARK RULE
		"\n  deny /sys/[^fdc]*{,/**} klx,\n  deny /sys/{n,[^fdcn]*,ne,n[^e]*,ne[^t]*,net?*}{,/**} "
		"w,\n") == 0 &&
	       count == 1 && marks[0].intact,
	   "a rest that another release wrote otherwise");
}

static void only_a_comment_is_a_mark(void)
{
	ok(find("  deny \"/x\n" MARK RULE "\n\" r,\n") == 0 && count == 0, "not a text in quotes");
	ok(find("  # see " MARK RULE "\n  ## " MARK RULE "\n") == 0 && count == 0, "not a part of another comment");
	ok(find("  # aa-nestfix: other, was: " RULE "\n") == 0 && count == 0, "not another conflict's");
	ok(find("  mount fstype=x " MARK RULE "\n  -> /x,\n") == 0 && count == 0, "not inside a rule");
	ok(find("profile x { " MARK "deny /sys/net/x w,\n }\n") == 0 && count == 1 && marks[0].intact,
	   "but one behind a brace");
}

/* 0.1 split the lines below its own mark once more. */
static void a_mark_on_a_mark_is_one(void)
{
	AUTOBUF text = { 0 };

	buf_adds(&text, "  " MARK RULE "\n  deny /sys/[^fdc]*{,/**} klx,\n");
	buf_adds(&text, arena_str(&arena, slice_from(slice_of(split("  " NET_REST "\n", ipc)),
						     strlen("@{SYSDIR}=/sys\nprofile lxc-a {\n  file,\n"))));
	ok(find(buf_str(&text)) == 0 && count == 1 && marks[0].intact, "a mark on a line of a mark");
	is_text(slice_of(scopes_of(&marks[0])), "net,ipc", "… is one, with the scopes of both");
	ok(strncmp(planned(buf_str(&text), NULL), "  " RULE "\n", sizeof RULE + 2) == 0, "… and one original rule");
	is_text(slice_of(planned(buf_str(&text), net)),
		"  " MARK RULE "\n  deny /sys/[^fdc]*{,/**} klx,\n  " NET_REST "\n}\n",
		"… from which it is planned anew");
}

static void many_marks_take_no_time(void)
{
	AUTOBUF text = { 0 };
	bool intact;

	for (int i = 0; i < 300; i++)
		buf_addf(&text, "  " MARK "deny /sys/net/%d wk,\n  deny /sys/net/%d k,\n  # mine\n", i, i);
	intact = find(buf_str(&text)) == 0 && count == 300;
	for (size_t i = 0; i < count; i++)
		intact = intact && marks[i].intact;
	ok(intact, "300 marks");
}

int main(void)
{
	tmp_make();
	pool = re_pool_new(&arena, 0);
	if (conflict_parse(&conflict, "test.conflict", SLICE(stage_conflict_text), pool, &arena, NULL) < 0)
		return 1;
	reads_what_was_written();
	a_set_of_scopes_has_one_text();
	knows_lines_that_were_edited();
	blanks_make_no_difference();
	only_a_comment_is_a_mark();
	a_mark_on_a_mark_is_one();
	many_marks_take_no_time();
	stage_release();
	arena_release(&arena);
	return tap_done();
}
