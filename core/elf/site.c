/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chooses where in a function a probe costs least: the first instruction that the kernel
 * emulates, as long as the way there is straight, the return address is still where the call put
 * it, on top of the stack or in the link register (so that a return probe can be placed too), and
 * the arguments are in registers that we can name.
 */
#include "insn.h"

#include "../err.h"

#define MAX_DISTANCE 24     /* bytes from the start of the function */
#define MAX_BODY     0x10000 /* bytes of a function searched for loops */

/* Where argument @arg is: its own register if it is still there, else the first other one. */
static unsigned int arg_register(const struct elf_arch *arch, const struct elf_state *args,
				 unsigned int arg)
{
	if (elf_args_get(args, arg) == arg)
		return arg;
	for (unsigned int reg = 0; reg < arch->n_named; reg++)
		if (elf_args_get(args, reg) == arg)
			return reg;
	return ECAP_REG_NONE;
}

static bool has_args(const struct elf_arch *arch, const struct elf_state *args, uint32_t n_args)
{
	for (uint32_t i = 0; i < n_args; i++)
		if (arg_register(arch, args, i) == ECAP_REG_NONE)
			return false;
	return true;
}

/* True when a branch inside the function leads back to behind its start, but not past @addr. */
static bool is_in_loop(struct ecap_elf_file *file, uint64_t addr, uint64_t start, uint64_t end)
{
	if (end - start > MAX_BODY)
		end = start + MAX_BODY;
	for (uint64_t at = addr; at < end;) {
		const struct elf_insn *insn = elf_insn_at(file, at);

		if (!insn) { /* padding or a jump table: the next one that decodes goes on */
			at += file->arch->align;
			continue;
		}
		at += insn->size;
		if ((insn->branch == ELF_BRANCH_JUMP || insn->branch == ELF_BRANCH_COND) &&
		    insn->target > start && insn->target <= addr)
			return true;
	}
	return false;
}

static void fill_site(struct ecap_elf_file *file, const struct elf_insn *insn,
		      const struct elf_state *args, struct ecap_site *site)
{
	site->addr = insn->addr;
	site->emulated = file->arch->is_emulated(file, insn);
	for (unsigned int i = 0; i < ELF_N_ARGS; i++)
		site->arg[i] = (uint8_t)arg_register(file->arch, args, i);
	elf_insn_text(file, insn, site->insn, sizeof(site->insn));
}

/* True when a return probe would come too late behind it: the return address is elsewhere too. */
static bool moves_return(struct ecap_elf_file *file, const struct elf_insn *insn)
{
	uint32_t reads, writes;

	elf_insn_access(file, insn, &reads, &writes);
	return (writes & (1u << file->arch->sp)) || ((reads | writes) & file->arch->link);
}

/* Fills @site with the first place that fits; leaves it alone when none does. */
static void look_ahead(struct ecap_elf_file *file, uint64_t addr, uint32_t n_args,
		       struct ecap_site *site)
{
	const struct elf_arch *arch = file->arch;
	uint64_t start = addr, end = addr;
	struct elf_state args = elf_args_at_call();

	/* Without bounds a loop back to the site cannot be ruled out beyond these bytes. */
	if (elf_function_bounds(file, addr, &start, &end) != 0 || start != addr)
		end = addr + MAX_DISTANCE;
	for (uint64_t at = addr; at < end && at - addr <= MAX_DISTANCE;) {
		const struct elf_insn *insn = elf_insn_at(file, at);

		if (!insn)
			return;
		if (arch->is_emulated(file, insn) && has_args(arch, &args, n_args)) {
			struct ecap_site found = { 0 };

			fill_site(file, insn, &args, &found);
			if (!is_in_loop(file, at, addr, end)) {
				*site = found;
				return;
			}
			insn = elf_insn_at(file, at);
			if (!insn)
				return;
		}
		if (insn->branch || moves_return(file, insn))
			return;
		args = elf_insn_flow(file, insn, &args);
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
	struct elf_state args = elf_args_at_call();
	const struct elf_insn *insn = elf_insn_at(file, addr);

	if (!insn)
		return ecap_err(-ENOENT, "no instruction at %#llx", (unsigned long long)addr);
	fill_site(file, insn, &args, &found);
	look_ahead(file, addr, n_args, &found);

	int err = elf_file_offset(file, found.addr, &found.offset);

	if (err)
		return err;
	*site = found;
	return 0;
}
