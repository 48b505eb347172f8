# SPDX-License-Identifier: Apache-2.0
# TLS plaintext from OpenSSL and BoringSSL.
moduleexec_LTLIBRARIES += openssl.la
openssl_la_SOURCES = \
	plugins/openssl/attach.c \
	plugins/openssl/builds.c plugins/openssl/builds.h \
	plugins/openssl/decode.c plugins/openssl/decode_keys.c plugins/openssl/decode_older.c \
	plugins/openssl/locate.c plugins/openssl/locate.h \
	plugins/openssl/keylog.h plugins/openssl/keys.c plugins/openssl/locate_keylog.c \
	plugins/openssl/locate_boringssl.c \
	plugins/openssl/locate_method.c \
	plugins/openssl/locate_private.h \
	plugins/openssl/locate_rsa.c \
	plugins/openssl/locate_session.c plugins/openssl/session.h \
	plugins/openssl/locate_symbol.c \
	plugins/openssl/older.c \
	plugins/openssl/openssl.c plugins/openssl/openssl.h \
	plugins/openssl/survey.c
openssl_la_CPPFLAGS = $(CPPFLAGS_MODULE)
openssl_la_CFLAGS = $(CFLAGS_MODULE)
openssl_la_LDFLAGS = $(LDFLAGS_MODULE)
openssl_la_LIBADD = $(LIBBPF_LIBS)

openssl_bpf = bpf/openssl.dynptr.o bpf/openssl.storage.o bpf/openssl.core.o bpf/openssl.noncore.o
BPF_OBJECTS += $(openssl_bpf)
EXTRA_DIST += bpf/openssl.bpf.c bpf/openssl_calls.bpf.h bpf/openssl_conns.bpf.h bpf/openssl_keys.bpf.h \
	bpf/openssl_older.bpf.h bpf/openssl_record.h bpf/openssl_socket.bpf.h
$(openssl_bpf): bpf/openssl.%.o: bpf/openssl.bpf.c
	$(bpf_build)
$(openssl_la_OBJECTS): $(openssl_bpf)

tests_unit_openssl_damaged_test_SOURCES = \
	tests/unit/openssl_damaged_test.c \
	plugins/openssl/locate.c plugins/openssl/locate_boringssl.c \
	plugins/openssl/locate_keylog.c plugins/openssl/locate_method.c \
	plugins/openssl/locate_rsa.c plugins/openssl/locate_session.c \
	plugins/openssl/locate_symbol.c

tests_unit_openssl_locate_test_SOURCES = \
	tests/unit/openssl_locate_test.c \
	plugins/openssl/locate.c plugins/openssl/locate_boringssl.c \
	plugins/openssl/locate_method.c plugins/openssl/locate_symbol.c

tests_unit_openssl_nameless_test_SOURCES = \
	tests/unit/openssl_nameless_test.c \
	plugins/openssl/locate.c plugins/openssl/locate_boringssl.c \
	plugins/openssl/locate_method.c plugins/openssl/locate_symbol.c

tests_unit_openssl_decode_test_SOURCES = \
	tests/unit/openssl_decode_test.c plugins/openssl/decode.c \
	plugins/openssl/decode_keys.c plugins/openssl/decode_older.c \
	plugins/openssl/locate_keylog.c
tests_unit_openssl_decode_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/bpf

tests_unit_openssl_keylog_test_SOURCES = \
	tests/unit/openssl_keylog_test.c plugins/openssl/locate_keylog.c \
	plugins/openssl/locate_rsa.c

tests_unit_openssl_session_test_SOURCES = \
	tests/unit/openssl_session_test.c \
	plugins/openssl/locate_keylog.c plugins/openssl/locate_session.c
