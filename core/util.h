/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small things that every core file uses: resources that are freed by the type of the variable
 * that holds them, so that a function reads top to bottom.
 */
#ifndef ECAPTURE_CORE_UTIL_H
#define ECAPTURE_CORE_UTIL_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define _cleanup_(f) __attribute__((cleanup(f)))

static inline void ecap_freep(void *p)
{
	void **pp = p;

	free(*pp);
	*pp = NULL;
}

static inline void ecap_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline void ecap_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
	*f = NULL;
}

#define _cleanup_free_   _cleanup_(ecap_freep)
#define _cleanup_close_  _cleanup_(ecap_closep)
#define _cleanup_fclose_ _cleanup_(ecap_fclosep)

/* Gives a resource away: the variable that had it is empty after it. */
#define TAKE_PTR(p) ({ __typeof__(p) *_pp = &(p); __typeof__(p) _v = *_pp; *_pp = NULL; _v; })
#define TAKE_FD(fd) ({ int *_fp = &(fd); int _v = *_fp; *_fp = -1; _v; })

#endif
