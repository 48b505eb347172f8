/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the SDK does for modules that use libbpf (ecapture/libbpf.h, ecapture/bpf/filter.bpf.h):
 * every BPF object that is shipped loads on this kernel, with a ring buffer and with a perf event
 * array, variables are written where they are, and the filter lets pass what it should.
 */
#include "ring.h"

#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define CORE    (ECAP_FEAT_BTF | ECAP_FEAT_GLOBAL_DATA)
#define STORAGE (CORE | ECAP_FEAT_RINGBUF | ECAP_FEAT_TASK_STORAGE)

/* The objects of the build, and what each needs. */
static const struct shipped {
	const char *file, *session;
	uint64_t needs;
} shipped[] = {
	{ "bpf/openssl.dynptr.o", "call_session",
	  STORAGE | ECAP_FEAT_TASK_REGS | ECAP_FEAT_BPF_LOOP | ECAP_FEAT_BPF_COOKIE |
	  ECAP_FEAT_USER_DYNPTR },
	{ "bpf/openssl.storage.o", "call_session",
	  STORAGE | ECAP_FEAT_TASK_REGS | ECAP_FEAT_BPF_LOOP | ECAP_FEAT_BPF_COOKIE },
	{ "bpf/openssl.core.o", NULL, CORE },
	{ "bpf/openssl.noncore.o", NULL, ECAP_FEAT_GLOBAL_DATA },
	{ "bpf/bash.storage.o", NULL, STORAGE },
	{ "bpf/bash.noncore.o", NULL, ECAP_FEAT_GLOBAL_DATA },
};

static const struct ecap_common common = {
	.struct_size = sizeof(common), .pid = 4242, .uid = 33, .cgroup_id = 99,
	.comm = "fifteen-letters", .ring_bytes = 1 << 20,
};

static void make_context(struct ecap_context *ctx, uint64_t features)
{
	*ctx = (struct ecap_context){
		.struct_size = sizeof(*ctx), .features = features, .common = &common,
		.n_cpus = (uint32_t)libbpf_num_possible_cpus(), .host = &ecap_host_table,
	};
}

static struct bpf_object *open_object(const char *file)
{
	char path[4096];

	built_file(path, sizeof(path), file);
	struct bpf_object *object = bpf_object__open_file(path, NULL);

	if (!object)
		fail_msg("%s: %s", path, strerror(errno));
	return object;
}

/* As the modules do: what the kernel has no place for is left out. */
static void choose_programs(const struct ecap_context *ctx, struct bpf_object *object,
			    const char *session)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object) {
		if (!strncmp(bpf_program__section_name(program), "tp_btf/", 7) &&
		    !(ctx->features & ECAP_FEAT_SOCK_LENGTH_TP))
			bpf_program__set_autoload(program, 0);
		if (session && !strcmp(bpf_program__name(program), session) &&
		    !(ctx->features & ECAP_FEAT_UPROBE_SESSION))
			bpf_program__set_autoload(program, 0);
	}
}

static struct bpf_map_info map_info(const struct ecap_map *map)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(map->fd, &info, &size), 0);
	return info;
}

