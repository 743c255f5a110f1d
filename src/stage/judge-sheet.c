/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge-sheet: small profiles, made from a policy's text, that tell what single rules do. */
#include <ctype.h>

#include "judge-internal.h"

static const char perm_letters[] = "xwralkm"; /* in the order of the PERM_* bits */

static bool has_letter(struct slice letters, char letter)
{
	for (size_t i = 0; i < letters.len; i++)
		if (tolower((unsigned char)letters.ptr[i]) == letter)
			return true;
	return false;
}

/* May these letters give or take one of the permissions? `w` holds `a`, and some x hold `m`. */
static bool speaks_of(const struct stmt *rule, uint32_t perms)
{
	struct slice letters = rule->perms;

	if (letters.len == 0) /* `file,` and `all,`; `link A -> B` */
		return rule->rule_class != RULE_LINK || (perms & PERM_L);
	for (size_t i = 0; i < sizeof perm_letters - 1; i++)
		if ((perms & 1U << i) && has_letter(letters, perm_letters[i]))
			return true;
	return ((perms & PERM_A) && has_letter(letters, 'w')) || ((perms & PERM_M) && has_letter(letters, 'x'));
}

/* Do the plain bytes with which the pattern begins differ from those of the path? Then it needs no closer look. */
static bool begins_otherwise(struct slice pattern, struct slice path)
{
	for (size_t i = 0; i < pattern.len && !strchr("*?[]{}\\\"@", pattern.ptr[i]); i++) {
		if (i > 0 && pattern.ptr[i] == '/' && pattern.ptr[i - 1] == '/')
			return false; /* slashes are joined */
		if (i >= path.len || path.ptr[i] != pattern.ptr[i])
			return true;
	}
	return false;
}

/* What the text cannot tell is for the parser to tell: variables, and patterns that are none here. */
static bool may_match(struct slice pattern, struct slice path)
{
	AUTOARENA scratch = { 0 };
	struct aare aare = { 0 };
	bool matches = true;

	if (begins_otherwise(pattern, path))
		return false;
	if (memmem(pattern.ptr, pattern.len, "@{", 2))
		return true;
	if (aare_parse(&aare, pattern, re_pool_new(&scratch, 0), &scratch, NULL) == 0)
		matches = aare_match(&aare, path, &scratch);
	aare_release(&aare);
	return matches;
}

static bool is_candidate(const struct judge_sheet *sheet, const struct policy_place *rule,
			 const struct conflict_access *accesses, size_t count)
{
	const struct stmt *stmt = rule->stmt;
	struct slice pattern = doc_word(stmt->path, sheet->arena);

	for (size_t i = 0; i < count; i++) {
		if (!speaks_of(stmt, accesses[i].perms))
			continue;
		if (stmt->path.len == 0 || sheet->aliases || may_match(pattern, accesses[i].path))
			return true;
	}
	return false;
}

/* The name as a pattern for itself. */
static void add_name(struct buf *out, struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (strchr("\\*?[]{}^,\"", name.ptr[i]))
			buf_addc(out, '\\');
		buf_addc(out, name.ptr[i]);
	}
}

/* A rule's text in a profile of another name. */
static void add_text(struct buf *out, struct slice text, struct slice name)
{
	static const char variable[] = "@{profile_name}";

	while (text.len > 0) {
		if (slice_starts(text, variable)) {
			add_name(out, name);
			text = slice_from(text, sizeof variable - 1);
			continue;
		}
		buf_addc(out, text.ptr[0]);
		text = slice_from(text, 1);
	}
}

/* The rule without some letters; nothing where none is left. */
static void add_rule(struct buf *out, const struct policy_place *rule, uint32_t without, bool priority,
		     struct slice name)
{
	const struct stmt *s = rule->stmt;
	const struct qualifiers *q = &s->qualifiers;
	size_t at = s->perms.len > 0 ? (size_t)(s->perms.ptr - s->text.ptr) : s->text.len;
	AUTOBUF letters = { 0 };

