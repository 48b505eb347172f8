/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams for a service manager: see notify.h. */
#include "notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "err.h"
#include "log.h"
#include "util.h"

/* How long a manager that reads nothing may hold us up. */
#define PATIENCE_US 200000

struct ecap_notify {
	int fd;
	socklen_t len;
	struct sockaddr_un address;
};

/* A path, or '@' and the name of an abstract socket, which has a NUL in the place of the '@'. */
static int parse_address(const char *text, struct ecap_notify *notify)
{
	size_t n = strlen(text);

	if ((*text != '/' && *text != '@') || n < 2)
		return ecap_err(-EINVAL, "NOTIFY_SOCKET: %s is neither a path nor an abstract "
				"socket", text);
	if (n >= sizeof(notify->address.sun_path))
		return ecap_err(-ENAMETOOLONG, "NOTIFY_SOCKET: %s: too long", text);
	notify->address.sun_family = AF_UNIX;
	memcpy(notify->address.sun_path, text, n + 1);
	notify->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
	if (*text == '@') {
		notify->address.sun_path[0] = '\0';
		notify->len--; /* the name has no NUL at its end */
	}
	return 0;
}

int ecap_notify_open(struct ecap_notify **notify)
{
	const char *text = getenv("NOTIFY_SOCKET");

	*notify = NULL;
	if (!text || !*text)
		return 0;
	_cleanup_free_ struct ecap_notify *made = calloc(1, sizeof(*made));

	if (!made)
		return ecap_err(-ENOMEM, "out of memory");
	const struct timeval patience = { .tv_usec = PATIENCE_US };
	int err = parse_address(text, made);

	unsetenv("NOTIFY_SOCKET");
	if (err)
		return err;
	made->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (made->fd < 0)
		return ecap_err(-errno, "NOTIFY_SOCKET: socket: %s", strerror(errno));
	setsockopt(made->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	*notify = TAKE_PTR(made);
	return 0;
}

void ecap_notify_send(struct ecap_notify *notify, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int n;

	if (!notify)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(text))
		n = sizeof(text) - 1;
	if (sendto(notify->fd, text, (size_t)n, MSG_NOSIGNAL,
		   (struct sockaddr *)&notify->address, notify->len) < 0)
		log_debug("host", "NOTIFY_SOCKET: %s: not told: %s", strerror(errno), text);
}

void ecap_notify_free(struct ecap_notify *notify)
{
	if (!notify)
		return;
	ecap_closep(&notify->fd);
	free(notify);
}
