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
void report_format(struct buf *out, const char *fmt, va_list *ap);

/* A message, on standard error. Further lines of it are set in, so that none passes for a line of ours. */
void report_talk(const struct report *r, struct slice text);

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

json_t *report_json_check(const struct site *site, const struct finding *finding, const char *unfinished,
			  const struct report_offer *offers, size_t offer_count);
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

/* One line a container, or counts where they are many; and what Incus and LXD want typed. */
void report_containers(const struct report *r, const struct site *site, const struct finding *finding);
void report_overrides(const struct report *r, const struct site *site, const struct finding *finding);
json_t *report_json_containers(const struct site *site, const struct finding *finding);

/* A unified diff of one file of a patch, as diff -u writes it. */
void report_unified(const struct patch_file *file, struct buf *out);

#endif
