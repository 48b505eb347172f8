/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of the openssl module: every member arrives in the event, records that lie about their
 * length make none, and bytes that no buffer shows are counted each time and told once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../../plugins/openssl/openssl.h"

#include <cmocka.h>

/* What the module said to the host. */
static struct {
	uint32_t n_counts, n_logs;
	int level;
	char counter[128], text[512];
	uint64_t added;
} host_got;

static void host_log(struct ecap_instance *self, int level, const char *fmt, ...)
{
	va_list ap;

	(void)self;
	host_got.n_logs++;
	host_got.level = level;
	va_start(ap, fmt);
	vsnprintf(host_got.text, sizeof(host_got.text), fmt, ap);
	va_end(ap);
}

static void host_count(struct ecap_instance *self, const char *name, uint64_t add)
{
	(void)self;
	host_got.n_counts++;
	host_got.added += add;
	snprintf(host_got.counter, sizeof(host_got.counter), "%s", name);
}

static int aborted;

static void host_abort(struct ecap_instance *self, int err)
{
	(void)self;
	aborted = err;
}

static const struct ecap_host host = {
	.struct_size = sizeof(host), .log = host_log, .count = host_count, .abort = host_abort,
};
static const struct ecap_context context = { .struct_size = sizeof(context), .host = &host };

static const struct openssl_record data_record = {
	.mono_ns = 123456789012345, .conn = 77, .pid = 1000, .tid = 1001, .uid = 33, .fd = 5,
	.type = OPENSSL_RECORD_DATA, .direction = ECAP_DIR_RECV, .len = 11, .offset = 65536,
	.total = 70000, .comm = "curl",
	.tuple = { .family = 4, .lport = 45678, .rport = 443, .laddr = { 10, 0, 0, 1 },
		   .raddr = { 192, 0, 2, 7 } },
};

/* A record of exactly @len bytes in memory of its own, so that no byte behind it is read. */
static int decode(struct openssl *m, const struct openssl_record *record, const char *payload,
		  uint32_t len, struct ecap_event *ev)
{
	char *copy = malloc(len ? len : 1);
	size_t head = len < sizeof(*record) ? len : sizeof(*record);

	assert_non_null(copy);
	memcpy(copy, record, head);
	memcpy(copy + head, payload, len - head);
	*ev = (struct ecap_event){ .struct_size = sizeof(*ev), .fd = -1 };
	int got = openssl_decode(m, 3, copy, len, ev);

	if (got == 1) {
		assert_ptr_equal(ev->payload, copy + sizeof(*record));
		assert_memory_equal(ev->payload, payload, ev->payload_len);
	}
	free(copy);
	return got;
}

/* Nothing was filled in. */
static void assert_no_event(const struct ecap_event *ev)
{
	const struct ecap_event untouched = { .struct_size = sizeof(untouched), .fd = -1 };

	assert_memory_equal(ev, &untouched, sizeof(untouched));
}

static struct openssl *new_state(void)
{
	struct openssl *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->ctx = &context;
	memset(&host_got, 0, sizeof(host_got));
	return m;
}

static void test_data(void **state)
{
	struct openssl *m = new_state();
	struct ecap_event ev;

	(void)state;
	assert_int_equal(decode(m, &data_record, "hello world", sizeof(data_record) + 11, &ev), 1);
	assert_int_equal(ev.struct_size, sizeof(ev));
	assert_int_equal(ev.dest, ECAP_DEST_PROCESSOR);
	assert_int_equal(ev.direction, ECAP_DIR_RECV);
	assert_int_equal(ev.flags, ECAP_EVENT_F_PAYLOAD);
	assert_string_equal(ev.kind, "data");
	assert_int_equal(ev.pid, 1000);
	assert_int_equal(ev.tid, 1001);
	assert_int_equal(ev.uid, 33);
	assert_int_equal(ev.fd, 5);
	assert_int_equal(ev.mono_ns, 123456789012345);
	assert_int_equal(ev.conn, 77);
	assert_memory_equal(&ev.tuple, &data_record.tuple, sizeof(ev.tuple));
	assert_string_equal(ev.comm, "curl");
	assert_int_equal(ev.payload_len, 11);
	assert_int_equal(ev.offset, 65536);
	assert_int_equal(ev.total, 70000);
	assert_int_equal(ev.n_fields, 0);
	assert_int_equal(host_got.n_counts + host_got.n_logs, 0);
	free(m);
}

