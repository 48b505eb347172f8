/* SPDX-License-Identifier: Apache-2.0 */
/* What "modules probe" prints for people, from the objects that it prints as JSON. */
#include <string.h>

#include "commands/probe.h"
#include "commands/shown.h"
#include "err.h"
#include "util.h"

static void columns_freep(struct ecap_columns **columns)
{
	ecap_columns_free(*columns);
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static json_t *list_of(const json_t *object, const char *key)
{
	return json_object_get(object, key);
}

static void hex_of(const json_t *object, const char *key, char *text, size_t size)
{
	snprintf(text, size, "0x%llx",
		 (unsigned long long)json_integer_value(json_object_get(object, key)));
}

static void add_fact(struct ecap_columns *columns, const char *what, const char *text)
{
	if (text && *text)
		ecap_columns_add(columns, (const char *const[]){ what, text });
}

static void add_machine(struct ecap_columns *columns, const json_t *file)
{
	char text[64];

	snprintf(text, sizeof(text), "%s%s", text_of(file, "machine"),
		 json_is_true(json_object_get(file, "native")) ? "" : ", not this machine's");
	add_fact(columns, "machine", text);
}

/* What is unusual about where it is. */
static void add_state(struct ecap_columns *columns, const json_t *file)
{
	char text[128];
	int deleted = json_is_true(json_object_get(file, "deleted"));
	int foreign = json_is_true(json_object_get(file, "foreign"));

	if (!deleted && !foreign)
		return;
	snprintf(text, sizeof(text), "%s%s%s", deleted ? "deleted" : "",
		 deleted && foreign ? ", " : "",
		 foreign ? "in the mount namespace of another process" : "");
	add_fact(columns, "state", text);
}

static int print_facts(const json_t *file)
{
	_cleanup_(columns_freep) struct ecap_columns *columns = ecap_columns_new(NULL, 2);
	size_t i;
	json_t *module;

	add_machine(columns, file);
	add_fact(columns, "build-id", text_of(file, "build_id"));
	add_state(columns, file);
	json_array_foreach(list_of(file, "modules"), i, module) {
		const char *key;
		json_t *value;

		json_object_foreach(list_of(module, "facts"), key, value)
			add_fact(columns, key, json_string_value(value));
	}
	return ecap_columns_print(columns, stdout, 2);
}

static void add_place(struct ecap_columns *columns, const char *module, const json_t *place)
{
	char address[24], offset[24];

	hex_of(place, "address", address, sizeof(address));
	hex_of(place, "offset", offset, sizeof(offset));
	const char *const cells[] = {
		module, text_of(place, "what"), text_of(place, "function"), address, offset,
		text_of(place, "instruction"),
		text_of(place, "instruction") && json_is_true(json_object_get(place, "emulated"))
			? "yes" : NULL,
		text_of(place, "how"),
	};

	ecap_columns_add(columns, cells);
}

static int print_places(const json_t *file)
{
	static const char *const headings[] = {
		"MODULE", "WHAT", "FUNCTION", "ADDRESS", "OFFSET", "INSTRUCTION", "EMULATED",
		"FOUND BY",
	};
	_cleanup_(columns_freep) struct ecap_columns *columns =
		ecap_columns_new(headings, ARRAY_SIZE(headings));
	size_t i, k;
	json_t *module, *place;

	printf("\nCan be captured:\n");
	json_array_foreach(list_of(file, "modules"), i, module)
		json_array_foreach(list_of(module, "places"), k, place)
			add_place(columns, text_of(module, "command"), place);
	return ecap_columns_print(columns, stdout, 2);
}

/* Why not, of all that is not; returns how many there are. */
static uint32_t add_missing(struct ecap_columns *columns, const json_t *module)
{
	const char *command = text_of(module, "command"), *error = text_of(module, "error");
	uint32_t n = 0;
	size_t i;
	json_t *row;

	json_array_foreach(list_of(module, "missing"), i, row) {
		const char *const cells[] = { command, text_of(row, "what"),
					      text_of(row, "reason") };

		ecap_columns_add(columns, cells);
		n++;
	}
	if (error)
		ecap_columns_add(columns, (const char *const[]){ command, "anything", error });
	return n + (error != NULL);
}

static int print_missing(const json_t *file)
{
	static const char *const headings[] = { "MODULE", "WHAT", "WHY NOT" };
	_cleanup_(columns_freep) struct ecap_columns *columns =
		ecap_columns_new(headings, ARRAY_SIZE(headings));
	uint32_t n = 0;
	size_t i;
	json_t *module;

	json_array_foreach(list_of(file, "modules"), i, module)
		n += add_missing(columns, module);
	if (!n)
		return 0;
	printf("\nCannot be captured:\n");
	return ecap_columns_print(columns, stdout, 2);
}

static int print_file(const json_t *file)
{
	_cleanup_free_ char *name = ecap_shown_line(text_of(file, "file"));
	int err;

	if (!name)
		return ecap_err(-ENOMEM, "out of memory");
	if (text_of(file, "error"))
		return ecap_err(-ENOEXEC, "%s", text_of(file, "error"));
	printf("%s\n", name);
	err = print_facts(file);
	if (!err && ecap_probe_is_capturable(file))
		err = print_places(file);
	return err ? err : print_missing(file);
}

/* Most programs have the library of a file that they are linked with, some by another one. */
static void print_needed(const json_t *file)
{
	size_t i;
	json_t *name;

	if (ecap_probe_is_capturable(file) || !json_array_size(list_of(file, "needed")))
		return;
	printf("\nIt is linked with other files, which may have more; --pid PID looks into all that a "
	       "process has mapped:\n");
	json_array_foreach(list_of(file, "needed"), i, name)
		ecap_shown_lines(stdout, json_string_value(name), 2);
}

int ecap_probe_print(const json_t *file)
{
	int err = print_file(file);

	if (!err)
		print_needed(file);
	return err ? err : ecap_shown_end();
}

int ecap_probe_print_process(const json_t *files, uint64_t pid)
{
	size_t i, n_not = 0;
	json_t *file;
	int err = 0;

	json_array_foreach(files, i, file) {
		if (!ecap_probe_is_capturable(file)) {
			n_not++;
			continue;
		}
		err = err ? err : print_file(file);
		putchar('\n');
	}
	if (n_not)
		printf("Nothing can be captured in %s%zu files that process %llu has mapped; "
		       "ecapture modules probe FILE says why:\n", n_not < i ? "the other " : "the ",
		       n_not, (unsigned long long)pid);
	json_array_foreach(files, i, file) {
		if (!ecap_probe_is_capturable(file))
			ecap_shown_lines(stdout, text_of(file, "file"), 2);
	}
	return err ? err : ecap_shown_end();
}
