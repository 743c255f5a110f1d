/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy-rule: from a statement to the rules in force. Facts: parser_yacc.y, parser_misc.c, profile.cc of 4.1.8. */
#include "policy-internal.h"

enum { /* how x is done: immunix.h AA_EXEC_UNSAFE, …_INHERIT, …_PUX, …_UNCONFINED, …_PROFILE, …_LOCAL */
       EXEC_UNSAFE = 1,
       EXEC_INHERIT = 2,
       EXEC_PUX = 4,
       EXEC_UNCONFINED = 8,
       EXEC_PROFILE = 16,
       EXEC_LOCAL = EXEC_UNCONFINED | EXEC_PROFILE,
       EXEC_MODIFIERS = EXEC_LOCAL,
};

struct letters {
	uint32_t perms;
	unsigned exec;
	const char *wrong; /* what is wrong with them, or NULL */
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* One exec kind: "ix", "Pux", … at `at`. Returns its length, 0 with `wrong` set. */
static size_t read_exec(struct slice text, size_t at, struct letters *l)
{
	char first = lower(text.ptr[at]), second = at + 1 < text.len ? lower(text.ptr[at + 1]) : '\0';
	unsigned kind = first == text.ptr[at] && first != 'i' ? EXEC_UNSAFE : 0;
	size_t n = 1;

	if (first == 'i')
		kind = EXEC_INHERIT;
	else if (first == 'u')
		kind |= EXEC_UNCONFINED;
	else
		kind |= first == 'p' ? EXEC_PROFILE : EXEC_LOCAL;
	if ((first == 'p' || first == 'c') && (second == 'i' || second == 'u')) {
		kind |= second == 'i' ? EXEC_INHERIT : EXEC_PUX;
		n = 2;
	}
	if (at + n >= text.len || lower(text.ptr[at + n]) != 'x') {
		l->wrong = "an exec kind without 'x'";
		return 0;
	}
	if (first == 'i' ? (l->exec & EXEC_MODIFIERS) != 0 : (l->perms & PERM_X) && l->exec != kind) {
		l->wrong = "two kinds of exec";
		return 0;
	}
	l->perms |= PERM_X;
	l->exec |= kind;
	return n + 1;
}

/* parse_sub_perms(). w sets w and a, so that `deny w` denies appending, too. */
static struct letters read_letters(struct slice text)
{
	struct letters l = { 0 };
	size_t n;

	for (size_t i = 0; i < text.len && !l.wrong; i += n) {
		char c = lower(text.ptr[i]);

		n = 1;
		if (c == 'r')
			l.perms |= PERM_R;
		else if (c == 'w' || c == 'a') {
			if (c == 'a' ? (l.perms & PERM_W) != 0 : (l.perms & (PERM_W | PERM_A)) == PERM_A)
				l.wrong = "both 'w' and 'a'";
			l.perms |= c == 'w' ? PERM_W | PERM_A : PERM_A;
		} else if (c == 'm')
			l.perms |= PERM_M;
		else if (c == 'k')
			l.perms |= PERM_K;
		else if (c == 'l')
			l.perms |= PERM_L;
		else if (c == 'x')
			l.perms |= PERM_X;
		else if (c == 'i' || c == 'u' || c == 'p' || c == 'c')
			n = read_exec(text, i, &l);
		else
			l.wrong = "a letter that is no permission";
	}
	if (!l.wrong && l.perms == 0)
		l.wrong = "no permission";
	return l;
}

/* generic_add_prefix(): what contradicts itself is an error, what is said twice is not. */
bool policy_join_mode(struct policy_mode *mode, const struct qualifiers *q)
{
	mode->deny |= q->deny;
	mode->allow |= q->allow;
	mode->prompt |= q->prompt;
	mode->audit |= q->audit;
	mode->owner |= q->owner;
	mode->other |= q->other;
	return mode->deny + mode->allow + mode->prompt <= 1;
}

/* check_x_qualifier() */
static const char *wrong_exec(const struct letters *l, bool deny)
{
	if (!(l->perms & PERM_X))
		return NULL;
	if (deny && l->exec)
		return "a deny rule takes a plain 'x'";
	if (!deny && !l->exec)
		return "'x' needs a kind: ix, px, cx, ux, …";
	return NULL;
}

static int push_rule(struct policy_reading *r, const struct policy_scope *scope, const struct policy_rule *rule)
{
	if (!scope->live || !scope->build)
		return 0;
	if (++r->rules > POLICY_MAX_RULES)
		return POLICY_FAIL(r->err, policy_stmt_place(rule->source, rule->stmt),
				   "cannot read this policy: more than %d file rules", POLICY_MAX_RULES);
	VEC_PUSH(r->arena, &scope->build->rules, *rule);
	return 0;
}

/* What all rules of a statement have in common. */
static int start_rule(struct policy_reading *r, const struct policy_scope *scope, const struct stmt *stmt,
		      struct policy_rule *rule)
{
	struct policy_mode mode = scope->mode;
	struct policy_place place = policy_stmt_place(scope->source, stmt);

