/* SPDX-License-Identifier: Apache-2.0 */
#include "offload.h"

#include <string.h>

#define MAC_ADDRESSES_BYTES 12u

/* RFC 1071, 2(B): the order of bytes does not matter to the sum, so words are added as they lie. */
static uint16_t ones_complement_sum(const uint8_t *bytes, uint32_t length)
{
	uint64_t sum = 0;
	uint32_t word;
	uint16_t last = 0;

	for (; length >= sizeof(word); bytes += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		sum += word;
	}
	if (length >= sizeof(last)) {
		memcpy(&last, bytes, sizeof(last));
		sum += last;
		bytes += sizeof(last);
		length -= sizeof(last);
	}
	last = 0;
	memcpy(&last, bytes, length);
	sum += last;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

bool offload_checksum(uint8_t *frame, uint32_t length, uint32_t start, uint32_t offset)
{
	uint16_t checksum;

	if (start + offset + sizeof(checksum) > length)
		return false;
	checksum = (uint16_t)~ones_complement_sum(frame + start, length - start);
	if (checksum == 0) /* UDP: 0 says that there is none (RFC 768) */
		checksum = 0xffff;
	memcpy(frame + start + offset, &checksum, sizeof(checksum));
	return true;
}

uint8_t *offload_tag(uint8_t *frame, uint16_t tpid, uint16_t tci)
{
	uint8_t tag[OFFLOAD_TAG_BYTES] = { (uint8_t)(tpid >> 8), (uint8_t)tpid, (uint8_t)(tci >> 8), (uint8_t)tci };

	memmove(frame - OFFLOAD_TAG_BYTES, frame, MAC_ADDRESSES_BYTES);
	frame -= OFFLOAD_TAG_BYTES;
	memcpy(frame + MAC_ADDRESSES_BYTES, tag, sizeof(tag));
	return frame;
}
