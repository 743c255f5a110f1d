/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lasting-plan: which form the drop-in takes, and its place in a patch. */
#include <nestfix/lasting.h>

/*
 * Another root has a parser of its own, which is not asked: its version must be one that knows priorities, too. 1, 0;
 * -1 where its version cannot be read.
 */
static int root_knows_priority(const struct root *root, struct arena *arena, struct err *err)
{
	static const char status[] = "/var/lib/dpkg/status";
	enum fsio_kind kind;
	struct file file;

	if (root->live)
		return 1;
	if (fsio_kind(root, status, &kind, err) < 0)
		return -1;
	if (kind == FSIO_MISSING)
		return 0;
	if (fsio_read(root, status, 64 << 20, arena, &file, err) < 0)
		return -1;
	return packages_compare(packages_version(file.bytes, "apparmor"), SLICE("4.1~")) >= 0;
}

static int knows_priority(const struct site *site, const struct compiler *compiler, struct arena *arena,
			  struct err *err)
{
	int knows = compile_knows_priority(compiler, arena, err);

	return knows > 0 ? root_knows_priority(site->root, arena, err) : knows;
}

/* Containers with the same raw lines are asked once. */
struct asked {
	struct slice lines;
	bool lost;
};

struct search {
	const struct site *site;
	const struct compiler *compiler;
	const struct conflict_scope *const *scopes;
	size_t scope_count;
	struct lasting_loss *loss;
	VEC(struct asked) asked;
	struct arena *arena;
	struct err *err;
};

static struct slice join(const struct lxc_list *raw, struct arena *arena)
{
	AUTOBUF out = { 0 };

	for (size_t i = 0; i < raw->count; i++) {
		buf_addslice(&out, raw->items[i].value);
		buf_addc(&out, '\n');
	}
	return arena_slice(arena, buf_slice(&out));
}

static bool was_asked(const struct search *s, struct slice lines)
{
	for (size_t i = 0; i < s->asked.len; i++)
		if (slice_eq(s->asked.ptr[i].lines, lines))
			return true;
	return false;
}

/* Does it have a rule of ours, so that others of its lines may be beaten by it? */
static bool has_our_rule(const struct search *s, const struct lxc_config *config)
{
	for (size_t i = 0; i < config->raw.count; i++)
		if (dropin_is_rule(config->raw.items[i].value, s->site->conflict))
			return true;
	return false;
}

/* 1: something of its own is lost, 0, -1. Lines that the parser refuses keep it from starting, with our rule or
 * without.
 */
static int ask(struct search *s, const struct container *c, const struct lxc_config *config)
{
	struct slice lines = join(&config->raw, s->arena);
	struct err trouble = { 0 };
	struct lasting_own own;
	uint32_t perms = 0;

	if (!config->generated || !has_our_rule(s, config) || was_asked(s, lines))
		return 0;
	s->loss->unordered = config->order_matters;
	if (s->loss->unordered)
		return 1;
	VEC_PUSH(s->arena, &s->asked, (struct asked){ .lines = lines });
	for (size_t i = 0; i < s->scope_count; i++)
		perms |= s->scopes[i]->perms;
	s->loss->container = c;
	if (lasting_own(&own, s->site, s->compiler, config, s->scopes, s->scope_count, s->arena, &trouble) == 0)
		return lasting_is_lost(s->loss, &own, own.given, perms, s->site->pool, s->arena, s->err);
	if (compile_is_refusal(&trouble))
		return 0;
	err_put(s->err, trouble.kind, "%s", trouble.text);
	return err_hint(s->err, "%s", trouble.hint);
}

static bool is_unknown(const struct container *c)
{
	return discover_is_liblxc(c) && c->lxc.unread;
}

/* With the text in place of the drop-in; one that cannot be read may deny anything. */
static int find_loss(struct search *s, struct slice text)
{
	struct nextstart n;

	*s->loss = (struct lasting_loss){ .unlisted = err_is_set(&s->site->host_err) };
	if (s->loss->unlisted)
		return 1;
	nextstart_open(&n, s->site, SLICE(""), s->arena);
	for (size_t i = 0; i < s->site->host.count; i++) {
		const struct container *c = &s->site->host.list[i];
		struct lxc_config config;
		int lost = is_unknown(c);

		*s->loss = (struct lasting_loss){ .container = c };
		if (discover_is_liblxc(c) && !lost && nextstart_config(&config, &n, c, text, NULL) == 0)
			lost = ask(s, c, &config);
		if (lost != 0)
			return lost;
	}
	*s->loss = (struct lasting_loss){ 0 };
	return 0;
}

