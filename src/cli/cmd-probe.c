/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include <nestfix/probe.h>

#include "app.h"

static const char label_word[] = "label:";

/* One run: the labels that are asked about, and what is asked. */
struct asking {
	struct kernel kernel;
	VEC(struct slice) labels;
	struct conflict_access *accesses;
	size_t access_count;
};

static void add_label(struct app *app, struct asking *a, struct slice label)
{
	for (size_t i = 0; i < a->labels.len; i++)
		if (slice_eq(a->labels.ptr[i], label))
			return;
	VEC_PUSH(&app->arena, &a->labels, label);
}

/* A running container is asked under the very label that its processes wear, stacked or not. */
static struct slice label_of(const struct look *look, const struct locate_case *c)
{
	const struct container *container = discover_container(&look->site, c->policy);

	return container && container->label.len > 0 ? container->label : c->profile->name;
}

static int add_targets(struct app *app, struct asking *a, const char **targets, size_t count, struct err *err)
{
	struct look look;
	int status = app_look(app, targets, count, &look, err);

	for (size_t i = 0; status == 0 && i < look.finding.case_count; i++)
		add_label(app, a, label_of(&look, &look.finding.cases[i]));
	return status;
}

/* "label:X" is asked as it stands; all else is looked up on the host. */
static int choose_labels(struct app *app, struct asking *a, struct err *err)
{
	const char **targets = arena_array(&app->arena, app->arg_count, sizeof *targets);
	size_t count = 0;

	for (size_t i = 0; i < app->arg_count; i++) {
		if (slice_starts(slice_of(app->args[i]), label_word))
			add_label(app, a, slice_of(app->args[i] + sizeof label_word - 1));
		else
			targets[count++] = app->args[i];
	}
	if (count == 0 && app->arg_count > 0)
		return app_conflict(app, err);
	return add_targets(app, a, targets, count, err);
}

static void choose_accesses(struct app *app, struct asking *a)
{
	for (size_t i = 0; i < app->scope_count; i++)
		a->access_count += app->scopes[i]->access_count;
	a->accesses = arena_array(&app->arena, a->access_count, sizeof *a->accesses);
	a->access_count = 0;
	for (size_t i = 0; i < app->scope_count; i++)
		for (size_t k = 0; k < app->scopes[i]->access_count; k++)
			a->accesses[a->access_count++] = app->scopes[i]->access[k];
}

/* A profile that is only on disk is worn by nobody; any other label without an answer is a failure. */
static int status_of(const struct report_probe *probes, size_t count)
{
	size_t answered = 0, failed = 0;

	for (size_t i = 0; i < count; i++) {
		const struct report_probe *p = &probes[i];

		if (!err_is_set(&p->err) && probe_denied(&p->result))
			return 1;
		if (!err_is_set(&p->err) && probe_answered(&p->result))
			answered++;
		else if (!err_is_set(&p->err) || p->err.errnum != ENOENT)
			failed++;
	}
	return answered > 0 && failed == 0 ? 0 : err_status(ERR_FAILED);
}

int cmd_probe(struct app *app, struct err *err)
{
	struct asking a = { 0 };
	struct report_probe *probes;

	kernel_open(&a.kernel, &app->root, NULL, &app->arena);
	if (probe_ready(&a.kernel, err) < 0 || choose_labels(app, &a, err) < 0)
		return -1;
	choose_accesses(app, &a);
	probes = arena_array(&app->arena, a.labels.len, sizeof *probes);
	for (size_t i = 0; i < a.labels.len; i++) {
		probe_label(&probes[i].result, &a.kernel, a.labels.ptr[i], a.accesses, a.access_count, &app->arena,
			    &probes[i].err);
		probes[i].result.label = a.labels.ptr[i];
	}
	report_probes(&app->report, probes, a.labels.len);
	return status_of(probes, a.labels.len);
}
