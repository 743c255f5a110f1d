/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pve-storage: storage.cfg as Proxmox reads it, with what it drops and overrides on the way: PVE::SectionConfig
 * parse_config() and check_config(), PVE::Storage::Plugin parse_config(), decode_value() and get_subdir(), and
 * check_config() of the plugins, in libpve-common-perl and libpve-storage-perl of Proxmox 7, 8 and 9.
 */
#include <arpa/inet.h>
#include <strings.h>

#include <nestfix/pve.h>

/* What a section may say that matters here. The first valid value of a key counts. */
enum key { PATH, CONTENT_DIRS, CONTENT, NODES, SHARED, DISABLE, SERVER, EXPORT, SHARE, VOLUME, KEYS };

static const char *const key_names[KEYS] = { "path",    "content-dirs", "content", "nodes", "shared",
					     "disable", "server",       "export",  "share", "volume" };

enum { /* sets of keys */
       FILES = 1 << PATH | 1 << CONTENT_DIRS | 1 << CONTENT | 1 << NODES | 1 << DISABLE,
};

/* Content that a storage may hold. */
enum { SNIPPETS = 1, NONE = 2, IMAGES = 4, ROOTDIR = 8, OTHER = 16, ALL = SNIPPETS | IMAGES | ROOTDIR | OTHER };

struct type {
	const char *name;
	unsigned takes, needs; /* sets of keys */
	unsigned content;      /* what it may hold; 0: no files */
	bool mounted;          /* its path has a default below /mnt/pve */
	bool shared;           /* always the same on all nodes */
	int first, last;       /* Proxmox' major versions that know it */
};

/* A type that holds no files still takes the place of a section of the same name. */
static const struct type types[] = {
	{ "dir", FILES | 1 << SHARED, 1 << PATH, ALL | NONE, false, false, 0, 99 },
	{ "btrfs", (FILES | 1 << SHARED) & ~(1 << CONTENT_DIRS), 1 << PATH, ALL | NONE, false, false, 0, 99 },
	{ "nfs", FILES | 1 << SERVER | 1 << EXPORT, 1 << SERVER | 1 << EXPORT, ALL, true, true, 0, 99 },
	{ "cifs", FILES | 1 << SERVER | 1 << SHARE, 1 << SERVER | 1 << SHARE, ALL, true, true, 0, 99 },
	{ "cephfs", FILES, 0, SNIPPETS | OTHER, true, true, 0, 99 },
	{ "glusterfs", (FILES | 1 << SERVER | 1 << VOLUME) & ~(1 << CONTENT_DIRS), 1 << VOLUME, ALL & ~ROOTDIR, true,
	  true, 0, 8 },
	{ .name = "lvm", .last = 99 },
	{ .name = "lvmthin", .last = 99 },
	{ .name = "zfspool", .last = 99 },
	{ .name = "zfs", .last = 99 },
	{ .name = "rbd", .last = 99 },
	{ .name = "iscsi", .last = 99 },
	{ .name = "iscsidirect", .last = 99 },
	{ .name = "pbs", .last = 99 },
	{ .name = "esxi", .first = 8, .last = 99 },
};

struct section {
	const struct type *type; /* NULL: Proxmox skips it */
	struct slice id;
	struct slice values[KEYS];
	unsigned set;
};

typedef VEC(struct pve_storage) storage_vec;

struct reader {
	struct slice rest;
	int major;
	struct arena *arena;
	storage_vec list;
};

/* Perl's \s of bytes. */
static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct slice skip_space(struct slice s)
{
	while (s.len > 0 && is_space(s.ptr[0]))
		s = slice_from(s, 1);
	return s;
}

static struct slice cut_space(struct slice s)
{
	while (s.len > 0 && is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

/* What is not blank at the beginning. */
static struct slice word_of(struct slice s)
{
	size_t n = 0;

	while (n < s.len && !is_space(s.ptr[n]))
		n++;
	return slice_sub(s, 0, n);
}

/* Comments are left out wherever they stand. */
static bool next_line(struct reader *r, struct slice *line)
{
	while (r->rest.len > 0) {
		size_t end = slice_find(r->rest, '\n');

		*line = slice_sub(r->rest, 0, end);
		r->rest = slice_from(r->rest, end + 1);
		if (!slice_starts(skip_space(*line), "#"))
			return true;
	}
	return false;
}

/* Perl takes "0" for false as well. A line of blanks, or a lone CR, ends no section. */
static bool ends_section(struct slice line)
{
	return line.len == 0 || slice_is(line, "0");
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_alnum(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9');
}

static bool holds_only(struct slice s, const char *others)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_alnum(s.ptr[i]) && (s.ptr[i] == '\0' || !strchr(others, s.ptr[i])))
			return false;
	return true;
}

bool pve_is_storage_id(struct slice s)
{
	return s.len >= 2 && is_letter(s.ptr[0]) && is_alnum(s.ptr[s.len - 1]) && holds_only(s, "-_.");
}

static const struct type *find_type(struct slice name, int major)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (name.len == strlen(types[i].name) && strncasecmp(name.ptr, types[i].name, name.len) == 0 &&
		    (major == 0 || (types[i].first <= major && major <= types[i].last)))
			return &types[i];
	return NULL;
}

