/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The containers of a host: what stands in the way of each now, and at its next start. */
#include <stdlib.h>

#include "report-internal.h"

enum { SCREEN = 40 }; /* rows of a table; more are counted, but with -v */

enum row_state { ROW_HEALTHY, ROW_CURED, ROW_UPSTREAM, ROW_BLOCKED, ROW_NEXT, ROW_OFF, ROW_UNKNOWN, ROW_STATES };

/* Stable: also in JSON. */
static const char *const words[ROW_STATES] = {
	[ROW_HEALTHY] = "allowed",         [ROW_CURED] = "cured",
	[ROW_UPSTREAM] = "cured-upstream", [ROW_BLOCKED] = "blocked",
	[ROW_NEXT] = "blocked-next-start", [ROW_OFF] = "apparmor-off",
	[ROW_UNKNOWN] = "unknown",
};
static const char *const counted[ROW_STATES] = {
	[ROW_HEALTHY] = "not affected",
	[ROW_CURED] = "cured",
	[ROW_UPSTREAM] = "cured upstream",
	[ROW_BLOCKED] = "blocked",
	[ROW_NEXT] = "blocked at the next start",
	[ROW_OFF] = "without AppArmor",
	[ROW_UNKNOWN] = "not known",
};

struct row {
	const struct container *container;
	enum row_state state;
	const char *text; /* the state in words */
	const char *next; /* what the next start brings, where that is something else; or NULL */
};

typedef VEC(struct row) row_vec;

static const char *kind_word(enum container_kind kind)
{
	static const char *const kinds[] = { "lxc", "pve", "incus", "lxd", "user" };

	return kinds[kind];
}

static const char *origin_word(enum container_origin origin)
{
	static const char *const origins[] = { "file", "generated", "unconfined", "unchanged", "unconfined" };

	return origins[origin];
}

/* Is this case about the container: its generated text, or the static profile that it wears? */
static bool concerns(const struct site *site, const struct locate_case *c, const struct container *container)
{
	const struct container *generated = discover_container(site, c->policy);

	if (generated || container->origin != CONTAINER_STATIC)
		return generated == container;
	return slice_eq(c->profile->name, container->profile);
}

/* The worst case of a container, or NULL. */
static const struct locate_case *worst_of(const struct site *site, const struct finding *finding,
					  const struct container *container)
{
	const struct locate_case *worst = NULL;

	for (size_t i = 0; i < finding->case_count; i++) {
		const struct locate_case *c = &finding->cases[i];

		if (concerns(site, c, container) && (!worst || c->state > worst->state))
			worst = c;
	}
	return worst;
}

static void judge_case(struct row *row, const struct locate_case *c, struct arena *arena)
{
	if (c->state == LOCATE_ALLOWED) {
		row->state = c->cure.len > 0 ? ROW_CURED : ROW_HEALTHY;
		row->text = c->cure.len > 0     ? arena_printf(arena, "cured by %.*s", SLICE_FMT(c->cure))
			    : c->opened.len > 0 ? arena_printf(arena, "opened by hand: see %.*s", SLICE_FMT(c->opened))
						: "not affected";
		return;
	}
	if (c->state == LOCATE_UNKNOWN) {
		row->state = ROW_UNKNOWN;
		row->text = arena_printf(arena, "not known: %s", c->reason);
		return;
	}
	row->state = ROW_BLOCKED;
	if (c->state == LOCATE_UNLOADED) {
		row->text = "blocked: its policy on disk is cured, but the kernel holds another one";
		return;
	}
	row->text = c->culprit_count > 0
			? arena_printf(arena, "blocked by %s", report_place(c->culprits[0]->rule, arena))
			: "not allowed by any rule";
}

static struct slice liblxc_version(const struct container_host *host)
{
	return host->lxc_pve.len > 0 ? host->lxc_pve : host->liblxc;
}

