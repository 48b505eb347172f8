/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feature probes: each feature of the table is tried on the running kernel. Nothing here looks
 * at the version, which distributions' backports make meaningless.
 */
#include "kernel.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <cap-ng.h>
#include <linux/bpf.h>
#include <linux/version.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <ecapture/host.h>

#include "err.h"
#include "util.h"

/* include/uapi/linux/bpf.h of newer kernels than the headers may be: enum bpf_attach_type. */
#define TRACE_UPROBE_MULTI   48
#define TRACE_UPROBE_SESSION 57

static int has_map(uint32_t type, const struct btf *btf)
{
	(void)btf;
	return libbpf_probe_bpf_map_type((enum bpf_map_type)type, NULL) == 1;
}

static int has_helper(uint32_t helper, const struct btf *btf)
{
	(void)btf;
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, (enum bpf_func_id)helper, NULL) == 1;
}

static int has_btf(uint32_t unused, const struct btf *btf)
{
	(void)unused;
	return btf != NULL;
}

/* The kernel looks these two up in its own BTF: one that the user gives does not count. */
static int has_func(const struct btf *btf, const char *name)
{
	return btf && btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;
}

static int has_user_dynptr(uint32_t unused, const struct btf *btf)
{
	(void)unused;
	return has_func(btf, "bpf_probe_read_user_dynptr");
}

static int has_sock_length(uint32_t unused, const struct btf *btf)
{
	(void)unused;
	return btf && btf__find_by_name_kind(btf, "btf_trace_sock_send_length",
					     BTF_KIND_TYPEDEF) > 0 &&
	       btf__find_by_name_kind(btf, "btf_trace_sock_recv_length", BTF_KIND_TYPEDEF) > 0;
}

/* A map of one value and its direct address in a program: what .rodata and .bss become. */
static int has_global_data(uint32_t unused, const struct btf *btf)
{
	_cleanup_close_ int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 8, 1, NULL);
	struct bpf_insn insns[] = {
		{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_1,
		  .src_reg = BPF_PSEUDO_MAP_VALUE, .imm = map },
		{ .code = 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	_cleanup_close_ int prog = -1;

	(void)unused, (void)btf;
	if (map >= 0)
		prog = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, NULL, "GPL", insns,
				     ARRAY_SIZE(insns), NULL);
	return prog >= 0;
}

/*
 * A link on the root directory: kernels that know the attach type get as far as "no regular
 * file" (kernel/trace/bpf_trace.c: bpf_uprobe_multi_link_attach), others refuse the type.
 */
static int has_uprobe_link(uint32_t attach_type, const struct btf *btf)
{
	/* BPF_LINK_CREATE for uprobe_multi, as in union bpf_attr of Linux 6.6. */
	struct {
		uint32_t prog_fd, target_fd, attach_type, flags;
		uint64_t path, offsets, ref_ctr_offsets, cookies;
		uint32_t cnt, multi_flags, pid, reserved;
	} attr = { .attach_type = attach_type };
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = (enum bpf_attach_type)attach_type);
	_cleanup_close_ int prog = bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", insns,
						 ARRAY_SIZE(insns), &opts);
	uint64_t offset = 0;

	(void)btf;
	if (prog < 0)
		return 0;
	attr.prog_fd = (uint32_t)prog;
	attr.path = (uintptr_t)"/";
	attr.offsets = (uintptr_t)&offset;
	attr.cnt = 1;
	return syscall(__NR_bpf, BPF_LINK_CREATE, &attr, sizeof(attr)) < 0 && errno == EBADF;
}

