/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What openssl_locate_test.c has to tell apart: libraries with SSL_METHOD tables of OpenSSL's
 * two layouts, and ones without tables. Bodies are as short as a function of that signature can
 * be. Defines:
 *   TABLES=1     new clear free accept connect read peek write (1.1.0 to 3.1)
 *   TABLES=2     new free reset init clear deinit accept connect read peek write (3.2 on), and
 *                two tables for QUIC
 *   OLD          a function in place of the mask (before 1.1.0), and numbers that look like tables
 *   THREE        read and write have no fourth argument (1.1.0)
 *   WRONG        a symbol ssl3_read that is not what the tables have
 *   OTHER        tables of another library: accept and connect never trade places
 *   EXPORTED=1   SSL_read and the like, which hand on to internals
 *   EXPORTED=2   the internal to write has flags before the pointer to the count (3.3)
 *   BORINGSSL    no SSL_read_ex, and a function that only BoringSSL has
 */
	.intel_syntax noprefix
	.text

#define VISIBILITY .protected
#include "functions.inc"

	/* (ssl) */
	.macro one name
	function \name
	push rbx
	mov rbx, rdi
	pop rbx
	ret
	end \name
	.endm

	/* (ssl, buf, len) */
	.macro three name
	function \name
	push rbx
	lea rbx, [rsi + rdx]
	mov [rbx], rdi
	pop rbx
	ret
	end \name
	.endm

	/* (ssl, buf, len, done) */
	.macro four name
	function \name
	test rdi, rdi
	je 1f
	mov [rsi], rdi
	mov [rcx], rdx
1:	ret
	end \name
	.endm

	/* (ssl, buf, len, flags, done) */
	.macro five name
	function \name
	mov [rsi], rdi
	add rdx, rcx
	mov [r8], rdx
	ret
	end \name
	.endm

	one meth_undefined
	one meth_new
	one meth_clear
	one meth_free
	one meth_other_free
	one meth_reset
	one meth_init
	one meth_deinit
	one meth_accept
	one meth_connect
	one meth_shutdown
	one meth_renegotiate
	one meth_check
	one meth_bytes

#ifdef THREE
	three the_read
	three the_peek
	three the_write
#else
	four the_read
	four the_peek
	four the_write
#endif
	four quic_read
	four quic_peek
	/* As since OpenSSL 3.3: flags come between, and the writing is done behind. */
	five quic_write_flags
	function quic_write
	mov r8, rcx
	xor ecx, ecx
	jmp quic_write_flags
	end quic_write
	one quic_free
	one quic_new

#ifdef WRONG
	four ssl3_read
#endif

	.section .data.rel.ro, "aw"
	.p2align 3

	.macro method version, flags, free, accept, connect
	.long \version, \flags
#ifdef OLD
	.quad meth_new
#else
	.quad 0x04000000
#endif
#if TABLES == 1
	.quad meth_new, meth_clear, \free, \accept, \connect
#else
	.quad meth_new, \free, meth_reset, meth_init, meth_clear, meth_deinit, \accept, \connect
#endif
	.quad the_read, the_peek, the_write
	.quad meth_shutdown, meth_renegotiate, meth_check, meth_bytes, meth_bytes, 0, 0
	.endm

	.macro quic accept, connect
	.long 0xfffff, 0
	.quad 0
	.quad quic_new, quic_free, meth_reset, meth_init, 0, meth_deinit, \accept, \connect
	.quad quic_read, quic_peek, quic_write
	.quad 0, 0, 0, 0, 0, 0
	.endm

#ifdef TABLES
#ifdef OTHER
	method 0x10000, 0, meth_free, meth_accept, meth_connect
	method 0x303, 0, meth_free, meth_accept, meth_connect
	method 0x302, 0, meth_free, meth_accept, meth_connect
	method 0x301, 0, meth_free, meth_accept, meth_connect
#else
	method 0x10000, 0, meth_free, meth_accept, meth_connect
	method 0x304, 0, meth_free, meth_accept, meth_connect
	method 0x303, 0, meth_free, meth_accept, meth_connect
	method 0x10000, 0, meth_free, meth_accept, meth_undefined
	method 0x10000, 0, meth_free, meth_undefined, meth_connect
	method 0x301, 3, meth_free, meth_undefined, meth_connect
	method 0xfefd, 0, meth_other_free, meth_accept, meth_connect
	/* Not tables: another version, flags that are none, and a column that is no function. */
	method 0x305, 0, meth_connect, meth_accept, meth_connect
	method 0x303, 0x100, meth_connect, meth_accept, meth_connect
	method 0x303, 0, pad, meth_accept, meth_connect
#ifdef OLD
	.irp accept_connect, "4, 5", "4, 6", "6, 5"
	.quad 0x301, 0, 1, 2, 3, \accept_connect, 7, 8, 9, 10, 11, 12, 13
	.endr
#endif
#if TABLES == 2
	quic meth_undefined, meth_connect
	quic meth_accept, meth_undefined
#endif
#endif
#endif
pad:	.quad 0

	.text
#ifdef EXPORTED
	four ssl_read_internal
#if EXPORTED == 2
	five ssl_write_internal
#else
	four ssl_write_internal
#endif

	.macro exported name, internal
	function \name
	sub rsp, 24
	mov rcx, rsp
	movsxd rdx, edx
	mov r8, rcx
	call \internal
	add rsp, 24
	ret
	end \name
	.endm

	.macro exported_ex name, internal
	function \name
	sub rsp, 8
	mov r8, rcx
	call \internal
	add rsp, 8
	ret
	end \name
	.endm

	exported SSL_read, ssl_read_internal
	exported SSL_write, ssl_write_internal
	exported_ex SSL_read_ex, ssl_read_internal
	exported_ex SSL_write_ex, ssl_write_internal
	one SSL_free
	one SSL_set_fd
	three SSL_sendfile
#endif

#ifdef BORINGSSL
	three SSL_read
	three SSL_write
	one SSL_free
	one SSL_set_fd
	one SSL_CTX_set_grease_enabled
#endif

	.section .note.GNU-stack, "", @progbits
