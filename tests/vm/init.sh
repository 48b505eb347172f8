#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# The first process of a virtual machine of run.sh: finds the host's files, lays a memory file system
# over them, so that nothing is written there, and runs the command of /command in it. What that
# prints goes to the second serial line, how it ended to the third.
bb=/bin/busybox

end() {
	echo "ended $1" >/dev/ttyS2
	$bb poweroff -f
	$bb sleep 60
}

$bb mkdir -p /proc /sys /dev /host /mine /new
$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
$bb mount -t devtmpfs dev /dev
while read -r module; do
	$bb insmod "/modules/$module" || echo "init: $module is not taken"
done </modules/list

$bb mount -t virtiofs -o ro host /host 2>/dev/null ||
	$bb mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=262144 host /host ||
	end 125
$bb mount -t tmpfs mine /mine
$bb mkdir /mine/upper /mine/work
$bb mount -t overlay -o lowerdir=/host,upperdir=/mine/upper,workdir=/mine/work none /new || end 125

$bb mount -t proc proc /new/proc
$bb mount -t sysfs sys /new/sys
$bb mount -t devtmpfs dev /new/dev
$bb mkdir -p /new/dev/pts /new/dev/shm
$bb mount -t devpts -o ptmxmode=666 pts /new/dev/pts
$bb mount -t tmpfs shm /new/dev/shm
$bb mount -t tmpfs -o mode=755 run /new/run
$bb ln -s /proc/self/fd /new/dev/fd
$bb mount -t tracefs trace /new/sys/kernel/tracing
$bb mount -t bpf bpf /new/sys/fs/bpf
$bb mount -t cgroup2 cgroup /new/sys/fs/cgroup
if [ -s /tree ]; then # the kernel's own modules, for modprobe
	$bb mkdir -p /new/lib/modules
	$bb mount -t tmpfs modules /new/lib/modules
	$bb ln -s "$($bb cat /tree)" "/new/lib/modules/$($bb uname -r)"
fi
$bb ip link set lo up
$bb stty -F /dev/ttyS1 raw -echo
$bb cp /command /new/run/command
# shellcheck disable=SC2093
$bb chroot /new /bin/bash /run/command </dev/null >/dev/ttyS1 2>&1
end $?