static const struct {
	uint64_t bit;
	const char *name;
	int (*has)(uint32_t arg, const struct btf *btf);
	uint32_t arg;
} probes[] = {
	{ ECAP_FEAT_BTF, "BTF of the kernel", has_btf, 0 },
	{ ECAP_FEAT_GLOBAL_DATA, "global data", has_global_data, 0 },
	{ ECAP_FEAT_RINGBUF, "ring buffers", has_map, BPF_MAP_TYPE_RINGBUF },
	{ ECAP_FEAT_UPROBE_MULTI, "uprobe multi links", has_uprobe_link, TRACE_UPROBE_MULTI },
	{ ECAP_FEAT_UPROBE_SESSION, "uprobe sessions", has_uprobe_link, TRACE_UPROBE_SESSION },
	{ ECAP_FEAT_BPF_COOKIE, "attach cookies", has_helper, BPF_FUNC_get_attach_cookie },
	{ ECAP_FEAT_TASK_STORAGE, "task storage", has_helper, BPF_FUNC_task_storage_get },
	{ ECAP_FEAT_BPF_LOOP, "bpf_loop()", has_helper, BPF_FUNC_loop },
	{ ECAP_FEAT_USER_DYNPTR, "dynptr reads of user memory", has_user_dynptr, 0 },
	{ ECAP_FEAT_SOCK_LENGTH_TP, "tracepoints of socket lengths", has_sock_length, 0 },
	{ ECAP_FEAT_TASK_REGS, "bpf_task_pt_regs()", has_helper, BPF_FUNC_task_pt_regs },
	{ ECAP_FEAT_ANCESTOR_CGROUP, "ancestor cgroups", has_helper,
	  BPF_FUNC_get_current_ancestor_cgroup_id },
};

int ecap_features_add_btf(const char *btf_path, struct ecap_features *features)
{
	struct btf *given = btf__parse(btf_path, NULL);

	if (!given)
		return ecap_err(-errno, "--btf-path %s: %s", btf_path, strerror(errno));
	btf__free(given);
	features->bits |= ECAP_FEAT_BTF;
	return 0;
}

int ecap_features_probe(const char *btf_path, struct ecap_features *features)
{
	struct ecap_features found = {};
	unsigned int major = 0, minor = 0, patch = 0;
	struct utsname name;
	int err = btf_path ? ecap_features_add_btf(btf_path, &found) : 0;

	if (err)
		return err;
	struct btf *own = btf__load_vmlinux_btf();

	if (!uname(&name) && sscanf(name.release, "%u.%u.%u", &major, &minor, &patch) >= 2)
		found.kernel_version = KERNEL_VERSION(major, minor, patch > 255 ? 255 : patch);
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		if (probes[i].has(probes[i].arg, own))
			found.bits |= probes[i].bit;
	btf__free(own);
	*features = found;
	return 0;
}

const char *ecap_feature_name(uint64_t bit)
{
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		if (probes[i].bit == bit)
			return probes[i].name;
	return NULL;
}

void ecap_features_names(uint64_t bits, char *text, uint32_t size)
{
	uint32_t used = 0;

	text[0] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(probes) && used < size; i++)
		if (bits & probes[i].bit)
			used += (uint32_t)snprintf(text + used, size - used, "%s%s",
						   used ? ", " : "", probes[i].name);
}

int ecap_privileges_check(void)
{
	int admin, bpf, perfmon;

	if (capng_get_caps_process())
		return ecap_err(-EPERM, "the capabilities of this process cannot be read");
	admin = capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN);
	bpf = admin || capng_have_capability(CAPNG_EFFECTIVE, CAP_BPF);
	perfmon = admin || capng_have_capability(CAPNG_EFFECTIVE, CAP_PERFMON);
	if (bpf && perfmon)
		return 0;
	return ecap_err(-EPERM, "capturing needs root, or the capabilities CAP_BPF and "
			"CAP_PERFMON; this process lacks %s%s%s", bpf ? "" : "CAP_BPF",
			bpf || perfmon ? "" : " and ", perfmon ? "" : "CAP_PERFMON");
}

int ecap_privileges_check_packets(void)
{
	if (capng_get_caps_process())
		return ecap_err(-EPERM, "the capabilities of this process cannot be read");
	/* bpf_net_capable() in the kernel takes either for the programs. */
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN) ||
	    capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN))
		return 0;
	return ecap_err(-EPERM, "capturing packets needs root, or the capability CAP_NET_ADMIN; this "
			"process lacks CAP_NET_ADMIN");
}
