/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One filter on one interface in JSON, with the start of the system and the network namespace in
 * which the numbers mean something. Written whole by one pwrite(2), with the same length each time, so
 * that a process that is killed leaves it as it was before or after.
 */
#include "packets/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <net/if.h>
#include <string.h>
#include <sys/stat.h>

#include "err.h"
#include "util.h"

#define LONGEST 1024 /* of an entry's text: some 300 */
#define BOOT_ID 40   /* 36 digits and hyphens: random(4) */

const char *ecap_tc_side_name(enum ecap_tc_side side)
{
	return side == ECAP_TC_INGRESS ? "ingress" : "egress";
}

static void decrefp(json_t **json)
{
	json_decref(*json);
}

/* Of this start of the system, and of this network namespace. */
struct context {
	char boot[BOOT_ID];
	uint64_t netns; /* its inode: namespaces(7) */
};

static int get_context(struct context *context)
{
	_cleanup_close_ int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, context->boot, sizeof(context->boot) - 1);
	struct stat netns;

	if (n < 0)
		return ecap_err(-errno, "/proc/sys/kernel/random/boot_id: %s", strerror(errno));
	context->boot[n] = '\0';
	context->boot[strcspn(context->boot, "\n")] = '\0';
	if (stat("/proc/thread-self/ns/net", &netns) < 0)
		return ecap_err(-errno, "/proc/thread-self/ns/net: %s", strerror(errno));
	context->netns = netns.st_ino;
	return 0;
}

int ecap_tc_entry_write(int fd, const struct ecap_tc_entry *entry)
{
	char name[IF_NAMESIZE] = "", text[LONGEST];
	struct context here;
	int err = get_context(&here);

	if (err)
		return err;
	/* The name is for people. One that is no UTF-8 is left out: json_string() refuses it. */
	_cleanup_(decrefp) json_t *json = json_pack(
		"{s:s, s:I, s:I, s:o?, s:s, s:I, s:I, s:I, s:s, s:i, s:i, s:i}",
		"boot", here.boot, "netns", (json_int_t)here.netns,
		"interface", (json_int_t)entry->interface,
		"name", json_string(if_indextoname(entry->interface, name) ? name : ""),
		"side", ecap_tc_side_name(entry->side), "prio", (json_int_t)entry->prio,
		"handle", (json_int_t)entry->handle, "program", (json_int_t)entry->program_id,
		"tag", entry->tag, "made_qdisc", entry->made_qdisc, "settled", entry->settled,
		"pid", entry->pid);
	size_t n = json ? json_dumpb(json, text, sizeof(text) - 1, 0) : 0;

	if (!n || n >= sizeof(text))
		return ecap_err(-ENOMEM, "%s/%s: no memory", ECAP_TC_JOURNAL, entry->file);
	text[n++] = '\n';
	ssize_t written = pwrite(fd, text, n, 0);

	if (written == (ssize_t)n)
		return 0;
	err = written < 0 ? -errno : -ENOSPC;
	return ecap_err(err, "%s/%s: %s", ECAP_TC_JOURNAL, entry->file, strerror(-err));
}

/* The text as numbers, and where they mean something. */
static int unpack(json_t *json, struct ecap_tc_entry *entry, struct context *there)
{
	json_int_t netns, interface, prio, handle, program;
	const char *boot, *side, *tag;
	json_error_t error;

	if (json_unpack_ex(json, &error, 0, "{s:s, s:I, s:I, s:s, s:I, s:I, s:I, s:s, s:i, s:i, s:i}",
			   "boot", &boot, "netns", &netns, "interface", &interface, "side", &side,
			   "prio", &prio, "handle", &handle, "program", &program, "tag", &tag,
			   "made_qdisc", &entry->made_qdisc, "settled", &entry->settled,
			   "pid", &entry->pid))
		return ecap_err(-EBADMSG, "no entry: %s", error.text);
	if (interface <= 0 || interface > INT32_MAX || prio <= 0 || prio > UINT16_MAX ||
	    handle <= 0 || handle > UINT32_MAX || program <= 0 || program > UINT32_MAX)
		return ecap_err(-EBADMSG, "no entry: a number in it is out of range");
	if (strcmp(side, "ingress") && strcmp(side, "egress"))
		return ecap_err(-EBADMSG, "no entry: its side is \"%.20s\"", side);
	entry->interface = (uint32_t)interface;
	entry->side = strcmp(side, "egress") ? ECAP_TC_INGRESS : ECAP_TC_EGRESS;
	entry->prio = (uint32_t)prio;
	entry->handle = (uint32_t)handle;
	entry->program_id = (uint32_t)program;
	snprintf(entry->tag, sizeof(entry->tag), "%s", tag);
	there->netns = (uint64_t)netns;
	snprintf(there->boot, sizeof(there->boot), "%s", boot);
	return 0;
}

int ecap_tc_entry_read(int fd, struct ecap_tc_entry *entry)
{
	struct context here, there = {0};
	char text[LONGEST];
	json_error_t error;
	int err = get_context(&here);

	if (err)
		return err;
	ssize_t n = read(fd, text, sizeof(text));

	if (n <= 0)
		return n ? ecap_err(-errno, "%s", strerror(errno)) : -ENODATA;
	_cleanup_(decrefp) json_t *json = json_loadb(text, (size_t)n, 0, &error);

	if (!json)
		return ecap_err(-EBADMSG, "no entry: line %d: %s", error.line, error.text);
	err = unpack(json, entry, &there);
	if (err)
		return err;
	if (strcmp(here.boot, there.boot))
		return -ENODATA; /* the interfaces that it tells of are gone with that kernel */
	return here.netns != there.netns;
}
