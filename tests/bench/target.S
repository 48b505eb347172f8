/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stand-in for libssl that does no cryptography, so that what is measured is the probe.
 * It exports the functions that a program calls and has the tables of methods that the locator
 * looks for; SSL_write says that all bytes went out, SSL_read that all came in.
 *
 * Two shapes, by what the first instructions are, as disassembled from real builds (x86-64):
 *   SHAPE_DEBIAN  libssl3 3.0 of Debian 12: SSL_write begins with sub, calls a hidden function
 *                 that begins with push, which calls the method's write
 *   SHAPE_NODE    OpenSSL 3.0 inside node 20: SSL_write begins with push and calls the method's
 *                 write itself
 */

/* struct ssl_method_st of OpenSSL 3.0, ssl/ssl_local.h */
#define METHOD_READ  0x38
#define METHOD_WRITE 0x48

/* struct ssl_st: the method is the second member */
#define SSL_METHOD 0x8

.macro func name
	.p2align 4
	.type	\name, @function
\name:
	.cfi_startproc
.endm

.macro endfunc name
	.cfi_endproc
	.size	\name, . - \name
.endm

.macro public name
	.globl	\name
	func	\name
.endm

	.text

#ifdef SHAPE_DEBIAN
/* int NAME(SSL *, void *, int): checks the length, hands &done to the hidden function. */
.macro plain name, internal
	public	\name
	sub	$0x18, %rsp
	mov	%fs:0x28, %rax
	mov	%rax, 0x8(%rsp)
	xor	%eax, %eax
	test	%edx, %edx
	js	1f
	mov	%rsp, %rcx
	movslq	%edx, %rdx
	call	\internal
	test	%eax, %eax
	jle	2f
	mov	(%rsp), %eax
2:	mov	0x8(%rsp), %rdx
	sub	%fs:0x28, %rdx
	jne	3f
	add	$0x18, %rsp
	ret
1:	mov	$-1, %eax
	jmp	2b
3:	ud2
	endfunc	\name
.endm

/* int NAME_ex(SSL *, void *, size_t, size_t *done) */
.macro extended name, internal
	public	\name
	sub	$0x8, %rsp
	call	\internal
	xor	%edx, %edx
	test	%eax, %eax
	cmovs	%edx, %eax
	add	$0x8, %rsp
	ret
	endfunc	\name
.endm

.macro hidden name, slot
	func	\name
	push	%r14
	push	%r13
	push	%r12
	mov	SSL_METHOD(%rdi), %rax
	call	*\slot(%rax)
	pop	%r12
	pop	%r13
	pop	%r14
	ret
	endfunc	\name
.endm

	hidden	ssl_read_internal, METHOD_READ
	hidden	ssl_write_internal, METHOD_WRITE
	plain	SSL_read, ssl_read_internal
	plain	SSL_write, ssl_write_internal
	extended SSL_read_ex, ssl_read_internal
	extended SSL_write_ex, ssl_write_internal

	func	ssl3_write
	push	%r13
	mov	%rcx, %r13
	push	%r12
	mov	%rdx, %r12
	mov	%r12, (%r13)
	mov	$1, %eax
	pop	%r12
	pop	%r13
	ret
	endfunc	ssl3_write

	func	ssl3_read_internal
	push	%r14
	mov	%rdx, (%r8)
	mov	$1, %eax
	pop	%r14
	ret
	endfunc	ssl3_read_internal

	func	ssl3_read
	mov	%rcx, %r8
	xor	%ecx, %ecx
	jmp	ssl3_read_internal
	endfunc	ssl3_read

	func	ssl3_peek
	mov	%rcx, %r8
	mov	$1, %ecx
	jmp	ssl3_read_internal
	endfunc	ssl3_peek

#elif defined(SHAPE_NODE)
.macro plain name, slot
	public	\name
	push	%rbp
	mov	%rsp, %rbp
	push	%r14
	push	%r13
	sub	$0x10, %rsp
	test	%edx, %edx
	js	1f
	mov	SSL_METHOD(%rdi), %rax
	movslq	%edx, %rdx
	mov	%rsp, %rcx
	call	*\slot(%rax)
	test	%eax, %eax
	jle	2f
	mov	(%rsp), %eax
2:	add	$0x10, %rsp
	pop	%r13
	pop	%r14
	pop	%rbp
	ret
1:	mov	$-1, %eax
	jmp	2b
	endfunc	\name
