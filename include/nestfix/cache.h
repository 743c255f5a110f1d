/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cache: compiled policy, kept for the next run that needs the same.
 *
 * Below the root, mode 0700, in /var/cache/aa-nestfix: KEY, the SHA-256 of everything that the result depends on, and
 * KEY.lock. Whoever finds an entry takes it without waiting. Whoever does not, makes it under its key's own lock: many
 * at once never make the same one twice and never wait for another's. An entry carries the digest of its content; one
 * that does not fit, or cannot be trusted, is made anew. A cache that cannot be used costs time, nothing else.
 */
#ifndef NESTFIX_CACHE_H
#define NESTFIX_CACHE_H

#include <nestfix/atomic.h>

#define CACHE_DIR "/var/cache/aa-nestfix"

enum { CACHE_LIMIT = 64 << 20 }; /* bytes in all; a generated profile has some 100 KiB */

/* What the key is made of, part by part; each part counts with its length. */
struct cache_key {
	struct buf parts;
};

void cache_key_add(struct cache_key *key, struct slice part);
const char *cache_key_digest(const struct cache_key *key, struct arena *arena); /* SHA-256, 64 hex digits */
void cache_key_release(struct cache_key *key);
#define AUTOKEY __attribute__((cleanup(cache_key_release))) struct cache_key

/* Makes what is not there: *out lives in the arena, and may be empty, which is kept as well. */
typedef int cache_make(void *ctx, struct slice *out, struct err *err);

/*
 * Takes the entry of a key, or makes and keeps it; what cannot be made is not kept. *made: it was not there. Oldest
 * entries go once there are more than `limit` bytes (0: CACHE_LIMIT).
 */
int cache_take(const struct root *root, const struct cache_key *key, size_t limit, cache_make *make, void *ctx,
	       struct slice *out, bool *made, struct arena *arena, struct err *err);

#endif
