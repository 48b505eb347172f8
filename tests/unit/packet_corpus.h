/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of many kinds, as frames of Ethernet, for the tests of packet filters. */
#ifndef ECAPTURE_TESTS_UNIT_PACKET_CORPUS_H
#define ECAPTURE_TESTS_UNIT_PACKET_CORPUS_H

#include <stdint.h>

struct test_packet {
	char name[64];
	uint32_t len;
	uint8_t data[1600];
};

/* Always the same ones; *n of them. */
const struct test_packet *test_packets(uint32_t *n);

#endif
