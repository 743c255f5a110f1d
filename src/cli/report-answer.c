/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-answer: an answer in words, and all that is told of a container in JSON. */
#include "report-internal.h"

const char *report_kind(enum container_kind kind)
{
	static const char *const kinds[] = { "lxc", "pve", "incus", "lxd", "user" };

	return kinds[kind];
}

const char *report_verdict_word(enum verdict_word word)
{
	static const char *const words[] = {
		[VERDICT_NONE] = "none",        [VERDICT_WORKS] = "works",     [VERDICT_UNFIT] = "not-set-up",
		[VERDICT_OFF] = "apparmor-off", [VERDICT_UNKNOWN] = "unknown", [VERDICT_STOPPED] = "stopped",
	};

	return words[word];
}

const char *report_host(const struct container_host *host, struct arena *arena)
{
	const struct {
		const char *name;
		struct slice version;
	} parts[] = {
		{ "Proxmox VE", host->pve_manager },
		{ "LXC", container_lxc_version(host) },
		{ "Incus", host->incus },
		{ "LXD", host->lxd },
	};
	AUTOBUF out = { 0 };

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (parts[i].version.len > 0)
			buf_addf(&out, "%s%s %.*s", out.len > 0 ? ", " : "", parts[i].name,
				 SLICE_FMT(parts[i].version));
	return arena_str(arena, buf_slice(&out));
}

static bool lost_nesting(const struct container *c)
{
	return c->kind == CONTAINER_PVE && c->pve.has_profile && c->pve.next.nesting;
}

const char *report_off(const struct verdict *v, bool hidden, struct arena *arena)
{
	const struct lxc_place *line = v->line;
	const char *words = hidden ? "AppArmor is hidden from it" : "AppArmor is OFF";

	return line && line->path && line->line > 0 ? arena_printf(arena, "%s (%s:%zu)", words, line->path, line->line)
						    : words;
}

static bool has_no_nesting(const struct container *c)
{
	return c->origin == CONTAINER_GENERATED && !c->nesting;
}

static const char *stopped_words(const struct container *c, const struct verdict_answer *a, struct arena *arena)
{
	if (a->unloaded)
		return "its file is cured, but the kernel holds another policy";
	if (!a->need)
		return a->rule.len > 0 || c->origin == CONTAINER_GENERATED ? "the runc rule"
									   : "the kernel denies the write";
	if (lost_nesting(c))
		return arena_printf(arena,
				    "nesting is off although features asks for it: Proxmox ignores it where "
				    "lxc.apparmor.profile is set by hand (%s:%zu)",
				    c->lxc.profile.place.path, c->lxc.profile.place.line);
	if (has_no_nesting(c))
		return "nesting is off";
	return arena_printf(arena, "its profile refuses mounts: %.*s", SLICE_FMT(a->need->text));
}

const char *report_answer(const struct verdict *v, const struct verdict_answer *a, struct arena *arena)
{
	const struct container *c = v->container;

	switch (a->word) {
	case VERDICT_STOPPED:
		return stopped_words(c, a, arena);
	case VERDICT_UNKNOWN:
		return a->why;
	case VERDICT_UNFIT:
		return has_no_nesting(c) ? "not set up for Docker (nesting is off)"
					 : "not set up for Docker (its profile refuses mounts)";
	case VERDICT_OFF:
		return report_off(v, false, arena);
	case VERDICT_WORKS:
		return a->cure ? a->cure : "";
	case VERDICT_NONE:
		break;
	}
	return c->kind == CONTAINER_PVE && c->pve.is_template ? "a template, which does not start" : "";
}

static json_t *json_answer(const struct verdict *v, const struct verdict_answer *a, struct arena *arena)
{
	return json_pack("{s:s,s:o,s:o,s:s?}", "word", report_verdict_word(a->word), "why",
			 report_json_text(slice_of(report_answer(v, a, arena))), "rule", report_json_text(a->rule),
			 "place", a->place);
}

static json_t *json_row(const struct report *r, const struct site *site, const struct finding *finding,
			const struct verdict *v)
{
	static const char *const origins[] = { "file", "generated", "unconfined", "unchanged", "unconfined" };
	const struct container *c = v->container;
	json_t *row =
	    json_pack("{s:o,s:o,s:s,s:b,s:b,s:b,s:o,s:s,s:o}", "name", report_json_text(c->name), "target",
		      report_json_text(c->title), "kind", report_kind(c->kind), "running", c->running, "nesting",
		      c->nesting, "unprivileged", c->unprivileged, "profile", report_json_text(c->profile), "origin",
		      origins[c->origin], "label", report_json_text(c->label));

	json_object_set_new(row, "docker", json_boolean(c->docker));
	json_object_set_new(row, "counts", json_boolean(v->counts));
	json_object_set_new(row, "now", json_answer(v, &v->now, site->arena));
	json_object_set_new(row, "next", json_answer(v, &v->next, site->arena));
	json_object_set_new(row, "remedy", report_json_remedy(r, site, finding, v));
	return row;
}

json_t *report_json_containers(const struct report *r, const struct site *site, const struct finding *finding,
			       const struct verdicts *verdicts)
{
	json_t *array = json_array();

	for (size_t i = 0; i < verdicts->count; i++)
		json_array_append_new(array, json_row(r, site, finding, &verdicts->list[i]));
	return array;
}

json_t *report_json_fresh(const struct report *r, const struct site *site, const struct finding *finding,
			  const struct verdicts *verdicts)
{
	return verdicts->fresh ? json_row(r, site, finding, verdicts->fresh) : json_null();
}