static void judge_next(struct row *row, const struct site *site, enum lasting next, struct arena *arena)
{
	struct slice version = liblxc_version(&site->host);

	switch (next) {
	case LASTING_DROPIN:
		row->state = ROW_CURED;
		row->text = "stopped; its next start is cured by " DROPIN_PATH;
		break;
	case LASTING_UPSTREAM:
		row->state = ROW_UPSTREAM;
		row->text = arena_printf(arena, "stopped; cured upstream by LXC %.*s", SLICE_FMT(version));
		break;
	case LASTING_BLOCKED:
		row->state = ROW_NEXT;
		row->text = "stopped; it will be blocked when it starts";
		break;
	case LASTING_DAEMON:
	case LASTING_FILE:
	case LASTING_NONE:
		row->state = ROW_UNKNOWN;
		row->text = "its profile is not on this host";
		break;
	}
}

/* What a running container's next start changes. */
static const char *next_words(const struct row *row, enum lasting next)
{
	if (row->container->origin != CONTAINER_GENERATED)
		return NULL;
	if (next == LASTING_BLOCKED && row->state != ROW_BLOCKED)
		return "blocked again at its next start";
	if (next == LASTING_DROPIN && row->state == ROW_BLOCKED)
		return "cured at its next start";
	if (next == LASTING_UPSTREAM && row->state == ROW_BLOCKED)
		return "cured upstream at its next start";
	return NULL;
}

static struct row judge(const struct site *site, const struct finding *finding, const struct container *c)
{
	const struct locate_case *lc = worst_of(site, finding, c);
	enum lasting next = lasting_of(site, c, finding->scopes, finding->scope_count);
	struct row row = { .container = c, .state = ROW_UNKNOWN };

	if (err_is_set(&c->err) && !lc) {
		row.text = arena_printf(site->arena, "%s", c->err.text);
		return row;
	}
	if (c->kind == CONTAINER_PVE && c->pve.is_template) {
		row.state = ROW_HEALTHY;
		row.text = "a template, which does not start";
		return row;
	}
	if (c->origin == CONTAINER_UNCONFINED || c->origin == CONTAINER_UNCHANGED || c->origin == CONTAINER_OFF) {
		row.state = ROW_OFF;
		row.text = c->origin == CONTAINER_UNCHANGED ? "AppArmor off: lxc.apparmor.profile is 'unchanged'"
							    : "AppArmor off: lxc.apparmor.profile is 'unconfined'";
		return row;
	}
	if (lc)
		judge_case(&row, lc, site->arena);
	else
		judge_next(&row, site, next, site->arena);
	if (lc)
		row.next = next_words(&row, next);
	return row;
}

/* Asked about: named, or wearing a profile that was. */
static bool is_wanted(const struct site *site, const struct finding *finding, const struct container *c)
{
	for (size_t i = 0; i < site->target_count; i++)
		if (site->targets[i].found == c)
			return true;
	return site->target_count == 0 || worst_of(site, finding, c);
}

static row_vec judge_all(const struct site *site, const struct finding *finding)
{
	row_vec rows = { 0 };

	for (size_t i = 0; i < site->host.count; i++)
		if (is_wanted(site, finding, &site->host.list[i]))
			VEC_PUSH(site->arena, &rows, judge(site, finding, &site->host.list[i]));
	return rows;
}