static void test_empty_and_padded(void **state)
{
	struct openssl_record record = data_record;
	struct openssl *m = new_state();
	struct ecap_event ev;

	(void)state;
	/* Perf pads: what is behind the payload does not belong to it. */
	assert_int_equal(decode(m, &record, "hello worldXXXX", sizeof(record) + 15, &ev), 1);
	assert_int_equal(ev.payload_len, 11);
	record.len = 0;
	record.direction = ECAP_DIR_SEND;
	assert_int_equal(decode(m, &record, "", sizeof(record), &ev), 1);
	assert_int_equal(ev.payload_len, 0);
	assert_int_equal(ev.flags, ECAP_EVENT_F_PAYLOAD);
	assert_int_equal(ev.direction, ECAP_DIR_SEND);
	free(m);
}

static void test_short(void **state)
{
	struct openssl *m = new_state();
	struct ecap_event ev;

	(void)state;
	for (uint32_t len = 0; len < sizeof(data_record) + 11; len++) {
		assert_int_equal(decode(m, &data_record, "hello world", len, &ev), -EINVAL);
		assert_no_event(&ev);
	}
	free(m);
}

static void test_lying_length(void **state)
{
	static const uint32_t lens[] = { 12, 13, 65536, INT32_MAX, UINT32_MAX - 111,
					 UINT32_MAX - 1, UINT32_MAX };
	struct openssl *m = new_state();
	struct ecap_event ev;

	(void)state;
	for (uint32_t type = OPENSSL_RECORD_DATA; type <= OPENSSL_RECORD_UNSEEN; type++)
		for (uint32_t i = 0; i < ECAP_COUNT(lens); i++) {
			struct openssl_record record = data_record;

			record.type = (uint16_t)type;
			record.reason = OPENSSL_UNSEEN_SENDFILE;
			record.len = lens[i];
			assert_int_equal(decode(m, &record, "hello world", sizeof(record) + 11,
						&ev), -EINVAL);
			assert_no_event(&ev);
		}
	assert_int_equal(host_got.n_counts + host_got.n_logs, 0);
	free(m);
}

/* A record of a kind that is not known is damaged, not data. */
static void test_unknown_type(void **state)
{
	static const uint16_t types[] = { 0, 3, 255, UINT16_MAX };
	struct openssl *m = new_state();
	struct ecap_event ev;

	(void)state;
	for (uint32_t i = 0; i < ECAP_COUNT(types); i++) {
		struct openssl_record record = data_record;

		record.type = types[i];
		assert_int_equal(decode(m, &record, "hello world", sizeof(record) + 11, &ev),
				 -EINVAL);
		assert_no_event(&ev);
	}
	free(m);
}

static int unseen(struct openssl *m, uint32_t pid, uint8_t reason, uint64_t total)
{
	struct openssl_record record = data_record;
	struct ecap_event ev;

	record.type = OPENSSL_RECORD_UNSEEN;
	record.reason = reason;
	record.pid = pid;
	record.total = total;
	record.len = 0;
	int got = decode(m, &record, "", sizeof(record), &ev);

	assert_no_event(&ev);
	return got;
}

/* Counted each time, told once for each process and reason. */
static void test_unseen(void **state)
{
	struct openssl *m = new_state();

	(void)state;
	assert_int_equal(unseen(m, 10, OPENSSL_UNSEEN_SENDFILE, 1000), 0);
	assert_string_equal(host_got.counter, "bytes sent by SSL_sendfile, not shown");
	assert_int_equal(host_got.level, ECAP_LOG_WARN);
	assert_non_null(strstr(host_got.text, "process 10 (curl) sends files by SSL_sendfile"));
	assert_int_equal(unseen(m, 10, OPENSSL_UNSEEN_SENDFILE, 20), 0);
	assert_int_equal(host_got.n_counts, 2);
	assert_int_equal(host_got.added, 1020);
	assert_int_equal(host_got.n_logs, 1);

	assert_int_equal(unseen(m, 10, OPENSSL_UNSEEN_KTLS, 3), 0);
	assert_string_equal(host_got.counter, "bytes moved by kernel TLS, not shown");
	assert_non_null(strstr(host_got.text, "process 10 (curl) moves data by kernel TLS"));
	assert_int_equal(host_got.n_logs, 2);
	assert_int_equal(unseen(m, 11, OPENSSL_UNSEEN_KTLS, UINT64_MAX - 1023), 0);
	assert_int_equal(host_got.n_logs, 3);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(unseen(m, 10, OPENSSL_UNSEEN_KTLS, 0), 0);
		assert_int_equal(unseen(m, 11, OPENSSL_UNSEEN_KTLS, 0), 0);
	}
	assert_int_equal(host_got.n_counts, 24);
	assert_int_equal(host_got.added, UINT64_MAX - 1023 + 1023);
	assert_int_equal(host_got.n_logs, 3);
	free(m);
}

