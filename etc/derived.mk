# SPDX-License-Identifier: Apache-2.0
# What the program itself makes from the tables of options: man pages. The file names come out of
# the modules, so one rule makes them all, in a directory of its own.

CORE_SOURCES += \
	core/commands/modules_completion.c core/commands/modules_man.c \
	core/commands/modules_schema.c core/complete.c core/complete.h core/man.c core/man.h \
	core/man_program.c core/number_pattern.c core/number_pattern.h core/option_text.c \
	core/option_text.h core/roff.c core/roff.h core/schema.c \
	core/schema.h

# The scripts that shells read are small and ask the program, which has a copy of them.
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = core/completion/bash/ecapture
zshcompletiondir = $(datadir)/zsh/site-functions
dist_zshcompletion_DATA = core/completion/zsh/_ecapture
core/commands/core_libcore_a-modules_completion.$(OBJEXT) \
core/commands/modules_completion.$(OBJEXT): \
	$(dist_bashcompletion_DATA) $(dist_zshcompletion_DATA)

# Where the others belong.
configdir = $(sysconfdir)/ecapture
pagedir = $(mandir)/man1

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
	$(MKDIR_P) $(DESTDIR)$(pagedir)
	$(INSTALL_DATA) man/*.1 $(DESTDIR)$(pagedir)

uninstall-local: man/made
	cd man && for page in *.1; do rm -f "$(DESTDIR)$(pagedir)/$$page"; done
else
all-local:
	@echo "built for another machine: no man pages"
endif

UNIT_TESTS += tests/unit/complete_test tests/unit/man_test tests/unit/number_pattern_test tests/unit/schema_test
check_PROGRAMS += tests/derived/engine
tests_derived_engine_LDADD = tests/libcore.a $(CORE_LIBS)

DERIVED_TESTS = tests/completion_test.sh tests/man_test.sh tests/schema_test.sh
TESTS += $(DERIVED_TESTS)
EXTRA_DIST += $(DERIVED_TESTS) tests/derived/keys.py tests/derived/lib.bash tests/derived/schema.py \
	tests/derived/vendor.c
