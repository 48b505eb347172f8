# SPDX-License-Identifier: Apache-2.0
# What authors of modules get beside the headers, and the test that it is enough.

pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = sdk/ecapture-sdk.pc
dist_pkgdata_DATA = sdk/bpf.mk sdk/module.mk
aclocaldir = $(datadir)/aclocal
dist_aclocal_DATA = sdk/ecapture.m4
templatedir = $(pkgdatadir)/template
dist_template_DATA = \
	sdk/template/Makefile sdk/template/README.md sdk/template/mymodule.bpf.c \
	sdk/template/mymodule.c sdk/template/mymodule_test.c sdk/template/record.h \
	sdk/template/sample.rec

# ecapture modules new
CORE_SOURCES += core/commands/modules_new.c core/project.c core/project.h
UNIT_TESTS += tests/unit/bash_events_test tests/unit/mock_option_test tests/unit/mock_test \
	tests/unit/project_test
EXTRA_DIST += tests/unit/mock_help.h

TESTS += tests/install_test.sh
EXTRA_DIST += tests/install_test.sh tests/install/Makefile.am tests/install/configure.ac

# The same test by itself: installs to a directory of its own.
installcheck-local: all
	@$(AM_TESTS_ENVIRONMENT) $(srcdir)/tests/install_test.sh | \
		awk '{ print } /^not ok/ { bad = 1 } /^1\.\./ { plan = 1 } END { exit bad || !plan }'
