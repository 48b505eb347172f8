/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds a struct ecap_desc from a module file. The descriptor is data, but its pointers are
 * made by the dynamic linker, so they are followed through the relocations. Counts are bounded
 * before they are used; sizes may be those of a later minor. What cannot be read is left empty,
 * so that the rest can be shown.
 */
#include "descriptor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "descriptor_copy.h"
#include "descriptor_read.h"
#include "err.h"
#include "util.h"

#define MAX_SERVICES 64u
#define MAX_BPF      64u

/* Behind two integers a table of operations is pointers to its end, however long it becomes. */
#define OPS_FIRST offsetof(struct ecap_ops, init)
#define N_OPS     ((sizeof(struct ecap_ops) - OPS_FIRST) / sizeof(uint64_t))

static const uint16_t module_strings[] = {
	offsetof(struct ecap_module, name), offsetof(struct ecap_module, command),
	offsetof(struct ecap_module, aliases), offsetof(struct ecap_module, version),
	offsetof(struct ecap_module, summary), offsetof(struct ecap_module, description),
	offsetof(struct ecap_module, examples), offsetof(struct ecap_module, license),
	offsetof(struct ecap_module, author), offsetof(struct ecap_module, url),
	offsetof(struct ecap_module, targets), offsetof(struct ecap_module, named),
	offsetof(struct ecap_module, named_help),
	/* from here on: pointers to tables */
	offsetof(struct ecap_module, services), offsetof(struct ecap_module, ops),
	offsetof(struct ecap_module, options), offsetof(struct ecap_module, bpf),
	offsetof(struct ecap_module, named_options),
};
#define MODULE_N_STRINGS 13u

static const uint16_t option_strings[] = {
	offsetof(struct ecap_option, name), offsetof(struct ecap_option, alias),
	offsetof(struct ecap_option, metavar), offsetof(struct ecap_option, def),
	offsetof(struct ecap_option, choices), offsetof(struct ecap_option, group),
	offsetof(struct ecap_option, help), offsetof(struct ecap_option, doc),
};

static const uint16_t bpf_pointers[] = {
	offsetof(struct ecap_bpf, name), offsetof(struct ecap_bpf, data),
	offsetof(struct ecap_bpf, end),
};

static const uint16_t service_pointers[] = { 0 };

static const struct ecap_layout module_layout = {
	"descriptor", sizeof(struct ecap_module), ECAP_END(struct ecap_module, field_size),
	module_strings, ARRAY_SIZE(module_strings), 0,
};
static const struct ecap_layout option_layout = {
	"option row", sizeof(struct ecap_option), ECAP_END(struct ecap_option, reserved),
	option_strings, ARRAY_SIZE(option_strings), 0,
};
static const struct ecap_layout bpf_layout = {
	"BPF object row", sizeof(struct ecap_bpf), ECAP_END(struct ecap_bpf, reserved),
	bpf_pointers, ARRAY_SIZE(bpf_pointers), 0,
};
static const struct ecap_layout ops_layout = {
	"table of operations", sizeof(struct ecap_ops), ECAP_END(struct ecap_ops, decode),
	NULL, N_OPS, OPS_FIRST,
};
static const struct ecap_layout services_layout = {
	"service list", sizeof(char *), sizeof(char *),
	service_pointers, ARRAY_SIZE(service_pointers), 0,
};

static void desc_freep(struct ecap_desc **desc)
{
	ecap_desc_free(*desc);
}

void ecap_desc_free(struct ecap_desc *desc)
{
	if (!desc)
		return;
	ecap_copies_free(desc->memory);
	free(desc);
}

