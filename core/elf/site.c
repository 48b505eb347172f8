/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chooses where in a function a probe costs least: the first instruction that the kernel
 * emulates, as long as the way there is straight, rsp still points at the return address (so
 * that a return probe can be placed too) and the arguments are in registers that we can name.
 */
#include "insn.h"

#include "../err.h"

#define MAX_DISTANCE 24     /* bytes from the start of the function */
#define MAX_BODY     0x10000 /* bytes of a function searched for loops */

/* Where argument @arg is: its own register if it is still there, else the first other one. */
static unsigned int arg_register(uint64_t args, unsigned int arg)
{
	if (elf_args_get(args, arg) == arg)
		return arg;
	for (unsigned int reg = 0; reg < ELF_N_SCRATCH; reg++)
		if (elf_args_get(args, reg) == arg)
			return reg;
	return ECAP_REG_NONE;
}

static bool has_args(uint64_t args, uint32_t n_args)
{
	for (uint32_t i = 0; i < n_args; i++)
		if (arg_register(args, i) == ECAP_REG_NONE)
			return false;
	return true;
}

/* True when a branch inside the function leads back to behind its start, but not past @addr. */
static bool is_in_loop(struct ecap_elf_file *file, uint64_t addr, uint64_t start, uint64_t end)
{
	if (end - start > MAX_BODY)
		end = start + MAX_BODY;
	for (uint64_t at = addr; at < end;) {
		const cs_insn *insn = elf_insn_at(file, at);
		uint64_t target = 0;

		if (!insn) { /* padding or a jump table: the next one that decodes goes on */
			at++;
			continue;
		}
		at += insn->size;

		enum elf_branch branch = elf_insn_branch(insn, &target);

		if ((branch == ELF_BRANCH_JUMP || branch == ELF_BRANCH_COND) && target > start &&
		    target <= addr)
			return true;
	}
	return false;
}

static void fill_site(const cs_insn *insn, uint64_t args, struct ecap_site *site)
{
	site->addr = insn->address;
	site->emulated = elf_insn_is_emulated(insn);
	for (unsigned int i = 0; i < ELF_N_ARGS; i++)
		site->arg[i] = (uint8_t)arg_register(args, i);
	snprintf(site->insn, sizeof(site->insn), "%.15s%s%.38s", insn->mnemonic,
		 insn->op_str[0] ? " " : "", insn->op_str);
}

/* Fills @site with the first place that fits; leaves it alone when none does. */
static void look_ahead(struct ecap_elf_file *file, uint64_t addr, uint32_t n_args,
		       struct ecap_site *site)
{
	uint64_t start = addr, end = addr, args = ELF_ARGS_AT_CALL;

	/* Without bounds a loop back to the site cannot be ruled out beyond these bytes. */
	if (elf_function_bounds(file, addr, &start, &end) != 0 || start != addr)
		end = addr + MAX_DISTANCE;
	for (uint64_t at = addr; at < end && at - addr <= MAX_DISTANCE;) {
		const cs_insn *insn = elf_insn_at(file, at);
		uint32_t reads, writes;
		uint64_t target;

		if (!insn)
			return;
		if (elf_insn_is_emulated(insn) && has_args(args, n_args)) {
			struct ecap_site found = { 0 };

			fill_site(insn, args, &found);
			if (!is_in_loop(file, at, addr, end)) {
				*site = found;
				return;
			}
			insn = elf_insn_at(file, at);
			if (!insn)
				return;
		}
		elf_insn_access(file, insn, &reads, &writes);
		if ((writes & (1u << ELF_REG_RSP)) || elf_insn_branch(insn, &target))
			return;
		args = elf_insn_flow(file, insn, args);
		at += insn->size;
	}
}

int elf_site_choose(struct ecap_elf_file *file, uint64_t addr, uint32_t n_args,
		    struct ecap_site *site)
{
	if (n_args > ELF_N_ARGS)
		return ecap_err(-EINVAL, "a site for %u arguments: at most %u are in registers",
				n_args, ELF_N_ARGS);

	struct ecap_site found = { 0 };
	const cs_insn *insn = elf_insn_at(file, addr);

	if (!insn)
		return ecap_err(-ENOENT, "no x86-64 instruction at %#llx",
				(unsigned long long)addr);
	fill_site(insn, ELF_ARGS_AT_CALL, &found);
	look_ahead(file, addr, n_args, &found);

	int err = elf_file_offset(file, found.addr, &found.offset);

	if (err)
		return err;
	*site = found;
	return 0;
}
