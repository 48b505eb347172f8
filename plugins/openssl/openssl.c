/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The openssl module: plaintext of every program that uses OpenSSL or BoringSSL, as a shared
 * library or inside the program. This file is its descriptor and its life.
 */
#include "openssl.h"

ECAP_BPF_OBJECT(dynptr_object, "openssl.dynptr.o");
ECAP_BPF_OBJECT(storage_object, "openssl.storage.o");
ECAP_BPF_OBJECT(core_object, "openssl.core.o");
ECAP_BPF_OBJECT(noncore_object, "openssl.noncore.o");

/* Beside what every program of that variant needs: sockets of system calls, and cookies. */
#define SOCKET_FEATURES (ECAP_FEAT_TASK_REGS | ECAP_FEAT_BPF_LOOP | ECAP_FEAT_BPF_COOKIE)

/* From the best to the least demanding. */
static const struct ecap_bpf objects[] = {
	{ .name = "openssl.dynptr", .data = dynptr_object, .end = dynptr_object_end,
	  .variant = ECAP_BTF_CORE, .features = ECAP_BPF_NEEDS_DYNPTR | SOCKET_FEATURES },
	{ .name = "openssl.storage", .data = storage_object, .end = storage_object_end,
	  .variant = ECAP_BTF_CORE, .features = ECAP_BPF_NEEDS_STORAGE | SOCKET_FEATURES },
	{ .name = "openssl.core", .data = core_object, .end = core_object_end,
	  .variant = ECAP_BTF_CORE, .features = ECAP_BPF_NEEDS_CORE },
	{ .name = "openssl.noncore", .data = noncore_object, .end = noncore_object_end,
	  .variant = ECAP_BTF_NONCORE, .features = ECAP_BPF_NEEDS_NONCORE },
};

static int is_keylog(const struct openssl_config *config)
{
	return config->model == OPENSSL_KEY || config->model == OPENSSL_KEYLOG;
}

static int is_pcapng(const struct openssl_config *config)
{
	return config->model == OPENSSL_PCAP || config->model == OPENSSL_PCAPNG;
}

#define KEYLOGFILE "ecapture_openssl_key.log" /* where none is named */

/* A key log that is named is written beside packets, too. */
static const char *keylogfile(const struct openssl_config *config)
{
	if (config->keylogfile)
		return is_keylog(config) || is_pcapng(config) ? config->keylogfile : NULL;
	return is_keylog(config) ? KEYLOGFILE : NULL;
}

static int wants_packets(const struct ecap_pcapng_options *p)
{
	return p->interfaces || p->filter || p->rotate_bytes || p->rotate_ns ||
	       strcmp(p->path, ECAP_PCAPNG_PATH);
}

/* What is given for another mode than the one that was chosen. */
static void tell_unused(const struct ecap_context *ctx, const struct openssl_config *config)
{
	if (config->ssl_version)
		ecap_log(ctx, ECAP_LOG_INFO, "--ssl_version is not needed: functions are found in "
			 "the file itself");
	if (!is_pcapng(config) && wants_packets(&config->packets))
		ecap_log(ctx, ECAP_LOG_WARN, "--pcapfile, --ifname, --rotate-size, --rotate-time and a "
			 "packet filter have no effect without --model pcapng");
	if (config->keylogfile && !keylogfile(config))
		ecap_log(ctx, ECAP_LOG_WARN, "--keylogfile has no effect without --model keylog or "
			 "pcapng");
}

static int is_standard_output(const char *path)
{
	return path && !strcmp(path, "-");
}

static int open_files(struct openssl *m)
{
	const char *keys = keylogfile(m->config);
	int err = 0;

	if (is_pcapng(m->config) && is_standard_output(keys) &&
	    is_standard_output(m->config->packets.path))
		return ecap_fail(m->ctx, -EINVAL, "-k - and -w -: standard output is for one of them");
	if (keys)
		err = m->keylog->open(m->ctx->self, keys, &m->keys);
	if (!err && is_pcapng(m->config))
		err = ecap_pcapng_open(m->ctx, &m->config->packets, &m->packets);
	if (err)
		m->keylog->close(m->keys);
	return err;
}

static int openssl_init(const struct ecap_context *ctx, void **state)
{
	const struct openssl_config *config = ctx->config;
	struct openssl *m;
	int err = openssl_check_builds(ctx);

	if (err)
		return err;
	m = calloc(1, sizeof(*m));
	if (!m)
		return ecap_fail(ctx, -ENOMEM, "out of memory");
	m->ctx = ctx;
	m->config = config;
	pthread_mutex_init(&m->older_lock, NULL);
	m->elf = ecap_elf(ctx);
	m->targets = ecap_targets(ctx);
	m->keylog = ecap_keylog(ctx);
	m->pcapng = ecap_pcapng(ctx);
	tell_unused(ctx, config);
	err = open_files(m);
	if (err)
		free(m);
	else
		*state = m;
	return err;
}

static void autoload(struct openssl *m, const char *name, int on)
{
	struct bpf_program *program = bpf_object__find_program_by_name(m->object, name);

	if (program)
		bpf_program__set_autoload(program, on);
}

