/* SPDX-License-Identifier: Apache-2.0 */
/* What this kernel can do, found by trying (ECAP_FEAT_* in sdk/ecapture/host.h). [main] */
#ifndef ECAPTURE_CORE_KERNEL_H
#define ECAPTURE_CORE_KERNEL_H

#include <stdint.h>

struct ecap_features {
	uint64_t bits;           /* ECAP_FEAT_* */
	uint32_t kernel_version; /* KERNEL_VERSION(a, b, c), for messages only */
};

/* @btf_path: BTF to use instead of the kernel's own, or NULL. Needs the right to load programs. */
int ecap_features_probe(const char *btf_path, struct ecap_features *features);

/* Adds what BTF from a file makes possible. -EINVAL and so on when the file holds none. */
int ecap_features_add_btf(const char *btf_path, struct ecap_features *features);

/* What messages call a feature, or NULL when it is none that we know. */
const char *ecap_feature_name(uint64_t bit);

/* The names of the features in @bits, "ring buffer, cookies", in @text. */
void ecap_features_names(uint64_t bits, char *text, uint32_t size);

/*
 * Refuses when the process lacks the capabilities that loading and attaching need. The text
 * names what is missing.
 */
int ecap_privileges_check(void);

/* The same for what programs on the packets of interfaces need beside. */
int ecap_privileges_check_packets(void);

#endif
