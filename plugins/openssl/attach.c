/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the probes of one file in place: all of them, or none. */
#include "openssl.h"

/* What a role asks for: a read or a write, or a note about the connection object. */
static const struct {
	uint32_t direction; /* ECAP_DIR_*, or ECAP_DIR_NONE: a note */
	uint32_t note;
	const char *program; /* for a note, where programs know no cookies */
} roles[] = {
	[OPENSSL_READ] = { .direction = ECAP_DIR_RECV },
	[OPENSSL_WRITE] = { .direction = ECAP_DIR_SEND },
	[OPENSSL_SENDFILE] = { .direction = ECAP_DIR_SEND },
	[OPENSSL_FREE] = { .note = OPENSSL_NOTE_FREE, .program = "note_free" },
	[OPENSSL_SET_FD] = { .note = OPENSSL_NOTE_SET_RFD | OPENSSL_NOTE_SET_WFD,
			     .program = "note_set_fd" },
	[OPENSSL_SET_RFD] = { .note = OPENSSL_NOTE_SET_RFD, .program = "note_set_rfd" },
	[OPENSSL_SET_WFD] = { .note = OPENSSL_NOTE_SET_WFD, .program = "note_set_wfd" },
};

/* The programs for reads and writes where programs know no cookies. */
static const struct {
	uint32_t cookie;
	const char *program;
} entries[] = {
	{ OPENSSL_COOKIE(ECAP_DIR_RECV, OPENSSL_RETURNS_INT, 0u), "read_int" },
	{ OPENSSL_COOKIE(ECAP_DIR_RECV, OPENSSL_RETURNS_DONE, 3u), "read_done3" },
	{ OPENSSL_COOKIE(ECAP_DIR_RECV, OPENSSL_RETURNS_DONE, 4u), "read_done4" },
	{ OPENSSL_COOKIE(ECAP_DIR_SEND, OPENSSL_RETURNS_INT, 0u), "write_int" },
	{ OPENSSL_COOKIE(ECAP_DIR_SEND, OPENSSL_RETURNS_DONE, 3u), "write_done3" },
	{ OPENSSL_COOKIE(ECAP_DIR_SEND, OPENSSL_RETURNS_DONE, 4u), "write_done4" },
	{ OPENSSL_COOKIE(ECAP_DIR_SEND, OPENSSL_RETURNS_SENDFILE, 0u), "sendfile" },
};

/* The points of one file: those whose return counts, and the notes. */
struct plan {
	struct ecap_point calls[OPENSSL_MAX_PROBES], notes[OPENSSL_MAX_PROBES];
	uint32_t n_calls, n_notes;
};

uint32_t openssl_cookie_of(const struct openssl_probe *probe)
{
	uint32_t direction = roles[probe->role].direction;

	if (probe->role == OPENSSL_SENDFILE)
		return OPENSSL_COOKIE(direction, OPENSSL_RETURNS_SENDFILE, 0u);
	if (probe->result == OPENSSL_RESULT_INT)
		return OPENSSL_COOKIE(direction, OPENSSL_RETURNS_INT, 0u);
	return OPENSSL_COOKIE(direction, OPENSSL_RETURNS_DONE, (uint32_t)probe->site.arg[probe->done_arg]);
}

static const char *entry_of(uint64_t cookie)
{
	for (uint32_t i = 0; i < ECAP_COUNT(entries); i++)
		if (entries[i].cookie == cookie)
			return entries[i].program;
	return NULL;
}

static int plan_probe(struct openssl *m, const struct ecap_target *target,
		      const struct openssl_probe *probe, struct plan *plan)
{
	uint32_t cookie = openssl_cookie_of(probe);

	ecap_log(m->ctx, ECAP_LOG_DEBUG,
		 "%s: %s at 0x%llx (file offset 0x%llx), found by %s; probe on \"%s\" (%s)",
		 target->shown, probe->function, (unsigned long long)probe->site.addr,
		 (unsigned long long)probe->site.offset, probe->how, probe->site.insn,
		 probe->site.emulated ? "emulated" : "single-stepped");
	if (roles[probe->role].note) {
		plan->notes[plan->n_notes++] = (struct ecap_point){
			.offset = probe->site.offset, .cookie = roles[probe->role].note };
		return 0;
	}
	if (!entry_of(cookie))
		return ecap_fail(m->ctx, -ENOTSUP, "%s: %s: the pointer to the number of bytes is "
				 "in a register that no program reads", target->shown, probe->function);
	plan->calls[plan->n_calls++] =
		(struct ecap_point){ .offset = probe->site.offset, .cookie = cookie };
	return 0;
}

/* 1 when the object that was loaded has this program. */
static int has_program(const struct openssl *m, const char *name)
{
	return bpf_object__find_program_by_name(m->object, name) != NULL;
}

