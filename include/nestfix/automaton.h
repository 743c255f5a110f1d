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

/*
 * What a state says of a string, for one half. Both layouts are brought to the kernel's inner form (policy_compat.c),
 * so that the same policy compiled to either gives the same values.
 *
 * Of the file class `allow`, `deny`, `audit` and `quiet` are PERM_*; the `…_more` beside each holds the bits that the
 * letters do not account for (kernel numbers, include/perms.h): onexec, change_profile, and what a later parser may
 * grant one by one. Behind a NUL, PERM_K is the "subset" of link rules. Of the other classes the four are the class's
 * own bits, `…_more` is 0, and both halves are alike.
 */
struct automaton_half {
	uint32_t allow;
	uint32_t deny;   /* explicit denies that the binary keeps (table layout only) */
	uint32_t audit;  /* logged though allowed */
	uint32_t quiet;  /* refused without a word in the log */
	uint32_t xindex; /* how x is done: AUTOMATON_X_*; equal table indexes mean the same only with equal xtables */
	uint32_t more, deny_more, audit_more, quiet_more;
	uint32_t subtree, cond, kill, complain, prompt, hide, tag, label; /* table layout only */
};

/* xindex, from the kernel's include/file.h: the low 24 bits are an index into the xtable where _TABLE is set. */
enum {
	AUTOMATON_X_INDEX = 0x00ffffff,
	AUTOMATON_X_NAME = 0x04000000,   /* to the profile that bears the program's name: px; with _CHILD cx */
	AUTOMATON_X_TABLE = 0x08000000,  /* to the profile that the xtable names */
	AUTOMATON_X_UNSAFE = 0x10000000, /* environment is not scrubbed: lower case p, c, u */
	AUTOMATON_X_CHILD = 0x20000000,
	AUTOMATON_X_INHERIT = 0x40000000, /* ix, or the fallback of pix and cix */
};
#define AUTOMATON_X_UNCONFINED 0x80000000u /* ux, or the fallback of pux and cux */

/* Bits of `more`: AA_MAY_ONEXEC and AA_MAY_CHANGE_PROFILE. A profile to change to is matched by its name, not by a
 * path. */
enum { AUTOMATON_MORE_ONEXEC = 0x20000000, AUTOMATON_MORE_CHANGE_PROFILE = 0x40000000 };

struct automaton_perms {
	struct automaton_half half[2];
};

/* One DFA. Opaque but for the walk; state 0 matches nothing and never leaves. */
struct automaton_dfa;

size_t automaton_states(const struct automaton_dfa *dfa);
uint32_t automaton_step(const struct automaton_dfa *dfa, uint32_t state, unsigned char byte);
uint32_t automaton_run(const struct automaton_dfa *dfa, uint32_t state, struct slice bytes);

/* The out-of-band edge, taken between strings: only attachments have any, for their xattrs. */
uint32_t automaton_step_oob(const struct automaton_dfa *dfa, uint32_t state);
bool automaton_has_oob(const struct automaton_dfa *dfa);

/*
 * Bytes that no state of the DFA tells apart: fills class_of[256] with class numbers 0 … n-1 and returns n. For fast
 * walks. (Where states are stored as a difference to others, a class may be split needlessly.)
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
	uint32_t attach_start;
	const struct slice *xtable; /* names for xindex, file class */
	size_t xtable_count;
	const struct slice *policy_xtable;
	size_t policy_xtable_count;
	struct slice image; /* its bytes, whole */
	/*
	 * All fields of the image that are not one of the DFAs above, in order, as (name, bytes) pairs: flags, caps,
	 * rlimits, network families, attachments, … Two profiles whose rests are equal differ in nothing but their
	 * DFAs. Fields that the format leaves unnamed are called "caps" and "xmatch_len"; an unknown one "".
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

/* Permissions of a state of profile->attach: a program whose path ends with PERM_X in `allow` gets the profile. */
struct automaton_perms automaton_attach_perms(const struct automaton_profile *p, uint32_t state);

/* What the profile allows on a path (no NUL): AUTOMATON_USER or AUTOMATON_OTHER half. */
struct automaton_perms automaton_path(const struct automaton_profile *p, struct slice path);

#endif
