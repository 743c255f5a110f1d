#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Next starts: the text that liblxc will write, and what a drop-in that every container reads may do to them. Prints TAP.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
REAL=$TOP/build/real
unit=$BUILD/unit/t-nextstart

library() {
	find "$REAL/$1/root" -type f -name 'liblxc.so.1*' 2>/dev/null
}

# liblxc SUITE VERSION DIGEST WORD…: the text that this liblxc wrote on a real kernel for a container named @NAME@, by its
# digest (recorded in virtual machines; tests/vm compares it byte for byte, on whatever version it has).
liblxc() {
	suite=$1
	version=$2
	digest=$3
	shift 3
	label="liblxc $version of $suite: $*"
	if ! grep -qFx "Version: $version" "$REAL/$suite/root/var/lib/dpkg/status" 2>/dev/null || [ ! -x "$unit" ]; then
		skip "$label" 'it could not be downloaded, or is another version by now'
		return
	fi
	is "$label" "$("$unit" write "$(library "$suite")" @NAME@ stacking "$@" | sha256sum | cut -d' ' -f1)" "$digest"
}

sh tests/real/fetch.sh >"$T/fetch.log" 2>&1 || sed 's/^/# /' "$T/fetch.log"
liblxc bookworm 1:5.0.2-1+deb12u4 e8c107d6daffea209246ffd888be7e702f164a3458b3b3fd596fe0e7ff7067cc nesting
liblxc bookworm 1:5.0.2-1+deb12u4 2a41dbfeeb26146fa91cf51d1668e7850490adf4843f83f2ce8730338ebbd50b nesting unprivileged
liblxc trixie 1:6.0.4-4+deb13u4 439bebfecabf557efb17a94efe9493dd28a645833b233bd469764379b8f483f5 nesting
liblxc trixie 1:6.0.4-4+deb13u4 20ff7ce16b1394e26863507f3d076eb01947cd391f8dd2d09eddb8763a0f5b7e nesting unprivileged
liblxc sid 1:7.0.0-2+b1 82efa789294e0995423f7450f88fab74b475296ce629c5a42ad451ceb631a184 nesting
liblxc sid 1:7.0.0-2+b1 cac06a09147e315b84dade72d15807905009292594beaef5c0f49aad46a8fb6e nesting unprivileged
tap_done
