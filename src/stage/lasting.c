/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/lasting.h>

static bool covers_all(const struct dropin *dropin, const struct conflict_scope *const *scopes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!dropin_covers(dropin, scopes[i]))
			return false;
	return true;
}

/* A line of the drop-in, by whatever path it is read. */
static bool is_dropins(const struct lxc_setting *line)
{
	return line->place.path && slice_ends(slice_of(line->place.path), "/" DROPIN_NAME);
}

static bool has_rule(const struct lxc_list *raw, const struct conflict_scope *scope, size_t pattern, bool dropin)
{
	for (size_t i = 0; i < raw->count; i++)
		if ((dropin || !is_dropins(&raw->items[i])) && dropin_rule_gives(raw->items[i].value, scope, pattern))
			return true;
	return false;
}

static bool has_rules(const struct lxc_list *raw, const struct conflict_scope *scope, bool dropin)
{
	for (size_t i = 0; i < scope->give_back_count; i++)
		if (!has_rule(raw, scope, i, dropin))
			return false;
	return scope->give_back_count > 0;
}

static bool has_hook(const struct lxc_list *hooks, const struct conflict_scope *scope, bool dropin)
{
	for (size_t i = 0; i < hooks->count; i++)
		if ((dropin || !is_dropins(&hooks->items[i])) && dropin_hook_gives(hooks->items[i].value, scope))
			return true;
	return false;
}

static bool has_program(const struct site *site)
{
	enum fsio_kind kind;

	return fsio_kind(site->root, NESTFIX_PROGRAM, &kind, NULL) == 0 && kind == FSIO_FILE;
}

/* Does a file beside the drop-in take its lines back, or not, as LXC happens to come to them? */
static bool may_be_taken_back(const struct lxc_config *config)
{
	const struct lxc_place *resets[] = { &config->raw_reset, &config->start_host_reset };

	for (size_t i = 0; config->order_matters && i < 2; i++)
		if (resets[i]->path && slice_starts(slice_of(resets[i]->path), DROPIN_DIR "/"))
			return true;
	return false;
}

/* Do the lines of its configuration that are in force cure it, with or without those of the drop-in? */
static bool is_cured(const struct site *site, const struct container *c, const struct conflict_scope *const *scopes,
		     size_t count, bool dropin)
{
	for (size_t i = 0; i < count; i++)
		if (!has_rules(&c->lxc.raw, scopes[i], dropin) &&
		    !(has_hook(&c->lxc.start_host, scopes[i], dropin) && has_program(site)))
			return false;
	return !may_be_taken_back(&c->lxc);
}

static enum lasting next_of(const struct site *site, const struct container *c,
			    const struct conflict_scope *const *scopes, size_t count, bool dropin)
{
	if (c->origin == CONTAINER_STATIC)
		return LASTING_FILE;
	if (c->kind == CONTAINER_PVE && c->pve.is_template) /* Proxmox does not start it (PVE::API2::LXC::Status) */
		return LASTING_NONE;
	if (c->origin != CONTAINER_GENERATED || (err_is_set(&c->err) && c->config == NULL))
		return LASTING_NONE;
	if (!discover_is_liblxc(c))
		return LASTING_DAEMON;
	if (c->nesting && site->host.liblxc_state == PACKAGES_LIBLXC_CURED)
		return LASTING_UPSTREAM;
	return is_cured(site, c, scopes, count, dropin) ? LASTING_DROPIN : LASTING_BLOCKED;
}

enum lasting lasting_of(const struct site *site, const struct container *c, const struct conflict_scope *const *scopes,
			size_t count)
{
	return next_of(site, c, scopes, count, true);
}

/* Is the container, or the profile that it generates, asked about? A policy file that was named says nothing of it. */
static bool is_wanted(const struct site *site, const struct container *c)
{
	for (size_t i = 0; i < site->target_count; i++) {
		const struct site_target *t = &site->targets[i];

		if (t->found == c)
			return true;
		if (t->profile.len > 0 && slice_eq(t->profile, c->profile))
			return true;
		if (t->path && c->generated && strcmp(t->path, c->generated) == 0)
			return true;
	}
	return site->target_count == 0;
}

/* The text in force is blocked, whatever the library on disk would write now. */
static bool is_blocked(const struct site *site, const struct finding *finding, const struct container *c)
{
	for (size_t i = 0; i < finding->case_count; i++)
		if (finding->cases[i].state == LOCATE_BLOCKED &&
		    discover_container(site, finding->cases[i].policy) == c)
			return true;
	return false;
}

/*
 * AppArmor was switched off in it to get round the conflict. Harden switches it on again where the drop-in is there: a
 * guest of Proxmox gets a generated profile then, and one of LXC's may.
 */
static bool is_off(const struct site *site, const struct container *c)
{
	bool cured = c->pve.next.nesting && site->host.liblxc_state == PACKAGES_LIBLXC_CURED;

	return discover_is_liblxc(c) && (c->origin == CONTAINER_UNCONFINED || c->origin == CONTAINER_OFF) && !cured;
}

static bool needs_dropin(const struct site *site, const struct finding *finding, const struct container *c)
{
	enum lasting next = lasting_of(site, c, finding->scopes, finding->scope_count);

	return next == LASTING_BLOCKED || is_off(site, c) || (next == LASTING_UPSTREAM && is_blocked(site, finding, c));
}

bool lasting_is_needed(const struct site *site, const struct finding *finding)
{
	const struct container *fresh = site->host.count > 0 && site->target_count == 0 ? site->host.fresh : NULL;
	bool needed = fresh && needs_dropin(site, finding, fresh);

	for (size_t i = 0; i < site->host.count && !needed; i++) {
		const struct container *c = &site->host.list[i];

		needed = discover_is_liblxc(c) && is_wanted(site, c) && needs_dropin(site, finding, c);
	}
	return needed && (!covers_all(&site->dropin, finding->scopes, finding->scope_count) ||
			  (site->dropin.mode == DROPIN_HOOK && !has_program(site)));
}

/* A text that liblxc wrote before it was cured, and that nothing but its next start cures for good. */
static bool is_stale(const struct site *site, const struct locate_case *c)
{
	const struct container *container = discover_container(site, c->policy);

	if (!container || !discover_is_liblxc(container))
		return false;
	return c->state != LOCATE_ALLOWED || slice_is(c->cure, DROPIN_PATH);
}

bool lasting_is_over(const struct site *site, const struct finding *finding)
{
	if ((site->dropin.mode != DROPIN_PRIORITY && site->dropin.mode != DROPIN_HOOK) ||
	    site->host.liblxc_state != PACKAGES_LIBLXC_CURED)
		return false;
	for (size_t i = 0; i < site->host.count; i++) {
		const struct container *c = &site->host.list[i];

		if (!discover_is_liblxc(c))
			continue;
		if (err_is_set(&c->err) || is_off(site, c) ||
		    next_of(site, c, finding->scopes, finding->scope_count, false) == LASTING_BLOCKED)
			return false;
	}
	for (size_t i = 0; i < finding->case_count; i++)
		if (is_stale(site, &finding->cases[i]))
			return false;
	return true;
}
