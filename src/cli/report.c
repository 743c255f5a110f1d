/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stdlib.h>

#include "report-internal.h"

void report_talk(const struct report *r, struct slice text)
{
	AUTOBUF out = { 0 };

	buf_adds(&out, "aa-nestfix: ");
	for (size_t end; text.len > 0; text = slice_from(text, end + 1)) {
		end = slice_find(text, '\n');
		report_show(&out, slice_sub(text, 0, end));
		if (end + 1 < text.len)
			buf_adds(&out, text.ptr[end + 1] == ' ' ? "\n" : "\n  ");
	}
	buf_addc(&out, '\n');
	fputs(buf_str(&out), r->talk);
}

/* Is this the bare name in front of a command that is to be typed: quoted, or behind a colon? */
static bool is_typed(const struct report *r, const char *text, const char *name)
{
	if (strncmp(name, r->self, strlen(r->self)) == 0)
		return false; /* who said it knew how it is typed */
	return name > text && (name[-1] == '\'' || (name > text + 1 && name[-1] == ' ' && name[-2] == ':'));
}

void report_as_typed(const struct report *r, struct err *err)
{
	static const char name[] = "aa-nestfix ";
	const char *rest = err->hint, *next;
	AUTOBUF out = { 0 };

	for (; (next = strstr(rest, name)); rest = next + sizeof name - 1) {
		buf_add(&out, rest, (size_t)(next - rest));
		buf_addf(&out, "%s ", is_typed(r, err->hint, next) ? r->self : "aa-nestfix");
	}
	buf_adds(&out, rest);
	if (out.len < sizeof err->hint)
		memcpy(err->hint, buf_str(&out), out.len + 1);
}

void report_error(const struct report *r, const char *command, const struct err *err)
{
	report_talk(r, slice_of(err->text));
	if (err->hint[0])
		report_talk(r, slice_of(err->hint));
	if (err->kind != ERR_USAGE && err->kind != ERR_BROKEN && !r->quiet)
		fputs("aa-nestfix: nothing was changed\n", r->talk);
	if (r->json) {
		json_t *object = report_json_object(command);

		json_object_set_new(object, "error", report_json_error(err));
		report_json_print(r, object);
	}
}

void report_note(const struct report *r, const char *fmt, ...)
{
	AUTOBUF text = { 0 };
	va_list ap;

	if (r->quiet)
		return;
	va_start(ap, fmt);
	report_format(&text, fmt, &ap);
	va_end(ap);
	fprintf(r->talk, "aa-nestfix: %s\n", buf_str(&text));
}

void report_rule_text(const struct policy_place *rule, struct buf *out)
{
	struct span span = rule->stmt->span;
	struct slice text = slice_sub(rule->source->doc.text, span.at, span.len);

	buf_addline(out, text);
}

static void add_via(const struct policy_via *via, struct buf *out)
{
	if (!via)
		return;
	add_via(via->up, out);
	buf_addf(out, "%s%s:%zu", out->len ? " > " : "", via->source->path, via->include->line);
}

void report_via(const struct policy_place *rule, struct buf *out)
{
	add_via(rule->via, out);
}

const char *report_place(const struct policy_place *rule, struct arena *arena)
{
	return arena_printf(arena, "%s:%zu", rule->source->path, rule->stmt->line);
}

const char *report_state_word(enum locate_state state)
{
	switch (state) {
	case LOCATE_ALLOWED:
		return "allowed";
	case LOCATE_UNLOADED:
		return "not-loaded";
	case LOCATE_BLOCKED:
		return "blocked";
	case LOCATE_FIXED:
		return "uneditable";
	case LOCATE_INCOMPLETE:
		return "incomplete";
	case LOCATE_NO_ALLOW:
		return "not-granted";
	case LOCATE_UNKNOWN:
		return "unknown";
	}
	return "unknown";
}

enum { LABEL = 12 }; /* columns of the label */

void report_row(const struct report *r, const char *label, const char *text)
{
	report_print(r, "  %-10s", label);
	if (r->screen)
		report_wrapped(r, LABEL, text);
	else
		report_print(r, "%s\n", text); /* whoever reads a file looks for whole lines */
}

