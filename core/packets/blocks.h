/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blocks of a pcapng file, each put whole into a sink, as one event of it. Each returns its
 * size, or 0 when the sink has failed: then its flush says why. Words are in our byte order, as
 * the section header tells.
 */
#ifndef ECAPTURE_CORE_PACKETS_BLOCKS_H
#define ECAPTURE_CORE_PACKETS_BLOCKS_H

#include "packets/file.h"
#include "packets/hold.h"
#include "sink.h"

#define ECAP_BLOCK_COMMENT_MAX    256u /* with its NUL */
#define ECAP_BLOCK_STATISTICS_MAX 128u /* bytes of the block */

size_t ecap_block_section(struct ecap_sink *sink);

size_t ecap_block_interface(struct ecap_sink *sink, const struct ecap_packet_interface *interface);

/* Large packets stay where they are until the sink's next flush. @comment: "" for none. */
size_t ecap_block_packet(struct ecap_sink *sink, const struct ecap_held *packet, uint64_t unix_ns,
			 const char *comment);
size_t ecap_block_packet_size(const struct ecap_held *packet, const char *comment);

/* Lines of a TLS key log. */
size_t ecap_block_secrets(struct ecap_sink *sink, const char *lines, size_t len);

/* Of an interface, from the beginning of the capture on. */
struct ecap_block_statistics {
	uint64_t begin_ns, end_ns; /* Unix */
	struct ecap_packet_statistics seen;
	uint64_t written;
};

size_t ecap_block_statistics(struct ecap_sink *sink, uint32_t interface,
			     const struct ecap_block_statistics *statistics);

#endif
