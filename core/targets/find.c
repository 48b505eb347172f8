/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files fit a module's wish: the one that it names, else what ld.so.cache, PATH and the
 * maps of processes show. A library fits by its name, any program or library by the symbols
 * that it defines. The same few files are mapped hundreds of times: the device and inode number
 * in the maps tell, without opening anything, that one was looked at already.
 */
#include "targets/find.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "err.h"
#include "log.h"
#include "targets/cache.h"
#include "targets/symbols.h"
#include "util.h"

#define STANDARD_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

void ecap_search_fini(struct ecap_search *search)
{
	ecap_file_keys_clear(&search->judged);
}

/*
 * Any user may map a file that cannot be probed: that must not end the search for the others. Of
 * what the spec names, or root has installed, it does.
 */
static int ends_search(const struct ecap_search *search, const struct ecap_target *target)
{
	return target->how == ECAP_TARGET_GIVEN || target->how == ECAP_TARGET_CACHE ||
	       target->how == ECAP_TARGET_PATH || search->spec->path ||
	       search->spec->pid != ECAP_ANY;
}

static int call_found(const struct ecap_search *search, const struct ecap_target *target)
{
	ecap_err(0, "%s", "");
	int r = search->found(search->arg, target);

	if (r >= 0 || ends_search(search, target))
		return r < 0 ? r : 0;
	log_warn("targets", "%s (pid %" PRIu32 ") is left out: %s", target->shown, target->pid,
		 *ecap_err_text() ? ecap_err_text() : strerror(-r));
	return 0;
}

/* Hands a file to the module, once. */
static int give(struct ecap_search *search, const struct ecap_file *file, uint32_t how,
		uint32_t pid, const char *shown)
{
	char path[32];

	if (ecap_file_keys_has(search->given, &file->same))
		return 0;
	int r = ecap_file_keys_add(search->given, &file->key);

	if (r <= 0)
		return r;
	r = ecap_file_keys_add(search->given, &file->stands_for);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
	log_debug("targets", "%s (pid %" PRIu32 ", device %u:%u, inode %" PRIu64 ")", shown, pid,
		  major(file->st.st_dev), minor(file->st.st_dev), (uint64_t)file->st.st_ino);
	search->n_found++;
	struct ecap_target target = {
		.struct_size = sizeof(target),
		.how = how,
		.pid = pid,
		.path = path,
		.shown = shown,
		.dev = file->st.st_dev,
		.ino = file->st.st_ino,
	};

	return call_found(search, &target);
}

static bool name_fits(const struct ecap_target_spec *spec, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	if (!spec->libraries)
		return false;
	for (const char *const *pattern = spec->libraries; *pattern; pattern++)
		if (!fnmatch(*pattern, strchr(*pattern, '/') ? path : name, 0))
			return true;
	return false;
}

/* Whether @file is the one that the spec names: that path may lead to a new file by now. */
static bool is_named(const struct ecap_target_spec *spec, const struct ecap_file *file)
{
	struct stat st;

	return !stat(spec->path, &st) && st.st_dev == file->st.st_dev &&
	       st.st_ino == file->st.st_ino;
}

static bool mapped_fits(const struct ecap_target_spec *spec, const struct ecap_file *file,
			const char *path)
{
	if (spec->path)
		return is_named(spec, file);
	if (name_fits(spec, path))
		return ecap_symbols_defined(file->fd, NULL) > 0;
	return spec->symbols && ecap_symbols_defined(file->fd, spec->symbols) > 0;
}

int ecap_search_mapping(void *arg, const struct ecap_mapping *mapping)
{
	struct ecap_search *search = arg;
	_cleanup_(ecap_file_close) struct ecap_file file = ECAP_FILE_NONE;
	struct ecap_file_key key = {
		.dev = makedev(mapping->major, mapping->minor),
		.ino = mapping->ino,
		.tag = mapping->generation,
	};

	if (ecap_file_keys_has(&search->judged, &key))
		return 0;
	int r = ecap_file_open_mapping(mapping, &file);

	if (r) {
		log_debug("targets", "%s of process %" PRIu32 ": %s", mapping->path, mapping->pid,
			  strerror(-r));
		return 0;
	}
	r = ecap_file_keys_add(&search->judged, &key);
	if (r < 0)
		return r;
	if (!mapped_fits(search->spec, &file, mapping->path))
		return 0;
	return give(search, &file, search->how, mapping->pid, mapping->path);
}

