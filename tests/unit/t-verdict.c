/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/verdict.h>

#include "../lib/stage.h"

static struct verdicts verdicts;
static const char *const net[] = { "net", NULL };

static void container(const char *name, const char *lines)
{
	AUTOBUF text = { 0 };

	buf_addf(&text, "lxc.uts.name = %s\n%s", name, lines);
	tmp_write(arena_printf(&stage.arena, "/var/lib/lxc/%s/config", name), text.ptr, text.len, 0644);
}

/* The container of the site, to be told what /proc would tell. */
static struct container *live(const char *name)
{
	static struct container none;

	for (size_t i = 0; i < stage.site.host.count; i++)
		if (slice_is(stage.site.host.list[i].name, name))
			return &stage.site.host.list[i];
	ok(false, name);
	return &none;
}

static void judge(void)
{
	if (verdict_judge(&verdicts, &stage.site, &stage.finding, stage.judge, SLICE(""), &stage.arena, &stage.err) < 0)
		ok(false, stage.err.text);
}

static const struct verdict *of(const char *name)
{
	static const struct verdict none;

	for (size_t i = 0; i < verdicts.count; i++)
		if (slice_is(verdicts.list[i].container->name, name))
			return &verdicts.list[i];
	ok(false, name);
	return &none;
}

static void files(void)
{
	is_num(stage_look(NULL, net), 0, "a host");
	judge();
	is_num(of("stopped")->next.word, VERDICT_STOPPED, "a profile with the rule");
	is_num(of("stopped")->now.word, VERDICT_NONE, "  which does not run now");
	is_num(of("stopped")->advice, VERDICT_FIX, "  and can be cured");
	ok(slice_starts(of("stopped")->next.rule, "deny /sys/[^f]*") &&
	       strcmp(of("stopped")->next.place, "/etc/apparmor.d/bad:4") == 0,
	   "  its rule and its place");
	is_num(of("works")->next.word, VERDICT_WORKS, "a profile without");
	is_num(of("off")->next.word, VERDICT_OFF, "none");
	is_num(of("lost")->next.word, VERDICT_UNKNOWN, "one that is nowhere");
	ok(of("lost")->next.broken, "  so that it does not start, whatever becomes of the rule");
	ok(of("stopped")->counts && !of("lost")->counts && !of("off")->counts && !of("works")->counts, "who counts");
	is_num((long)verdicts.failing, 1, "how many fail");
	is_num((long)verdicts.unknown, 0, "  and are not known");
	is_num((long)verdicts.unworn_count, 1, "a profile that nobody wears");
	is_text(verdicts.unworn[0]->name, "lxc-unworn", "  by its name");
	ok(verdict_is_found(&verdicts), "something is found");
}

/* What the kernel shows counts while a container runs; the file says what comes then. */
static void running(void)
{
	struct container *c;

	stage_look(NULL, net);
	c = live("works");
	c->running = true;
	c->label = SLICE("lxc-bad//&:x:unconfined");
	c = live("stopped");
	c->running = true;
	c->label = SLICE("unconfined");
	c = live("off");
	c->running = true;
	c->label = SLICE("lxc-unworn");
	judge();
	is_num(of("works")->now.word, VERDICT_STOPPED, "it runs under another profile than its file names");
	is_num(of("works")->next.word, VERDICT_WORKS, "  until its next start");
	ok(verdict_worst(of("works")) == &of("works")->now, "  and now is the worse");
	is_num(of("stopped")->now.word, VERDICT_OFF, "one that runs unconfined");
	is_num(of("stopped")->next.word, VERDICT_STOPPED, "  until then");
	is_num(of("off")->now.word, VERDICT_STOPPED, "one whose label the file does not name");
	is_num((long)verdicts.unworn_count, 0, "a profile that a process wears is worn");
}

static void others(void)
{
	stage_look(NULL, net);
	live("works")->kind = CONTAINER_USER;
	live("stopped")->kind = CONTAINER_USER;
	live("stopped")->running = true;
	judge();
	is_num((long)verdicts.users, 1, "an ordinary user's that does not run is left out");
	is_num(of("stopped")->now.word, VERDICT_STOPPED, "  one that runs is not");
	ok(!verdicts.fresh, "nobody knows what a new one would be");
	tmp_write("/etc/lxc/default.conf", "lxc.apparmor.profile = lxc-bad\n", 31, 0644);
	tmp_write("/usr/share/lxc/config/common.conf", "", 0, 0644);
	stage_look(NULL, net);
	judge();
	ok(verdicts.fresh && verdicts.fresh->next.word == VERDICT_STOPPED, "a new one would be stopped");
	stage_look((const char *const[]){ "works", NULL }, net);
	judge();
	ok(!verdicts.fresh && verdicts.count == 1 && of("works")->named, "who is named, alone");
	ok(!verdict_is_found(&verdicts), "  is well");
	stage_look((const char *const[]){ "lost", NULL }, net);
	judge();
	ok(of("lost")->counts && verdicts.unknown == 1, "who is named counts, though nobody knows");
}

int main(void)
{
	tmp_make();
	stage_policy("bad", "lxc-bad", "  deny /sys/[^f]*{,/**} wklx,\n");
	stage_policy("good", "lxc-good", "  deny /sys/[^n]*{,/**} wklx,\n");
	stage_policy("unworn", "lxc-unworn", "  deny /sys/[^f]*{,/**} wklx,\n");
	container("stopped", "lxc.apparmor.profile = lxc-bad\n");
	container("works", "lxc.apparmor.profile = lxc-good\n");
	container("off", "lxc.apparmor.profile = unconfined\n");
	container("lost", "lxc.apparmor.profile = lxc-nowhere\n");
	files();
	running();
	others();
	stage_release();
	return tap_done();
}
