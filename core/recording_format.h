/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording, byte by byte: sdk/recording.md says what it means. Everything is little-endian; the
 * size of a frame is a multiple of 8, so that what follows a frame's header can be handed to
 * decode() where it lies in the mapped file.
 */
#ifndef ECAPTURE_CORE_RECORDING_FORMAT_H
#define ECAPTURE_CORE_RECORDING_FORMAT_H

#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "structs are written as they are");

/* As PNG does it (its specification, 5.2): no text begins so, and text conversion shows. */
#define RECORDING_MAGIC "\x89" "ECAP\r\n\x1a"
#define RECORDING_MAJOR 1
#define RECORDING_MINOR 0

struct recording_start {
	char magic[8];
	uint16_t major, minor;
	uint32_t crc; /* of what is before it, as every crc: CRC-32 as in zlib */
};

#define RECORDING_CONTEXT 1u
#define RECORDING_MODULE  2u
#define RECORDING_MAP     3u
#define RECORDING_OPTIONS 4u
#define RECORDING_RECORD  5u
#define RECORDING_LOST    6u
#define RECORDING_END     7u

#define RECORDING_F_OPTIONAL (1u << 0) /* who does not know the type passes over the frame */

struct recording_frame {
	uint16_t type, flags;
	uint32_t map;         /* of RECORD and LOST: number of the MAP frame, from 0 */
	uint32_t len;         /* of the payload; zeros fill it up to a multiple of 8 */
	uint32_t payload_crc; /* without those zeros */
	uint32_t reserved;
	uint32_t crc;
};

/* What the payloads begin with; a later minor version may append. */

struct recording_context {
	uint16_t abi_major, abi_minor; /* of the module */
	uint32_t kernel_version;
	uint64_t features;
	int64_t mono_to_real_ns;
	uint32_t n_cpus, page_size;
	uint16_t btf_mode, reserved;
	uint32_t page_count;
	uint64_t pid, uid, cgroup_id, ring_bytes, truncate;
	char comm[16];
	uint8_t hex, debug, reserved2[6];
};

struct recording_map {
	uint32_t id, min_record; /* the name follows, up to a NUL */
};

struct recording_lost {
	uint64_t n;
};

struct recording_end {
	uint64_t records, lost;     /* RECORD frames; sum of the LOST frames */
	uint32_t n_maps, row_size; /* n_maps rows follow, in the order of the MAP frames */
};

struct recording_end_row {
	uint64_t records, short_records, lost_records, lost_bytes, fault_bytes;
};

_Static_assert(sizeof(struct recording_start) == 16 && sizeof(struct recording_frame) == 24 &&
	       sizeof(struct recording_context) == 104 && sizeof(struct recording_map) == 8 &&
	       sizeof(struct recording_end) == 24 && sizeof(struct recording_end_row) == 40,
	       "as sdk/recording.md has it");

static inline uint64_t recording_padded(uint32_t len)
{
	return ((uint64_t)len + 7) & ~UINT64_C(7);
}

#endif