static void print_profiles(const struct report *r, const struct culprit *c)
{
	for (size_t i = 0; i < c->profile_count; i++) {
		AUTOBUF name = { 0 };

		buf_addslice(&name, c->profiles[i]->name);
		report_row(r, i == 0 ? "profiles" : "", buf_str(&name));
	}
}

static const struct locate_case *case_of(const struct finding *finding, const struct culprit *culprit)
{
	for (size_t i = 0; i < finding->case_count; i++)
		for (size_t c = 0; c < finding->cases[i].culprit_count; c++)
			if (finding->cases[i].culprits[c] == culprit)
				return &finding->cases[i];
	return NULL;
}

static const char *verdict_words(const struct locate_case *c, const struct culprit *culprit, struct arena *arena)
{
	const char *cause = c->culprit_count == 1 ? "it is the cause: without this rule the write is allowed"
						  : "it is part of the cause: without these rules the write is allowed";

	switch (c->state) {
	case LOCATE_BLOCKED:
		return cause;
	case LOCATE_FIXED:
		return culprit->why ? arena_printf(arena, "%s; no edit %s: it %s", cause,
						   culprit->hint ? "is made" : "can split it", culprit->why)
				    : cause;
	case LOCATE_INCOMPLETE:
		return "not alone: without this rule the write would still be denied";
	case LOCATE_NO_ALLOW:
		return "not alone: without this rule nothing would allow the write";
	case LOCATE_ALLOWED:
	case LOCATE_UNLOADED:
	case LOCATE_UNKNOWN:
		break;
	}
	return "";
}

const char *report_culprit(const struct locate_case *c, const struct culprit *culprit, struct arena *arena)
{
	AUTOBUF text = { 0 };

	report_rule_text(culprit->rule, &text);
	return arena_printf(arena, "%s\n  %s\n  %s (profile %.*s)", report_place(culprit->rule, arena), buf_str(&text),
			    verdict_words(c, culprit, arena), SLICE_FMT(c->profile->name));
}

static void print_culprit(const struct report *r, const struct finding *finding, const struct culprit *c,
			  struct arena *arena)
{
	const struct locate_case *lc = case_of(finding, c);
	AUTOBUF text = { 0 };
	AUTOBUF via = { 0 };
	AUTOBUF witness = { 0 };

	report_rule_text(c->rule, &text);
	report_via(c->rule, &via);
	buf_addf(&witness, "writing %.*s", SLICE_FMT(c->witness));
	report_print(r, "  %-10s", "rule");
	report_bold(r, "%s:%zu", c->rule->source->path, c->rule->stmt->line);
	report_print(r, "\n");
	report_row(r, "", buf_str(&text));
	report_row(r, "denies", buf_str(&witness));
	if (lc)
		report_row(r, "verdict", verdict_words(lc, c, arena));
	if (via.len > 0)
		report_row(r, "included", buf_str(&via));
	print_profiles(r, c);
	fputc('\n', r->out);
}

static bool is_generated(const struct site *site, const struct finding *finding, const struct culprit *c)
{
	const struct locate_case *lc = case_of(finding, c);

	return lc && discover_container(site, lc->policy);
}

static bool same_text(const struct culprit *a, const struct culprit *b)
{
	AUTOBUF x = { 0 };
	AUTOBUF y = { 0 };

	report_rule_text(a->rule, &x);
	report_rule_text(b->rule, &y);
	return slice_eq(buf_slice(&x), buf_slice(&y));
}

/* The same rule, generated for one container after the other, is shown once. */
static void print_culprits(const struct report *r, const struct site *site, const struct finding *finding)
{
	const struct culprit *shown = NULL;
	size_t more = 0;

	for (size_t i = 0; i < finding->culprit_count; i++) {
		const struct culprit *c = finding->culprits[i];
		bool generated = is_generated(site, finding, c);

		if (!r->verbose && generated && shown && same_text(c, shown)) {
			more++;
			continue;
		}
		if (generated)
			shown = c;
		print_culprit(r, finding, c, site->arena);
	}
	if (more > 0)
		report_print(r, "  The same rule stands in the generated profiles of %zu other container%s.\n\n", more,
			     more == 1 ? "" : "s");
}

