/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds a struct ecap_desc from a module file. The descriptor is data, but its pointers are
 * made by the dynamic linker, so they are followed through the relocations. Counts are bounded
 * before they are used; sizes may be those of a later minor.
 */
#include "descriptor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "descriptor_check.h"
#include "descriptor_copy.h"
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
	offsetof(struct ecap_module, targets),
	/* from here on: pointers to tables */
	offsetof(struct ecap_module, services), offsetof(struct ecap_module, ops),
	offsetof(struct ecap_module, options), offsetof(struct ecap_module, bpf),
};
#define MODULE_N_STRINGS 11u

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

static void elf_freep(struct ecap_module_elf **elf)
{
	ecap_module_elf_free(*elf);
}

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

/* Replaces the addresses at some offsets of a row by copies of the strings that are there. */
static int follow_strings(struct ecap_copies *copies, void *row, const uint16_t *offsets,
			  uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const char **member = (const char **)((char *)row + offsets[i]);

		if (!*member)
			continue;
		int err = ecap_copy_string(copies, address(*member), member);

		if (err)
			return err;
	}
	return 0;
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

static int read_module(const struct ecap_module_elf *elf, struct ecap_desc *desc)
{
	Elf64_Sym symbol;
	uint32_t size;
	void *row;
	int err = ecap_module_elf_find(elf, &symbol);

	if (err)
		return err;
	if (struct_size(elf, symbol.st_value, &size))
		return ecap_err(-EINVAL, "damaged: no data for " ECAP_MODULE_SYMBOL);
	if (size > symbol.st_size)
		return ecap_err(-EINVAL, "its descriptor says it has %u bytes, but "
				ECAP_MODULE_SYMBOL " has %llu; define it with ECAP_MODULE", size,
				(unsigned long long)symbol.st_size);
	/* name and versions first: a module of a later minor is to be told so, not "not zero" */
	uint32_t known = size < sizeof(desc->module) ? size : sizeof(desc->module);

	err = ecap_copy_rows(desc->memory, &module_layout, symbol.st_value, 1, known, &row);
	if (err)
		return err;
	memcpy(&desc->module, row, sizeof(desc->module));
	desc->addr = symbol.st_value;
	err = follow_strings(desc->memory, &desc->module, module_strings, MODULE_N_STRINGS);
	if (!err)
		err = ecap_desc_check_abi(&desc->module);
	if (!err && size > known)
		err = ecap_copy_rows(desc->memory, &module_layout, symbol.st_value, 1, size, &row);
	return err;
}

static int read_ops(const struct ecap_module_elf *elf, struct ecap_desc *desc)
{
	uint64_t addr = address(desc->module.ops);
	uint32_t size;
	void *row;

	desc->module.ops = NULL;
	if (!addr)
		return ecap_err(-EINVAL, "has no operations; set .ops in its descriptor");
	if (struct_size(elf, addr, &size))
		return ecap_err(-EINVAL, "damaged: its table of operations is outside of its data");
	int err = ecap_copy_rows(desc->memory, &ops_layout, addr, 1, size, &row);

	if (err)
		return err;
	const struct ecap_ops *ops = row;

	if (ops->reserved)
		return ecap_err(-EINVAL, "reserved bytes of its table of operations are not "
				"zero; leave .reserved out");
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
	return 0;
}

static int read_options(struct ecap_desc *desc)
{
	struct ecap_module *module = &desc->module;
	uint64_t addr = address(module->options);
	void *rows, *own;

	module->options = NULL;
	if (module->n_options > ECAP_MAX_OPTIONS)
		return ecap_err(-EINVAL, "has %u options, more than %u; count them with ECAP_COUNT",
				module->n_options, ECAP_MAX_OPTIONS);
	if (!module->n_options)
		return 0;
	int err = ecap_copy_rows(desc->memory, &option_layout, addr, module->n_options,
				 module->option_size, &rows);

	if (!err)
		err = ecap_copies_room(desc->memory, module->n_options * sizeof(struct ecap_option),
				       &own);
	if (err)
		return err;
	struct ecap_option *options = own;

	memcpy(options, rows, module->n_options * sizeof(*options));
	for (uint32_t i = 0; i < module->n_options; i++) {
		err = follow_strings(desc->memory, &options[i], option_strings,
				     ARRAY_SIZE(option_strings));
		if (err)
			return ecap_err_context(err, "option %u", i + 1);
	}
	module->options = options;
	return 0;
}

