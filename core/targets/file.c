/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens what may become a target. Paths come from other processes, so the thing behind one may
 * be a FIFO, a device or by now another file: it is taken by O_PATH, which has no effect on it,
 * looked at, and only then opened for reading.
 */
#include "targets/file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "err.h"
#include "util.h"

/* In place of a device: the file below overlay mounts, and one that may be below some. */
#define DEV_OVERLAY UINT64_MAX
#define DEV_BELOW   (UINT64_MAX - 1)

/*
 * Containers of one image see one file through many overlay mounts, each with its own st_dev,
 * but the kernel sets uprobes on the inode below (d_real_inode() in create_local_trace_uprobe
 * and bpf_uprobe_multi_link_attach), so a second probe would report everything twice. Stat
 * shows the inode number of the file below (Documentation/filesystems/overlayfs.rst, "Inode
 * properties") and, with its change time, which nobody can set, that tells which file it is; also
 * when another process sees the file itself. Files that are seen without an overlay are told
 * apart by their device: two mounts of one read-only image have the same numbers and times.
 */
static int identify(struct ecap_file *file)
{
	struct ecap_file_key below = {
		.dev = DEV_BELOW, .ino = file->st.st_ino,
		.tag = (uint64_t)file->st.st_ctim.tv_sec * UINT64_C(1000000000) +
		       (uint64_t)file->st.st_ctim.tv_nsec,
	};
	struct ecap_file_key overlay = below;
	struct statfs fs;

	overlay.dev = DEV_OVERLAY;
	if (fstatfs(file->fd, &fs))
		return -errno;
	if (fs.f_type == OVERLAYFS_SUPER_MAGIC) {
		file->key = file->stands_for = overlay;
		file->same = below;
	} else {
		file->key = (struct ecap_file_key){ .dev = file->st.st_dev, .ino = file->st.st_ino };
		file->stands_for = below;
		file->same = overlay;
	}
	return 0;
}

static int open_regular(const char *path, int flags, struct ecap_file *file)
{
	_cleanup_close_ int handle = open(path, O_PATH | O_CLOEXEC | flags);
	struct ecap_file opened = ECAP_FILE_NONE;
	char again[32];

	if (handle < 0)
		return -errno;
	if (fstat(handle, &opened.st))
		return -errno;
	if (!S_ISREG(opened.st.st_mode))
		return -EINVAL;

	snprintf(again, sizeof(again), "/proc/self/fd/%d", handle);
	_cleanup_close_ int fd = open(again, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	opened.fd = fd;
	int r = identify(&opened);

	if (r)
		return r;
	*file = opened;
	file->fd = TAKE_FD(fd);
	return 0;
}

int ecap_file_open(const char *path, struct ecap_file *file)
{
	int r = open_regular(path, 0, file);

	if (r == -EINVAL)
		return ecap_err(r, "%s is not a regular file", path);
	if (r)
		return ecap_err(r, "open %s: %s", path, strerror(-r));
	return 0;
}

/* The device numbers differ on btrfs and overlayfs, where stat has one for each subvolume. */
static bool same_inode(const struct ecap_file *file, const struct ecap_mapping *mapping)
{
	return file->st.st_ino == mapping->ino;
}

static bool same_file(const struct ecap_file *file, const struct ecap_mapping *mapping)
{
	return same_inode(file, mapping) &&
	       file->st.st_dev == makedev(mapping->major, mapping->minor);
}

static int open_if(const char *path, int flags, const struct ecap_mapping *mapping,
		   bool (*same)(const struct ecap_file *, const struct ecap_mapping *),
		   struct ecap_file *file)
{
	struct ecap_file opened = ECAP_FILE_NONE;
	int r = open_regular(path, flags, &opened);

	if (r)
		return r;
	if (!same(&opened, mapping)) {
		ecap_file_close(&opened);
		return -ESTALE;
	}
	*file = opened;
	return 0;
}

int ecap_file_open_mapping(const struct ecap_mapping *mapping, struct ecap_file *file)
{
	char path[PATH_MAX + 64];

	/* The kernel shows paths without symbolic links: one that is there now leads elsewhere. */
	if (!mapping->deleted) {
		snprintf(path, sizeof(path), "/proc/%" PRIu32 "/root%s", mapping->pid,
			 mapping->path);
		if (!open_if(path, O_NOFOLLOW, mapping, same_inode, file))
			return 0;
	}
	/* proc_pid_map_files(5); also reaches files outside of a chroot. */
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/map_files/%" PRIx64 "-%" PRIx64,
		 mapping->pid, mapping->start, mapping->end);
	int r = open_regular(path, 0, file);

	/* The process is gone, but its next run may be of the same file. */
	if (r && !mapping->deleted)
		r = open_if(mapping->path, O_NOFOLLOW, mapping, same_file, file);
	return r;
}

void ecap_file_close(struct ecap_file *file)
{
	ecap_closep(&file->fd);
}
