/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Crashes: see crash.h. The handler may only use what signal-safety(7) lists: so the line is put
 * together by hand and written by write(2).
 */
#include "crash.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "crumb.h"
#include "instance_private.h"
#include "log.h"
#include "util.h"

/* Above what the kernel itself puts there, which grows with the CPU's registers: below 16 KiB. */
#define STACK_SIZE ((size_t)64 << 10)

/* Set in threads that ecapture made; a module may have threads of its own. */
static _Thread_local int ours;

static const struct {
	int number;
	const char *name;
} signals[] = {
	{ SIGSEGV, "Segmentation fault" },
	{ SIGBUS, "Bus error" },
	{ SIGFPE, "Floating point exception" },
	{ SIGILL, "Illegal instruction" },
	{ SIGABRT, "Aborted" },
};

struct line {
	char text[512];
	size_t used;
};

static void add(struct line *line, const char *text)
{
	/* One byte is kept for the end of the line. */
	line->used = ecap_append(line->text, line->used, sizeof(line->text) - 1, text);
}

static void add_place(struct line *line, const struct ecap_crumb *crumb)
{
	line->used += ecap_crumb_place(crumb, line->text + line->used,
				       sizeof(line->text) - 1 - line->used);
}

/* Who it was, as far as this thread knows. */
static void add_crash(struct line *line, const char *what)
{
	char thread[16] = ""; /* TASK_COMM_LEN: prctl(2) PR_GET_NAME */

	if (ecap_crumb) {
		add(line, ecap_crumb->module);
		add(line, ecap_crumb->where == ECAP_WHERE_RENDERING
			? " handed in an event that cannot be read (" : " crashed (");
	} else if (ours) {
		add(line, "ecapture crashed (");
	} else {
		prctl(PR_GET_NAME, thread);
		add(line, "a thread that the module or a library made, '");
		add(line, thread);
		add(line, "', crashed (");
	}
	add(line, what);
	add(line, ")");
	if (!ecap_crumb)
		return;
	add(line, " in ");
	add_place(line, ecap_crumb);
}

static void put(struct line *line)
{
	line->text[line->used++] = '\n';
	(void)!write(ecap_log_fd(), line->text, line->used);
}

/* Events of the records before this one, and a recording with this one in it. */
static void rescue(void)
{
	if (ecap_crumb && ecap_crumb->instance && ecap_crumb->op >= ECAP_OP_DECODE)
		ecap_instance_rescue(ecap_crumb->instance);
}

/*
 * The default action is back by SA_RESETHAND. A fault comes again once the handler returns, and
 * then dumps a core of the very place; what was sent by kill(2) or raise(3) does not.
 */
static void on_crash(int number, siginfo_t *info, void *context)
{
	struct line line = { .used = 0 };

	(void)context;
	add(&line, "error host: ");
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (signals[i].number == number)
			add_crash(&line, signals[i].name);
	put(&line);
	rescue();
	if (info->si_code <= 0)
		raise(number);
}

static void end_for(const char *call)
{
	struct line line = { .used = 0 };

	if (!ecap_crumb)
		return;
	add(&line, "error host: ");
	add(&line, ecap_crumb->module);
	add(&line, " called ");
	add(&line, call);
	add(&line, " in ");
	add_place(&line, ecap_crumb);
	put(&line);
	rescue();
	_exit(EXIT_FAILURE);
}

/* A module that calls exit() would end the capture with the status of a good one. */
static void on_exit_call(void)
{
	end_for("exit()");
}

/* Without its main thread, the process would go on, and nothing would end it. */
static void on_main_exit(void *unused)
{
	(void)unused;
	end_for("pthread_exit()");
}

/* A fault while its signal is blocked kills without asking the handler. */
static void let_through(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&set, signals[i].number);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void *ecap_crash_stack(void)
{
	stack_t stack = { .ss_size = STACK_SIZE };

	ours = 1;
	let_through();
	stack.ss_sp = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack.ss_sp == MAP_FAILED)
		return NULL;
	if (sigaltstack(&stack, NULL)) {
		munmap(stack.ss_sp, STACK_SIZE);
		return NULL;
	}
	return stack.ss_sp;
}

void ecap_crash_stack_freep(void **stack)
{
	const stack_t none = { .ss_flags = SS_DISABLE };

	if (!*stack)
		return;
	sigaltstack(&none, NULL);
	munmap(*stack, STACK_SIZE);
	*stack = NULL;
}

void ecap_crash_install(void)
{
	static pthread_key_t main_key;
	struct sigaction action = {
		.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND,
	};

	sigemptyset(&action.sa_mask);
	ecap_crash_stack(); /* main's lives as long as the process */
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i].number, &action, NULL);
	atexit(on_exit_call);
	/* The destructor is called when the thread ends for itself. */
	if (!pthread_key_create(&main_key, on_main_exit))
		pthread_setspecific(main_key, &main_key);
}