/* The length of a NULL-ended list is known when its end is found, row by row. */
static int read_services(struct ecap_desc *desc)
{
	uint64_t addr = address(desc->module.services);
	void *row, *room;
	uint32_t n = 0;

	desc->module.services = NULL;
	if (!addr)
		return 0;
	int err = ecap_copies_room(desc->memory, (MAX_SERVICES + 1) * sizeof(char *), &room);

	if (err)
		return err;
	const char **list = room;

	for (;; n++) {
		err = ecap_copy_rows(desc->memory, &services_layout, addr + n * sizeof(char *), 1,
				     sizeof(char *), &row);
		if (err)
			return err;
		memcpy(&list[n], row, sizeof(char *));
		if (!list[n])
			break;
		if (n == MAX_SERVICES)
			return ecap_err(-EINVAL, "needs more than %u services; end the list with "
					"NULL", MAX_SERVICES);
		err = ecap_copy_string(desc->memory, address(list[n]), &list[n]);
		if (err)
			return err;
	}
	desc->module.services = list;
	desc->n_services = n;
	return 0;
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

	if (!row->name)
		return ecap_err(-EINVAL, "has no name; set .name");
	int err = ecap_copy_string(copies, address(row->name), &bpf->name);

	if (err)
		return err;
	if (row->reserved)
		return ecap_err(-EINVAL, "its reserved bytes are not zero; leave .reserved out");
	if (row->variant != ECAP_BTF_CORE && row->variant != ECAP_BTF_NONCORE)
		return ecap_err(-EINVAL, "variant %u is neither ECAP_BTF_CORE nor ECAP_BTF_NONCORE",
				row->variant);
	if (end < data || check_bpf_object(ecap_module_elf_at(elf, data, end - data), end - data))
		return ecap_err(-EINVAL, "is not a BPF object in the module's data; "
				"embed the .bpf.o with ECAP_BPF_OBJECT");
	bpf->offset = ecap_module_elf_offset(elf, data);
	bpf->size = end - data;
	bpf->features = row->features;
	bpf->variant = row->variant;
	return 0;
}

static int read_bpf(const struct ecap_module_elf *elf, struct ecap_desc *desc)
{
	uint64_t addr = address(desc->module.bpf);
	uint32_t n = desc->module.n_bpf;
	void *rows, *room;

	desc->module.bpf = NULL;
	if (!n || n > MAX_BPF)
		return ecap_err(-EINVAL, "has %u BPF objects, expected are 1 to %u; list them in "
				".bpf of its descriptor", n, MAX_BPF);
	int err = ecap_copy_rows(desc->memory, &bpf_layout, addr, n, desc->module.bpf_size, &rows);

	if (!err)
		err = ecap_copies_room(desc->memory, n * sizeof(*desc->bpf), &room);
	if (err)
		return err;
	desc->bpf = room;
	for (uint32_t i = 0; i < n; i++) {
		err = read_bpf_row(elf, desc->memory, (const struct ecap_bpf *)rows + i,
				   &desc->bpf[i]);
		if (err)
			return ecap_err_context(err, "BPF object %u", i + 1);
	}
	return 0;
}

static int read_desc(int fd, struct ecap_desc *desc)
{
	_cleanup_(elf_freep) struct ecap_module_elf *elf = NULL;
	struct ecap_copies *copies = NULL;
	int err = ecap_module_elf_read(fd, &elf);

	if (!err)
		err = ecap_copies_new(elf, &copies);
	if (err)
		return err;
	desc->memory = copies;
	err = read_module(elf, desc);
	if (!err)
		err = read_ops(elf, desc);
	if (!err)
		err = read_options(desc);
	if (!err)
		err = ecap_desc_check(desc);
	if (!err)
		err = read_services(desc);
	if (!err)
		err = read_bpf(elf, desc);
	ecap_copies_detach(copies);
	return err;
}

int ecap_desc_read(int fd, const char *path, struct ecap_desc **desc)
{
	_cleanup_(desc_freep) struct ecap_desc *made = calloc(1, sizeof(*made));

	if (!made)
		return ecap_err(-ENOMEM, "%s: out of memory", path);
	int err = read_desc(fd, made);

	if (err)
		return ecap_err(err, "%s: %s", path, ecap_err_text());
	*desc = TAKE_PTR(made);
	return 0;
}
