/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a module gets from the host: its context, the table of host functions, the ways that its
 * events go, and what is counted when they go wrong.
 */
#include "instance_help.h"

#include "services.h"

/* What init() finds ready. */
static void test_context(void **state)
{
	struct fixture f = { .plan = { .fail_in = "init", .no_bpf = 1 } };
	struct timespec mono, real;

	(void)state;
	fixture_open(&f, "events");
	f.plan.fail_in = "load";
	f.options.features = 0x123;
	f.options.kernel_version = 0x60102;
	f.options.btf_path = "/some/btf";
	fixture_new(&f);
	assert_int_equal(ecap_instance_start(f.instance), -EREMOTE);
	const struct ecap_context *c = &f.plan.context;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &real);
	int64_t off = (real.tv_sec - mono.tv_sec) * INT64_C(1000000000) + real.tv_nsec -
		      mono.tv_nsec - c->mono_to_real_ns;

	assert_true(off > -1000000000 && off < 1000000000);
	assert_int_equal(c->struct_size, sizeof(*c));
	assert_int_equal(c->features, 0x123);
	assert_int_equal(c->kernel_version, 0x60102);
	assert_int_equal(c->btf_mode, ECAP_BTF_NONCORE);
	assert_int_equal(c->n_cpus, libbpf_num_possible_cpus());
	assert_int_equal(c->page_size, sysconf(_SC_PAGESIZE));
	assert_string_equal(c->btf_path, "/some/btf");
	assert_ptr_equal(c->host, &ecap_host_table);
	assert_ptr_equal(c->self, f.instance);
	assert_ptr_equal(c->common, &f.common);
	assert_ptr_equal(c->config, &f.plan);
	assert_int_equal(c->host->struct_size, sizeof(*c->host));
	assert_int_equal(c->host->abi_major, ECAP_ABI_MAJOR);
	assert_int_equal(c->host->abi_minor, ECAP_ABI_MINOR);
	fixture_close(&f);
}

static void test_services(void **state)
{
	struct fixture f = { .plan = { .no_bpf = 1 } };

	(void)state;
	fixture_open(&f, "events");
	fixture_new(&f);
	assert_ptr_equal(ecap_host_table.service(f.instance, ECAP_ELF_SERVICE), &ecap_elf_service);
	assert_ptr_equal(ecap_host_table.service(f.instance, ECAP_TARGETS_SERVICE),
			 &ecap_targets_service);
	assert_null(ecap_host_table.service(f.instance, "ecap.elf/2"));
	assert_null(ecap_host_table.service(f.instance, ""));
	assert_true(ecap_has_service(ECAP_ELF_SERVICE));
	assert_false(ecap_has_service("ecap"));
	fixture_close(&f);
}

/* No object of the module fits: load fails, and says what each would need. */
static void test_no_object_fits(void **state)
{
	struct fixture f = {};

	(void)state;
	fixture_open(&f, "events");
	f.desc_bpf.features = ECAP_FEAT_GLOBAL_DATA | UINT64_C(1) << 60;
	fixture_new(&f);
	assert_int_equal(ecap_instance_start(f.instance), -EOPNOTSUPP);
	assert_non_null(strstr(ecap_err_text(), "load: no BPF object of module probe fits"));
	assert_non_null(strstr(ecap_err_text(), "probe.ring"));
	assert_string_equal(f.plan.journal, "init load close");
	fixture_close(&f);
}

static void test_log_names_module(void **state)
{
	struct fixture f = { .plan = { .no_bpf = 1 } };

	(void)state;
	fixture_open(&f, "events");
	fixture_new(&f);
	ecap_host_table.log(f.instance, ECAP_LOG_WARN, "%d of %s", 3, "them");
	assert_int_equal(in_log("warning probe: 3 of them\n"), 1);
	fixture_close(&f);
}

