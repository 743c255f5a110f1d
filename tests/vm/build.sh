#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# build.sh NAME…: the disk images of the virtual machines, below build/vm/NAME/.
#
#   bookworm, trixie, sid   a host: kernel, LXC and AppArmor of that suite (vmlinuz, initrd.img, root.img, versions)
#   container               what runs inside its containers: runc and Docker of forky (ct.img, versions)
#
# All of it comes from Debian's packages, signatures checked. An image is built again only when its inputs change: its key
# is a digest of this script, of image/ and of the name. MIRROR=URL names another mirror. Needs root.
set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

here=$(cd "$(dirname "$0")" && pwd)
out=${OUT:-$here/../../build/vm}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
container_suite=forky
log=/dev/stderr

host_packages=apparmor,lxc,kmod,iproute2,procps,busybox-static,uidmap,strace,libpcre2-8-0,libjansson4,libapparmor1
container_packages=runc,docker.io,docker-cli,containerd,busybox-static,iproute2,procps,ca-certificates,iptables,systemd
# The cloud flavour is the same source with fewer drivers: a third of the download.
kernel_package=linux-image-cloud-amd64

say() { printf 'vm/build: %s\n' "$*" >&2; }

need_programs() {
	local missing=() pair

	for pair in mmdebstrap:mmdebstrap mke2fs:e2fsprogs cpio:cpio xz:xz-utils zstd:zstd strings:binutils; do
		command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
	done
	[ -r "$keyring" ] || missing+=(debian-archive-keyring)
	[ ${#missing[@]} -eq 0 ] && return
	say "installing ${missing[*]}"
	apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
}

find_mirror() {
	local uri

	[ -z "${MIRROR:-}" ] || return 0
	# shellcheck disable=SC2016 # apt expands it
	uri=$(apt-get indextargets --format '$(REPO_URI)' | grep -E '/debian/?$' | head -n 1 || true)
	MIRROR=${uri:-http://deb.debian.org/debian}
	MIRROR=${MIRROR%/}
}

sources() { # SUITE
	printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$MIRROR" "$1"
	case $1 in
	sid | forky) ;;
	*) printf 'deb [signed-by=%s] %s-security %s-security main\n' "$keyring" "$MIRROR" "$1" ;;
	esac
}

# A folder with the packages of a suite: variant minbase is a system, extract only the files.
bootstrap() { # VARIANT SUITE PACKAGES FOLDER [OPTION…]
	local hooks=()

	rm -rf "$4"
	[ "$1" = extract ] || hooks=(--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr)
	sources "$2" | nice mmdebstrap --quiet --mode=root --variant="$1" --include="$3" "${hooks[@]}" \
		--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
		--aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Retries "3"' \
		--dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		"${@:5}" "$2" "$4" - >>"$log" 2>&1
}

make_image() { # FOLDER IMAGE SPARE-MB
	local size

	size=$(($(du -sm "$1" | cut -f1) * 5 / 4 + $3))
	rm -f "$2"
	truncate -s "${size}M" "$2"
	mke2fs -q -t ext4 -O ^has_journal -m 0 -E root_owner=0:0 -d "$1" "$2"
}

# The kernel's files without what its package would pull in and run (initramfs-tools).
add_kernel() { # SUITE WORK-FOLDER ROOT
	local kernel=$2/kernel modules version

	bootstrap extract "$1" "$kernel_package" "$kernel"
	modules=$(find "$kernel/lib/modules" "$kernel/usr/lib/modules" -mindepth 1 -maxdepth 1 -type d 2>/dev/null | head -n 1)
	version=$(basename "$modules")
	mkdir -p "$3/usr/lib/modules"
	cp -a "$modules" "$3/usr/lib/modules/"
	find "$kernel" -type f -name 'vmlinuz*' -exec cp {} "$2/vmlinuz" \; -quit
	chroot "$3" depmod "$version"
	rm -rf "$kernel"
	printf '%s\n' "$version"
}

# busybox and the modules that find the root disk.
make_initrd() { # ROOT VERSION FOLDER IMAGE
	local module file

	mkdir -p "$3"/{bin,dev,proc,mnt,modules}
	cp "$1/bin/busybox" "$3/bin/"
	install -m 755 "$here/image/initrd-init" "$3/init"
	for module in virtio_pci virtio_blk ext4; do
		chroot "$1" modprobe -S "$2" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$3/list"
	while read -r file; do
		cp "$1/$file" "$3/modules/"
		file=$3/modules/${file##*/}
		case $file in
		*.xz) xz -d "$file" ;;
		*.zst) zstd -qd --rm "$file" ;;
		esac
		file=${file%.xz}
		basename "${file%.zst}"
	done <"$3/list" >"$3/modules/order"
	(cd "$3" && find . | cpio -o -H newc --quiet) | gzip -1 >"$4"
}

# LXC of trixie and later is cured where nesting is on. The rules that it dropped are given back to containers that stand for
# an uncured host; they are read out of bookworm's library, not written down here.
add_uncured_rules() { # WORK-FOLDER ROOT
	bootstrap extract bookworm liblxc1 "$1/old"
	find "$1/old" -name 'liblxc.so.1.*' -type f -exec strings -n 8 {} \; |
		sed -nE 's,^ *(deny /(proc/sys|sys)[^ ]* wklx\,)$,\1,p' | sort -u >"$2/etc/vm-uncured-rules"
	[ "$(wc -l <"$2/etc/vm-uncured-rules")" -ge 90 ]
	rm -rf "$1/old"
}

