/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watching for files that processes map, with children that load a private copy of a library
 * while a real event loop runs.
 */
#include "targets_help.h"

#include <sys/timerfd.h>

#include "crumb.h"
#include "instance.h"
#include "services.h"
#include "targets.h"
#include "targets/watch.h"

struct watched {
	struct ecap_loop *loop;
	struct ecap_watch *watch;
	struct findings findings;
	int timer;
};

static int too_late(void *arg)
{
	(void)arg;
	return ecap_err(-ETIME, "nothing came in time");
}

static void start_watch(struct watched *watched, const struct ecap_target_spec *spec)
{
	assert_int_equal(ecap_loop_new(&watched->loop), 0);
	watched->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	assert_return_code(watched->timer, errno);
	assert_int_equal(ecap_loop_add(watched->loop, watched->timer, too_late, NULL), 0);
	int r = ecap_watch_new(watched->loop, &watched->findings.given, "test", spec, found,
			       &watched->findings, &watched->watch);

	watched->findings.loop = watched->loop;
	if (r != -EOPNOTSUPP) {
		assert_int_equal(r, 0);
		return;
	}
	print_message("%s\n", ecap_err_text());
	ecap_loop_free(watched->loop);
	close(watched->timer);
	skip();
}

/* Runs the loop until the file comes, or until the time is over: -ETIME. */
static int run_watch(struct watched *watched, ino_t ino, int ms)
{
	struct itimerspec time = {.it_value = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}};

	watched->findings.ino = ino;
	assert_int_equal(timerfd_settime(watched->timer, 0, &time, NULL), 0);
	return ecap_loop_run(watched->loop);
}

static void end_watch(struct watched *watched)
{
	ecap_watch_free(&watched->watch);
	assert_null(watched->watch);
	ecap_loop_remove(watched->loop, watched->timer);
	ecap_loop_free(watched->loop);
	close(watched->timer);
	ecap_file_keys_clear(&watched->findings.given);
}

static void watch_new_file(void **state)
{
	struct ecap_target_spec spec = spec_of(by_name, by_symbols);
	struct watched watched = {0};

	(void)state;
	struct stat before = copy_here("libcopy-7.so"), after = copy_here("after");
	struct child child = start_loaded(in_dir("libcopy-7.so"));
	struct child second = start_child(load, in_dir("after"), true);

	watched.findings.ino = before.st_ino;
	watched.findings.result = -EPERM; /* is logged, no more */
	start_watch(&watched, &spec);
	assert_int_equal(watched.findings.n, 1);
	assert_int_equal(watched.findings.how, ECAP_TARGET_MAPPED);
	let_go(&second);
	assert_int_equal(run_watch(&watched, after.st_ino, 10000), 0);
	assert_int_equal(watched.findings.how, ECAP_TARGET_WATCHED);
	assert_int_equal(watched.findings.pid, second.pid);
	assert_string_equal(watched.findings.shown, in_dir("after"));

	/* The files that were given do not come again, also in a new process. */
	struct child third = start_loaded(in_dir("after"));

	assert_int_equal(run_watch(&watched, after.st_ino, 300), -ETIME);
	assert_int_equal(watched.findings.n, 2);
	end_watch(&watched);
	end_child(&child);
	end_child(&second);
	end_child(&third);
	unlink("libcopy-7.so");
	unlink("after");
}

static void watch_one_process(void **state)
{
	struct ecap_target_spec spec = spec_of(by_name, NULL);
	struct watched watched = {0};

	(void)state;
	struct stat first = copy_here("libcopy-8.so"), second = copy_here("libcopy-9.so");
	struct child other = start_child(load, in_dir("libcopy-8.so"), true);
	struct child child = start_child(load, in_dir("libcopy-9.so"), true);

	spec.pid = (uint64_t)child.pid;
	start_watch(&watched, &spec);
	let_go(&other);
	assert_int_equal(answer(&other), 0);
	assert_int_equal(run_watch(&watched, first.st_ino, 300), -ETIME);
	let_go(&child);
	assert_int_equal(run_watch(&watched, second.st_ino, 10000), 0);
	assert_int_equal(watched.findings.pid, child.pid);
	end_watch(&watched);
	end_child(&other);
	end_child(&child);
	unlink("libcopy-8.so");
	unlink("libcopy-9.so");
}

/* A program that is over before anybody looks: its file is there for the next run. */
static void watch_short_process(void **state)
{
	struct ecap_target_spec spec = spec_of(by_name, NULL);
	struct watched watched = {0};

	(void)state;
	start_watch(&watched, &spec);
	struct stat st = copy_here("libcopy-10.so");
	struct child child = start_loaded(in_dir("libcopy-10.so"));

	end_child(&child);
	assert_int_equal(run_watch(&watched, st.st_ino, 10000), 0);

	/* And when the file is gone as well, nothing comes and nothing breaks. */
	struct stat gone = copy_here("libcopy-11.so");

	child = start_loaded(in_dir("libcopy-11.so"));
	end_child(&child);
	unlink("libcopy-11.so");
	assert_int_equal(run_watch(&watched, gone.st_ino, 300), -ETIME);
	end_watch(&watched);
	unlink("libcopy-10.so");
}

