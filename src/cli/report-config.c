/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-config: changes of containers' configuration, which count at their next start. */
#include "report-internal.h"

static const char *state_word(enum harden_state state)
{
	static const char *const words[] = { "cured", "uncured", "still-off", "no-profile", "refused", "not-blamed" };

	return words[state];
}

/* What the next start brings, or why nothing is changed. */
static const char *state_text(const struct harden *h, struct arena *arena)
{
	struct slice name = h->container->title;

	switch (h->state) {
	case HARDEN_CURED:
		return arena_printf(arena, "profile %.*s from its next start on, in which this trouble is cured",
				    SLICE_FMT(h->profile));
	case HARDEN_UNCURED:
		return arena_printf(arena, "not changed: runc would stop in its profile %.*s; run fix first",
				    SLICE_FMT(h->profile));
	case HARDEN_STILL_OFF:
		return "not changed: an included file, which other containers may read, switches it off as well";
	case HARDEN_NO_PROFILE:
		return arena_printf(arena,
				    "not changed: its profile %.*s is in no policy file; name another one: fix "
				    "--profile-for=%.*s",
				    SLICE_FMT(h->profile), SLICE_FMT(name));
	case HARDEN_UNBLAMED:
		if (h->broken)
			break;
		return arena_printf(
		    arena,
		    "not changed: off, but not certainly because of this%s%s; with AppArmor on it may no "
		    "longer write %s; to do it all the same, name it: harden %.*s",
		    h->why[0] ? ": it has " : "", h->why, h->refused[0] ? h->refused : "below /proc/sys and /sys",
		    SLICE_FMT(name));
	case HARDEN_REFUSED:
		break;
	}
	return arena_printf(arena, "not changed: %s", h->why ? h->why : "");
}

static void print_harden(const struct report *r, const struct harden *h)
{
	AUTOARENA arena = { 0 };

	report_print(r, "%.*s", SLICE_FMT(h->container->title));
	if (h->container->kind == CONTAINER_PVE && h->container->pve.hostname.len > 0)
		report_print(r, " (%.*s)", SLICE_FMT(h->container->pve.hostname));
	report_print(r, "\n");
	for (size_t i = 0; i < h->line_count; i++)
		report_print(r, "  %-8s%s:%zu: %.*s\n", i == 0 ? "off by" : "", h->lines[i].place.path,
			     h->lines[i].place.line, SLICE_FMT(h->lines[i].text));
	report_print(r, "  %-8s%s\n", "then", state_text(h, &arena));
	fputc('\n', r->out);
}

static void print_again(const struct report *r, const struct report_harden *found)
{
	if (found->again_count > 0)
		report_print(r, "What may switch AppArmor off again, at a rollback or at the next start:\n");
	for (size_t i = 0; i < found->again_count; i++) {
		const struct harden_again *a = &found->again[i];

		report_print(r, "  %.*s: %s, %s:%zu: %.*s\n", SLICE_FMT(a->container->title), a->what, a->place.path,
			     a->place.line, SLICE_FMT(a->text));
	}
	if (found->again_count > 0)
		report_print(r, "\n");
}

static bool is_blamed(const struct report_harden *found)
{
	for (size_t i = 0; i < found->count; i++)
		if (found->list[i].state != HARDEN_UNBLAMED)
			return true;
	return false;
}

void report_harden(const struct report *r, const struct report_harden *found)
{
	if (r->json || r->quiet)
		return;
	if (found->count > 0)
		report_print(r, is_blamed(found) ? "AppArmor was switched off here to get round this trouble:\n\n"
						 : "AppArmor is off here, and nothing says why:\n\n");
	for (size_t i = 0; i < found->count; i++)
		print_harden(r, &found->list[i]);
	print_again(r, found);
}

void report_restored(const struct report *r, const struct report_restored *restored)
{
	if (r->json || r->quiet)
		return;
	if (!restored->receipt) {
		report_print(r, "A rule was taken out by hand; it comes back, but for what runc needs:\n\n");
		report_diff(r, restored->patch, restored->policies, restored->policy_count, restored->proof);
		return;
	}
	report_print(r, "\n");
	report_good(r, "Done.");
	report_print(r, " It is in force at once, in all that run with these profiles.\n");
	report_receipt(r, restored->receipt);
	report_print(r, "\nTo undo it:\n  %s rollback %s\n\n", r->self, restored->receipt->backup_id);
}

void report_config_diff(const struct report *r, const struct patch_file *files, size_t count)
{
	AUTOBUF text = { 0 };

	if (r->json || r->quiet)
		return;
	for (size_t i = 0; i < count; i++)
		report_unified(&files[i], &text);
	fwrite(buf_str(&text), 1, text.len, r->out);
}

static json_t *json_line(const struct harden_line *line)
{
	return json_pack("{s:o,s:I,s:o,s:s,s:b}", "file", report_json_text(slice_of(line->place.path)), "line",
			 (json_int_t)line->place.line, "text", report_json_text(line->text), "workaround",
			 line->kind == HARDEN_UNCONFINED ? "unconfined" : "hidden", "own", line->own);
}

