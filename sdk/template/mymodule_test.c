/* SPDX-License-Identifier: Apache-2.0 */
/* decode() of mymodule, without kernel or root: what it makes of records, also of damaged ones. */
#include <ecapture/mock.h>

#include "record.h"

/* A record as the BPF program sends it. */
struct sent {
	struct record head;
	char string[16];
};

int main(void)
{
	struct sent sent = {
		.head = { .mono_ns = 5, .pid = 77, .tid = 78, .uid = 1000, .len = 11, .comm = "curl" },
		.string = "example.com",
	};
	const uint32_t len = sizeof(sent.head) + 12; /* the string and its NUL */
	const struct ecap_event *ev;
	struct ecap_mock m;

	ecap_mock_new(&m, &ecapture_module_1);
	m.min_record = sizeof(struct record);
	ecap_mock_option(&m, "function", "getaddrinfo");
	ECAP_EXPECT(&m, ecap_mock_open(&m) == 0);

	ECAP_EXPECT(&m, ecap_mock_record(&m, 0, &sent, len) == 1);
	ev = ecap_mock_event(&m, 0);
	ECAP_EXPECT(&m, ev && !strcmp(ev->kind, "call") && ev->pid == 77 && ev->uid == 1000 &&
		    !strcmp(ev->comm, "curl"));
	ECAP_EXPECT(&m, ecap_mock_field_is(ev, "function", "getaddrinfo"));
	ECAP_EXPECT(&m, ecap_mock_field_is(ev, "argument", "example.com"));

	/* Cut short, and without the NUL: refused, and nothing is read behind the end. */
	ECAP_EXPECT(&m, ecap_mock_record(&m, 0, &sent, len - 1) < 0);
	ECAP_EXPECT(&m, ecap_mock_record(&m, 0, &sent, sizeof(sent.head)) < 0);
	sent.string[11] = 'x';
	ECAP_EXPECT(&m, ecap_mock_record(&m, 0, &sent, len) < 0);
	ECAP_EXPECT(&m, ecap_mock_record(&m, 0, &sent, 8) == 0 && m.short_records == 1);
	ECAP_EXPECT(&m, m.n_events == 1 && m.damaged == 3);
	return ecap_mock_end(&m);
}