int lasting_takes(const struct site *site, const struct compiler *compiler, struct lasting_loss *loss,
		  struct arena *arena, struct err *err)
{
	const struct dropin *d = &site->dropin;
	struct search s = { site, compiler, d->scopes, d->scope_count, loss, { 0 }, arena, err };

	*loss = (struct lasting_loss){ 0 };
	return d->mode == DROPIN_PRIORITY ? find_loss(&s, d->text) : 0;
}

const char *lasting_loss_words(const struct lasting_loss *loss, struct arena *arena)
{
	const struct container *c = loss->container;
	const struct lxc_setting *line = loss->line;

	if (loss->unlisted)
		return "not every container of this host could be listed";
	if (loss->unordered)
		return arena_printf(
		    arena,
		    "what container '%.*s' denies itself is not known: a file of a folder that it includes "
		    "takes back what others there add, and LXC reads them in no certain order",
		    SLICE_FMT(c->name));
	if (!line)
		return arena_printf(arena, "what container '%.*s' denies itself is not known: %s", SLICE_FMT(c->name),
				    err_is_set(&c->err) ? c->err.text : "its configuration cannot be read");
	return arena_printf(arena, "container '%.*s' denies '%.*s' itself (%s:%zu: %.*s)", SLICE_FMT(c->name),
			    SLICE_FMT(loss->path), line->place.path, line->place.line, SLICE_FMT(line->value));
}

/* The form that is right, and where rules would take something away, what. */
static int choose_mode(struct patch *patch, const struct compiler *compiler, struct lasting_loss *loss,
		       struct arena *arena, struct err *err)
{
	const struct site *site = patch->site;
	struct search s = { site, compiler, patch->dropin_scopes, patch->dropin_scope_count, loss, { 0 }, arena, err };
	int knows = knows_priority(site, compiler, arena, err), lost = 0;
	AUTOBUF text = { 0 };

	*loss = (struct lasting_loss){ 0 };
	if (knows > 0) {
		dropin_write(site->dropin.text, DROPIN_PRIORITY, site->conflict, s.scopes, s.scope_count, &text);
		lost = find_loss(&s, buf_slice(&text));
	}
	if (knows < 0 || lost < 0)
		return -1;
	patch->dropin = knows && !lost ? DROPIN_PRIORITY : DROPIN_HOOK;
	return 0;
}

static bool is_lost(const struct lasting_loss *loss)
{
	return loss->container || loss->unlisted;
}

/* Why the drop-in cannot be placed, or NULL. */
static const char *obstacle(const struct site *site, enum dropin_mode mode, const struct lasting_loss *loss,
			    struct arena *arena)
{
	static const char brief[] = "the cure of generated profiles lasts only until a container starts anew:";
	enum fsio_kind kind;

	if (site->dropin.mode == DROPIN_UNREADABLE)
		return arena_printf(arena, "%s '" DROPIN_PATH "' is there and cannot be read", brief);
	if (fsio_kind(site->root, DROPIN_DIR, &kind, NULL) < 0 || kind != FSIO_DIR)
		return arena_printf(arena,
				    "%s there is no folder '" DROPIN_DIR "' (LXC before 3.0, or not installed); "
				    "update LXC, or run 'aa-nestfix fix' after each start",
				    brief);
	if (mode != DROPIN_HOOK || (fsio_kind(site->root, NESTFIX_PROGRAM, &kind, NULL) == 0 && kind == FSIO_FILE))
		return NULL;
	return arena_printf(arena,
			    "%s %s%sthe hook needs '" NESTFIX_PROGRAM "', which is not installed; install it "
			    "('make install'), then run 'aa-nestfix fix' again",
			    brief, is_lost(loss) ? lasting_loss_words(loss, arena) : "",
			    loss->container ? ", which a rule with priority= for all containers would take away; "
					    : "");
}