int ecap_search_processes(struct ecap_search *search)
{
	if (search->spec->pid == ECAP_ANY)
		return ecap_maps_each_process(ecap_search_mapping, search);
	if (search->spec->pid > INT32_MAX)
		return ecap_err(-ESRCH, "no process %" PRIu64, search->spec->pid);
	return ecap_maps_each((uint32_t)search->spec->pid, ecap_search_mapping, search);
}

static int find_named(struct ecap_search *search)
{
	_cleanup_(ecap_file_close) struct ecap_file file = ECAP_FILE_NONE;
	int r = ecap_file_open(search->spec->path, &file);

	return r ? r : give(search, &file, ECAP_TARGET_GIVEN, 0, search->spec->path);
}

static int check_cached(void *arg, const char *path)
{
	struct ecap_search *search = arg;
	_cleanup_(ecap_file_close) struct ecap_file file = ECAP_FILE_NONE;

	/* ldconfig(8) ran before the file went away: nothing to tell anybody. */
	if (!name_fits(search->spec, path) || ecap_file_open(path, &file) ||
	    ecap_symbols_defined(file.fd, NULL) <= 0)
		return 0;
	return give(search, &file, ECAP_TARGET_CACHE, 0, path);
}

static int find_cached(struct ecap_search *search)
{
	if (!search->spec->libraries)
		return 0;
	int before = search->n_found;
	int r = ecap_ldcache_each(ECAP_LDCACHE_PATH, check_cached, search);

	/* Systems without glibc have no cache; running processes show their libraries. */
	if ((r == -ENOENT || r == -EBADMSG) && search->n_found == before) {
		log_debug("targets", "%s", ecap_err_text());
		return 0;
	}
	return r;
}

/*
 * The first file of this name in the directories of @dirs that is a program with the symbols.
 * Scripts that start the real program from elsewhere (pyenv, nvm) are passed over.
 */
static int find_program(struct ecap_search *search, const char *name, const char *dirs)
{
	for (const char *dir = dirs; *dir; dir += strspn(dir, ":")) {
		_cleanup_(ecap_file_close) struct ecap_file file = ECAP_FILE_NONE;
		char path[PATH_MAX];
		size_t len = strcspn(dir, ":");
		int n = snprintf(path, sizeof(path), "%.*s/%s", (int)len, dir, name);

		dir += len;
		if (n >= (int)sizeof(path) || path[0] != '/' || ecap_file_open(path, &file) ||
		    ecap_symbols_defined(file.fd, search->spec->symbols) <= 0)
			continue;
		return give(search, &file, ECAP_TARGET_PATH, 0, path);
	}
	return 0;
}

static int find_programs(struct ecap_search *search)
{
	_cleanup_free_ char *dirs = NULL;
	const char *env = getenv("PATH");

	if (!search->spec->programs)
		return 0;
	/* Under sudo(8) and service managers PATH often lacks what users have. */
	if (asprintf(&dirs, "%s:" STANDARD_PATH, env ? env : "") < 0) {
		dirs = NULL;
		return ecap_err(-ENOMEM, "memory for PATH");
	}
	for (const char *const *name = search->spec->programs; *name; name++) {
		int r = find_program(search, *name, dirs);

		if (r)
			return r;
	}
	return 0;
}

static int find_all(struct ecap_search *search)
{
	if (search->spec->path)
		return find_named(search);
	if (search->spec->pid == ECAP_ANY) {
		int r = find_cached(search);

		if (!r)
			r = find_programs(search);
		if (r)
			return r;
	}
	return ecap_search_processes(search);
}

int ecap_targets_find(struct ecap_file_keys *given, const struct ecap_target_spec *spec,
		      int (*found)(void *arg, const struct ecap_target *target), void *arg)
{
	_cleanup_(ecap_search_fini) struct ecap_search search = {
		.spec = spec,
		.given = given,
		.found = found,
		.arg = arg,
		.how = ECAP_TARGET_MAPPED,
	};
	int r = find_all(&search);

	return r ? r : search.n_found;
}
