/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arm64 functions whose shape is known, for elf_arm64_test.c: probe sites, how arguments travel,
 * ways of a constant to a call, and getters. Assembled as shared libraries and as a program.
 */
	.arch armv8.3-a+lse
	.text

#define VISIBILITY .hidden
#include "functions.inc"

/* The instruction that completes the address of known_text is at the place NAME_takes. */
	.macro mark name
	.globl \name\()_takes
	.hidden \name\()_takes
\name\()_takes:
	.endm

	.macro takes name, reg
	adrp \reg, known_text
	mark \name
	add \reg, \reg, :lo12:known_text
	.endm

/* --- probe sites ------------------------------------------------------------------------ */

function test_first
	cbz x0, 1f
	mov w0, #1
1:	ret
end test_first

function behind_landing
	bti c
	tbnz w1, #3, 1f
	mov w0, #1
1:	ret
end behind_landing

function jump_behind_copy
	mov x4, x3
	mov w3, #0
	b test_first
end jump_behind_copy

function page_first
	adrp x8, known_text
	ret
end page_first

function stack_moves_first
	sub sp, sp, #16
	cbz x0, 1f
1:	add sp, sp, #16
	ret
end stack_moves_first

function signs_first
	paciasp
	cbz x0, 1f
1:	autiasp
	ret
end signs_first

function keeps_return
	mov x9, x30
	bl test_first
	mov x30, x9
	ret
end keeps_return

function literal_first
	ldr x8, a_number
	b.eq 1f
	add x0, x0, x8
1:	ret
a_number:
	.quad 0
end literal_first

