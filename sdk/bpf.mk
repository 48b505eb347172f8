# SPDX-License-Identifier: Apache-2.0
# How a BPF program is built, in one place: for ecapture's own build, for module.mk, and for the
# Makefiles of ecapture.m4. Plain make, as automake wants it. Who includes it sets CLANG, BPFTOOL,
# ECAP_CPU (x86_64, aarch64), ECAP_MULTIARCH (Debian's name of the machine, or nothing) and
# ECAP_BPF_CPPFLAGS (-I of the SDK and of libbpf), and writes the rules:
#
#	name.storage.o name.noncore.o: name.%.o: name.bpf.c
#		$(ecap_bpf_build)

# A source is built several times, for what kernels offer; the stem of the rule says which. The
# module's descriptor says which features each object needs (ECAP_BPF_NEEDS_* of ecapture/libbpf.h).
ECAP_BPF_VARIANT_dynptr = -DECAP_TASK_STORAGE -DECAP_DYNPTR
ECAP_BPF_VARIANT_storage = -DECAP_TASK_STORAGE
ECAP_BPF_VARIANT_core =
ECAP_BPF_VARIANT_noncore = -DECAP_NONCORE

ECAP_BPF_ARCH_x86_64 = x86
ECAP_BPF_ARCH_aarch64 = arm64

# The instruction set of the oldest kernels that are supported; newer ones take it too. The object
# is the same wherever it is built: it has no names of directories, and the lines of the source,
# which the verifier shows, are in it and not looked for when it is written.
ECAP_BPF_CFLAGS = -target bpf -mcpu=v2 -O2 -gdwarf-5 -gembed-source -std=gnu11 -Wall -ffreestanding \
	-D__TARGET_ARCH_$(ECAP_BPF_ARCH_$(ECAP_CPU)) \
	-idirafter /usr/include/$(ECAP_MULTIARCH) -fdebug-compilation-dir=/module

# bpftool checks the object and drops the debug sections, but BTF.
ecap_bpf_build = $(CLANG) $(ECAP_BPF_CFLAGS) $(ECAP_BPF_CPPFLAGS) $(ECAP_BPF_VARIANT_$*) \
	-MMD -MP -MT $@ -MF $(@:.o=.d) -c -o $@.tmp $< && \
	$(BPFTOOL) gen object $@ $@.tmp && rm -f $@.tmp
