/* SPDX-License-Identifier: Apache-2.0 */
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "record.h"

/* A pipeline's functions are not told whose packet it is that they work on. */
static _Thread_local struct trace *tracing;

static void print_prefix(void)
{
	fprintf(tracing->out, "[%" PRIu64 "] ", tracing->packet);
}

void trace_print(const char *format, ...)
{
	va_list arguments;

	if (!tracing)
		return;
	print_prefix();
	va_start(arguments, format);
	vfprintf(tracing->out, format, arguments);
	va_end(arguments);
	putc('\n', tracing->out);
}

void trace_line(const char *line)
{
	trace_print("%s", line);
}

void trace_copy(uint32_t port, uint32_t instance)
{
	trace_print("Egress port is %u, instance %u", port, instance);
}

/* ---- tables ------------------------------------------------------------------------ */

static void print_hex(const uint8_t *bytes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		fprintf(tracing->out, "%02x", bytes[i]);
}

static void print_key(const struct hg_table_spec *spec, const uint8_t *key)
{
	for (uint32_t i = 0; i < spec->key_field_count; i++) {
		print_prefix();
		fprintf(tracing->out, "* %s: ", spec->key[i].name);
		print_hex(key + spec->key[i].offset, spec->key[i].bytes);
		putc('\n', tracing->out);
	}
}

/* A host-order integer, in network order. */
static void print_param(const struct hg_param *param, const uint8_t *data)
{
	uint8_t bytes[16] = { 0 };

	for (uint32_t i = 0; i < param->size; i++)
		bytes[i] = data[param->offset + (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? param->size - 1 - i : i)];
	print_hex(bytes + param->size - (param->bits + 7) / 8, (param->bits + 7u) / 8u);
}

static void print_action(const struct hg_action_spec *action, const uint8_t *data)
{
	print_prefix();
	fprintf(tracing->out, "Action entry is %s -", action->name);
	for (uint32_t i = 0; i < action->param_count; i++) {
		fprintf(tracing->out, " %s=", action->params[i].name);
		print_param(&action->params[i], data);
	}
	putc('\n', tracing->out);
}

const struct hg_entry *trace_lookup(const struct hg_table *table, const uint8_t *key)
{
	const struct hg_entry *entry = table_lookup(table, key);
	const struct record *record = (const struct record *)((const uint8_t *)entry - offsetof(struct record, entry));

	if (!tracing)
		return entry;
	trace_print("Applying table '%s'", table->spec->name);
	if (key)
		print_key(table->spec, key);
	if (entry->hit)
		trace_print("Table '%s': hit with handle %" PRIu64, table->spec->name, record->age);
	else
		trace_print("Table '%s': miss", table->spec->name);
	print_action(&table->spec->actions[entry->action], entry->data);
	return entry;
}

/* ---- where copies go --------------------------------------------------------------- */

static uint8_t *traced_header(struct output *output, uint32_t port)
{
	struct trace *trace = (struct trace *)output;
	uint8_t *header;

	trace->next->copies = output->copies;
	header = trace->next->header(trace->next, port);
	if (!header)
		trace_print("Dropping packet: port %u is not there, is down or is full", port);
	return header;
}

static void traced_send(struct output *output, uint32_t port, uint32_t header_bytes, const uint8_t *payload,
			uint32_t payload_bytes)
{
	struct trace *trace = (struct trace *)output;

	trace_print("Transmitting packet of size %u out of port %u", header_bytes + payload_bytes, port);
	trace->next->send(trace->next, port, header_bytes, payload, payload_bytes);
}

/* ---- packets ------------------------------------------------------------------------ */

int trace_open(int fd, struct trace **made)
{
	struct trace *trace = calloc(1, sizeof(*trace));
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (!trace || copy < 0)
		goto failed;
	trace->out = fdopen(copy, "w");
	if (!trace->out)
		goto failed;
	trace->output = (struct output){ .header = traced_header, .send = traced_send };
	*made = trace;
	return 0;
failed:
	free(trace);
	if (copy >= 0)
		close(copy);
	return errno ? -errno : -ENOMEM;
}

void trace_close(struct trace *trace)
{
	if (!trace)
		return;
	fclose(trace->out);
	free(trace);
}

void trace_begin(struct trace *trace, uint32_t port, uint32_t length)
{
	tracing = trace;
	trace->packet++;
	trace_print("Processing packet received on port %u, of size %u", port, length);
}

void trace_end(struct trace *trace)
{
	fflush(trace->out);
	tracing = NULL;
}
