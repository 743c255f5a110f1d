# SPDX-License-Identifier: GPL-2.0-or-later
# What is installed, and the Debian package. Included by the Makefile; debian/rules calls it alone.

prefix ?= /usr
sbindir ?= $(prefix)/sbin
datadir ?= $(prefix)/share
docdir ?= $(datadir)/doc/aa-nestfix
mandir ?= $(datadir)/man
libexecdir ?= $(prefix)/libexec
unitdir ?= $(prefix)/lib/systemd/system
sysconfdir ?= /etc
PARSER ?= apparmor_parser
B ?= build/release
D := $(DESTDIR)

# Data that goes to the same place on every system.
install-data:
	install -d $D$(datadir)/aa-nestfix/patches $D$(docdir) $D$(mandir)/man8 $D$(mandir)/man5
	install -m 644 patches/*.conflict $D$(datadir)/aa-nestfix/patches
	install -D -m 644 profiles/lxc-generated-sample $D$(datadir)/aa-nestfix/profiles/lxc-generated-sample
	install -m 644 $(wildcard README.md) NEWS.md SECURITY.md doc/json.md $D$(docdir)
	install -m 644 patches/README.md $D$(docdir)/conflicts.md
	install -m 644 man/aa-nestfix.8 $D$(mandir)/man8
	install -m 644 man/aa-nestfix-conflict.5 $D$(mandir)/man5
	install -D -m 644 completion/aa-nestfix.bash $D$(datadir)/bash-completion/completions/aa-nestfix
	install -D -m 644 completion/_aa-nestfix $D$(datadir)/zsh/vendor-completions/_aa-nestfix
	install -D -m 644 completion/aa-nestfix.fish $D$(datadir)/fish/vendor_completions.d/aa-nestfix.fish
	install -D -m 755 libexec/postinst-helper $D$(libexecdir)/aa-nestfix/postinst-helper
	install -D -m 644 profiles/usr.sbin.aa-nestfix $D$(sysconfdir)/apparmor.d/usr.sbin.aa-nestfix
	install -D -m 644 profiles/lxc-container-nestfix $D$(sysconfdir)/apparmor.d/lxc/lxc-container-nestfix
	for rules in userns nosymfollow; do \
		if { echo 'profile x {'; cat profiles/lxc-container-nestfix.$$rules; echo '}'; } | $(PARSER) -q -Q -K -S >/dev/null 2>&1; \
		then install -D -m 644 profiles/lxc-container-nestfix.$$rules \
			$D$(sysconfdir)/apparmor.d/abstractions/lxc-container-nestfix.d/$$rules; fi; done

# The program itself is built by the Makefile.
install-package: install-data
	install -D -m 755 $B/aa-nestfix $D$(sbindir)/aa-nestfix
	for language in $(patsubst po/%.po,%,$(wildcard po/*.po)); do \
		install -D -m 644 $B/locale/$$language/LC_MESSAGES/aa-nestfix.mo \
			$D$(datadir)/locale/$$language/LC_MESSAGES/aa-nestfix.mo; done

install-units:
	install -d $D$(unitdir)
	install -m 644 systemd/aa-nestfix-check.service systemd/aa-nestfix-check.timer $D$(unitdir)

# The package, below build/deb, from a copy of this tree.
deb:
	rm -rf build/deb && mkdir -p build/deb/aa-nestfix
	tar --exclude=./build --exclude=./.git -cf - . | tar -C build/deb/aa-nestfix -xf -
	cd build/deb/aa-nestfix && dpkg-buildpackage -us -uc
	@ls build/deb/*.deb

# Installs, upgrades, removes and purges the package in a throw-away root; takes about two minutes.
check-package:
	BUILD=$(CURDIR)/$B prove --timer --exec '' tests/package.sh

.PHONY: install-data install-package install-units deb check-package
