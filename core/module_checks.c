/* SPDX-License-Identifier: Apache-2.0 */
/* The list of checks, and how it is gone through: see module_checks.h. */
#include "module_checks.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "crumb.h"
#include "descriptor_read.h"
#include "err.h"
#include "module_load.h"
#include "util.h"

static int check_file(struct ecap_module_file *file)
{
	struct stat st;

	/* O_NONBLOCK: a FIFO of that name must not hold us up before it is refused */
	if (file->fd < 0)
		file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
				O_NOFOLLOW);
	if (file->fd < 0)
		return ecap_err(-errno, "cannot open it: %s", strerror(errno));
	if (fstat(file->fd, &st) < 0)
		return ecap_err(-errno, "cannot look at it: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return ecap_err(-EINVAL, "refused: not a regular file");
	return 0;
}

static int check_owner(struct ecap_module_file *file)
{
	return ecap_secure_file(file->fd, file->path);
}

static int check_directories(struct ecap_module_file *file)
{
	return ecap_secure_directories(file->path);
}

static int check_elf(struct ecap_module_file *file)
{
	return ecap_module_elf_read(file->fd, &file->elf);
}

static int check_stack(struct ecap_module_file *file)
{
	return ecap_module_safe_stack(file->elf);
}

static int check_code(struct ecap_module_file *file)
{
	return ecap_module_safe_code(file->elf);
}

static int check_libraries(struct ecap_module_file *file)
{
	return ecap_module_safe_libraries(file->elf);
}

static int check_symbol(struct ecap_module_file *file)
{
	return ecap_module_elf_find(file->elf, &file->symbol);
}

static int check_descriptor(struct ecap_module_file *file)
{
	return ecap_desc_new(file->elf, &file->symbol, &file->desc);
}

static int check_strings(struct ecap_module_file *file)
{
	return ecap_desc_read_words(file->desc);
}

static int check_abi(struct ecap_module_file *file)
{
	int err = ecap_desc_check_abi(&file->desc->module);

	return err ? err : ecap_desc_check_sizes(&file->desc->module);
}

static int check_names(struct ecap_module_file *file)
{
	return ecap_desc_check_names(&file->desc->module);
}

static int check_operations(struct ecap_module_file *file)
{
	int err = ecap_desc_read_operations(file->elf, file->desc);

	return err ? err : ecap_desc_check_operations(file->desc);
}

static int check_options(struct ecap_module_file *file)
{
	int err = ecap_desc_read_options(file->desc);

	return err ? err : ecap_desc_check_options(&file->desc->module);
}

static int check_bpf(struct ecap_module_file *file)
{
	return ecap_desc_read_bpf(file->elf, file->desc);
}

static int check_texts(struct ecap_module_file *file)
{
	return ecap_desc_check_texts(file->desc);
}

static int check_later(struct ecap_module_file *file)
{
	return ecap_desc_check_later(file->desc);
}

static int check_words(struct ecap_module_file *file)
{
	if (!file->host.catalog)
		return ecap_err(ECAP_NOT_CHECKED, "other modules were not looked at");
	return ecap_catalog_check_words(file->host.catalog, file->path, &file->desc->module,
					&file->same_name);
}

static int check_services(struct ecap_module_file *file)
{
	return ecap_module_check_services(file->desc, file->host.has_service);
}

static int check_features(struct ecap_module_file *file)
{
	if (!file->host.probed)
		return ecap_err(ECAP_NOT_CHECKED, "%s", file->host.why_not);
	return ecap_module_pick_bpf(file->desc, file->host.features, file->host.btf_mode,
				    &file->bpf_index);
}

/* With a crumb: constructors of the module run. */
static int check_dlopen(struct ecap_module_file *file)
{
	const struct ecap_module *module = &file->desc->module;
	char title[128];
	struct ecap_crumb crumb = { .module = title, .op = ECAP_OP_OPEN,
				    .where = ECAP_WHERE_MODULE }, *outer = ecap_crumb;

	ecap_crumb_title(title, sizeof(title), module->name, module->version);
	ecap_crumb = &crumb;
	int err = ecap_module_dlopen(file->path, &file->handle);

	ecap_crumb = outer;
	return err;
}

static int check_memory(struct ecap_module_file *file)
{
	return ecap_module_compare(file->handle, file->path, file->desc, &file->module);
}

#define BIT(CHECK) (1u << ECAP_CHECK_##CHECK)
#define ALL_BEFORE(CHECK) (BIT(CHECK) - 1)

