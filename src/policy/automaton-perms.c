/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "automaton-internal.h"

/* Kernel security/apparmor/include/perms.h. */
enum {
	MAY_LETTERS = 0x0f, /* exec, write, read, append: the same bits as PERM_* */
	MAY_CREATE = 0x10,
	MAY_DELETE = 0x20,
	MAY_OPEN = 0x40,
	MAY_SETATTR = 0x100,
	MAY_GETATTR = 0x200,
	MAY_CHMOD = 0x1000,
	MAY_CHOWN = 0x2000,
	MAY_LOCK = 0x8000, /* of a pair: AA_LINK_SUBSET */
	MAY_MMAP = 0x10000,
	MAY_LINK = 0x40000,
	MAY_ONEXEC = AUTOMATON_MORE_ONEXEC,
	MAY_CHANGE_PROFILE = AUTOMATON_MORE_CHANGE_PROFILE,
};

/* The old layout, kernel policy_compat.c: a half is 14 bits of the accept word, 7 letters and 7 of how x is done. */
enum {
	OLD_LETTERS = 0x7f,
	OLD_EXEC = 7,
	OLD_HALF = 14,
	OLD_UNCONFINED = 0x80,
	OLD_UNSAFE = 0x100,
	OLD_INHERIT = 0x200,
	OLD_INDEX = 10,
	OLD_INDEX_NONE = 0,
	OLD_INDEX_UNCONFINED = 1,
	OLD_INDEX_NAME = 2,
	OLD_INDEX_CHILD = 3,
	OLD_INDEX_TABLE = 4,
	OLD_ONEXEC = 0x40000000,
};
#define OLD_CHANGE_PROFILE 0x80000000u

/* accept2 of permsv 3: ACCEPT_FLAG_OWNER, kernel include/policy.h */
enum { ACCEPT_OWNER = 1 };

/* map_old_perms() */
static uint32_t widen(uint32_t letters)
{
	uint32_t wide = letters & MAY_LETTERS;

	if (letters & PERM_R)
		wide |= MAY_GETATTR | MAY_OPEN;
	if (letters & PERM_W)
		wide |= MAY_SETATTR | MAY_CREATE | MAY_DELETE | MAY_CHMOD | MAY_CHOWN | MAY_OPEN;
	if (letters & PERM_L)
		wide |= MAY_LINK;
	if (letters & PERM_K)
		wide |= MAY_LOCK;
	if (letters & PERM_M)
		wide |= MAY_MMAP;
	return wide;
}

/* The letters in a wide mask; *more gets the bits that widening the letters again would not give, either way. */
static uint32_t narrow(uint32_t wide, uint32_t granted, uint32_t *more)
{
	uint32_t letters = wide & MAY_LETTERS;

	if (wide & MAY_LINK)
		letters |= PERM_L;
	if (wide & MAY_LOCK)
		letters |= PERM_K;
	if (wide & MAY_MMAP)
		letters |= PERM_M;
	*more = (wide | granted) ^ (widen(letters) | granted);
	return letters;
}

/* dfa_map_xindex() */
static uint32_t old_xindex(uint32_t half)
{
	uint32_t index = half >> OLD_INDEX & 0xf, x = 0;

	if (half & OLD_UNSAFE)
		x |= AUTOMATON_X_UNSAFE;
	if (half & OLD_INHERIT)
		x |= AUTOMATON_X_INHERIT;
	if (half & OLD_UNCONFINED)
		x |= AUTOMATON_X_UNCONFINED;
	if (index == OLD_INDEX_UNCONFINED)
		x |= AUTOMATON_X_UNCONFINED;
	else if (index == OLD_INDEX_NAME)
		x |= AUTOMATON_X_NAME;
	else if (index == OLD_INDEX_CHILD)
		x |= AUTOMATON_X_NAME | AUTOMATON_X_CHILD;
	else if (index >= OLD_INDEX_TABLE)
		x |= AUTOMATON_X_TABLE | (index - OLD_INDEX_TABLE);
	return x;
}

/* compute_fperms_user() and compute_fperms_other() */
static struct automaton_record old_file(const struct automaton_dfa *d, uint32_t state, unsigned half)
{
	unsigned shift = half == AUTOMATON_USER ? 0 : OLD_HALF;
	uint32_t accept = d->accept[state], accept2 = d->accept2[state];
	struct automaton_record r = { 0 };

	r.allow = widen(accept >> shift & OLD_LETTERS) | MAY_GETATTR;
	r.audit = widen(accept2 >> shift & OLD_LETTERS);
	r.quiet = widen(accept2 >> shift >> OLD_EXEC & OLD_LETTERS);
	r.xindex = old_xindex(accept >> shift & 0x3fff);
	if (accept & OLD_CHANGE_PROFILE)
		r.allow |= MAY_CHANGE_PROFILE;
	if (accept & OLD_ONEXEC)
		r.allow |= MAY_ONEXEC;
	return r;
}

/* map_other() and map_xbits(): where the bits of other classes hide in words made for files */
static uint32_t old_other(uint32_t x)
{
	return (x & 0x3) << 8 | (x & 0x1c) << 18 | (x & 0x60) << 19;
}

static uint32_t old_xbits(uint32_t x)
{
	return (x & 0x1) << 7 | (x & 0x7e) << 9;
}

