#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs cases.sh in other kernels, each in a virtual machine that sees this machine's files and can
# write none: run.sh DIRECTORY..., where each DIRECTORY has what one of Debian's packages of a kernel
# has, or a file vmlinux or vmlinuz of a kernel without modules. Each kernel is tried as it is, and
# with its BTF hidden. ECAPTURE and builddir come from make.
set -u
here=$(cd "$(dirname "$0")" && pwd)
passed=0 failed=0 skipped=0
seconds=${VM_SECONDS:-900} # for one machine, which is emulated: far slower than this one

skip() {
	echo "skip $1 # $2"
	skipped=$((skipped + 1))
}

# The file to boot.
image_of() {
	local file
	for file in "$1"/vmlinux "$1"/vmlinuz "$1"/boot/vmlinuz-* "$1"/usr/lib/modules/*/vmlinuz; do
		[ -s "$file" ] && echo "$file" && return
	done
	return 1
}

# The modules that the machine needs to find its files, in the order in which they are loaded.
copy_modules() { # TREE TO
	local name file plain
	mkdir "$2"
	: >"$2/list"
	[ -n "$1" ] || return 0
	for name in virtio_pci virtiofs 9p 9pnet_virtio overlay; do
		/sbin/modprobe -d "$work/root" -S "$(basename "$1")" --show-depends $name 2>/dev/null
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
		plain=$(basename "$file")
		plain=${plain%.[xg]z}
		plain=${plain%.zst}
		case $file in
		*.xz) xz -dc "$file" ;;
		*.gz) gzip -dc "$file" ;;
		*.zst) zstd -qdc "$file" ;;
		*) cat "$file" ;;
		esac >"$2/$plain"
		echo "$plain" >>"$2/list"
	done
}

# Everything that is in the machine before it finds the host's files. modprobe wants its index,
# which a package does not have: it is made beside a copy, and nothing is written in DIRECTORY.
make_initrd() { # DIRECTORY COMMAND
	local tree
	tree=$(find "$1/lib/modules" "$1/usr/lib/modules" -mindepth 1 -maxdepth 1 2>/dev/null | head -n 1)
	rm -rf "$work/root" "$work/initrd"
	mkdir -p "$work/root/lib/modules" "$work/initrd/bin"
	if [ -n "$tree" ]; then
		cp -r "$tree" "$work/root/lib/modules/"
		tree=$work/root/lib/modules/$(basename "$tree")
		[ -s "$tree/modules.dep.bin" ] || /sbin/depmod -b "$work/root" "$(basename "$tree")"
	fi
	copy_modules "$tree" "$work/initrd/modules"
	printf %s "$tree" >"$work/initrd/tree"
	cp "$busybox" "$work/initrd/bin/busybox"
	cp "$here/init.sh" "$work/initrd/init"
	chmod 755 "$work/initrd/init"
	echo "export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root; $2" >"$work/initrd/command"
	(cd "$work/initrd" && find . | cpio -o -H newc --quiet) >"$work/initrd.cpio"
}

boot() { # IMAGE: what the command printed is then in $work/out, how it ended in $work/end
	local shared
	rm -f "$work"/{out,end,console,socket}
	"$virtiofsd" --socket-path="$work/socket" -o source=/ -o cache=always -o sandbox=chroot \
		>"$work/virtiofsd.log" 2>&1 &
	shared=$!
	until [ -S "$work/socket" ] || ! kill -0 $shared; do sleep 0.1; done
	timeout "$seconds" qemu-system-x86_64 -machine pc -accel "${VM_ACCEL:-tcg}" -cpu max -smp 2 -m 1536 \
		-nodefaults -no-reboot -display none -kernel "$1" -initrd "$work/initrd.cpio" \
		-append "console=ttyS0 panic=-1 quiet mitigations=off nokaslr" \
		-serial "file:$work/console" -serial "file:$work/out" -serial "file:$work/end" \
		-object memory-backend-memfd,id=memory,size=1536M,share=on -numa node,memdev=memory \
		-chardev "socket,id=files,path=$work/socket" \
		-device vhost-user-fs-pci,chardev=files,tag=host \
		-fsdev local,id=root,path=/,security_model=none,readonly=on,multidevs=remap \
		-device virtio-9p-pci,fsdev=root,mount_tag=host >"$work/qemu.log" 2>&1 </dev/null
	kill $shared 2>/dev/null
	wait $shared 2>/dev/null
}

# One kernel, as WANTED of cases.sh says.
try() { # DIRECTORY WANTED
	local line
	make_initrd "$1" "exec $here/cases.sh $ECAPTURE $plugins $2"
	boot "$(image_of "$1")"
	while IFS= read -r line; do
		echo "${line/ / $(basename "$1") $2: }"
		case $line in
		"ok "*) passed=$((passed + 1)) ;;
		"not ok "*) failed=$((failed + 1)) ;;
		"skip "*) skipped=$((skipped + 1)) ;;
		esac
	done <"$work/out"
	grep -q '^ended 0' "$work/end" && return
	echo "not ok $(basename "$1") $2: the machine did not come to its end"
	tail -n 15 "$work/qemu.log" "$work/console" "$work/end"
	failed=$((failed + 1))
}

busybox=$(command -v busybox)
virtiofsd=$(find /usr/lib/qemu /usr/libexec -name virtiofsd 2>/dev/null | head -n 1)
missing=
for program in qemu-system-x86_64 busybox cpio tshark; do
	command -v $program >/dev/null || missing="$missing $program"
done
[ -n "$virtiofsd" ] || missing="$missing virtiofsd"
if [ "$(id -u)" != 0 ]; then
	skip all "needs root: a machine sees files as the one who started it"
elif [ -n "$missing" ]; then
	skip all "not installed:$missing; apt-get install qemu-system-x86 busybox-static cpio kmod tshark"
elif [ $# = 0 ]; then
	cat >&2 <<-END
		check-vm: no kernel is given. To get one, for example:
		    apt-get download linux-image-6.1.0-56-cloud-amd64
		    dpkg-deb -x linux-image-6.1.0-56-cloud-amd64_*.deb kernels/6.1
		    make check-vm KERNELS=\$PWD/kernels/6.1
		The oldest of Debian's is in bullseye-security (5.10), the newest in sid. From sid,
		linux-binary-* and linux-modules-* go into the same directory.
	END
	skip all "no kernel: KERNELS is empty"
else
	# Where only root writes: modules are taken from nowhere else.
	work=$(mktemp -d /var/lib/ecapture-vm.XXXXXX)
	trap 'rm -rf "$work"' EXIT
	chmod 755 "$work"
	plugins=$work/plugins
	install -D -m 755 -t "$plugins" "${builddir:?run by make check-vm}"/.libs/*.so
	install -m 755 "${ECAPTURE:?run by make check-vm}" "$work/ecapture"
	ECAPTURE=$work/ecapture
	for kernel in "$@"; do
		image_of "$kernel" >/dev/null || { skip "$kernel" "no kernel in it"; continue; }
		try "$kernel" all
		try "$kernel" nobtf
	done
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
