/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user's side of ring.bpf.c: loads it through ecapture/libbpf.h, as a module does, and makes
 * it send. Skips the test where this machine does not let it, and says why.
 */
#ifndef TESTS_UNIT_RING_H
#define TESTS_UNIT_RING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The table of host functions has a member of the name of cmocka's macro. */
#undef fail
#undef fail_msg
#define fail_msg(...) (print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__))

#include <dirent.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ecapture/libbpf.h>

#include "err.h"
#include "instance_private.h"
#include "kernel.h"
#include "ring_record.h"
#include "util.h"

struct producer {
	struct ecap_common common;
	struct ecap_context context;
	struct bpf_object *object;
	int program_fd;
	struct ecap_map map;               /* as a module gives it to the host */
	struct ecap_ring_control *control; /* the page that the reader maps too */
};

/* Skips unless the kernel lets this process make a map and has all of @features. */
static inline uint64_t need_kernel(uint64_t features)
{
	static struct ecap_features found;
	_cleanup_close_ int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 4, 1, NULL);
	char names[512];

	if (map < 0) {
		print_message("no BPF here: %s\n", strerror(errno));
		skip();
	}
	if (!found.bits)
		assert_int_equal(ecap_features_probe(NULL, &found), 0);
	if (features & ~found.bits) {
		ecap_features_names(features & ~found.bits, names, sizeof(names));
		print_message("this kernel lacks: %s\n", names);
		skip();
	}
	return found.bits;
}

/* A file of the build tree; make check says where it is, else it is the current directory. */
static inline void built_file(char *path, size_t size, const char *name)
{
	const char *top = getenv("top_builddir");

	snprintf(path, size, "%s/%s", top ? top : ".", name);
	if (access(path, R_OK))
		fail_msg("%s: %s (make check builds it)", path, strerror(errno));
}

static const struct {
	const char *name;
	uint64_t features;
} ring_variants[] = {
	{ "noncore", ECAP_FEAT_GLOBAL_DATA },
	{ "storage", ECAP_FEAT_GLOBAL_DATA | ECAP_FEAT_BTF | ECAP_FEAT_TASK_STORAGE },
	{ "dynptr", ECAP_FEAT_GLOBAL_DATA | ECAP_FEAT_BTF | ECAP_FEAT_RINGBUF |
		    ECAP_FEAT_USER_DYNPTR | ECAP_FEAT_BPF_LOOP },
	{ "overflow", ECAP_FEAT_GLOBAL_DATA | ECAP_FEAT_BTF | ECAP_FEAT_RINGBUF |
		      ECAP_FEAT_USER_DYNPTR | ECAP_FEAT_BPF_LOOP },
	{ "overflow_scratch", ECAP_FEAT_GLOBAL_DATA | ECAP_FEAT_BTF | ECAP_FEAT_RINGBUF |
			      ECAP_FEAT_TASK_STORAGE },
};

#define RING_NONCORE 0
#define RING_STORAGE 1
#define RING_DYNPTR  2
#define RING_OVERFLOW         3 /* two rings */
#define RING_OVERFLOW_SCRATCH 4

static inline void producer_load(struct producer *p)
{
	struct bpf_program *program = bpf_object__find_program_by_name(p->object, "send_one");
	void *page;

	assert_non_null(program);
	if (bpf_object__load(p->object))
		fail_msg("%s: %s", bpf_object__name(p->object), strerror(errno));
	p->program_fd = bpf_program__fd(program);
	assert_int_equal(ecap_bpf_events_map(&p->context, p->object, sizeof(struct ring_record),
					     &p->map), 0);
	page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED,
		    p->map.control_fd, 0);
	assert_ptr_not_equal(page, MAP_FAILED);
	p->control = page;
}

/* With the filter of @common; its ring_bytes are the size. @hide: features to believe absent. */
static inline void producer_open_common(struct producer *p, int variant, uint64_t hide,
					const struct ecap_common *common)
{
	uint64_t features = need_kernel(ring_variants[variant].features) & ~hide;
	char name[64], path[4096];

	snprintf(name, sizeof(name), "tests/unit/ring.%s.o", ring_variants[variant].name);
	built_file(path, sizeof(path), name);
	*p = (struct producer){
		.common = *common,
		.context = { .struct_size = sizeof(p->context), .features = features,
			     .n_cpus = (uint32_t)libbpf_num_possible_cpus(),
			     .host = &ecap_host_table },
	};
	p->context.common = &p->common;
	p->object = bpf_object__open_file(path, NULL);
	if (!p->object)
		fail_msg("%s: %s", path, strerror(errno));
	if (ecap_bpf_set_events(&p->context, p->object) ||
	    ecap_bpf_set_filter(&p->context, p->object))
		fail_msg("%s: %s", path, ecap_err_text());
	producer_load(p);
}

static inline void producer_open(struct producer *p, int variant, uint64_t hide,
				 uint64_t ring_bytes)
{
	const struct ecap_common everything = {
		.struct_size = sizeof(everything), .pid = ECAP_ANY, .uid = ECAP_ANY,
		.cgroup_id = ECAP_ANY, .ring_bytes = ring_bytes,
	};

	producer_open_common(p, variant, hide, &everything);
}

static inline void producer_close(struct producer *p)
{
	if (p->control)
		munmap(p->control, (size_t)sysconf(_SC_PAGESIZE));
	bpf_object__close(p->object);
	*p = (struct producer){};
}

/* One run of the program: one record, or one more in the counters of what was not sent. */
static inline int run_program(int program_fd, uint64_t seq, const void *from, uint64_t len)
{
	struct ring_order order = { .seq = seq, .from = (uintptr_t)from, .len = len };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &order, .ctx_size_in = sizeof(order));

	return bpf_prog_test_run_opts(program_fd, &opts);
}

static inline void produce(const struct producer *p, uint64_t seq, const void *from, uint64_t len)
{
	assert_int_equal(run_program(p->program_fd, seq, from, len), 0);
}

/* The program's counters, all CPUs added up. */
static inline struct ecap_map_stats producer_stats(const struct producer *p)
{
	struct ecap_map_stats sum = {};
	int n = libbpf_num_possible_cpus();
	_cleanup_free_ struct ecap_map_stats *cpus = calloc((size_t)n, sizeof(*cpus));
	uint32_t zero = 0;

	assert_non_null(cpus);
	assert_int_equal(bpf_map_lookup_elem(p->map.stats_fd, &zero, cpus), 0);
	for (int i = 0; i < n; i++) {
		sum.records += cpus[i].records;
		sum.bytes += cpus[i].bytes;
		sum.lost_records += cpus[i].lost_records;
		sum.lost_bytes += cpus[i].lost_bytes;
		sum.fault_bytes += cpus[i].fault_bytes;
	}
	return sum;
}

static inline uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Waits until *@value is @want; 0 when it did not come so far in @ms. */
static inline int wait_value(const _Atomic uint64_t *value, uint64_t want, int ms)
{
	uint64_t end = monotonic_ns() + (uint64_t)ms * 1000000;

	while (atomic_load(value) < want)
		if (monotonic_ns() > end)
			return 0;
		else
			usleep(50);
	return 1;
}

/* Entries of a directory: of the open files, or of the threads of this process. */
static inline int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* A thread is joined a moment before its directory is gone. */
static inline void assert_threads(int want)
{
	for (int i = 0; i < 1000 && count_entries("/proc/self/task") != want; i++)
		usleep(1000);
	assert_int_equal(count_entries("/proc/self/task"), want);
}

#endif