static uint64_t address(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

/*
 * Puts copies of strings into @row, where @raw, the row as the file has it, has their addresses.
 * Goes on past one that cannot be read, which stays NULL, and returns the first error.
 */
static int follow_strings(struct ecap_copies *copies, const void *raw, void *row,
			  const uint16_t *offsets, uint32_t n)
{
	char text[256] = "";
	int first = 0;

	for (uint32_t i = 0; i < n; i++) {
		const char **member = (const char **)((char *)row + offsets[i]);
		uint64_t addr;

		memcpy(&addr, (const char *)raw + offsets[i], sizeof(addr));
		*member = NULL;
		int err = addr ? ecap_copy_string(copies, addr, member) : 0;

		if (err && !first) {
			first = err;
			snprintf(text, sizeof(text), "%s", ecap_err_text());
		}
	}
	return first ? ecap_err(first, "%s", text) : 0;
}

/* The size of a struct that begins with it. */
static int struct_size(const struct ecap_module_elf *elf, uint64_t addr, uint32_t *size)
{
	const void *bytes = ecap_module_elf_at(elf, addr, sizeof(*size));

	if (!bytes)
		return -EINVAL;
	memcpy(size, bytes, sizeof(*size));
	return 0;
}

static int read_row(const struct ecap_module_elf *elf, const Elf64_Sym *symbol,
		    struct ecap_desc *desc)
{
	uint32_t size;
	void *row;

	if (struct_size(elf, symbol->st_value, &size))
		return ecap_err(-EINVAL, "damaged: no data for " ECAP_MODULE_SYMBOL);
	if (size > symbol->st_size)
		return ecap_err(-EINVAL, "its descriptor says it has %u bytes, but "
				ECAP_MODULE_SYMBOL " has %llu; define it with ECAP_MODULE", size,
				(unsigned long long)symbol->st_size);
	int err = ecap_copy_rows(desc->memory, &module_layout, symbol->st_value, 1, size, &row);

	if (err)
		return err;
	desc->row = row;
	desc->addr = symbol->st_value;
	desc->module = *desc->row;
	for (size_t i = 0; i < ARRAY_SIZE(module_strings); i++)
		memset((char *)&desc->module + module_strings[i], 0, sizeof(uint64_t));
	desc->module.n_options = desc->module.n_named_options = desc->module.n_bpf = 0;
	return 0;
}

int ecap_desc_new(const struct ecap_module_elf *elf, const Elf64_Sym *symbol,
		  struct ecap_desc **desc)
{
	_cleanup_(desc_freep) struct ecap_desc *made = calloc(1, sizeof(*made));
	struct ecap_copies *copies;

	if (!made)
		return ecap_err(-ENOMEM, "out of memory");
	int err = ecap_copies_new(elf, &copies);

	if (err)
		return err;
	made->memory = copies;
	err = read_row(elf, symbol, made);
	if (!err)
		*desc = TAKE_PTR(made);
	return err;
}

int ecap_desc_read_operations(const struct ecap_module_elf *elf, struct ecap_desc *desc)
{
	uint64_t addr = address(desc->row->ops);
	uint32_t size;
	void *row;

	if (!addr)
		return ecap_err(-EINVAL, "has no operations; set .ops in its descriptor");
	if (struct_size(elf, addr, &size))
		return ecap_err(-EINVAL, "damaged: its table of operations is outside of its data");
	int err = ecap_copy_rows(desc->memory, &ops_layout, addr, 1, size, &row);

	if (err)
		return err;
	const struct ecap_ops *ops = row;

	for (uint32_t i = 0; i < N_OPS; i++) {
		uint64_t target;

		memcpy(&target, (const char *)row + OPS_FIRST + i * sizeof(target), sizeof(target));
		if (!target)
			continue;
		if (target != ECAP_ADDR_FOREIGN && !ecap_module_elf_is_code(elf, target))
			return ecap_err(-EINVAL, "damaged: its operation %s is not code",
					ecap_desc_operation(i));
		desc->ops_set |= UINT64_C(1) << i;
	}
	if (ops->reserved)
		return ecap_err(-EINVAL, "reserved bytes of its table of operations are not "
				"zero; leave .reserved out");
	return 0;
}

/* Copies @n rows at @addr; of those that cannot be read whole, the rest is there all the same. */
static int read_rows(struct ecap_desc *desc, uint64_t addr, uint32_t n,
		     const struct ecap_option **options)
{
	void *rows, *own;

	if (n > ECAP_MAX_OPTIONS)
		return ecap_err(-EINVAL, "has %u options, more than %u; count them with ECAP_COUNT",
				n, ECAP_MAX_OPTIONS);
	if (!n)
		return 0;
	int err = ecap_copy_rows(desc->memory, &option_layout, addr, n, desc->row->option_size,
				 &rows);

	if (!err)
		err = ecap_copies_room(desc->memory, n * sizeof(struct ecap_option), &own);
	if (err)
		return err;
	struct ecap_option *copies = own;

	memcpy(copies, rows, n * sizeof(*copies));
	for (uint32_t i = 0; i < n; i++) {
		int failed = follow_strings(desc->memory, (const struct ecap_option *)rows + i,
					    &copies[i], option_strings,
					    ARRAY_SIZE(option_strings));

		if (failed && !err)
			err = ecap_err_context(failed, "option %u", i + 1);
	}
	*options = copies;
	return err;
}

int ecap_desc_read_options(struct ecap_desc *desc)
{
	const struct ecap_module *row = desc->row;
	struct ecap_module *module = &desc->module;
	int err = read_rows(desc, address(row->options), row->n_options, &module->options);

	module->n_options = module->options ? row->n_options : 0;
	if (err)
		return err;
	err = read_rows(desc, address(row->named_options), row->n_named_options,
			&module->named_options);
	module->n_named_options = module->named_options ? row->n_named_options : 0;
	return err ? ecap_err_context(err, "named sections") : 0;
}

/* The length of a NULL-ended list is known when its end is found, row by row. */
static int read_services(struct ecap_desc *desc)
{
	uint64_t addr = address(desc->row->services);
	void *row, *room;

	if (!addr)
		return 0;
	int err = ecap_copies_room(desc->memory, (MAX_SERVICES + 1) * sizeof(char *), &room);

	if (err)
		return err;
	const char **list = room;

	desc->module.services = list;
	for (uint32_t n = 0;; n++) {
		const char *id;

		err = ecap_copy_rows(desc->memory, &services_layout, addr + n * sizeof(char *), 1,
				     sizeof(char *), &row);
		if (err)
			return err;
		memcpy(&id, row, sizeof(id));
		if (!id)
			return 0;
		if (n == MAX_SERVICES)
			return ecap_err(-EINVAL, "needs more than %u services; end the list with "
					"NULL", MAX_SERVICES);
		err = ecap_copy_string(desc->memory, address(id), &list[n]);
		if (err)
			return err;
		desc->n_services++;
	}
}

int ecap_desc_read_words(struct ecap_desc *desc)
{
	int err = follow_strings(desc->memory, desc->row, &desc->module, module_strings,
				 MODULE_N_STRINGS);

	return err ? err : read_services(desc);
}

/* What libbpf wants of an object: elf(5), and EM_BPF of include/uapi/linux/elf-em.h. */
static int check_bpf_object(const void *bytes, uint64_t size)
{
	Elf64_Ehdr header;

	if (!bytes || size < sizeof(header))
		return -EINVAL;
	memcpy(&header, bytes, sizeof(header));
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) || header.e_ident[EI_CLASS] != ELFCLASS64 ||
	    header.e_machine != EM_BPF || header.e_type != ET_REL)
		return -EINVAL;
	return 0;
}