static void load_shipped(const struct shipped *s, uint64_t hide)
{
	struct ecap_context ctx;
	struct ecap_map map;

	make_context(&ctx, need_kernel(s->needs) & ~hide);
	struct bpf_object *object = open_object(s->file);

	choose_programs(&ctx, object, s->session);
	if (ecap_bpf_set_events(&ctx, object) || ecap_bpf_set_filter(&ctx, object) ||
	    ecap_bpf_load(&ctx, object, s->session) || ecap_bpf_events_map(&ctx, object, 56, &map))
		fail_msg("%s: %s", s->file, ecap_err_text());
	struct bpf_map_info info = map_info(&map);

	bpf_object__close(object);
	assert_string_equal(map.name, "events");
	assert_int_equal(map.min_record, 56);
	if (hide) {
		assert_int_equal(info.type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
		assert_int_equal(info.max_entries, libbpf_num_possible_cpus());
		assert_int_equal(info.key_size, 4);
		assert_int_equal(info.value_size, 4);
	} else {
		assert_int_equal(info.type, BPF_MAP_TYPE_RINGBUF);
		assert_int_equal(info.max_entries, 1 << 20);
	}
}

static void test_loads_with_ring(void **state)
{
	const struct shipped *s = *state;

	need_kernel(ECAP_FEAT_RINGBUF);
	load_shipped(s, 0);
}

/* Without multi links too: kernels that have no ring buffer do not have them either. */
static void test_loads_with_perf(void **state)
{
	load_shipped(*state, ECAP_FEAT_RINGBUF | ECAP_FEAT_UPROBE_MULTI | ECAP_FEAT_UPROBE_SESSION);
}

/*
 * What old kernels load has only instructions that they know: of atomic ones just the addition
 * (others came with Linux 5.12), and no 32-bit jumps (5.1).
 */
static void test_instructions(void **state)
{
	const struct shipped *s = *state;
	struct bpf_object *object = open_object(s->file);
	struct bpf_program *program;
	size_t checked = 0;

	bpf_object__for_each_program(program, object) {
		const struct bpf_insn *insns = bpf_program__insns(program);
		size_t n = bpf_program__insn_cnt(program);

		for (size_t i = 0; i < n; i++) {
			int is_atomic = BPF_CLASS(insns[i].code) == BPF_STX &&
					BPF_MODE(insns[i].code) == BPF_ATOMIC;

			if ((is_atomic && insns[i].imm != BPF_ADD) ||
			    BPF_CLASS(insns[i].code) == BPF_JMP32)
				fail_msg("%s: %s: instruction %zu", s->file,
					 bpf_program__name(program), i);
		}
		checked += n;
	}
	bpf_object__close(object);
	assert_true(checked > 100);
}

/* The bytes of the variable @name in the object's .rodata. */
static const void *variable(const struct bpf_object *object, const char *name, uint32_t size)
{
	int offset = ecap_bpf_rodata_offset(object, name, size);
	struct bpf_map *map;
	size_t len = 0;

	assert_true(offset >= 0);
	bpf_object__for_each_map(map, object)
		if (strstr(bpf_map__name(map), ".rodata"))
			return (const char *)bpf_map__initial_value(map, &len) + offset;
	fail_msg("no .rodata");
	return NULL;
}

static void test_writes_variables(void **state)
{
	struct bpf_object *object = open_object("tests/unit/ring.noncore.o");
	struct ecap_context ctx;
	struct ecap_filter filter;
	uint32_t send;

	(void)state;
	make_context(&ctx, ECAP_FEAT_RINGBUF);
	memcpy(&send, variable(object, "ecap_send", 4), 4);
	assert_int_equal(send, ECAP_SEND_SCRATCH);
	assert_int_equal(ecap_bpf_set_filter(&ctx, object), 0);
	ctx.features = ECAP_FEAT_ANCESTOR_CGROUP;
	assert_int_equal(ecap_bpf_set_events(&ctx, object), 0);
	memcpy(&send, variable(object, "ecap_send", 4), 4);
	assert_int_equal(send, ECAP_SEND_PERF);

	/* One write leaves the others as they were. */
	memcpy(&filter, variable(object, "ecap_filter", sizeof(filter)), sizeof(filter));
	assert_int_equal(filter.use_pid + filter.use_uid + filter.use_comm + filter.use_cgroup, 4);
	assert_int_equal(filter.pid, 4242);
	assert_int_equal(filter.uid, 33);
	assert_int_equal(filter.cgroup_id, 99);
	assert_string_equal(filter.comm, "fifteen-letters");
	assert_int_equal(filter.ancestors, 0);
	assert_int_equal(ecap_bpf_set_filter(&ctx, object), 0);
	memcpy(&filter, variable(object, "ecap_filter", sizeof(filter)), sizeof(filter));
	assert_int_equal(filter.ancestors, 1);
	bpf_object__close(object);
}

static void test_refuses_variables(void **state)
{
	struct bpf_object *object = open_object("tests/unit/ring.noncore.o");
	struct ecap_context ctx;
	uint64_t value = 0;

	(void)state;
	make_context(&ctx, 0);
	assert_int_equal(ecap_bpf_set(&ctx, object, "ecap_sand", &value, 4), -ENOENT);
	assert_string_equal(ecap_err_text(), "BPF object has no variable ecap_sand of 4 bytes");
	assert_int_equal(ecap_bpf_set(&ctx, object, "ecap_send", &value, 8), -ENOENT);
	assert_string_equal(ecap_err_text(), "BPF object has no variable ecap_send of 8 bytes");
	assert_true(ecap_bpf_map_fd(&ctx, object, "elsewhere") < 0);
	assert_string_equal(ecap_err_text(), "BPF object has no map elsewhere");
	bpf_object__close(object);
}

/* Records that one run of the program sends, with everything filtered but what is asked for. */
static uint64_t passes(const struct ecap_common *filter, uint64_t hide)
{
	struct producer p;

	producer_open_common(&p, RING_NONCORE, hide, filter);
	produce(&p, 1, "x", 1);
	struct ecap_map_stats stats = producer_stats(&p);

	producer_close(&p);
	assert_int_equal(stats.lost_records + stats.fault_bytes, 0);
	return stats.records;
}

static const struct ecap_common anything = {
	.struct_size = sizeof(anything), .pid = ECAP_ANY, .uid = ECAP_ANY, .cgroup_id = ECAP_ANY,
	.ring_bytes = 1 << 16,
};

static void test_filters_processes(void **state)
{
	struct ecap_common c = anything;

	(void)state;
	need_kernel(ECAP_FEAT_RINGBUF);
	assert_int_equal(passes(&c, 0), 1);
	c.pid = (uint64_t)getpid();
	assert_int_equal(passes(&c, 0), 1);
	c.uid = getuid();
	assert_int_equal(passes(&c, 0), 1);
	c.uid = getuid() + 1;
	assert_int_equal(passes(&c, 0), 0);
	c.pid = ECAP_ANY;
	assert_int_equal(passes(&c, 0), 0);
	c.uid = ECAP_ANY;
	c.pid = (uint64_t)getpid() + 1;
	assert_int_equal(passes(&c, 0), 0);
}

/* A process is its thread group: its other threads pass too. */
static void *passes_in_thread(void *arg)
{
	run_program(((struct producer *)arg)->program_fd, 1, "x", 1);
	return NULL;
}

static void test_filters_threads(void **state)
{
	struct ecap_common c = anything;
	pthread_t thread;
	struct producer p;

	(void)state;
	need_kernel(ECAP_FEAT_RINGBUF);
	c.pid = (uint64_t)getpid();
	producer_open_common(&p, RING_NONCORE, 0, &c);
	assert_int_equal(pthread_create(&thread, NULL, passes_in_thread, &p), 0);
	pthread_join(thread, NULL);
	assert_int_equal(producer_stats(&p).records, 1);
	producer_close(&p);
}

static void test_filters_comm(void **state)
{
	static const struct {
		const char *name, *filter;
		uint64_t passes;
	} cases[] = {
		{ "curl", "curl", 1 }, { "curl", "cur", 0 }, { "cur", "curl", 0 },
		{ "curl", "Curl", 0 }, { "fifteen-letters", "fifteen-letters", 1 },
		{ "fifteen-letterx", "fifteen-letters", 0 }, { "", "curl", 0 }, { "a b", "a b", 1 },
	};
	char before[16];

	(void)state;
	need_kernel(ECAP_FEAT_RINGBUF);
	prctl(PR_GET_NAME, before);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ecap_common c = anything;

		snprintf(c.comm, sizeof(c.comm), "%s", cases[i].filter);
		prctl(PR_SET_NAME, cases[i].name);
		uint64_t got = passes(&c, 0);

		prctl(PR_SET_NAME, before);
		if (got != cases[i].passes)
			fail_msg("\"%s\" by \"%s\"", cases[i].name, cases[i].filter);
	}
}

