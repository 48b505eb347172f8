/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Symbols that were cut off a file, as binutils and xz cut them off: by build-id and debuglink,
 * in the file's own root directory, and in .gnu_debugdata; and those of another build, or damaged.
 */
#include "elf_builds.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

static char full[128], stripped[128], debug[128];

/* Runs "cd DIR && ..." as a shell of the test's own would. */
static void run(const char *fmt, const char *a, const char *b, const char *c)
{
	char command[1024], inner[768];

	snprintf(inner, sizeof(inner), fmt, a, b, c);
	snprintf(command, sizeof(command), "cd '%s' && { %s; } >/dev/null 2>&1", dir, inner);
	if (system(command) != 0)
		fail_msg("%s", command);
}

static int make_stripped(void **state)
{
	int err = make_builds(state);

	if (err)
		return err;
	snprintf(full, sizeof(full), "%s", path_of(RELA));
	snprintf(stripped, sizeof(stripped), "%s/stripped.so", dir);
	snprintf(debug, sizeof(debug), "%s/rela.debug", dir);
	run("strip -o stripped.so '%s' && objcopy --only-keep-debug '%s' rela.debug && "
	    "mkdir .debug usr usr/lib usr/lib/debug usr/lib/debug/.build-id "
	    "usr/lib/debug/.build-id/01 && chmod 755 .%s", full, full, "");
	return 0;
}

static int remove_stripped(void **state)
{
	run("rm -rf stripped.so rela.debug .debug usr packed xz plain linked.so%s%s%s", "", "", "");
	return remove_builds(state);
}

/* Where local_function, which .dynsym does not have, is found; 0 when nowhere. */
static uint32_t source_in(const char *path)
{
	struct ecap_elf_symbol symbol = { .struct_size = sizeof(symbol) };
	struct ecap_elf_file *file = NULL, *with_all = open_build(RELA);
	uint64_t expected = address(with_all, "local_function");

	assert_int_equal(elf->open(path, &file), 0);
	int err = elf->symbol(file, "local_function", &symbol);

	if (!err) {
		assert_int_equal(symbol.addr, expected);
		assert_string_equal(elf->symbol_name(file, symbol.addr), "local_function");
	} else {
		assert_int_equal(err, -ENOENT);
	}
	elf->close(file);
	elf->close(with_all);
	return err ? 0 : symbol.source;
}

static void test_nothing_to_find(void **state)
{
	(void)state;
	assert_int_equal(source_in(full), ECAP_ELF_FROM_SYMTAB);
	assert_int_equal(source_in(stripped), 0);
}

/* By its place in /proc/PID/map_files, which only root may follow. */
static uint32_t source_in_mapping(int fd)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *at = mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, 0);
	char path[96];

	assert_true(at != MAP_FAILED);
	snprintf(path, sizeof(path), "/proc/%d/map_files/%lx-%lx", getpid(), (unsigned long)at,
		 (unsigned long)(at + page));
	uint32_t source = geteuid() ? ECAP_ELF_FROM_DEBUGFILE : source_in(path);

	munmap(at, page);
	return source;
}

static void test_debuglink(void **state)
{
	char linked[160], path[160];
	size_t len;

	(void)state;
	snprintf(linked, sizeof(linked), "%s/linked.so", dir);
	run("objcopy --add-gnu-debuglink=rela.debug stripped.so linked.so%s%s%s", "", "", "");
	assert_int_equal(source_in(linked), ECAP_ELF_FROM_DEBUGFILE);
	/* As the program opens what it is given, and what a process has mapped. */
	int fd = open(linked, O_RDONLY | O_CLOEXEC);
	char by_number[64];

	snprintf(by_number, sizeof(by_number), "/proc/self/fd/%d", fd);
	assert_int_equal(source_in(by_number), ECAP_ELF_FROM_DEBUGFILE);
	snprintf(by_number, sizeof(by_number), "/proc/%d/fd/%d", getpid(), fd);
	assert_int_equal(source_in(by_number), ECAP_ELF_FROM_DEBUGFILE);
	assert_int_equal(source_in_mapping(fd), ECAP_ELF_FROM_DEBUGFILE);
	run("mv rela.debug .debug/%s%s%s", "", "", "");
	assert_int_equal(source_in(linked), ECAP_ELF_FROM_DEBUGFILE);
	assert_int_equal(source_in(by_number), ECAP_ELF_FROM_DEBUGFILE);
	close(fd);

	/* One byte of it is another: the CRC-32 does not agree. */
	snprintf(path, sizeof(path), "%s/.debug/rela.debug", dir);
	uint8_t *bytes = read_file(path, &len);

	bytes[len - 1] ^= 1;
	write_file(path, bytes, len);
	assert_int_equal(source_in(linked), 0);
	bytes[len - 1] ^= 1;
	write_file(debug, bytes, len);
	free(bytes);
	unlink(path);
}