/* compute_perms_entry() */
static struct automaton_record old_policy(const struct automaton_dfa *d, uint32_t state)
{
	uint32_t accept = d->accept[state], accept2 = d->accept2[state];
	struct automaton_record r = { 0 };

	if (state == 0)
		return r;
	r.allow = (accept & OLD_LETTERS) | (accept & OLD_CHANGE_PROFILE);
	r.allow |= old_other((accept >> OLD_HALF & OLD_LETTERS) | (accept & OLD_CHANGE_PROFILE));
	r.audit = (accept2 & OLD_LETTERS) | old_other(accept2 >> OLD_HALF & OLD_LETTERS);
	r.quiet = (accept2 >> OLD_EXEC & OLD_LETTERS) | old_other(accept2 >> OLD_HALF >> OLD_EXEC & OLD_LETTERS);
	if (d->abi <= 8) {
		r.allow |= MAY_LOCK;
	} else {
		r.allow |= old_xbits(accept >> OLD_EXEC & OLD_LETTERS);
		r.quiet |= old_xbits(accept >> OLD_HALF >> OLD_EXEC & OLD_LETTERS);
	}
	return r;
}

/*
 * aa_lookup_condperms(): which record is for whom. Before permsv 3 every state of a file class has one for the owner
 * and one for others; a policydb has single ones, also where it holds the file class.
 */
static uint32_t record_index(const struct automaton_dfa *d, uint32_t state, unsigned half)
{
	bool pair = d->owner_flag ? d->accept2[state] & ACCEPT_OWNER : d->file;

	return d->accept[state] + (pair && half == AUTOMATON_OTHER);
}

static struct automaton_record record_of(const struct automaton_dfa *d, uint32_t state, unsigned half)
{
	if (d->records)
		return d->records[record_index(d, state, half)];
	return d->file ? old_file(d, state, half) : old_policy(d, state);
}

static struct automaton_half half_of(const struct automaton_record *r, bool file)
{
	struct automaton_half h = { .subtree = r->subtree,
				    .cond = r->cond,
				    .kill = r->kill,
				    .complain = r->complain,
				    .prompt = r->prompt,
				    .hide = r->hide,
				    .xindex = r->xindex,
				    .tag = r->tag,
				    .label = r->label };

	if (file) {
		h.allow = narrow(r->allow, MAY_GETATTR, &h.more);
		h.deny = narrow(r->deny, 0, &h.deny_more);
		h.audit = narrow(r->audit, 0, &h.audit_more);
		h.quiet = narrow(r->quiet, 0, &h.quiet_more);
		return h;
	}
	h.allow = r->allow;
	h.deny = r->deny;
	h.audit = r->audit;
	h.quiet = r->quiet;
	return h;
}

static struct automaton_perms perms_of(const struct automaton_dfa *d, uint32_t state, bool file)
{
	struct automaton_perms p = { 0 };

	if (!d || state >= d->states)
		return p;
	for (unsigned half = 0; half < 2; half++) {
		struct automaton_record r = record_of(d, state, half);

		p.half[half] = half_of(&r, file);
	}
	return p;
}

/* In a policydb the first state of a class says that the class is mediated, not what the empty path may. */
struct automaton_perms automaton_file_perms(const struct automaton_profile *p, uint32_t state)
{
	if (p->file && !p->file->file && state == p->file_start)
		return (struct automaton_perms){ 0 };
	return perms_of(p->file, state, true);
}

struct automaton_perms automaton_policy_perms(const struct automaton_profile *p, uint32_t state)
{
	return perms_of(p->policy, state, false);
}

/* compute_xmatch_perms(): of the old layout only the user's letters count, and nothing in the trap state. */
struct automaton_perms automaton_attach_perms(const struct automaton_profile *p, uint32_t state)
{
	const struct automaton_dfa *d = p->attach;
	struct automaton_perms perms = { 0 };

	if (!d || state >= d->states)
		return perms;
	if (d->records)
		return perms_of(d, state, false);
	if (state != 0)
		perms.half[0].allow = d->accept[state] & (OLD_LETTERS | OLD_CHANGE_PROFILE);
	perms.half[1] = perms.half[0];
	return perms;
}

struct automaton_perms automaton_path(const struct automaton_profile *p, struct slice path)
{
	return p->file ? automaton_file_perms(p, automaton_run(p->file, p->file_start, path))
		       : (struct automaton_perms){ 0 };
}

int automaton_dfa_check(const struct automaton_dfa *d, size_t names, size_t at, struct err *err)
{
	for (uint32_t s = 0; s < d->states; s++) {
		for (unsigned half = 0; half < 2; half++) {
			struct automaton_record r;

			if (d->records && record_index(d, s, half) >= d->record_count)
				return err_put(err, ERR_FAILED,
					       "cannot read compiled policy: a state without permissions at byte %zu",
					       at);
			r = record_of(d, s, half);
			if ((r.xindex & AUTOMATON_X_TABLE) && (r.xindex & AUTOMATON_X_INDEX) >= names)
				return err_put(err, ERR_FAILED,
					       "cannot read compiled policy: an exec target out of range at byte %zu",
					       at);
		}
	}
	return 0;
}
