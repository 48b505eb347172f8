/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a descriptor that was read to a module that is loaded: whether this host and this
 * kernel have what it needs, dlopen, and whether its memory is what its file said.
 */
#define _GNU_SOURCE 1 /* dlinfo(3) */
#include "module_load.h"

#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <link.h>
#include <string.h>

#include "descriptor_copy.h"
#include "err.h"
#include "kernel.h"
#include "module_checks.h"
#include "util.h"

#define MAX_SERVICE_VERSION 16

/* "ecap.tc/2" is not there: the version that is, so that the message can say it. */
static int refuse_service(const char *id, int (*has_service)(const char *id))
{
	const char *slash = strrchr(id, '/');
	int len = slash ? (int)(slash - id) : 0;
	char other[80];

	for (int v = 1; len && len < 64 && v <= MAX_SERVICE_VERSION; v++) {
		snprintf(other, sizeof(other), "%.*s/%d", len, id, v);
		if (has_service(other))
			return ecap_err(-EPROTONOSUPPORT, "needs service %s, this ecapture has %s; "
					"upgrade the older of the two", id, other);
	}
	return ecap_err(-EPROTONOSUPPORT, "needs service %.64s, which this ecapture does not have; "
			"upgrade ecapture", id);
}

int ecap_module_check_services(const struct ecap_desc *desc, int (*has_service)(const char *id))
{
	for (uint32_t i = 0; i < desc->n_services; i++) {
		if (!has_service(desc->module.services[i]))
			return refuse_service(desc->module.services[i], has_service);
	}
	return 0;
}

uint64_t ecap_module_bpf_needs(const struct ecap_desc_bpf *bpf)
{
	/* an object that is relocated against BTF needs that, whether or not its row says so */
	return bpf->features | (bpf->variant == ECAP_BTF_CORE ? ECAP_FEAT_BTF : 0);
}

static void append(char *text, size_t size, const char *between, const char *more)
{
	size_t used = strlen(text);

	snprintf(text + used, size - used, "%s%s", between, more);
}

/* "name needs a and b", or "name is for --btf 1". */
static void explain(char *text, size_t size, const struct ecap_desc_bpf *bpf, uint64_t missing)
{
	char number[24];

	append(text, size, *text ? "; " : "", bpf->name);
	if (!missing) {
		append(text, size, " is for --btf ", bpf->variant == ECAP_BTF_CORE ? "1" : "2");
		return;
	}
	const char *between = " needs ";

	for (uint32_t bit = 0; bit < 64; bit++) {
		const char *name = ecap_feature_name(UINT64_C(1) << bit);

		if (!(missing >> bit & 1))
			continue;
		snprintf(number, sizeof(number), "feature %u", bit);
		append(text, size, between, name ? name : number);
		between = " and ";
	}
}

int ecap_module_pick_bpf(const struct ecap_desc *desc, uint64_t features, uint32_t btf_mode,
			 uint32_t *index)
{
	char reasons[1024] = "";

	for (uint32_t i = 0; i < desc->module.n_bpf; i++) {
		const struct ecap_desc_bpf *bpf = &desc->bpf[i];
		uint64_t missing = ecap_module_bpf_needs(bpf) & ~features;

		if (!missing && (!btf_mode || bpf->variant == btf_mode)) {
			*index = i;
			return 0;
		}
		explain(reasons, sizeof(reasons), bpf, missing);
	}
	return ecap_err(-EOPNOTSUPP, "no BPF object of module %s fits this kernel: %s",
			desc->module.name ? desc->module.name : "", reasons);
}

/* What libbpf's functions begin with. */
static const char *const libbpf_prefixes[] = {
	"bpf_", "btf_", "libbpf_", "ring_buffer__", "perf_buffer__", "user_ring_buffer__",
};

