# SPDX-License-Identifier: Apache-2.0
# The pages for who writes and packages modules, and the test that they say what is.

sdkdocdir = $(docdir)/sdk
dist_sdkdoc_DATA = sdk/README.md sdk/compatibility.md sdk/load-errors.md \
	sdk/packaging.md sdk/recording.md

# The reference has a page for each header, made of its comments: ecapture/bpf/emit.bpf.h is
# bpf-emit.md. One call makes them all.
REFERENCE_OF = $(sdk_HEADERS) $(sdkservice_HEADERS) $(sdkmock_HEADERS) $(sdkbpf_HEADERS)
sdkreferencedir = $(sdkdocdir)/reference
REFERENCE_PAGES = $(patsubst %,sdk/reference/%.md,$(subst .bpf,,$(subst /,-,$(patsubst \
	sdk/ecapture/%.h,%,$(REFERENCE_OF)))))
nodist_sdkreference_DATA = sdk/reference/README.md $(REFERENCE_PAGES)
MAKE_REFERENCE = $(srcdir)/sdk/reference.py

sdk/reference/README.md: $(REFERENCE_OF) $(MAKE_REFERENCE) $(srcdir)/sdk/header.py
	$(AM_V_GEN)$(PYTHON3) $(MAKE_REFERENCE) $(@D) $(filter %.h,$^)
$(REFERENCE_PAGES): sdk/reference/README.md

TESTS += tests/docs_test.sh tests/tutorial_test.sh
EXTRA_DIST += sdk/header.py sdk/reference.py tests/docs_test.sh tests/load_errors.py tests/run_page.py \
	tests/sdk_comments.py tests/tutorial_test.sh
CLEANFILES += $(nodist_sdkreference_DATA)
