/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What decides one access in each profile. */
#include "report-internal.h"

static json_t *json_verdict(const struct judge_question *q, struct slice perms)
{
	const struct judge_answer *a = q->answers;
	bool owner = a->allowed[AUTOMATON_USER], others = a->allowed[AUTOMATON_OTHER];

	return json_pack("{s:o,s:o,s:o,s:b,s:o,s:b,s:o,s:b,s:o}", "profile", report_json_text(q->profile->name), "path",
			 report_json_text(q->accesses->path), "perm", report_json_text(perms), "allowed",
			 owner && others, "rule", report_json_rule(a->rule[others ? AUTOMATON_USER : AUTOMATON_OTHER]),
			 "owner_allowed", owner, "owner_rule", report_json_rule(a->rule[AUTOMATON_USER]),
			 "others_allowed", others, "others_rule", report_json_rule(a->rule[AUTOMATON_OTHER]));
}

static void print_half(const struct report *r, const struct judge_question *q, int half, const char *whom)
{
	const struct policy_place *rule = q->answers->rule[half];
	bool allowed = q->answers->allowed[half];
	AUTOBUF text = { 0 };

	report_print(r, "%.*s: %s%s", SLICE_FMT(q->profile->name), allowed ? "allowed" : "denied", whom);
	if (!rule) {
		fputs(allowed || err_is_set(&q->unsure) ? "\n" : ", no rule matches\n", r->out);
		return;
	}
	report_rule_text(rule, &text);
	report_print(r, " by %s:%zu\n    %s\n", rule->source->path, rule->stmt->line, buf_str(&text));
	if (rule->stmt->qualifiers.priority != 0)
		report_print(r, "    priority %d\n", rule->stmt->qualifiers.priority);
}

static void print_verdict(const struct report *r, const struct judge_question *q)
{
	const struct judge_answer *a = q->answers;

	if (a->allowed[AUTOMATON_USER] == a->allowed[AUTOMATON_OTHER] &&
	    a->rule[AUTOMATON_USER] == a->rule[AUTOMATON_OTHER]) {
		print_half(r, q, AUTOMATON_OTHER, "");
		return;
	}
	print_half(r, q, AUTOMATON_USER, " to the owner");
	print_half(r, q, AUTOMATON_OTHER, " to others");
}

void report_explain(const struct report *r, struct slice perms, const struct judge_question *const *questions,
		    size_t count)
{
	json_t *list;

	if (r->json) {
		json_t *object = report_json_object("explain");

		list = json_array();
		for (size_t i = 0; i < count; i++)
			json_array_append_new(list, json_verdict(questions[i], perms));
		json_object_set_new(object, "profiles", list);
		report_json_print(r, object);
		return;
	}
	for (size_t i = 0; i < count; i++)
		print_verdict(r, questions[i]);
	if (count == 0)
		report_note(r, "no container profile in the policy files");
}
