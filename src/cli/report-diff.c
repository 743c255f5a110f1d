/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report-internal.h"

enum { CONTEXT = 3 }; /* lines around a change, as diff -u has */

static size_t count_lines(struct slice text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		n += text.ptr[i] == '\n';
	return n + (text.len > 0 && text.ptr[text.len - 1] != '\n');
}

/* Each line with its sign; a last line without an end is told as diff tells it. */
static void add_lines(struct buf *out, char sign, struct slice text)
{
	while (text.len > 0) {
		size_t n = slice_line_end(text, 0);

		buf_addc(out, sign);
		buf_addslice(out, slice_sub(text, 0, n));
		if (text.ptr[n - 1] != '\n')
			buf_adds(out, "\n\\ No newline at end of file\n");
		text = slice_from(text, n);
	}
}

/* One stretch of changed lines: whole lines of the old text [from, to), and what stands there in the new one. */
struct stretch {
	size_t from, to; /* changed lines in the old text, by offset */
	size_t first_edit, last_edit;
	size_t before, after; /* offsets of the context's outer ends */
};

/* Whole lines that are put before another one leave that one alone. */
static size_t stretch_end(const struct patch_file *file, const struct edit *e, size_t from)
{
	if (e->len == 0 && e->at == from && slice_ends(e->with, "\n"))
		return e->at;
	return slice_line_end(file->old, e->len ? e->at + e->len - 1 : e->at);
}

static struct stretch stretch_at(const struct patch_file *file, size_t edit)
{
	const struct edit *e = &file->edits[edit];
	struct stretch h = { .first_edit = edit, .last_edit = edit };

	h.from = slice_line(file->old, e->at);
	h.to = stretch_end(file, e, h.from);
	while (h.last_edit + 1 < file->edit_count && file->edits[h.last_edit + 1].at < h.to) {
		e = &file->edits[++h.last_edit];
		h.to = stretch_end(file, e, h.from);
	}
	h.before = h.from;
	for (int i = 0; i < CONTEXT && h.before > 0; i++)
		h.before = slice_line(file->old, h.before - 1);
	h.after = h.to;
	for (int i = 0; i < CONTEXT && h.after < file->old.len; i++)
		h.after = slice_line_end(file->old, h.after);
	return h;
}

static void add_new_lines(const struct patch_file *file, const struct stretch *h, struct buf *out)
{
	size_t at = h->from;

	for (size_t i = h->first_edit; i <= h->last_edit; i++) {
		const struct edit *e = &file->edits[i];

		buf_addslice(out, slice_sub(file->old, at, e->at - at));
		buf_addslice(out, e->with);
		at = e->at + e->len;
	}
	buf_addslice(out, slice_sub(file->old, at, h->to - at));
}

/* How many bytes of whole lines both texts begin with. */
static size_t same_lines(struct slice a, struct slice b)
{
	size_t same = 0;

	while (same < a.len && same < b.len) {
		size_t n = slice_line_end(slice_from(a, same), 0);

		if (!slice_eq(slice_sub(a, same, n), slice_sub(b, same, slice_line_end(slice_from(b, same), 0))))
			break;
		same += n;
	}
	return same;
}

/* A rule that is planned anew may keep lines that it had. */
static void add_changed(struct buf *out, struct slice old, struct slice fresh)
{
	size_t same = same_lines(old, fresh);

	add_lines(out, ' ', slice_sub(old, 0, same));
	add_lines(out, '-', slice_from(old, same));
	add_lines(out, '+', slice_from(fresh, same));
}

/* Stretches whose context would meet make one hunk, from an edit on; returns the first edit behind it. */
static size_t add_hunk(const struct patch_file *file, size_t edit, long *shift, struct buf *out)
{
	struct stretch h = stretch_at(file, edit);
	size_t at = h.before, old_lines = 0, new_lines = 0, around;
	size_t line = count_lines(slice_sub(file->old, 0, h.before)) + (file->old.len > 0);
	AUTOBUF body = { 0 };

	for (bool more = true; more;) {
		struct slice old = slice_sub(file->old, h.from, h.to - h.from);
		size_t after = h.after, next = h.last_edit + 1;
		AUTOBUF fresh = { 0 };

		add_new_lines(file, &h, &fresh);
		around = count_lines(slice_sub(file->old, at, h.from - at));
		old_lines += around + count_lines(old);
		new_lines += around + count_lines(buf_slice(&fresh));
		add_lines(&body, ' ', slice_sub(file->old, at, h.from - at));
		add_changed(&body, old, buf_slice(&fresh));
		at = h.to;
		edit = next;
		more = next < file->edit_count;
		if (more)
			h = stretch_at(file, next);
		more = more && h.before <= after;
		if (!more) {
			around = count_lines(slice_sub(file->old, at, after - at));
			add_lines(&body, ' ', slice_sub(file->old, at, after - at));
		}
	}
	buf_addf(out, "@@ -%zu,%zu +%zu,%zu @@\n", line, around + old_lines,
		 file->removed ? 0 : (line ? line : 1) + (size_t)*shift, around + new_lines);
	buf_addslice(out, buf_slice(&body));
	*shift += (long)new_lines - (long)old_lines;
	return edit;
}

