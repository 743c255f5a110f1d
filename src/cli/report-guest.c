/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-guest: for who runs the program inside a container: what it is, whose it is to change, what to write to them.
 */
#include <libintl.h>
#include <locale.h>
#include <stdlib.h>
#include <unistd.h>

#include "report-internal.h"

#define DOMAIN "aa-nestfix"

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

/* A minimal container has no locale of the language that its environment names. gettext goes by LANGUAGE then, where
 * this libc takes C.UTF-8 for a language of its own (before 2.41). */
static locale_t any_locale(void)
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *name = getenv(names[i]);

		if (!name || !*name)
			continue;
		setenv("LANGUAGE", name, 0);
		return newlocale(LC_MESSAGES_MASK, "C.UTF-8", (locale_t)0);
	}
	return (locale_t)0;
}

/*
 * These texts, and no others, are read by customers of a hoster, who send them on: they are translated (po/). The
 * locale is set for them alone, so that errors stay as the manual names them. Returns what was set before.
 */
static locale_t speak(const struct report *r)
{
	locale_t theirs = newlocale(LC_MESSAGES_MASK, "", (locale_t)0);

	if (getenv("LANGUAGE") && strchr(getenv("LANGUAGE"), '/'))
		unsetenv("LANGUAGE"); /* a folder of somebody else's is no language */
	bindtextdomain(DOMAIN, r->locales);
	bind_textdomain_codeset(DOMAIN, "UTF-8");
	textdomain(DOMAIN);
	if (theirs == (locale_t)0)
		theirs = any_locale();
	return uselocale(theirs);
}

static void print_letter(const struct report *r, bool nesting)
{
	char name[256] = "";

	if (gethostname(name, sizeof name - 1) < 0 || !name[0])
		snprintf(name, sizeof name - 1, "%s", gettext("my container"));
	report_print(r, gettext("\nTo send to whoever runs the host:\n\n"));
	if (!nesting)
		report_print(
		    r,
		    gettext("  In my container '%s' Docker cannot mount: nesting is off. Please switch it on:\n"
			    "    Proxmox: pct set ID --features nesting=1, then pct reboot ID\n"
			    "    Incus:   incus config set %s security.nesting=true\n"
			    "    LXC:     lxc.apparmor.allow_nesting = 1, then a restart\n"),
		    name, name);
	else
		report_print(
		    r,
		    gettext("  In my container '%s' Docker is stopped by one AppArmor rule of LXC,\n"
			    "    deny /sys/[^fdck]*{,/**} wklx,   ([^fdc] in static profiles)\n"
			    "  since runc fixed CVE-2025-52881 (github.com/opencontainers/runc/issues/4968).\n"
			    "  aa-nestfix, run once on the host, changes that rule alone, proves that nothing\n"
			    "  else becomes different, and can be undone. No container is restarted:\n"
			    "    aa-nestfix check\n"
			    "    aa-nestfix fix\n"),
		    name);
}

static void print_peace(const struct report *r)
{
	report_print(
	    r, gettext("\nNothing in here can change it, and nothing need be downgraded or switched off; until the\n"
		       "host is cured, `docker run --network host` avoids it.\n"));
}

static void print_unknown(const struct report *r, const struct err *why)
{
	report_print(r,
		     gettext("This is an LXC container; whether the rule of its host stops Docker here could not be "
			     "asked: %s.\n"
			     "It does if Docker says: open sysctl net.ipv4.ip_unprivileged_port_start ... permission "
			     "denied\n"),
		     why->text);
	print_letter(r, true);
	print_peace(r);
}

static void print_guest(const struct report *r, enum probe_self meets, const struct err *why)
{
	switch (meets) {
	case PROBE_SELF_WORKS:
		report_good(r, gettext("Healthy"));
		report_print(r, gettext(": this is an LXC container, and its host lets runc write here.\n"
					"A hold on containerd.io or runc can go: apt-mark showhold\n"));
		break;
	case PROBE_SELF_DENIED:
		report_bad(r, gettext("Docker FAILS here"));
		report_print(r, gettext(": this is an LXC container, and the rule stands on its host.\n"));
		print_letter(r, true);
		print_peace(r);
		break;
	case PROBE_SELF_NO_MOUNT:
		report_bad(r, gettext("Docker FAILS here"));
		report_print(r, gettext(": this is an LXC container, and nesting is off. The runc rule is not why.\n"));
		print_letter(r, false);
		break;
	case PROBE_SELF_UNKNOWN:
		print_unknown(r, why);
		break;
	}
}

void report_guest(const struct report *r, enum probe_self meets, const struct err *why)
{
	locale_t before;

	if (r->quiet)
		return;
	before = speak(r);
	print_guest(r, meets, why);
	uselocale(before);
}
