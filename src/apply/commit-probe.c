/* SPDX-License-Identifier: GPL-2.0-or-later */
/* commit-probe: the kernel's own word on a change, asked before it and after it. */
#include <errno.h>
#include <string.h>

#include <nestfix/probe.h>

#include "commit-internal.h"

/* Each question is a child with namespaces of its own: a host of thousands is not asked for every container. */
enum { PROBE_LIMIT = 64 };

static bool is_in_force(const struct work *w, const struct policy *policy)
{
	for (size_t i = 0; i < w->reload_count; i++)
		if (strcmp(w->reloads[i].path, policy->path) == 0)
			return w->reloads[i].in_force && !w->reloads[i].gone;
	return false;
}

/* What to write down of an answer: the first access that is denied, else the first that is allowed. */
static bool pick(const struct probe_result *result, struct receipt_probe *out, int *errnum)
{
	const struct probe_answer *denied = probe_denied(result);

	if (!probe_answered(result))
		return false;
	for (size_t i = 0; !denied && !out->path.len && i < result->count; i++)
		if (result->answers[i].state == PROBE_ALLOWED)
			out->path = result->answers[i].path;
	if (denied)
		out->path = denied->path;
	*errnum = denied ? denied->errnum : 0;
	return true;
}

static bool ask(const struct work *w, const struct locate_case *c, struct receipt_probe *out, int *errnum,
		struct err *err)
{
	struct probe_result result;

	if (probe_label(&result, w->kernel, c->profile->name, c->scope->access, c->scope->access_count, w->arena, err) <
	    0)
		return false;
	return pick(&result, out, errnum);
}

void work_ask_before(struct work *w, const struct proof *proof)
{
	const struct finding *finding = proof_patch(proof)->finding;
	struct receipt *r = w->receipt;

	if (w->kernel->state != KERNEL_READY || (w->kernel->pretended && !w->kernel->pretend))
		return;
	r->probes = arena_array(w->arena, PROBE_LIMIT, sizeof *r->probes);
	for (size_t i = 0; i < finding->case_count && r->probe_count < PROBE_LIMIT; i++) {
		const struct locate_case *c = &finding->cases[i];
		struct receipt_probe probe = { .profile = c->profile->name, .asked = c, .after = -1 };
		struct err trouble = { 0 };

		if ((c->state != LOCATE_BLOCKED && c->state != LOCATE_UNLOADED) || !is_in_force(w, c->policy))
			continue;
		if (ask(w, c, &probe, &probe.before, &trouble))
			r->probes[r->probe_count++] = probe;
		else if (trouble.errnum != ENOENT && err_is_set(&trouble)) { /* whoever cannot ask once cannot at all */
			work_note(w, "the kernel was not asked for its own word: %s", trouble.text);
			return;
		}
	}
}

int work_ask_after(struct work *w, struct err *err)
{
	for (size_t i = 0; i < w->receipt->probe_count; i++) {
		struct receipt_probe *probe = &w->receipt->probes[i];
		struct err trouble = { 0 };

		if (!ask(w, probe->asked, probe, &probe->after, &trouble)) {
			if (err_is_set(&trouble))
				work_note(w, "the kernel was not asked again: %s", trouble.text);
			continue;
		}
		if (probe->after == 0)
			continue;
		err_put(err, ERR_FAILED, "cannot accept the change: the kernel still denies '%.*s' under '%.*s' (%s)",
			SLICE_FMT(probe->path), SLICE_FMT(probe->profile), strerror(probe->after));
		return err_hint(err, "ask it yourself: aa-nestfix -v probe 'label:%.*s'", SLICE_FMT(probe->profile));
	}
	return 0;
}