static int read_bpf_row(const struct ecap_module_elf *elf, struct ecap_copies *copies,
			const struct ecap_bpf *row, struct ecap_desc_bpf *bpf)
{
	uint64_t data = address(row->data), end = address(row->end);

	bpf->features = row->features;
	bpf->variant = row->variant;
	if (!row->name)
		return ecap_err(-EINVAL, "has no name; set .name");
	int err = ecap_copy_string(copies, address(row->name), &bpf->name);

	if (err)
		return err;
	if (end < data || check_bpf_object(ecap_module_elf_at(elf, data, end - data), end - data))
		return ecap_err(-EINVAL, "is not a BPF object in the module's data; "
				"embed the .bpf.o with ECAP_BPF_OBJECT");
	bpf->offset = ecap_module_elf_offset(elf, data);
	bpf->size = end - data;
	if (row->reserved)
		return ecap_err(-EINVAL, "its reserved bytes are not zero; leave .reserved out");
	if (row->variant != ECAP_BTF_CORE && row->variant != ECAP_BTF_NONCORE)
		return ecap_err(-EINVAL, "variant %u is neither ECAP_BTF_CORE nor ECAP_BTF_NONCORE",
				row->variant);
	return 0;
}

int ecap_desc_read_bpf(const struct ecap_module_elf *elf, struct ecap_desc *desc)
{
	uint32_t n = desc->row->n_bpf;
	void *rows, *room;

	if (!n || n > MAX_BPF)
		return ecap_err(-EINVAL, "has %u BPF objects, expected are 1 to %u; list them in "
				".bpf of its descriptor", n, MAX_BPF);
	int err = ecap_copy_rows(desc->memory, &bpf_layout, address(desc->row->bpf), n,
				 desc->row->bpf_size, &rows);

	if (!err)
		err = ecap_copies_room(desc->memory, n * sizeof(*desc->bpf), &room);
	if (err)
		return err;
	desc->bpf = room;
	desc->module.n_bpf = n;
	for (uint32_t i = 0; i < n; i++) {
		int failed = read_bpf_row(elf, desc->memory, (const struct ecap_bpf *)rows + i,
					  &desc->bpf[i]);

		if (failed && !err)
			err = ecap_err_context(failed, "BPF object %u", i + 1);
	}
	return err;
}

int ecap_desc_check_texts(const struct ecap_desc *desc)
{
	return ecap_copies_check_texts(desc->memory);
}

int ecap_desc_check_later(const struct ecap_desc *desc)
{
	return ecap_copies_check_later(desc->memory);
}

void ecap_desc_end(struct ecap_desc *desc)
{
	ecap_copies_detach(desc->memory);
}
