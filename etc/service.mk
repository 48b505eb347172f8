# SPDX-License-Identifier: Apache-2.0
# The systemd unit, with the paths of this installation. configure says where it goes.

if WITH_UNIT
systemdsystemunit_DATA = etc/ecapture.service
endif

etc/ecapture.service: etc/ecapture.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	sed -e 's|@bindir[@]|$(bindir)|g' -e 's|@configdir[@]|$(configdir)|g' $< >$@.tmp && \
	mv $@.tmp $@

CLEANFILES += etc/ecapture.service
EXTRA_DIST += etc/ecapture.service.in
