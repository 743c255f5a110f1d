/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-rollback: what was taken back, and what there is to take back. */
#include "report-internal.h"

void report_undone(const struct receipt *receipt, struct buf *out)
{
	for (size_t i = 0; i < receipt->undone_count; i++)
		buf_addf(out, "%s%s",
			 i > 0                       ? ", "
			 : receipt->undone_count > 1 ? "changes "
						     : "change ",
			 receipt->undone[i]);
}

void report_rollback(const struct report *r, const struct receipt *receipt)
{
	AUTOBUF names = { 0 };

	if (r->json) {
		json_t *object = report_json_object("rollback");
		json_t *undone = json_array();

		for (size_t i = 0; i < receipt->undone_count; i++)
			json_array_append_new(undone, json_string(receipt->undone[i]));
		json_object_set_new(object, "undone", undone);
		json_object_set_new(object, "receipt", report_json_receipt(receipt));
		report_json_print(r, object);
		return;
	}
	if (r->quiet)
		return;
	report_undone(receipt, &names);
	report_good(r, "Undone: %s.", buf_str(&names));
	report_print(r, "\n");
	report_receipt(r, receipt);
}

static const char *backup_state_word(enum backup_state state)
{
	switch (state) {
	case BACKUP_DAMAGED:
		return "damaged";
	case BACKUP_PREPARED:
		return "unused";
	case BACKUP_IN_FORCE:
		return "in force";
	case BACKUP_UNDONE:
		return "undone";
	}
	return "unknown";
}

static json_t *json_names(const struct backup_names *names)
{
	json_t *array = json_array();

	for (size_t i = 0; i < names->len; i++)
		json_array_append_new(array, report_json_text(names->ptr[i]));
	return array;
}

static json_t *json_hold(const struct hold *h)
{
	static const char *const kinds[] = {
		[BACKUP_CONFIG] = "config",
		[BACKUP_POLICY] = "policy",
		[BACKUP_DROPIN] = "drop-in",
	};

	return json_pack("{s:o,s:s,s:o,s:o,s:o,s:b,s:o}", "file", report_json_text(slice_of(h->path)), "kind",
			 kinds[h->kind], "scopes", json_names(&h->scopes), "lost", json_names(&h->lost), "changes",
			 json_names(&h->changes), "edited", h->edited, "node",
			 h->node.len > 0 ? report_json_text(h->node) : json_null());
}

static json_t *json_backup(const struct backup *b)
{
	json_t *files = json_array();

	for (size_t i = 0; i < b->file_count; i++)
		json_array_append_new(files, report_json_text(slice_of(b->files[i].path)));
	return json_pack("{s:s,s:s?,s:s,s:s?,s:o,s:o}", "id", b->id, "time", b->time, "state",
			 backup_state_word(b->state), "undone", b->undone, "scopes", json_names(&b->scopes), "files",
			 files);
}

static void add_names(struct buf *out, const struct backup_names *names)
{
	for (size_t i = 0; i < names->len; i++)
		buf_addf(out, "%s%.*s", i ? "," : "", SLICE_FMT(names->ptr[i]));
}

static void print_backup(const struct report *r, const struct backup *b)
{
	AUTOBUF scopes = { 0 };

	add_names(&scopes, &b->scopes);
	report_print(r, "%-20s %-9s %s", b->id, backup_state_word(b->state), buf_str(&scopes));
	for (size_t f = 0; f < b->file_count; f++)
		report_print(r, "%s%s", f > 0 || scopes.len > 0 ? " " : "", b->files[f].path);
	report_print(r, "%s%s\n", b->damage ? " " : "", b->damage ? b->damage : "");
}

void report_to_undo(const struct report *r, const struct backup *changes, size_t count)
{
	report_print(r, "To be undone:\n");
	for (size_t i = 0; i < count; i++)
		print_backup(r, &changes[i]);
}

