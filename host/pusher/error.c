/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

/* A line that was cut must not end inside a character: it has to stay UTF-8. */
static void drop_partial_character(char *text, size_t length)
{
	size_t start = length;

	while (start > 0 && (text[start - 1] & 0xC0) == 0x80)
		start--;
	if (start > 0 && (text[start - 1] & 0x80))
		text[start - 1] = '\0';
}

int hg_fail(char *error, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (vsnprintf(error, HG_PUSHER_ERROR_BYTES, format, arguments) >= HG_PUSHER_ERROR_BYTES)
		drop_partial_character(error, HG_PUSHER_ERROR_BYTES - 1);
	va_end(arguments);
	return code;
}