/* Where events go by their dest, and what is counted as damaged. */
static void test_routes(void **state)
{
	struct fixture f = {};
	json_int_t pids[16];

	(void)state;
	fixture_open(&f, "events");
	fixture_start(&f);
	send_record(&f, TO_OUTPUT, 1);
	send_record(&f, TO_PROCESSOR, 2);
	send_record(&f, TO_MODULE, 3);
	send_record(&f, TO_NOWHERE, 4); /* against the rules */
	send_record(&f, NO_EVENT, 5);
	send_record(&f, DAMAGED, 6);    /* damaged */
	send_record(&f, REFUSED, 7);    /* damaged */
	send_record(&f, EMIT_TWICE, 8);
	assert_int_equal(ecap_instance_stop(f.instance), -EPROTO);
	ecap_instance_summary(f.instance);
	assert_int_equal(events(&f, "pid", pids, 16), 5);
	assert_int_equal(pids[0] * 10000 + pids[1] * 1000 + pids[2] * 100 + pids[3] * 10 + pids[4],
			 12388);
	assert_int_equal(in_log("info probe: map events: 8 records, 0 lost"), 1);
	assert_int_equal(in_log("warning probe: 5 events, 90 bytes, 0 lost, 2 damaged\n"), 1);
	assert_int_equal(in_log("warning probe: against the rules: 1\n"), 1);
	fixture_close(&f);
}

/*
 * Events of a later minor pass as long as they do not use what is new; an event that says it is
 * shorter than any was has a size that nobody set.
 */
static void test_emit_sizes(void **state)
{
	struct fixture f = {};
	json_int_t pids[4];

	(void)state;
	fixture_open(&f, "events");
	fixture_start(&f);
	send_record(&f, EMIT_SHORT, 1);   /* against the rules */
	send_record(&f, EMIT_LONGER, 2);
	send_record(&f, EMIT_UNKNOWN, 3); /* against the rules */
	send_record(&f, EMIT_LONGER, 4);
	assert_int_equal(ecap_instance_stop(f.instance), -EPROTO);
	ecap_instance_summary(f.instance);
	assert_int_equal(events(&f, "pid", pids, 4), 2);
	assert_int_equal(pids[0], 2);
	assert_int_equal(pids[1], 4);
	assert_int_equal(in_log("0 damaged\n"), 1);
	assert_int_equal(in_log("against the rules: 2\n"), 1);
	fixture_close(&f);
}

/* Maps of a later minor. */
static void test_map_sizes(void **state)
{
	for (uint64_t new_number = 0; new_number < 2; new_number++) {
		struct fixture f = { .plan = { .new_number = new_number } };
		json_int_t pids[4];

		(void)state;
		fixture_open(&f, "events");
		f.desc.module.map_size = sizeof(struct later_map);
		fixture_new(&f);
		int err = ecap_instance_start(f.instance);

		assert_int_equal(err, new_number ? -E2BIG : 0);
		if (err) {
			assert_string_equal(ecap_err_text(), "maps: map 1: it has members that "
					    "this ecapture does not know; upgrade ecapture");
			assert_string_equal(f.plan.journal, "init load maps close");
		} else {
			send_record(&f, TO_OUTPUT, 9);
			assert_int_equal(ecap_instance_stop(f.instance), 0);
			assert_int_equal(events(&f, "pid", pids, 4), 1);
		}
		fixture_close(&f);
	}
}

/* A record that is larger than a ring of one page. */
static void send_too_much(const struct fixture *f, uint64_t seq)
{
	char large[16000];

	memset(large, 'x', sizeof(large));
	assert_int_equal(run_program(f->plan.program_fd, seq, large, sizeof(large)), 0);
}