function nop_first
	nop
	stp x29, x30, [sp, #-16]!
	ldp x29, x30, [sp], #16
	ret
end nop_first

function argument_in_x9
	mov x9, x0
	mov x0, xzr
	cbz x1, 1f
1:	ret
end argument_in_x9

function argument_lost
	mov x0, #1
	cbz x1, 1f
1:	ret
end argument_lost

function branch_into_loop
	mov w8, #100
2:	cbz x0, 1f
	sub w8, w8, #1
	cbnz w8, 2b
1:	ret
end branch_into_loop

function too_far
	.rept 7
	ldr x8, [x0, #256]
	.endr
	cbz x8, 1f
1:	ret
end too_far

/* --- arguments -------------------------------------------------------------------------- */

function reads_four
	ldr x8, [x3]
	ldr x8, [x0]
	ldr x8, [x1], #8
	add x8, x8, x2
	ret
end reads_four

function reads_three
	mov x3, #0
	b reads_four
end reads_three

function compares_second
	cmp x1, #4
	cset w0, eq
	ret
end compares_second

function stores_third
	str w2, [sp, #-16]!
	add sp, sp, #16
	ret
end stores_third

function overwrites_all
	mov x0, xzr
	adr x1, known_text
	movz w2, #7
	cset x3, eq
	ldp x4, x5, [sp]
	add x0, x0, x1
	madd x2, x2, x3, x4
	str x5, [x0]
	ret
end overwrites_all

function adds_in_memory
	ldadd w1, w2, [x0]
	add w0, w2, w3
	ret
end adds_in_memory

function converts
	scvtf d0, w1
	fcvtzs x2, d0
	dup v1.2d, x3
	umov w4, v1.s[0]
	add x4, x4, x2
	ret
end converts

function reads_after_branch
	cbz x0, 1f
	mov x3, xzr
1:	mov x0, x3
	ret
end reads_after_branch

function passes_on
	stp x29, x30, [sp, #-16]!
	bl reads_four
	ldp x29, x30, [sp], #16
	ret
end passes_on

function passes_by_pointer
	adrp x16, a_pointer
	ldr x16, [x16, :lo12:a_pointer]
	br x16
end passes_by_pointer

function passes_to_other_file
	stp x29, x30, [sp, #-16]!
	bl elsewhere
	ldp x29, x30, [sp], #16
	ret
end passes_to_other_file

function forwards_widened
	sub sp, sp, #32
	stp x29, x30, [sp, #16]
	tbnz w2, #31, 1f
	sxtw x2, w2
	mov x3, sp
	bl reads_four
2:	ldp x29, x30, [sp, #16]
	add sp, sp, #32
	ret
1:	bl test_first
	b 2b
end forwards_widened

function forwards_saved
	stp x29, x30, [sp, #-48]!
	stp x19, x20, [sp, #16]
	str x21, [sp, #32]
	mov x19, x0
	mov x20, x1
	mov x21, x2
	bl test_first
	mov x2, x21
	mov x1, x20
	mov x0, x19
	ldp x19, x20, [sp, #16]
	ldr x21, [sp, #32]
	ldp x29, x30, [sp], #48
	b reads_four
end forwards_saved

function forwards_changed
	add x2, x2, #1
	b reads_four
end forwards_changed

function forwards_twice
	cbz x0, reads_four
	b reads_three
end forwards_twice

function gives_constants
	cbz x0, 1f
	ret
1:	mov w0, #16
	mov w1, wzr
	movz x2, #0x1234
	movk x2, #0x5678, lsl #16
	adrp x3, reads_four
	.globl gives_constants_here
	.hidden gives_constants_here
gives_constants_here:
	add x3, x3, :lo12:reads_four
	ldr x5, [x0]
	mov w4, #-1
	b 2f
	brk #0
2:	bl test_first
	ret
end gives_constants

function gives_one
	mov w2, #66
	bl test_first
	.globl gives_one_here
	.hidden gives_one_here
gives_one_here:
	mov w0, #16
	blr x8
	ret
end gives_one

/* --- ways of a constant ----------------------------------------------------------------- */

function sink
	ret
end sink

function other
	ret
end other

function at_once
	takes at_once, x1
	bl sink
	ret
end at_once

function several_arguments
	takes several_arguments, x0
	mov x3, x0
	bl sink
	ret
end several_arguments

function by_branch
	cbz w0, 1f
	takes by_branch, x19
	b 2f
1:	adr x19, other_text
2:	bl other
	mov x1, x19
	bl sink
	ret
end by_branch

function by_select
	takes by_select, x8
	adr x1, other_text
	cmp w0, #0
	csel x1, x1, x8, eq
	bl sink
	ret
end by_select

function on_the_stack
	sub sp, sp, #32
	takes on_the_stack, x8
	stp x0, x8, [sp, #8]
	bl other
	str x19, [sp, #-16]!
	ldr x2, [sp, #32]
	bl sink
	ldr x19, [sp], #16
	add sp, sp, #32
	ret
end on_the_stack

function in_a_frame
	stp x29, x30, [sp, #-48]!
	mov x29, sp
	takes in_a_frame, x8
	str x8, [x29, #24]
	sub sp, sp, #64
	bl other
	ldp x3, x4, [x29, #16]
	bl sink
	mov sp, x29
	ldp x29, x30, [sp], #48
	ret
end in_a_frame

function pushed
	takes pushed, x8
	str x8, [sp, #-16]!
	bl other
	ldr x1, [sp], #16
	bl sink
	ret
end pushed

function by_jump
	takes by_jump, x1
	b sink
end by_jump

function two_calls
	takes two_calls, x19
1:	mov x1, x19
	bl sink
	cbnz w0, 1b
	mov x0, x19
	bl other
	ret
end two_calls

/* the page is kept over a call, and its register is another's at the code just before */
function far_away
	stp x19, x30, [sp, #-16]!
	adrp x19, known_text
	bl other
	cbz w0, 1f
	ldp x19, x30, [sp], #16
	ret
1:	mark far_away
	add x1, x19, :lo12:known_text
	bl sink
	ldp x19, x30, [sp], #16
	ret
end far_away

/* two steps from the page: an anchor first, as GCC does */
function added_twice
	adrp x8, anchor
	add x8, x8, :lo12:anchor
	mark added_twice
	add x1, x8, #(known_text - anchor)
	bl sink
	ret
end added_twice

function by_adr
	mark by_adr
	adr x1, known_text
	bl sink
	ret
end by_adr

/* where the linker keeps the address */
function by_table
	adrp x1, address_of_text
	mark by_table
	ldr x1, [x1, :lo12:address_of_text]
	bl sink
	ret
end by_table

function overwritten
	takes overwritten, x1
	mov x1, xzr
	bl sink
	ret
end overwritten

function lost_in_a_call
	takes lost_in_a_call, x1
	blr x8
	bl sink
	ret
end lost_in_a_call

function overwritten_on_the_stack
	sub sp, sp, #32
	takes overwritten_on_the_stack, x8
	str x8, [sp, #16]
	stp x0, xzr, [sp, #8]
	ldr x1, [sp, #16]
	bl sink
	add sp, sp, #32
	ret
end overwritten_on_the_stack

function changed
	takes changed, x1
	add x1, x1, #1
	bl sink
	ret
end changed

/* what adds to another page, or to no page, takes another address */
function not_the_text
	adrp x1, known_text
	mov x1, x0
	add x1, x1, :lo12:known_text
	bl sink
	ret
end not_the_text

#ifdef PROGRAM
function by_literal
	mark by_literal
	ldr x1, 1f
	bl sink
	ret
1:	.quad known_text
end by_literal

	.globl _start
_start:	brk #0

function elsewhere
	ret
end elsewhere
#endif

#include "arm64_getters.inc"

/* --- data ------------------------------------------------------------------------------- */

	.section .rodata
	.p2align 12
	.zero 0xff0
anchor: /* the text is on the page behind it */
	.zero 0x40
	.globl known_text
	.hidden known_text
known_text:
	.asciz "a text to be found"
	.size known_text, . - known_text
other_text:
	.asciz "another"

	.data
	.p2align 3
	.globl pointers
	.type pointers, @object
pointers:
	.quad local_function       /* relative */
	.quad visible              /* by symbol, in a shared library */
	.quad 0x1234567890abcdef   /* no pointer */
	.quad local_function + 4
#ifndef PROGRAM
	.quad elsewhere            /* in another file */
#endif
	.size pointers, . - pointers
address_of_text:
	.quad known_text
a_pointer:
	.quad 0

	.text
	.p2align 4
	.globl visible
	.type visible, @function
visible:
	.cfi_startproc
	ret
	.cfi_endproc
	.size visible, . - visible
	.type local_function, @function
local_function:
	.cfi_startproc
	nop
	ret
	.cfi_endproc
	.size local_function, . - local_function

	.section .note.GNU-stack, "", @progbits