static const struct {
	const char *name, *sentence;
	int (*make)(struct ecap_module_file *file);
	uint32_t needs; /* the checks without which it cannot be made, or would mislead */
} checks[] = {
	[ECAP_CHECK_FILE] = { "file", "it is a regular file that can be read", check_file, 0 },
	[ECAP_CHECK_OWNER] = { "owner", "nobody else can write to it", check_owner, BIT(FILE) },
	[ECAP_CHECK_DIRECTORIES] = { "directories",
		"nobody else can write to a directory above it", check_directories, 0 },
	[ECAP_CHECK_ELF] = { "elf", "it is a shared object for this machine", check_elf,
			     BIT(FILE) },
	[ECAP_CHECK_STACK] = { "stack", "it needs no executable stack", check_stack, BIT(ELF) },
	[ECAP_CHECK_CODE] = { "code", "it has no relocations in its code", check_code, BIT(ELF) },
	[ECAP_CHECK_LIBRARIES] = { "libraries",
		"its libraries do not depend on the working directory", check_libraries,
		BIT(ELF) },
	[ECAP_CHECK_SYMBOL] = { "symbol", "it exports " ECAP_MODULE_SYMBOL, check_symbol,
				BIT(ELF) },
	[ECAP_CHECK_DESCRIPTOR] = { "descriptor", "its descriptor can be read", check_descriptor,
				    BIT(SYMBOL) },
	[ECAP_CHECK_STRINGS] = { "strings", "its descriptor's texts and services are in the file",
				 check_strings, BIT(DESCRIPTOR) },
	[ECAP_CHECK_ABI] = { "abi", "it needs no later ABI than this ecapture offers", check_abi,
			     BIT(DESCRIPTOR) },
	[ECAP_CHECK_NAMES] = { "names", "its name, command and aliases are plain words",
			       check_names, BIT(DESCRIPTOR) | BIT(STRINGS) },
	[ECAP_CHECK_OPERATIONS] = { "operations", "it has the operations that are required",
				    check_operations, BIT(DESCRIPTOR) },
	[ECAP_CHECK_OPTIONS] = { "options", "its options and their defaults are valid",
				 check_options, BIT(DESCRIPTOR) },
	[ECAP_CHECK_BPF] = { "bpf", "it has BPF objects", check_bpf, BIT(DESCRIPTOR) },
	[ECAP_CHECK_TEXTS] = { "texts", "its texts are UTF-8 without control characters",
			       check_texts, BIT(DESCRIPTOR) },
	[ECAP_CHECK_LATER] = { "later", "it uses nothing later than the ABI that it needs",
			       check_later, BIT(DESCRIPTOR) | BIT(ABI) },
	[ECAP_CHECK_WORDS] = { "words", "its name, command and aliases are free", check_words,
			       BIT(DESCRIPTOR) | BIT(NAMES) },
	[ECAP_CHECK_SERVICES] = { "services", "this ecapture has the services that it needs",
				  check_services, BIT(DESCRIPTOR) | BIT(STRINGS) },
	[ECAP_CHECK_FEATURES] = { "features", "one of its BPF objects fits this kernel",
				  check_features, BIT(DESCRIPTOR) | BIT(BPF) },
	[ECAP_CHECK_DLOPEN] = { "dlopen", "it can be loaded", check_dlopen, ALL_BEFORE(DLOPEN) },
	[ECAP_CHECK_MEMORY] = { "memory", "its descriptor in memory is that of its file",
				check_memory, ALL_BEFORE(MEMORY) },
};

_Static_assert(ARRAY_SIZE(checks) == ECAP_N_CHECKS, "a row for each check");
_Static_assert(ECAP_N_CHECKS <= 32, "bits of struct ecap_module_file.failed");

const char *ecap_check_name(enum ecap_check check)
{
	return checks[check].name;
}

const char *ecap_check_sentence(enum ecap_check check)
{
	return checks[check].sentence;
}

static int make_check(struct ecap_module_file *file, enum ecap_check check)
{
	uint32_t missing = checks[check].needs & file->failed;

	if (!missing)
		return checks[check].make(file);
	return ecap_err(ECAP_NOT_CHECKED, "not checked, for lack of: %s",
			checks[__builtin_ctz(missing)].name);
}

int ecap_module_checks(struct ecap_module_file *file, enum ecap_check first, enum ecap_check last,
		       const struct ecap_check_report *report)
{
	_cleanup_free_ char *text = NULL;
	int first_err = 0;

	for (enum ecap_check check = first; check <= last; check++) {
		int err = make_check(file, check);

		if (err)
			file->failed |= 1u << check;
		if (err < 0 && !first_err) {
			first_err = err;
			text = strdup(ecap_err_text());
		}
		if (report)
			report->tell(report->arg, check, err);
		else if (err < 0)
			break;
	}
	if (!first_err)
		return 0;
	return ecap_err(first_err, "%s: %s", file->path, text ? text : "out of memory");
}

struct ecap_desc *ecap_module_file_desc(struct ecap_module_file *file)
{
	if (file->desc)
		ecap_desc_end(file->desc);
	return TAKE_PTR(file->desc);
}

void ecap_module_file_end(struct ecap_module_file *file)
{
	ecap_closep(&file->fd);
	ecap_module_elf_free(TAKE_PTR(file->elf));
	ecap_desc_free(TAKE_PTR(file->desc));
}

int ecap_desc_read(int fd, const char *path, struct ecap_desc **desc)
{
	struct ecap_module_file file = { .path = path, .fd = fd };
	int err = ecap_module_checks(&file, ECAP_CHECK_ELF, ECAP_CHECK_LATER, NULL);

	file.fd = -1;
	if (!err)
		*desc = ecap_module_file_desc(&file);
	ecap_module_file_end(&file);
	return err;
}
