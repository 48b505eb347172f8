/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ecap.elf/1: looks into ELF files (64-bit, of x86-64 and arm64) that a module wants to probe:
 * symbols, data behind relocations, code references, and where in a function a probe is cheapest.
 * All [any thread], one thread a file. Addresses are the file's own virtual addresses; every
 * function that fails returns a negative errno and leaves its results alone. The caller sets
 * struct_size before it hands a struct in.
 */
#ifndef ECAPTURE_SERVICE_ELF_H
#define ECAPTURE_SERVICE_ELF_H

#include <ecapture/host.h>

/* For .services of the descriptor. */
#define ECAP_ELF_SERVICE "ecap.elf/1"

/* An open file. Not to be used by two threads at the same time. */
struct ecap_elf_file;

/* Machines: e_machine of elf(5). */
#define ECAP_ELF_X86_64  62u  /* EM_X86_64 */
#define ECAP_ELF_AARCH64 183u /* EM_AARCH64 */

/* [grows: struct_size] What a file is. */
struct ecap_elf_info {
	uint32_t struct_size;
	uint16_t machine;      /* ECAP_ELF_* */
	uint16_t type;         /* ET_EXEC 2, ET_DYN 3 */
	uint32_t n_segments;   /* for segment() */
	uint32_t reserved;
	char build_id[48];     /* hex, NUL-ended; empty when there is none */
};

/* What a segment may be used for: p_flags of elf(5). */
#define ECAP_ELF_R (1u << 2)
#define ECAP_ELF_W (1u << 1)
#define ECAP_ELF_X (1u << 0)

/* [grows: struct_size] A PT_LOAD segment, the part that the file fills. */
struct ecap_elf_segment {
	uint32_t struct_size;
	uint32_t flags;              /* ECAP_ELF_R and so on */
	uint64_t addr, size, offset; /* bytes; offset is in the file */
};

/* Where a symbol was found, in the order in which it is looked for. */
#define ECAP_ELF_FROM_DYNSYM    1u
#define ECAP_ELF_FROM_SYMTAB    2u
#define ECAP_ELF_FROM_DEBUGFILE 3u /* a separate file, by build-id or .gnu_debuglink: gdb's manual */
#define ECAP_ELF_FROM_DEBUGDATA 4u /* .gnu_debugdata, "MiniDebugInfo" in gdb's manual */

/* [grows: struct_size] A function or object that the file defines. */
struct ecap_elf_symbol {
	uint32_t struct_size;
	uint32_t source;     /* ECAP_ELF_FROM_* */
	uint64_t addr, size; /* bytes */
};

/*
 * Registers. x86-64: those of integer arguments by position in the System V ABI, 0 rdi .. 5 r9,
 * then the rest. arm64: 0 x0 .. 30 x30, of which the first six are followed as arguments.
 */
#define ECAP_REG_NONE 255u
#define ECAP_REG_R10  6u
#define ECAP_REG_R11  7u
#define ECAP_REG_RAX  8u

/* What struct ecap_elf_value says. */
#define ECAP_ELF_UNKNOWN  0u
#define ECAP_ELF_CONSTANT 1u /* number */
#define ECAP_ELF_PATH     2u /* reached from an argument of the function */

/* How many times a path may lead through memory. */
#define ECAP_ELF_MAX_LOADS 3u

/*
 * [fixed] What a register holds. A path begins with argument @arg; offset[0] is added, and as
 * often as @n_loads says, a word is loaded from there and the next offset added to it.
 */
struct ecap_elf_value {
	uint8_t kind;      /* ECAP_ELF_UNKNOWN and so on */
	uint8_t arg;       /* position of the argument */
	uint8_t n_loads;   /* of a path: how many offsets follow the first */
	uint8_t width;     /* of the last load, bytes */
	int32_t offset[ECAP_ELF_MAX_LOADS + 1]; /* of a path, bytes */
	uint32_t reserved;
	uint64_t number;   /* of a constant */
};

/* What struct ecap_elf_use tells of. */
#define ECAP_ELF_USE_CALL   1u
#define ECAP_ELF_USE_JUMP   2u /* out of the function: a call at its end */
#define ECAP_ELF_USE_RETURN 3u
#define ECAP_ELF_USE_LOAD   4u /* reads memory: @result is what it reads */

/* [grows: struct_size] What registers hold where a function calls another, or returns. */
struct ecap_elf_use {
	uint32_t struct_size;
	uint32_t kind;         /* ECAP_ELF_USE_* */
	uint64_t addr, callee; /* of the instruction; 0: through a pointer, or a return */
	struct ecap_elf_value arg[6], result; /* by position; what is returned or read */
};

/*
 * [grows: struct_size] A place in a function where a probe sees the arguments and, with a return
 * probe at the same place, the return value: the return address is still where the call put it
 * (rsp points at it; on arm64 it is in x30, not yet signed), every call passes it, and the
 * arguments asked for are in the registers named.
 */
struct ecap_site {
	uint32_t struct_size;
	uint8_t emulated;  /* 1: the kernel emulates the instruction, 0: it single-steps a copy */
	uint8_t arg[6];    /* register of each argument: its position while unmoved, else ECAP_REG_* */
	uint8_t reserved[5];
	uint64_t addr, offset; /* virtual address; offset in the file, which uprobes want */
	char insn[56];     /* the instruction as text */
};

