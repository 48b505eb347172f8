/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions whose shape is known, for elf_test.c: what a probe site must look like and what must
 * not be taken for one, how arguments travel, and pointers behind every kind of relocation.
 * Assembled as a shared library and as a program, with and without frame information.
 */
	.intel_syntax noprefix
	.text

#define VISIBILITY .protected
#include "functions.inc"

function push_first
	push r13
	pop r13
	ret
end push_first

function push_behind_endbr
	endbr64
	push rbp
	pop rbp
	ret
end push_behind_endbr

function jump_behind_copy
	mov r8, rcx
	xor ecx, ecx
	jmp push_first
end jump_behind_copy

function branch_behind_test
	test rdi, rdi
	je 1f
	mov eax, 1
1:	ret
end branch_behind_test

function argument_in_rax
	mov rax, rdi
	xor edi, edi
	nop
	ret
end argument_in_rax

function argument_in_rbx
	mov rbp, rsi
	xor esi, esi
	push rbx
	ret
end argument_in_rbx

function stack_moves_first
	sub rsp, 8
	push rbx
	pop rbx
	add rsp, 8
	ret
end stack_moves_first

function branch_into_loop
	mov eax, 100
2:	nop
	sub eax, 1
	jnz 2b
	ret
end branch_into_loop

function too_far
	.rept 6
	mov rax, [rdi + 0x100]
	.endr
	push rbx
	pop rbx
	ret
end too_far

function long_nop
	.byte 0x0f, 0x1f, 0x40, 0x00
	push rbx
	pop rbx
	ret
end long_nop

function push_immediate
	.byte 0x6a, 0x01
	pop rax
	ret
end push_immediate

function prefixed_nop
	.byte 0x66, 0x90
	ret
end prefixed_nop

function prefixed_jump /* a probe here is refused by the kernel */
	test rdi, rdi
	.byte 0x66, 0x74, 0x00
	ret
end prefixed_jump

function exchange /* 49 90 is xchg rax, r8, not nop */
	.byte 0x49, 0x90
	ret
end exchange

function call_first
	call push_first
	ret
end call_first

/* Arguments: what is read, and what only looks like it. */
function reads_four
	mov rax, [rcx]
	mov rax, [rdi]
	mov rax, [rsi]
	add rax, rdx
	ret
end reads_four

function reads_three /* 1.1.0's ssl3_read: the fourth register is overwritten */
	xor ecx, ecx
	jmp reads_four
end reads_three

function aligns_with_fourth
	push rcx
	mov rax, [rdi]
	pop rcx
	ret
end aligns_with_fourth

function reads_after_branch
	test rdi, rdi
	je 3f
	xor ecx, ecx
3:	mov rax, rcx
	ret
end reads_after_branch

function passes_on
	call reads_four
	ret
end passes_on

function passes_nothing
	call push_first
	mov rax, rcx
	ret
end passes_nothing

function passes_to_other_file
	call elsewhere@PLT
	ret
end passes_to_other_file

/* The shape of SSL_read(): the length is widened, an error path calls something else. */
function forwards_widened
	sub rsp, 24
	test edx, edx
	js 4f
	mov rcx, rsp
	movsxd rdx, edx
	call reads_four
	add rsp, 24
	ret
4:	call push_first
	add rsp, 24
	ret
end forwards_widened

function forwards_saved
	push rbx
	push rbp
	push r12
	mov rbx, rdi
	mov rbp, rsi
	mov r12, rdx
	call push_first
	mov rdx, r12
	mov rsi, rbp
	mov rdi, rbx
	pop r12
	pop rbp
	pop rbx
	jmp reads_four
end forwards_saved

function forwards_changed
	inc rdx
	jmp reads_four
end forwards_changed

function forwards_twice
	test rdi, rdi
	je reads_four
	jmp reads_three
end forwards_twice

function takes_addresses
#ifdef PROGRAM
	mov edi, offset known_text
	mov rsi, offset known_text
	mov qword ptr [rsp - 16], offset known_text
#else
	lea rdi, known_text[rip]
	lea r9, known_text[rip]
#endif
	ret
end takes_addresses

/* What a call is given: constants, an address, and what is not known. */
function gives_constants
	test rdi, rdi
	je 5f
	ret
5:	mov edi, 16
	xor esi, esi
	mov edx, 66
	lea rcx, reads_four[rip]
	.globl gives_constants_here
	.hidden gives_constants_here
gives_constants_here:
	mov r9, [rdi]
	mov r8d, -1
	jmp 6f
	int3
6:	call push_first
	ret
end gives_constants

function gives_nothing
	mov edx, 66
	call push_first
	.globl gives_nothing_here
	.hidden gives_nothing_here
gives_nothing_here:
	mov edi, 16
	call [rax]
	ret
end gives_nothing

function _start
	call push_first
	hlt
end _start

	.section .rodata
	.globl known_text
	.hidden known_text
known_text:
	.asciz "a text to be found"
	.size known_text, . - known_text

	.data
	.p2align 3
	.globl pointers
	.type pointers, @object
pointers:
	.quad local_function       /* relative */
	.quad push_first           /* by symbol, in a shared library */
	.quad 0x1234567890abcdef   /* no pointer */
	.quad local_function + 1
#ifndef PROGRAM
	.quad elsewhere            /* in another file */
#endif
	.size pointers, . - pointers

	.text
	.p2align 4, 0xcc
	.type local_function, @function
local_function:
	.cfi_startproc
	ret
	.cfi_endproc
	.size local_function, . - local_function

#ifdef PROGRAM
function elsewhere
	ret
end elsewhere
#endif

	.section .note.GNU-stack, "", @progbits
