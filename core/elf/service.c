/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of ecap.elf/1. Structs that begin with their size are filled as far as the caller
 * knows them, so that modules built against an older header go on working.
 */
#include "file.h"

#include "../abi_copy.h"
#include "../err.h"
#include "../services.h"

static int service_info(struct ecap_elf_file *file, struct ecap_elf_info *info)
{
	struct ecap_elf_info made = {
		.machine = file->machine,
		.type = file->type,
		.n_segments = file->n_segments,
	};

	memcpy(made.build_id, file->build_id, sizeof(made.build_id));
	return ecap_abi_out(info, &made, sizeof(made), ECAP_END(struct ecap_elf_info, build_id));
}

static int service_segment(struct ecap_elf_file *file, uint32_t index,
			   struct ecap_elf_segment *segment)
{
	if (index >= file->n_segments)
		return ecap_err(-ENOENT, "segment %u of %u", index, file->n_segments);
	return ecap_abi_out(segment, &file->segments[index], sizeof(*segment),
			    ECAP_END(struct ecap_elf_segment, offset));
}

static int service_symbol(struct ecap_elf_file *file, const char *name,
			  struct ecap_elf_symbol *symbol)
{
	struct ecap_elf_symbol made;
	int err = elf_symbols_find(file, name, &made);

	return err ? err : ecap_abi_out(symbol, &made, sizeof(made),
					ECAP_END(struct ecap_elf_symbol, size));
}

static const void *service_data(struct ecap_elf_file *file, uint64_t addr, uint64_t len)
{
	return elf_file_data(file, addr, len);
}

static int service_offset(struct ecap_elf_file *file, uint64_t addr, uint64_t *offset)
{
	return elf_file_offset(file, addr, offset);
}

static int service_site(struct ecap_elf_file *file, uint64_t addr, uint32_t n_args,
			struct ecap_site *site)
{
	struct ecap_site made;
	int err = elf_site_choose(file, addr, n_args, &made);

	return err ? err : ecap_abi_out(site, &made, sizeof(made),
					ECAP_END(struct ecap_site, insn));
}

static int service_call(struct ecap_elf_file *file, uint64_t insn, struct ecap_elf_call *call)
{
	struct ecap_elf_call made;
	int err = elf_args_call(file, insn, &made);

	return err ? err : ecap_abi_out(call, &made, sizeof(made),
					ECAP_END(struct ecap_elf_call, value));
}

const struct ecap_elf ecap_elf_service = {
	.struct_size = sizeof(ecap_elf_service),
	.open = elf_file_open,
	.close = elf_file_close,
	.info = service_info,
	.segment = service_segment,
	.symbol = service_symbol,
	.symbol_name = elf_symbols_name,
	.data = service_data,
	.pointer = elf_reloc_pointer,
	.offset = service_offset,
	.function = elf_function_bounds,
	.find = elf_search_bytes,
	.refs = elf_search_refs,
	.site = service_site,
	.reads_arg = elf_args_reads,
	.forwards = elf_args_forwards,
	.call = service_call,
	.flow = elf_flow_calls,
	.uses = elf_origin_uses,
};