/* A module and a program of different versions: nothing to count it under. */
static void test_unknown_reason(void **state)
{
	struct openssl *m = new_state();

	(void)state;
	assert_int_equal(unseen(m, 10, 0, 1000), -EINVAL);
	assert_int_equal(unseen(m, 10, 3, 1000), -EINVAL);
	assert_int_equal(unseen(m, 10, 255, 1000), -EINVAL);
	assert_int_equal(host_got.n_counts + host_got.n_logs, 0);
	free(m);
}

/* More processes than are remembered: still counted, and nobody is told twice. */
static void test_many_processes(void **state)
{
	struct openssl *m = new_state();

	(void)state;
	for (int round = 0; round < 2; round++)
		for (uint32_t pid = 1; pid <= OPENSSL_SAID_MAX + 100; pid++)
			assert_int_equal(unseen(m, pid, OPENSSL_UNSEEN_SENDFILE, 1), 0);
	assert_int_equal(host_got.n_counts, 2 * (OPENSSL_SAID_MAX + 100));
	assert_int_equal(host_got.added, 2 * (OPENSSL_SAID_MAX + 100));
	assert_int_equal(host_got.n_logs, OPENSSL_SAID_MAX);
	free(m);
}

static int older(struct openssl *m, uint32_t pid, uint8_t reason)
{
	struct openssl_record record = data_record;
	struct ecap_event ev;

	record.type = OPENSSL_RECORD_OLDER;
	record.reason = reason;
	record.pid = pid;
	record.len = 0;
	int got = decode(m, &record, "", sizeof(record), &ev);

	assert_no_event(&ev);
	return got;
}