/* A module whose table ends before the optional operations, and one that leaves them out. */
static void test_optional_operations(void **state)
{
	for (int shorter = 0; shorter < 2; shorter++) {
		struct fixture f = {};
		json_int_t pids[4];

		(void)state;
		fixture_open(&f, "events");
		if (shorter)
			f.ops.struct_size = offsetof(struct ecap_ops, dispatch);
		else
			f.ops.dispatch = NULL, f.ops.lost = NULL;
		f.ops.stop = NULL;
		f.common.ring_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
		fixture_start(&f);
		send_record(&f, TO_MODULE, 1);
		send_too_much(&f, 2);
		send_record(&f, TO_OUTPUT, 3);
		assert_int_equal(ecap_instance_stop(f.instance), -EPROTO);
		assert_non_null(strstr(ecap_err_text(), "ECAP_DEST_MODULE, and no dispatch()"));
		ecap_instance_summary(f.instance);
		assert_string_equal(f.plan.journal, "init load maps start close");
		assert_int_equal(events(&f, "pid", pids, 4), 1);
		assert_int_equal(in_log("0 damaged\n"), 1);
		assert_int_equal(f.plan.lost, 0);
		fixture_close(&f);
	}
}

static void test_tells_losses(void **state)
{
	struct fixture f = {};

	(void)state;
	fixture_open(&f, "events");
	f.common.ring_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	fixture_start(&f);
	for (uint64_t i = 0; i < 3; i++)
		send_too_much(&f, i);
	send_record(&f, TO_OUTPUT, 3);
	assert_int_equal(run_program(f.plan.program_fd, 4, NULL, 100), 0);
	assert_int_equal(ecap_instance_stop(f.instance), 0);
	ecap_instance_summary(f.instance);
	assert_int_equal(f.plan.lost, 3);
	assert_int_equal(f.plan.lost_id, 77);
	assert_true(in_log("warning probe: events: 3 records lost: the kernel's buffer was full "
			   "(--mapsize makes it larger)\n") == 1 || in_log("records lost") > 1);
	assert_int_equal(in_log("warning probe: map events: 1 records, 3 lost (48000 bytes), "
				"100 bytes unreadable, 0 records too short\n"), 1);
	assert_int_equal(in_log("1 events, 18 bytes, 3 lost, 0 damaged\n"), 1);
	fixture_close(&f);
}

static void *count_often(void *arg)
{
	for (int i = 0; i < 100000; i++)
		ecap_host_table.count(arg, "shared", 3);
	return NULL;
}

static void test_counters(void **state)
{
	static const char long_name[] = "a name of 47 bytes is kept whole, what follows ";
	struct fixture f = { .plan = { .no_bpf = 1 } };
	pthread_t threads[4];
	char name[128], line[192];

	(void)state;
	_Static_assert(sizeof(long_name) == 48, "as the name says");
	fixture_open(&f, "events");
	fixture_new(&f);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_often, f.instance), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%sis cut off %d", long_name, i);
		ecap_host_table.count(f.instance, name, 1);
	}
	ecap_host_table.count(f.instance, "share", UINT64_MAX);
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "number %d", i);
		ecap_host_table.count(f.instance, name, (uint64_t)i);
	}
	ecap_host_table.count(f.instance, "shared", 1);
	ecap_instance_summary(f.instance);
	assert_int_equal(in_log("info probe: shared: 1200001\n"), 1);
	assert_int_equal(in_log("info probe: share: 18446744073709551615\n"), 1);
	snprintf(line, sizeof(line), "info probe: %s: 3\n", long_name);
	assert_int_equal(in_log(line), 1);
	assert_int_equal(in_log("info probe: number "), ECAP_MAX_COUNTERS - 3);
	assert_int_equal(in_log("info probe: number 28: 28\n"), 1);
	assert_int_equal(in_log("warning probe: more than 32 counters: \"number 29\" is not kept\n"),
			 1);
	assert_int_equal(in_log("more than"), 1);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_context),
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_no_object_fits),
		cmocka_unit_test(test_log_names_module),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_emit_sizes),
		cmocka_unit_test(test_map_sizes),
		cmocka_unit_test(test_optional_operations),
		cmocka_unit_test(test_tells_losses),
		cmocka_unit_test(test_counters),
	};

	return cmocka_run_group_tests_name("host", tests, setup, teardown);
}
