# SPDX-License-Identifier: GPL-2.0-or-later
# aa-nestfix: `make` builds, `make check` tests, `make install` installs. HACKING.md explains the rooms.
#   DEV=1   warnings are errors          SAN=1   AddressSanitizer and UndefinedBehaviorSanitizer
#   B=DIR   another build folder         FUZZ_RUNS=N, FUZZ_SECONDS=N   for each fuzzer

prefix ?= /usr
sbindir ?= $(prefix)/sbin
datadir ?= $(prefix)/share
docdir ?= $(datadir)/doc/aa-nestfix

FUZZ_CC ?= clang
PKG_CONFIG ?= pkg-config
PARSER ?= apparmor_parser
LIBS := libapparmor libpcre2-8 libarchive jansson libmd
B ?= build/$(if $(SAN),san,release)
FUZZ_RUNS ?= 100000
FUZZ_SECONDS ?= 60
VERSION := $(shell sed -n 's/^\#\# \([0-9][0-9.]*\).*/\1/p' NEWS.md | head -n 1)

# The hardening set of dpkg-buildflags; a caller's CFLAGS and LDFLAGS (a package build) replace it.
CFLAGS ?= -g -O2 -fstack-protector-strong -fstack-clash-protection -fcf-protection -Wformat -Werror=format-security \
	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
LDFLAGS ?= -Wl,-z,relro -Wl,-z,now
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wpointer-arith -Wwrite-strings
NF_CPPFLAGS := -D_GNU_SOURCE -DNESTFIX_VERSION='"$(VERSION)"' -DNESTFIX_DATADIR='"$(datadir)/aa-nestfix"' \
	-DNESTFIX_LOCALEDIR='"$(datadir)/locale"' -DNESTFIX_PROGRAM='"$(sbindir)/aa-nestfix"' -Iinclude \
	-include src/base/banned.h $(shell $(PKG_CONFIG) --cflags $(LIBS))
NF_CFLAGS := -std=gnu11 $(WARN) $(if $(DEV),-Werror) -fPIE
NF_LDFLAGS := -pie
LDLIBS += $(shell $(PKG_CONFIG) --libs $(LIBS))
ifdef SAN
CFLAGS := -g -O1
NF_CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
NF_LDFLAGS += -fsanitize=address,undefined
endif