void report_unified(const struct patch_file *file, struct buf *out)
{
	long shift = 0; /* lines that earlier hunks added */
	AUTOBUF shown = { 0 };
	const char *path;

	if (file->kind == PATCH_LOAD)
		return;
	report_show(&shown, slice_of(patch_path(file)));
	path = buf_str(&shown);
	if (file->kind == PATCH_CREATE && !file->existed)
		buf_addf(out, "--- /dev/null\n+++ b%s\n", path);
	else if (file->removed)
		buf_addf(out, "--- a%s\n+++ /dev/null\n", path);
	else
		buf_addf(out, "--- a%s\n+++ b%s%s\n", path, path,
			 file->kind == PATCH_LIVE ? "\t(in the kernel only)" : "");
	for (size_t i = 0; i < file->edit_count;)
		i = add_hunk(file, i, &shift, out);
}

// "/sys/net{,/**}: w denied → allowed (user, other)", or an example where no pattern says it.
static void add_change(const struct compare_change *change, struct buf *out)
{
	AUTOBUF words = { 0 };

	compare_words(change, &words);
	if (change->pattern.len > 0)
		buf_addf(out, "%.*s: %s", SLICE_FMT(change->pattern), buf_str(&words));
	else if (change->example.len > 0)
		buf_addf(out, "%s, for example on %.*s", buf_str(&words), SLICE_FMT(change->example));
	else
		buf_addslice(out, buf_slice(&words));
}

typedef VEC(const struct compare_change *) change_vec;

enum { PROFILES = 8 }; /* of one change; the others are counted, but with -v */

static void print_profiles(const struct report *r, const change_vec *all, size_t from, struct slice words, bool *done)
{
	size_t count = 0;

	for (size_t k = from; k < all->len; k++) {
		AUTOBUF text = { 0 };

		add_change(all->ptr[k], &text);
		if (!slice_eq(buf_slice(&text), words))
			continue;
		done[k] = true;
		if (count++ < PROFILES || r->verbose)
			report_print(r, "      %s %.*s\n", k == from ? "in" : "  ", SLICE_FMT(all->ptr[k]->profile));
	}
	if (count > PROFILES && !r->verbose)
		report_print(r, "         and %zu more\n", count - PROFILES);
}

/* A change of many profiles is said once. Changes of logging alone are for -v: no access differs. How many were said.
 */
static size_t print_changes(const struct report *r, const change_vec *all, bool profiles)
{
	AUTOARENA scratch = { 0 };
	bool *done = arena_array(&scratch, all->len + 1, sizeof *done);
	size_t said = 0;

	for (size_t i = 0; i < all->len; i++) {
		AUTOBUF text = { 0 };

		if (done[i] || (all->ptr[i]->kind == COMPARE_LOGGING && !r->verbose))
			continue;
		said++;
		add_change(all->ptr[i], &text);
		report_print(r, "  %s\n", buf_str(&text));
		for (size_t k = i; k < all->len && !profiles; k++) {
			AUTOBUF other = { 0 };

			add_change(all->ptr[k], &other);
			done[k] = done[k] || slice_eq(buf_slice(&text), buf_slice(&other));
		}
		if (profiles)
			print_profiles(r, all, i, buf_slice(&text), done);
	}
	return said;
}

static void add_comparison(change_vec *all, const struct comparison *c, struct arena *arena)
{
	for (size_t i = 0; i < c->count; i++)
		VEC_PUSH(arena, all, &c->changes[i]);
}

static void print_comparison(const struct report *r, const struct comparison *c)
{
	AUTOARENA scratch = { 0 };
	change_vec all = { 0 };

	add_comparison(&all, c, &scratch);
	print_changes(r, &all, true);
}

static change_vec changes_of(const struct proof_policy *policies, size_t count, struct arena *arena)
{
	change_vec all = { 0 };

	for (size_t i = 0; i < count; i++)
		if (!policies[i].skipped)
			add_comparison(&all, &policies[i].comparison, arena);
	return all;
}

static void print_notes(const struct report *r, const struct proof_policy *p)
{
	if (p->skipped)
		report_print(r, "  not loaded: %s\n", p->skipped);
	if (!p->skipped && p->beyond)
		report_print(r,
			     "  This is more than what is asked for: the kernel holds another policy than %s, which is "
			     "loaded in its place.\n",
			     p->policy->path);
	if (!p->skipped && p->assumed)
		report_print(r, "  Assumed, as the kernel does not show it: %s.\n", p->assumed);
}

