# SPDX-License-Identifier: Apache-2.0
# Builds, tests and installs a module of ecapture. A module's Makefile is
#
#	MODULE = mymodule
#	SRCS = mymodule.c
#	BPF = mymodule.bpf.c
#	include $(shell pkg-config --print-errors --variable=mk ecapture-sdk)
#
# and may set, before the last line:
#	BPF_VARIANTS  what of each BPF source is built: storage noncore, or also dynptr and core (bpf.mk)
#	TESTS         test programs, each a source file; without, MODULE_test.c when there is one
#	CPPFLAGS, CFLAGS, LDFLAGS, LDLIBS    added to what is needed anyway
#
# Targets: all, check, man, install (DESTDIR, moduledir), uninstall, clean. `make V=1` shows the commands.

ifeq ($(MODULE),)
$(error set MODULE, the name of the module, before module.mk is included)
endif
ifeq ($(SRCS),)
$(error set SRCS, the C sources of the module, before module.mk is included)
endif

CFLAGS ?= -O2 -g
BPF_VARIANTS ?= storage noncore
# Not from the environment: other builds, around this one, mean theirs by it.
ifneq ($(filter undefined environment,$(origin TESTS)),)
TESTS := $(wildcard $(MODULE)_test.c)
endif
SANITIZE ?= -fsanitize=address,undefined -fno-sanitize-recover=all
CLANG ?= clang
ifeq ($(BPFTOOL),)
# Debian has it where only root looks.
BPFTOOL := $(firstword $(shell PATH=$$PATH:/usr/sbin:/sbin; command -v bpftool) bpftool)
endif
PKG_CONFIG ?= pkg-config
ECAPTURE ?= ecapture
INSTALL ?= install

.PHONY: all check man install uninstall clean
.SUFFIXES:
.DELETE_ON_ERROR:
all: $(MODULE).so

# What pkg-config says. Where modules are on the machine that runs them has no sysroot before it:
# that is for DESTDIR.
ecap_sdk_var = $(shell $(PKG_CONFIG) --variable=$(1) ecapture-sdk)
moduledir ?= $(patsubst $(PKG_CONFIG_SYSROOT_DIR)/%,/%,$(call ecap_sdk_var,moduledir))
mandir ?= $(patsubst $(PKG_CONFIG_SYSROOT_DIR)/%,/%,$(call ecap_sdk_var,mandir))
ecap_include := $(call ecap_sdk_var,includedir)
ecap_sdk_cflags := $(shell $(PKG_CONFIG) --cflags ecapture-sdk)
ifneq ($(BPF),)
ecap_libbpf_cflags := $(shell $(PKG_CONFIG) --cflags libbpf)
ecap_libbpf_libs := $(shell $(PKG_CONFIG) --libs libbpf)
endif

ifeq ($(V),)
ecap_say = @echo "  $(1)" $@;
endif

# BPF.

include $(dir $(lastword $(MAKEFILE_LIST)))bpf.mk

ecap_machine := $(shell $(CC) -dumpmachine)
ECAP_CPU ?= $(firstword $(subst -, ,$(ecap_machine)))
ECAP_MULTIARCH ?= $(shell $(CC) -print-multiarch 2>/dev/null)
ECAP_BPF_CPPFLAGS = $(ecap_sdk_cflags) $(ecap_libbpf_cflags) \
	-ffile-prefix-map=$(ecap_include)/ecapture/=ecapture/ -ffile-prefix-map=./=

ecap_bpf_names = $(BPF:.bpf.c=)
ecap_bpf_objects = $(foreach name,$(ecap_bpf_names),$(BPF_VARIANTS:%=$(name).%.o))

define ecap_need
@command -v $(1) >/dev/null || { echo "$(1) is not installed: BPF programs cannot be built (Debian: apt-get install $(2))" >&2; exit 1; }

endef
define ecap_need_libbpf
@$(PKG_CONFIG) --exists libbpf || { echo "libbpf is not installed, or has no pkg-config file (Debian: apt-get install libbpf-dev)" >&2; exit 1; }

endef

# Rules name their targets: a plain %.o would take mymodule.storage.o for the object of a
# mymodule.storage.c, and leave it to make's own rules.
define ecap_bpf_rule
$(BPF_VARIANTS:%=$(1).%.o): $(1).%.o: $(1).bpf.c
	$$(call ecap_need,$$(CLANG),clang)$$(call ecap_need,$$(BPFTOOL),bpftool)$$(ecap_need_libbpf)
	$$(call ecap_say,BPF )$$(ecap_bpf_build)
