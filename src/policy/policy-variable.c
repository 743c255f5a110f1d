/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy-variable: @{X} and $x.
 *
 * parser_symtab.c and parser_variable.c of apparmor_parser: variables inside the values of a variable are replaced by
 * plain concatenation (the product of all values); a variable in a rule becomes its only value, or {a,b} with slashes
 * trimmed where the text beside it has one already.
 *
 * Known differences, all where a text is odd: in a value, apparmor_parser (3.0.8 … 5.0.2) expands @{profile_name} once
 * and keeps the name of whichever profile came first; here every profile gets its own name. 5.0.2 drops values that
 * repeat, keeps the leading slashes of several values behind a "/" that begins the pattern, and prefers its own
 * @{exec_path} to a defined one; here it is as in 4.1.8.
 */
#include <strings.h>

#include "policy-internal.h"

struct split {
	size_t at, end; /* of "@{NAME}" */
	struct slice name;
};

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name(char c)
{
	return is_alpha(c) || (c >= '0' && c <= '9') || c == '_';
}

/* Index of the } that ends a name begun at `at`, or 0. */
static size_t name_end(struct slice text, size_t at)
{
	for (size_t i = at; i < text.len; i++) {
		if (text.ptr[i] == '}')
			return i;
		if (i == at ? !is_alpha(text.ptr[i]) : !is_name(text.ptr[i]))
			return 0;
	}
	return 0;
}

/* The first variable of a text: split_out_var(). A backslash protects the @; @X without braces is plain text. */
static bool find_variable(struct slice text, struct split *out)
{
	bool escaped = false;
	size_t end;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\\') {
			escaped = !escaped;
			continue;
		}
		if (!escaped && text.ptr[i] == '@' && i + 1 < text.len && text.ptr[i + 1] == '{') {
			end = name_end(text, i + 2);
			if (end > 0) {
				*out = (struct split){ i, end + 1, slice_sub(text, i + 2, end - i - 2) };
				return true;
			}
		}
		escaped = false;
	}
	return false;
}

struct policy_var *policy_var_find(const struct policy_vars *vars, struct slice name)
{
	for (size_t i = 0; i < vars->list.len; i++)
		if (slice_eq(vars->list.ptr[i]->name, name))
			return vars->list.ptr[i];
	return NULL;
}

void policy_vars_forget(struct policy_vars *vars)
{
	for (size_t i = 0; i < vars->list.len; i++) {
		vars->list.ptr[i]->state = POLICY_VAR_IDLE;
		vars->list.ptr[i]->expanded.len = 0;
		vars->list.ptr[i]->expanded.cap = 0;
		vars->list.ptr[i]->expanded.ptr = NULL;
	}
}

static struct policy_var *new_variable(struct policy_vars *vars, struct slice name)
{
	struct policy_var *var = ARENA_NEW(vars->arena, struct policy_var);

	var->name = name;
	VEC_PUSH(vars->arena, &vars->list, var);
	return var;
}

int policy_var_boolean(struct policy_vars *vars, struct slice name, bool truth, struct policy_place place,
		       struct err *err)
{
	struct policy_var *var = policy_var_find(vars, name);

	if (var)
		return POLICY_FAIL(err, place, "cannot define '%.*s' twice", SLICE_FMT(name));
	var = new_variable(vars, name);
	var->is_boolean = true;
	var->truth = truth;
	return 0;
}

