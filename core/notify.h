/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells a service manager how far we are: datagrams to the socket of $NOTIFY_SOCKET, as sd_notify(3)
 * describes them. Without that variable nothing is sent. [main]
 */
#ifndef ECAPTURE_CORE_NOTIFY_H
#define ECAPTURE_CORE_NOTIFY_H

struct ecap_notify;

/*
 * Takes the variable out of the environment, so that nobody else speaks in our name. Without it
 * *notify is NULL, which is allowed everywhere.
 */
int ecap_notify_open(struct ecap_notify **notify);

/*
 * Sends "KEY=VALUE" lines: READY=1, STOPPING=1, STATUS=text. A manager that does not listen is
 * not our failure: that is a line of the debug log.
 */
void ecap_notify_send(struct ecap_notify *notify, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

void ecap_notify_free(struct ecap_notify *notify);

#endif