.endm

.macro extended name, slot
	public	\name
	push	%rbp
	mov	%rsp, %rbp
	mov	SSL_METHOD(%rdi), %rax
	call	*\slot(%rax)
	pop	%rbp
	ret
	endfunc	\name
.endm

	plain	SSL_read, METHOD_READ
	plain	SSL_write, METHOD_WRITE
	extended SSL_read_ex, METHOD_READ
	extended SSL_write_ex, METHOD_WRITE

.macro moved name
	func	\name
	push	%rbp
	mov	%rsp, %rbp
	push	%r15
	push	%r14
	mov	%rcx, %r14
	mov	%rdx, (%r14)
	mov	$1, %eax
	pop	%r14
	pop	%r15
	pop	%rbp
	ret
	endfunc	\name
.endm

	moved	ssl3_read
	moved	ssl3_peek
	moved	ssl3_write
#else
#error "define SHAPE_DEBIAN or SHAPE_NODE"
#endif

/* The rest of the tables: only its address matters. */
.macro filler names:vararg
	.irp	name, \names
	func	\name
	push	%rbx
	xor	%eax, %eax
	pop	%rbx
	ret
	endfunc	\name
	.endr
.endm

	filler	ssl_undefined_function, ossl_statem_accept, ossl_statem_connect, tls1_new, \
		tls1_clear, tls1_free, ssl3_shutdown, ssl3_renegotiate, ssl3_renegotiate_check, \
		ssl3_read_bytes, ssl3_write_bytes, ssl3_dispatch_alert, ssl3_ctrl, ssl3_ctx_ctrl, \
		ssl3_get_cipher_by_char, ssl3_put_cipher_by_char, ssl3_pending, ssl3_num_ciphers, \
		ssl3_get_cipher, tls1_default_timeout, ssl_undefined_void_function, \
		ssl3_callback_ctrl, ssl3_ctx_callback_ctrl

/* SSL *SSL_new(SSL_CTX *): the one object there is. */
	public	SSL_new
	lea	object(%rip), %rax
	lea	TLS_method_data(%rip), %rdx
	mov	%rdx, SSL_METHOD(%rax)
	ret
	endfunc	SSL_new

.macro set_fd names:vararg
	.irp	name, \names
	public	\name
	push	%rbx
	mov	%esi, 0x10(%rdi)
	mov	$1, %eax
	pop	%rbx
	ret
	endfunc	\name
	.endr
.endm

	set_fd	SSL_set_fd, SSL_set_rfd, SSL_set_wfd

	public	SSL_free
	push	%rbx
	pop	%rbx
	ret
	endfunc	SSL_free

	.bss
	.p2align 4
object:
	.zero	0x1000

	.section .data.rel.ro, "aw", @progbits

/* One table of methods, in the order of struct ssl_method_st. */
.macro method name, version, mask, accept, connect
	.p2align 5
\name:
	.long	\version, 0
	.quad	\mask
	.quad	tls1_new, tls1_clear, tls1_free, \accept, \connect
	.quad	ssl3_read, ssl3_peek, ssl3_write, ssl3_shutdown, ssl3_renegotiate
	.quad	ssl3_renegotiate_check, ssl3_read_bytes, ssl3_write_bytes, ssl3_dispatch_alert
	.quad	ssl3_ctrl, ssl3_ctx_ctrl, ssl3_get_cipher_by_char, ssl3_put_cipher_by_char
	.quad	ssl3_pending, ssl3_num_ciphers, ssl3_get_cipher, tls1_default_timeout
	.quad	object, ssl_undefined_void_function, ssl3_callback_ctrl, ssl3_ctx_callback_ctrl
.endm

.macro methods prefix, version, mask
	method	\prefix\()_method_data, \version, \mask, ossl_statem_accept, ossl_statem_connect
	method	\prefix\()_server_data, \version, \mask, ossl_statem_accept, ssl_undefined_function
	method	\prefix\()_client_data, \version, \mask, ssl_undefined_function, ossl_statem_connect
.endm

/* Versions and the bit of SSL_OP_NO_... in the mask: include/openssl/ssl.h of OpenSSL 3.0. */
	methods	TLS, 0x10000, 0
	methods	TLSv1_3, 0x304, 0x20000000
	methods	TLSv1_2, 0x303, 0x08000000
	methods	TLSv1_1, 0x302, 0x10000000

	.section .note.GNU-stack, "", @progbits
