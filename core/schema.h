/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON Schema (draft 2020-12) of option tables: an object with a property for each option, as a
 * section of the ini file has a key. A switch is true or false, a number a number, a list an
 * array; and any of them but a list may be a string, which is then what the user would type. A
 * document is valid when the option engine takes it, with two exceptions: whether a file is
 * there no schema can say, nor how many bytes a name of a device has that is not ASCII.
 */
#ifndef ECAPTURE_CORE_SCHEMA_H
#define ECAPTURE_CORE_SCHEMA_H

#include <jansson.h>

#include "options.h"

#define ECAP_SCHEMA_DIALECT "https://json-schema.org/draft/2020-12/schema"

struct ecap_schema_place {
	const char *at;     /* the schema itself in the document: "#", or "#/properties/tls" */
	/*
	 * In the document of a whole file: the schema that has the rows of the last table already.
	 * There an option is required only where the section says "enabled". NULL: it stands alone.
	 */
	const char *shared;
};

/*
 * The schema of an object whose keys the tables take, the first that knows one; rows that have
 * one of the flags @without are left out. NULL when out of memory.
 */
json_t *ecap_schema_object(struct ecap_options *const *tables, uint32_t n_tables, uint32_t without,
			   struct ecap_schema_place place);

#endif