static json_t *json_harden(const struct harden *h)
{
	json_t *lines = json_array();

	for (size_t i = 0; i < h->line_count; i++)
		json_array_append_new(lines, json_line(&h->lines[i]));
	return json_pack("{s:o,s:o,s:o,s:s,s:o,s:s?}", "container", report_json_text(h->container->name), "lines",
			 lines, "profile", report_json_text(h->profile), "state", state_word(h->state), "file",
			 report_json_text(slice_of(h->container->config)), "why", h->why);
}

static void print_done(const struct report *r, const struct receipt *receipt)
{
	report_print(r, "\n");
	report_good(r, "Done.");
	report_print(r, " It counts from the next start of the container%s on.\n", receipt->file_count == 1 ? "" : "s");
	if (receipt->recovered)
		report_print(r, "  first   %s\n", receipt->recovered);
	for (size_t i = 0; i < receipt->file_count; i++)
		report_print(r, "  %-8s%s\n", i == 0 ? "wrote" : "", receipt->files[i]);
	if (receipt->note)
		report_print(r, "  note    %s\n", receipt->note);
	report_print(r, "\nTo undo it:\n  %s rollback %s\n", r->self, receipt->backup_id);
}

/* What a command did, or that there was nothing to do; `list` and its key say to which containers. Takes object and
 * list. */
static void report_done(const struct report *r, json_t *object, const char *key, json_t *list,
			const struct patch_file *files, size_t file_count, const struct receipt *receipt)
{
	struct patch patch = { .files = (struct patch_file *)(uintptr_t)files, .file_count = file_count };

	json_object_set_new(object, key, list);
	json_object_set_new(object, "changed", json_boolean(receipt != NULL));
	json_object_set_new(object, "patch", report_json_patch(&patch));
	json_object_set_new(object, "receipt", receipt ? report_json_receipt(receipt) : json_null());
	report_json_print(r, object);
}

static void print_done_or(const struct report *r, const struct receipt *receipt, const char *nothing)
{
	if (r->quiet)
		return;
	if (receipt)
		print_done(r, receipt);
	else
		report_print(r, "Nothing to do: %s.\n", nothing);
}

static json_t *json_hardened(const struct report_harden *found)
{
	json_t *array = json_array();

	for (size_t i = 0; i < found->count; i++)
		json_array_append_new(array, json_harden(&found->list[i]));
	return array;
}

static json_t *json_again(const struct report_harden *found)
{
	json_t *array = json_array();

	for (size_t i = 0; i < found->again_count; i++) {
		const struct harden_again *a = &found->again[i];

		json_array_append_new(array, json_pack("{s:o,s:o,s:o,s:I,s:o}", "container",
						       report_json_text(a->container->name), "what",
						       report_json_text(slice_of(a->what)), "file",
						       report_json_text(slice_of(a->place.path)), "line",
						       (json_int_t)a->place.line, "text", report_json_text(a->text)));
	}
	return array;
}

static json_t *json_names(const struct slice *names, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, report_json_text(names[i]));
	return array;
}

static json_t *json_restored(const struct report_restored *restored)
{
	return json_pack("{s:o,s:o,s:o}", "patch", report_json_patch(restored->patch), "proof",
			 report_json_proof(restored->policies, restored->policy_count, restored->proof), "receipt",
			 report_json_receipt(restored->receipt));
}

void report_hardened(const struct report *r, const struct report_harden *found, const struct patch_file *files,
		     size_t file_count, const struct receipt *receipt)
{
	json_t *object;

	if (!r->json) {
		if (receipt || !found->restored)
			print_done_or(r, receipt, "AppArmor is on in every container that was looked at");
		return;
	}
	object = report_json_object("harden");
	json_object_set_new(object, "again", json_again(found));
	json_object_set_new(object, "restored", found->restored ? json_restored(found->restored) : json_null());
	report_done(r, object, "containers", json_hardened(found), files, file_count, receipt);
}

static void print_live(const struct report *r, const struct receipt *live)
{
	report_print(r, "\nWhat runs is cured, too:\n");
	report_receipt(r, live);
	report_print(r, "\nTo undo that:\n  %s rollback %s\n", r->self, live->backup_id);
}

void report_switched(const struct report *r, const struct slice *names, size_t count, const struct patch_file *files,
		     size_t file_count, const struct receipt *receipt, const struct receipt *live)
{
	json_t *object;

	if (!r->json) {
		if (receipt || !live)
			print_done_or(r, receipt, "that is set already");
		if (live && !r->quiet)
			print_live(r, live);
		return;
	}
	object = report_json_object("fix");
	json_object_set_new(object, "loaded", live ? report_json_receipt(live) : json_null());
	report_done(r, object, "switched", json_names(names, count), files, file_count, receipt);
}
