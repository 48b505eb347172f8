/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at each file that the kernel says a process has just mapped. Inode numbers are used
 * again, so here a file counts as known only with the generation of its number; when news were
 * lost, and once after the start, all processes are looked at.
 */
#include "targets/watch.h"

#include <string.h>

#include "err.h"
#include "log.h"
#include "targets/find.h"
#include "targets/mmaps.h"
#include "util.h"

/* Builds map new programs all day; past this number the memory is worth more than the knowledge. */
#define MAX_JUDGED 65536

struct ecap_watch {
	const char *name;
	struct ecap_target_spec spec; /* with copies of its strings */
	struct ecap_search search;
	struct ecap_mmaps *mmaps;
	int (*found)(void *arg, const struct ecap_target *target);
	void *arg;
};

static void free_list(const char *const *list)
{
	for (const char *const *at = list; at && *at; at++)
		free((void *)(uintptr_t)*at);
	free((void *)(uintptr_t)list);
}

static int copy_list(const char *const *list, const char *const **copy)
{
	size_t n = 0;

	if (!list)
		return 0;
	while (list[n])
		n++;
	const char **made = calloc(n + 1, sizeof(*made));

	if (!made)
		return ecap_err(-ENOMEM, "memory for %zu names", n);
	*copy = made; /* freed with the watch, also when it is not complete */
	for (size_t i = 0; i < n; i++) {
		made[i] = strdup(list[i]);
		if (!made[i])
			return ecap_err(-ENOMEM, "memory for %zu names", n);
	}
	return 0;
}

static int copy_spec(const struct ecap_target_spec *spec, struct ecap_target_spec *copy)
{
	copy->struct_size = sizeof(*copy);
	copy->pid = spec->pid;
	if (spec->path) {
		copy->path = strdup(spec->path);
		if (!copy->path)
			return ecap_err(-ENOMEM, "memory for a path");
	}
	int r = copy_list(spec->libraries, &copy->libraries);

	if (!r)
		r = copy_list(spec->symbols, &copy->symbols);
	return r;
}

/* One file that a module cannot probe must not end the watch for the others. */
static int on_found(void *arg, const struct ecap_target *target)
{
	struct ecap_watch *watch = arg;

	ecap_err(0, "%s", "");
	int r = watch->found(watch->arg, target);

	if (r < 0)
		log_warn(watch->name, "%s: %s", target->shown,
			 *ecap_err_text() ? ecap_err_text() : strerror(-r));
	return 0;
}

static void on_mapped(void *arg, const struct ecap_mapping *mapping)
{
	struct ecap_watch *watch = arg;

	if (watch->spec.pid == ECAP_ANY ? mapping->pid == (uint32_t)getpid()
					: mapping->pid != watch->spec.pid)
		return;
	if (watch->search.judged.n > MAX_JUDGED)
		ecap_file_keys_clear(&watch->search.judged);
	if (ecap_search_mapping(&watch->search, mapping))
		log_warn(watch->name, "%s: %s", mapping->path, ecap_err_text());
}

static void on_lost(void *arg)
{
	struct ecap_watch *watch = arg;

	log_debug(watch->name, "new mappings were lost, looking at all processes");
	ecap_file_keys_clear(&watch->search.judged);
	int r = ecap_search_processes(&watch->search);

	if (r && r != -ESRCH)
		log_warn(watch->name, "%s", ecap_err_text());
}

int ecap_watch_new(struct ecap_loop *loop, struct ecap_file_keys *given, const char *name,
		   const struct ecap_target_spec *spec,
		   int (*found)(void *arg, const struct ecap_target *target), void *arg,
		   struct ecap_watch **watch)
{
	_cleanup_(ecap_watch_free) struct ecap_watch *made = calloc(1, sizeof(*made));

	if (!made)
		return ecap_err(-ENOMEM, "memory for a watch");
	made->name = name;
	made->found = found;
	made->arg = arg;
	made->search = (struct ecap_search){
		.spec = &made->spec,
		.given = given,
		.found = on_found,
		.arg = made,
		.how = ECAP_TARGET_MAPPED,
	};
	int r = copy_spec(spec, &made->spec);

	if (!r)
		r = ecap_mmaps_open(loop, &(struct ecap_mmaps_listener){
			.mapped = on_mapped, .lost = on_lost, .arg = made }, &made->mmaps);
	/* What was mapped between the caller's last look and now. */
	if (!r)
		r = ecap_search_processes(&made->search);
	if (r)
		return r;
	made->search.how = ECAP_TARGET_WATCHED;
	*watch = TAKE_PTR(made);
	return 0;
}

void ecap_watch_free(struct ecap_watch **watch)
{
	if (!*watch)
		return;
	ecap_mmaps_close(&(*watch)->mmaps);
	ecap_search_fini(&(*watch)->search);
	free((void *)(uintptr_t)(*watch)->spec.path);
	free_list((*watch)->spec.libraries);
	free_list((*watch)->spec.symbols);
	free(*watch);
	*watch = NULL;
}