/* Profiles without a culprit to show: denied because nothing allows it, or by a policy that stands in no file. */
static void print_not_granted(const struct report *r, const struct finding *finding)
{
	for (size_t i = 0; i < finding->case_count; i++) {
		const struct locate_case *c = &finding->cases[i];

		if (c->state == LOCATE_UNLOADED)
			report_print(r, "  profile %.*s: %s allows writing %.*s, but the kernel holds another policy\n",
				     SLICE_FMT(c->profile->name), c->policy->path, SLICE_FMT(c->witness));

		if (c->state == LOCATE_NO_ALLOW && c->culprit_count == 0)
			report_print(r, "  profile %.*s: no rule allows writing %.*s, and none denies it either\n",
				     SLICE_FMT(c->profile->name), SLICE_FMT(c->witness));
	}
}

static void print_healthy(const struct report *r, const struct site *site, const struct finding *finding)
{
	if (!site->has_policy) {
		report_print(r, "No AppArmor policy below %s: nothing to do.\n",
			     root_path(site->root, site->dialect.base, site->arena));
		return;
	}
	if (finding->profile_count == 0) {
		fputs("No AppArmor profile of an LXC container in the policy files: nothing to do.\n", r->out);
		return;
	}
	report_print(r, "Healthy: none of %zu container profile%s is stopped by this conflict.\n",
		     finding->profile_count, finding->profile_count == 1 ? "" : "s");
	for (size_t i = 0; i < finding->case_count; i++) {
		const struct locate_case *c = &finding->cases[i];

		if (c->opened && (i == 0 || c->opened != finding->cases[i - 1].opened))
			report_print(r,
				     "  opened by hand: the rule at %s is commented out, and with it goes more than "
				     "runc needs\n",
				     locate_opened_place(c->opened, site->arena));
		if (c->cure.len > 0)
			report_print(r, "  %.*s: cured, see %.*s\n", SLICE_FMT(c->profile->name), SLICE_FMT(c->cure));
		else if (r->verbose && c->allower)
			report_print(r, "  %.*s: allowed by %s\n", SLICE_FMT(c->profile->name),
				     report_place(c->allower, site->arena));
	}
}

static void print_next(const struct report *r, const struct site *site, const struct finding *finding)
{
	bool curable = lasting_is_needed(site, finding);

	for (size_t i = 0; i < finding->case_count; i++)
		curable |= finding->cases[i].state == LOCATE_BLOCKED || finding->cases[i].state == LOCATE_UNLOADED;
	if (!curable) {
		report_print(r, "No single rule can be cured here. To look closer:\n  %s explain %.*s\n", r->self,
			     SLICE_FMT(finding->scopes[0]->access[0].path));
		return;
	}
	report_print(r,
		     "What to do:\n"
		     "  %s diff   shows the change and its proof; changes nothing\n"
		     "  %s fix    makes it; no container is restarted\n",
		     r->self, r->self);
}

/* What could not be read, and what the parser refuses, in its own words. */
static void print_skipped(const struct report *r, const struct site *site, const struct finding *finding)
{
	const struct policy *told = NULL;

	for (size_t i = 0; i < site->skipped_count; i++)
		report_note(r, "skipped: %s", site->skipped[i].err.text);
	for (size_t i = 0; i < finding->case_count; i++) {
		const struct locate_case *c = &finding->cases[i];

		if (c->state == LOCATE_UNKNOWN && c->policy != told)
			report_note(r, "skipped: %s", c->reason);
		if (c->state == LOCATE_UNKNOWN)
			told = c->policy;
	}
}

static void print_offers(const struct report *r, const struct report_offer *offers, size_t count)
{
	if (count > 0)
		report_print(r, "\nLXC itself is cured, so that this is not needed any more; to take it out:\n");
	for (size_t i = 0; i < count; i++)
		report_print(r, "  %s   %s\n", offers[i].command, offers[i].what);
}

