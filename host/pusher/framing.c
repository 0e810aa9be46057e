/* SPDX-License-Identifier: Apache-2.0 */
#include "framing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

int hg_message_next(const uint8_t *buffer, size_t bytes, const uint8_t **message, size_t *length)
{
	uint32_t prefix;

	if (bytes < sizeof(prefix))
		return 0;
	memcpy(&prefix, buffer, sizeof(prefix));
	*length = ntohl(prefix);
	if (*length > HG_REQUEST_BYTES_MAX)
		return -EMSGSIZE;
	if (bytes - sizeof(prefix) < *length)
		return 0;
	*message = buffer + sizeof(prefix);
	return 1;
}

void hg_message_prefix(uint8_t *buffer, size_t length)
{
	uint32_t prefix = htonl((uint32_t)length);

	memcpy(buffer, &prefix, sizeof(prefix));
}