/* Programs that a kernel lacks something for would fail the whole load. */
static void choose_programs(struct openssl *m)
{
	int session = openssl_has_session(m);
	int tracepoints = (m->ctx->features & ECAP_FEAT_SOCK_LENGTH_TP) != 0;
	struct bpf_program *program;

	if (openssl_wants_keys(m)) {
		bpf_object__for_each_program(program, m->object)
			bpf_program__set_autoload(program, 0);
		autoload(m, OPENSSL_KEYS, 1);
		autoload(m, OPENSSL_RSA, 1);
		autoload(m, OPENSSL_OLDER, session);
		autoload(m, "older_entry", !session);
		autoload(m, "older_return", !session);
		return;
	}
	autoload(m, OPENSSL_KEYS, 0);
	autoload(m, OPENSSL_RSA, 0);
	autoload(m, OPENSSL_OLDER, 0);
	autoload(m, "older_entry", 0);
	autoload(m, "older_return", 0);
	autoload(m, OPENSSL_SESSION, session);
	autoload(m, "call_entry", !session);
	autoload(m, "call_return", !session);
	autoload(m, "socket_sent", tracepoints);
	autoload(m, "socket_received", tracepoints);
}

static int openssl_load(void *state)
{
	struct openssl *m = state;
	int err = ecap_bpf_open(m->ctx, objects, NULL, &m->object);

	if (!err)
		err = ecap_bpf_set_events(m->ctx, m->object);
	if (!err)
		err = ecap_bpf_set_filter(m->ctx, m->object);
	if (err)
		return err;
	choose_programs(m);
	if (openssl_wants_keys(m) && !openssl_has_older(m))
		ecap_log(m->ctx, ECAP_LOG_INFO, "connections from before the start are not seen: this "
			 "kernel has no attach cookies or no storage of tasks");
	return ecap_bpf_load(m->ctx, m->object,
			     openssl_wants_keys(m) ? OPENSSL_OLDER : OPENSSL_SESSION);
}

static int openssl_maps(void *state, const struct ecap_map **maps, uint32_t *n)
{
	struct openssl *m = state;
	int err = ecap_bpf_events_map(m->ctx, m->object, sizeof(struct openssl_record), &m->map);

	if (err)
		return err;
	*maps = &m->map;
	*n = 1;
	return 0;
}

/* Those that tell which socket a call uses; without them, only descriptors that the program sets. */
static int attach_tracepoints(struct openssl *m)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, m->object) {
		struct ecap_link link = { NULL, -1 };
		int err;

		if (strncmp(bpf_program__section_name(program), "tp_btf/", 7) ||
		    !bpf_program__autoload(program))
			continue;
		link.link = bpf_program__attach_trace(program);
		if (!link.link)
			return ecap_fail(m->ctx, -errno, "%s: %s",
					 bpf_program__section_name(program), strerror(errno));
		err = ecap_links_add(m->ctx, &m->links, link);
		if (err)
			return err;
	}
	return 0;
}

/* Those with OpenSSL or BoringSSL inside that show no symbol of it are known by their names. */
static const char *const libraries[] = {
	"libssl.so*", "libssl-*.so*",
	"lib*netty_tcnative*.so*", /* JVM: unpacked to a temporary file and deleted while mapped */
	"*/grpc/_cython/cygrpc.*.so", "*/curl_cffi/_wrapper.abi3.so",
	"*/cryptography/hazmat/bindings/_rust.abi3.so",
	NULL
};
static const char *const symbols[] = { "SSL_read", "SSL_write", NULL };
static const char *const programs_with_it[] = { "node", NULL };

/* Of a process that was named: also what shows neither name nor symbol, as a stripped program does. */
static int find_inside(struct openssl *m)
{
	static const char *const any[] = { "*", NULL };
	const struct ecap_target_spec spec = { .struct_size = sizeof(spec),
					       .pid = m->ctx->common->pid, .libraries = any };
	int n;

	m->guessing = 1;
	n = m->targets->find(m->ctx->self, &spec, openssl_attach, m);
	m->guessing = 0;
	return n;
}

static int find_files(struct openssl *m)
{
	const struct ecap_target_spec spec = {
		.struct_size = sizeof(spec), .pid = m->ctx->common->pid, .path = m->config->libssl,
		.libraries = libraries, .symbols = symbols, .programs = programs_with_it,
	};
	int n = m->targets->find(m->ctx->self, &spec, openssl_attach, m);

	if (n >= 0 && !m->n_files && m->ctx->common->pid != ECAP_ANY && !m->config->libssl)
		n = find_inside(m);
	if (n < 0)
		return n;
	if (m->config->libssl)
		return 0;
	n = m->targets->watch(m->ctx->self, &spec, openssl_attach, m);
	if (n < 0)
		ecap_log(m->ctx, ECAP_LOG_WARN, "programs that bring their own copy and start "
			 "from now on are not seen: this kernel does not tell of new mappings");
	if (n < 0 && !m->n_files && m->packets)
		ecap_log(m->ctx, ECAP_LOG_WARN, "no library was found: packets will have no secrets; "
			 "name one by --libssl");
	else if (n < 0 && !m->n_files)
		return ecap_fail(m->ctx, -ENOENT, "no library was found: no libssl.so in "
				 "ld.so.cache, and no process that uses one; name one by --libssl");
	if (n >= 0 && !m->n_files)
		ecap_log(m->ctx, ECAP_LOG_INFO, "no library was found yet; waiting for a process "
			 "that uses one");
	return 0;
}

