/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct_lines OBJECT < NAMES: the structs of an object's BTF as lines of a layout file. Each
 * line of NAMES is a struct and how it grows, as tests/abi/layout.sh reads it from the headers.
 * What breaks a rule of ecapture/abi.h is an error: a hole, a type that is not of fixed width, a
 * struct inside another that may grow.
 */
#include <bpf/btf.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_STRUCTS 256

struct named {
	char name[64], how[64]; /* "ecap_map", "grows map_size" */
};

static struct named names[MAX_STRUCTS];
static size_t n_names;
static const struct btf *btf;
static int errors;

static void wrong(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("# ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	errors++;
}

static const struct btf_type *type_of(uint32_t id)
{
	return btf__type_by_id(btf, id);
}

static const char *text(uint32_t offset)
{
	return btf__name_by_offset(btf, offset);
}

static const struct named *find_name(const char *name)
{
	for (size_t i = 0; i < n_names; i++)
		if (!strcmp(names[i].name, name))
			return &names[i];
	return NULL;
}

static int is_inside(const struct named *s)
{
	return !strcmp(s->how, "inside");
}

/* A struct in a member's place. */
static void check_embedded(const struct named *outer, const char *member, const char *name)
{
	const struct named *inner = find_name(name);

	if (!inner)
		wrong("%s.%s: struct %s is not one of the SDK", outer->name, member, name);
	else if (strcmp(inner->how, "fixed"))
		wrong("%s.%s: struct %s can grow, so it cannot be part of another; make it [fixed] "
		      "or use a pointer", outer->name, member, name);
}

static void check_type(const struct named *s, const char *member, uint32_t id)
{
	static const char *const widths[] = { "int8_t", "int16_t", "int32_t", "int64_t" };
	const struct btf_type *t = type_of(id);

	while (btf_is_array(t) || btf_is_mod(t))
		t = type_of(btf_is_array(t) ? btf_array(t)->type : t->type);
	const char *name = text(t->name_off);

	if (btf_is_ptr(t) || (btf_is_int(t) && !strcmp(name, "char")))
		return;
	for (size_t i = 0; btf_is_typedef(t) && i < sizeof(widths) / sizeof(*widths); i++)
		if (!strcmp(name + (*name == 'u'), widths[i]))
			return;
	if (btf_is_struct(t))
		check_embedded(s, member, name);
	else
		wrong("%s.%s: type %s has no fixed width; use those of <stdint.h>", s->name, member,
		      name);
}

static void check_growth(const struct named *s, const struct btf_type *t)
{
	const char *by = strncmp(s->how, "grows ", 6) ? NULL : s->how + 6;

	if (!by || !strcmp(by, "value_size"))
		return;
	if (!strcmp(by, "struct_size")) {
		if (!btf_vlen(t) || strcmp(text(btf_members(t)->name_off), by))
			wrong("%s: [grows: struct_size], but that is not its first member", s->name);
		return;
	}
	int id = btf__find_by_name_kind(btf, "ecap_module", BTF_KIND_STRUCT);
	const struct btf_type *module = id > 0 ? type_of((uint32_t)id) : NULL;

	for (uint16_t i = 0; module && i < btf_vlen(module); i++)
		if (!strcmp(text(btf_members(module)[i].name_off), by))
			return;
	wrong("%s: [grows: %s], but the descriptor has no such member", s->name, by);
}

static void print(void *to, const char *fmt, va_list ap)
{
	vfprintf(to, fmt, ap);
}

static uint64_t print_member(struct btf_dump *dump, const struct named *s,
			     const struct btf_type *t, uint16_t i)
{
	const struct btf_member *m = btf_members(t) + i;
	LIBBPF_OPTS(btf_dump_emit_type_decl_opts, opts, .field_name = "");
	uint32_t bit = btf_member_bit_offset(t, i);
	int64_t size = btf__resolve_size(btf, m->type);
	const char *name = text(m->name_off);

	if (btf_member_bitfield_size(t, i))
		wrong("%s.%s: is a bit-field", s->name, name);
	if (!is_inside(s))
		check_type(s, name, m->type);
	printf("member %s.%s offset %u size %lld type ", s->name, name, bit / 8, (long long)size);
	if (size < 0 || btf_dump__emit_type_decl(dump, m->type, &opts))
		wrong("%s.%s: unknown type", s->name, name);
	putchar('\n');
	return bit / 8 + (uint64_t)size;
}

static void print_struct(struct btf_dump *dump, const struct named *s)
{
	int id = btf__find_by_name_kind(btf, s->name, BTF_KIND_STRUCT);
	uint64_t end = 0;

	if (id < 0) {
		wrong("no struct %s in the object", s->name);
		return;
	}
	const struct btf_type *t = type_of((uint32_t)id);

	printf("struct %s size %u %s\n", s->name, t->size, s->how);
	check_growth(s, t);
	for (uint16_t i = 0; i < btf_vlen(t); i++) {
		if (btf_member_bit_offset(t, i) / 8 != end && !is_inside(s))
			wrong("%s.%s: a hole before it; add a reserved member", s->name,
			      text(btf_members(t)[i].name_off));
		end = print_member(dump, s, t, i);
	}
	if (end != t->size && !is_inside(s))
		wrong("%s: a hole at its end; add a reserved member", s->name);
}

int main(int argc, char **argv)
{
	struct btf *read = argc == 2 ? btf__parse(argv[1], NULL) : NULL;

	if (!read) {
		wrong("usage: struct_lines OBJECT < NAMES; the object has BTF");
		return 1;
	}
	btf = read;
	while (n_names < MAX_STRUCTS &&
	       scanf("%63s %63[^\n]", names[n_names].name, names[n_names].how) == 2)
		n_names++;
	struct btf_dump *dump = btf_dump__new(read, print, stdout, NULL);

	for (size_t i = 0; dump && i < n_names; i++)
		print_struct(dump, &names[i]);
	btf_dump__free(dump);
	btf__free(read);
	return !dump || !n_names || errors;
}
