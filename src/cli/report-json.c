/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report-internal.h"

/* Length of the UTF-8 character at the start, or 0. json_stringn() refuses what is none, surrogates and overlong
 * included. */
static size_t utf8_length(struct slice s)
{
	for (size_t n = 1; n <= 4 && n <= s.len; n++) {
		json_t *probe = json_stringn(s.ptr, n);

		json_decref(probe);
		if (probe)
			return n;
	}
	return 0;
}

json_t *report_json_text(struct slice text)
{
	json_t *whole = json_stringn(text.ptr ? text.ptr : "", text.len);
	AUTOBUF clean = { 0 };

	if (whole)
		return whole;
	while (text.len > 0) {
		size_t n = utf8_length(text);

		if (n > 0)
			buf_add(&clean, text.ptr, n);
		else
			buf_adds(&clean, "\xef\xbf\xbd");
		text = slice_from(text, n > 0 ? n : 1);
	}
	return json_stringn(buf_str(&clean), clean.len);
}

static json_t *text_list(const struct slice *list, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, report_json_text(list[i]));
	return array;
}

json_t *report_json_rule(const struct policy_place *rule)
{
	AUTOBUF text = { 0 };

	if (!rule)
		return json_null();
	report_rule_text(rule, &text);
	return json_pack("{s:o,s:I,s:I,s:o,s:i}", "file", report_json_text(slice_of(rule->source->path)), "line",
			 (json_int_t)rule->stmt->line, "column", (json_int_t)rule->stmt->column, "text",
			 report_json_text(buf_slice(&text)), "priority", rule->stmt->qualifiers.priority);
}

json_t *report_json_error(const struct err *err)
{
	static const char *const kinds[] = { "none", "usage", "refused", "failed", "broken" };

	return json_pack("{s:s,s:o,s:o}", "kind", kinds[err->kind], "text", report_json_text(slice_of(err->text)),
			 "hint", report_json_text(slice_of(err->hint)));
}

json_t *report_json_object(const char *command)
{
	return json_pack("{s:i,s:s}", "format", 1, "command", command);
}

void report_json_print(const struct report *r, json_t *object)
{
	json_dumpf(object, r->out, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	fputc('\n', r->out);
	json_decref(object);
}

static json_t *scope_names(const struct conflict_scope **scopes, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, report_json_text(scopes[i]->name));
	return array;
}

static json_t *json_culprit(const struct culprit *c)
{
	json_t *object = report_json_rule(c->rule);
	json_t *profiles = json_array();
	AUTOBUF via = { 0 };

	report_via(c->rule, &via);
	for (size_t i = 0; i < c->profile_count; i++)
		json_array_append_new(profiles, report_json_text(c->profiles[i]->name));
	json_object_set_new(object, "denies", report_json_text(c->witness));
	json_object_set_new(object, "included", report_json_text(buf_slice(&via)));
	json_object_set_new(object, "editable", json_boolean(!c->why));
	json_object_set_new(object, "scopes", scope_names(c->scopes, c->scope_count));
	json_object_set_new(object, "profiles", profiles);
	return object;
}

static json_t *json_case(const struct locate_case *c)
{
	AUTOARENA scratch = { 0 };

	return json_pack("{s:o,s:o,s:s,s:o,s:o,s:o,s:o}", "profile", report_json_text(c->profile->name), "scope",
			 report_json_text(c->scope->name), "state", report_state_word(c->state), "path",
			 report_json_text(c->witness), "allowed_by", report_json_rule(c->allower), "cure",
			 report_json_text(c->cure), "opened",
			 report_json_text(slice_of(locate_opened_place(c->opened, &scratch))));
}

static void add_skipped(json_t *array, const char *path, const char *reason)
{
	json_array_append_new(array, json_pack("{s:o,s:o}", "file", report_json_text(slice_of(path)), "reason",
					       report_json_text(slice_of(reason))));
}

