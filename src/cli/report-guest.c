/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-guest: for who runs the program inside a container: what it is, whose it is to change, what to write to them.
 */
#include <unistd.h>

#include "report-internal.h"

const char *report_guest_word(enum probe_self meets)
{
	static const char *const words[] = {
		[PROBE_SELF_WORKS] = "works",
		[PROBE_SELF_DENIED] = "stopped",
		[PROBE_SELF_NO_MOUNT] = "no-nesting",
		[PROBE_SELF_UNKNOWN] = "unknown",
	};

	return words[meets];
}

static void print_letter(const struct report *r, bool nesting)
{
	char name[256] = "";

	if (gethostname(name, sizeof name - 1) < 0 || !name[0])
		snprintf(name, sizeof name, "my container");
	report_print(r, "\nTo send to whoever runs the host:\n\n");
	if (!nesting)
		report_print(r,
			     "  In my container '%s' Docker cannot mount: nesting is off. Please switch it on:\n"
			     "    Proxmox: pct set ID --features nesting=1, then pct reboot ID\n"
			     "    Incus:   incus config set %s security.nesting=true\n"
			     "    LXC:     lxc.apparmor.allow_nesting = 1, then a restart\n",
			     name, name);
	else
		report_print(r,
			     "  In my container '%s' Docker is stopped by one AppArmor rule of LXC,\n"
			     "    deny /sys/[^fdck]*{,/**} wklx,   ([^fdc] in static profiles)\n"
			     "  since runc fixed CVE-2025-52881 (github.com/opencontainers/runc/issues/4968).\n"
			     "  aa-nestfix, run once on the host, changes that rule alone, proves that nothing\n"
			     "  else becomes different, and can be undone. No container is restarted:\n"
			     "    aa-nestfix check\n"
			     "    aa-nestfix fix\n",
			     name);
}

static void print_peace(const struct report *r)
{
	report_print(r, "\nNothing in here can change it, and nothing need be downgraded or switched off; until the\n"
			"host is cured, `docker run --network host` avoids it.\n");
}

void report_guest(const struct report *r, enum probe_self meets, const struct err *why)
{
	if (r->quiet)
		return;
	switch (meets) {
	case PROBE_SELF_WORKS:
		report_good(r, "Healthy");
		report_print(r, ": this is an LXC container, and its host lets runc write here.\n"
				"A hold on containerd.io or runc can go: apt-mark showhold\n");
		return;
	case PROBE_SELF_DENIED:
		report_bad(r, "Docker FAILS here");
		report_print(r, ": this is an LXC container, and the rule stands on its host.\n");
		print_letter(r, true);
		print_peace(r);
		return;
	case PROBE_SELF_NO_MOUNT:
		report_bad(r, "Docker FAILS here");
		report_print(r, ": this is an LXC container, and nesting is off. The runc rule is not why.\n");
		print_letter(r, false);
		return;
	case PROBE_SELF_UNKNOWN:
		break;
	}
	report_print(
	    r,
	    "This is an LXC container; whether the rule of its host stops Docker here could not be asked: %s.\n"
	    "It does if Docker says: open sysctl net.ipv4.ip_unprivileged_port_start … permission denied\n",
	    why->text);
	print_letter(r, true);
	print_peace(r);
}
