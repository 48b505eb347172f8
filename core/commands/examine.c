/* SPDX-License-Identifier: Apache-2.0 */
/* Goes through the checks of a module file and keeps what they say: see examine.h. */
#include "commands/examine.h"

#include <sha2.h>
#include <string.h>

#include "err.h"
#include "kernel.h"
#include "util.h"

static void keep(void *arg, enum ecap_check check, int result)
{
	struct ecap_examined *examined = arg;

	examined->result[check] = result;
	if (result)
		examined->reason[check] = strdup(ecap_err_text());
}

int ecap_examine(struct ecap_catalog *catalog, const char *word,
		 const struct ecap_module_host *host, enum ecap_check last,
		 struct ecap_examined *examined)
{
	const struct ecap_check_report report = { .tell = keep, .arg = examined };
	int err = ecap_catalog_locate(catalog, word, &examined->path);

	if (err)
		return err;
	examined->file = (struct ecap_module_file){
		.path = examined->path, .host = *host, .fd = -1,
	};
	if (ecap_module_checks(&examined->file, ECAP_CHECK_FILE, last, &report))
		examined->error = strdup(ecap_err_text());
	return 0;
}

void ecap_examined_free(struct ecap_examined *examined)
{
	if (!examined->path)
		return;
	for (enum ecap_check check = 0; check < ECAP_N_CHECKS; check++)
		free(examined->reason[check]);
	ecap_module_file_end(&examined->file);
	free(examined->error);
	free(examined->path);
}

void ecap_examined_sha256(const struct ecap_examined *examined, const struct ecap_desc_bpf *bpf,
			  char *hex)
{
	_cleanup_free_ uint8_t *bytes = malloc(bpf->size + 1);
	ssize_t n = bytes ? pread(examined->file.fd, bytes, bpf->size, (off_t)bpf->offset) : -1;

	*hex = 0;
	if (bpf->size && n == (ssize_t)bpf->size)
		SHA256Data(bytes, bpf->size, hex);
}

const char *ecap_examined_variant(const struct ecap_desc_bpf *bpf, char *text)
{
	if (bpf->variant == ECAP_BTF_CORE)
		return "core";
	if (bpf->variant == ECAP_BTF_NONCORE)
		return "noncore";
	snprintf(text, 16, "%u", bpf->variant);
	return text;
}

const char *ecap_examined_feature(uint32_t bit, char *text)
{
	const char *name = ecap_feature_name(UINT64_C(1) << bit);

	if (name)
		return name;
	snprintf(text, 32, "feature %u", bit);
	return text;
}
