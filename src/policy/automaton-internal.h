/* SPDX-License-Identifier: GPL-2.0-or-later */
/* automaton, inside: automaton.c reads the stream, automaton-dfa.c the tables, automaton-perms.c the permissions. */
#ifndef NESTFIX_AUTOMATON_INTERNAL_H
#define NESTFIX_AUTOMATON_INTERNAL_H

#include <nestfix/automaton.h>

/* One record of a permission table: kernel include/perms.h struct aa_perms, in the order of unpack_perm(). */
struct automaton_record {
	uint32_t allow, deny, subtree, cond, kill, complain, prompt, audit, quiet, hide, xindex, tag, label;
};

struct automaton_dfa {
	uint32_t states, slots; /* length of base, dflt, accept … and of next, check */
	const uint32_t *base, *dflt, *next, *check;
	const uint32_t *accept, *accept2;       /* NULL where the blob has none */
	const struct automaton_record *records; /* NULL: the old layout, permissions are in accept and accept2 */
	uint32_t record_count;
	bool owner_flag; /* permsv 3: accept2 tells which states have a record for the owner and one for others */
	bool file;       /* of the file class only, so that its permissions are laid out for owner and others */
	bool oob;
	uint32_t abi;          /* of the image: which bits the old layout has */
	unsigned char ec[256]; /* byte → column; the identity where the blob has no such table */
};

/* Limits of the binary form. base_idx() in match.c leaves 24 bits for an index. */
#define DFA_INDEX 0x00ffffffu

/* Reads the tables at `blob`, which begins `at` bytes into the whole file. Everything but the records is filled. */
int automaton_dfa_read(struct automaton_dfa *out, struct slice blob, size_t at, struct arena *arena, struct err *err);

/* Are the indexes of all states inside the records, and their exec targets inside a table of `names`? */
int automaton_dfa_check(const struct automaton_dfa *dfa, size_t names, size_t at, struct err *err);

#endif
