# SPDX-License-Identifier: GPL-2.0-or-later
# aa-nestfix: `make` builds, `make check` tests, `make install` installs. HACKING.md explains the rooms.
#   DEV=1   warnings are errors          SAN=1   AddressSanitizer and UndefinedBehaviorSanitizer
#   B=DIR   another build folder

prefix ?= /usr
sbindir ?= $(prefix)/sbin
datadir ?= $(prefix)/share
sysconfdir ?= /etc

CC ?= gcc
FUZZ_CC ?= clang
PKG_CONFIG ?= pkg-config
LIBS := libapparmor libpcre2-8 libarchive jansson

B ?= build/$(if $(SAN),san,release)
VERSION := $(shell sed -n 's/^.. \([0-9][0-9.]*\).*/\1/p;T;q' NEWS.md 2>/dev/null)

# The hardening set of dpkg-buildflags; a caller's CFLAGS (a package build) replace it.
CFLAGS ?= -g -O2 -fstack-protector-strong -fstack-clash-protection -fcf-protection -Wformat -Werror=format-security
LDFLAGS ?= -Wl,-z,relro -Wl,-z,now
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wpointer-arith -Wwrite-strings
NF_CPPFLAGS = -D_GNU_SOURCE -DNESTFIX_VERSION='"$(VERSION)"' -DNESTFIX_DATADIR='"$(datadir)/aa-nestfix"' -Iinclude \
	$(shell $(PKG_CONFIG) --cflags $(LIBS))
NF_CFLAGS = -std=gnu11 $(WARN) $(if $(DEV),-Werror) -fPIE
ifdef SAN
NF_CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1
NF_LDFLAGS += -fsanitize=address,undefined
else
NF_CPPFLAGS += $(if $(findstring -O0,$(CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif
NF_LDFLAGS += -pie
LDLIBS += $(shell $(PKG_CONFIG) --libs $(LIBS))

SRC := $(filter-out src/cli/%,$(wildcard src/*/*.c))
CLI := $(wildcard src/cli/*.c)
OBJ := $(SRC:%.c=$B/%.o)
CLI_OBJ := $(CLI:%.c=$B/%.o)
UNIT := $(patsubst tests/unit/%.c,$B/unit/%,$(wildcard tests/unit/t-*.c))
FUZZ := $(patsubst tests/fuzz/%.c,$B/fuzz/%,$(wildcard tests/fuzz/fuzz-*.c))

all: $B/aa-nestfix

$B/aa-nestfix: $(CLI_OBJ) $B/libnestfix.a
	$(CC) $(CFLAGS) $(NF_CFLAGS) $(LDFLAGS) $(NF_LDFLAGS) -o $@ $^ $(LDLIBS)

$B/libnestfix.a: $(OBJ)
	rm -f $@ && $(AR) rcsD $@ $^

$B/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(NF_CPPFLAGS) $(CPPFLAGS) $(CFLAGS) $(NF_CFLAGS) -MMD -MP -c -o $@ $<

# One program a test file: t-<room>.c prints TAP.
$B/unit/%: $B/tests/unit/%.o $B/libnestfix.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(NF_CFLAGS) $(LDFLAGS) $(NF_LDFLAGS) -o $@ $^ $(LDLIBS)

unit: $(UNIT)
	prove --exec '' $(UNIT)

# A fuzzer is built from the sources with clang, so that the code under test is instrumented.
$B/fuzz/%: tests/fuzz/%.c $(SRC)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(NF_CPPFLAGS) -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-o $@ $< $(SRC) $(LDLIBS)

fuzzers: $(FUZZ)

clean:
	rm -rf build

-include $(shell find $B -name '*.d' 2>/dev/null)
.PHONY: all unit fuzzers clean
.SECONDARY:
