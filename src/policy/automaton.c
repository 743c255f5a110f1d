/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "automaton-internal.h"

/* enum sd_code of parser/parser_interface.c, enum aa_code of the kernel's include/policy_unpack.h */
enum tag {
	TAG_U8,
	TAG_U16,
	TAG_U32,
	TAG_U64,
	TAG_NAME,
	TAG_STRING,
	TAG_BLOB,
	TAG_STRUCT,
	TAG_STRUCTEND,
	TAG_LIST,
	TAG_LISTEND,
	TAG_ARRAY,
	TAG_ARRAYEND,
};

enum {
	VERSION_ABI = 0x3ff, /* K_ABI_MASK */
	VERSION_COMPLAIN = 0x800,
	ABI_FIRST = 5, /* v5 and v9 of policy_unpack.c */
	ABI_LAST = 9,
	CLASS_FILE = 2, /* include/apparmor.h */
	DFA_START = 1,
	DEPTH = 16,         /* nested structs; the format has 4 */
	RECORD_FIELDS = 14, /* unpack_perm(): a reserved word, then struct aa_perms */
};

/* One element of the stream: a scalar or string with its payload, or the opening or closing of a group. */
struct item {
	struct slice name; /* without its NUL; empty where there is none */
	enum tag tag;
	size_t start, body; /* of the element with its name, and of its tag */
	uint64_t number;    /* scalars; the count of an array */
	struct slice text;  /* of a string without its NUL, of a blob */
};

/* What makes one state machine: the kernel's struct aa_policydb, as unpack_pdb() reads it. */
struct layer {
	struct slice dfa;
	size_t dfa_at;
	struct automaton_record *records;
	uint32_t record_count;
	uint32_t permsv, start, file_start;
	struct slice *xtable;
	size_t xtable_count;
};

struct reader {
	struct slice blob;
	size_t at;
	struct arena *arena;
	struct err *err;
	uint32_t version; /* of the image read last: a later one may leave it out (verify_header()) */
};

/* One profile while it is read. */
struct image {
	struct automaton_profile *p;
	struct layer attach, policy, file;
	VEC(struct automaton_field) rest;
	bool flags_seen;
};

static int bad(struct reader *r, size_t at, const char *what)
{
	return err_put(r->err, ERR_FAILED, "cannot read compiled policy: %s at byte %zu", what, at);
}

static int take(struct reader *r, size_t len, struct slice *out)
{
	if (len > r->blob.len - r->at)
		return bad(r, r->at, "the end comes too early");
	*out = slice_sub(r->blob, r->at, len);
	r->at += len;
	return 0;
}

/* Little endian, unlike the state machines inside. */
static int take_number(struct reader *r, size_t width, uint64_t *out)
{
	struct slice s;

	if (take(r, width, &s))
		return -1;
	*out = 0;
	for (size_t i = width; i-- > 0;)
		*out = *out << 8 | (unsigned char)s.ptr[i];
	return 0;
}

/* A length, and as many bytes, the last of which is a NUL. */
static int take_string(struct reader *r, struct slice *out)
{
	size_t at = r->at;
	uint64_t len;

	if (take_number(r, 2, &len) || take(r, len, out))
		return -1;
	if (out->len == 0 || out->ptr[out->len - 1] != '\0')
		return bad(r, at, "a text without its end");
	out->len--;
	return 0;
}

static int take_payload(struct reader *r, struct item *it)
{
	switch (it->tag) {
	case TAG_U8:
		return take_number(r, 1, &it->number);
	case TAG_U16:
	case TAG_ARRAY:
		return take_number(r, 2, &it->number);
	case TAG_U32:
		return take_number(r, 4, &it->number);
	case TAG_U64:
		return take_number(r, 8, &it->number);
	case TAG_STRING:
		return take_string(r, &it->text);
	case TAG_BLOB:
		return take_number(r, 4, &it->number) ? -1 : take(r, it->number, &it->text);
	case TAG_STRUCT:
	case TAG_STRUCTEND:
	case TAG_LIST:
	case TAG_LISTEND:
	case TAG_ARRAYEND:
		return 0;
	default:
		return bad(r, it->body, "an element of an unknown kind");
	}
}

static int take_item(struct reader *r, struct item *it)
{
	uint64_t tag;

	*it = (struct item){ .start = r->at };
	if (take_number(r, 1, &tag))
		return -1;
	if (tag == TAG_NAME && (take_string(r, &it->name) || take_number(r, 1, &tag)))
		return -1;
	it->body = r->at - 1;
	if (tag == TAG_NAME)
		return bad(r, it->body, "a name of a name");
	it->tag = (enum tag)tag;
	return take_payload(r, it);
}

static int expect(struct reader *r, enum tag tag, struct item *it)
{
	if (take_item(r, it))
		return -1;
	return it->tag == tag ? 0 : bad(r, it->start, "another element than the format has");
}

static bool opens(enum tag tag)
{
	return tag == TAG_STRUCT || tag == TAG_LIST || tag == TAG_ARRAY;
}

static bool closes(enum tag tag)
{
	return tag == TAG_STRUCTEND || tag == TAG_LISTEND || tag == TAG_ARRAYEND;
}

/* Goes behind the end of a group that was opened by `first`. */
static int skip_group(struct reader *r, enum tag first)
{
	enum tag open[DEPTH] = { first };
	size_t depth = 1;
	struct item it;

	while (depth > 0) {
		if (take_item(r, &it))
			return -1;
		if (opens(it.tag)) {
			if (depth == DEPTH)
				return bad(r, it.start, "groups nested too deep");
			open[depth++] = it.tag;
		} else if (closes(it.tag) && (int)it.tag != (int)open[--depth] + 1) {
			return bad(r, it.start, "an end that closes another group");
		}
	}
	return 0;
}

static int read_records(struct reader *r, struct layer *l)
{
	struct item it;
	size_t left;

	if (l->records)
		return bad(r, r->at, "a second permission table");
	if (expect(r, TAG_U32, &it))
		return -1;
	if (!slice_is(it.name, "version") || it.number != 1)
		return bad(r, it.start, "a permission table of an unknown version");
	if (expect(r, TAG_ARRAY, &it))
		return -1;
	left = (r->blob.len - r->at) / (RECORD_FIELDS * 5);
	if (it.number == 0 || it.number > left)
		return bad(r, it.start, "a permission table of an impossible size");
	l->record_count = (uint32_t)it.number;
	l->records = arena_array(r->arena, l->record_count, sizeof *l->records);
	for (uint32_t i = 0; i < l->record_count; i++) {
		struct automaton_record *p = &l->records[i];
		uint32_t reserved = 0;
		uint32_t *to[RECORD_FIELDS] = { &reserved, &p->allow,    &p->deny,   &p->subtree, &p->cond,
						&p->kill,  &p->complain, &p->prompt, &p->audit,   &p->quiet,
						&p->hide,  &p->xindex,   &p->tag,    &p->label };

		for (size_t f = 0; f < RECORD_FIELDS; f++) {
			if (expect(r, TAG_U32, &it))
				return -1;
			*to[f] = (uint32_t)it.number;
		}
	}
	return expect(r, TAG_ARRAYEND, &it) ? -1 : expect(r, TAG_STRUCTEND, &it);
}

/* unpack_trans_table() */
static int read_xtable(struct reader *r, struct layer *l)
{
	struct item it;

	if (l->xtable)
		return bad(r, r->at, "a second table of names");
	if (expect(r, TAG_ARRAY, &it))
		return -1;
	if (it.number > (r->blob.len - r->at) / 4)
		return bad(r, it.start, "a table of names of an impossible size");
	l->xtable_count = it.number;
	l->xtable = arena_array(r->arena, l->xtable_count + 1, sizeof *l->xtable);
	for (size_t i = 0; i < l->xtable_count; i++) {
		if (expect(r, TAG_STRING, &it))
			return -1;
		l->xtable[i] = it.text;
	}
	return expect(r, TAG_ARRAYEND, &it) ? -1 : expect(r, TAG_STRUCTEND, &it);
}

/* Takes an element that belongs to a state machine: 1 taken, 0 not one of these, -1. */
static int read_layer(struct reader *r, struct layer *l, const struct item *it)
{
	if (it->tag == TAG_STRUCT && slice_is(it->name, "perms"))
		return read_records(r, l) ? -1 : 1;
	if (it->tag == TAG_STRUCT && slice_is(it->name, "xtable"))
		return read_xtable(r, l) ? -1 : 1;
	if (it->tag == TAG_BLOB && slice_is(it->name, "aadfa")) {
		if (l->dfa.ptr)
			return bad(r, it->start, "a second state machine");
		l->dfa = it->text;
		l->dfa_at = r->at - it->text.len;
		return 1;
	}
	if (it->tag != TAG_U32)
		return 0;
	if (slice_is(it->name, "permsv"))
		l->permsv = (uint32_t)it->number;
	else if (slice_is(it->name, "start"))
		l->start = (uint32_t)it->number;
	else if (slice_is(it->name, "dfa_start"))
		l->file_start = (uint32_t)it->number;
	else
		return 0;
	return 1;
}

/* The name of a field that the format tells by its place: xmatch_len before the flags, capability masks behind. */
static struct slice place_name(const struct image *im, const struct item *it)
{
	if (it->name.len > 0 || it->tag != TAG_U32)
		return it->name;
	return im->flags_seen ? SLICE("caps") : SLICE("xmatch_len");
}

static int keep(struct reader *r, struct image *im, const struct item *it)
{
	struct automaton_field f = { .name = place_name(im, it) };

	if (closes(it->tag))
		return bad(r, it->start, "an end that closes nothing");
	if (opens(it->tag) && skip_group(r, it->tag))
		return -1;
	f.bytes = slice_sub(r->blob, it->body, r->at - it->body);
	VEC_PUSH(r->arena, &im->rest, f);
	return 0;
}

static int read_policydb(struct reader *r, struct image *im)
{
	struct item it;
	int taken;

	if (im->policy.dfa.ptr)
		return bad(r, r->at, "a second policydb");
	for (;;) {
		if (take_item(r, &it))
			return -1;
		if (it.tag == TAG_STRUCTEND)
			return 0;
		taken = read_layer(r, &im->policy, &it);
		if (taken < 0 || (taken == 0 && keep(r, im, &it)))
			return -1;
	}
}

/* The second word of "flags": PACKED_MODE_*. */
static int read_mode(struct reader *r, struct image *im, const struct item *flags)
{
	struct reader again = *r;
	struct item it;

	again.at = flags->body + 1;
	if (im->flags_seen)
		return bad(r, flags->start, "a second set of flags");
	im->flags_seen = true;
	if (expect(&again, TAG_U32, &it)) /* a hat or not: the name tells, too */
		return -1;
	if (expect(&again, TAG_U32, &it))
		return -1;
	im->p->mode = im->p->version & VERSION_COMPLAIN ? 1 : (uint32_t)it.number;
	return 0;
}

static int read_element(struct reader *r, struct image *im, const struct item *it)
{
	int taken;

	if (it->tag == TAG_STRUCT && slice_is(it->name, "policydb"))
		return read_policydb(r, im);
	if (it->tag == TAG_STRUCT && slice_is(it->name, "flags") && read_mode(r, im, it))
		return -1;
	taken = read_layer(r, im->flags_seen ? &im->file : &im->attach, it);
	if (taken != 0)
		return taken < 0 ? -1 : 0;
	return keep(r, im, it);
}

/* The state machine of a layer, or NULL where it has none. */
static int make_dfa(struct reader *r, const struct image *im, const struct layer *l, bool file,
		    const struct automaton_dfa **out)
{
	struct automaton_dfa *d;
	struct slice tables = l->dfa;
	size_t at = l->dfa_at;

	*out = NULL;
	if (!l->dfa.ptr)
		return 0;
	/* Up to 7 zero bytes align the tables to 8 from the start of the image (sd_write_aligned_blob()). */
	for (unsigned pad = 0; pad < 7 && tables.len > 0 && tables.ptr[0] == '\0'; pad++, at++)
		tables = slice_from(tables, 1);
	d = ARENA_NEW(r->arena, struct automaton_dfa);
	if (automaton_dfa_read(d, tables, at, r->arena, r->err))
		return -1;
	d->abi = im->p->version & VERSION_ABI;
	d->records = l->records;
	d->record_count = l->record_count;
	d->owner_flag = l->permsv > 2;
	d->file = file;
	if ((!d->records || d->owner_flag) && !d->accept2)
		return bad(r, at, "a state machine without its second permission table");
	if (l->start >= d->states || l->file_start >= d->states)
		return bad(r, at, "a start state out of range");
	*out = d;
	return automaton_dfa_check(d, l->xtable_count, at, r->err);
}

