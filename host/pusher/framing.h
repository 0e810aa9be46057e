/* SPDX-License-Identifier: Apache-2.0 */
/* Messages on a byte stream: each after its length, 32 bits in network order. */
#ifndef HG_FRAMING_H
#define HG_FRAMING_H

#include <stddef.h>
#include <stdint.h>

#define HG_MESSAGE_PREFIX_BYTES 4
#define HG_REQUEST_BYTES_MAX 65536
#define HG_RESPONSE_BYTES_MAX 1048576

/*
 * The first message in a buffer of received bytes: 1 and the message, 0 when more
 * bytes are needed, -EMSGSIZE when its length is beyond the limit.
 */
int hg_message_next(const uint8_t *buffer, size_t bytes, const uint8_t **message, size_t *length);

/* Writes the prefix of a message. */
void hg_message_prefix(uint8_t *buffer, size_t length);

#endif
