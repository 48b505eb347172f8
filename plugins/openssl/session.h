/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds where a connection object has its state, version and session, and the session the master
 * secret of TLS 1.2 and older, by the code of the getters that a file has by name.
 */
#ifndef OPENSSL_SESSION_H
#define OPENSSL_SESSION_H

#include <ecapture/service/elf.h>

/* Each is a way to the member itself, not to what it holds. */
struct openssl_session {
	struct ecap_elf_value in_init; /* from the connection: not 0 while there is a handshake */
	struct ecap_elf_value version; /* from the connection */
	struct ecap_elf_value session; /* from the connection: the pointer to it */
	struct ecap_elf_value length;  /* from the session: bytes of the secret */
	struct ecap_elf_value secret;  /* from the session */
	char tried[256];               /* what was not found, for messages */
};

/*
 * @client_random: where the connection object has it. Returns 0, -ENOENT when a getter is not
 * there by name, or -EBADMSG when its code shows no single place; then @found->tried says which.
 */
int openssl_locate_session(const struct ecap_elf *elf, struct ecap_elf_file *file,
			   const struct ecap_elf_value *client_random,
			   struct openssl_session *found);

#endif