static void print_patched(const struct report *r, const struct patched *patched, size_t count)
{
	for (size_t i = 0; i < count; i++)
		report_print(r, "Changed by hand: %s, and the next upgrade of %s undoes it.\n", patched[i].path,
			     patched[i].package);
}

static void print_held(const struct report *r, const struct report_guest *g)
{
	for (size_t i = 0; i < g->count; i++)
		report_print(r, "In %.*s: %s %.*s%s%s\n", SLICE_FMT(g->container->title), g->packages[i].name,
			     SLICE_FMT(g->packages[i].version),
			     g->packages[i].held ? " is on hold, which is not needed once Docker runs" : "",
			     !g->packages[i].vulnerable ? ""
			     : g->packages[i].held      ? ", and is open to CVE-2025-52881"
							: " is open to CVE-2025-52881: update it");
}

/* Is nothing in the way but what the parser refuses? */
static size_t count_unknown(const struct finding *finding)
{
	size_t count = 0;

	for (size_t i = 0; i < finding->case_count; i++) {
		const struct locate_case *c = &finding->cases[i];

		if (c->state != LOCATE_UNKNOWN && c->state != LOCATE_ALLOWED && c->culprit_count > 0)
			return 0;
		count += c->state == LOCATE_UNKNOWN && c->scope == finding->scopes[0];
	}
	return count;
}

static void print_unknown(const struct report *r, size_t count)
{
	report_print(
	    r,
	    "Not known: apparmor_parser refuses the policy of %zu container profile%s, which is neither healthy nor "
	    "cured.\n  Mend it, or name a parser that takes it: %s --parser PROGRAM check\n\n",
	    count, count == 1 ? "" : "s", r->self);
}

/* The rules and profiles, with their places: what stands behind the answers. */
static void print_details(const struct report *r, const struct site *site, const struct finding *finding)
{
	if (finding->worst == LOCATE_ALLOWED && !lasting_is_needed(site, finding)) {
		print_healthy(r, site, finding);
		report_obstacles(r, finding->obstacles, "");
		print_not_granted(r, finding);
		return;
	}
	if (count_unknown(finding) > 0 && !lasting_is_needed(site, finding)) {
		print_unknown(r, count_unknown(finding));
		return;
	}
	report_bold(r, "%.*s", SLICE_FMT(finding->conflict->title));
	report_print(r, "\n\n");
	print_culprits(r, site, finding);
	print_not_granted(r, finding);
	report_obstacles(r, finding->obstacles, "\n");
}

void report_check(const struct report *r, const struct report_seen *seen)
{
	const struct finding *finding = seen->finding;
	const struct site *site = seen->site;

	if (seen->unfinished)
		report_note(r, "%s", seen->unfinished);
	print_skipped(r, site, finding);
	if (r->json) {
		report_json_print(r, report_json_check(r, seen));
		return;
	}
	if (r->quiet)
		return;
	if (seen->is_off)
		report_print(r,
			     "AppArmor is OFF in this kernel: what follows is about the files, and binds nobody.\n\n");
	if (seen->is_guest) {
		report_guest(r, seen->guest, &seen->guest_err);
		return;
	}
	if (seen->by_container) {
		report_verdicts(r, site, finding, seen->verdicts);
		if (r->verbose)
			report_print(r, "\n");
	}
	if (!seen->by_container || r->verbose)
		print_details(r, site, finding);
	if (!seen->by_container && finding->worst != LOCATE_ALLOWED && count_unknown(finding) == 0)
		print_next(r, site, finding);
	if (!seen->by_container && seen->verdicts->count > 0) {
		report_print(r, "\n");
		report_verdicts(r, site, finding, seen->verdicts);
	}
	print_offers(r, seen->offers, seen->offer_count);
	print_patched(r, seen->patched, seen->patched_count);
	for (size_t i = 0; i < seen->guest_count; i++)
		print_held(r, &seen->guests[i]);
}
