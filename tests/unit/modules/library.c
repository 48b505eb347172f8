/* SPDX-License-Identifier: Apache-2.0 */
/* A library for modules that need one. */
extern int small_library(void);
extern const char small_foreign_text[];

const char small_foreign_text[] = "of the library";

int small_library(void)
{
	return 0;
}