int policy_var_assign(struct policy_vars *vars, const struct stmt *stmt, struct policy_place place, struct err *err)
{
	struct policy_var *var = policy_var_find(vars, stmt->name);

	if (stmt->value_count == 0)
		return POLICY_FAIL(err, place, "cannot define '@{%.*s}' without a value", SLICE_FMT(stmt->name));
	if (var && var->is_boolean)
		return POLICY_FAIL(err, place, "cannot define '@{%.*s}': it is a boolean", SLICE_FMT(stmt->name));
	if (var && slice_is(stmt->op, "?="))
		return 0;
	if (var && slice_is(stmt->op, "="))
		return POLICY_FAIL(err, place, "cannot define '@{%.*s}' twice", SLICE_FMT(stmt->name));
	if (!var && slice_is(stmt->op, "+="))
		return POLICY_FAIL(err, place, "cannot add to '@{%.*s}': it is not defined yet", SLICE_FMT(stmt->name));
	if (!var)
		var = new_variable(vars, stmt->name);
	if (slice_is(stmt->op, ":="))
		var->values.len = 0;
	for (size_t i = 0; i < stmt->value_count; i++)
		VEC_PUSH(vars->arena, &var->values, doc_word(stmt->values[i], vars->arena));
	policy_vars_forget(vars);
	return 0;
}

static int add_expanded(struct policy_vars *vars, struct policy_var *var, struct slice value, struct policy_place place,
			struct err *err)
{
	if (var->expanded.len >= POLICY_MAX_VALUES)
		return POLICY_FAIL(err, place, "cannot expand '@{%.*s}': more than %d values", SLICE_FMT(var->name),
				   POLICY_MAX_VALUES);
	VEC_PUSH(vars->arena, &var->expanded, value);
	return 0;
}

static int expand_var(struct policy_vars *vars, struct policy_var *var, unsigned depth, struct policy_place place,
		      struct err *err);

/* The variables that a profile brings itself. 5.0 has the last two (there they hide a definition of the same name). */
static const struct slice *builtin_value(const struct policy_vars *vars, struct slice name)
{
	if (slice_is(name, "profile_name"))
		return vars->profile_name;
	if ((slice_is(name, "attach_path") || slice_is(name, "exec_path")) && !policy_var_find(vars, name))
		return vars->attachment;
	return NULL;
}

/* The values that stand for a name inside a value: as policy_var_values, one level deeper. */
static int inner_values(struct policy_vars *vars, struct slice name, unsigned depth, struct slice **values,
			size_t *count, struct policy_place place, struct err *err)
{
	struct policy_var *var = policy_var_find(vars, name);
	const struct slice *builtin = builtin_value(vars, name);

	if (builtin) {
		*values = arena_array(vars->arena, 1, sizeof **values);
		**values = *builtin;
		*count = 1;
		return 0;
	}
	if (name.len == 0)
		return POLICY_FAIL(err, place, "cannot expand '@{}': it names no variable");
	if (!var)
		return POLICY_FAIL(err, place, "cannot expand '@{%.*s}': it is not defined", SLICE_FMT(name));
	if (var->is_boolean)
		return POLICY_FAIL(err, place, "cannot expand '@{%.*s}': it is a boolean", SLICE_FMT(name));
	if (expand_var(vars, var, depth, place, err) < 0)
		return -1;
	*values = var->expanded.ptr;
	*count = var->expanded.len;
	return 0;
}

/* One value: replaces its first variable by each of that one's values, until no text holds a variable any more. */
static int expand_value(struct policy_vars *vars, struct policy_var *var, struct slice value, unsigned depth,
			struct policy_place place, struct err *err)
{
	VEC(struct slice) work = { 0 };
	struct slice *values;
	struct split s;
	size_t count;

	VEC_PUSH(vars->arena, &work, value);
	while (work.len > 0) {
		struct slice text = work.ptr[--work.len];

		if (!find_variable(text, &s)) {
			if (add_expanded(vars, var, text, place, err) < 0)
				return -1;
			continue;
		}
		if (inner_values(vars, s.name, depth + 1, &values, &count, place, err) < 0)
			return -1;
		if (work.len + count > POLICY_MAX_VALUES || text.len > POLICY_MAX_TEXT)
			return POLICY_FAIL(err, place, "cannot expand '@{%.*s}': its values are too many or too long",
					   SLICE_FMT(var->name));
		for (size_t i = count; i > 0; i--) {
			AUTOBUF b = { 0 };

			buf_addslice(&b, slice_sub(text, 0, s.at));
			buf_addslice(&b, values[i - 1]);
			buf_addslice(&b, slice_from(text, s.end));
			VEC_PUSH(vars->arena, &work, arena_slice(vars->arena, buf_slice(&b)));
		}
	}
	return 0;
}