/* Reasons of one kind are not taken for those of the other. */
static void test_older(void **state)
{
	struct openssl *m = new_state();

	(void)state;
	assert_int_equal(unseen(m, 10, OPENSSL_UNSEEN_SENDFILE, 0), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(older(m, 10, OPENSSL_OLDER_TLS13), 0);
	assert_int_equal(host_got.n_logs, 2);
	assert_int_equal(host_got.level, ECAP_LOG_WARN);
	assert_string_equal(host_got.counter, "connections from before the start, no secrets");
	assert_int_equal(host_got.added, 3);
	assert_non_null(strstr(host_got.text, "process 10 (curl) has connections from before the "
			       "start, which stay encrypted: TLS 1.3 keeps no secret"));
	assert_int_equal(older(m, 10, OPENSSL_OLDER_NO_WAY), 0);
	assert_non_null(strstr(host_got.text, "the library does not show where"));
	assert_int_equal(older(m, 11, OPENSSL_OLDER_TLS13), 0);
	assert_int_equal(host_got.n_logs, 4);
	assert_int_equal(older(m, 10, 0), -EINVAL);
	assert_int_equal(older(m, 10, OPENSSL_OLDER_UNREAD + 1), -EINVAL);
	assert_int_equal(host_got.n_logs, 4);
	free(m);
}

/* What came to the key log, whose answer the test decides. */
static struct {
	char label[64];
	uint8_t random[ECAP_KEYLOG_RANDOM_BYTES], secret[64];
	uint32_t len, n;
	int answer;
} log_got;

static int log_add(struct ecap_keylog_file *file, const char *label, const void *random,
		   const void *secret, uint32_t len)
{
	(void)file;
	snprintf(log_got.label, sizeof(log_got.label), "%s", label);
	memcpy(log_got.random, random, sizeof(log_got.random));
	memcpy(log_got.secret, secret, len);
	log_got.len = len;
	log_got.n++;
	return log_got.answer;
}

static const struct ecap_keylog keylog = { .struct_size = sizeof(keylog), .add = log_add };

static const struct openssl_key_record key_record = {
	.record = { .pid = 1, .fd = -1, .type = OPENSSL_RECORD_KEY,
		    .len = sizeof(key_record) - sizeof(key_record.record) },
	.client_random = { 1, 2, 3, [31] = 4 }, .secret = { 5, [47] = 6 }, .secret_len = 48,
	.label = "CLIENT_RANDOM", .site = 2,
};

static int decode_key(struct openssl *m, const struct openssl_key_record *r, uint32_t len)
{
	struct ecap_event ev;

	return decode(m, &r->record, (const char *)&r->record + sizeof(r->record), len, &ev);
}

static struct openssl *new_key_state(struct openssl_key_place *places, uint32_t n)
{
	struct openssl *m = new_state();

	memset(&log_got, 0, sizeof(log_got));
	aborted = 0;
	log_got.answer = 1;
	m->keylog = &keylog;
	m->keys = (struct ecap_keylog_file *)m; /* only asked whether it is there */
	m->key_places = places;
	m->n_key_places = n;
	return m;
}

static void test_key(void **state)
{
	struct openssl *m = new_key_state(NULL, 0);
	struct openssl_key_record r = key_record;

	(void)state;
	assert_int_equal(decode_key(m, &r, sizeof(r)), 0);
	assert_string_equal(log_got.label, "CLIENT_RANDOM");
	assert_memory_equal(log_got.random, r.client_random, sizeof(r.client_random));
	assert_memory_equal(log_got.secret, r.secret, 48);
	assert_int_equal(log_got.len, 48);
	assert_string_equal(host_got.counter, "secrets written");
	log_got.answer = 0;
	assert_int_equal(decode_key(m, &r, sizeof(r)), 0);
	assert_string_equal(host_got.counter, "secrets told again");

	/* Too short, and a secret that says it is longer than there is room for. */
	assert_int_equal(decode_key(m, &r, sizeof(r) - 8), -EINVAL);
	r.secret_len = sizeof(r.secret) + 1;
	assert_int_equal(decode_key(m, &r, sizeof(r)), -EINVAL);
	assert_int_equal(log_got.n, 2);
	free(m);
}

/* A process can only spoil its own line; a log that cannot be written ends the capture. */
static void test_key_refused(void **state)
{
	struct openssl *m = new_key_state(NULL, 0);

	(void)state;
	log_got.answer = -EINVAL;
	assert_int_equal(decode_key(m, &key_record, sizeof(key_record)), -EINVAL);
	assert_int_equal(aborted, 0);
	log_got.answer = -ENOSPC;
	assert_int_equal(decode_key(m, &key_record, sizeof(key_record)), 0);
	assert_int_equal(aborted, -ENOSPC);
	free(m);
}

/* A label that could not be read is told by its address, where that tells it. */
static void test_key_without_label(void **state)
{
	struct openssl_key_place places[] = {
		{ .key = 1, .labels = { OPENSSL_LABEL_MARK(0x9123) } },
		{ .key = 2, .labels = { 0, OPENSSL_LABEL_MARK(0x5123), OPENSSL_LABEL_MARK(0x5456),
					OPENSSL_LABEL_MARK(0x7456) } },
	};
	struct openssl *m = new_key_state(places, ECAP_COUNT(places));
	struct openssl_key_record r = key_record;

	(void)state;
	memset(r.label, 0, sizeof(r.label));
	r.label_addr = 0x7f0000001123;
	assert_int_equal(decode_key(m, &r, sizeof(r)), 0);
	assert_string_equal(log_got.label, "EXPORTER_SECRET");
	r.label_addr = 0x7f0000001456; /* two labels of that file end so */
	assert_int_equal(decode_key(m, &r, sizeof(r)), -EINVAL);
	r.label_addr = 0x7f0000001789;
	assert_int_equal(decode_key(m, &r, sizeof(r)), -EINVAL);
	r.site = 3;
	r.label_addr = 0x7f0000001123;
	assert_int_equal(decode_key(m, &r, sizeof(r)), -EINVAL);
	assert_int_equal(log_got.n, 1);
	free(m);
}

/* The programs have no text for the secret that they find themselves. */
static void test_older_secret(void **state)
{
	struct openssl_key_record r = key_record;
	struct openssl *m = new_key_state(NULL, 0);

	(void)state;
	r.record.reason = 1;
	memset(r.label, 0, sizeof(r.label));
	assert_int_equal(decode_key(m, &r, sizeof(r)), 0);
	assert_string_equal(log_got.label, "CLIENT_RANDOM");
	assert_int_equal(log_got.len, 48);
	assert_int_equal(host_got.n_counts, 2);
	log_got.answer = 0;
	assert_int_equal(decode_key(m, &r, sizeof(r)), 0);
	assert_int_equal(host_got.n_counts, 3);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_empty_and_padded),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_lying_length),
		cmocka_unit_test(test_unknown_type),
		cmocka_unit_test(test_unseen),
		cmocka_unit_test(test_unknown_reason),
		cmocka_unit_test(test_many_processes),
		cmocka_unit_test(test_older),
		cmocka_unit_test(test_older_secret),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_key_refused),
		cmocka_unit_test(test_key_without_label),
	};

	return cmocka_run_group_tests_name("openssl decode", tests, NULL, NULL);
}