	for (size_t i = 0; i < s->perms.len; i++) {
		const char *hit = strchr(perm_letters, tolower((unsigned char)s->perms.ptr[i]));

		if (!hit || !*hit || !(without & 1U << (hit - perm_letters)))
			buf_addc(&letters, s->perms.ptr[i]);
	}
	if (without && letters.len == 0)
		return;
	if (priority && q->has_priority)
		buf_addf(out, "priority=%d ", q->priority);
	buf_adds(out, q->deny ? "deny " : q->prompt ? "prompt " : "");
	buf_adds(out, q->owner ? "owner " : q->other ? "other " : "");
	add_text(out, slice_sub(s->text, 0, at), name);
	buf_addslice(out, buf_slice(&letters));
	add_text(out, slice_from(s->text, at + s->perms.len), name);
	buf_adds(out, ",\n");
}

/* An `else` stands behind the branches before it, which are empty here. */
static void add_branches(struct buf *out, const struct policy_place *branch)
{
	const struct stmt *stmt = branch->stmt, *first = NULL;
	const struct stmt *s = stmt->parent ? stmt->parent->body : branch->source->doc.first;

	for (; s && s != stmt; s = s->next)
		if (s->kind == STMT_CONDITIONAL && !s->is_else)
			first = s;
	for (s = stmt->is_else ? first : stmt; s; s = s->next) {
		if (s->kind != STMT_CONDITIONAL)
			continue;
		buf_adds(out, s->is_else ? " else " : "");
		if (s->condition.len > 0)
			buf_addf(out, "if %.*s\n", SLICE_FMT(s->condition));
		if (s == stmt)
			break;
		buf_adds(out, "{ }");
	}
	buf_adds(out, "{\n");
}

static bool is_in_block(const struct policy_place *rule)
{
	struct policy_place at = *rule;

	while (policy_outer(&at) && at.stmt->kind != STMT_PROFILE)
		if (at.stmt->kind == STMT_BLOCK)
			return true;
	return false;
}

/* Opens what stands around a rule, outermost first; how many braces are to be closed. */
static size_t add_around(struct buf *out, const struct policy_place *rule, struct arena *arena)
{
	VEC(struct policy_place) around = { 0 };
	struct policy_place at = *rule;

	while (policy_outer(&at) && at.stmt->kind != STMT_PROFILE)
		if (at.stmt->kind == STMT_BLOCK || at.stmt->kind == STMT_CONDITIONAL)
			VEC_PUSH(arena, &around, at);
	for (size_t i = around.len; i > 0; i--) {
		const struct policy_place *p = &around.ptr[i - 1];
		struct span span = p->stmt->qualifiers.text;

		if (p->stmt->kind == STMT_CONDITIONAL)
			add_branches(out, p);
		else
			buf_addf(out, "%.*s {\n", SLICE_FMT(slice_sub(p->source->doc.text, span.at, span.len)));
	}
	return around.len;
}

static void add_placed(struct buf *out, const struct policy_place *rule, uint32_t without, bool priority,
		       struct slice name, struct arena *arena)
{
	size_t open = add_around(out, rule, arena);

	add_rule(out, rule, without, priority, name);
	for (size_t i = 0; i < open; i++)
		buf_adds(out, "}\n");
}

/* Equal profiles are one. The attachment, which @{exec_path} is, stands in front of the body. */
static size_t add_profile(struct judge_sheet *sheet, const struct policy_profile *profile, struct slice body)
{
	const struct stmt *header = profile->place.stmt;
	struct slice attachment = header->attachment;
	AUTOBUF text = { 0 };

	if (attachment.len == 0 && slice_starts(profile->name, "/") && !header->is_hat)
		attachment = header->name;
	buf_addf(&text, "%.*s {\n%.*s}\n", SLICE_FMT(attachment), SLICE_FMT(body));
	for (size_t i = 0; i < sheet->bodies.len; i++)
		if (slice_eq(sheet->bodies.ptr[i], buf_slice(&text)))
			return i + 1;
	VEC_PUSH(sheet->arena, &sheet->bodies, arena_slice(sheet->arena, buf_slice(&text)));
	buf_addf(&sheet->text, "profile n%zu %s", sheet->bodies.len, buf_str(&text));
	return sheet->bodies.len;
}

static size_t add_alone(struct judge_sheet *sheet, const struct policy_profile *profile,
			const struct policy_place *rule, const char *beside)
{
	AUTOBUF body = { 0 };

	buf_adds(&body, beside);
	add_placed(&body, rule, 0, false, profile->name, sheet->arena);
	return add_profile(sheet, profile, buf_slice(&body));
}