int openssl_has_session(const struct openssl *m)
{
	return (m->ctx->features & ECAP_FEAT_UPROBE_SESSION) && has_program(m, OPENSSL_SESSION);
}

int openssl_has_cookies(const struct openssl *m)
{
	return has_program(m, "note");
}

int openssl_has_older(const struct openssl *m)
{
	return has_program(m, OPENSSL_OLDER);
}

/* Old kernels: a program for each kind of point. */
static int attach_without_cookies(struct openssl *m, const char *path, const struct plan *plan)
{
	int err = 0;

	for (uint32_t i = 0; i < plan->n_calls && !err; i++)
		err = ecap_bpf_probes(m->ctx, m->object, entry_of(plan->calls[i].cookie),
				      ECAP_AT_ENTRY, path, &plan->calls[i], 1, &m->links);
	for (uint32_t i = 0; i < plan->n_notes && !err; i++)
		for (uint32_t r = 0; r < ECAP_COUNT(roles) && !err; r++)
			if (roles[r].note && roles[r].note == plan->notes[i].cookie)
				err = ecap_bpf_probes(m->ctx, m->object, roles[r].program,
						      ECAP_AT_ENTRY, path, &plan->notes[i], 1,
						      &m->links);
	return err;
}

/* The calls: the return first, as an entry without its return would leave a call open. */
static int attach_calls(struct openssl *m, const char *path, const struct plan *plan)
{
	int err;

	if (openssl_has_session(m))
		return ecap_bpf_probes(m->ctx, m->object, OPENSSL_SESSION, ECAP_AT_SESSION, path,
				       plan->calls, plan->n_calls, &m->links);
	err = ecap_bpf_probes(m->ctx, m->object, "call_return", ECAP_AT_RETURN, path, plan->calls,
			      plan->n_calls, &m->links);
	if (err || !has_program(m, "call_entry"))
		return err;
	return ecap_bpf_probes(m->ctx, m->object, "call_entry", ECAP_AT_ENTRY, path, plan->calls,
			       plan->n_calls, &m->links);
}

static int attach_plan(struct openssl *m, const char *path, const struct plan *plan)
{
	int err = attach_calls(m, path, plan);

	if (err)
		return err;
	if (!openssl_has_cookies(m))
		return attach_without_cookies(m, path, plan);
	return plan->n_notes ? ecap_bpf_probes(m->ctx, m->object, "note", ECAP_AT_ENTRY, path,
					       plan->notes, plan->n_notes, &m->links) : 0;
}

static int attach_all(struct openssl *m, const struct ecap_target *target,
		      const struct openssl_location *location)
{
	uint32_t before = m->links.n;
	struct plan plan = {};
	int err = 0;

	for (uint32_t i = 0; i < location->n_probes && !err; i++)
		err = plan_probe(m, target, &location->probes[i], &plan);
	if (!err)
		err = attach_plan(m, target->path, &plan);
	if (err)
		ecap_links_cut(&m->links, before);
	return err;
}

static const char *const flavours[] = {
	[OPENSSL_UNKNOWN] = "unknown", [OPENSSL_OPENSSL] = "OpenSSL",
	[OPENSSL_BORINGSSL] = "BoringSSL",
};

int openssl_refuse(struct openssl *m, const struct ecap_target *target, int err, const char *why)
{
	if (target->how == ECAP_TARGET_GIVEN)
		return ecap_fail(m->ctx, err, "%s: %s", target->shown, why);
	/* What the user has given for a file is wrong, however that came. */
	int expected = err != -EINVAL && (m->guessing || target->how == ECAP_TARGET_WATCHED);

	ecap_log(m->ctx, expected ? ECAP_LOG_DEBUG : ECAP_LOG_WARN, "%s is not probed: %s",
		 target->shown, why);
	return 0;
}

/* Reads, writes and notes. */
static int attach_text(struct openssl *m, const struct ecap_target *target,
		       struct ecap_elf_file *file)
{
	struct openssl_location location;
	int err;

	memset(&location, 0, sizeof(location));
	err = openssl_find_text(m->ctx, file, m->config->exact_symbols, &location);
	if (err)
		return openssl_refuse(m, target, err, location.tried);
	err = attach_all(m, target, &location);
	if (err)
		return err;
	m->n_files++;
	ecap_log(m->ctx, ECAP_LOG_INFO, "%s: %s, %u probes", target->shown,
		 flavours[location.flavour], location.n_probes);
	return 0;
}

int openssl_attach(void *arg, const struct ecap_target *target)
{
	struct openssl *m = arg;
	struct ecap_elf_file *file;
	int err = m->elf->open(target->path, &file);

	if (err)
		return openssl_refuse(m, target, err, "no ELF file that can be read");
	err = openssl_wants_keys(m) ? openssl_attach_keys(m, target, file)
				    : attach_text(m, target, file);
	m->elf->close(file);
	return err;
}
