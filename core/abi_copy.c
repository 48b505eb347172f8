/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's copy_struct_from_user() does the same with the structs of its system calls. */
#include "abi_copy.h"

#include <errno.h>
#include <string.h>

#include "err.h"

int ecap_abi_exceeds(const void *from, uint32_t given, uint32_t size)
{
	const uint8_t *bytes = from;

	if (given > ECAP_ABI_MAX_SIZE)
		return 1;
	for (uint32_t i = size; i < given; i++) {
		if (bytes[i])
			return 1;
	}
	return 0;
}

int ecap_abi_in(void *to, uint32_t size, const void *from, uint32_t given)
{
	uint32_t both = given < size ? given : size;

	if (ecap_abi_exceeds(from, given, size))
		return -E2BIG;
	memcpy(to, from, both);
	memset((char *)to + both, 0, size - both);
	return 0;
}

int ecap_abi_out(void *to, const void *from, uint32_t size, uint32_t least)
{
	uint32_t room;

	memcpy(&room, to, sizeof(room));
	if (room < least || room > ECAP_ABI_MAX_SIZE)
		return ecap_err(-EINVAL, "a struct of %u bytes where at least %u are needed; set "
				"its struct_size", room, least);

	uint32_t both = room < size ? room : size;

	memcpy((char *)to + sizeof(room), (const char *)from + sizeof(room), both - sizeof(room));
	memset((char *)to + both, 0, room - both);
	return 0;
}
