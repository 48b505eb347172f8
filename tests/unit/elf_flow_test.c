/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where constants go: on the ways of data/flow.S, and the labels of the key log in real builds of
 * OpenSSL and BoringSSL, which fetch-builds.sh fetches: three labels must lead to one function.
 */
#include "fetched.h"

#include <errno.h>
#include <unistd.h>

#include "err.h"
#include "services.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct ecap_elf *const elf = &ecap_elf_service;
static char dir[64];

static const char *const builds[] = { "-shared", "-static -no-pie -DPROGRAM" };

static const char *path_of(size_t build)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/flow%zu", dir, build);
	return path;
}

static int make_builds(void **state)
{
	const char *cc = getenv("CC");

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/elf-flow-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(builds); i++) {
		char command[1024];

		snprintf(command, sizeof(command), "%s -nostdlib %s '%s/tests/unit/data/flow.S' "
			 "-o '%s'", cc && *cc ? cc : "cc", builds[i], top_srcdir(), path_of(i));
		if (system(command) != 0)
			return -1;
	}
	return 0;
}

static int remove_builds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(builds); i++)
		unlink(path_of(i));
	return rmdir(dir);
}

static struct ecap_elf_file *open_path(const char *path)
{
	struct ecap_elf_file *file = NULL;

	if (elf->open(path, &file) != 0)
		fail_msg("%s", ecap_err_text());
	return file;
}

static uint64_t address(struct ecap_elf_file *file, const char *name)
{
	struct ecap_elf_symbol symbol = { .struct_size = sizeof(symbol) };

	if (elf->symbol(file, name, &symbol) != 0)
		fail_msg("%s", ecap_err_text());
	return symbol.addr;
}

struct found {
	struct ecap_elf_call calls[8];
	uint32_t n, stop_after;
	int stop;
};

static int on_call(void *arg, const struct ecap_elf_call *call)
{
	struct found *found = arg;

	assert_true(found->n < ARRAY_SIZE(found->calls));
	found->calls[found->n++] = *call;
	return found->n == found->stop_after ? found->stop : 0;
}

/* What each function of flow.S does with the text: calls in any order, arguments as bits. */
static const struct {
	const char *function;
	int program_only;
	struct {
		const char *callee;
		uint32_t arguments;
	} calls[2];
} ways[] = {
	{ "at_once", 0, { { "sink", 1 << 1 } } },
	{ "several_arguments", 0, { { "sink", 1 << 0 | 1 << 3 } } },
	{ "by_branch", 0, { { "sink", 1 << 1 } } },
	{ "by_cmov", 0, { { "sink", 1 << 1 } } },
	{ "on_the_stack", 0, { { "sink", 1 << 2 } } },
	{ "in_a_frame", 0, { { "sink", 1 << 4 } } },
	{ "pushed", 0, { { "sink", 1 << 1 } } },
	{ "by_jump", 0, { { "sink", 1 << 1 } } },
	{ "two_calls", 0, { { "sink", 1 << 1 }, { "other", 1 << 0 } } },
	{ "overwritten", 0, { { NULL, 0 } } },
	{ "lost_in_a_call", 0, { { NULL, 0 } } },
	{ "overwritten_on_the_stack", 0, { { NULL, 0 } } },
	{ "elsewhere_on_the_stack", 0, { { NULL, 0 } } },
	{ "changed", 0, { { NULL, 0 } } },
	{ "by_pointer", 0, { { NULL, 0 } } },
	{ "narrow", 1, { { "sink", 1 << 1 } } },
	{ "stored_at_once", 1, { { "sink", 1 << 1 } } },
};

static void check_way(struct ecap_elf_file *file, size_t i)
{
	struct found found = { .n = 0 };
	uint64_t text = address(file, "known_text");
	uint32_t expected = 0;
	char takes[64];

	snprintf(takes, sizeof(takes), "%s_takes", ways[i].function);
	assert_int_equal(elf->flow(file, address(file, takes), on_call, &found), 0);
	for (size_t k = 0; k < ARRAY_SIZE(ways[i].calls) && ways[i].calls[k].callee; k++) {
		uint64_t callee = address(file, ways[i].calls[k].callee);
		uint32_t matches = 0;

		expected++;
		for (uint32_t c = 0; c < found.n; c++) {
			const struct ecap_elf_call *call = &found.calls[c];

			if (call->callee != callee || call->known != ways[i].calls[k].arguments)
				continue;
			matches++;
			for (unsigned int a = 0; a < 6; a++)
				assert_int_equal(call->value[a], call->known >> a & 1 ? text : 0);
		}
		if (matches != 1)
			fail_msg("%s: %u calls of %s", ways[i].function, matches,
				 ways[i].calls[k].callee);
	}
	if (found.n != expected)
		fail_msg("%s: %u calls where %u are expected", ways[i].function, found.n, expected);
}

static void test_ways(void **state)
{
	(void)state;
	for (size_t build = 0; build < ARRAY_SIZE(builds); build++) {
		struct ecap_elf_file *file = open_path(path_of(build));

		for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
			if (build || !ways[i].program_only)
				check_way(file, i);
		elf->close(file);
	}
}

static void test_stops_and_refuses(void **state)
{
	struct ecap_elf_file *file = open_path(path_of(0));
	struct found ended = { .stop_after = 1, .stop = 1 };
	struct found failed = { .stop_after = 1, .stop = -EREMOTE };
	struct found none = { .n = 0 };

	(void)state;
	assert_int_equal(elf->flow(file, address(file, "two_calls_takes"), on_call, &ended), 0);
	assert_int_equal(ended.n, 1);
	assert_int_equal(elf->flow(file, address(file, "at_once_takes"), on_call, &failed),
			 -EREMOTE);
	/* No instruction that takes anything, and no code at all. */
	assert_int_equal(elf->flow(file, address(file, "sink"), on_call, &none), -ENOENT);
	assert_int_equal(elf->flow(file, address(file, "known_text"), on_call, &none), -ENOENT);
	assert_int_equal(elf->flow(file, UINT64_MAX - 2, on_call, &none), -ENOENT);
	assert_int_equal(none.n, 0);
	elf->close(file);
}

/* The labels of RFC 9850 (TLS 1.3) and of TLS 1.2. */
static const char *const labels[] = {
	"EXPORTER_SECRET", "CLIENT_RANDOM", "SERVER_TRAFFIC_SECRET_0",
};

struct anchor {
	struct ecap_elf_file *file;
	uint64_t places[16];
	uint32_t n_places;
	uint64_t callee; /* that the label is the second argument of */
	int differ;
};

static int on_place(void *arg, uint64_t addr)
{
	struct anchor *a = arg;

	if (a->n_places < ARRAY_SIZE(a->places))
		a->places[a->n_places++] = addr;
	return 0;
}

static int on_label(void *arg, const struct ecap_elf_call *call)
{
	struct anchor *a = arg;

	if (!(call->known & 1 << 1))
		return 0;
	a->differ |= a->callee && a->callee != call->callee;
	a->callee = call->callee;
	return 0;
}

static int on_reference(void *arg, uint64_t insn, uint64_t target)
{
	struct anchor *a = arg;

	(void)target;
	elf->flow(a->file, insn, on_label, a);
	return 0;
}

static void check_build(const char *name, const char *path)
{
	struct anchor a = { .file = open_path(path) };

	for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
		uint64_t before = a.callee;

		a.n_places = 0;
		a.callee = 0;
		elf->find(a.file, labels[i], (uint32_t)strlen(labels[i]) + 1, on_place, &a);
		assert_int_equal(elf->refs(a.file, a.places, a.n_places, on_reference, &a), 0);
		if (!a.callee || a.differ || (before && before != a.callee))
			fail_msg("%s: %s leads to %#llx, the one before to %#llx", name, labels[i],
				 (unsigned long long)a.callee, (unsigned long long)before);
	}
	const char *symbol = elf->symbol_name(a.file, a.callee);

	if (symbol && !strstr(symbol, "ssl_log_secret"))
		fail_msg("%s: the function's name is %s", name, symbol);
	elf->close(a.file);
}

static void test_build(void **state)
{
	check_build(*state, fetched_build(*state));
}

#define BUILD(name) { "test_build_" name, test_build, NULL, NULL, (void *)(uintptr_t)name }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_stops_and_refuses),
		BUILD("debian11"), BUILD("debian12"), BUILD("debian13"), BUILD("debian-sid"),
		BUILD("android"), BUILD("psycopg2"), BUILD("curl_cffi"), BUILD("grpcio"),
		BUILD("node"), BUILD("arm64-debian11"), BUILD("arm64-debian12"),
		BUILD("arm64-debian13"), BUILD("arm64-debian-sid"), BUILD("arm64-android"),
		BUILD("arm64-gnutls12"), BUILD("arm64-netty"),
	};

	return cmocka_run_group_tests_name("elf_flow", tests, make_builds, remove_builds);
}
