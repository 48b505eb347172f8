/* SPDX-License-Identifier: Apache-2.0 */
/* Opens what a user named to write to: a file, or a FIFO, whose reader may come later. */
#ifndef ECAPTURE_CORE_OPEN_WRITER_H
#define ECAPTURE_CORE_OPEN_WRITER_H

/*
 * With @flags for open(2) beside O_WRONLY; a new file has mode 0600. @what is for messages. Waits
 * for the reader of a FIFO, having said so, until the program is told to stop. A link is followed;
 * what another user has put into a directory like /tmp is refused. Returns a descriptor, or a
 * negative errno with a text.
 */
int ecap_open_writer(const char *what, const char *path, int flags);

#endif