# The next version of the package that LXC's profiles are in: another text of container-base, for cases about upgrades.
make_next_lxc() { # ROOT FOLDER
	local tree=$2/lxc base=etc/apparmor.d/abstractions/lxc/container-base

	dpkg-deb -R "$1"/root/liblxc-common_*.deb "$tree"
	rm "$1"/root/liblxc-common_*.deb
	sed -i 's/^Version: .*/&+vm1/' "$tree/DEBIAN/control"
	echo '# The text of the next version.' >>"$tree/$base"
	cp "$tree/$base" "$2/next-container-base"
	dpkg-deb -Znone --root-owner-group -b "$tree" "$2/next-liblxc-common.deb" >>"$log"
	rm -rf "$tree"
}

build_host() { # SUITE FOLDER
	local suite=$1 dir=$2 root=$2/root archive=libarchive13t64 version

	[ "$suite" != bookworm ] || archive=libarchive13
	# shellcheck disable=SC2016 # mmdebstrap expands it
	bootstrap minbase "$suite" "$host_packages,$archive" "$root" \
		--customize-hook='cd "$1/root" && APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -q download liblxc-common'
	make_next_lxc "$root" "$dir"
	version=$(add_kernel "$suite" "$dir" "$root")
	make_initrd "$root" "$version" "$dir/initrd" "$dir/initrd.img"
	add_uncured_rules "$dir" "$root"
	install -m 755 "$here/image/host-init" "$root/vm-init"
	printf 'root:100000:65536\n' | tee "$root/etc/subuid" >"$root/etc/subgid"
	mkdir -p "$root/ct"
	{
		printf 'kernel %s\n' "$version"
		# shellcheck disable=SC2016 # dpkg-query expands it
		chroot "$root" dpkg-query -W -f '${Package} ${Version}\n' apparmor lxc
	} >"$dir/versions"
	make_image "$root" "$dir/root.img" 300
	rm -rf "$root" "$dir/initrd"
}

build_container() { # FOLDER
	local dir=$1 top=$1/top root=$1/top/rootfs bundle=$1/top/rootfs/vm/bundle

	mkdir -p "$top"
	bootstrap minbase "$container_suite" "$container_packages" "$root"
	mkdir -p "$bundle/rootfs"/{bin,proc,sys,dev,etc,tmp}
	cp "$root/bin/busybox" "$bundle/rootfs/bin/"
	ln -s busybox "$bundle/rootfs/bin/true"
	chroot "$root" sh -c 'cd /vm/bundle && runc spec'
	# The process only ends well; the namespaces are runc's own defaults; @SYSCTL@ is filled in for each run.
	sed -i -e 's/"terminal": true/"terminal": false/' -e 's|"sh"$|"/bin/true"|' \
		-e 's|^\(\t"linux": {\)$|\1\n\t\t"sysctl": {@SYSCTL@},|' "$bundle/config.json"
	grep -q '"/bin/true"' "$bundle/config.json" && grep -q @SYSCTL@ "$bundle/config.json"
	mv "$bundle/config.json" "$bundle/config.in"
	# What a container without a network and with a file system of its own has to say to dockerd, whoever starts it.
	mkdir -p "$root/etc/docker"
	echo '{"iptables": false, "ip6tables": false, "bridge": "none", "storage-driver": "vfs"}' >"$root/etc/docker/daemon.json"
	tar -C "$bundle/rootfs" -cf "$bundle/image.tar" .
	# shellcheck disable=SC2016 # dpkg-query expands it
	chroot "$root" dpkg-query -W -f '${Package} ${Version}\n' runc docker.io containerd >"$dir/versions"
	make_image "$top" "$dir/ct.img" 400
	rm -rf "$top"
}

key_of() { # NAME
	{
		printf '%s\n' "$1"
		cat "$here/build.sh" "$here"/image/*
	} | sha256sum | cut -d' ' -f1
}

is_built() { # NAME
	[ "$(cat "$out/$1/key" 2>/dev/null)" = "$(key_of "$1")" ]
}

build() { # NAME
	local name=$1 dir=$out/$1 start=$SECONDS

	rm -rf "$dir"
	mkdir -p "$dir"
	log=$dir/log
	trap 'say "building $name failed:"; tail -n 20 "$log" >&2' EXIT
	say "building $name from $MIRROR"
	if [ "$name" = container ]; then build_container "$dir"; else build_host "$name" "$dir"; fi
	key_of "$name" >"$dir/key"
	say "$name: $((SECONDS - start)) s, $(tr '\n' ' ' <"$dir/versions")"
	trap - EXIT
}

# All at once: most of the time goes into waiting for the network.
build_all() { # NAME…
	local name pid pids=() status=0

	for name in "$@"; do
		build "$name" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || status=1
	done
	return $status
}

main() { # NAME…
	local name missing=()

	[ $# -gt 0 ] || { say 'usage: build.sh bookworm|trixie|sid|container…' && exit 2; }
	[ "$(id -u)" = 0 ] || { say 'only root may build images' && exit 1; }
	mkdir -p "$out"
	exec 9>"$out/lock"
	flock 9
	for name in "$@"; do
		case $name in
		bookworm | trixie | sid | container) ;;
		*) say "no image is called '$name'" && exit 2 ;;
		esac
		is_built "$name" || missing+=("$name")
	done
	[ ${#missing[@]} -gt 0 ] || exit 0
	need_programs
	find_mirror
	build_all "${missing[@]}"
	exit
}

main "$@"
