/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Damaged module files, thousands of them and always the same: each is read or refused, with a
 * text, within a time, and whatever was read can be used.
 */
#define _GNU_SOURCE 1 /* memfd_create(2) */
#include "modules/image.h"

#include "err.h"
#include "module_checks.h"
#include "util.h"

#define N_FILES  10000u
#define TIME_ALL 60u  /* seconds; SIGALRM ends the test: something hangs */

static uint64_t random_state;
static uint64_t shown_bytes; /* so that nothing is left out as being without effect */
static uint32_t half_read;   /* files that were refused, and of which there was something to show */

/* xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators"). */
static uint64_t random_next(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * UINT64_C(2685821657736338717);
}

static uint64_t random_below(uint64_t n)
{
	return (random_next() >> 16) % n;
}

/* The texts of rows, each of which must fit its config. */
static uint64_t use_options(const struct ecap_option *rows, uint32_t n, uint32_t config_size)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct ecap_option *o = &rows[i];
		const char *const more[] = { o->name, o->alias, o->metavar, o->def, o->choices,
					     o->group, o->help, o->doc };

		for (size_t j = 0; j < ARRAY_SIZE(more); j++)
			sum += more[j] ? strlen(more[j]) : 0;
		assert_true((uint64_t)o->offset + o->size <= config_size);
	}
	return sum;
}

/* Reads every byte that a descriptor leads to, so that the sanitizers see a wrong one. */
static uint64_t use(const struct ecap_desc *desc, uint64_t file_size)
{
	const struct ecap_module *m = &desc->module;
	const char *const texts[] = { m->name, m->command, m->aliases, m->version, m->summary,
				      m->description, m->examples, m->license, m->author, m->url,
				      m->targets, m->named, m->named_help };
	uint64_t sum = use_options(m->options, m->n_options, m->config_size) +
		       use_options(m->named_options, m->n_named_options, m->named_size);

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		sum += texts[i] ? strlen(texts[i]) : 0;
	for (uint32_t i = 0; i < desc->n_services; i++)
		sum += strlen(m->services[i]);
	for (uint32_t i = 0; i < m->n_bpf; i++) {
		sum += strlen(desc->bpf[i].name);
		assert_true(desc->bpf[i].offset <= file_size &&
			    desc->bpf[i].size <= file_size - desc->bpf[i].offset);
	}
	return sum;
}

static uint64_t length(const char *text)
{
	return text ? strlen(text) : 0;
}

static uint64_t use_rows(const struct ecap_option *rows, uint32_t n)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct ecap_option *o = &rows[i];

		sum += length(o->name) + length(o->alias) + length(o->metavar) + length(o->def) +
		       length(o->choices) + length(o->group) + length(o->help) + length(o->doc);
	}
	return sum;
}

/* The same of one that is refused, of which parts may be missing: what inspect shows. */
static uint64_t use_rest(const struct ecap_desc *desc)
{
	const struct ecap_module *m = &desc->module;
	uint64_t sum = length(m->name) + length(m->command) + length(m->aliases) +
		       length(m->version) + length(m->summary) + length(m->description) +
		       length(m->examples) + length(m->license) + length(m->author) +
		       length(m->url) + length(m->targets) + (m->ops != NULL) +
		       length(m->named) + length(m->named_help) +
		       use_rows(m->options, m->n_options) +
		       use_rows(m->named_options, m->n_named_options);

	for (uint32_t i = 0; i < desc->n_services; i++)
		sum += length(m->services[i]);
	for (uint32_t i = 0; i < m->n_bpf; i++)
		sum += length(desc->bpf[i].name) + desc->bpf[i].size;
	return sum;
}

static void ignore(void *arg, enum ecap_check check, int result)
{
	(void)check;
	/* a check that fails or is not made says why */
	if (result)
		assert_true(*ecap_err_text());
	++*(uint32_t *)arg;
}

/* Goes through all checks; returns 1 when there was something to show, though it is refused. */
static uint32_t look_at_one(int fd)
{
	uint32_t told = 0;
	const struct ecap_check_report report = { .tell = ignore, .arg = &told };
	_cleanup_(ecap_module_file_end) struct ecap_module_file file = {
		.path = "damaged.so", .fd = dup(fd),
	};
	int err = ecap_module_checks(&file, ECAP_CHECK_ELF, ECAP_CHECK_LATER, &report);

	assert_int_equal(told, ECAP_CHECK_LATER - ECAP_CHECK_ELF + 1);
	if (file.desc)
		shown_bytes += use_rest(file.desc);
	return err && file.desc;
}