/* What the drop-in does to the next start of containers, and which texts stand behind that. */
static void print_starts(const struct report *r, const struct proof *proof)
{
	const struct proof_start *starts;
	size_t count;

	starts = proof_starts(proof, &count);
	for (size_t i = 0; i < count; i++) {
		const struct proof_start *s = &starts[i];

		if (s->comparison.equal)
			continue;
		report_print(r, "At the next start of ");
		if (s->container)
			report_print(r, "container %.*s", SLICE_FMT(s->container->name));
		else
			report_print(r, "a new container");
		if (s->alike > 1)
			report_print(r, " and %zu like it", s->alike - 1);
		report_print(r, ", by %s%s%s:\n", nextstart_words(s->base), s->why ? ", as " : "",
			     s->why ? s->why : "");
		print_comparison(r, &s->comparison);
	}
}

/* What stands in a unified diff below its two head lines. */
static struct slice hunks_of(struct slice diff)
{
	for (int i = 0; i < 2; i++)
		diff = slice_from(diff, slice_find(diff, '\n') + 1);
	return diff;
}

/* The same change of one generated text after the other is shown once. */
static void print_files(const struct report *r, const struct patch *patch)
{
	AUTOBUF shown = { 0 };
	size_t more = 0;

	for (size_t i = 0; i < patch->file_count; i++) {
		const struct patch_file *file = &patch->files[i];
		AUTOBUF text = { 0 };

		report_unified(file, &text);
		if (file->kind == PATCH_LIVE && !r->verbose && shown.len > 0 &&
		    slice_eq(hunks_of(buf_slice(&text)), buf_slice(&shown))) {
			more++;
			continue;
		}
		if (file->kind == PATCH_LIVE) {
			buf_clear(&shown);
			buf_addslice(&shown, hunks_of(buf_slice(&text)));
		}
		fwrite(buf_str(&text), 1, text.len, r->out);
	}
	if (more > 0)
		report_print(r, "and the same in the profile%s of %zu other container%s (-v shows them)\n",
			     more == 1 ? "" : "s", more, more == 1 ? "" : "s");
}

void report_diff(const struct report *r, const struct patch *patch, const struct proof_policy *policies,
		 size_t policy_count, const struct proof *proof)
{
	AUTOARENA scratch = { 0 };
	change_vec all;

	if (r->json) {
		json_t *object = report_json_object("diff");

		json_object_set_new(object, "patch", report_json_patch(patch));
		json_object_set_new(object, "proof", report_json_proof(policies, policy_count, proof));
		report_json_print(r, object);
		return;
	}
	if (r->quiet)
		return;
	print_files(r, patch);
	fputs(proof ? "\nProved on all paths, from the compiled policy. What changes, and nothing else:\n"
		    : "\nNOT proved. What would change:\n",
	      r->out);
	all = changes_of(policies, policy_count, &scratch);
	if (print_changes(r, &all, true) == 0 && proof && patch->dropin == DROPIN_HOOK)
		report_print(
		    r, "  No policy now: the hook changes a container's own at its start, and proves that then.\n");
	for (size_t i = 0; i < policy_count; i++)
		print_notes(r, &policies[i]);
	if (proof)
		print_starts(r, proof);
}

/* "2 policy files, the policies of 5 running containers, 1 new file": how much is touched. */
static void add_amount(struct buf *out, size_t count, const char *one, const char *many)
{
	if (count > 0)
		buf_addf(out, "%s%zu %s", out->len > 0 ? ", " : "", count, count == 1 ? one : many);
}

void report_summary(const struct report *r, const struct patch *patch, const struct proof_policy *policies,
		    size_t policy_count)
{
	size_t counts[PATCH_CONFIG + 1] = { 0 };
	AUTOARENA scratch = { 0 };
	AUTOBUF words = { 0 };
	change_vec all;

	for (size_t i = 0; i < patch->file_count; i++)
		counts[patch->files[i].kind]++;
	add_amount(&words, counts[PATCH_POLICY], "policy file", "policy files");
	add_amount(&words, counts[PATCH_LIVE], "running container", "running containers");
	add_amount(&words, counts[PATCH_LOAD], "policy loaded as it is", "policies loaded as they are");
	add_amount(&words, counts[PATCH_CREATE], "drop-in, which every container of LXC reads", "drop-ins");
	report_print(r, "To be changed: %s.\nProved: nothing else changes but\n", buf_str(&words));
	all = changes_of(policies, policy_count, &scratch);
	if (print_changes(r, &all, false) == 0)
		report_print(r, "  what the next starts of containers bring (d shows it)\n");
	if (report_edits_conffile(patch))
		report_conffile(r);
}

void report_prove(const struct report *r, const struct comparison *comparison)
{
	if (r->json) {
		json_t *object = report_json_object("prove");

		json_object_set_new(object, "equal", json_boolean(comparison->equal));
		json_object_set_new(object, "inside", json_boolean(comparison->allowed));
		json_object_set_new(object, "changes", report_json_changes(comparison));
		report_json_print(r, object);
		return;
	}
	if (r->quiet)
		return;
	if (comparison->equal)
		fputs("Equal on all paths, and in every other class.\n", r->out);
	else
		fputs(comparison->allowed ? "Different, but only where it is allowed:\n" : "Different:\n", r->out);
	print_comparison(r, comparison);
}
