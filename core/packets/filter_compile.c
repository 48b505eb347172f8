/* SPDX-License-Identifier: Apache-2.0 */
/* Packet filters by libpcap: from the expression to classic BPF, for a link type. */
#include <arpa/inet.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "packets/filter_private.h"
#include "util.h"

/* What tcpdump takes of a packet by default; the number that a program returns for a match. */
#define SNAPLEN 262144
/* LINKTYPE_RAW of www.tcpdump.org/linktypes.html, the one of ours that libpcap calls otherwise. */
#define LINKTYPE_RAW 101

static void pcap_closep(pcap_t **pcap)
{
	if (*pcap)
		pcap_close(*pcap);
}

static pcap_t *open_dead(uint16_t link_type)
{
	return pcap_open_dead(link_type == LINKTYPE_RAW ? DLT_RAW : link_type, SNAPLEN);
}

static int convert(const struct bpf_program *program, struct ecap_cbpf **code, uint32_t *n)
{
	struct ecap_cbpf *made = calloc(program->bf_len, sizeof(*made));

	if (!made)
		return ecap_err(-ENOMEM, "packet filter: out of memory");
	for (u_int i = 0; i < program->bf_len; i++) {
		const struct bpf_insn *insn = &program->bf_insns[i];

		made[i] = (struct ecap_cbpf){ insn->code, insn->jt, insn->jf, insn->k };
	}
	*code = made;
	*n = program->bf_len;
	return 0;
}

int ecap_filter_compile(const char *expression, uint16_t link_type, uint32_t netmask,
			struct ecap_cbpf **code, uint32_t *n)
{
	_cleanup_(pcap_closep) pcap_t *pcap = open_dead(link_type);
	struct bpf_program program;

	if (!pcap)
		return ecap_err(-ENOMEM, "packet filter: out of memory");
	/* It compares the mask with numbers of the host's byte order. */
	if (pcap_compile(pcap, &program, expression, 1, ntohl(netmask)))
		return ecap_filter_refused(expression, link_type, pcap_geterr(pcap));
	int err = convert(&program, code, n);

	pcap_freecode(&program);
	return err;
}

int ecap_filter_words(const char *expression, uint16_t link_type, char *words, uint32_t size)
{
	_cleanup_(pcap_closep) pcap_t *pcap = open_dead(link_type);
	struct bpf_program program;

	if (!pcap)
		return ecap_err(-ENOMEM, "packet filter: out of memory");
	if (!pcap_compile(pcap, &program, expression, 1, 0)) {
		pcap_freecode(&program);
		return 0;
	}
	snprintf(words, size, "%s", pcap_geterr(pcap));
	return 1;
}