	if (!policy_join_mode(&mode, &stmt->qualifiers))
		return POLICY_FAIL(r->err, place, "cannot read this rule: its qualifiers contradict each other");
	if (stmt->qualifiers.priority < -1000 || stmt->qualifiers.priority > 1000)
		return POLICY_FAIL(r->err, place, "cannot read this rule: priority %d is not between -1000 and 1000",
				   stmt->qualifiers.priority);
	*rule = (struct policy_rule){
		.source = scope->source,
		.stmt = stmt,
		.via = scope->via,
		.deny = mode.deny,
		.audit = mode.audit,
		.prompt = mode.prompt,
		.owner = mode.owner,
		.other = mode.other,
		.priority = stmt->qualifiers.priority,
		.fixed = scope->conditional ? POLICY_IN_CONDITIONAL
			 : scope->block     ? POLICY_IN_BLOCK
					    : POLICY_EDITABLE,
	};
	return 0;
}

/* Where the -> of a rule leads: a link's target or an exec target. 4.1.8 and later; before that the target of a rule
 * "PATH l -> TARGET" was ignored (parser_yacc.y, frule). */
static const char *set_target(struct policy_rule *rule, const struct stmt *stmt, const struct letters *l,
			      struct arena *arena)
{
	bool link = l->perms & PERM_L, exec = l->perms & PERM_X;

	if (stmt->subset && (l->perms & ~(uint32_t)PERM_L))
		return "'subset' goes with 'l' only";
	if (stmt->target.len == 0)
		return NULL;
	if (stmt->perms_first && link && exec)
		return "'->' cannot serve both 'l' and 'x'";
	rule->target = doc_word(stmt->target, arena);
	rule->is_link = link && !exec;
	return NULL;
}

static int add_file_rule(struct policy_reading *r, const struct policy_scope *scope, const struct stmt *stmt,
			 struct policy_rule *rule)
{
	struct letters l = { .perms = PERM_L };
	bool is_link = stmt->rule_class == RULE_LINK;
	const char *wrong = NULL;

