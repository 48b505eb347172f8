/* SPDX-License-Identifier: Apache-2.0 */
/* Packet filters, from the expression to the loaded program. */
#include "packets/filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "err.h"
#include "packets/filter_private.h"
#include "util.h"

/* The verifier's words, of which the end says why. */
#define VERIFIER_LOG 65536u

int ecap_filter_translate(const char *expression, const struct ecap_filter_side *side,
			  int prog_array_fd, struct bpf_insn **insns, uint32_t *n)
{
	_cleanup_free_ struct ecap_cbpf *code = NULL;
	uint32_t n_code;
	int err = ecap_filter_compile(expression, side->link_type, side->netmask, &code, &n_code);

	if (err)
		return err;
	err = ecap_filter_ebpf(code, n_code, side, prog_array_fd, insns, n);
	return err ? ecap_err_context(err, "packet filter \"%.200s\"", expression) : 0;
}

int ecap_filter_check(const char *expression, uint16_t link_type)
{
	const struct ecap_filter_side side = { .link_type = link_type, .packet_type = -1 };
	_cleanup_free_ struct bpf_insn *insns = NULL;
	uint32_t n;

	return ecap_filter_translate(expression, &side, -1, &insns, &n);
}

/* Whether the program goes back, as for the chain of headers of "ip6 protochain". */
static int loops(const struct bpf_insn *insns, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (BPF_CLASS(insns[i].code) == BPF_JMP && insns[i].off < 0)
			return 1;
	return 0;
}

/* The last line but the verifier's statistics, which follow what it says. */
static const char *last_words(char *log)
{
	char *stats = strstr(log, "processed ");

	if (stats && (stats == log || stats[-1] == '\n'))
		*stats = '\0';
	size_t len = strlen(log);

	while (len && log[len - 1] == '\n')
		log[--len] = '\0';
	char *line = strrchr(log, '\n');

	return line ? line + 1 : log;
}

static int refused(int err, const char *expression, const struct bpf_insn *insns, uint32_t n,
		   char *log)
{
	const char *words = last_words(log);

	return ecap_err(err, "packet filter \"%.200s\": the kernel refuses its %u instructions: "
			"%s%s%s%s", expression, n, strerror(-err), *words ? ": " : "", words,
			err == -EINVAL && loops(insns, n) ?
			"; it goes back (protochain), what Linux before 5.3 does not take" : "");
}

int ecap_filter_load(const char *expression, const struct ecap_filter_side *side,
		     int prog_array_fd, int *program_fd)
{
	_cleanup_free_ struct bpf_insn *insns = NULL;
	_cleanup_free_ char *log = calloc(1, VERIFIER_LOG);
	uint32_t n;

	if (!log)
		return ecap_err(-ENOMEM, "packet filter: out of memory");
	int err = ecap_filter_translate(expression, side, prog_array_fd, &insns, &n);

	if (err)
		return err;
	/* With log_level 0 libbpf asks for the log only once the kernel has refused. */
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .log_buf = log, .log_size = VERIFIER_LOG);
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "ecap_filter", "Dual BSD/GPL", insns, n,
			       &opts);

	if (fd < 0)
		return refused(fd, expression, insns, n, log);
	*program_fd = fd;
	return 0;
}
