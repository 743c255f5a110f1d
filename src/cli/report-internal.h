/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the parts of the report room. */
#ifndef NESTFIX_REPORT_INTERNAL_H
#define NESTFIX_REPORT_INTERNAL_H

#include <stdarg.h>

#include <jansson.h>

#include <nestfix/report.h>

/*
 * Text for people: as printf, with what the arguments hold shown on one line. Conversions: %s, %.*s, %d, %u, %ld,
 * %zu, with a width or without. Only a text that has line ends of its own, as a diff, is written by fwrite.
 */
void report_print(const struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void report_bold(const struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same in green and in red; the words say it, too. */
void report_good(const struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void report_bad(const struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void report_format(struct buf *out, const char *fmt, va_list *ap);

/* A message, on standard error. Further lines of it are set in, so that none passes for a line of ours. */
void report_talk(const struct report *r, struct slice text);

/* Does the patch edit a file of another package; and what that means. */
bool report_edits_conffile(const struct patch *patch);
void report_conffile(const struct report *r);

/* What a command wrote and loaded. */
void report_receipt(const struct report *r, const struct receipt *receipt);

/* A label in the left column, then text. */
void report_row(const struct report *r, const char *label, const char *text);

/* A rule's text on one line, as it stands in its file. */
void report_rule_text(const struct policy_place *rule, struct buf *out);

/* "FILE:LINE > FILE:LINE": the includes that bring a rule in, outermost first; empty for a rule of the top-level file.
 */
void report_via(const struct policy_place *rule, struct buf *out);

const char *report_state_word(enum locate_state state); /* stable: also in JSON */

/* A JSON string of any bytes: what is no UTF-8 becomes U+FFFD. */
json_t *report_json_text(struct slice text);
json_t *report_json_rule(const struct policy_place *rule); /* null for NULL */
json_t *report_json_error(const struct err *err);
json_t *report_json_object(const char *command);
void report_json_print(const struct report *r, json_t *object); /* takes the object */

/* The whole in a word, as the headline and the exit status say it. */
const char *report_json_state(const struct report_seen *seen);
json_t *report_json_check(const struct report *r, const struct report_seen *seen);
json_t *report_json_changes(const struct comparison *comparison);
json_t *report_json_proof(const struct proof_policy *policies, size_t count, const struct proof *proof);
json_t *report_json_patch(const struct patch *patch);
json_t *report_json_obstacles(const struct obstacles *obstacles); /* null where nobody could look */
json_t *report_json_receipt(const struct receipt *receipt);

/* What else is in the way, for people; ends with `after`; nothing is printed where nothing is. */
bool report_has_obstacles(const struct obstacles *obstacles);
void report_obstacles(const struct report *r, const struct obstacles *obstacles, const char *after);

/* What to do about them. */
void report_advice(const struct report *r);

/* One answer in a few words: "the runc rule", "nesting is off"; empty where there is nothing to say. */
const char *report_answer(const struct verdict *v, const struct verdict_answer *a, struct arena *arena);

/* "AppArmor is OFF (FILE:LINE)", or that it is hidden from the container's own programs. */
const char *report_off(const struct verdict *v, bool hidden, struct arena *arena);

/* Stable: also in JSON. */
const char *report_verdict_word(enum verdict_word word);
const char *report_kind(enum container_kind kind);

/* A row a container. */
void report_verdicts(const struct report *r, const struct site *site, const struct finding *finding,
		     const struct verdicts *verdicts);
json_t *report_json_containers(const struct report *r, const struct site *site, const struct finding *finding,
			       const struct verdicts *verdicts);

/* What a new one would get; null where nobody can tell. */
json_t *report_json_fresh(const struct report *r, const struct site *site, const struct finding *finding,
			  const struct verdicts *verdicts);

/* Inside a container. */
void report_guest(const struct report *r, enum probe_self meets, const struct err *why);
const char *report_guest_word(enum probe_self meets);

/* What to type, one thing for all that need it. */
void report_remedies(const struct report *r, const struct site *site, const struct finding *finding,
		     const struct verdict *const *rows, size_t count);
json_t *report_json_remedy(const struct report *r, const struct site *site, const struct finding *finding,
			   const struct verdict *v);

/* "Proxmox VE 8.4.1, LXC 6.0.0-1". */
const char *report_host(const struct container_host *host, struct arena *arena);

/* Columns of the terminal that is written to, 80 where there is none. */
int report_width(const struct report *r);

/* Text of several words that begins in this column; further lines begin there, too. */
void report_wrapped(const struct report *r, int column, const char *text);

/* "\n  type: …" for one container, or empty. */
const char *report_remedy(const struct report *r, const struct site *site, const struct finding *finding,
			  const struct verdict *v);

/* A unified diff of one file of a patch, as diff -u writes it. */
void report_unified(const struct patch_file *file, struct buf *out);

#endif
