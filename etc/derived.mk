# SPDX-License-Identifier: Apache-2.0
# What comes from the tables of options: man pages and the sample configuration, which the program
# that was just built makes, and completion.

CORE_SOURCES += \
	core/commands/config_sample.c core/commands/modules_completion.c core/commands/modules_man.c \
	core/commands/modules_schema.c core/complete.c core/complete.h core/man.c core/man.h \
	core/man_program.c core/number_pattern.c core/number_pattern.h core/option_text.c \
	core/option_text.h core/roff.c core/roff.h core/sample.c core/sample.h core/schema.c \
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

# The names of the pages come out of the modules: one rule makes all, in a directory of their own.
man/made: ecapture$(EXEEXT) $(moduleexec_LTLIBRARIES)
	$(AM_V_GEN)rm -rf man man.tmp && $(MKDIR_P) man.tmp && \
	./ecapture modules man --directory man.tmp && \
	for so in $(DERIVED_MODULES); do \
		./ecapture modules man --directory man.tmp .libs/$$so || exit; \
	done && mv man.tmp man && touch $@

etc/ecapture.ini: ecapture$(EXEEXT) $(moduleexec_LTLIBRARIES)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	./ecapture config sample $(DERIVED_MODULES:%=.libs/%) >$@.tmp && mv $@.tmp $@

CLEANFILES += etc/ecapture.ini etc/ecapture.ini.tmp

# What the build makes cannot run here when it is built for another machine.
if CAN_RUN
DERIVED = man/made etc/ecapture.ini
INSTALLED_CONFIG = $(DESTDIR)$(configdir)/ecapture.ini

all-local: $(DERIVED)

# A configuration that somebody has changed stays as it is, here and below.
install-data-local: $(DERIVED)
	$(MKDIR_P) $(DESTDIR)$(pagedir) $(DESTDIR)$(configdir)
	$(INSTALL_DATA) man/*.1 $(DESTDIR)$(pagedir)
	@if test -e $(INSTALLED_CONFIG) && ! cmp -s etc/ecapture.ini $(INSTALLED_CONFIG); then \
		echo "$(INSTALLED_CONFIG) differs from the sample: left as it is"; \
	else \
		$(INSTALL_DATA) etc/ecapture.ini $(INSTALLED_CONFIG); \
	fi

uninstall-local: $(DERIVED)
	cd man && for page in *.1; do rm -f "$(DESTDIR)$(pagedir)/$$page"; done
	! cmp -s etc/ecapture.ini $(INSTALLED_CONFIG) || rm -f $(INSTALLED_CONFIG)
else
all-local:
	@echo "built for another machine: no man pages and no sample configuration"
endif

UNIT_TESTS += tests/unit/complete_test tests/unit/man_test tests/unit/number_pattern_test \
	tests/unit/sample_test tests/unit/schema_test
check_PROGRAMS += tests/derived/engine
tests_derived_engine_LDADD = tests/libcore.a $(CORE_LIBS)

DERIVED_TESTS = tests/completion_test.sh tests/config_sample_test.sh tests/man_test.sh tests/schema_test.sh
TESTS += $(DERIVED_TESTS)
EXTRA_DIST += $(DERIVED_TESTS) tests/derived/keys.py tests/derived/lib.bash tests/derived/schema.py \
	tests/derived/vendor.c
