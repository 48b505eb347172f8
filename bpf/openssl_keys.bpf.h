/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Secrets, where OpenSSL and BoringSSL hand them to their key log function, (ssl, label, secret,
 * length): they come by whether or not the program has set a key log.
 */
#ifndef OPENSSL_KEYS_BPF_H
#define OPENSSL_KEYS_BPF_H

/* libbpf names the sixth argument's register since 1.2 only: bpf_tracing.h. */
#ifndef PT_REGS_PARM6
#if defined(__TARGET_ARCH_x86)
#define PT_REGS_PARM6(ctx) ((ctx)->r9)
#elif defined(__TARGET_ARCH_arm64)
#define PT_REGS_PARM6(ctx) (((const struct user_pt_regs *)(ctx))->regs[5])
#endif
#endif

/* Where the client random is, for each probed function: see OPENSSL_KEY_SITE. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, OPENSSL_MAX_KEY_SITES);
	__type(key, __u64);
	__type(value, struct openssl_key_site);
} key_sites SEC(".maps");

static __always_inline __u64 this_site(struct pt_regs *ctx)
{
#ifdef ECAP_TASK_STORAGE
	return bpf_get_attach_cookie(ctx);
#else
	return OPENSSL_KEY_SITE(PT_REGS_IP(ctx));
#endif
}

/* A page that the program itself has not touched yet may be absent: some programs may wait for it. */
static __always_inline long read_user(void *to, __u32 len, __u64 from)
{
	long err = bpf_probe_read_user(to, len, (const void *)from);

#ifdef ECAP_DYNPTR
	if (err)
		err = bpf_copy_from_user(to, len, (const void *)from);
#endif
	return err;
}

/* Where the path leads that begins at @from. */
static __always_inline long follow(const struct openssl_key_site *site, __u64 from, __u64 *to)
{
	for (__u32 i = 0; i < OPENSSL_KEY_LOADS; i++) {
		from += (__s64)site->offset[i];
		if (i >= site->n_loads) {
			*to = from;
			return 0;
		}
		if (read_user(&from, sizeof(from), from))
			return -1;
	}
	*to = from + (__s64)site->offset[OPENSSL_KEY_LOADS];
	return 0;
}

static __always_inline long read_client_random(const struct openssl_key_site *site, __u64 ssl,
					       __u8 *random)
{
	__u64 at;

	return follow(site, ssl, &at) || read_user(random, OPENSSL_RANDOM_BYTES, at);
}

#ifdef ECAP_TASK_STORAGE
/* Connections of which secrets came by, or which were looked at. LRU, as in openssl_conns.bpf.h. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct conn_key);
	__type(value, __u8);
} known_conns SEC(".maps");

static __always_inline int is_known(__u64 ssl)
{
	struct conn_key key = { .ssl = ssl, .pid = bpf_get_current_pid_tgid() >> 32 };

	return bpf_map_lookup_elem(&known_conns, &key) != NULL;
}

static __always_inline void set_known(__u64 ssl)
{
	struct conn_key key = { .ssl = ssl, .pid = bpf_get_current_pid_tgid() >> 32 };
	__u8 one = 1;

	bpf_map_update_elem(&known_conns, &key, &one, BPF_ANY);
}

/*
 * The same by the first half of their client random: a process that forks has its connections twice,
 * the second one as an object that no secret came by with.
 */
struct random_key {
	__u64 words[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct random_key);
	__type(value, __u8);
} known_randoms SEC(".maps");

static __always_inline void set_random_known(const __u8 *random)
{
	struct random_key key;
	__u8 one = 1;

	__builtin_memcpy(&key, random, sizeof(key));
	bpf_map_update_elem(&known_randoms, &key, &one, BPF_ANY);
}

/* CLIENT_TRAFFIC_SECRET_N: one that was updated says nothing of those before. */
static __always_inline int is_update(const char *label)
{
	return label[sizeof("CLIENT_TRAFFIC_SECRET_N") - 2] == 'N';
}
#endif

SEC("uprobe" ECAP_SLEEPABLE)
int key_logged(struct pt_regs *ctx)
{
	struct openssl_key_record record = { .record = { .fd = -1, .type = OPENSSL_RECORD_KEY } };
	__u64 ssl = PT_REGS_PARM1(ctx), label = PT_REGS_PARM2(ctx), secret = PT_REGS_PARM3(ctx);
	__u64 key = this_site(ctx), len = PT_REGS_PARM4(ctx), random_from = ssl;
	struct openssl_key_site *site = bpf_map_lookup_elem(&key_sites, &key);

	if (!site || !ecap_wanted())
		return 0;
	if (site->inner) { /* (label, ssl, random, its length, secret, length) */
		if (PT_REGS_PARM4(ctx) != OPENSSL_RANDOM_BYTES)
			return 0; /* an encrypted premaster secret */
		label = ssl;
		ssl = PT_REGS_PARM2(ctx);
		random_from = PT_REGS_PARM3(ctx);
		secret = PT_REGS_PARM5(ctx);
		len = PT_REGS_PARM6(ctx);
	}
	record.label_addr = label;
	record.secret_len = (__u32)len;
	record.site = (__u32)key;
	record.record.len = sizeof(record) - sizeof(record.record);
	/* What cannot be read stays empty: labels are told apart by their address, too. */
	if (read_user(record.label, sizeof(record.label) - 1, record.label_addr))
		__builtin_memset(record.label, 0, sizeof(record.label));
	if (!len || len > sizeof(record.secret) ||
	    read_user(record.secret, (__u32)len, secret) ||
	    read_client_random(site, random_from, record.client_random)) {
		ecap_count_fault((__u32)len);
		return 0;
	}
#ifdef ECAP_TASK_STORAGE
	if (!is_update(record.label)) {
		set_known(ssl);
		set_random_known(record.client_random);
	}
#endif
	ecap_fill_task(&record.record);
	ecap_emit(ctx, &record, sizeof(record), NULL, 0);
	return 0;
}

/*
 * Premaster secrets, where an OpenSSL client hands them to its key log: (ssl, encrypted, length,
 * premaster, length). The first bytes of the encrypted one stand where others have a client random.
 */
SEC("uprobe" ECAP_SLEEPABLE)
int rsa_logged(struct pt_regs *ctx)
{
	struct openssl_key_record record = {
		.record = { .fd = -1, .type = OPENSSL_RECORD_KEY }, .label = OPENSSL_RSA_LABEL,
	};
	__u64 len = PT_REGS_PARM5(ctx);

	/* The library makes no line of one that is shorter. */
	if (!ecap_wanted() || PT_REGS_PARM3(ctx) < OPENSSL_RSA_TAG_BYTES)
		return 0;
	record.secret_len = (__u32)len;
	record.record.len = sizeof(record) - sizeof(record.record);
	if (!len || len > sizeof(record.secret) ||
	    read_user(record.secret, (__u32)len, PT_REGS_PARM4(ctx)) ||
	    read_user(record.client_random, OPENSSL_RSA_TAG_BYTES, PT_REGS_PARM2(ctx))) {
		ecap_count_fault((__u32)len);
		return 0;
	}
	ecap_fill_task(&record.record);
	ecap_emit(ctx, &record, sizeof(record), NULL, 0);
	return 0;
}

#endif