/* A process whose root directory is the test's: its files are seen through /proc/PID/root. */
static pid_t start_inside(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		if (chroot(dir) || kill(getpid(), SIGSTOP))
			_exit(1);
		_exit(0);
	}
	return pid;
}

static void test_build_id_in_its_root(void **state)
{
	int status;
	char path[160];

	(void)state;
	if (geteuid()) {
		print_message("not root: chroot(2) is not allowed\n");
		skip();
	}
	pid_t pid = start_inside();

	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	snprintf(path, sizeof(path), "/proc/%d/root/stripped.so", pid);
	uint32_t without = source_in(path);

	run("cp rela.debug usr/lib/debug/.build-id/01/23456789abcdef.debug%s%s%s", "", "", "");
	uint32_t with = source_in(path);

	/* Of another build. */
	run("cp '%s' usr/lib/debug/.build-id/01/23456789abcdef.debug%s%s", path_of(RELR), "", "");
	uint32_t other = source_in(path);

	run("rm usr/lib/debug/.build-id/01/23456789abcdef.debug && "
	    "mkfifo usr/lib/debug/.build-id/01/23456789abcdef.debug%s%s%s", "", "", "");
	uint32_t fifo = source_in(path);

	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_int_equal(without, 0);
	assert_int_equal(with, ECAP_ELF_FROM_DEBUGFILE);
	assert_int_equal(other, 0);
	assert_int_equal(fifo, 0);
}

static void test_debugdata(void **state)
{
	char packed[160], path[160];
	size_t len;

	(void)state;
	snprintf(packed, sizeof(packed), "%s/packed", dir);
	snprintf(path, sizeof(path), "%s/xz", dir);
	run("xz -c rela.debug > xz && objcopy --add-section .gnu_debugdata=xz stripped.so packed"
	    "%s%s%s", "", "", "");
	assert_int_equal(source_in(packed), ECAP_ELF_FROM_DEBUGDATA);

	/* Every place of the compressed stream damaged, and each length cut. */
	uint8_t *bytes = read_file(path, &len);

	for (size_t i = 0; i < len; i += 97) {
		bytes[i] ^= 0x55;
		write_file(path, bytes, i % 2 ? len : i);
		run("objcopy --add-section .gnu_debugdata=xz stripped.so packed%s%s%s", "", "", "");
		assert_int_equal(source_in(packed), 0);
		bytes[i] ^= 0x55;
	}
	write_file(path, bytes, len);
	free(bytes);
	/* What comes out is no ELF file. */
	run("echo nothing | xz -c > xz && objcopy --add-section .gnu_debugdata=xz stripped.so packed"
	    "%s%s%s", "", "", "");
	assert_int_equal(source_in(packed), 0);
}

/* A bomb: some KiB that would become 300 MiB. Where it is given up, that is said. */
static void test_debugdata_bomb(void **state)
{
	char path[160];
	size_t len;

	(void)state;
	snprintf(path, sizeof(path), "%s/packed", dir);
	run("head -c 300M /dev/zero | xz -0 > xz && objcopy --add-section .gnu_debugdata=xz "
	    "stripped.so packed%s%s%s", "", "", "");
	snprintf(path, sizeof(path), "%s/plain", dir);
	assert_int_equal(ecap_log_open(path), 0);
	snprintf(path, sizeof(path), "%s/packed", dir);
	assert_int_equal(source_in(path), 0);
	assert_int_equal(ecap_log_open("/dev/stderr"), 0);
	snprintf(path, sizeof(path), "%s/plain", dir);

	uint8_t *said = read_file(path, &len);

	assert_non_null(memmem(said, len, "or of more than 256 MiB", 23));
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_to_find),
		cmocka_unit_test(test_debuglink),
		cmocka_unit_test(test_build_id_in_its_root),
		cmocka_unit_test(test_debugdata),
		cmocka_unit_test(test_debugdata_bomb),
	};

	return cmocka_run_group_tests_name("elf_debug", tests, make_stripped, remove_stripped);
}
