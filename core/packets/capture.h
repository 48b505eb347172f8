/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One capture of packets: from the programs on the interfaces, through a reader of its own, into a
 * file. Packets that wait there are judged when they leave, when it is known whose they are.
 */
#ifndef ECAPTURE_CORE_PACKETS_CAPTURE_H
#define ECAPTURE_CORE_PACKETS_CAPTURE_H

#include <ecapture/service/pcapng.h>

#include "loop.h"

struct ecap_packet_capture;

struct ecap_packet_capture_options {
	const char *component;                     /* of the log */
	const struct ecap_context *context;        /* what the kernel has, and the process filter */
	const struct ecap_pcapng_options *options;
	struct ecap_loop *loop;
	/* The file cannot be written any more: the text is ecap_err_text(). [packets' thread] */
	void (*failed)(void *arg, int err);
	/* 1 when there may be secrets that have not been told yet. [packets' thread] */
	int (*pending)(void *arg);
	void *arg;
};

/*
 * [main] Looks at what is asked for, and makes the file. @wrong: 1 when it is an option's value that
 * cannot be. All that @options leads to lives until the capture is freed.
 */
int ecap_packet_capture_open(const struct ecap_packet_capture_options *options, int *wrong,
			     struct ecap_packet_capture **capture);

/* [main] From the loaded programs to packets in the file. */
int ecap_packet_capture_start(struct ecap_packet_capture *capture);

/* [main] Detaches, and reads what is left. Once, and harmless when it was not started. */
void ecap_packet_capture_stop(struct ecap_packet_capture *capture);

/* [main] Writes what waits, tells what came of it all, and frees it. */
void ecap_packet_capture_close(struct ecap_packet_capture *capture);

/* [any thread] As ecap_packet_file_secret(). */
int ecap_packet_capture_secret(struct ecap_packet_capture *capture, const char *label,
			       const void *random, const void *secret, uint32_t len);

#endif
