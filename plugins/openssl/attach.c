/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the probes of one file in place: all of them, or none. */
#include "openssl.h"

/* The program of a probe by its role, and whether its return counts too. */
static const struct {
	const char *by_result[3][3]; /* enum openssl_result; where the fourth argument is */
	int at_return;
} programs[] = {
	[OPENSSL_READ] = { { [OPENSSL_RESULT_INT] = { "read_int", "read_int", "read_int" },
			     [OPENSSL_RESULT_DONE] = { "read_done3", "read_done4" } }, 1 },
	[OPENSSL_WRITE] = { { [OPENSSL_RESULT_INT] = { "write_int", "write_int", "write_int" },
			      [OPENSSL_RESULT_DONE] = { "write_done3", "write_done4" } }, 1 },
	[OPENSSL_FREE] = { { [OPENSSL_RESULT_NONE] = { "ssl_free" } }, 0 },
	[OPENSSL_SET_FD] = { { [OPENSSL_RESULT_NONE] = { "set_both_fds" } }, 0 },
	[OPENSSL_SET_RFD] = { { [OPENSSL_RESULT_NONE] = { "set_read_fd" } }, 0 },
	[OPENSSL_SET_WFD] = { { [OPENSSL_RESULT_NONE] = { "set_write_fd" } }, 0 },
	[OPENSSL_SENDFILE] = { { [OPENSSL_RESULT_INT] = { "sendfile", "sendfile", "sendfile" } }, 1 },
};

/* NULL when no program expects the fourth argument where it is. */
static const char *program_of(const struct openssl_probe *probe)
{
	uint32_t where = 0;

	if (probe->result == OPENSSL_RESULT_DONE)
		where = probe->site.arg[3] - 3u; /* rcx or r8 */
	return where < 2 ? programs[probe->role].by_result[probe->result][where] : NULL;
}

static int attach_at(struct openssl *m, const char *path, const char *program, int at_return,
		     uint64_t offset)
{
	struct bpf_link *link = NULL;
	int err = ecap_bpf_probe(m->ctx, m->object, program, at_return, path, offset, &link);

	return err ? err : ecap_links_add(m->ctx, &m->links, link);
}

static int attach_probe(struct openssl *m, const struct ecap_target *target,
			const struct openssl_probe *probe)
{
	const char *program = program_of(probe);
	int err;

	ecap_log(m->ctx, ECAP_LOG_DEBUG,
		 "%s: %s at 0x%llx (file offset 0x%llx), found by %s; probe on \"%s\" (%s)",
		 target->shown, probe->function, (unsigned long long)probe->site.addr,
		 (unsigned long long)probe->site.offset, probe->how, probe->site.insn,
		 probe->site.emulated ? "emulated" : "single-stepped");
	if (!program)
		return ecap_fail(m->ctx, -ENOTSUP, "%s: %s: its fourth argument is in a register "
				 "that no program reads", target->shown, probe->function);
	/* The return first: an entry without its return would leave a call open. */
	err = programs[probe->role].at_return
		? attach_at(m, target->path, "call_return", 1, probe->site.offset) : 0;
	return err ? err : attach_at(m, target->path, program, 0, probe->site.offset);
}

static int attach_all(struct openssl *m, const struct ecap_target *target,
		      const struct openssl_location *location)
{
	uint32_t before = m->links.n;

	for (uint32_t i = 0; i < location->n_probes; i++) {
		int err = attach_probe(m, target, &location->probes[i]);

		if (err) {
			ecap_links_cut(&m->links, before);
			return err;
		}
	}
	return 0;
}

static const char *const flavours[] = {
	[OPENSSL_UNKNOWN] = "unknown", [OPENSSL_OPENSSL] = "OpenSSL",
	[OPENSSL_BORINGSSL] = "BoringSSL",
};

/* A file that was looked for, not named, may lack the functions: others are searched on. */
static int refuse(struct openssl *m, const struct ecap_target *target, int err, const char *why)
{
	if (target->how == ECAP_TARGET_GIVEN)
		return ecap_fail(m->ctx, err, "%s: %s", target->shown, why);
	ecap_log(m->ctx, target->how == ECAP_TARGET_WATCHED ? ECAP_LOG_DEBUG : ECAP_LOG_WARN,
		 "%s is not probed: %s", target->shown, why);
	return 0;
}

int openssl_attach(void *arg, const struct ecap_target *target)
{
	struct openssl *m = arg;
	struct openssl_location location;
	struct ecap_elf_file *file;
	int err = m->elf->open(target->path, &file);

	if (err)
		return refuse(m, target, err, "no ELF file that can be read");
	memset(&location, 0, sizeof(location));
	err = openssl_locate(m->elf, file, m->config->exact_symbols, &location);
	m->elf->close(file);
	if (err)
		return refuse(m, target, err, location.tried);
	err = attach_all(m, target, &location);
	if (err)
		return err;
	m->n_files++;
	ecap_log(m->ctx, ECAP_LOG_INFO, "%s: %s, %u probes", target->shown,
		 flavours[location.flavour], location.n_probes);
	return 0;
}