/* unpack_profile(): file rules are a state machine of their own, or the part of the policydb behind byte 2. */
static int make_layers(struct reader *r, struct image *im)
{
	struct automaton_profile *p = im->p;

	if (make_dfa(r, im, &im->attach, false, &p->attach) || make_dfa(r, im, &im->policy, false, &p->policy) ||
	    make_dfa(r, im, &im->file, true, &p->file))
		return -1;
	p->attach_start = DFA_START;
	p->policy_start = im->policy.start;
	p->policy_xtable = im->policy.xtable;
	p->policy_xtable_count = im->policy.xtable_count;
	p->xtable = im->file.xtable;
	p->xtable_count = im->file.xtable_count;
	p->file_start = im->file.file_start;
	if (!p->file && p->policy && (p->file_start = automaton_step(p->policy, p->policy_start, CLASS_FILE)) != 0) {
		p->file = p->policy;
		p->xtable = p->policy_xtable;
		p->xtable_count = p->policy_xtable_count;
	}
	return 0;
}

/* verify_header() */
static int read_header(struct reader *r, struct automaton_profile *p, struct item *it)
{
	uint32_t abi;

	if (take_item(r, it))
		return -1;
	if (it->tag == TAG_U32 && slice_is(it->name, "version")) {
		r->version = (uint32_t)it->number;
		if (take_item(r, it))
			return -1;
	}
	p->version = r->version;
	abi = p->version & VERSION_ABI;
	if (abi < ABI_FIRST || abi > ABI_LAST)
		return bad(r, it->start, "a version that is not known");
	if (it->tag == TAG_STRING && slice_is(it->name, "namespace")) {
		p->namespace_ = it->text;
		if (take_item(r, it))
			return -1;
	}
	if (it->tag != TAG_STRUCT || !slice_is(it->name, "profile"))
		return bad(r, it->start, "no profile");
	return 0;
}

static int read_image(struct reader *r, struct automaton_profile *p)
{
	struct layer fresh = { .start = DFA_START, .file_start = DFA_START };
	struct image im = { .p = p, .attach = fresh, .policy = fresh, .file = fresh };
	size_t start = r->at;
	struct item it;

	if (read_header(r, p, &it) || expect(r, TAG_STRING, &it))
		return -1;
	if (it.text.len == 0)
		return bad(r, it.start, "a profile without a name");
	p->name = it.text;
	for (;;) {
		if (take_item(r, &it))
			return -1;
		if (it.tag == TAG_STRUCTEND)
			break;
		if (read_element(r, &im, &it))
			return -1;
	}
	if (!im.flags_seen)
		return bad(r, start, "a profile without flags");
	p->image = slice_sub(r->blob, start, r->at - start);
	p->rest = im.rest.ptr;
	p->rest_count = im.rest.len;
	return make_layers(r, &im);
}

/* The parser of 5.0 writes an own header of 8 bytes before the zstd magic of RFC 8878. */
static bool is_compressed(struct slice blob)
{
	struct slice magic = SLICE("\x28\xb5\x2f\xfd");

	return slice_eq(slice_sub(blob, 0, 4), magic) || slice_eq(slice_sub(blob, 8, 4), magic);
}

int automaton_read(struct automaton *out, struct slice blob, struct arena *arena, struct err *err)
{
	struct reader r = { .blob = blob, .arena = arena, .err = err };
	VEC(struct automaton_profile) profiles = { 0 };

	if (blob.len == 0)
		return err_put(err, ERR_FAILED, "cannot read compiled policy: it is empty");
	if (is_compressed(blob)) {
		err_put(err, ERR_FAILED, "cannot read compiled policy: it is compressed");
		return err_hint(err, "compile with --zstd-compress-level=none");
	}
	while (r.at < blob.len) {
		struct automaton_profile p = { 0 };

		if (read_image(&r, &p))
			return -1;
		VEC_PUSH(arena, &profiles, p);
	}
	out->profiles = profiles.ptr;
	out->count = profiles.len;
	return 0;
}

const struct automaton_profile *automaton_find(const struct automaton *a, struct slice name)
{
	for (size_t i = 0; i < a->count; i++)
		if (slice_eq(a->profiles[i].name, name))
			return &a->profiles[i];
	return NULL;
}