static void print_hold(const struct report *r, const struct hold *h)
{
	AUTOBUF words = { 0 };
	AUTOBUF lost = { 0 };
	AUTOBUF ids = { 0 };

	add_names(&words, &h->scopes);
	add_names(&lost, &h->lost);
	add_names(&ids, &h->changes);
	if (h->node.len > 0)
		buf_addf(&words, "guest %.*s is on the node '%.*s' now", SLICE_FMT(config_vmid(h->path)),
			 SLICE_FMT(h->node));
	else if (h->kind == BACKUP_CONFIG)
		buf_adds(&words, h->stands ? "changed" : "no line of ours stands there");
	if (h->edited)
		buf_addf(&words, "%slines of ours were edited since", words.len ? "; " : "");
	if (lost.len > 0)
		buf_addf(&words, "%snot any more: %s", words.len ? "; " : "", buf_str(&lost));
	report_print(r, "  %s: %s%s%s%s\n", h->path, words.len ? buf_str(&words) : "nothing", ids.len ? " (by " : "",
		     buf_str(&ids), ids.len ? ")" : "");
}

static json_t *json_loaded(const struct hold_loaded *l)
{
	return json_pack("{s:o,s:o,s:o,s:b,s:b}", "file", report_json_text(slice_of(l->path)), "container",
			 l->container ? report_json_text(l->container->title) : json_null(), "scopes",
			 json_names(&l->scopes), "hidden", l->hidden, "known", l->known);
}

static bool is_alike(const struct hold_loaded *a, const struct hold_loaded *b)
{
	bool same = a->hidden == b->hidden && a->known == b->known && !a->container == !b->container &&
		    a->scopes.len == b->scopes.len;

	for (size_t i = 0; same && i < a->scopes.len; i++)
		same = slice_eq(a->scopes.ptr[i], b->scopes.ptr[i]);
	return same;
}

/* Containers with the same are one line. */
static void print_loaded(const struct report *r, const struct report_list *list, size_t at)
{
	const struct hold_loaded *l = &list->loaded[at];
	AUTOBUF scopes = { 0 };
	size_t more = 0;

	for (size_t i = 0; l->container && i < at; i++)
		if (is_alike(&list->loaded[i], l))
			return;
	for (size_t i = at + 1; l->container && i < list->loaded_count; i++)
		more += is_alike(&list->loaded[i], l);
	add_names(&scopes, &l->scopes);
	if (l->container)
		report_print(r, "  container %.*s", SLICE_FMT(l->container->title));
	else
		report_print(r, "  %s", l->path);
	if (more > 0)
		report_print(r, " and %zu more", more);
	if (!l->known)
		buf_adds(&scopes, "not known (the kernel does not show it, and nothing was written down of it)");
	report_print(r, ": %s%s\n", scopes.len > 0 ? buf_str(&scopes) : "nothing",
		     l->hidden && l->known ? " (the kernel does not show it; by our own record)" : "");
}

static void print_list_json(const struct report *r, const struct report_list *list)
{
	json_t *object = report_json_object("rollback");
	json_t *backups = json_array();
	json_t *files = json_array();
	json_t *loaded = json_array();

	for (size_t i = 0; i < list->backup_count; i++)
		json_array_append_new(backups, json_backup(&list->backups[i]));
	for (size_t i = 0; i < list->hold_count; i++)
		json_array_append_new(files, json_hold(&list->holds[i]));
	for (size_t i = 0; i < list->loaded_count; i++)
		json_array_append_new(loaded, json_loaded(&list->loaded[i]));
	json_object_set_new(object, "changes", backups);
	json_object_set_new(object, "in_force", files);
	json_object_set_new(object, "kernel", loaded);
	report_json_print(r, object);
}

void report_backups(const struct report *r, const struct report_list *list)
{
	if (r->json) {
		print_list_json(r, list);
		return;
	}
	for (size_t i = 0; i < list->backup_count; i++)
		print_backup(r, &list->backups[i]);
	if (list->backup_count == 0)
		report_note(r, "no change was made on this host");
	if (list->hold_count > 0)
		report_print(r, "\nWhat is given back now, in files:\n");
	for (size_t i = 0; i < list->hold_count; i++)
		print_hold(r, &list->holds[i]);
	if (list->loaded_count > 0)
		report_print(r, "\nAnd in the kernel:\n");
	for (size_t i = 0; i < list->loaded_count; i++)
		print_loaded(r, list, i);
}
