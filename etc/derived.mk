# SPDX-License-Identifier: Apache-2.0
# What the program itself makes from the tables of options: man pages. The file names come out of
# the modules, so one rule makes them all, in a directory of its own.

# Where the configuration belongs.
configdir = $(sysconfdir)/ecapture

DERIVED_MODULES = $(moduleexec_LTLIBRARIES:.la=.so)

man/made: ecapture$(EXEEXT) $(moduleexec_LTLIBRARIES)
	$(AM_V_GEN)rm -rf man man.tmp && $(MKDIR_P) man.tmp && \
	./ecapture modules man --directory man.tmp && \
	for so in $(DERIVED_MODULES); do \
		./ecapture modules man --directory man.tmp .libs/$$so || exit; \
	done && mv man.tmp man && touch $@

# What the build makes cannot run here when it is built for another machine.
if CAN_RUN
all-local: man/made

install-data-local: man/made
	$(MKDIR_P) $(DESTDIR)$(man1dir)
	$(INSTALL_DATA) man/*.1 $(DESTDIR)$(man1dir)

uninstall-local: man/made
	cd man && for page in *.1; do rm -f "$(DESTDIR)$(man1dir)/$$page"; done
else
all-local:
	@echo "built for another machine: no man pages"
endif

DERIVED_TESTS = tests/man_test.sh
TESTS += $(DERIVED_TESTS)
EXTRA_DIST += $(DERIVED_TESTS) tests/derived/lib.bash tests/derived/vendor.c