static int expand_var(struct policy_vars *vars, struct policy_var *var, unsigned depth, struct policy_place place,
		      struct err *err)
{
	if (var->state == POLICY_VAR_DONE)
		return 0;
	if (var->state == POLICY_VAR_BUSY)
		return POLICY_FAIL(err, place, "cannot expand '@{%.*s}': it refers to itself", SLICE_FMT(var->name));
	if (depth > POLICY_MAX_DEPTH)
		return POLICY_FAIL(err, place, "cannot expand '@{%.*s}': variables inside variables, over %d deep",
				   SLICE_FMT(var->name), POLICY_MAX_DEPTH);
	var->state = POLICY_VAR_BUSY;
	for (size_t i = 0; i < var->values.len; i++)
		if (expand_value(vars, var, var->values.ptr[i], depth, place, err) < 0)
			return -1;
	var->state = POLICY_VAR_DONE;
	return 0;
}

int policy_var_values(struct policy_vars *vars, struct slice name, struct slice **values, size_t *count,
		      struct policy_place place, struct err *err)
{
	return inner_values(vars, name, 0, values, count, place, err);
}

static struct slice trim_front(struct slice s)
{
	while (s.len > 0 && s.ptr[0] == '/')
		s = slice_from(s, 1);
	return s;
}

static struct slice trim_back(struct slice s)
{
	while (s.len > 0 && s.ptr[s.len - 1] == '/')
		s.len--;
	return s;
}

/* expand_by_alternations(): a single value is pasted untrimmed, so /@{X} with X=/x becomes //x. */
static void add_values(struct buf *b, const struct slice *values, size_t count, bool slash_before, bool slash_after)
{
	if (count == 1) {
		buf_addslice(b, values[0]);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		struct slice value = slash_before ? trim_front(values[i]) : values[i];

		buf_addc(b, i == 0 ? '{' : ',');
		buf_addslice(b, slash_after ? trim_back(value) : value);
		if (b->len > POLICY_MAX_TEXT)
			return; /* the caller tells */
	}
	buf_addc(b, '}');
}

int policy_expand(struct policy_vars *vars, struct slice text, struct slice *out, bool *found,
		  struct policy_place place, struct err *err)
{
	struct slice *values;
	struct split s;
	size_t count;

	if (found)
		*found = false;
	for (unsigned rounds = 0; find_variable(text, &s); rounds++) {
		AUTOBUF b = { 0 };
		struct slice tail = slice_from(text, s.end);

		if (found)
			*found = true;
		if (policy_var_values(vars, s.name, &values, &count, place, err) < 0)
			return -1;
		buf_addslice(&b, slice_sub(text, 0, s.at));
		add_values(&b, values, count, s.at > 0 && text.ptr[s.at - 1] == '/',
			   tail.len > 0 && tail.ptr[0] == '/');
		buf_addslice(&b, tail);
		if (b.len > POLICY_MAX_TEXT || rounds > POLICY_MAX_DEPTH)
			return POLICY_FAIL(err, place, "cannot expand '@{%.*s}': the pattern gets too long",
					   SLICE_FMT(s.name));
		text = arena_slice(vars->arena, buf_slice(&b));
	}
	*out = text;
	return 0;
}

/* escape_re(): what is protected already stays as it is. */
struct slice policy_escape_name(struct slice name, struct arena *arena)
{
	AUTOBUF b = { 0 };

	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == '\\' && i + 1 < name.len)
			buf_addc(&b, name.ptr[i++]);
		else if (memchr("{}[]*?", name.ptr[i], 6))
			buf_addc(&b, '\\');
		buf_addc(&b, name.ptr[i]);
	}
	return arena_slice(arena, buf_slice(&b));
}
