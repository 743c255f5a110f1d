/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-verdict: a row a container, the worst first: will Docker run in it, and why not. */
#include <stdlib.h>
#include <sys/ioctl.h>

#include "report-internal.h"

enum { ROWS = 40, NAME_WIDTH = 20, WIDTH = 80, NOTES = 9 };

/* One screen. */
struct screen {
	const struct report *r;
	const struct site *site;
	const struct verdicts *v;
	const struct verdict **rows; /* the worst first */
	size_t count;
	struct slice notes[NOTES]; /* rules, as they are shown below the table */
	size_t note_count;
	int name_width, title_width; /* of the first columns; 0: there is none */
	struct arena *arena;
};

int report_width(const struct report *r)
{
	struct winsize size;

	if (r->screen && ioctl(fileno(r->screen), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return WIDTH;
}

static const char *docker_word(enum verdict_word word)
{
	static const char *const words[] = {
		[VERDICT_NONE] = "-",  [VERDICT_WORKS] = "yes", [VERDICT_UNFIT] = "-",
		[VERDICT_OFF] = "yes", [VERDICT_UNKNOWN] = "?", [VERDICT_STOPPED] = "NO",
	};

	return words[word];
}

/* A name on one line, whatever bytes it has, cut where it would push the table apart. */
static const char *cell(struct slice text, struct arena *arena)
{
	AUTOBUF out = { 0 };

	for (size_t i = 0; i < text.len && out.len < NAME_WIDTH; i++)
		buf_addc(&out, (unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f ? '?' : text.ptr[i]);
	if (text.len > NAME_WIDTH)
		out.ptr[NAME_WIDTH - 1] = '+';
	return out.len > 0 ? arena_str(arena, buf_slice(&out)) : "-";
}

/* Its title where others have its name. */
static const char *name_of(const struct screen *s, const struct verdict *v)
{
	const struct container *c = v->container;

	if (v == s->v->fresh)
		return "(new containers)";
	return c->title.ptr == c->name.ptr ? cell(c->name, s->arena) : arena_str(s->arena, c->title);
}

static const char *state_of(const struct screen *s, const struct verdict *v)
{
	const struct container *c = v->container;

	if (v == s->v->fresh)
		return "-";
	if (c->kind == CONTAINER_PVE && c->pve.is_template)
		return "template";
	return c->running ? "running" : "stopped";
}

/* Proxmox shows a guest's host name beside its number. */
static const char *title_of(const struct screen *s, const struct verdict *v)
{
	const struct container *c = v->container;

	return v != s->v->fresh && c->kind == CONTAINER_PVE && c->pve.hostname.len > 0 ? cell(c->pve.hostname, s->arena)
										       : "";
}

/* The number below the table under which a rule stands. */
static size_t note_of(struct screen *s, const struct verdict *v, const struct verdict_answer *a)
{
	struct slice version = container_lxc_version(&s->site->host);
	const struct container *c = v->container;
	AUTOBUF text = { 0 };

	buf_addslice(&text, a->rule);
	if (c->origin != CONTAINER_GENERATED && a->place)
		buf_addf(&text, "   %s", a->place);
	else if (discover_is_liblxc(c))
		buf_addf(&text, "   written by LXC%s%.*s at each start", version.len > 0 ? " " : "",
			 SLICE_FMT(version));
	else
		buf_addf(&text, "   written by %s at each start", c->kind == CONTAINER_INCUS ? "Incus" : "LXD");
	for (size_t i = 0; i < s->note_count; i++)
		if (slice_eq(s->notes[i], buf_slice(&text)))
			return i + 1;
	if (s->note_count == NOTES)
		return NOTES;
	s->notes[s->note_count++] = arena_slice(s->arena, buf_slice(&text));
	return s->note_count;
}

/* Which of the two answers it is that is shown. */
static const char *when_words(const struct verdict *v)
{
	if (v->now.word == VERDICT_NONE)
		return ""; /* its next start is all that there is */
	if (v->now.word != VERDICT_STOPPED)
		return ", from its next start on";
	return v->next.word == VERDICT_WORKS ? ", until its next start" : "";
}

static const char *why(struct screen *s, const struct verdict *v)
{
	const struct verdict_answer *a = verdict_worst(v);
	const char *words = report_answer(v, a, s->arena);

	if (a->word == VERDICT_OFF)
		return arena_printf(s->arena, "but %s", words);
	if (a->word == VERDICT_WORKS && v->advice == VERDICT_HARDEN)
		return arena_printf(s->arena, "but %s", report_off(v, true, s->arena));
	if (a->word == VERDICT_WORKS)
		return s->r->verbose || slice_starts(slice_of(words), "opened") ? words : "";
	if (a->word != VERDICT_STOPPED)
		return words;
	if (a->need && a->rule.len > 0 && v->container->origin == CONTAINER_STATIC && v->advice != VERDICT_LINE)
		return arena_printf(s->arena, "the runc rule (%zu), and %s", note_of(s, v, a), words);
	if (a->need)
		return arena_printf(s->arena, "%s%s", v->container->docker ? "Docker runs in it, but " : "", words);
	if (a->rule.len == 0 || a->unloaded)
		return arena_printf(s->arena, "%s%s", words, when_words(v));
	return arena_printf(s->arena, "%s%s (%zu)", words, when_words(v), note_of(s, v, a));
}

static void print_blanks(const struct report *r, int count)
{
	for (int i = 0; i < count; i++)
		report_print(r, " ");
}

/* Characters, as a terminal counts them; the continuation bytes of one do not count. */
static int width_of(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

/* The length of the first word; what stands between quotes is one, for it is typed as it stands. */
static int word_length(const char *text)
{
	size_t quoted = *text == '\'' ? strcspn(text + 1, "'") + 1 : 0;

	return (int)(quoted + strcspn(text + quoted, " "));
}

void report_wrapped(const struct report *r, int column, const char *text)
{
	int room = report_width(r) - column, at = 0;

	if (room < 24)
		room = 24;
	while (*text) {
		int word = word_length(text);

		if (at > 0 && at + 1 + word > room) {
			report_print(r, "\n");
			print_blanks(r, column);
			at = 0;
		}
		report_print(r, "%s%.*s", at > 0 ? " " : "", word, text);
		at += word + (at > 0);
		text += word;
		text += strspn(text, " ");
	}
	report_print(r, "\n");
}

static void print_cell(const struct report *r, const char *text, int width)
{
	report_print(r, "%s", text);
	print_blanks(r, width - width_of(text) + 2);
}

/* Behind a word of DOCKER's column. */
static void print_why(const struct screen *s, int column, const char *text, const char *word)
{
	if (*text)
		print_blanks(s->r, 8 - width_of(word));
	report_wrapped(s->r, column, text);
}

static void print_row(struct screen *s, const struct verdict *v)
{
	const char *name = name_of(s, v), *title = title_of(s, v);
	enum verdict_word word = verdict_worst(v)->word;
	int column = s->name_width + 22 + (s->title_width > 0 ? s->title_width + 2 : 0);

	report_print(s->r, "  ");
	if (v == s->v->fresh && s->title_width > 0) {
		print_cell(s->r, name, s->name_width + s->title_width + 2);
	} else {
		print_cell(s->r, name, s->name_width);
		if (s->title_width > 0)
			print_cell(s->r, title, s->title_width);
	}
	print_cell(s->r, state_of(s, v), 8);
	if (word == VERDICT_STOPPED)
		report_bad(s->r, "%s", docker_word(word));
	else
		report_print(s->r, "%s", docker_word(word));
	print_why(s, column, why(s, v), docker_word(word));
}

static int by_word(const void *a, const void *b)
{
	const struct verdict *x = *(const struct verdict *const *)a, *y = *(const struct verdict *const *)b;
	enum verdict_word p = verdict_worst(x)->word, q = verdict_worst(y)->word;

	return p != q ? (p < q) - (p > q) : (x > y) - (x < y);
}

static int max(int a, int b)
{
	return a > b ? a : b;
}

static void measure(struct screen *s)
{
	bool any = false;

	s->name_width = (int)strlen("CT");
	s->title_width = (int)strlen("NAME");
	for (size_t i = 0; i < s->count; i++) {
		if (s->rows[i] != s->v->fresh)
			s->name_width = max(s->name_width, width_of(name_of(s, s->rows[i])));
		s->title_width = max(s->title_width, width_of(title_of(s, s->rows[i])));
		any = any || title_of(s, s->rows[i])[0];
	}
	if (!any)
		s->title_width = 0;
	if (!any && s->v->fresh && s->v->fresh->counts)
		s->name_width = max(s->name_width, width_of(name_of(s, s->v->fresh)));
	else if (s->v->fresh && s->v->fresh->counts)
		s->title_width = max(s->title_width, width_of(name_of(s, s->v->fresh)) - s->name_width - 2);
}

static void order(struct screen *s)
{
	s->rows = arena_array(s->arena, s->v->count + 1, sizeof *s->rows);
	for (size_t i = 0; i < s->v->count; i++)
		s->rows[s->count++] = &s->v->list[i];
	if (s->count > 1)
		qsort(s->rows, s->count, sizeof *s->rows, by_word);
	if (s->v->fresh && s->v->fresh->counts)
		s->rows[s->count++] = s->v->fresh;
}

/* Rows of a kind that are not shown, in words. */
static void print_rest(const struct screen *s, size_t from)
{
	size_t counts[VERDICT_STOPPED + 1] = { 0 };

	for (size_t i = from; i < s->count; i++)
		counts[verdict_worst(s->rows[i])->word]++;
	report_print(s->r, "  and %zu more:", s->count - from);
	for (int w = VERDICT_STOPPED; w >= 0; w--)
		if (counts[w] > 0)
			report_print(s->r, " %zu %s", counts[w], report_verdict_word((enum verdict_word)w));
	report_print(s->r, "; all of them: %s -v check\n", s->r->self);
}

static void print_table(struct screen *s)
{
	size_t shown = s->count > ROWS && !s->r->verbose ? ROWS : s->count;

	measure(s);
	report_print(s->r, "  ");
	print_cell(s->r, "CT", s->name_width);
	if (s->title_width > 0)
		print_cell(s->r, "NAME", s->title_width);
	report_print(s->r, "STATE     DOCKER  WHY\n");
	for (size_t i = 0; i < shown; i++)
		print_row(s, s->rows[i]);
	if (shown < s->count)
		print_rest(s, shown);
	report_print(s->r, "\n");
	for (size_t i = 0; i < s->note_count; i++)
		report_print(s->r, "(%zu) %.*s\n", i + 1, SLICE_FMT(s->notes[i]));
	if (s->note_count > 0)
		report_print(s->r, "\n");
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static const char *headline(const struct screen *s)
{
	const struct verdicts *v = s->v;

	if (v->failing > 0)
		return arena_printf(s->arena, "Docker will FAIL in %zu of %zu container%s.", v->failing, v->count,
				    plural(v->count));
	if (v->unknown > 0)
		return arena_printf(s->arena, "Nobody knows whether Docker runs in %zu of %zu container%s.", v->unknown,
				    v->count, plural(v->count));
	if (v->opened)
		return "Docker is stopped nowhere, but a rule of LXC was taken out by hand.";
	return v->fresh && v->fresh->counts ? "Docker will FAIL in every container that is made from now on." : NULL;
}

const char *report_cure(const struct verdicts *verdicts)
{
	const char *cure = NULL;

	for (size_t i = 0; i < verdicts->count; i++) {
		const struct verdict_answer *a = verdict_worst(&verdicts->list[i]);

		if (a->word == VERDICT_WORKS && a->cure && !slice_starts(slice_of(a->cure), "opened"))
			cure = a->cure;
	}
	return cure ? cure : "the runc rule stops no container";
}

static void print_headline(const struct screen *s)
{
	const char *words = headline(s), *host = report_host(&s->site->host, s->arena);
	int room = report_width(s->r) - (words ? (int)strlen(words) : 0) - (int)strlen(host);

	if (!words) {
		report_good(s->r, "Healthy");
		report_print(s->r, ": %s; %zu container%s looked at.\n", report_cure(s->v), s->v->count,
			     plural(s->v->count));
		return;
	}
	if (s->v->failing > 0)
		report_bad(s->r, "%s", words);
	else
		report_bold(s->r, "%s", words);
	if (room > 1 && host[0]) {
		print_blanks(s->r, room);
		report_print(s->r, "%s", host);
	}
	report_print(s->r, "\n\n");
}

/* Is there a row that says more than that all is well? */
static bool is_worth_a_table(const struct screen *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->rows[i]->advice != VERDICT_NOTHING || s->rows[i]->named || s->rows[i]->counts)
			return true;
	return s->r->verbose;
}

/* "/home/NAME", the first two folders of where a user keeps containers. */
static struct slice home_of(const struct container *c)
{
	size_t second = slice_find(slice_from(c->lxcpath, 1), '/') + 1;

	return slice_sub(c->lxcpath, 0, slice_find(slice_from(c->lxcpath, second + 1), '/') + second + 1);
}

/* One line a user: their files are not read, so nothing is known of what does not run. */
static void print_users(const struct screen *s)
{
	const struct container_host *host = &s->site->host;
	struct slice last = { 0 };
	size_t count = 0;

	for (size_t i = 0; i <= host->count && s->v->users > 0; i++) {
		const struct container *c = i < host->count ? &host->list[i] : NULL;

		if (c && (c->kind != CONTAINER_USER || c->running))
			continue;
		if (count > 0 && (!c || !slice_eq(home_of(c), last))) {
			report_print(s->r, "%.*s: %zu stopped container%s of an ordinary user, not verified\n",
				     SLICE_FMT(last), count, plural(count));
			count = 0;
		}
		if (c)
			last = home_of(c);
		count++;
	}
}

/* Profiles of files that nobody wears, and containers that nobody looks into: no concern of this host's Docker. */
static void print_grey(const struct screen *s)
{
	const struct verdicts *v = s->v;

	if (v->opened)
		report_print(s->r,
			     "Opened by hand: the rule at %s is commented out, and with it\n"
			     "containers may write to more of /sys than runc needs. This puts it back, but for that:\n"
			     "  %s harden\n",
			     locate_opened_place(v->opened, s->arena), s->r->self);
	if (v->unworn_count > 0)
		report_print(s->r, "%zu profile%s that no container uses ha%s the rule: %s --profiles fix\n",
			     v->unworn_count, plural(v->unworn_count), v->unworn_count == 1 ? "s" : "ve", s->r->self);
	print_users(s);
}

const char *report_stopped(const struct report *r, const struct site *site, const struct finding *finding,
			   const struct verdicts *verdicts, const struct verdict *v)
{
	struct screen s = { .r = r, .site = site, .v = verdicts, .arena = site->arena };
	const struct verdict_answer *a = verdict_worst(v);
	const char *rule = a->word == VERDICT_STOPPED && !a->need && a->rule.len > 0
			       ? arena_printf(site->arena, ": %.*s", SLICE_FMT(a->rule))
			       : "";

	return arena_printf(site->arena, "%s: %s%s%s%s", name_of(&s, v), report_answer(v, a, site->arena),
			    a->word == VERDICT_STOPPED && !a->need ? when_words(v) : "", rule,
			    report_remedy(r, site, finding, v));
}

void report_verdicts(const struct report *r, const struct site *site, const struct finding *finding,
		     const struct verdicts *v)
{
	struct screen s = { .r = r, .site = site, .v = v, .arena = site->arena };

	order(&s);
	print_headline(&s);
	if (is_worth_a_table(&s)) {
		if (!headline(&s))
			report_print(r, "\n");
		print_table(&s);
		report_remedies(r, site, finding, s.rows, s.count);
	}
	print_grey(&s);
}