/* ^(\S+):\s*(\S+)\s*$ of "TYPE: ID", with the longest TYPE. */
static bool read_header(const struct reader *r, struct slice line, struct section *out)
{
	struct slice first = word_of(line);

	for (size_t colon = first.len; colon > 1; colon--) {
		struct slice id, rest = skip_space(slice_from(line, colon));

		if (first.ptr[colon - 1] != ':')
			continue;
		id = word_of(rest);
		if (id.len == 0 || skip_space(slice_from(rest, id.len)).len > 0)
			continue;
		*out = (struct section){ .id = id };
		if (pve_is_storage_id(id))
			out->type = find_type(slice_sub(line, 0, colon - 1), r->major);
		return true;
	}
	return false;
}

/* PVE::Tools split_list(): the next of what blanks, commas, semicolons, or else NULs part. */
static bool next_item(struct slice *list, struct slice *item)
{
	bool nul = slice_find(*list, '\0') < list->len;
	size_t n = 0;

	while (!nul && list->len > 0 && (is_space(list->ptr[0]) || list->ptr[0] == ',' || list->ptr[0] == ';'))
		*list = slice_from(*list, 1);
	if (list->len == 0)
		return false;
	while (n < list->len &&
	       (nul ? list->ptr[n] != '\0' : !is_space(list->ptr[n]) && list->ptr[n] != ',' && list->ptr[n] != ';'))
		n++;
	*item = slice_sub(*list, 0, n);
	*list = slice_from(*list, n + 1);
	return true;
}

/* 0: Proxmox of that version knows no such content. */
static unsigned content_of(struct slice word, int major)
{
	static const struct {
		const char *word;
		unsigned content;
	} known[] = { { "snippets", SNIPPETS }, { "none", NONE }, { "images", IMAGES }, { "rootdir", ROOTDIR },
		      { "vztmpl", OTHER },      { "iso", OTHER }, { "backup", OTHER },  { "import", OTHER } };

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (slice_is(word, known[i].word) && (major != 7 || !slice_is(word, "import")))
			return known[i].content;
	return 0;
}

static bool is_path(struct slice s)
{
	return s.len > 1 && s.ptr[0] == '/' && !memchr(";()", s.ptr[1], 3);
}