static json_t *json_skipped(const struct site *site, const struct finding *finding)
{
	const struct policy *told = NULL;
	json_t *array = json_array();

	for (size_t i = 0; i < site->skipped_count; i++)
		add_skipped(array, site->skipped[i].path, site->skipped[i].err.text);
	for (size_t i = 0; i < finding->case_count; i++) {
		const struct locate_case *c = &finding->cases[i];

		if (c->state == LOCATE_UNKNOWN && c->policy != told)
			add_skipped(array, c->policy->path, c->reason);
		if (c->state == LOCATE_UNKNOWN)
			told = c->policy;
	}
	return array;
}

static json_t *json_offers(const struct report_offer *offers, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_pack("{s:o,s:o}", "what", report_json_text(slice_of(offers[i].what)),
						       "command", report_json_text(slice_of(offers[i].command))));
	return array;
}

const char *report_json_state(const struct report_seen *seen)
{
	if (seen->is_guest)
		return seen->guest == PROBE_SELF_NO_MOUNT ? "stopped" : report_guest_word(seen->guest);
	if (!seen->by_container)
		return report_state_word(seen->finding->worst);
	if (seen->verdicts->failing > 0 || (seen->verdicts->fresh && seen->verdicts->fresh->counts))
		return "stopped";
	return seen->verdicts->unknown > 0 ? "unknown" : "works";
}

static json_t *json_patched(const struct report_seen *seen)
{
	json_t *array = json_array();

	for (size_t i = 0; i < seen->patched_count; i++)
		json_array_append_new(array,
				      json_pack("{s:o,s:s}", "file", report_json_text(slice_of(seen->patched[i].path)),
						"package", seen->patched[i].package));
	return array;
}

static json_t *json_held(const struct report_seen *seen)
{
	json_t *array = json_array();

	for (size_t i = 0; i < seen->guest_count; i++)
		for (size_t k = 0; k < seen->guests[i].count; k++) {
			const struct guest_package *p = &seen->guests[i].packages[k];

			json_array_append_new(array,
					      json_pack("{s:o,s:s,s:o,s:b,s:b}", "container",
							report_json_text(seen->guests[i].container->name), "package",
							p->name, "version", report_json_text(p->version), "held",
							p->held, "vulnerable", p->vulnerable));
		}
	return array;
}

json_t *report_json_check(const struct report *r, const struct report_seen *seen)
{
	const struct finding *finding = seen->finding;
	json_t *object = report_json_object("check");
	json_t *rules = json_array();
	json_t *profiles = json_array();

	for (size_t i = 0; i < finding->culprit_count; i++)
		json_array_append_new(rules, json_culprit(finding->culprits[i]));
	for (size_t i = 0; i < finding->case_count; i++)
		json_array_append_new(profiles, json_case(&finding->cases[i]));
	json_object_set_new(object, "conflict", report_json_text(finding->conflict->name));
	json_object_set_new(object, "scopes", scope_names(finding->scopes, finding->scope_count));
	json_object_set_new(object, "state", json_string(report_json_state(seen)));
	json_object_set_new(object, "found", json_boolean(seen->found));
	json_object_set_new(object, "failing", json_integer((json_int_t)seen->verdicts->failing));
	json_object_set_new(object, "rules", rules);
	json_object_set_new(object, "profiles", profiles);
	json_object_set_new(object, "obstacles", report_json_obstacles(finding->obstacles));
	json_object_set_new(object, "containers", report_json_containers(r, seen->site, finding, seen->verdicts));
	json_object_set_new(object, "new_containers", report_json_fresh(r, seen->site, finding, seen->verdicts));
	json_object_set_new(object, "opened",
			    report_json_text(slice_of(locate_opened_place(seen->verdicts->opened, seen->site->arena))));
	json_object_set_new(object, "apparmor_off", json_boolean(seen->is_off));
	json_object_set_new(object, "guest",
			    seen->is_guest ? json_string(report_guest_word(seen->guest)) : json_null());
	json_object_set_new(object, "skipped", json_skipped(seen->site, finding));
	json_object_set_new(object, "unfinished",
			    seen->unfinished ? report_json_text(slice_of(seen->unfinished)) : json_null());
	json_object_set_new(object, "patched", json_patched(seen));
	json_object_set_new(object, "held", json_held(seen));
	json_object_set_new(object, "needless", json_offers(seen->offers, seen->offer_count));
	return object;
}

