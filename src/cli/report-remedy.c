/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-remedy: what to type, fit for the kind of each container; one line for all that need the same. */
#include "report-internal.h"

enum { NAMES = 8 }; /* on one line; the others are counted */

/* A name as a shell takes it. */
static const char *typed_name(const struct container *c, struct arena *arena)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:@+";
	struct slice name = c->title;
	AUTOBUF out = { 0 };

	if (strspn(arena_str(arena, name), plain) == name.len)
		return arena_str(arena, name);
	buf_addc(&out, '\'');
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == '\'')
			buf_adds(&out, "'\\'");
		buf_addc(&out, name.ptr[i]);
	}
	buf_addc(&out, '\'');
	return arena_str(arena, buf_slice(&out));
}

/* Incus and LXD: the project's name stands in front of the instance's (internal/server/project Instance()). */
static struct slice project_of(const struct container *c, struct slice *name)
{
	*name = c->name;
	while (name->len > 0 && memchr(name->ptr, '_', name->len)) /* names of instances have none */
		*name = slice_from(*name, slice_find(*name, '_') + 1);
	return slice_sub(c->name, 0, c->name.len > name->len ? c->name.len - name->len - 1 : 0);
}

static const char *daemon_command(const struct container *c, const char *what, struct arena *arena)
{
	struct slice name, project = project_of(c, &name);

	return arena_printf(arena, "%s config set %s%.*s%s%.*s %s", c->kind == CONTAINER_INCUS ? "incus" : "lxc",
			    project.len > 0 ? "--project " : "", SLICE_FMT(project), project.len > 0 ? " " : "",
			    SLICE_FMT(name), what);
}

/* pct set takes the whole list. */
const char *report_pct_nesting(const struct container *c, struct arena *arena)
{
	struct slice rest = c->pve.next.features;
	const char *quote;
	AUTOBUF list = { 0 };

	while (rest.len > 0) {
		size_t end = slice_find(rest, ',');
		struct slice one = slice_trim(slice_sub(rest, 0, end));

		rest = slice_from(rest, end + 1);
		if (one.len > 0 && !slice_starts(one, "nesting="))
			buf_addf(&list, "%.*s,", SLICE_FMT(one));
	}
	quote = list.len > 0 && memchr(list.ptr, ';', list.len) ? "'" : "";
	buf_adds(&list, "nesting=1");
	return arena_printf(arena, "pct set %.*s --features %s%s%s", SLICE_FMT(c->name), quote, buf_str(&list), quote);
}

/* And to let it count. */
static const char *pct_nesting(const struct container *c, struct arena *arena)
{
	const char *set = report_pct_nesting(c, arena);

	return c->running ? arena_printf(arena, "%s, pct reboot %.*s", set, SLICE_FMT(c->name)) : set;
}

static const char *nesting(const struct container *c, struct arena *arena)
{
	switch (c->kind) {
	case CONTAINER_PVE:
		return pct_nesting(c, arena);
	case CONTAINER_INCUS:
	case CONTAINER_LXD:
		return daemon_command(c, "security.nesting=true", arena);
	case CONTAINER_LXC:
	case CONTAINER_USER:
		break;
	}
	return arena_printf(arena, "write %s'lxc.apparmor.allow_nesting = 1' into %s, then restart it",
			    c->origin == CONTAINER_STATIC ? "'lxc.apparmor.profile = generated' and " : "", c->config);
}

static const char *line_out(const struct verdict *v, struct arena *arena)
{
	return arena_printf(arena, "take line %zu out of %s (Proxmox drops nesting for it), then %s", v->line->line,
			    v->line->path, pct_nesting(v->container, arena));
}

static const char *update(const struct container *c, struct arena *arena)
{
	const char *what =
	    c->kind == CONTAINER_INCUS ? "update Incus (cured: 6.0.6, 6.19)" : "update LXD (cured: 5.0.6, 5.21.5, 6.6)";

	return c->nesting ? what
			  : arena_printf(arena, "%s and %s", what, daemon_command(c, "security.nesting=true", arena));
}

/* What is each container's own; NULL: one command serves all of them. */
static const char *own_remedy(const struct verdict *v, struct arena *arena)
{
	const struct container *c = v->container;

	switch (v->advice) {
	case VERDICT_NESTING:
		return nesting(c, arena);
	case VERDICT_LINE:
		return line_out(v, arena);
	case VERDICT_INCLUDE:
		return arena_printf(arena, "write 'lxc.include = " DROPIN_DIR "/' into %s, so that a fix lasts",
				    c->config);
	case VERDICT_RESET:
		return arena_printf(arena, "take line %zu out of %s: it takes back what " DROPIN_NAME " gives",
				    v->line->line, v->line->path);
	case VERDICT_UPDATE:
		return update(c, arena);
	case VERDICT_NOTHING:
	case VERDICT_FIX:
	case VERDICT_RELOAD:
	case VERDICT_PROFILE:
	case VERDICT_HARDEN:
	case VERDICT_LOOK:
		break;
	}
	return NULL;
}

/* A command of ours, in front of the names that it is for, and what it does. */
static const struct {
	enum verdict_advice advice;
	const char *command, *does;
} commands[] = {
	{ VERDICT_FIX, "fix", "no restart, can be undone" },
	{ VERDICT_UPDATE, "fix", "until their next start" },
	{ VERDICT_INCLUDE, "fix", "for what runs now" },
	{ VERDICT_RESET, "fix", "for what runs now" },
	{ VERDICT_RELOAD, "--reload fix", "loads the file, whatever the kernel holds" },
	{ VERDICT_PROFILE, "fix --profile-for", "Docker under a profile made for it" },
	{ VERDICT_HARDEN, "harden", "AppArmor on again" },
	{ VERDICT_LOOK, "explain", "no single remedy is known" },
};