/* Has the watch look at a file, then makes one that fits in its place. */
static bool reuse_inode(struct watched *watched, struct stat *st)
{
	struct stat first = copy_here("other.so");
	struct child child = start_loaded(in_dir("other.so"));

	assert_int_equal(run_watch(watched, first.st_ino, 50), -ETIME);
	end_child(&child);
	unlink("other.so");
	*st = copy_here("libcopy-13.so");
	if (st->st_ino == first.st_ino)
		return true;
	unlink("libcopy-13.so");
	return false;
}

static void watch_reused_inode(void **state)
{
	struct ecap_target_spec spec = spec_of(by_name, NULL);
	struct watched watched = {0};
	struct stat st;
	int tries = 20; /* others may take the inode number first */

	(void)state;
	start_watch(&watched, &spec);
	while (!reuse_inode(&watched, &st) && --tries)
		;
	if (tries) {
		struct child child = start_loaded(in_dir("libcopy-13.so"));

		assert_int_equal(run_watch(&watched, st.st_ino, 10000), 0);
		end_child(&child);
		unlink("libcopy-13.so");
	}
	end_watch(&watched);
	if (!tries) {
		print_message("this file system does not use inode numbers again\n");
		skip();
	}
}

static int load_often(const char *path)
{
	for (int i = 0; i < 2000; i++) {
		void *library = dlopen(original, RTLD_NOW);

		if (!library || dlclose(library))
			return -ENOEXEC;
	}
	return load(path);
}

/* More news than the rings hold, with the file's own lost: the processes are looked at. */
static void watch_survives_loss(void **state)
{
	struct ecap_target_spec spec = spec_of(by_name, NULL);
	struct watched watched = {0};

	(void)state;
	start_watch(&watched, &spec);
	struct stat st = copy_here("libcopy-12.so");
	struct child child = start_child(load_often, in_dir("libcopy-12.so"), false);

	assert_int_equal(answer(&child), 0);
	assert_int_equal(run_watch(&watched, st.st_ino, 10000), 0);
	assert_int_equal(watched.findings.pid, child.pid);
	assert_int_equal(watched.findings.how, ECAP_TARGET_WATCHED);
	end_watch(&watched);
	end_child(&child);
	unlink("libcopy-12.so");
}

/* The table that modules use, with an instance that has only a name and a loop. */
static void service_of_an_instance(void **state)
{
	const struct ecap_targets *targets = ecap_service(ECAP_TARGETS_SERVICE);
	struct ecap_target_spec spec = spec_of(by_name, NULL), old = spec;
	struct ecap_desc desc = {.module = {.name = "test", .command = "test"}};
	struct ecap_instance *instance = NULL;
	struct findings findings = {0};

	(void)state;
	assert_non_null(targets);
	assert_int_equal(targets->struct_size, sizeof(*targets));
	struct ecap_loop *loop = NULL;

	assert_int_equal(ecap_loop_new(&loop), 0);
	struct ecap_instance_options options = {.desc = &desc, .loop = loop};

	assert_int_equal(ecap_instance_new(&options, &instance), 0);
	struct ecap_crumb crumb = {.instance = instance, .module = "module 'test'",
				   .op = ECAP_OP_START, .where = ECAP_WHERE_MODULE};

	ecap_crumb = &crumb;
	old.struct_size = 8;
	assert_int_equal(targets->find(instance, &old, found, &findings), -EINVAL);
	assert_int_equal(targets->watch(instance, &old, found, &findings), -EINVAL);

	struct stat st = copy_here("libcopy-14.so");
	struct child child = start_loaded(in_dir("libcopy-14.so"));

	findings.ino = st.st_ino;
	int r = targets->find(instance, &spec, found, &findings);

	assert_int_equal(findings.n, 1);
	assert_int_equal(r, 1 + findings.n_others); /* children of skipped tests are still there */
	r = targets->watch(instance, &spec, found, &findings);

	if (!r)
		assert_int_equal(targets->watch(instance, &spec, found, &findings), -EBUSY);
	else
		assert_int_equal(r, -EOPNOTSUPP);
	assert_int_equal(findings.n, 1); /* what find() gave does not come again */
	ecap_target_set_free(ecap_instance_targets(instance));
	assert_null(*ecap_instance_targets(instance));
	ecap_crumb = NULL;
	assert_int_equal(targets->find(instance, &spec, found, &findings), -EPERM);
	assert_int_equal(targets->watch(instance, &spec, found, &findings), -EPERM);
	ecap_instance_free(instance);
	ecap_loop_free(loop);
	end_child(&child);
	unlink("libcopy-14.so");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(watch_new_file),
		cmocka_unit_test(watch_one_process),
		cmocka_unit_test(watch_short_process),
		cmocka_unit_test(watch_reused_inode),
		cmocka_unit_test(watch_survives_loss),
		cmocka_unit_test(service_of_an_instance),
	};

	return cmocka_run_group_tests_name("targets_watch", tests, set_up, tear_down);
}
