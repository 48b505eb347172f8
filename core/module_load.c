/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a descriptor that was read to a module that is loaded: whether this host and this
 * kernel have what it needs, dlopen, and whether its memory is what its file said.
 */
#define _GNU_SOURCE 1 /* dlinfo(3) */
#include "loader.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>

#include "descriptor_copy.h"
#include "err.h"
#include "kernel.h"
#include "util.h"

#define MAX_SERVICE_VERSION 16

/* "ecap.tc/2" is not there: the version that is, so that the message can say it. */
static int refuse_service(const char *path, const char *id, int (*has_service)(const char *id))
{
	const char *slash = strrchr(id, '/');
	int len = slash ? (int)(slash - id) : 0;
	char other[80];

	for (int v = 1; len && len < 64 && v <= MAX_SERVICE_VERSION; v++) {
		snprintf(other, sizeof(other), "%.*s/%d", len, id, v);
		if (has_service(other))
			return ecap_err(-EPROTONOSUPPORT, "%s: needs service %s, this ecapture has "
					"%s; upgrade the older of the two", path, id, other);
	}
	return ecap_err(-EPROTONOSUPPORT, "%s: needs service %.64s, which this ecapture does not "
			"have; upgrade ecapture", path, id);
}

int ecap_module_check(const struct ecap_desc *desc, const char *path, uint64_t features,
		      uint32_t btf_mode, int (*has_service)(const char *id))
{
	uint32_t index;

	for (uint32_t i = 0; i < desc->n_services; i++) {
		if (!has_service(desc->module.services[i]))
			return refuse_service(path, desc->module.services[i], has_service);
	}
	int err = ecap_module_pick_bpf(desc, features, btf_mode, &index);

	return err ? ecap_err(err, "%s: %s", path, ecap_err_text()) : 0;
}

static uint64_t missing_features(const struct ecap_desc_bpf *bpf, uint64_t features)
{
	/* an object that is relocated against BTF needs that, whether or not its row says so */
	uint64_t needed = bpf->features | (bpf->variant == ECAP_BTF_CORE ? ECAP_FEAT_BTF : 0);

	return needed & ~features;
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
		uint64_t missing = missing_features(bpf, features);

		if (!missing && (!btf_mode || bpf->variant == btf_mode)) {
			*index = i;
			return 0;
		}
		explain(reasons, sizeof(reasons), bpf, missing);
	}
	return ecap_err(-EOPNOTSUPP, "no BPF object of module %s fits this kernel: %s",
			desc->module.name, reasons);
}

/* dlerror(3) begins with the path that our text begins with too. */
static int refuse_dlopen(const char *path)
{
	const char *why = dlerror();
	size_t len = strlen(path);

	if (why && !strncmp(why, path, len) && !strncmp(why + len, ": ", 2))
		why += len + 2;
	return ecap_err(-ELIBACC, "%s: cannot load: %s; see ldd -r %s", path,
			why ? why : "unknown reason", path);
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

static int check_memory(const struct ecap_catalog_entry *entry, const void *symbol)
{
	const struct ecap_desc *desc = entry->desc;
	struct loaded loaded = { 0 };
	struct link_map *map;
	int err = 0;

	if (dlinfo(entry->handle, RTLD_DI_LINKMAP, &map))
		return refuse_dlopen(entry->path);
	loaded.base = map->l_addr;
	dl_iterate_phdr(find_loaded, &loaded);
	/* another library may have the symbol as well, or the file may be another one by now */
	if ((uintptr_t)symbol - loaded.base != desc->addr)
		err = ecap_err(-ESTALE, "its place");
	if (!err)
		err = ecap_copies_compare(desc->memory, loaded.base, loaded.ph, loaded.n_ph);
	if (!err)
		return 0;
	return ecap_err(err, "%s: refused: its descriptor in memory is not the one in the file "
			"(%s differs): the file was replaced, or code changed it; if it is not "
			"the former, build it with -fvisibility=hidden", entry->path,
			ecap_err_text());
}

int ecap_module_load(struct ecap_catalog_entry *entry, const struct ecap_module **module)
{
	if (!entry->desc)
		return ecap_err(-ENOEXEC, "%s", entry->error);
	_cleanup_close_ int fd = open(entry->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return ecap_err(-errno, "%s: cannot open it: %s", entry->path, strerror(errno));
	int err = ecap_secure_path(fd, entry->path);

	if (err)
		return err;
	if (!entry->handle)
		entry->handle = dlopen(entry->path, RTLD_NOW | RTLD_LOCAL);
	if (!entry->handle)
		return refuse_dlopen(entry->path);
	const struct ecap_module *symbol = dlsym(entry->handle, ECAP_MODULE_SYMBOL);

	if (!symbol)
		return refuse_dlopen(entry->path);
	err = check_memory(entry, symbol);
	if (!err)
		*module = symbol;
	return err;
}
