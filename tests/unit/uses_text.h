/* SPDX-License-Identifier: Apache-2.0 */
/* What uses() of ecap.elf/1 tells, as text that tests compare. */
#ifndef USES_TEXT_H
#define USES_TEXT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "services.h"

/* "call copy 0=[a0+0xa8]+0xb8 2=0x20", "return [a0+0x50]+0:8": one line for each use. */
struct text {
	struct ecap_elf_file *file;
	char s[4096];
	uint32_t n;
};

static inline void add(struct text *t, const char *fmt, unsigned long long value)
{
	size_t used = strlen(t->s);

	snprintf(t->s + used, sizeof(t->s) - used, fmt, value);
}

static inline void add_value(struct text *t, const struct ecap_elf_value *v)
{
	if (v->kind == ECAP_ELF_UNKNOWN)
		add(t, "?", 0);
	if (v->kind == ECAP_ELF_CONSTANT)
		add(t, "%#llx", v->number);
	if (v->kind != ECAP_ELF_PATH)
		return;
	for (uint8_t i = 0; i < v->n_loads; i++)
		add(t, "[", 0);
	add(t, "a%llu", v->arg);
	for (uint8_t i = 0; i <= v->n_loads; i++) {
		add(t, v->offset[i] < 0 ? "-%#llx" : "+%#llx",
		    (unsigned long long)llabs(v->offset[i]));
		add(t, i < v->n_loads ? "]" : "", 0);
	}
	if (v->n_loads)
		add(t, ":%llu", v->width);
}

static inline int is_own(const struct ecap_elf_value *v, unsigned int i)
{
	return v->kind == ECAP_ELF_PATH && v->arg == i && !v->n_loads && !v->offset[0];
}

static inline int on_use(void *arg, const struct ecap_elf_use *use)
{
	static const char *const kinds[] = { "?", "call", "jump", "return", "load" };
	struct text *t = arg;

	assert_int_equal(use->struct_size, sizeof(*use));
	assert_in_range(use->kind, 1, 4);
	t->n++;
	if (t->n > 64)
		return 0;
	add(t, *t->s ? "\n" : "", 0);
	strcat(t->s, kinds[use->kind]);
	add(t, " ", 0);
	if (use->kind >= ECAP_ELF_USE_RETURN) {
		add_value(t, &use->result);
		return 0;
	}
	const char *name = use->callee ? ecap_elf_service.symbol_name(t->file, use->callee) : NULL;

	strcat(t->s, name ? name : "?");
	for (unsigned int i = 0; i < 6; i++) {
		if (use->arg[i].kind == ECAP_ELF_UNKNOWN || is_own(&use->arg[i], i))
			continue;
		add(t, " %llu=", i);
		add_value(t, &use->arg[i]);
	}
	return 0;
}

#endif
