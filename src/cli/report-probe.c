/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "report-internal.h"

static const char *state_word(const struct report_probe *p)
{
	if (err_is_set(&p->err) || !probe_answered(&p->result))
		return "unknown";
	return probe_denied(&p->result) ? "denied" : "allowed";
}

static const char *answer_word(enum probe_state state)
{
	switch (state) {
	case PROBE_ALLOWED:
		return "allowed";
	case PROBE_DENIED:
		return "denied";
	case PROBE_ABSENT:
		return "absent";
	case PROBE_BARRED:
		return "barred";
	}
	return "unknown";
}

static json_t *json_errnum(int errnum)
{
	return errnum ? json_string(strerror(errnum)) : json_null();
}

static json_t *json_probe(const struct report_probe *p)
{
	json_t *accesses = json_array();

	for (size_t i = 0; !err_is_set(&p->err) && i < p->result.count; i++) {
		const struct probe_answer *a = &p->result.answers[i];

		json_array_append_new(accesses,
				      json_pack("{s:o,s:s,s:o,s:o}", "path", report_json_text(a->path), "state",
						answer_word(a->state), "error", json_errnum(a->errnum), "plain_error",
						json_errnum(a->plain)));
	}
	return json_pack("{s:o,s:s,s:o,s:o}", "label", report_json_text(p->result.label), "state", state_word(p),
			 "reason", err_is_set(&p->err) ? report_json_text(slice_of(p->err.text)) : json_null(),
			 "accesses", accesses);
}

/* The plain path tells whether the container may write the sysctl at all, but for the detour. */
static void print_answer(const struct report *r, const struct probe_answer *a)
{
	report_print(r, "    %.*s: ", SLICE_FMT(a->path));
	switch (a->state) {
	case PROBE_ALLOWED:
		fputs("opens", r->out);
		break;
	case PROBE_DENIED:
		report_print(r, "%s (and /proc%.*s %s)", strerror(a->errnum), SLICE_FMT(a->path),
			     a->plain ? "does not open either" : "opens");
		break;
	case PROBE_ABSENT:
		fputs("this kernel has no such file", r->out);
		break;
	case PROBE_BARRED:
		report_print(r, "%s, even without the label", strerror(a->errnum));
		break;
	}
	fputc('\n', r->out);
}

static void print_probe(const struct report *r, const struct report_probe *p)
{
	if (err_is_set(&p->err)) {
		report_print(r, "%.*s: not known: %s\n", SLICE_FMT(p->result.label), p->err.text);
		return;
	}
	report_print(r, "%.*s: %s\n", SLICE_FMT(p->result.label), state_word(p));
	for (size_t i = 0; i < p->result.count; i++)
		if (r->verbose || p->result.answers[i].state != PROBE_ALLOWED)
			print_answer(r, &p->result.answers[i]);
}

void report_probes(const struct report *r, const struct report_probe *probes, size_t count)
{
	json_t *object, *list;

	if (r->json) {
		object = report_json_object("probe");
		list = json_array();
		for (size_t i = 0; i < count; i++)
			json_array_append_new(list, json_probe(&probes[i]));
		json_object_set_new(object, "labels", list);
		report_json_print(r, object);
		return;
	}
	for (size_t i = 0; i < count && !r->quiet; i++)
		print_probe(r, &probes[i]);
	if (count == 0)
		report_note(r, "no container profile in the policy files");
}
