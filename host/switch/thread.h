/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_THREAD_H
#define HG_THREAD_H

#include <pthread.h>
#include <signal.h>

/* A thread that takes no signals: they are the program's that made the switch. */
static inline int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *opaque)
{
	sigset_t all, before;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = -pthread_create(thread, NULL, run, opaque);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!ret)
		pthread_setname_np(*thread, name);
	return ret;
}

#endif
