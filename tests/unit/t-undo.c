/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a file becomes when changes are taken back. The program as a whole is tried by tests/t-state.sh. */
#include <nestfix/undo.h>

#include "../lib/stage.h"

#define RULE "deny /sys/[^fdc]*{,/**} wklx,"
#define MARK "# aa-nestfix: test-conflict, was: "

static struct arena arena;
static struct undo_ground ground;
static struct conflict conflict;
static struct slice names[] = { { "test-conflict", 13 } }, scopes[] = { { "net", 3 }, { "ipc", 3 } };

/* A history of one file: what each change made of it. */
static struct undo_change changes[8];
static struct backup backups[8];
static struct backup_file files[8];
static size_t count;

static void begin(void)
{
	count = 0;
	memset(backups, 0, sizeof backups);
	memset(files, 0, sizeof files);
	memset(changes, 0, sizeof changes);
}

/* One more change, asked for `net`, `ipc` or "net,ipc"; an edit of a part of the text, or all of it. */
static void add(enum backup_kind kind, const char *asked, const char *old, const char *part, const char *new_)
{
	struct backup *b = &backups[count];
	struct backup_file *f = &files[count];
	const char *at = old ? strstr(old, part) : NULL;

	b->id = arena_printf(&arena, "2026010%zuT000000Z", count + 1);
	b->state = BACKUP_IN_FORCE;
	b->conflicts = (struct backup_names){ names, 1 };
	b->scopes.ptr = strncmp(asked, "net", 3) == 0 ? scopes : scopes + 1;
	b->scopes.len = *asked ? strchr(asked, ',') ? 2 : 1 : 0;
	f->path = kind == BACKUP_DROPIN ? DROPIN_PATH : "/f";
	f->kind = kind;
	f->existed = old != NULL;
	f->removed = old && !new_;
	f->content = slice_of(old ? old : "");
	f->edits = ARENA_NEW(&arena, struct backup_edit);
	f->edits[0] = (struct backup_edit){ at ? (size_t)(at - old) : 0, slice_of(part), slice_of(new_ ? new_ : "") };
	f->edit_count = 1;
	changes[count] = (struct undo_change){ b, f, UNDO_STAYS };
	count++;
}

static const char *after(size_t i)
{
	AUTOBUF out = { 0 };

	backup_after(&files[i], &out);
	return arena_str(&arena, buf_slice(&out));
}

static struct undo out;
static struct err err;

/* Takes these back, "12" the first and the second; "-1": the first was taken back earlier. */
static int undo(const char *back, const char *now)
{
	struct slice text = slice_of(now);
	enum undo_role role = UNDO_BACK;

	for (size_t i = 0; i < count; i++)
		changes[i].role = UNDO_STAYS;
	for (; *back; back++) {
		if (*back == '-')
			role = UNDO_PAST;
		else
			changes[*back - '1'].role = role;
		if (*back != '-')
			role = UNDO_BACK;
	}
	err_clear(&err);
	return undo_plan(&out, &ground, changes, count, now ? &text : NULL, &arena, &err);
}

static void becomes(const char *back, const char *now, const char *wanted, const char *what)
{
	if (!ok(undo(back, now) == 0, what))
		printf("#   %s\n", err.text);
	else if (wanted)
		is_text(out.bytes, wanted, "  by its bytes");
	else
		ok(out.how == UNDO_REMOVE || (!now && out.how == UNDO_KEEP), "  is gone");
}

static void refuses(const char *back, const char *now, const char *text, const char *hint, const char *what)
{
	ok(undo(back, now) == -1 && err.kind == ERR_REFUSED, what);
	is_err(&err, text, "  is told");
	if (!ok(strstr(err.hint, hint), "  with what to do"))
		printf("#   %s\n", err.hint);
}