static bool is_server(struct slice s, struct arena *arena)
{
	struct in6_addr address;
	struct slice label;

	if (inet_pton(AF_INET6, arena_str(arena, s), &address) == 1)
		return true;
	for (;; s = slice_from(s, label.len + 1)) {
		label = slice_sub(s, 0, slice_find(s, '.'));
		if (label.len == 0 || !holds_only(label, "-") || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
			return false;
		if (label.len == s.len)
			return true;
	}
}

/* verify_dir_override(): ^([a-z]+)=([^.]*(?:\.?[^.]+)+)$, no name of 255 bytes, no path of 1023. */
static bool is_override(struct slice item, int major)
{
	size_t equal = slice_find(item, '='), name = 0;
	struct slice path = slice_from(item, equal + 1);

	if (content_of(slice_sub(item, 0, equal), major) == 0 || path.len == 0 || path.len >= 1023)
		return false;
	for (size_t i = 0; i < path.len; i++) {
		if (path.ptr[i] == '.' && (i + 1 == path.len || path.ptr[i + 1] == '.'))
			return false;
		name = path.ptr[i] == '/' ? 0 : name + 1;
		if (name >= 255)
			return false;
	}
	return true;
}

static bool is_node(struct slice s)
{
	return s.len > 0 && is_alnum(s.ptr[0]) && is_alnum(s.ptr[s.len - 1]) && holds_only(s, "-");
}

/* What check_value() takes. */
static bool is_valid(const struct reader *r, enum key key, struct slice value)
{
	struct slice list = value, item;

	switch (key) {
	case PATH:
	case EXPORT:
		return is_path(value);
	case SERVER:
		return is_server(value, r->arena);
	case SHARED:
	case DISABLE:
		return slice_is(value, "0") || slice_is(value, "1");
	case CONTENT:
		while (next_item(&list, &item))
			if (content_of(item, r->major) == 0)
				return false;
		return true;
	case CONTENT_DIRS:
		while (next_item(&list, &item))
			if (!is_override(item, r->major))
				return false;
		return true;
	case NODES:
		while (next_item(&list, &item))
			if (!is_node(item))
				return false;
		return true;
	default:
		return true;
	}
}

/* ^\s+(\S+)(\s+(.*\S))?\s*$ */
static void read_attribute(const struct reader *r, struct slice line, struct section *s)
{
	struct slice rest = skip_space(line), name = word_of(rest),
		     value = cut_space(skip_space(slice_from(rest, name.len)));

	if (!s->type || line.len == rest.len)
		return;
	for (enum key key = 0; key < KEYS; key++) {
		if (!slice_is(name, key_names[key]) || !(s->type->takes & 1U << key) || (s->set & 1U << key))
			continue;
		if (value.len == 0 && (key == SHARED || key == DISABLE))
			value = SLICE("1");
		if (value.len == 0 || slice_find(value, '\r') < value.len || !is_valid(r, key, value))
			continue;
		s->values[key] = value;
		s->set |= 1U << key;
	}
}

/* The contents that are listed, or 0 where decode_value() dies of them. */
static unsigned listed(const struct reader *r, const struct section *s)
{
	struct slice list = s->values[CONTENT], item;
	unsigned all = 0;

	while (next_item(&list, &item))
		all |= content_of(item, r->major) & s->type->content;
	if ((all & NONE) && all != NONE)
		return 0;
	return all ? all : s->type->content & NONE;
}

/* File::Spec canonpath(): also leading ".." go, but none else. */
static struct slice canonical(struct slice path, struct arena *arena)
{
	AUTOBUF out = { 0 };

	while (path.len > 0) {
		struct slice name = slice_sub(path, 0, slice_find(path, '/'));

		path = slice_from(path, name.len + 1);
		if (name.len == 0 || slice_is(name, ".") || (slice_is(name, "..") && out.len == 0))
			continue;
		buf_addc(&out, '/');
		buf_addslice(&out, name);
	}
	return out.len > 0 ? arena_slice(arena, buf_slice(&out)) : SLICE("/");
}

/* The path that a section gives its storage, or an empty slice where Proxmox takes the section for none. */
static struct slice path_of(const struct reader *r, const struct section *s)
{
	struct slice path = s->values[PATH];

	if ((s->type->needs & ~s->set) || s->type->content == 0 || ((s->set & 1 << CONTENT) && listed(r, s) == 0))
		return (struct slice){ 0 };
	if (s->type->mounted)
		return path.len > 0 ? path : slice_of(arena_printf(r->arena, "/mnt/pve/%.*s", SLICE_FMT(s->id)));
	if (!holds_only(path, r->major == 7 ? "-/_." : "-/_.@"))
		return (struct slice){ 0 };
	return r->major == 7 ? path : canonical(path, r->arena);
}

static struct pve_storage *find(const struct reader *r, struct slice id)
{
	for (size_t i = 0; i < r->list.len; i++)
		if (slice_eq(r->list.ptr[i].id, id))
			return &r->list.ptr[i];
	return NULL;
}

/* A later section takes the place of an earlier one of the same name, even where it is no good. */
static void end_section(struct reader *r, const struct section *s)
{
	struct pve_storage *old = find(r, s->id), made = { .id = s->id };
	struct slice list = s->values[CONTENT_DIRS], item, sub = SLICE("snippets");

	if (!s->type)
		return;
	made.path = path_of(r, s);
	made.mounted = s->type->mounted;
	made.is_dir = strcmp(s->type->name, "dir") == 0;
	while (next_item(&list, &item))
		if (slice_starts(item, "snippets="))
			sub = slice_from(item, sizeof "snippets=" - 1);
	if (made.path.len > 0)
		made.snippets = arena_printf(r->arena, "%.*s/%.*s", SLICE_FMT(made.path), SLICE_FMT(sub));
	made.shared = s->type->shared || slice_is(s->values[SHARED], "1");
	made.disabled = slice_is(s->values[DISABLE], "1");
	made.nodes = s->values[NODES];
	made.takes_snippets = (s->set & 1 << CONTENT) && (listed(r, s) & SNIPPETS);
	if (old)
		*old = made;
	else
		VEC_PUSH(r->arena, &r->list, made);
}

/* The same on all nodes, whatever the file says. */
static void set_local(struct reader *r)
{
	struct pve_storage *local = find(r, SLICE("local"));
	struct pve_storage made = { .id = SLICE("local"),
				    .path = SLICE("/var/lib/vz"),
				    .snippets = "/var/lib/vz/snippets",
				    .takes_snippets = true };

	if (!local)
		VEC_PUSH(r->arena, &r->list, made);
	else if (!local->is_dir || !slice_eq(local->path, made.path))
		*local = made;
	else
		local->nodes = (struct slice){ 0 };
}

void pve_read_storages(struct pve_storages *out, struct slice cfg, int major, struct arena *arena)
{
	struct reader r = { .rest = cfg, .major = major, .arena = arena };
	struct section section;
	struct slice line;

	while (next_line(&r, &line)) {
		if (ends_section(line) || !read_header(&r, line, &section))
			continue;
		while (next_line(&r, &line) && !ends_section(line))
			read_attribute(&r, line, &section);
		end_section(&r, &section);
	}
	set_local(&r);
	out->list = r.list.ptr;
	out->count = r.list.len;
}

const struct pve_storage *pve_find_storage(const struct pve_storages *storages, struct slice id)
{
	for (size_t i = 0; i < storages->count; i++)
		if (storages->list[i].snippets && slice_eq(storages->list[i].id, id))
			return &storages->list[i];
	return NULL;
}