	if (!is_link || stmt->perms.len > 0)
		l = read_letters(stmt->perms);
	wrong = l.wrong ? l.wrong : wrong_exec(&l, stmt->qualifiers.deny);
	if (!wrong)
		wrong = wrong_exec(&l, rule->deny);
	if (!wrong)
		wrong = set_target(rule, stmt, &l, r->arena);
	if (!wrong && is_link && rule->target.len == 0 && stmt->perms.len == 0)
		wrong = "a link rule needs a target";
	if (wrong)
		return POLICY_FAIL(
		    r->err, policy_text_place(scope->source, (stmt->perms.len ? stmt->perms_span.at : stmt->span.at)),
		    "cannot read this rule: %s", wrong);
	rule->perms = l.perms;
	rule->inherit = l.exec & EXEC_INHERIT;
	rule->pattern = doc_word(stmt->path, r->arena);
	return push_rule(r, scope, rule);
}

/* `file,` (parser_yacc.y, file_rule) */
static int add_bare_file(struct policy_reading *r, const struct policy_scope *scope, struct policy_rule *rule)
{
	struct letters l = { .perms = PERM_X, .exec = EXEC_INHERIT };
	const char *wrong = wrong_exec(&l, rule->deny);

	if (wrong)
		return POLICY_FAIL(r->err, policy_stmt_place(rule->source, rule->stmt), "cannot read this rule: %s",
				   wrong);
	rule->pattern = SLICE("/{**,}");
	rule->perms = PERM_R | PERM_W | PERM_A | PERM_M | PERM_K | PERM_L | PERM_X;
	rule->inherit = true;
	return push_rule(r, scope, rule);
}

/*
 * `all,` (all_rule.cc): everything but x, and x at a lower priority. In all releases with `all` (4.0 … 5.0), `deny all`
 * reaches only the owner half of the first.
 */
static int add_all(struct policy_reading *r, const struct policy_scope *scope, struct policy_rule *rule)
{
	struct policy_rule exec = *rule;

	if (rule->owner || rule->other || rule->stmt->qualifiers.has_priority)
		return POLICY_FAIL(r->err, policy_stmt_place(rule->source, rule->stmt),
				   "cannot read this rule: 'all' takes neither owner nor priority");
	rule->pattern = exec.pattern = SLICE("/{**,}");
	rule->perms = PERM_R | PERM_W | PERM_A | PERM_M | PERM_K | PERM_L;
	rule->owner = rule->deny;
	exec.perms = PERM_X;
	exec.inherit = !rule->deny;
	exec.priority = -1;
	return push_rule(r, scope, rule) < 0 ? -1 : push_rule(r, scope, &exec);
}

int policy_add_rule(struct policy_reading *r, const struct policy_scope *scope, const struct stmt *stmt)
{
	struct policy_rule rule;

	if (start_rule(r, scope, stmt, &rule) < 0)
		return -1;
	if (stmt->rule_class == RULE_ALL)
		return scope->block ? 0 : add_all(r, scope, &rule);
	if (stmt->path.len == 0)
		return add_bare_file(r, scope, &rule);
	return add_file_rule(r, scope, stmt, &rule);
}

/*
 * profile.cc add_proc_access(): read of two places, and write (not append), all for the owner half only, as the
 * permissions there are not copied to the other half. 2.13 (parser_policy.c): only the write, and fewer places.
 */
void policy_add_implied(struct policy_reading *r, struct policy_build *build, const struct policy_rule *cause,
			bool for_hat)
{
	static const char *const write[2][2] = {
		{ "/proc/*/attr/{apparmor/,}{current,exec}", "/proc/[0-9]*/attr/{apparmor/,}current" },
		{ "/proc/*/attr/{current,exec}", "/proc/[0-9]*/attr/current" },
	};
	bool is_213 = policy_dialect_of(r->sources)->include_every_time;
	const struct {
		struct slice pattern;
		uint32_t perms;
	} implied[] = {
		{ slice_of(write[is_213][for_hat]), PERM_W },
		{ SLICE("/proc/*/attr/apparmor/"), PERM_R },
		{ SLICE("/sys/module/apparmor/parameters/enabled"), PERM_R },
	};

	for (size_t i = 0; i < (is_213 ? 1 : 3); i++) {
		struct policy_rule rule = { .source = cause->source, .stmt = cause->stmt, .via = cause->via };

		rule.owner = true;
		rule.fixed = POLICY_IMPLIED;
		rule.pattern = implied[i].pattern;
		rule.perms = implied[i].perms;
		VEC_PUSH(r->arena, &build->rules, rule);
	}
}

static int expand_rule(struct policy_reading *r, struct policy_rule *rule)
{
	struct policy_place place = policy_stmt_place(rule->source, rule->stmt);
	bool found;

	if (rule->stmt->path_span.len > 0 && rule->fixed != POLICY_IMPLIED)
		place = policy_text_place(rule->source, rule->stmt->path_span.at);
	if (policy_expand(&r->vars, rule->pattern, &rule->pattern, &found, place, r->err) < 0)
		return -1;
	if (found && rule->fixed == POLICY_EDITABLE)
		rule->fixed = POLICY_BY_VARIABLE;
	if (!rule->is_link)
		return 0;
	return policy_expand(&r->vars, rule->target, &rule->target, NULL, place, r->err);
}

static bool begins(struct slice text, struct slice with)
{
	return text.len >= with.len && slice_eq(slice_sub(text, 0, with.len), with);
}

static struct slice aliased(struct slice text, const struct policy_alias *alias, struct arena *arena)
{
	AUTOBUF b = { 0 };

	buf_addslice(&b, alias->to);
	buf_addslice(&b, slice_from(text, alias->from.len));
	return arena_slice(arena, buf_slice(&b));
}

/* parser_alias.c process_entries(): path or link target, by plain prefix; a copy gets no copies itself. */
static bool apply_alias(const struct policy_rule *rule, const struct policy_alias *alias, struct policy_rule *copy,
			struct arena *arena)
{
	bool path = begins(rule->pattern, alias->from), target = rule->is_link && begins(rule->target, alias->from);

	*copy = *rule;
	if (path)
		copy->pattern = aliased(rule->pattern, alias, arena);
	if (target)
		copy->target = aliased(rule->target, alias, arena);
	if (copy->fixed == POLICY_EDITABLE)
		copy->fixed = POLICY_BY_ALIAS;
	return path || target;
}

int policy_finish_rules(struct policy_reading *r, struct policy_build *build)
{
	VEC(struct policy_rule) done = { 0 };

	for (size_t i = 0; i < build->rules.len; i++) {
		struct policy_rule *rule = &build->rules.ptr[i], copy;

		if (expand_rule(r, rule) < 0)
			return -1;
		VEC_PUSH(r->arena, &done, *rule);
		for (size_t j = 0; j < r->aliases.len; j++)
			if (apply_alias(rule, &r->aliases.ptr[j], &copy, r->arena))
				VEC_PUSH(r->arena, &done, copy);
		if (done.len > POLICY_MAX_RULES)
			return POLICY_FAIL(r->err, policy_stmt_place(rule->source, rule->stmt),
					   "cannot read this policy: more than %d file rules", POLICY_MAX_RULES);
	}
	build->profile.rules = done.ptr;
	build->profile.rule_count = done.len;
	return 0;
}