SRC := $(filter-out src/cli/%,$(wildcard src/*/*.c))
CLI := $(wildcard src/cli/*.c)
UNIT := $(patsubst tests/unit/%.c,$B/unit/%,$(wildcard tests/unit/t-*.c))
FUZZ := $(patsubst tests/fuzz/%.c,$B/fuzz/%,$(wildcard tests/fuzz/fuzz-*.c))
SCRIPTS := run test .ci/run libexec/postinst-helper debian/tests/installed debian/tests/upgrade \
	$(wildcard tests/*.sh tests/lib/*.sh tests/real/*.sh tests/vm/*.sh tests/vm/*/*.sh)
MAINTAINER_SCRIPTS := debian/config debian/postinst debian/prerm debian/postrm
SOURCES := $(SRC) $(CLI) $(wildcard tests/*.c tests/*/*.c tests/vm/pve/*.c)
HEADERS := $(wildcard include/nestfix/*.h src/*/*.h tests/lib/*.h tests/vm/pve/*.h)

.DEFAULT_GOAL := all
LOCALES := $(patsubst po/%.po,$B/locale/%/LC_MESSAGES/aa-nestfix.mo,$(wildcard po/*.po))
all: $B/aa-nestfix $(LOCALES)

$B/locale/%/LC_MESSAGES/aa-nestfix.mo: po/%.po
	@mkdir -p $(@D)
	msgfmt --check-format --check-domain -o $@ $<

$B/aa-nestfix: $(CLI:%.c=$B/%.o) $B/libnestfix.a
	$(CC) $(CFLAGS) $(NF_CFLAGS) $(LDFLAGS) $(NF_LDFLAGS) -o $@ $^ $(LDLIBS)

$B/libnestfix.a: $(SRC:%.c=$B/%.o)
	rm -f $@ && $(AR) rcsD $@ $^

$B/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(NF_CPPFLAGS) $(CPPFLAGS) $(CFLAGS) $(NF_CFLAGS) -MMD -MP -c -o $@ $<

$B/src/cli/builtin.o: $(wildcard patches/*.conflict) profiles/lxc-generated-sample

# One program a test file: t-<room>.c prints TAP.
$B/unit/%: $B/tests/unit/%.o $B/libnestfix.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(NF_CFLAGS) $(LDFLAGS) $(NF_LDFLAGS) -o $@ $^ $(LDLIBS)

# Copies stdin to stdout through parse and print.
$B/roundtrip: $B/tests/roundtrip.o $B/libnestfix.a
	$(CC) $(CFLAGS) $(NF_CFLAGS) $(LDFLAGS) $(NF_LDFLAGS) -o $@ $^ $(LDLIBS)

# The fault injector for tests/crash.sh; never sanitized, it is loaded into other programs.
$B/fault.so: tests/lib/fault.c
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -std=gnu11 -g -O1 $(WARN) -shared -fPIC -o $@ $< -ldl

# What stands for Proxmox' file system, here and in the virtual machines: static, so that it runs in all of them.
$B/pmxcfs: $(wildcard tests/vm/pve/*.c) tests/vm/pve/tree.h
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -std=gnu11 -g -O2 $(WARN) $(if $(DEV),-Werror) -static -o $@ $(filter %.c,$^)

# A fuzzer is built from the sources with clang, so that the code under test is instrumented.
$B/fuzz/%: tests/fuzz/%.c $(SRC)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(NF_CPPFLAGS) -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-o $@ $< $(SRC) $(LDLIBS)

roundtrip: $B/roundtrip
	@echo "$B/roundtrip copies standard input to standard output through parse and print"

# Every test that needs no virtual machine; each script prints TAP and skips loudly what this machine cannot do. What takes
# long (whole hosts, real packages with every parser, a fault at each call, the own profile) is a target of its own; ./test runs
# both.
SLOW_TESTS := $(patsubst %,tests/t-%.sh,host-commands crash generated liblxc-texts nestfix-profile own-profile own-files harden \
	real hookscript state)
TESTS := tests/floors.sh tests/sizes.sh $(filter-out $(SLOW_TESTS),$(wildcard tests/t-*.sh))
PROVE := prove --timer --failures --comments --jobs 2
# Sanitized, the program's own paths count; what runs for minutes to try other parsers and packages is left to the plain build.
SAN_TESTS := tests/t-bad-input.sh tests/t-json.sh tests/t-hosts.sh tests/t-completion.sh
check: all $(UNIT) $B/roundtrip $(if $(SAN),,$B/fault.so $B/pmxcfs)
	BUILD=$(CURDIR)/$B $(PROVE) --exec '' $(UNIT) $(if $(SAN),$(SAN_TESTS),$(TESTS))

check-slow: all $B/fault.so $B/pmxcfs
	BUILD=$(CURDIR)/$B $(PROVE) --exec '' $(SLOW_TESTS)

# The same sources on Debian 13: its compiler, libraries, parser and LXC. Needs root.
check-debian13:
	tests/debian13.sh

# The unit tests under valgrind. Those that run other programs are left to the sanitizers.
check-valgrind: $(UNIT)
	prove --timer --jobs 2 --exec 'valgrind -q --error-exitcode=9 --leak-check=full --child-silent-after-fork=yes' $(UNIT)

# Each fuzzer from its committed seeds, for FUZZ_RUNS inputs or FUZZ_SECONDS; make -j2 runs two at a time.
check-fuzz: $(FUZZ:%=run-%)
run-$B/fuzz/fuzz-%: $B/fuzz/fuzz-%
	@mkdir -p $B/corpus/$*
	@$< -runs=$(FUZZ_RUNS) -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=4096 -timeout=20 -print_final_stats=1 \
		$B/corpus/$* tests/fuzz/seeds/$* >$<.log 2>&1 || { tail -n 40 $<.log; exit 1; }
	@echo "ok - fuzz-$*: $$(sed -n 's/^stat::number_of_executed_units: *//p' $<.log) inputs"
# The lossless law is held to all its inputs, however slow the machine.
run-$B/fuzz/fuzz-doc: FUZZ_SECONDS = 600

# What is left on of the analyzer needs no deep paths, which take nine tenths of the time.
TIDY_DEPTH := --extra-arg=-Xclang --extra-arg=-analyzer-config --extra-arg=-Xclang --extra-arg=mode=shallow
lint:
	clang-format --dry-run -Werror $(SOURCES) $(HEADERS)
	@mkdir -p $B && printf '%s\n' $(NF_CPPFLAGS) -std=gnu11 | \
		sed 's,^-Iinclude,-I$(CURDIR)/include,; s,^src/,$(CURDIR)/src/,' >$B/compile_flags.txt
	printf '%s\n' $(SRC) $(CLI) | xargs -P 2 -n 4 clang-tidy --quiet -p $B $(TIDY_DEPTH) 2>/dev/null
	cppcheck -j 2 --quiet --std=c11 --error-exitcode=1 --enable=warning,portability --inline-suppr \
		--suppress=missingIncludeSystem -D_GNU_SOURCE -Iinclude src
	codespell -L aare,chekc,queu,childs,devic,readby,ro,nd $(SOURCES) $(HEADERS) $(SCRIPTS) patches *.md Makefile
	printf '%s\n' $(SCRIPTS) | xargs -P 2 -n 8 shellcheck -x
	shellcheck -e SC1091 $(MAINTAINER_SCRIPTS)

floors:
	prove --exec '' tests/floors.sh

bench: all
	BUILD=$(CURDIR)/$B sh tests/bench.sh

# Real kernels in QEMU: VM="bookworm trixie sid", CASE=pattern; tests/vm/README.md.
check-vm: all $B/pmxcfs
	BUILD=$(CURDIR)/$B VM='$(VM)' CASE='$(CASE)' tests/vm/run.sh

install: all install-package install-units

clean:
	rm -rf build

include install.mk
-include $(shell find $B -name '*.d' 2>/dev/null)
.PHONY: all roundtrip check check-debian13 check-slow check-valgrind check-fuzz check-vm lint floors bench install clean
.SECONDARY:
.DELETE_ON_ERROR:
