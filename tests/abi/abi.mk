# SPDX-License-Identifier: Apache-2.0
# What the ABI promises, as tests.

EXTRA_DIST += sdk/abi/1.0.layout
ABI_TESTS = tests/abi/directions_test.sh tests/abi/layout_test.sh tests/abi/permissions_test.sh
TESTS += $(ABI_TESTS)
EXTRA_DIST += $(ABI_TESTS) \
	tests/abi/added.c tests/abi/check.sh tests/abi/compare.awk tests/abi/directions.py \
	tests/abi/layout.sh tests/abi/next_minor.sh tests/abi/permissions.py \
	tests/abi/recording.py tests/abi/witness.c tests/abi/write.sh

# What the host is built of, again, against other headers.
AM_TESTS_ENVIRONMENT += CORE_C='$(filter %.c,$(CORE_SOURCES))' CORE_LIBS='$(CORE_LIBS)' \
	CORE_CFLAGS='$(LIBBPF_CFLAGS) $(CAPSTONE_CFLAGS)' SANITIZE='$(SANITIZE)' \
	CORE_DEFINES='$(subst ','\'',$(filter -D%,$(DEFS) $(AM_CPPFLAGS)))'; \
	export CORE_C CORE_LIBS CORE_CFLAGS SANITIZE CORE_DEFINES;

check_PROGRAMS += tests/abi/struct_lines
tests_abi_struct_lines_LDADD = $(LIBBPF_LIBS)

# The layout of the ABI, which is written while it may still change, and its release: see the head
# of the file.
abi_write = CC='$(CC)' CLANG='$(CLANG)' MULTIARCH='$(MULTIARCH)' \
	STRUCT_LINES='$(abs_builddir)/tests/abi/struct_lines' bash $(srcdir)/tests/abi/write.sh $(srcdir)
abi-layout: tests/abi/struct_lines
	@$(abi_write)
abi-release: tests/abi/struct_lines
	@$(abi_write) release

.PHONY: abi-layout abi-release
