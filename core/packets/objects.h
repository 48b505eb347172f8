/* SPDX-License-Identifier: Apache-2.0 */
/* The variants of bpf/packets.bpf.c, as they are in the program. */
#ifndef ECAPTURE_CORE_PACKETS_OBJECTS_H
#define ECAPTURE_CORE_PACKETS_OBJECTS_H

extern const char ecap_packets_core[], ecap_packets_core_end[];
extern const char ecap_packets_noncore[], ecap_packets_noncore_end[];

#endif
