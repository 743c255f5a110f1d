/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy-source: files read once a run. */
#include "policy-internal.h"

enum { BUCKETS = 1024 };

struct policy_sources {
	struct policy_sources *under; /* asked for what is not in here; NULL: the reader is */
	const struct policy_reader *reader;
	const struct policy_dialect *dialect;
	struct arena *arena;
	size_t files, bytes;
	unsigned serial;
	struct policy_entry *buckets[BUCKETS];
};

struct policy_sources *policy_sources_new(const struct policy_reader *reader, const struct policy_dialect *dialect,
					  struct arena *arena)
{
	struct policy_sources *sources = ARENA_NEW(arena, struct policy_sources);

	sources->reader = reader;
	sources->dialect = dialect;
	sources->arena = arena;
	return sources;
}

struct policy_sources *policy_sources_over(struct policy_sources *under, struct arena *arena)
{
	struct policy_sources *sources = policy_sources_new(under->reader, under->dialect, arena);

	sources->under = under;
	return sources;
}

const struct policy_dialect *policy_dialect_of(const struct policy_sources *sources)
{
	return sources->dialect;
}

unsigned policy_next_serial(struct policy_sources *sources)
{
	while (sources->under) /* entries are shared, and so are their numbers */
		sources = sources->under;
	return ++sources->serial;
}

/* libapparmor, private.c: ignored_suffixes[] and _aa_is_blacklisted(); the same list from 2.13 to 5.0. */
bool policy_is_skipped(struct slice name)
{
	static const char *const suffixes[] = {
		".dpkg-new", ".dpkg-old", ".dpkg-dist", ".dpkg-bak", ".dpkg-remove", ".pacsave",
		".pacnew",   ".rpmnew",   ".rpmsave",   ".orig",     ".rej",         "~",
	};

	if (name.len == 0 || name.ptr[0] == '.' || slice_is(name, "README"))
		return true;
	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
		if (name.len > strlen(suffixes[i]) && slice_ends(name, suffixes[i]))
			return true;
	return false;
}

static size_t hash(const char *path)
{
	size_t h = 5381;

	while (*path)
		h = h * 33 + (unsigned char)*path++;
	return h % BUCKETS;
}

static int read_source(struct policy_sources *sources, struct policy_entry *entry, struct slice bytes, struct err *err)
{
	if (sources->files >= POLICY_MAX_FILES)
		return err_put(err, ERR_FAILED, "cannot read '%s': more than %d policy files", entry->path,
			       POLICY_MAX_FILES);
	if (bytes.len > POLICY_MAX_BYTES - sources->bytes)
		return err_put(err, ERR_FAILED, "cannot read '%s': more than %d MiB of policy", entry->path,
			       POLICY_MAX_BYTES >> 20);
	sources->files++;
	sources->bytes += bytes.len;
	entry->source = ARENA_NEW(sources->arena, struct policy_source);
	entry->source->path = entry->path;
	doc_parse(&entry->source->doc, bytes, sources->arena);
	return 0;
}

static struct policy_entry *find(const struct policy_sources *sources, const char *path)
{
	for (struct policy_entry *entry = sources->buckets[hash(path)]; entry; entry = entry->next)
		if (strcmp(entry->path, path) == 0)
			return entry;
	return NULL;
}

static struct policy_entry *new_entry(struct policy_sources *sources, const char *path)
{
	struct policy_entry *entry = ARENA_NEW(sources->arena, struct policy_entry);

	entry->path = arena_str(sources->arena, slice_of(path));
	return entry;
}

static void keep(struct policy_sources *sources, struct policy_entry *entry)
{
	struct policy_entry **bucket = &sources->buckets[hash(entry->path)];

	entry->next = *bucket;
	*bucket = entry;
}

struct policy_entry *policy_lookup(struct policy_sources *sources, const char *path, struct err *err)
{
	struct policy_entry *entry = find(sources, path);
	struct slice bytes = { 0 };

	if (entry || sources->under)
		return entry ? entry : policy_lookup(sources->under, path, err);
	entry = new_entry(sources, path);
	if (sources->reader->read(sources->reader->ctx, entry->path, &entry->found, &bytes, &entry->names,
				  &entry->name_count, sources->arena, err) < 0)
		return NULL;
	if (entry->found == POLICY_FILE && read_source(sources, entry, bytes, err) < 0)
		return NULL;
	keep(sources, entry);
	return entry;
}

void policy_sources_put(struct policy_sources *sources, const char *path, struct slice bytes)
{
	struct policy_entry *entry = new_entry(sources, path);

	entry->found = POLICY_FILE;
	entry->source = ARENA_NEW(sources->arena, struct policy_source);
	entry->source->path = entry->path;
	doc_parse(&entry->source->doc, bytes, sources->arena);
	keep(sources, entry);
}

const struct policy_source *policy_source(struct policy_sources *sources, const char *path, struct err *err)
{
	const struct policy_entry *entry = policy_lookup(sources, path, err);

	if (entry && entry->found != POLICY_FILE)
		err_put(err, ERR_FAILED, "cannot read policy '%s': %s", path,
			entry->found == POLICY_DIR       ? "it is a directory"
			: entry->found == POLICY_MISSING ? "there is no such file"
							 : "it is no regular file");
	return entry ? entry->source : NULL;
}
