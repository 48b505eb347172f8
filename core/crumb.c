/* SPDX-License-Identifier: Apache-2.0 */
/* Breadcrumbs: see crumb.h. Nothing here may allocate, lock or use stdio. */
#include "crumb.h"

_Thread_local struct ecap_crumb *ecap_crumb;

const char *ecap_op_name(uint32_t op)
{
	static const char *const names[] = {
		[ECAP_OP_OPEN] = "dlopen", [ECAP_OP_INIT] = "init", [ECAP_OP_LOAD] = "load",
		[ECAP_OP_MAPS] = "maps", [ECAP_OP_START] = "start", [ECAP_OP_FOUND] = "found",
		[ECAP_OP_STOP] = "stop", [ECAP_OP_CLOSE] = "close", [ECAP_OP_DECODE] = "decode",
		[ECAP_OP_DISPATCH] = "dispatch", [ECAP_OP_LOST] = "lost", [ECAP_OP_SURVEY] = "survey",
	};

	return names[op];
}

/* What would act on a terminal becomes '?': the text may be the module's. */
size_t ecap_append(char *out, size_t used, size_t size, const char *text)
{
	for (; *text && used + 1 < size; text++)
		out[used++] = (unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f ? '?'
											   : *text;
	out[used] = '\0';
	return used;
}

static size_t append_number(char *out, size_t used, size_t size, uint64_t number)
{
	char digits[21], *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do {
		*--p = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	return ecap_append(out, used, size, p);
}

void ecap_crumb_title(char *out, size_t size, const char *module, const char *version)
{
	size_t n = ecap_append(out, 0, size, "module '");

	n = ecap_append(out, n, size, module);
	n = ecap_append(out, n, size, version && *version ? "' " : "'");
	if (version)
		ecap_append(out, n, size, version);
}

size_t ecap_crumb_place(const struct ecap_crumb *crumb, char *out, size_t size)
{
	size_t n = ecap_append(out, 0, size, ecap_op_name(crumb->op));

	n = ecap_append(out, n, size, "()");
	if (crumb->map) {
		n = ecap_append(out, n, size, ", map ");
		n = ecap_append(out, n, size, crumb->map);
	}
	if (crumb->record) {
		n = ecap_append(out, n, size, ", record ");
		n = append_number(out, n, size, crumb->record);
	}
	return n;
}