/* A name on one line, whatever bytes it has, cut where it would push the table apart. */
static const char *cell(struct slice text, size_t width, struct arena *arena)
{
	AUTOBUF out = { 0 };

	if (text.len == 0)
		return "-";
	for (size_t i = 0; i < text.len && out.len < width; i++)
		buf_addc(&out, (unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f ? '?' : text.ptr[i]);
	if (text.len > width && width > 1)
		out.ptr[width - 1] = '+';
	return arena_str(arena, buf_slice(&out));
}

/* Where the kind does not tell it from another of its name, all of the title does. */
static const char *first_cell(const struct container_host *host, const struct container *c, struct arena *arena)
{
	bool unique = c->title.ptr == c->name.ptr;

	for (size_t i = 0; i < host->count && !unique; i++)
		if (&host->list[i] != c && host->list[i].kind == c->kind && slice_eq(host->list[i].name, c->name))
			return cell(c->title, c->title.len, arena);
	return cell(c->name, 16, arena);
}

static void print_counts(const struct report *r, const row_vec *rows)
{
	size_t counts[ROW_STATES] = { 0 };
	bool first = true;

	for (size_t i = 0; i < rows->len; i++)
		counts[rows->ptr[i].state]++;
	report_print(r, "%zu containers: ", rows->len);
	for (int s = 0; s < ROW_STATES; s++) {
		if (counts[s] > 0)
			report_print(r, "%s%zu %s", first ? "" : ", ", counts[s], counted[s]);
		first = first && counts[s] == 0;
	}
	report_print(r, "\n  %s -v check   lists them\n\n", r->self);
}

void report_containers(const struct report *r, const struct site *site, const struct finding *finding)
{
	row_vec rows = judge_all(site, finding);

	if (rows.len == 0)
		return;
	if (rows.len > SCREEN && !r->verbose) {
		print_counts(r, &rows);
		return;
	}
	report_print(r, "%-16s %-6s %-10s %-30s %s\n", "CONTAINER", "KIND", "ORIGIN", "PROFILE", "STATE");
	for (size_t i = 0; i < rows.len; i++) {
		const struct row *row = &rows.ptr[i];
		const struct container *c = row->container;

		report_print(r, "%-16s %-6s %-10s %-30s %s%s%s\n", first_cell(&site->host, c, site->arena),
			     kind_word(c->kind), origin_word(c->origin), cell(c->profile, 30, site->arena), row->text,
			     row->next ? "; " : "", row->next ? row->next : "");
	}
	fputc('\n', r->out);
}

/* What Incus and LXD take from their user, and keep: their daemon writes the profile. */
void report_overrides(const struct report *r, const struct site *site, const struct finding *finding)
{
	bool any = false;

	for (size_t i = 0; i < site->host.count; i++) {
		const struct container *c = &site->host.list[i];
		const struct locate_case *lc = worst_of(site, finding, c);
		struct slice project = { 0 }, name = c->name;
		AUTOBUF line = { 0 };

		if (discover_is_liblxc(c) || c->origin != CONTAINER_GENERATED || !lc || lc->state == LOCATE_ALLOWED ||
		    lc->state == LOCATE_UNKNOWN)
			continue;
		while (name.len > 0 && memchr(name.ptr, '_', name.len)) /* names of instances have none */
			name = slice_from(name, slice_find(name, '_') + 1);
		project = slice_sub(c->name, 0, c->name.len > name.len ? c->name.len - name.len - 1 : 0);
		if (!any)
			fputs("What Incus and LXD write themselves, a fix changes only until the next start. To keep "
			      "it, with apparmor_parser 4.1 or later:\n",
			      r->out);
		any = true;
		dropin_rules(finding->scopes, finding->scope_count, &line);
		report_print(r, "  %s config set %s%.*s%s%.*s raw.apparmor='",
			     c->kind == CONTAINER_INCUS ? "incus" : "lxc", project.len > 0 ? "--project " : "",
			     SLICE_FMT(project), project.len > 0 ? " " : "", SLICE_FMT(name));
		fwrite(line.ptr, 1, line.len, r->out);
		fputs("'\n", r->out);
	}
	if (any)
		fputs("  (it takes the place of what raw.apparmor holds now), or update Incus or LXD and set "
		      "security.nesting=true\n\n",
		      r->out);
}

static json_t *json_row(const struct row *row)
{
	const struct container *c = row->container;

	return json_pack("{s:o,s:o,s:s,s:b,s:b,s:b,s:o,s:s,s:o,s:s,s:s,s:s?}", "name", report_json_text(c->name),
			 "target", report_json_text(c->title), "kind", kind_word(c->kind), "running", c->running,
			 "nesting", c->nesting, "unprivileged", c->unprivileged, "profile",
			 report_json_text(c->profile), "origin", origin_word(c->origin), "label",
			 report_json_text(c->label), "state", words[row->state], "words", row->text, "next_start",
			 row->next);
}

json_t *report_json_containers(const struct site *site, const struct finding *finding)
{
	row_vec rows = judge_all(site, finding);
	json_t *array = json_array();

	for (size_t i = 0; i < rows.len; i++)
		json_array_append_new(array, json_row(&rows.ptr[i]));
	return array;
}
