/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications to a service manager, whose socket the test holds: what arrives, and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "err.h"
#include "log.h"
#include "notify.h"
#include "util.h"

static char dir[] = "/tmp/ecapture-notify-XXXXXX";

/* A socket as systemd has it, bound to @name: a path, or '@' and a name. */
static int manager(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t n = strlen(name);

	assert_true(fd >= 0);
	assert_true(n < sizeof(address.sun_path));
	memcpy(address.sun_path, name, n);
	if (*name == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

static void assert_got(int fd, const char *expected)
{
	char text[2048];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	assert_true(n >= 0);
	text[n] = '\0';
	assert_string_equal(text, expected);
}

static void assert_nothing(int fd)
{
	char c;

	assert_true(recv(fd, &c, 1, MSG_DONTWAIT) < 0);
}

static void speak(const char *name)
{
	_cleanup_close_ int fd = manager(name);
	struct ecap_notify *notify = NULL;
	char longest[3000], cut[1024];

	assert_int_equal(ecap_notify_open(&notify), 0);
	assert_non_null(notify);
	assert_null(getenv("NOTIFY_SOCKET"));
	ecap_notify_send(notify, "READY=1\nSTATUS=%s", "tls is capturing");
	ecap_notify_send(notify, "STOPPING=1");
	assert_got(fd, "READY=1\nSTATUS=tls is capturing");
	assert_got(fd, "STOPPING=1");

	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	memset(cut, 'x', sizeof(cut) - 1);
	cut[sizeof(cut) - 1] = '\0';
	ecap_notify_send(notify, "%s", longest);
	assert_got(fd, cut);
	assert_nothing(fd);
	ecap_notify_free(notify);
}

static void test_path(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/notify", dir);
	speak(path);
	assert_int_equal(unlink(path), 0);
}

static void test_abstract(void **state)
{
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "@%s/abstract", dir);
	speak(name);
}

static void test_nobody_asked(void **state)
{
	struct ecap_notify *notify = (struct ecap_notify *)state;

	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(ecap_notify_open(&notify), 0);
	assert_null(notify);
	ecap_notify_send(notify, "READY=1");
	ecap_notify_free(notify);
	setenv("NOTIFY_SOCKET", "", 1);
	assert_int_equal(ecap_notify_open(&notify), 0);
	assert_null(notify);
}

static void test_bad_addresses(void **state)
{
	char endless[200];
	const struct {
		const char *address;
		int err;
	} cases[] = { { "relative", -EINVAL }, { "/", -EINVAL }, { "@", -EINVAL },
		      { endless, -ENAMETOOLONG } };

	(void)state;
	memset(endless, '/', sizeof(endless));
	endless[sizeof(endless) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ecap_notify *notify = NULL;

		setenv("NOTIFY_SOCKET", cases[i].address, 1);
		assert_int_equal(ecap_notify_open(&notify), cases[i].err);
		assert_null(notify);
		assert_null(getenv("NOTIFY_SOCKET"));
		assert_memory_equal(ecap_err_text(), "NOTIFY_SOCKET: ", 15);
	}
}

/* A manager that is gone, and one that reads nothing, do no harm. */
static void test_deaf_manager(void **state)
{
	struct ecap_notify *notify = NULL;
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "@%s/deaf", dir);
	int fd = manager(name);

	assert_int_equal(ecap_notify_open(&notify), 0);
	ecap_log_set_level(ECAP_LOG_ERROR);
	for (int i = 0; i < 20; i++) /* more than net.unix.max_dgram_qlen: 10 by default */
		ecap_notify_send(notify, "STATUS=%d", i);
	assert_got(fd, "STATUS=0");
	close(fd);
	ecap_notify_send(notify, "STOPPING=1");
	ecap_notify_free(notify);
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_abstract),
		cmocka_unit_test(test_nobody_asked),
		cmocka_unit_test(test_bad_addresses),
		cmocka_unit_test(test_deaf_manager),
	};

	return cmocka_run_group_tests_name("notify", tests, make_dir, remove_dir);
}
