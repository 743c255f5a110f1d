/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-fix: what a command did to policy, and what remains behind it. */
#include "report-internal.h"

void remains_add(struct remains *out, const char *text, struct arena *arena)
{
	VEC(const char *) all = { out->list, out->count, vec_cap(out->count) };

	VEC_PUSH(arena, &all, text);
	out->list = all.ptr;
	out->count = all.len;
}

static json_t *json_remains(const struct remains *remains)
{
	json_t *array = json_array();

	for (size_t i = 0; remains && i < remains->count; i++)
		json_array_append_new(array, report_json_text(slice_of(remains->list[i])));
	return array;
}

static void print_lines(const struct report *r, struct slice text)
{
	while (text.len > 0) {
		size_t end = slice_find(text, '\n');

		report_print(r, "  %.*s\n", SLICE_FMT(slice_sub(text, 0, end)));
		text = slice_from(text, end + 1);
	}
}

/* The last words. */
static void print_remains(const struct report *r, const struct remains *remains)
{
	if (!remains || remains->count == 0)
		return;
	fputs("\nWhat remains:\n", r->out);
	for (size_t i = 0; i < remains->count; i++)
		print_lines(r, slice_of(remains->list[i]));
	if (remains->obstructed)
		report_advice(r);
}

void report_afterwards(const struct report *r, const struct report_done *done, const struct err *err)
{
	AUTOBUF text = { 0 };

	buf_addf(&text, "%s; but %s", done->words, err->text);
	report_talk(r, buf_slice(&text));
	if (err->hint[0])
		report_talk(r, slice_of(err->hint));
	if (strcmp(done->command, "rollback") == 0 || !done->receipt->backup_id)
		return;
	buf_clear(&text);
	buf_addf(&text, "to undo it: %s rollback %s", r->self, done->receipt->backup_id);
	report_talk(r, buf_slice(&text));
}

void report_json_afterwards(const struct report *r, const struct report_done *done, const struct err *err)
{
	json_t *object = report_json_object(done->command);

	json_object_set_new(object, "receipt", report_json_receipt(done->receipt));
	json_object_set_new(object, "error", report_json_error(err));
	report_json_print(r, object);
}

void report_nothing_to_fix(const struct report *r, const char *command, const struct finding *finding,
			   const char *because, const struct remains *remains)
{
	if (r->json) {
		json_t *object = report_json_object(command);

		json_object_set_new(object, "changed", json_false());
		json_object_set_new(object, "profiles", json_integer((json_int_t)finding->profile_count));
		if (remains)
			json_object_set_new(object, "remains", json_remains(remains));
		report_json_print(r, object);
		return;
	}
	if (r->quiet)
		return;
	if (remains && remains->count > 0)
		report_print(r, "Nothing that a fix could change.\n");
	else if (because)
		report_print(r, "Nothing to do: %s.\n", because);
	else
		report_print(r, "Nothing to do: none of %zu container profile%s is stopped by this conflict.\n",
			     finding->profile_count, finding->profile_count == 1 ? "" : "s");
	print_remains(r, remains);
}

/* The kernel's own word, as far as it could be had. */
static void print_asked(const struct report *r, const struct receipt *receipt)
{
	size_t before = 0, after = 0;
	AUTOBUF words = { 0 };

	for (size_t i = 0; i < receipt->probe_count; i++) {
		before += receipt->probes[i].before != 0;
		after += receipt->probes[i].after == 0;
	}
	if (after == 0)
		return;
	buf_addf(&words, "the kernel, as runc would: it allows the write in %zu profile%s (denied before: %zu)", after,
		 after == 1 ? "" : "s", before);
	report_row(r, "asked", buf_str(&words));
}

static bool is_removed(const struct receipt *receipt, const char *path)
{
	for (size_t i = 0; i < receipt->removed_count; i++)
		if (strcmp(receipt->removed[i], path) == 0)
			return true;
	return false;
}

static void print_written(const struct report *r, const struct receipt *receipt)
{
	const char *label = "wrote";

	for (size_t i = 0; i < receipt->file_count; i++)
		if (!is_removed(receipt, receipt->files[i])) {
			report_row(r, label, receipt->files[i]);
			label = "";
		}
	for (size_t i = 0; i < receipt->removed_count; i++)
		report_row(r, i == 0 ? "removed" : "", receipt->removed[i]);
}

void report_receipt(const struct report *r, const struct receipt *receipt)
{
	if (receipt->recovered)
		report_row(r, "first", receipt->recovered);
	print_written(r, receipt);
	for (size_t i = 0; i < receipt->profile_count; i++) {
		AUTOBUF name = { 0 };

		buf_addslice(&name, receipt->profiles[i]);
		report_row(r, i == 0 ? "loaded" : "", buf_str(&name));
	}
	if (receipt->profile_count == 0)
		report_row(r, "loaded", kernel_state_words(receipt->kernel));
	print_asked(r, receipt);
	if (receipt->note)
		report_row(r, "note", receipt->note);
}

