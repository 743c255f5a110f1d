/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * builtin: the data files that are shipped, for a program that is not installed: the assembler puts their bytes here.
 * They are what stands in the source tree; `make` builds this file anew when one of them changes.
 */
#include "app.h"

extern const char builtin_conflict[], builtin_sample[];
extern const unsigned builtin_conflict_size, builtin_sample_size; /* bytes */

__asm__(".pushsection .rodata\n"
	"builtin_conflict:\n"
	".incbin \"patches/runc-detached-procfs.conflict\"\n"
	"builtin_sample:\n"
	".incbin \"profiles/lxc-generated-sample\"\n"
	"builtin_end:\n"
	".balign 4\n"
	"builtin_conflict_size: .long builtin_sample - builtin_conflict\n"
	"builtin_sample_size: .long builtin_end - builtin_sample\n"
	".popsection\n");

struct slice app_builtin_conflict(void)
{
	return (struct slice){ builtin_conflict, builtin_conflict_size };
}

struct slice app_builtin_sample(void)
{
	return (struct slice){ builtin_sample, builtin_sample_size };
}
