/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * automaton: a profile as apparmor_parser compiled it, read back.
 *
 * The input is what `apparmor_parser -S`/`-o` writes: images one after the other, one a profile, hats and child
 * profiles as images of their own. Every binary version that 2.13, 3.0, 4.x and 5.0 write is understood. Layout: the
 * kernel's security/apparmor/policy_unpack.c, match.c, policy_compat.c; parser/parser_interface.c; each constant names
 * its source.
 *
 * The input is hostile: every offset, count and table is checked before use, and a blob that does not add up is a clear
 * error, never a crash. All slices look into the blob, which must outlive the automaton.
 */
#ifndef NESTFIX_AUTOMATON_H
#define NESTFIX_AUTOMATON_H

#include <stdint.h>

#include <nestfix/buf.h>
#include <nestfix/err.h>

/* Permission bits, one vocabulary for both layouts of the binary policy; a rule's letters are the first seven. */
enum {
	PERM_X = 0x01,
	PERM_W = 0x02,
	PERM_R = 0x04,
	PERM_A = 0x08,
	PERM_L = 0x10,
	PERM_K = 0x20,
	PERM_M = 0x40,
};

enum { AUTOMATON_USER = 0, AUTOMATON_OTHER = 1 }; /* the two halves: owner of the object, everybody else */

/* What a state says of a string, for one half. Bits are those of its own layout; only `allow` of files is mapped to
 * PERM_*. */
struct automaton_half {
	uint32_t allow;  /* PERM_* */
	uint32_t deny;   /* explicit denies that the binary keeps (table layout only) */
	uint32_t audit;  /* PERM_* that are logged though allowed */
	uint32_t quiet;  /* PERM_* whose refusal is not logged */
	uint32_t xindex; /* how x is done: layout's own bits; equal numbers mean the same only with equal xtables */
	uint32_t
	    more; /* every further bit of the state (onexec, change_profile, prompt, kill, complain, hide, subset …) */
};

struct automaton_perms {
	struct automaton_half half[2];
};

/* One DFA. Opaque but for the walk; state 0 matches nothing and never leaves. */
struct automaton_dfa;

size_t automaton_states(const struct automaton_dfa *dfa);
uint32_t automaton_step(const struct automaton_dfa *dfa, uint32_t state, unsigned char byte);
uint32_t automaton_run(const struct automaton_dfa *dfa, uint32_t state, struct slice bytes);

/*
 * Bytes that no state of the DFA tells apart: fills class_of[256] with class numbers 0 … n-1 and returns n. For fast
 * walks.
 */
size_t automaton_classes(const struct automaton_dfa *dfa, unsigned char class_of[256]);

struct automaton_profile {
	struct slice name;                /* "lxc-container-default", "parent//child" */
	struct slice namespace_;          /* or empty */
	uint32_t version;                 /* the version word of its image */
	uint32_t mode;                    /* 0 enforce, 1 complain, 2 kill, 3 unconfined, 4 prompt */
	const struct automaton_dfa *file; /* NULL: no file class at all */
	uint32_t file_start;
	const struct automaton_dfa *policy; /* policydb: all other mediated classes; NULL where there is none */
	uint32_t policy_start;
	const struct automaton_dfa *attach; /* xmatch, or NULL */
	const struct slice *xtable;         /* names for xindex, file class */
	size_t xtable_count;
	struct slice image; /* its bytes, whole */
	/*
	 * All fields of the image that are not one of the DFAs above, in order, as (name, bytes) pairs: flags, caps,
	 * rlimits, network families, attachments, … Two profiles whose rests are equal differ in nothing but their
	 * DFAs.
	 */
	struct automaton_field {
		struct slice name, bytes;
	} * rest;
	size_t rest_count;
};

struct automaton {
	struct automaton_profile *profiles;
	size_t count;
};

/* Reads a blob of 1 or more images. ERR_FAILED with the byte offset on anything that does not add up. */
int automaton_read(struct automaton *out, struct slice blob, struct arena *arena, struct err *err);

const struct automaton_profile *automaton_find(const struct automaton *a, struct slice name);

/* Permissions of a state of profile->file, or of profile->policy. State out of range: none. */
struct automaton_perms automaton_file_perms(const struct automaton_profile *p, uint32_t state);
struct automaton_perms automaton_policy_perms(const struct automaton_profile *p, uint32_t state);

/* What the profile allows on a path (no NUL): AUTOMATON_USER or AUTOMATON_OTHER half. */
struct automaton_perms automaton_path(const struct automaton_profile *p, struct slice path);

#endif