endef
$(foreach name,$(ecap_bpf_names),$(eval $(call ecap_bpf_rule,$(name))))

# The module: one exported symbol, nothing imported but from libraries that it names.

# ecap_flag(FLAG): the flag, where the compiler takes it without a word.
ecap_flag = $(shell $(CC) -Werror $(1) -x c -c -o /dev/null /dev/null 2>/dev/null && echo "$(1)")
# Fortified functions want optimisation.
ecap_fortify = $(if $(filter -O1 -O2 -O3 -Os -Og,$(CFLAGS)),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
ecap_harden := $(call ecap_flag,-fstack-protector-strong) \
	$(call ecap_flag,-fstack-clash-protection) $(call ecap_flag,-fcf-protection)

ecap_cppflags = $(ecap_sdk_cflags) $(ecap_libbpf_cflags) $(CPPFLAGS) -MMD -MP
ecap_cflags = -std=gnu11 -Wall -Wextra -pthread $(CFLAGS)
ecap_libs = $(LDLIBS) $(ecap_libbpf_libs)
ecap_objects = $(SRCS:.c=.o)

$(ecap_objects): %.o: %.c $(ecap_bpf_objects)
	$(call ecap_say,CC  )$(CC) $(ecap_cppflags) $(ecap_fortify) $(ecap_harden) -fPIC \
		-fvisibility=hidden $(ecap_cflags) -Wa,-I. -c -o $@ $<

$(MODULE).so: $(ecap_objects)
	$(call ecap_say,LINK)$(CC) -shared -o $@ $^ $(CFLAGS) -pthread -Wl,-z,defs -Wl,-z,relro -Wl,-z,now \
		-Wl,-z,noexecstack -Wl,--as-needed $(LDFLAGS) $(ecap_libs)

# Tests: programs with the module in them, against the fake host of ecapture/mock.h.

ecap_tests = $(TESTS:.c=)
ecap_check_srcs = $(SRCS:.c=.check.o)
ecap_check_objects = $(ecap_check_srcs) $(TESTS:.c=.check.o)

$(ecap_check_objects): %.check.o: %.c $(ecap_bpf_objects)
	$(call ecap_say,CC  )$(CC) $(ecap_cppflags) $(ecap_cflags) $(SANITIZE) -Wa,-I. -c -o $@ $<

$(ecap_tests): %: %.check.o $(ecap_check_srcs)
	$(call ecap_say,LINK)$(CC) -o $@ $^ $(CFLAGS) -pthread $(SANITIZE) $(LDFLAGS) $(ecap_libs)

check: $(MODULE).so $(ecap_tests)
	@$(if $(ecap_tests),,echo "no tests: TESTS is empty and there is no $(MODULE)_test.c")
	@for test in $(ecap_tests); do ./$$test || { echo "$$test: exit status $$?" >&2; exit 1; }; done

# The manual page, from the descriptor; install takes it along when it is there.

ecap_man = ecapture-$(MODULE).1

man: $(ecap_man)
$(ecap_man): $(MODULE).so
	$(call ecap_say,MAN )$(ECAPTURE) modules man ./$(MODULE).so >$@

install: $(MODULE).so
	@test -n "$(moduledir)" || { echo "moduledir is empty: is ecapture-sdk installed?" >&2; exit 1; }
	$(INSTALL) -d -m 755 "$(DESTDIR)$(moduledir)"
	$(INSTALL) -m 755 $(MODULE).so "$(DESTDIR)$(moduledir)/"
	$(if $(wildcard $(ecap_man)),$(INSTALL) -d -m 755 "$(DESTDIR)$(mandir)/man1")
	$(if $(wildcard $(ecap_man)),$(INSTALL) -m 644 $(ecap_man) "$(DESTDIR)$(mandir)/man1/")

uninstall:
	rm -f "$(DESTDIR)$(moduledir)/$(MODULE).so" "$(DESTDIR)$(mandir)/man1/$(ecap_man)"

clean:
	rm -f $(MODULE).so $(ecap_made) $(ecap_made:.o=.d) $(ecap_tests) $(ecap_man)

ecap_made = $(ecap_objects) $(ecap_bpf_objects) $(ecap_check_objects)
-include $(ecap_made:.o=.d)
