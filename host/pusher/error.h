/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_ERROR_H
#define HG_ERROR_H

#include "pusher.h"

/* Writes the line and returns `code`, so that a failing function ends with it. */
__attribute__((format(printf, 3, 4))) int hg_fail(char *error, int code, const char *format, ...);

#endif