static void lines_of_a_configuration(void)
{
	begin();
	add(BACKUP_CONFIG, "", "a = 1\nb = 1\nc = 1\n", "a = 1\n", "a = 2\n");
	add(BACKUP_CONFIG, "", after(0), "a = 2\n", "a = 3\n");
	add(BACKUP_CONFIG, "", after(1), "c = 1\n", "c = 2\n");
	refuses("1", after(2), "the later change 20260102T000000Z stands on it", "rollback 20260102T000000Z",
		"the older one of two of the same line");
	becomes("2", after(2), "a = 2\nb = 1\nc = 2\n", "the younger one");
	becomes("12", after(2), "a = 1\nb = 1\nc = 2\n", "both, and another change's line stays");
	becomes("123", after(2), files[0].content.ptr, "all");
	ok(out.how == UNDO_EXACT && out.exact == &files[0], "  with the attributes of before the first");
	becomes("123", "# mine\na = 3\nb = 1\nc = 2\n", "# mine\na = 1\nb = 1\nc = 1\n",
		"all, in a file that was edited");
	is_num(out.how, UNDO_WRITE, "  which keeps its attributes");
	becomes("1", NULL, NULL, "a file that was removed");
	ok(out.note && strstr(out.note, "'/f' was removed since"), "  is told");
}

static void a_change_that_takes_back_another(void)
{
	begin();
	add(BACKUP_CONFIG, "", "a = 1\n", "a = 1\n", "a = 2\n");
	add(BACKUP_CONFIG, "", after(0), "a = 2\n", "a = 1\n");
	refuses("1", "a = 1\n", "the later change 20260102T000000Z stands on it", "rollback 20260102T000000Z",
		"a change that a later one took back");
	becomes("2", "a = 1\n", "a = 2\n", "the later one");
	becomes("12", "a = 1\n", "a = 1\n", "both");
}

static const char *dropin(const char *asked)
{
	const struct conflict_scope *list[2];
	AUTOBUF text = { 0 };
	size_t n = 0;

	if (strstr(asked, "net"))
		list[n++] = conflict_scope(&conflict, SLICE("net"));
	if (strstr(asked, "ipc"))
		list[n++] = conflict_scope(&conflict, SLICE("ipc"));
	dropin_text(DROPIN_HOOK, &conflict, list, n, &text);
	return arena_str(&arena, buf_slice(&text));
}

static void the_drop_in_is_a_set(void)
{
	begin();
	add(BACKUP_DROPIN, "net", NULL, "", dropin("net"));
	add(BACKUP_DROPIN, "net,ipc", dropin("net"), dropin("net"), dropin("net,ipc"));
	becomes("1", dropin("net,ipc"), dropin("net,ipc"), "what the other change asked for stays");
	is_num(out.how, UNDO_KEEP, "  so that nothing is written");
	becomes("2", dropin("net,ipc"), dropin("net"), "what only this one asked for goes");
	is_num(out.lost_count, 1, "  and is told");
	becomes("12", dropin("net,ipc"), NULL, "a drop-in that nobody asks for any more");
	becomes("-12", dropin("net,ipc"), NULL, "… after the first was taken back earlier");
	becomes("2", dropin("ipc"), NULL, "what is lost already is not given back anew");
}

static void a_drop_in_that_was_taken_away(void)
{
	begin();
	add(BACKUP_DROPIN, "net", NULL, "", dropin("net"));
	add(BACKUP_DROPIN, "net,ipc", dropin("net"), dropin("net"), dropin("net,ipc"));
	add(BACKUP_DROPIN, "net", dropin("net,ipc"), dropin("net,ipc"), NULL);
	becomes("3", NULL, dropin("net,ipc"), "comes back");
	is_num(out.how, UNDO_EXACT, "  as it was");
	becomes("12", NULL, NULL, "stays away while that change stays");
	becomes("23", NULL, dropin("net"), "comes back with what stays");
	becomes("123", NULL, NULL, "and not at all where nothing does");
}

#define SPLIT MARK RULE "\n  deny /sys/[^fdc]*{,/**} klx,\n  "
#define NET SPLIT "deny /sys/{[^fdcn]*,n{,e},n[^e]*,ne[^t]*,net?*}{,/**} w,"

