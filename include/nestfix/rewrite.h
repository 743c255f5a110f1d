/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rewrite: finding → the smallest edits. Pure.
 *
 * Each culprit's rule is replaced, byte range by byte range: a comment that names the conflict and the original rule,
 * the rule without the permission given back, and a rule that keeps denying it on every other path (exact subtraction,
 * aare.h). Qualifiers, indentation, line ends and what follows on the line stay. A rule below such a comment is planned
 * anew with it, from the rule that it names, with the scopes of both (mark.h).
 *
 * A generated text does not show what was loaded in its place. It is planned with every scope that the kernel gives
 * back already, besides those that are asked for, so that no cure takes another one away.
 */
#ifndef NESTFIX_REWRITE_H
#define NESTFIX_REWRITE_H

#include <nestfix/dropin.h>
#include <nestfix/locate.h>
#include <nestfix/mark.h>

enum patch_kind {
	PATCH_POLICY, /* a policy file: written, compiled, loaded */
	PATCH_LIVE,   /* a generated text: never written, since its owner writes it anew; only compiled and loaded */
	PATCH_LOAD,   /* a policy file that is cured, but not what the kernel holds: loaded as it is */
	PATCH_CREATE, /* our own drop-in, written whole */
	PATCH_CONFIG, /* a container's configuration: single lines of it are changed (config.h) */
};

struct patch_file {
	enum patch_kind kind;
	const struct policy_source *source; /* NULL for PATCH_CREATE and PATCH_CONFIG */
	const char *path;                   /* where there is no source; see patch_path */
	bool existed;                       /* PATCH_CREATE: it takes the place of an older one */
	bool removed;                       /* PATCH_CREATE: it is taken away (lasting.h) */
	struct edit *edits;                 /* sorted by place */
	size_t edit_count;
	struct slice old, new_;
	struct slice restored; /* rewrite_restore: the old text with the rules that were taken out, whole */
};

static inline const char *patch_path(const struct patch_file *file)
{
	return file->source ? file->source->path : file->path;
}

struct patch {
	const struct site *site;
	const struct finding *finding;
	const struct conflict_scope **asked; /* by the user; the finding's may be more: what is in force stays so */
	size_t asked_count;
	struct patch_file *files; /* sorted by path */
	size_t file_count;
	const struct policy **policies; /* top-level files that read one of the files: to be compiled and loaded */
	size_t policy_count;
	const struct re *paths; /* the exemption: what may change */
	uint32_t perms;
	bool lasts;    /* no container that counts needs a drop-in that is not there */
	bool restores; /* rules come back that somebody took out: accesses are taken away */
	bool reload;   /* a policy may be loaded in the place of one that is not known, or is another than its text */
	enum dropin_mode dropin; /* what the PATCH_CREATE among the files is to do, and in which scopes */
	const struct conflict_scope **dropin_scopes;
	size_t dropin_scope_count;
	const char *dropin_why; /* why it takes this form, where that is worth a word; or NULL */
	struct slice sample;    /* a generated text to try it on where there is no other */
};

/*
 * Cures every case that is LOCATE_BLOCKED. Where there is none and a case cannot be cured: ERR_REFUSED, and the
 * sentence names the rules, or ERR_FAILED with the parser's words; likewise where the rest of a rule cannot be written
 * as a pattern, or the lines of an earlier change were edited since. An empty patch (file_count 0): nothing to do.
 */
int rewrite(struct patch *out, const struct site *site, const struct finding *finding, struct arena *arena,
	    struct err *err);

/*
 * Puts back the rules of the finding that somebody commented out, each split at once so that the scopes stay given
 * back. What a running container may do gets less.
 */
int rewrite_restore(struct patch *out, const struct site *site, const struct finding *finding, struct arena *arena,
		    struct err *err);

#endif
