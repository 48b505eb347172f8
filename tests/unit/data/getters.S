/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that reach for members of their arguments, as getters do: for elf_origin_test.c. */
	.intel_syntax noprefix
	.text

#define VISIBILITY .hidden
#include "functions.inc"

function copy
	ret
end copy

function member
	mov rax, [rdi + 0x50]
	ret
end member

function number
	movzx eax, word ptr [rdi + 0x10]
	ret
end number

function behind_two
	mov rdx, [rsi + 8]
	mov rdx, [rdx - 0x10]
	lea rax, [rdx + 0x30]
	ret
end behind_two

/* an array inside a struct that a pointer leads to: memcpy(out, s->inner->bytes, 32) */
function array
	push rbx
	mov rbx, rdi
	mov rdi, rsi
	mov rsi, [rbx + 0xa8]
	add rsi, 0xb8
	mov edx, 32
	call copy
	xor eax, eax
	pop rbx
	ret
end array

function array_at_the_end
	lea rcx, [rdi + 0x160]
	mov esi, 32
	mov rdx, rcx
	jmp copy
end array_at_the_end

/* As small code has the number 32. */
function pushed_number
	lea rdx, [rdi + 0x160]
	push 0x20
	pop rcx
	jmp copy
end pushed_number

/* byte by byte */
function indexed
	xor ecx, ecx
1:	movzx eax, byte ptr [rdi + rcx + 0x188]
	add rcx, 1
	cmp rcx, 32
	jne 1b
	ret
end indexed

/* where compilers know that a pointer is NULL, they trap: that is no return */
function traps
	test rdi, rdi
	je 1f
	mov eax, [rdi + 8]
	ret
1:	ud2
end traps

/* kept on the stack over a call */
function kept
	sub rsp, 24
	mov [rsp + 8], rdi
	push rbx
	call copy
	mov rcx, [rsp + 16]
	pop rbx
	add rsp, 24
	mov rax, [rcx + 24]
	ret
end kept

/* not known any more when the function that was called may have written there */
function given_away
	sub rsp, 24
	mov [rsp + 8], rdi
	lea rsi, [rsp + 8]
	call copy
	mov rax, [rsp + 8]
	add rsp, 24
	ret
end given_away

/* what leads elsewhere is read, too */
function calls_member
	mov rax, [rdi + 8]
	jmp [rax + 0x38]
end calls_member

function either
	test esi, esi
	je 1f
	mov rax, [rdi + 8]
	ret
1:	mov rax, [rdi + 16]
	ret
end either

function same_either_way
	lea rax, [rdi + 8]
	lea rcx, [rdi + 8]
	test esi, esi
	cmove rax, rcx
	ret
end same_either_way

/* the argument waits on the stack while its register is used for something else */
function kept_by_frame
	push rbp
	mov rbp, rsp
	sub rsp, 32
	mov [rbp - 16], rdi
	call copy
	mov rcx, [rbp - 16]
	mov rax, [rcx + 8]
	leave
	ret
end kept_by_frame

function kept_by_stack
	sub rsp, 24
	mov [rsp + 8], rdi
	push rsi
	call copy
	mov rdx, [rsp + 16]
	pop rcx
	add rsp, 24
	movzx eax, byte ptr [rdx + 16]
	lea rax, [rcx + 4]
	ret
end kept_by_stack

/* of these nothing is known at the end */
function kept_and_spoiled
	mov [rsp - 16], rdi
	mov dword ptr [rsp - 12], esi
	mov rax, [rsp - 16]
	ret
end kept_and_spoiled

function kept_in_part
	mov [rsp - 16], rdi
	mov eax, [rsp - 16]
	ret
end kept_in_part

function kept_and_gone
	push rdi
	pop rcx
	mov rax, [rsp]
	ret
end kept_and_gone

function one_or_the_other
	lea rax, [rdi + 8]
	test esi, esi
	cmove rax, rdi
	ret
end one_or_the_other

function from_a_call
	call copy
	mov rax, [rax + 8]
	ret
end from_a_call

function too_deep
	mov rax, [rdi]
	mov rax, [rax]
	mov rax, [rax]
	mov rax, [rax]
	ret
end too_deep

function scaled
	lea rax, [rdi + rsi * 8]
	ret
end scaled

function of_the_thread
	mov rax, fs:[rdi + 8]
	ret
end of_the_thread

/* a pointer that goes on and on: a walk must end, and say nothing wrong */
function endless
1:	add rdi, 8
	mov rax, [rdi]
	test rax, rax
	jne 1b
	ret
end endless

	.section .note.GNU-stack, "", @progbits
