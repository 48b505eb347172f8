/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts the BPF objects into the program. In a file of its own, which is built again when they
 * change: the assembler reads them, and no compiler knows.
 */
#include "packets/objects.h"

#define OBJECT(NAME, path)						\
	__asm__(".pushsection .rodata.bpf,\"a\"\n.balign 8\n"		\
		".globl " #NAME "\n.globl " #NAME "_end\n"		\
		".hidden " #NAME "\n.hidden " #NAME "_end\n"		\
		#NAME ":\n.incbin \"" path "\"\n" #NAME "_end:\n.byte 0\n.popsection\n")

OBJECT(ecap_packets_core, "packets.core.o");
OBJECT(ecap_packets_noncore, "packets.noncore.o");