/* Scopes that the drop-in gives back already stay given back. */
static void merge_scopes(const struct site *site, const struct finding *finding, const struct conflict_scope ***scopes,
			 size_t *count, struct arena *arena)
{
	VEC(const struct conflict_scope *) all = { 0 };

	for (size_t i = 0; i < site->conflict->scope_count; i++) {
		const struct conflict_scope *scope = &site->conflict->scopes[i];
		bool wanted = dropin_covers(&site->dropin, scope);

		for (size_t k = 0; finding && k < finding->scope_count; k++)
			wanted |= finding->scopes[k] == scope;
		if (wanted)
			VEC_PUSH(arena, &all, scope);
	}
	*scopes = all.ptr;
	*count = all.len;
}

static int by_path(const struct patch_file *a, const struct patch_file *b)
{
	return strcmp(patch_path(a), patch_path(b));
}

/* The least stretch of bytes that differs. */
static struct edit difference(struct slice old, struct slice text)
{
	size_t front = 0, back = 0;

	while (front < old.len && front < text.len && old.ptr[front] == text.ptr[front])
		front++;
	front = front < old.len || front < text.len ? slice_line(old, front) : front;
	while (back < old.len - front && back < text.len - front &&
	       old.ptr[old.len - back - 1] == text.ptr[text.len - back - 1])
		back++;
	return (struct edit){ front, old.len - front - back, slice_sub(text, front, text.len - front - back) };
}

static void add_file(struct patch *patch, struct slice text, struct arena *arena)
{
	const struct dropin *old = &patch->site->dropin;
	struct patch_file file = {
		.kind = PATCH_CREATE,
		.path = DROPIN_PATH,
		.existed = old->text.len > 0,
		.removed = text.len == 0,
		.edits = ARENA_NEW(arena, struct edit),
		.edit_count = 1,
		.old = old->text,
		.new_ = text,
	};
	struct patch_file *files = arena_array(arena, patch->file_count + 1, sizeof *files);
	size_t at = 0;

	*file.edits = difference(file.old, text);
	while (at < patch->file_count && by_path(&patch->files[at], &file) < 0)
		at++;
	for (size_t i = 0; i < patch->file_count; i++)
		files[i + (i >= at)] = patch->files[i];
	files[at] = file;
	patch->files = files;
	patch->file_count++;
}

static bool is_ours(const struct site *site)
{
	return site->dropin.mode == DROPIN_PRIORITY || site->dropin.mode == DROPIN_HOOK;
}

int lasting_plan(struct patch *patch, const struct compiler *compiler, struct slice sample, const char **note,
		 struct arena *arena, struct err *err)
{
	const struct site *site = patch->site;
	bool needed = !patch->lasts && lasting_is_needed(site, patch->finding);
	const char *why;
	struct lasting_loss loss;
	AUTOBUF text = { 0 };

	*note = NULL;
	if (!needed && !is_ours(site))
		return 0;
	merge_scopes(site, needed ? patch->finding : NULL, &patch->dropin_scopes, &patch->dropin_scope_count, arena);
	if (patch->dropin_scope_count == 0)
		return 0;
	if (choose_mode(patch, compiler, &loss, arena, err) < 0)
		return -1;
	why = obstacle(site, patch->dropin, &loss, arena);
	if (why) {
		*note = needed ? why : NULL;
		return 0;
	}
	dropin_write(site->dropin.text, patch->dropin, site->conflict, patch->dropin_scopes, patch->dropin_scope_count,
		     &text);
	if (slice_eq(buf_slice(&text), site->dropin.text))
		return 0;
	if (is_lost(&loss))
		patch->dropin_why =
		    arena_printf(arena,
				 "the drop-in is a hook, not a rule: %s, which a rule with priority= for all "
				 "containers would take away",
				 lasting_loss_words(&loss, arena));
	patch->sample = sample;
	add_file(patch, arena_slice(arena, buf_slice(&text)), arena);
	return 0;
}

void lasting_retire(struct patch *patch, struct arena *arena)
{
	const struct site *site = patch->site;
	AUTOBUF text = { 0 };

	patch->dropin = DROPIN_NONE;
	dropin_write(site->dropin.text, DROPIN_NONE, site->conflict, NULL, 0, &text);
	add_file(patch, arena_slice(arena, buf_slice(&text)), arena);
}

int lasting_is_dangerous(const struct site *site, const struct compiler *compiler, struct arena *arena, struct err *err)
{
	int knows;

	if (site->dropin.text.len == 0 || memmem(site->dropin.text.ptr, site->dropin.text.len, "priority=", 9) == NULL)
		return 0;
	knows = compile_knows_priority(compiler, arena, err);
	return knows < 0 ? -1 : !knows;
}
