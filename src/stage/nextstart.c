/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>

#include <nestfix/nextstart.h>

static const char kernel_dir[] = "/sys/kernel/security/apparmor";

static bool has_part(struct slice text, const char *part)
{
	return text.len > 0 && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

struct nextstart_kind nextstart_kind(struct slice text)
{
	return (struct nextstart_kind){
		.nesting = has_part(text, "\n  ### Configuration: nesting\n"),
		.unprivileged = has_part(text, "\n  ### Configuration: unprivileged container\n"),
		.stacking = has_part(text, "\n  change_profile -> \":"),
	};
}

static bool is_same(struct nextstart_kind kind, const struct lxc_config *config)
{
	return kind.nesting == config->nesting && kind.unprivileged == config->unprivileged;
}

/* The text that was generated for a container that runs. */
static bool is_given(const struct site_policy *sp)
{
	return sp->container && discover_is_liblxc(sp->container) && sp->policy.source_count > 0;
}

static struct slice text_of(const struct site_policy *sp)
{
	return sp->policy.sources[0]->doc.text;
}

/* The kernel's word on one of its features; `otherwise` where it says nothing: no AppArmor, or another root. */
static const char *ask_kernel(const struct nextstart *n, const char *name, const char *otherwise)
{
	struct file file;

	if (fsio_read(n->site->root, arena_printf(n->arena, "%s/%s", kernel_dir, name), 4096, n->arena, &file, NULL) <
	    0)
		return otherwise;
	return arena_str(n->arena, slice_trim(file.bytes));
}

/* lsm/apparmor.c apparmor_can_stack(); inside a namespace that is stacked itself, liblxc makes none. */
static bool kernel_stacks(const struct nextstart *n)
{
	int major = 0, minor = 0;

	if (strcmp(ask_kernel(n, "features/domain/stack", "yes"), "yes") != 0 ||
	    strcmp(ask_kernel(n, ".ns_stacked", "no"), "yes") == 0)
		return false;
	sscanf(ask_kernel(n, "features/domain/version", "1.2"), "%d.%d", &major, &minor);
	return major > 1 || (major == 1 && minor >= 2);
}

/* Is this text what the library makes, whatever raw lines it had then? */
static bool agrees(const struct nextstart *n, const struct nextstart_given *given)
{
	const struct container *c = given->policy->container;
	struct slice text = text_of(given->policy);
	AUTOBUF made = { 0 };

	nextstart_write(&n->library, c->name, c->lxcpath, given->kind, NULL, &made);
	made.len -= strlen("}\n");
	return slice_eq(slice_sub(text, 0, made.len), buf_slice(&made));
}

static bool stat_path(const struct nextstart *n, const char *path, struct stat *st)
{
	AUTOCLOSE fd = fsio_open(n->site->root, path, O_PATH, NULL);

	return fd >= 0 && fstat(fd, st) == 0;
}

/* Was it written before the library came? Then an older one wrote it. */
static bool is_older(const struct nextstart *n, const struct site_policy *sp)
{
	struct stat text, library;

	return stat_path(n, sp->policy.path, &text) && stat_path(n, n->site->host.library, &library) &&
	       text.st_mtim.tv_sec < library.st_ctim.tv_sec;
}

static void read_library(struct nextstart *n)
{
	struct file file;

	if (!n->site->host.library) {
		n->why = "no liblxc.so.1 was found";
		return;
	}
	if (fsio_read(n->site->root, n->site->host.library, CONTAINER_LIBRARY_LIMIT, n->arena, &file, NULL) == 0 &&
	    nextstart_library(&n->library, file.bytes))
		n->has_library = true;
	else
		n->why = arena_printf(n->arena, "'%s' does not hold the texts in a form that is known",
				      n->site->host.library);
}

/* One text that it makes is enough; one that it does not make may have been edited, where others are as they should be.
 */
static void try_library(struct nextstart *n)
{
	const struct site_policy *odd = NULL;

	for (size_t i = 0; i < n->given_count; i++) {
		n->stacking = n->given[i].kind.stacking;
		if (agrees(n, &n->given[i]))
			return;
		if (!odd && !is_older(n, n->given[i].policy))
			odd = n->given[i].policy;
	}
	if (!odd)
		return;
	n->has_library = false;
	n->why = arena_printf(n->arena, "'%s' does not make the profile that '%.*s' runs with", n->site->host.library,
			      SLICE_FMT(odd->container->name));
}

static void find_given(struct nextstart *n)
{
	VEC(struct nextstart_given) given = { 0 };

	for (size_t i = 0; i < n->site->policy_count; i++)
		if (is_given(n->site->policies[i]))
			VEC_PUSH(n->arena, &given,
				 (struct nextstart_given){ n->site->policies[i],
							   nextstart_kind(text_of(n->site->policies[i])) });
	n->given = given.ptr;
	n->given_count = given.len;
}

void nextstart_open(struct nextstart *out, const struct site *site, struct slice sample, struct arena *arena)
{
	*out = (struct nextstart){ .site = site, .arena = arena, .sample = sample };
	out->stacking = kernel_stacks(out);
	find_given(out);
	read_library(out);
	if (out->has_library)
		try_library(out);
}

static bool is_raw(struct slice line, const struct lxc_list *raw)
{
	for (size_t i = 0; i < raw->count; i++)
		if (slice_eq(raw->items[i].value, line))
			return true;
	return false;
}

/* The text up to its raw lines: those that its container's configuration has now, and the drop-in's of any time. */
static struct slice without_raw(const struct nextstart *n, struct slice text, const struct lxc_list *raw)
{
	while (text.len > 0 && text.ptr[text.len - 1] != '}')
		text.len--;
	text = slice_sub(text, 0, text.len > 0 ? text.len - 1 : 0);
	while (text.len > 0) {
		size_t at = slice_line(text, text.len - 1);
		struct slice line = slice_sub(text, at, text.len - at);

		if (slice_ends(line, "\n"))
			line.len--;
		if (!is_raw(line, raw) && !dropin_is_rule(line, n->site->conflict))
			return text;
		text.len = at;
	}
	return text;
}

static void add_renamed(struct slice text, struct slice from, struct slice to, struct buf *out)
{
	while (from.len > 0 && text.len > 0) {
		const char *hit = memmem(text.ptr, text.len, from.ptr, from.len);
		size_t at = hit ? (size_t)(hit - text.ptr) : text.len;

		buf_addslice(out, slice_sub(text, 0, at));
		if (hit)
			buf_addslice(out, to);
		text = slice_from(text, hit ? at + from.len : at);
	}
	buf_addslice(out, text);
}

/* A text of one container made that of another. */
static struct slice adapt(struct slice body, const struct container *from, const struct container *to,
			  const struct lxc_list *raw, struct arena *arena)
{
	AUTOARENA scratch = { 0 };
	AUTOBUF named = { 0 };
	AUTOBUF out = { 0 };

	add_renamed(body, lxc_profile_name(from->name, from->lxcpath, &scratch),
		    lxc_profile_name(to->name, to->lxcpath, &scratch), &named);
	add_renamed(buf_slice(&named), lxc_profile_file(from->name, from->lxcpath, &scratch),
		    lxc_profile_file(to->name, to->lxcpath, &scratch), &out);
	for (size_t i = 0; i < raw->count; i++) {
		buf_addslice(&out, raw->items[i].value);
		buf_addc(&out, '\n');
	}
	buf_adds(&out, "}\n");
	return arena_slice(arena, buf_slice(&out));
}

/* A text to go by: its own with these settings, another's, its own with other ones. */
static const struct site_policy *find_model(const struct nextstart *n, const struct container *c,
					    const struct lxc_config *config)
{
	const struct site_policy *own = NULL, *other = NULL;

	for (size_t i = 0; i < n->given_count; i++) {
		const struct site_policy *sp = n->given[i].policy;
		bool same = is_same(n->given[i].kind, config);

		if (same && sp->container == c)
			return sp;
		if (sp->container == c)
			own = sp;
		else if (same && !other)
			other = sp;
	}
	return other ? other : own;
}

struct slice nextstart_text(const struct nextstart *n, const struct container *c, const struct lxc_config *config,
			    enum nextstart_base *base, struct arena *arena)
{
	static const struct container sample = { .name = SLICE("sample"), .lxcpath = SLICE("/var/lib/lxc") };
	struct nextstart_kind kind = { config->nesting, config->unprivileged, n->stacking };
	const struct site_policy *model;
	AUTOBUF out = { 0 };

	*base = NEXTSTART_LIBRARY;
	if (n->has_library) {
		nextstart_write(&n->library, c->name, c->lxcpath, kind, &config->raw, &out);
		return arena_slice(arena, buf_slice(&out));
	}
	model = find_model(n, c, config);
	*base = !model ? NEXTSTART_SAMPLE : model->container == c ? NEXTSTART_OWN : NEXTSTART_OTHER;
	if (model)
		return adapt(without_raw(n, text_of(model), &model->container->lxc.raw), model->container, c,
			     &config->raw, arena);
	if (n->sample.len == 0)
		return (struct slice){ 0 };
	return adapt(without_raw(n, n->sample, &sample.lxc.raw), &sample, c, &config->raw, arena);
}

struct slice nextstart_key(const struct nextstart *n, const struct container *c, const struct lxc_config *config,
			   struct arena *arena)
{
	AUTOARENA scratch = { 0 };
	struct slice name = lxc_profile_name(c->name, c->lxcpath, &scratch);
	enum nextstart_base base;
	AUTOBUF out = { 0 };

	if (!n->has_library)
		return discover_anonymous(c, nextstart_text(n, c, config, &base, arena), arena);
	/* an odd name is no other's */
	buf_addf(&out, "%d%d %.*s\n", config->nesting, config->unprivileged,
		 SLICE_FMT(discover_anonymous(c, name, &scratch)));
	for (size_t i = 0; i < config->raw.count; i++) {
		buf_addslice(&out, config->raw.items[i].value);
		buf_addc(&out, '\n');
	}
	return arena_slice(arena, buf_slice(&out));
}

const char *nextstart_words(enum nextstart_base base)
{
	switch (base) {
	case NEXTSTART_LIBRARY:
		return "the texts in liblxc.so.1";
	case NEXTSTART_OWN:
		return "the profile that it runs with";
	case NEXTSTART_OTHER:
		return "the profile of another container with the same settings";
	case NEXTSTART_SAMPLE:
		break;
	}
	return "a sample of a profile";
}
