/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bash module in the mock of the SDK: from its records to its events, as a module of somebody
 * else's would be tested.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ecapture/mock.h>
#include <ecapture/service/elf.h>
#include <ecapture/service/targets.h>

#include "services.h"

#include "bash_record.h"

static int send(struct ecap_mock *m, uint32_t pid, uint32_t type, int32_t status, uint32_t first,
		const char *text)
{
	uint32_t len = (uint32_t)strlen(text);
	struct {
		struct bash_record head;
		char text[64];
	} record = { .head = { .pid = pid, .tid = pid, .uid = 7, .mono_ns = 99, .type = type,
			       .status = status, .len = len, .first = first, .comm = "bash" } };

	memcpy(record.text, text, len);
	return ecap_mock_record(m, 0, &record, (uint32_t)sizeof(record.head) + len);
}

static int line(struct ecap_mock *m, uint32_t pid, uint32_t first, const char *text)
{
	return send(m, pid, BASH_RECORD_LINE, 0, first, text);
}

static void begin(struct ecap_mock *m, const char *errnumber)
{
	ecap_mock_new(m, &ecapture_module_1);
	if (errnumber)
		ecap_mock_option(m, "errnumber", errnumber);
	m->min_record = sizeof(struct bash_record);
	ECAP_EXPECT(m, ecap_mock_open(m) == 0);
}

static void end(struct ecap_mock *m)
{
	assert_int_equal(ecap_mock_end(m), 0);
}

static void test_command(void **state)
{
	const struct ecap_event *ev;
	struct ecap_mock m;

	(void)state;
	begin(&m, NULL);
	assert_int_equal(line(&m, 5, 1, "false"), 1);
	assert_int_equal(m.n_events, 0);
	assert_int_equal(send(&m, 5, BASH_RECORD_STATUS, 1, 0, ""), 1);
	ECAP_EXPECT(&m, m.n_events == 1);
	ev = ecap_mock_event(&m, 0);
	assert_string_equal(ev->kind, "command");
	assert_string_equal(ev->comm, "bash");
	assert_int_equal(ev->pid, 5);
	assert_int_equal(ev->uid, 7);
	assert_int_equal(ev->mono_ns, 99);
	assert_true(ecap_mock_field_is(ev, "command", "false"));
	assert_int_equal(ecap_mock_field(ev, "status")->num, 1);
	end(&m);
}

/* Lines of two shells come mixed; a line longer than a record goes on in the next one. */
static void test_lines_are_joined(void **state)
{
	struct ecap_mock m;

	(void)state;
	begin(&m, NULL);
	line(&m, 1, 1, "for i in 1 2; do");
	line(&m, 2, 1, "echo ");
	line(&m, 1, 1, "echo $i");
	line(&m, 2, 0, "long");
	line(&m, 1, 1, "done");
	send(&m, 1, BASH_RECORD_STATUS, 0, 0, "");
	send(&m, 2, BASH_RECORD_EXIT, 3, 0, "");
	ECAP_EXPECT(&m, m.n_events == 2);
	assert_true(ecap_mock_field_is(ecap_mock_event(&m, 0), "command",
				       "for i in 1 2; do\necho $i\ndone"));
	assert_true(ecap_mock_field_is(ecap_mock_event(&m, 1), "command", "echo long"));
	assert_int_equal(ecap_mock_field(ecap_mock_event(&m, 1), "status")->num, 3);
	end(&m);
}

/* A command that never ran has no status; what has no line is no command. */
static void test_without_status(void **state)
{
	struct ecap_mock m;

	(void)state;
	begin(&m, NULL);
	send(&m, 1, BASH_RECORD_STATUS, 0, 0, "");
	send(&m, 1, BASH_RECORD_BEGIN, 0, 0, "");
	line(&m, 1, 1, "if then");
	send(&m, 1, BASH_RECORD_BEGIN, 0, 0, "");
	line(&m, 1, 1, "");
	send(&m, 1, BASH_RECORD_STATUS, 0, 0, "");
	ECAP_EXPECT(&m, m.n_events == 1);
	assert_true(ecap_mock_field_is(ecap_mock_event(&m, 0), "command", "if then"));
	assert_null(ecap_mock_field(ecap_mock_event(&m, 0), "status"));
	end(&m);
}

static void test_errnumber(void **state)
{
	struct ecap_mock m;

	(void)state;
	begin(&m, "3");
	for (int status = 0; status < 6; status++) {
		line(&m, 1, 1, status == 3 ? "that one" : "another");
		send(&m, 1, BASH_RECORD_STATUS, status, 0, "");
	}
	ECAP_EXPECT(&m, m.n_events == 1);
	assert_true(ecap_mock_field_is(ecap_mock_event(&m, 0), "command", "that one"));
	end(&m);
}

static void test_damaged(void **state)
{
	struct bash_record record = { .type = BASH_RECORD_LINE, .len = 1 };
	struct ecap_mock m;

	(void)state;
	begin(&m, NULL);
	assert_int_equal(ecap_mock_record(&m, 0, &record, sizeof(record)), -EINVAL);
	assert_int_equal(send(&m, 1, 99, 0, 0, ""), -EINVAL);
	assert_int_equal(ecap_mock_record(&m, 0, &record, sizeof(record) - 1), 0);
	ECAP_EXPECT(&m, m.damaged == 2 && m.short_records == 1 && m.n_events == 0);
	end(&m);
}

/* What it would probe in a real shell, and what it says of a file that is none. */
static void test_survey(void **state)
{
	static const struct ecap_mock_service services[] = {
		{ ECAP_ELF_SERVICE, &ecap_elf_service }, { NULL, NULL },
	};
	struct ecap_target target = { .struct_size = sizeof(target), .path = "/bin/bash",
				      .shown = "/bin/bash" };
	struct ecap_mock m;

	(void)state;
	ecap_mock_new(&m, &ecapture_module_1);
	m.services = services;
	assert_int_equal(ecap_mock_survey(&m, &target), 0);
	assert_int_equal(m.n_findings, 5);
	for (uint32_t i = 0; i < m.n_findings; i++) {
		const struct ecap_finding *f = ecap_mock_finding(&m, i);

		assert_int_equal(f->kind, ECAP_FINDING_PLACE);
		assert_true(f->addr && f->offset && *f->insn);
		assert_string_equal(f->text, "symbol in .dynsym");
	}
	assert_string_equal(ecap_mock_finding(&m, 1)->function, "execute_command");
	target.path = target.shown = "/proc/self/exe";
	assert_int_equal(ecap_mock_survey(&m, &target), 0);
	assert_int_equal(m.n_findings, 6);
	assert_int_equal(ecap_mock_finding(&m, 5)->kind, ECAP_FINDING_MISSING);
	target.path = "/etc/passwd";
	target.shown = "the file";
	assert_int_equal(ecap_mock_survey(&m, &target), -ENOEXEC);
	assert_string_equal(m.error, "the file: no ELF file that can be read");
	ECAP_EXPECT(&m, m.n_findings == 6);
	assert_int_equal(ecap_mock_end(&m), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command), cmocka_unit_test(test_lines_are_joined),
		cmocka_unit_test(test_without_status), cmocka_unit_test(test_errnumber),
		cmocka_unit_test(test_damaged), cmocka_unit_test(test_survey),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
