/* SPDX-License-Identifier: Apache-2.0 */
/* Runs packet filters in the kernel, on packets of a test. For cmocka: what goes wrong fails it. */
#ifndef ECAPTURE_TESTS_UNIT_PACKET_FILTER_RUN_H
#define ECAPTURE_TESTS_UNIT_PACKET_FILTER_RUN_H

#include <stdint.h>

#include "packet_corpus.h"
#include "packets/filter.h"
#include "packets/filter_private.h"

#define TEST_MATCH    7u         /* what the program behind the filter returns */
#define TEST_NO_MATCH UINT32_MAX /* TC_ACT_UNSPEC */
#define TEST_ETHERNET 1 /* LINKTYPE_* */
#define TEST_RAW      101

/* Group fixture: the programs around the filter. */
int test_filter_prepare(void **state);
/* Skips the test where BPF programs cannot be loaded. */
void test_filter_need_bpf(void);

/* The array with the program that filters call. */
int test_filter_behind(void);
/* Loads a filter, and has the next runs use it; the caller closes it after them. */
int test_filter_load(const char *expression, const struct ecap_filter_side *side);
int test_filter_load_code(const struct ecap_cbpf *code, uint32_t n,
			  const struct ecap_filter_side *side);
/* Has the next runs use this program; returns it. */
int test_filter_use(int program);

/* The verdict of the last filter. @tag: beside the packet, TCI and TEST_TAG_*; 0: none. */
uint32_t test_filter_run(const void *data, uint32_t len, uint32_t tag);
#define TEST_TAG_CUSTOMER 0x10000 /* of 802.1Q */
#define TEST_TAG_SERVICE  0x20000 /* of 802.1ad */

/* Fails, by the names of expression and packet, when the verdict is not what is expected. */
void test_filter_judge(const char *expression, const struct test_packet *packet, uint32_t verdict,
		       int expected);
/* The last filter on a packet of Ethernet; where it has a tag, with that in it and beside it. */
void test_filter_judge_packet(const char *expression, const struct test_packet *packet,
			      int expected);

/* Fixed, so that what fails once fails again. */
uint32_t test_random(uint64_t *seed, uint32_t below);

#endif