enum { COMMANDS = sizeof commands / sizeof *commands };

/* Does the command help this container? One that does not run has nothing to be cured in the kernel. */
static bool helps(size_t k, const struct verdict *v)
{
	if (commands[k].advice != v->advice)
		return false;
	return v->now.word == VERDICT_STOPPED ||
	       (v->advice != VERDICT_UPDATE && v->advice != VERDICT_INCLUDE && v->advice != VERDICT_RESET);
}

static const char *typed(const struct report *r, size_t k, const struct finding *finding, struct arena *arena)
{
	if (commands[k].advice != VERDICT_LOOK)
		return arena_printf(arena, "%s %s", r->self, commands[k].command);
	return arena_printf(arena, "%s explain %.*s w", r->self, SLICE_FMT(finding->scopes[0]->access[0].path));
}

static void print_command(const struct report *r, const struct site *site, const struct finding *finding, size_t k,
			  const struct verdict *const *rows, size_t count)
{
	size_t named = 0, all = 0;
	bool fresh = false;

	for (size_t i = 0; i < count; i++) {
		all += helps(k, rows[i]) && rows[i]->container != site->host.fresh;
		fresh = fresh || (helps(k, rows[i]) && rows[i]->container == site->host.fresh);
	}
	if (all == 0 && !(fresh && commands[k].advice == VERDICT_FIX))
		return;
	report_print(r, "  %s", typed(r, k, finding, site->arena));
	for (size_t i = 0; i < count && named < NAMES; i++)
		if (helps(k, rows[i]) && rows[i]->container != site->host.fresh) {
			report_print(r, " %s", typed_name(rows[i]->container, site->arena));
			named++;
		}
	if (named < all)
		report_print(r, " … (%zu more)", all - named);
	report_print(r, "   %s\n", commands[k].does);
}

static void print_own(const struct report *r, const struct site *site, const struct verdict *v)
{
	const char *remedy = own_remedy(v, site->arena);

	if (!remedy || v->container == site->host.fresh)
		return;
	report_print(r, "  ");
	report_wrapped(r, 2, arena_printf(site->arena, "%.*s: %s", SLICE_FMT(v->container->title), remedy));
}

/* The stronger line of an instance's own, where the daemon's parser takes it: one that Debian ships, not a snap's. */
static bool takes_priority(const struct verdict *v)
{
	const struct container *c = v->container;

	return v->advice == VERDICT_UPDATE && !slice_starts(c->lxcpath, "/var/snap/");
}

static void print_override(const struct report *r, const struct site *site, const struct finding *finding,
			   const struct verdict *v)
{
	AUTOBUF line = { 0 };

	if (!takes_priority(v) || !r->has_priorities)
		return;
	dropin_rules(finding->scopes, finding->scope_count, &line);
	report_print(
	    r, "      or, in the place of what raw.apparmor holds now:\n      %s\n",
	    daemon_command(v->container, arena_printf(site->arena, "raw.apparmor='%s'", buf_str(&line)), site->arena));
}

static const char *first_found(const struct site *site, const struct verdict *const *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (verdict_worst(rows[i])->word == VERDICT_STOPPED && rows[i]->container != site->host.fresh)
			return arena_printf(site->arena, " %s", typed_name(rows[i]->container, site->arena));
	return "";
}

void report_remedies(const struct report *r, const struct site *site, const struct finding *finding,
		     const struct verdict *const *rows, size_t count)
{
	bool any = false, ruled = false;

	for (size_t i = 0; i < count; i++) {
		any = any || rows[i]->advice != VERDICT_NOTHING;
		ruled = ruled || (verdict_worst(rows[i])->ruled && !verdict_worst(rows[i])->need);
	}
	if (!any)
		return;
	report_print(r, "Type:\n");
	for (size_t k = 0; k < COMMANDS; k++)
		print_command(r, site, finding, k, rows, count);
	for (size_t i = 0; i < count; i++) {
		print_own(r, site, rows[i]);
		print_override(r, site, finding, rows[i]);
	}
	if (ruled && !r->verbose)
		report_print(r, "The rule, its place and the proof:  %s -v check%s\n", r->self,
			     first_found(site, rows, count));
}

const char *report_remedy(const struct report *r, const struct site *site, const struct finding *finding,
			  const struct verdict *v)
{
	const char *own = own_remedy(v, site->arena);
	AUTOBUF out = { 0 };

	for (size_t k = 0; k < COMMANDS; k++)
		if (helps(k, v) && v->container != site->host.fresh)
			buf_addf(&out, "%s%s %s", out.len > 0 ? "; " : "", typed(r, k, finding, site->arena),
				 typed_name(v->container, site->arena));
	if (own && v->container != site->host.fresh)
		buf_addf(&out, "%s%s", out.len > 0 ? "; " : "", own);
	return out.len > 0 ? arena_printf(site->arena, "\n  %s", buf_str(&out)) : "";
}

json_t *report_json_remedy(const struct report *r, const struct site *site, const struct finding *finding,
			   const struct verdict *v)
{
	json_t *list = json_array();
	const char *own = own_remedy(v, site->arena);

	for (size_t k = 0; k < COMMANDS; k++)
		if (helps(k, v) && v->container != site->host.fresh)
			json_array_append_new(list, report_json_text(slice_of(arena_printf(
							site->arena, "%s %s", typed(r, k, finding, site->arena),
							typed_name(v->container, site->arena)))));
	if (own && v->container != site->host.fresh)
		json_array_append_new(list, report_json_text(slice_of(own)));
	return list;
}