/* Where cgroup v2 is mounted, or "". */
static void cgroup_mount(char *path, size_t size)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mounts", "re");
	char line[1024], where[256], type[64];

	*path = 0;
	while (f && !*path && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %255s %63s", where, type) == 2 && !strcmp(type, "cgroup2"))
			snprintf(path, size, "%s", where);
}

static int move_to(const char *cgroup)
{
	char path[640];

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	_cleanup_fclose_ FILE *f = fopen(path, "we");

	return !f || fprintf(f, "%d\n", getpid()) < 0 || fflush(f);
}

/* Records that a child sends from @cgroup with a filter for @id. */
static uint64_t passes_from(const char *cgroup, uint64_t id, uint64_t hide)
{
	struct ecap_common c = anything;
	struct producer p;
	int status;

	c.cgroup_id = id;
	producer_open_common(&p, RING_NONCORE, hide, &c);
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child)
		_exit(move_to(cgroup) || run_program(p.program_fd, 1, "x", 1));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	uint64_t records = producer_stats(&p).records;

	producer_close(&p);
	return records;
}

static uint64_t inode(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static void test_filters_cgroups(void **state)
{
	char mount[256], outer[512], inner[600], other[600];
	uint64_t bits = need_kernel(ECAP_FEAT_RINGBUF), from_outer, from_inner, from_other, hidden;

	(void)state;
	cgroup_mount(mount, sizeof(mount));
	snprintf(outer, sizeof(outer), "%s/ecapture-test-%d", mount, getpid());
	if (!*mount || mkdir(outer, 0755)) {
		print_message("no cgroup can be made: %s\n", *mount ? strerror(errno) :
			      "cgroup v2 is not mounted");
		skip();
	}
	snprintf(inner, sizeof(inner), "%s/inner", outer);
	snprintf(other, sizeof(other), "%s-other", outer);
	assert_int_equal(mkdir(inner, 0755), 0);
	assert_int_equal(mkdir(other, 0755), 0);
	from_outer = passes_from(outer, inode(outer), 0);
	from_inner = passes_from(inner, inode(outer), 0);
	from_other = passes_from(other, inode(outer), 0);
	from_other += passes_from(outer, inode(inner), 0);
	hidden = passes_from(inner, inode(inner), ECAP_FEAT_ANCESTOR_CGROUP);
	rmdir(inner);
	rmdir(other);
	rmdir(outer);
	assert_int_equal(from_outer, 1);
	assert_int_equal(from_inner, !!(bits & ECAP_FEAT_ANCESTOR_CGROUP));
	assert_int_equal(from_other, 0);
	assert_int_equal(hidden, 1);
}

static int setup(void **state)
{
	(void)state;
	libbpf_set_print(NULL);
	return 0;
}

#define LOADS(test, object, index) { .name = #test " " object, .test_func = test, \
				     .initial_state = (void *)&shipped[index] }

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOADS(test_loads_with_ring, "openssl.dynptr", 0),
		LOADS(test_loads_with_ring, "openssl.storage", 1),
		LOADS(test_loads_with_ring, "openssl.core", 2),
		LOADS(test_loads_with_ring, "openssl.noncore", 3),
		LOADS(test_loads_with_ring, "bash.storage", 4),
		LOADS(test_loads_with_ring, "bash.noncore", 5),
		LOADS(test_loads_with_perf, "openssl.core", 2),
		LOADS(test_loads_with_perf, "openssl.noncore", 3),
		LOADS(test_loads_with_perf, "bash.noncore", 5),
		LOADS(test_instructions, "openssl.core", 2),
		LOADS(test_instructions, "openssl.noncore", 3),
		LOADS(test_instructions, "bash.noncore", 5),
		cmocka_unit_test(test_writes_variables),
		cmocka_unit_test(test_refuses_variables),
		cmocka_unit_test(test_filters_processes),
		cmocka_unit_test(test_filters_threads),
		cmocka_unit_test(test_filters_comm),
		cmocka_unit_test(test_filters_cgroups),
	};

	return cmocka_run_group_tests_name("libbpf", tests, setup, NULL);
}
