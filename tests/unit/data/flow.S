/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways of a constant to a call, and ways on which it is lost: for elf_flow_test.c. Each function
 * takes the address of known_text once, at the place NAME_takes.
 */
	.intel_syntax noprefix
	.text

#define VISIBILITY .hidden
#include "functions.inc"

	.macro takes name, reg
	.globl \name\()_takes
	.hidden \name\()_takes
\name\()_takes:
	lea \reg, [rip + known_text]
	.endm

function sink
	ret
end sink

function other
	ret
end other

function at_once
	takes at_once, rsi
	call sink
	ret
end at_once

function several_arguments
	takes several_arguments, rdi
	mov rcx, rdi
	call sink
	ret
end several_arguments

/* chosen by branch, kept over a call in a register that calls preserve */
function by_branch
	push rbx
	test edi, edi
	je 1f
	takes by_branch, rbx
	jmp 2f
1:	lea rbx, [rip + other_text]
2:	call other
	mov rsi, rbx
	call sink
	pop rbx
	ret
end by_branch

function by_cmov
	takes by_cmov, rax
	lea rsi, [rip + other_text]
	test edi, edi
	cmovne rsi, rax
	call sink
	ret
end by_cmov

function on_the_stack
	sub rsp, 24
	takes on_the_stack, rax
	mov [rsp + 8], rax
	call other
	push rbp
	mov rdx, [rsp + 16]
	call sink
	pop rbp
	add rsp, 24
	ret
end on_the_stack

function in_a_frame
	push rbp
	mov rbp, rsp
	sub rsp, 32
	takes in_a_frame, rax
	mov [rbp - 24], rax
	sub rsp, 64
	call other
	mov r8, [rbp - 24]
	call sink
	leave
	ret
end in_a_frame

function pushed
	takes pushed, rax
	push rax
	call other
	pop rsi
	call sink
	ret
end pushed

/* a jump out of the function */
function by_jump
	takes by_jump, rsi
	jmp sink
end by_jump

/* to two calls, one of them in a loop */
function two_calls
	push rbx
	takes two_calls, rbx
1:	mov rsi, rbx
	call sink
	test eax, eax
	jne 1b
	mov rdi, rbx
	call other
	pop rbx
	ret
end two_calls

function overwritten
	takes overwritten, rsi
	xor esi, esi
	call sink
	ret
end overwritten

/* what a call may change, holds nothing after it */
function lost_in_a_call
	takes lost_in_a_call, rsi
	call [rax]
	call sink
	ret
end lost_in_a_call

function overwritten_on_the_stack
	sub rsp, 24
	takes overwritten_on_the_stack, rax
	mov [rsp + 8], rax
	mov [rsp + 8], rdi
	mov rsi, [rsp + 8]
	call sink
	add rsp, 24
	ret
end overwritten_on_the_stack

/* the same distance, but from where the stack was before */
function elsewhere_on_the_stack
	takes elsewhere_on_the_stack, rax
	push rax
	push rbx
	mov rsi, [rsp]
	call sink
	pop rbx
	pop rax
	ret
end elsewhere_on_the_stack

/* one more is not the address any more */
function changed
	takes changed, rsi
	add rsi, 1
	call sink
	ret
end changed

/* behind a pointer nobody knows which function it is */
function by_pointer
	takes by_pointer, rsi
	call [rip + a_pointer]
	ret
end by_pointer

#ifdef PROGRAM /* addresses of 32 bits: with no position independence they fit */
function narrow
	.globl narrow_takes
narrow_takes:
	mov esi, offset known_text
	call sink
	ret
end narrow

function stored_at_once
	push rbp
	mov rbp, rsp
	sub rsp, 16
	.globl stored_at_once_takes
stored_at_once_takes:
	mov qword ptr [rbp - 8], offset known_text
	mov rax, [rbp - 8]
	mov esi, eax
	call sink
	leave
	ret
end stored_at_once

	.globl _start
_start:	hlt
#endif

	.section .rodata
	.globl known_text
	.hidden known_text
known_text:
	.asciz "a text that nobody else has"
other_text:
	.asciz "another"
	.data
a_pointer:
	.quad 0

	.section .note.GNU-stack, "", @progbits
