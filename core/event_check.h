/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an event that a module hands in is what ecapture/event.h asks for. */
#ifndef ECAPTURE_CORE_EVENT_CHECK_H
#define ECAPTURE_CORE_EVENT_CHECK_H

#include <ecapture/event.h>

/* What the events of a module are measured by. */
struct ecap_event_rules {
	uint32_t field_size; /* of the module's struct ecap_field */
	int probe; /* asks the kernel whether what lies outside of the record can be read: costly */
};

/*
 * @rec: the record that the event was made of, so that what points into it stays inside; NULL:
 * none. Of an event for the module itself only the destination is looked at.
 * Returns 0, or -EINVAL with a text that begins with the member.
 */
int ecap_event_check(const struct ecap_event *event, const struct ecap_event_rules *rules,
		     const void *rec, uint32_t len);

/* 1 when the text has the form [a-z_]+ and at most ECAP_NAME_MAX bytes. */
int ecap_event_name_valid(const char *name);

#endif