/* [grows: struct_size] What the argument registers hold at a call, as far as the code before it tells. */
struct ecap_elf_call {
	uint32_t struct_size;
	uint32_t known;        /* bit i: value[i] is a constant or an address that the code loads */
	uint64_t addr, callee; /* of the call or jump; 0: it goes through a pointer */
	uint64_t value[6];     /* by position of the argument; 32-bit values are zero-extended */
};

/* [grows: struct_size] The service. */
struct ecap_elf {
	uint32_t struct_size;
	uint32_t reserved;
	/* Maps the file. -ENOEXEC: not such an ELF file. The caller closes it. */
	int (*open)(const char *path, struct ecap_elf_file **file);
	/* Frees all that the file gave, but what the caller provided. */
	void (*close)(struct ecap_elf_file *file);
	/* Fills @info, as far as its struct_size goes. */
	int (*info)(struct ecap_elf_file *file, struct ecap_elf_info *info);
	/* The @index-th PT_LOAD segment. -ENOENT: there are fewer. */
	int (*segment)(struct ecap_elf_file *file, uint32_t index, struct ecap_elf_segment *segment);
	/*
	 * A defined function or object. -ENOENT: none of the tables of ECAP_ELF_FROM_* has it.
	 * What is not in the file itself is read when it is first needed.
	 */
	int (*symbol)(struct ecap_elf_file *file, const char *name, struct ecap_elf_symbol *symbol);
	/* Name of a symbol at exactly @addr, or NULL. Lives as long as the file is open. */
	const char *(*symbol_name)(struct ecap_elf_file *file, uint64_t addr);
	/* @len bytes at @addr as they are in the file, or NULL when they are not all there. */
	const void *(*data)(struct ecap_elf_file *file, uint64_t addr, uint64_t len);
	/* The pointer stored at @addr once the file is loaded at 0: relocation (RELA, RELR) or bytes. */
	int (*pointer)(struct ecap_elf_file *file, uint64_t addr, uint64_t *value);
	/* Offset in the file of @addr. */
	int (*offset)(struct ecap_elf_file *file, uint64_t addr, uint64_t *offset);
	/* Bounds of the function around @addr, by .eh_frame_hdr, else symbols and call targets. */
	int (*function)(struct ecap_elf_file *file, uint64_t addr, uint64_t *start, uint64_t *end);
	/* Calls @cb for each place of these bytes in read-only and writable data. @cb: not 0 ends it. */
	int (*find)(struct ecap_elf_file *file, const void *bytes, uint32_t len,
		    int (*cb)(void *arg, uint64_t addr), void *arg);
	/*
	 * Calls @cb for each instruction that takes one of the @n addresses: rip-relative lea, or
	 * an immediate in code that is not position independent; on arm64 adr, ldr of a literal,
	 * and what adds to or loads from the page of an adrp. -E2BIG: that is more than any
	 * compiler's code has. @cb: not 0 ends it.
	 */
	int (*refs)(struct ecap_elf_file *file, const uint64_t *targets, uint32_t n,
		    int (*cb)(void *arg, uint64_t insn, uint64_t target), void *arg);
	/*
	 * The best place for a probe in the function at @addr that needs its first @n_args
	 * arguments: the first instruction that the kernel emulates within the first bytes and that
	 * fits struct ecap_site, else the function's first instruction.
	 */
	int (*site)(struct ecap_elf_file *file, uint64_t addr, uint32_t n_args, struct ecap_site *site);
	/*
	 * 1 when the function reads its argument @index (0 is the first) before it overwrites it,
	 * or passes it on in its own register to a function that does, or by a jump to one that
	 * cannot be seen; 0 when not.
	 */
	int (*reads_arg)(struct ecap_elf_file *file, uint64_t addr, uint32_t index);
	/*
	 * The function to which the one at @addr passes its first three arguments unchanged by a
	 * direct call or jump, to a function that reads them. -ENOENT: none; -ENOTUNIQ: several.
	 */
	int (*forwards)(struct ecap_elf_file *file, uint64_t addr, uint64_t *callee);
	/*
	 * The call to which the code at @insn, an instruction inside a function, leads without a
	 * condition. -ENOENT: it leads to none within a few instructions.
	 */
	int (*call)(struct ecap_elf_file *file, uint64_t insn, struct ecap_elf_call *call);
	/*
	 * Follows the constant that the instruction at @insn takes (one that refs() gave) through
	 * registers, the stack and branches of its function, and calls @cb for each direct call, or
	 * jump out of the function, that has it as an argument: those are the known ones of @call.
	 * @cb: not 0 ends it. -ENOENT: no constant is taken there.
	 */
	int (*flow)(struct ecap_elf_file *file, uint64_t insn,
		    int (*cb)(void *arg, const struct ecap_elf_call *call), void *arg);
	/*
	 * Walks the function at @addr and calls @cb for each call, each jump out of it, each
	 * return and each word of memory that it reads, with what the registers hold there as far
	 * as it comes from the function's own arguments: how a getter finds a member. A call or
	 * jump that reads where it leads comes twice. @cb: not 0 ends it.
	 */
	int (*uses)(struct ecap_elf_file *file, uint64_t addr,
		    int (*cb)(void *arg, const struct ecap_elf_use *use), void *arg);
};

/* The service, or NULL when this host does not have it. */
static inline const struct ecap_elf *ecap_elf(const struct ecap_context *ctx)
{
	return (const struct ecap_elf *)ctx->host->service(ctx->self, ECAP_ELF_SERVICE);
}

#endif
