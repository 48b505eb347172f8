# SPDX-License-Identifier: Apache-2.0
# The pages for who writes and packages modules, and the test that they say what is.

sdkdocdir = $(docdir)/sdk
dist_sdkdoc_DATA = sdk/load-errors.md

TESTS += tests/docs_test.sh
EXTRA_DIST += tests/docs_test.sh tests/load_errors.py
