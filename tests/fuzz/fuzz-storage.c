/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-storage: storage.cfg of any bytes. The first byte chooses Proxmox' version.
 *
 * `local` is always there and on the path that it always has; every folder is absolute; no storage is there twice.
 */
#include <stdint.h>
#include <stdlib.h>

#include <nestfix/pve.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTOARENA arena = { 0 };
	struct pve_storages storages;
	const struct pve_storage *local;

	if (size < 1)
		return 0;
	pve_read_storages(&storages, (struct slice){ (const char *)data + 1, size - 1 }, 6 + data[0] % 4, &arena);
	local = pve_find_storage(&storages, SLICE("local"));
	must(local && slice_starts(slice_of(local->snippets), "/var/lib/vz/") && local->nodes.len == 0);
	for (size_t i = 0; i < storages.count; i++) {
		const struct pve_storage *s = &storages.list[i];

		must(pve_is_storage_id(s->id) && (!s->snippets || s->snippets[0] == '/'));
		for (size_t k = 0; k < i; k++)
			must(!slice_eq(s->id, storages.list[k].id));
	}
	return 0;
}