static int openssl_start(void *state)
{
	struct openssl *m = state;
	int err = attach_tracepoints(m);

	if (!err)
		err = find_files(m);
	if (!err && m->packets)
		err = m->pcapng->start(m->packets);
	if (err) {
		ecap_links_cut(&m->links, 0);
		openssl_end_older(m);
	}
	return err;
}

static int openssl_stop(void *state)
{
	struct openssl *m = state;

	m->pcapng->stop(m->packets);
	ecap_links_cut(&m->links, 0);
	openssl_end_older(m);
	return 0;
}

static void openssl_close(void *state)
{
	struct openssl *m = state;

	ecap_links_cut(&m->links, 0);
	openssl_end_older(m);
	pthread_mutex_destroy(&m->older_lock);
	bpf_object__close(m->object);
	m->keylog->close(m->keys);
	m->pcapng->close(m->packets);
	free(m->key_places);
	free(m);
}

static const struct ecap_ops ops = {
	.struct_size = sizeof(ops),
	.init = openssl_init,
	.load = openssl_load,
	.maps = openssl_maps,
	.start = openssl_start,
	.stop = openssl_stop,
	.close = openssl_close,
	.decode = openssl_decode,
	.survey = openssl_survey,
};

#define OPT(MEMBER, TYPE, NAME, ...) ECAP_OPT(struct openssl_config, MEMBER, TYPE, NAME, __VA_ARGS__)

static const struct ecap_option options[] = {
	OPT(libssl, ECAP_OPT_PATH, "libssl", .metavar = "FILE", .flags = ECAP_OPT_MUST_EXIST,
	    .group = "Target", .help = "only this library, or program that holds OpenSSL or BoringSSL"),
	OPT(exact_symbols, ECAP_OPT_BOOL, "exact-symbols", .group = "Target",
	    .help = "probe the exported functions only: slower, and misses I/O through a BIO"),
	OPT(model, ECAP_OPT_ENUM, "model", .short_name = 'm', .metavar = "MODE", .def = "text",
	    .choices = "text|pcap|pcapng|key|keylog", .group = "Mode",
	    .help = "what to write: plaintext, packets with their secrets, or a key log"),
	OPT(keylogfile, ECAP_OPT_STRING, "keylogfile", .short_name = 'k', .metavar = "FILE",
	    .group = "Mode",
	    .help = "where the key log goes, as Wireshark reads it; -: standard output. With -m keylog "
		    "by default " KEYLOGFILE "; with -m pcapng only if it is given"),
	OPT(ssl_version, ECAP_OPT_STRING, "ssl_version", .metavar = "VERSION",
	    .flags = ECAP_OPT_HIDDEN, .group = "Target", .help = "not needed"),
	ECAP_PCAPNG_ROWS(struct openssl_config, packets),
};

static const char *const services[] = {
	ECAP_ELF_SERVICE, ECAP_KEYLOG_SERVICE, ECAP_PCAPNG_SERVICE, ECAP_TARGETS_SERVICE, NULL
};

ECAP_MODULE(
	.name = "openssl", .command = "tls", .aliases = "openssl",
	.version = "0.1.0", .license = "Apache-2.0",
	.summary = "plaintext, keys or packets of programs that use OpenSSL or BoringSSL",
	.description = "Shows what programs send and receive through TLS, before it is encrypted and "
		       "after it is decrypted.\nOr writes the secrets of their connections: as a "
		       "key log (-m keylog), or with the packets\ninto a pcapng file, which "
		       "Wireshark decrypts as it is (-m pcapng).\nLibraries are found in ld.so.cache "
		       "and in the running processes; new ones as they are mapped.",
	.examples = "  ecapture tls\n  ecapture tls --pid 1234 -o json --eventaddr events.json\n"
		    "  ecapture tls --libssl /usr/local/bin/node --hex\n"
		    "  ecapture tls -m keylog -k keys.log\n"
		    "  ecapture tls -m pcapng -w web.pcapng -i eth0 tcp port 443",
	.targets = "libssl.so, programs that hold OpenSSL or BoringSSL",
	.services = services, .ops = &ops,
	.options = options, .n_options = ECAP_COUNT(options),
	.config_size = sizeof(struct openssl_config),
	.bpf = objects, .n_bpf = ECAP_COUNT(objects),
	.named = "build",
	.named_help = "what holds in the library or program with the build-id NAME, where nothing is "
		      "found by itself (ecapture modules probe FILE shows it, and its build-id)",
	.named_options = openssl_build_options, .n_named_options = OPENSSL_N_BUILD_OPTIONS,
	.named_size = sizeof(struct openssl_build));