/* Said when it is done, not in a manual: what an edited file of another package does to upgrades. */
static const char conffile[] = "the edited file belongs to another package: dpkg asks at its next upgrade, and an "
			       "unattended one keeps this text; a container that wears lxc-container-nestfix instead "
			       "needs no edit";

bool report_edits_conffile(const struct patch *patch)
{
	for (size_t i = 0; i < patch->file_count; i++)
		if (patch->files[i].kind == PATCH_POLICY &&
		    slice_starts(slice_of(patch_path(&patch->files[i])), "/etc/"))
			return true;
	return false;
}

void report_conffile(const struct report *r)
{
	report_print(r, "Note: %s.\n", conffile);
}

typedef VEC(const struct container *) container_vec;

enum { NAMED = 8 }; /* containers on a line */

static void print_names(const struct report *r, const char *label, const container_vec *list, const char *when)
{
	AUTOBUF text = { 0 };

	if (list->len == 0)
		return;
	buf_addf(&text, "Docker runs in %zu container%s%s:", list->len, list->len == 1 ? "" : "s", when);
	for (size_t i = 0; i < list->len && i < NAMED; i++)
		buf_addf(&text, " %.*s", SLICE_FMT(list->ptr[i]->title));
	if (list->len > NAMED)
		buf_addf(&text, " and %zu more", list->len - NAMED);
	report_row(r, label, buf_str(&text));
}

/* One that runs, for whoever wants to see it. */
static void print_try(const struct report *r, const struct container *c)
{
	static const char run[] = "docker run --rm hello-world";

	report_print(r, "\nTo test it:\n  ");
	if (c->kind == CONTAINER_PVE)
		report_print(r, "pct exec %.*s -- %s\n", SLICE_FMT(c->name), run);
	else if (c->kind == CONTAINER_INCUS || c->kind == CONTAINER_LXD)
		report_print(r, "%s exec %.*s -- %s\n", c->kind == CONTAINER_INCUS ? "incus" : "lxc",
			     SLICE_FMT(c->name), run);
	else
		report_print(r, "lxc-attach -P %.*s -n %.*s -- %s\n", SLICE_FMT(c->lxcpath), SLICE_FMT(c->name), run);
}

/* What works now, and what from the next start on. */
static void print_after(const struct report *r, const struct report_seen *after)
{
	AUTOARENA scratch = { 0 };
	container_vec now = { 0 }, next = { 0 };

	for (size_t i = 0; i < after->verdicts->count; i++) {
		const struct verdict *v = &after->verdicts->list[i];

		if (v->now.word == VERDICT_WORKS)
			VEC_PUSH(&scratch, &now, v->container);
		else if (v->next.word == VERDICT_WORKS)
			VEC_PUSH(&scratch, &next, v->container);
	}
	print_names(r, "now", &now, "");
	print_names(r, "then", &next, ", from the next start on");
	if (now.len > 0)
		print_try(r, now.ptr[0]);
}

void report_fix(const struct report *r, const struct report_fixed *done)
{
	const struct finding *finding = done->after ? done->after->finding : NULL;

	if (r->json) {
		json_t *object = report_json_object("fix");

		json_object_set_new(object, "changed", json_true());
		json_object_set_new(object, "patch", report_json_patch(done->patch));
		json_object_set_new(object, "proof",
				    report_json_proof(done->policies, done->policy_count, done->proof));
		json_object_set_new(object, "receipt", report_json_receipt(done->receipt));
		json_object_set_new(object, "state",
				    json_string(done->after ? report_json_state(done->after) : "unknown"));
		json_object_set_new(object, "obstacles", report_json_obstacles(finding ? finding->obstacles : NULL));
		json_object_set_new(object, "remains", json_remains(done->remains));
		report_json_print(r, object);
		return;
	}
	if (r->quiet)
		return;
	if (!done->shown)
		report_diff(r, done->patch, done->policies, done->policy_count, done->proof);
	report_print(r, "\n");
	report_good(r, "Done.");
	report_print(r, "\n");
	report_receipt(r, done->receipt);
	if (report_edits_conffile(done->patch))
		report_row(r, "note", conffile);
	if (done->after && done->after->by_container)
		print_after(r, done->after);
	else if (finding && finding->worst == LOCATE_ALLOWED)
		report_row(r, "now",
			   report_has_obstacles(finding->obstacles) ? "this rule is cured in every profile above"
								    : "runc's write is allowed in every profile above");
	if (done->receipt->backup_id)
		report_print(r, "\nTo undo it:\n  %s rollback %s\n", r->self, done->receipt->backup_id);
	print_remains(r, done->remains);
}