/* Reads the first @size bytes of the image; returns 1 when they are a module. */
static uint32_t read_one(const struct image *image, size_t size)
{
	struct ecap_desc *desc = NULL;
	_cleanup_close_ int fd = image_fd(image, size);
	int err = ecap_desc_read(fd, "damaged.so", &desc);

	half_read += look_at_one(fd);

	if (err) {
		assert_true(err < 0);
		assert_null(desc);
		assert_memory_equal(ecap_err_text(), "damaged.so: ", 12);
		return 0;
	}
	assert_true(use(desc, size) > 0);
	ecap_desc_free(desc);
	return 1;
}

struct part {
	size_t from, size;
};

static struct part part_of(const struct image *image, uint32_t type)
{
	const Elf64_Phdr *ph = image_phdr(image, type);

	return (struct part){ ph->p_offset, ph->p_filesz };
}

/* What a count, a size or an address is likely to go wrong with. */
static uint64_t bad_number(const struct image *image)
{
	static const uint64_t numbers[] = {
		0, 1, 7, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
		0x7fffffffffffffff, 0x8000000000000000, 0xfffffffffffffff8, UINT64_MAX,
	};

	switch (random_below(3)) {
	case 0:
		return numbers[random_below(ARRAY_SIZE(numbers))];
	case 1:
		return random_below(2 * image->size);
	default:
		return random_next() >> random_below(64);
	}
}

/* One to eight changes in the parts of the file that the reader looks at. */
static void damage(struct image *image, const struct part *parts, size_t n_parts)
{
	for (uint64_t n = 1 + random_below(8); n; n--) {
		const struct part *part = &parts[random_below(n_parts)];
		size_t width = (size_t)1 << random_below(4);
		uint64_t number = bad_number(image);
		size_t at = part->from + random_below(part->size);

		if (random_below(3) == 0) {
			image->bytes[at] ^= (uint8_t)(1u << random_below(8));
			continue;
		}
		at -= at % width;
		memcpy(image->bytes + at, &number, width);
	}
}

static void survives_damage(void **state)
{
	const char *path = build("base.so", "full", *state);
	struct image full;
	uint32_t good = 0;

	image_read(path, &full);
	Elf64_Ehdr *header = (Elf64_Ehdr *)full.bytes;
	const struct part parts[] = {
		{ 0, sizeof(*header) + header->e_phnum * sizeof(Elf64_Phdr) },
		part_of(&full, PT_LOAD), /* the first: symbols, relocations */
		part_of(&full, PT_DYNAMIC), part_of(&full, PT_GNU_RELRO),
		part_of(&full, PT_GNU_RELRO), { 0, full.size },
	};

	assert_int_equal(read_one(&full, full.size), 1);
	random_state = 88172645463325252;
	half_read = 0;
	alarm(TIME_ALL);
	for (uint32_t i = 0; i < N_FILES / 2; i++) {
		struct image copy = image_copy(&full);

		damage(&copy, parts, ARRAY_SIZE(parts));
		good += read_one(&copy, copy.size);
		free(copy.bytes);
	}
	alarm(0);
	free(full.bytes);
	/* were all refused, or none, the changes would not be where the reader looks */
	print_message("%u of %u damaged files were still modules, %u could be shown\n", good,
		      N_FILES / 2, half_read);
	assert_in_range(good, N_FILES / 100, N_FILES * 2 / 5);
	assert_in_range(half_read, N_FILES / 100, N_FILES / 2);
	assert_true(shown_bytes > 0);
}

static void survives_truncation(void **state)
{
	struct image full;
	uint32_t good = 0, n = 0;
	(void)state;

	image_read(build("base.so", "full", "-s"), &full);
	alarm(TIME_ALL);
	for (size_t size = 0; size < full.size; size += size < 4096 ? 7 : 61, n++)
		good += read_one(&full, size);
	alarm(0);
	print_message("%u of %u truncated files were still modules\n", good, n);
	/* all that is behind the last segment is not needed */
	assert_true(good < n / 4);
	free(full.bytes);
}

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	return work_make(tmp ? tmp : "/tmp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(survives_damage, "-Wl,-z,nopack-relative-relocs"),
		cmocka_unit_test_prestate(survives_damage, "-Wl,-z,pack-relative-relocs "
					  "-Wl,--hash-style=sysv"),
		cmocka_unit_test(survives_truncation),
	};

	return cmocka_run_group_tests_name("descriptor_damage", tests, setup, work_remove);
}
