# SPDX-License-Identifier: Apache-2.0
# What is typed into shells.
moduleexec_LTLIBRARIES += bash.la
bash_la_SOURCES = \
	plugins/bash/bash.c \
	plugins/bash/hooks.c plugins/bash/hooks.h \
	plugins/bash/lines.c plugins/bash/lines.h \
	plugins/bash/survey.c
bash_la_CPPFLAGS = $(CPPFLAGS_MODULE)
bash_la_CFLAGS = $(CFLAGS_MODULE)
bash_la_LDFLAGS = $(LDFLAGS_MODULE)
bash_la_LIBADD = $(LIBBPF_LIBS)

bash_bpf = bpf/bash.storage.o bpf/bash.noncore.o
BPF_OBJECTS += $(bash_bpf)
EXTRA_DIST += bpf/bash.bpf.c bpf/bash_record.h
$(bash_bpf): bpf/bash.%.o: bpf/bash.bpf.c
	$(bpf_build)
$(bash_la_OBJECTS): $(bash_bpf)

tests_unit_bash_lines_test_SOURCES = \
	tests/unit/bash_lines_test.c plugins/bash/lines.c

tests_unit_bash_events_test_SOURCES = \
	tests/unit/bash_events_test.c plugins/bash/bash.c plugins/bash/hooks.c \
	plugins/bash/lines.c plugins/bash/survey.c
tests_unit_bash_events_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/bpf
tests_unit_bash_events_test_CFLAGS = $(AM_CFLAGS) -Wa,-Ibpf
$(tests_unit_bash_events_test_OBJECTS): $(bash_bpf)
