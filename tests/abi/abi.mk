# SPDX-License-Identifier: Apache-2.0
# What the ABI promises, as tests.

EXTRA_DIST += sdk/abi/1.0.layout
ABI_TESTS = tests/abi/layout_test.sh tests/abi/permissions_test.sh
TESTS += $(ABI_TESTS)
EXTRA_DIST += $(ABI_TESTS) \
	tests/abi/check.sh tests/abi/compare.awk tests/abi/layout.sh tests/abi/permissions.py \
	tests/abi/recording.py tests/abi/write.sh

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
