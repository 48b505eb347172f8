/* SPDX-License-Identifier: Apache-2.0 */
/* ecapture modules check, in text. */
#include "commands/check.h"
#include "commands/shown.h"
#include "services.h"
#include "util.h"

static void columns_freep(struct ecap_columns **columns)
{
	ecap_columns_free(*columns);
}

static int print_lines(const struct ecap_checked *checked)
{
	_cleanup_(columns_freep) struct ecap_columns *columns = ecap_columns_new(NULL, 3);

	for (uint32_t i = 0; i < ecap_checked_n_lines(checked); i++) {
		struct ecap_check_line line = ecap_checked_line(checked, i);

		ecap_columns_add(columns, (const char *const[]){
			ecap_checked_answer(line.result), line.name,
			line.reason ? line.reason : line.sentence,
		});
	}
	return ecap_columns_print(columns, stdout, 2);
}

static int print_services(const struct ecap_desc *desc)
{
	_cleanup_(columns_freep) struct ecap_columns *columns = ecap_columns_new(NULL, 2);

	if (desc->n_services)
		printf("\nServices that it needs:\n");
	for (uint32_t i = 0; i < desc->n_services; i++)
		ecap_columns_add(columns, (const char *const[]){
			ecap_checked_answer(ecap_has_service(desc->module.services[i]) ? 0 : -1),
			desc->module.services[i],
		});
	return ecap_columns_print(columns, stdout, 2);
}

/* What is to be said of the object here. @text: 128 bytes. */
static const char *say_object(const struct ecap_checked *checked, uint32_t i, char *text)
{
	const char *why = ecap_checked_why_not(checked, i, text);

	if (!checked->examined.file.host.probed)
		return "not checked";
	if (why)
		return why;
	return ecap_checked_used(checked, i) ? "would be used" : "not used, one before it fits";
}

static int print_object(const struct ecap_checked *checked, uint32_t i)
{
	_cleanup_(columns_freep) struct ecap_columns *columns = ecap_columns_new(NULL, 3);
	const struct ecap_desc_bpf *bpf = &checked->examined.file.desc->bpf[i];
	_cleanup_free_ char *name = ecap_shown_line(bpf->name ? bpf->name : "?");
	uint64_t needs = ecap_module_bpf_needs(bpf);
	char text[128], variant[16], feature[32];

	printf("  %s (%s): %s\n", name ? name : "", ecap_examined_variant(bpf, variant),
	       say_object(checked, i, text));
	for (uint32_t bit = 0; bit < 64; bit++)
		if (needs >> bit & 1)
			ecap_columns_add(columns, (const char *const[]){
				ecap_checked_feature(checked, bit),
				ecap_examined_feature(bit, feature),
				checked->examined.file.host.probed ?
				ecap_checked_missing(checked, bit) : NULL,
			});
	return ecap_columns_print(columns, stdout, 4);
}

static int print_objects(const struct ecap_checked *checked)
{
	uint32_t n = checked->examined.file.desc->module.n_bpf, v = checked->kernel_version;
	int err = 0;

	if (n && !checked->examined.file.host.probed)
		printf("\nBPF objects and the features of the kernel that they need:\n");
	else if (n)
		printf("\nBPF objects and whether this kernel, %u.%u.%u, has what they need:\n",
		       v >> 16, v >> 8 & 255, v & 255);
	for (uint32_t i = 0; i < n && !err; i++)
		err = print_object(checked, i);
	return err;
}

static void print_head(const struct ecap_checked *checked)
{
	_cleanup_free_ char *path = ecap_shown_line(checked->examined.path);
	const struct ecap_desc *desc = ecap_examined_desc(&checked->examined);
	_cleanup_free_ char *name = desc && desc->module.name ?
				    ecap_shown_line(desc->module.name) : NULL;
	_cleanup_free_ char *version = desc && desc->module.version ?
				       ecap_shown_line(desc->module.version) : NULL;

	printf("%s%s%s%s%s\n", path ? path : "", name ? ": " : "", name ? name : "",
	       version ? " " : "", version ? version : "");
}

static void print_same_name(const struct ecap_checked *checked)
{
	_cleanup_free_ char *used = ecap_shown_line(checked->examined.file.same_name->path);
	_cleanup_free_ char *path = ecap_shown_line(checked->examined.path);

	if (used && path)
		printf("Two modules are named \"%s\": %s (used) and %s\n",
		       checked->examined.file.desc->module.name, used, path);
}

static void print_result(const struct ecap_checked *checked)
{
	uint32_t failed = ecap_checked_count(checked, 1), open = ecap_checked_count(checked, 0);

	printf("\n");
	if (checked->examined.file.same_name)
		print_same_name(checked);
	if (failed)
		printf("Refused: %u of %u checks failed", failed, ecap_checked_n_lines(checked));
	else
		printf("Nothing is wrong with it");
	if (open)
		printf("; %u could not be made", open);
	printf("\n");
}

int ecap_checked_print(const struct ecap_checked *checked)
{
	const struct ecap_desc *desc = ecap_examined_desc(&checked->examined);

	print_head(checked);
	int err = print_lines(checked);

	if (!err && desc)
		err = print_services(desc);
	if (!err && desc)
		err = print_objects(checked);
	print_result(checked);
	return err ? err : ecap_shown_end();
}