static json_t *json_edits(const struct patch_file *file)
{
	json_t *array = json_array();

	for (size_t i = 0; i < file->edit_count; i++) {
		const struct edit *e = &file->edits[i];

		json_array_append_new(array, json_pack("{s:I,s:o,s:o}", "at", (json_int_t)e->at, "old",
						       report_json_text(slice_sub(file->old, e->at, e->len)), "new",
						       report_json_text(e->with)));
	}
	return array;
}

json_t *report_json_patch(const struct patch *patch)
{
	static const char *const kinds[] = { "policy", "kernel", "load", "drop-in", "config" };
	json_t *array = json_array();

	for (size_t i = 0; i < patch->file_count; i++)
		json_array_append_new(
		    array, json_pack("{s:o,s:s,s:o}", "file", report_json_text(slice_of(patch_path(&patch->files[i]))),
				     "kind", kinds[patch->files[i].kind], "edits", json_edits(&patch->files[i])));
	return array;
}

static json_t *json_change(const struct compare_change *change)
{
	static const char *const kinds[] = { "file", "link", "logging", "class", "field", "added", "lost" };
	AUTOBUF words = { 0 };

	compare_words(change, &words);
	return json_pack("{s:s,s:o,s:o,s:o,s:o,s:b}", "kind", kinds[change->kind], "profile",
			 report_json_text(change->profile), "pattern", report_json_text(change->pattern), "example",
			 report_json_text(change->example), "change", report_json_text(buf_slice(&words)), "inside",
			 change->allowed);
}

json_t *report_json_changes(const struct comparison *comparison)
{
	json_t *changes = json_array();

	for (size_t i = 0; i < comparison->count; i++)
		json_array_append_new(changes, json_change(&comparison->changes[i]));
	return changes;
}

static json_t *json_starts(const struct proof *proof)
{
	size_t count = 0;
	const struct proof_start *starts = proof ? proof_starts(proof, &count) : NULL;
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++) {
		const struct proof_start *s = &starts[i];

		json_array_append_new(
		    array, json_pack("{s:o,s:I,s:s,s:s?,s:b,s:o}", "container",
				     s->container ? report_json_text(s->container->name) : json_null(), "alike",
				     (json_int_t)s->alike, "made_from", nextstart_words(s->base), "why", s->why,
				     "inside", s->comparison.allowed, "changes", report_json_changes(&s->comparison)));
	}
	return array;
}

json_t *report_json_proof(const struct proof_policy *policies, size_t count, const struct proof *proof)
{
	json_t *files = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(files, json_pack("{s:s,s:b,s:s?,s:s?,s:o}", "file", policies[i].policy->path,
						       "inside", policies[i].comparison.allowed, "not_loaded",
						       policies[i].skipped, "assumed", policies[i].assumed, "changes",
						       report_json_changes(&policies[i].comparison)));
	return json_pack("{s:b,s:o,s:o}", "proved", proof != NULL, "policies", files, "next_starts",
			 json_starts(proof));
}

static const char *asked_word(int answer)
{
	return answer == 0 ? "allowed" : answer > 0 ? "denied" : "unknown";
}

static json_t *json_asked(const struct receipt_probe *p)
{
	return json_pack("{s:o,s:o,s:s,s:s}", "profile", report_json_text(p->profile), "path",
			 report_json_text(p->path), "before", asked_word(p->before), "after", asked_word(p->after));
}

json_t *report_json_receipt(const struct receipt *receipt)
{
	json_t *files = json_array();
	json_t *asked = json_array();

	for (size_t i = 0; i < receipt->file_count; i++)
		json_array_append_new(files, report_json_text(slice_of(receipt->files[i])));
	for (size_t i = 0; i < receipt->probe_count; i++)
		json_array_append_new(asked, json_asked(&receipt->probes[i]));
	return json_pack("{s:s?,s:o,s:o,s:s,s:o}", "id", receipt->backup_id, "files", files, "loaded",
			 text_list(receipt->profiles, receipt->profile_count), "kernel",
			 kernel_state_words(receipt->kernel), "asked", asked);
}