static void marks_are_a_set(void)
{
	const char *base = "  /a r,\n  " RULE "\n  /b r,\n", *net = "  /a r,\n  " NET "\n  /b r,\n";

	begin();
	add(BACKUP_POLICY, "net", base, RULE, NET);
	becomes("1", net, base, "one change");
	ok(out.how == UNDO_EXACT && out.exact == &files[0], "  with the attributes of before");
	becomes("1", "# new\n  " RULE "\n", "# new\n  " RULE "\n", "a newer package's file");
	is_num(out.how, UNDO_KEEP, "  is left alone");
	refuses("1", "  /a r,\n  /b r,\n", "the rule that stood there before is not back", RULE, "all of it cut out");
	becomes("1", "  /a r,\n  deny /mine w,\n  /b r,\n", "  /a r,\n  deny /mine w,\n  /b r,\n",
		"a rule of somebody else in its place");
	refuses("1", "  /a r,\n  deny /sys/[^fdc]*{,/**} klx,\n  /b r,\n", "stands at line 2, without its mark", RULE,
		"a line of ours alone");
	refuses("1", "  /a r,\n  " MARK RULE "\n  deny /sys/[^fdc]*{,/**} klx,\n  /b r,\n", "below its mark at line 2",
		RULE, "a line less");
	files[0].content = slice_of(base);
	add(BACKUP_POLICY, "net,ipc", net, NET, NET);
	becomes("1", net, net, "what the other change asked for stays");
	becomes("2", net, net, "… whichever it is");
	becomes("12", net, base, "both");
	backups[1].state = BACKUP_PREPARED;
	becomes("2", "whatever\n", "whatever\n", "a change that was cut short, whose scope another one holds");
	becomes("2", net, net, "… is back where it was begun");
}

static void what_stood_there_before_all_changes_stays(void)
{
	const char *base = "  /a r,\n  " NET "\n  deny /sys/fs/[^c]*{,/**} w,\n";
	const char *part = "deny /sys/fs/[^c]*{,/**} w,";
	const char *split =
	    MARK "deny /sys/fs/[^c]*{,/**} w,\n"
		 "  deny /sys/fs/{[^cm]*,m{,q,qu,que,queu},m[^q]*,mq[^u]*,mqu[^e]*,mque[^u]*,mqueu[^e]*,"
		 "mqueue?*}{,/**} w,";

	begin();
	add(BACKUP_POLICY, "net,ipc", base, part, split);
	becomes("1", after(0), base, "a mark of which there is no record");
	is_num(out.how, UNDO_EXACT, "  is what stood there before");
}

static void a_rule_on_several_lines_comes_back_so(void)
{
	const char *rule = "deny\n\t/sys/[^fdc]*{,/**}  wklx,", *base;

	base = arena_printf(&arena, "  %s\n  %s # b\n", rule, rule);
	begin();
	add(BACKUP_POLICY, "net", base, rule, "");
	files[0].edits = arena_array(&arena, 2, sizeof *files[0].edits);
	files[0].edit_count = 2;
	for (size_t i = 0; i < 2; i++)
		files[0].edits[i] = (struct backup_edit){ i ? strlen(rule) + 5 : 2, slice_of(rule), SLICE(NET) };
	becomes("1", after(0), base, "a_rule_on_several_lines_comes_back_so");
}

static void without_the_conflict(void)
{
	const char *base = "  /a r,\n  " RULE "\n  /b r,\n";

	begin();
	add(BACKUP_POLICY, "net", base, RULE, NET);
	ground.conflict = NULL;
	becomes("1", after(0), base, "what is as it was left is restored");
	refuses("1", "  /a r,\n  " NET "\n  /b r, # mine\n", "the marks in it cannot be read", "--patches",
		"what was edited is not");
	add(BACKUP_POLICY, "ipc", after(0), "/b r,", "/c r,");
	becomes("2", after(1), after(0), "nor is the newest of two a hindrance");
	refuses("1", after(1), "the later change 20260102T000000Z stands on it", "rollback 20260102T000000Z",
		"but the older one is");
	becomes("12", after(1), base, "both at once");
	refuses("-12", after(1), "the marks in it cannot be read", "--patches",
		"marks of one that was taken back do not come back");
	ground.conflict = &conflict;
}

int main(void)
{
	ground = (struct undo_ground){ .conflict = &conflict, .pool = re_pool_new(&arena, 0) };
	if (conflict_parse(&conflict, "test.conflict", SLICE(stage_conflict_text), ground.pool, &arena, NULL) < 0)
		return 1;
	lines_of_a_configuration();
	a_change_that_takes_back_another();
	the_drop_in_is_a_set();
	a_drop_in_that_was_taken_away();
	marks_are_a_set();
	what_stood_there_before_all_changes_stays();
	a_rule_on_several_lines_comes_back_so();
	without_the_conflict();
	arena_release(&arena);
	return tap_done();
}