/* Whether dlerror(3) names a function, or a version of the library, that only a later libbpf has. */
static int wants_later_libbpf(const char *why)
{
	static const char undefined[] = "undefined symbol: ";
	const char *symbol = strstr(why, undefined);

	if (strstr(why, "version `LIBBPF_"))
		return 1;
	for (size_t i = 0; symbol && i < ARRAY_SIZE(libbpf_prefixes); i++) {
		if (!strncmp(symbol + strlen(undefined), libbpf_prefixes[i],
			     strlen(libbpf_prefixes[i])))
			return 1;
	}
	return 0;
}

/* dlerror(3) begins with the path, which our caller puts before the text. */
static int refuse_dlopen(const char *path)
{
	const char *why = dlerror();
	size_t len = strlen(path);

	if (why && !strncmp(why, path, len) && !strncmp(why + len, ": ", 2))
		why += len + 2;
	if (why && wants_later_libbpf(why))
		return ecap_err(-ELIBACC, "cannot load: %s; it wants a libbpf newer than the %u.%u "
				"in use", why, libbpf_major_version(), libbpf_minor_version());
	return ecap_err(-ELIBACC, "cannot load: %s; see ldd -r %s", why ? why : "unknown reason",
			path);
}

int ecap_module_dlopen(const char *path, void **handle)
{
	if (!*handle)
		*handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	return *handle ? 0 : refuse_dlopen(path);
}

/* Of a loaded library, by its address. */
struct loaded {
	uintptr_t base;
	const Elf64_Phdr *ph;
	uint32_t n_ph;
};

static int find_loaded(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct loaded *loaded = arg;

	(void)size;
	if (info->dlpi_addr != loaded->base)
		return 0;
	loaded->ph = info->dlpi_phdr;
	loaded->n_ph = info->dlpi_phnum;
	return 1;
}

int ecap_module_compare(void *handle, const char *path, const struct ecap_desc *desc,
			const struct ecap_module **module)
{
	const struct ecap_module *symbol = dlsym(handle, ECAP_MODULE_SYMBOL);
	struct loaded loaded = { 0 };
	struct link_map *map;
	int err = 0;

	if (!symbol || dlinfo(handle, RTLD_DI_LINKMAP, &map))
		return refuse_dlopen(path);
	loaded.base = map->l_addr;
	dl_iterate_phdr(find_loaded, &loaded);
	/* another library may have the symbol as well, or the file may be another one by now */
	if ((uintptr_t)symbol - loaded.base != desc->addr)
		err = ecap_err(-ESTALE, "its place");
	if (!err)
		err = ecap_copies_compare(desc->memory, loaded.base, loaded.ph, loaded.n_ph);
	if (err)
		return ecap_err(err, "refused: its descriptor in memory is not the one in the file "
				"(%s differs): the file was replaced, or code changed it; if it "
				"is not the former, build it with -fvisibility=hidden",
				ecap_err_text());
	*module = symbol;
	return 0;
}

int ecap_module_check(const struct ecap_desc *desc, const char *path, uint64_t features,
		      uint32_t btf_mode, int (*has_service)(const char *id))
{
	struct ecap_module_file file = {
		.path = path, .fd = -1, .desc = (struct ecap_desc *)desc,
		.host = { .has_service = has_service, .probed = 1, .features = features,
			  .btf_mode = btf_mode },
	};

	return ecap_module_checks(&file, ECAP_CHECK_SERVICES, ECAP_CHECK_FEATURES, NULL);
}

int ecap_module_load(struct ecap_catalog_entry *entry, const struct ecap_module **module)
{
	struct ecap_module_file file = {
		.path = entry->path, .fd = -1, .desc = entry->desc, .handle = entry->handle,
	};

	if (!entry->desc)
		return ecap_err(-ENOEXEC, "%s", entry->error);
	int err = ecap_module_checks(&file, ECAP_CHECK_FILE, ECAP_CHECK_DIRECTORIES, NULL);

	ecap_closep(&file.fd);
	if (!err)
		err = ecap_module_checks(&file, ECAP_CHECK_DLOPEN, ECAP_CHECK_MEMORY, NULL);
	entry->handle = file.handle;
	if (!err)
		*module = file.module;
	return err;
}