static struct judge_single add_single(struct judge_sheet *sheet, const struct policy_profile *profile,
				      const struct policy_place *rule)
{
	struct judge_single single = { .rule = rule, .deny = policy_denies(rule) };
	bool both = is_in_block(rule);

	if (!single.deny || both)
		single.gives = add_alone(sheet, profile, rule, "");
	if (single.deny || both)
		single.takes = add_alone(sheet, profile, rule, "file,\n");
	return single;
}

/* All file rules, the taken deny rules without `perms`; `back` (or NULL) as it is. */
static size_t add_take_out(struct judge_sheet *sheet, const struct policy_profile *profile,
			   const struct judge_singles *singles, uint32_t perms, const struct judge_single *back)
{
	AUTOBUF body = { 0 };
	size_t next = 0;

	for (size_t i = 0; i < profile->rule_count; i++) {
		const struct policy_place *rule = &profile->rules[i];
		const struct judge_single *single = next < singles->list.len ? &singles->list.ptr[next] : NULL;
		bool taken = single && single->rule == rule;

		next += taken;
		add_placed(&body, rule, taken && single->deny && single != back ? perms : 0, true, profile->name,
			   sheet->arena);
	}
	return add_profile(sheet, profile, buf_slice(&body));
}

static bool has_priority(const struct policy_profile *profile)
{
	for (size_t i = 0; i < profile->rule_count; i++)
		if (profile->rules[i].stmt->qualifiers.priority != 0)
			return true;
	return false;
}

int judge_sheet_add(struct judge_sheet *sheet, const struct policy_profile *profile,
		    const struct conflict_access *accesses, size_t count, struct judge_singles *out, struct err *err)
{
	const bool priorities = has_priority(profile);
	uint32_t perms = 0;
	size_t denies = 0;

	*out = (struct judge_singles){ 0 };
	for (size_t i = 0; i < count; i++)
		perms |= accesses[i].perms;
	for (size_t i = 0; i < profile->rule_count; i++) {
		const struct policy_place *rule = &profile->rules[i];

		if (!is_candidate(sheet, rule, accesses, count))
			continue;
		denies += policy_denies(rule);
		if (out->list.len == JUDGE_SINGLES || (priorities && denies > JUDGE_BACK))
			return err_put(err, ERR_FAILED,
				       "cannot tell which rules of '%.*s' decide: more than %d of them may",
				       SLICE_FMT(profile->name), priorities ? JUDGE_BACK : JUDGE_SINGLES);
		VEC_PUSH(sheet->arena, &out->list, add_single(sheet, profile, rule));
	}
	out->without = add_take_out(sheet, profile, out, perms, NULL);
	for (size_t i = 0; priorities && i < out->list.len; i++)
		if (out->list.ptr[i].deny)
			out->list.ptr[i].back = add_take_out(sheet, profile, out, perms, &out->list.ptr[i]);
	return 0;
}

void judge_sheet_begin(struct judge_sheet *sheet, const struct policy *policy, struct arena *arena)
{
	*sheet = (struct judge_sheet){ .arena = arena, .from = policy->from };
	for (size_t i = 0; i < policy->preamble_count; i++) {
		const struct policy_place *p = &policy->preamble[i];

		buf_addslice(&sheet->text, slice_sub(p->source->doc.text, p->stmt->span.at, p->stmt->span.len));
		buf_addc(&sheet->text, '\n');
		sheet->aliases |= p->stmt->kind == STMT_ALIAS;
	}
}

const struct policy *judge_sheet_end(struct judge_sheet *sheet)
{
	static const char path[] = "/aa-nestfix-sheet";
	struct policy_sources *sources = policy_sources_over(sheet->from, sheet->arena);
	struct policy *policy = ARENA_NEW(sheet->arena, struct policy);

	policy_sources_put(sources, path, arena_slice(sheet->arena, buf_slice(&sheet->text)));
	buf_release(&sheet->text);
	policy->path = path;
	policy->sources = arena_array(sheet->arena, 1, sizeof *policy->sources);
	policy->sources[0] = policy_source(sources, path, NULL);
	policy->source_count = 1;
	policy->from = sources;
	return policy;
}
