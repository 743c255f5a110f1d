/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe, inside: probe.c asks and judges, probe-child.c runs a child with a time limit and reads its answer. */
#ifndef PROBE_INTERNAL_H
#define PROBE_INTERNAL_H

#include <nestfix/probe.h>

enum { PROBE_SECONDS = 10 };

/* What a child runs; it fills the numbers. It must not touch anything that the parent shares. */
typedef void probe_body(const void *question, int *numbers, size_t count);

/* Runs the body in a child that never returns, and gives its numbers. -1: it died, or the time was up. */
int probe_child(probe_body *body, const void *question, int *numbers, size_t count, unsigned seconds, struct err *err);

/* A procfs that is mounted nowhere; -1 with errno. */
int probe_procfs(void);

#endif
