/* SPDX-License-Identifier: Apache-2.0 */
/* Captures: what is in the files, and what becomes of frames that they do not take. argv[1]: the test pipeline. */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_net.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "capture.h"
#include "hg_observe.h"
#include "switch_frames.h"
#include "switch_lab.h"

#define FILE_HEADER_BYTES 24u
#define RECORD_HEADER_BYTES 16u
#define NAME_BYTES 64u
#define SEGMENTS 10u
#define SEGMENT_BYTES 1000u

static char directory[] = "/tmp/hg-capture-XXXXXX";
static uint8_t file[4u << 20];
static uint32_t file_bytes;

static const char *path_of(const char *name)
{
	static char path[NAME_BYTES];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static uint32_t word_at(uint32_t at)
{
	uint32_t word;

	CHECK(at + sizeof(word) <= file_bytes);
	memcpy(&word, file + at, sizeof(word));
	return word;
}

/* The whole file; its header is that of nanosecond pcap for Ethernet. */
static void read_file(const char *name)
{
	int fd = open(path_of(name), O_RDONLY);
	ssize_t bytes = read(fd, file, sizeof(file));

	CHECK(bytes >= (ssize_t)FILE_HEADER_BYTES);
	close(fd);
	file_bytes = (uint32_t)bytes;
	CHECK_EQUAL(word_at(0), 0xa1b23c4d);
	CHECK_EQUAL(word_at(4), 2 | 4 << 16);
	CHECK_EQUAL(word_at(16), CAPTURE_FRAME_BYTES);
	CHECK_EQUAL(word_at(20), 1);
}

/* Goes on to the next record; false: the file ends in front of it, and nowhere in a record. */
static bool next_record(uint32_t *at, uint32_t *bytes)
{
	*at = *at ? *at + RECORD_HEADER_BYTES + *bytes : FILE_HEADER_BYTES;
	if (*at == file_bytes)
		return false;
	CHECK(word_at(*at + 4) < 1000000000);
	*bytes = word_at(*at + 8);
	CHECK_EQUAL(word_at(*at + 12), *bytes);
	CHECK(*at + RECORD_HEADER_BYTES + *bytes <= file_bytes);
	return true;
}

static uint32_t count_records(const char *name)
{
	uint32_t at = 0, bytes = 0, count = 0;

	read_file(name);
	while (next_record(&at, &bytes))
		count++;
	return count;
}

static void open_lab(const char *pipeline)
{
	lab_open_with(pipeline, &(struct hg_switch_config){ .cpu_port = 510, .captures = directory }, LAB_MTU_1);
}

static void test_both_directions(const char *pipeline)
{
	uint64_t began_ns = capture_now_ns();
	uint32_t at = 0, bytes = 0;
	uint8_t frame[200];

	open_lab(pipeline);
	CHECK(hg_capture_fd(lab.sw) >= 0);
	for (uint32_t i = 0; i < 3; i++) {
		lab_fill(frame, 60 + i, TYPE_TO_2);
		lab_send(lab.host_1, frame, 60 + i);
		lab_expect(lab.host_2, frame, 60 + i);
	}
	EVENTUALLY(lab_port(1).captured == 3 && lab_port(2).captured == 3);
	CHECK_EQUAL(lab_port(1).capture_lost + lab_port(1).capture_unwritten, 0);
	for (const char *const *name = (const char *const[]){ "s1_in.pcap", "s2_out.pcap", NULL }; *name; name++) {
		uint64_t time_ns = began_ns;

		read_file(*name);
		at = 0;
		for (uint32_t i = 0; i < 3; i++) {
			uint64_t before_ns = time_ns;

			lab_fill(frame, 60 + i, TYPE_TO_2);
			CHECK(next_record(&at, &bytes));
			CHECK_EQUAL(bytes, 60 + i);
			CHECK(!memcmp(file + at + RECORD_HEADER_BYTES, frame, bytes));
			time_ns = word_at(at) * UINT64_C(1000000000) + word_at(at + 4);
			CHECK(before_ns <= time_ns && time_ns <= capture_now_ns());
		}
		CHECK(!next_record(&at, &bytes));
	}
	CHECK_EQUAL(count_records("s1_out.pcap") + count_records("s2_in.pcap"), 0);
	lab_close();
}

/* A super-frame is one frame on either side, longer than an MTU. */
static void test_supers(const char *pipeline)
{
	static struct frame frames[SEGMENTS];
	static uint8_t message[SEGMENTS * FRAME_BYTES_MAX];
	uint32_t at = 0, bytes = 0, length;
	struct frame_spec spec = { .udp = true, .flow = 3, .payload_bytes = SEGMENT_BYTES };
	int fd;

	open_lab(pipeline);
	lab_steer(0x0800, "to_port", 2);
	for (uint32_t i = 0; i < SEGMENTS; i++, spec.seq += SEGMENT_BYTES, spec.id++)
		frame_make(&frames[i], &spec);
	length = frame_join(message, frames, SEGMENTS);
	fd = net_open_offload("h1");
	lab_send(fd, message, length);
	EVENTUALLY(lab_port(1).captured == 1 && lab_port(2).captured == 1);
	for (const char *const *name = (const char *const[]){ "s1_in.pcap", "s2_out.pcap", NULL }; *name; name++) {
		read_file(*name);
		at = 0;
		CHECK(next_record(&at, &bytes));
		CHECK_EQUAL(bytes, length - sizeof(struct virtio_net_hdr));
		CHECK(!memcmp(file + at + RECORD_HEADER_BYTES + frames[0].header_bytes,
			      message + sizeof(struct virtio_net_hdr) + frames[0].header_bytes,
			      bytes - frames[0].header_bytes));
	}
	close(fd);
	lab_close();
}

/* As on a full disk: the file ends in a whole record, the rest is counted, forwarding goes on, and it is told once. */
static void test_full(const char *pipeline)
{
	const struct rlimit limit = { 2000, RLIM_INFINITY };
	char error[HG_ERROR_BYTES];
	uint8_t frame[1000];
	struct rlimit before;

	signal(SIGXFSZ, SIG_IGN);
	CHECK_EQUAL(getrlimit(RLIMIT_FSIZE, &before), 0);
	open_lab(pipeline);
	CHECK_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
	CHECK_EQUAL(hg_capture_error(lab.sw, error), -EAGAIN);
	lab_fill(frame, sizeof(frame), TYPE_TO_2);
	for (uint32_t i = 0; i < 5; i++) {
		lab_send(lab.host_1, frame, sizeof(frame));
		lab_expect(lab.host_2, frame, sizeof(frame));
	}
	EVENTUALLY(lab_port(1).captured + lab_port(1).capture_unwritten == 5);
	EVENTUALLY(lab_port(2).captured + lab_port(2).capture_unwritten == 5);
	CHECK_EQUAL(lab_port(1).captured, 1);
	CHECK_EQUAL(lab_port(1).capture_lost, 0);
	CHECK_EQUAL(count_records("s1_in.pcap"), lab_port(1).captured);
	CHECK_EQUAL(hg_capture_error(lab.sw, error), 0);
	CHECK(strstr(error, ".pcap: File too large"));
	CHECK_EQUAL(hg_capture_error(lab.sw, error), -EAGAIN);
	CHECK_EQUAL(setrlimit(RLIMIT_FSIZE, &before), 0);
	lab_close();
}

static void read_pipe(int pipe, uint8_t *bytes, size_t count)
{
	while (count) {
		ssize_t have = read(pipe, bytes, count);

		CHECK(have > 0 || errno == EAGAIN);
		bytes += have > 0 ? have : 0;
		count -= have > 0 ? (size_t)have : 0;
	}
}

/* A pipe takes less than the ring: what comes after is lost and counted, and put in no time. */
static void test_too_fast(void)
{
	struct capture_port port;
	struct capture *capture;
	char error[HG_ERROR_BYTES];
	uint32_t put = 0;
	uint8_t frame[1000], record[RECORD_HEADER_BYTES + sizeof(frame)];
	const struct iovec part = { frame, sizeof(frame) };
	int pipe;

	CHECK_EQUAL(mkfifo(path_of("p_in.pcap"), 0600), 0);
	pipe = open(path_of("p_in.pcap"), O_RDONLY | O_NONBLOCK);
	CHECK(pipe >= 0);
	CHECK_EQUAL(capture_open(directory, &capture, error), 0);
	CHECK_EQUAL(capture_add_port(capture, "p", CAPTURE_ETHERNET, &port, error), 0);
	for (; !read_relaxed(&port.in->lost); put++) {
		memcpy(frame, &put, sizeof(put));
		capture_put(capture, port.in, capture_now_ns(), &part, 1, 0);
		capture_flush(capture);
	}
	put--; /* the one that was lost */
	CHECK(put > CAPTURE_RING_BYTES / 2 / sizeof(frame));
	read_pipe(pipe, record, FILE_HEADER_BYTES);
	for (uint32_t seen = 0; seen < put; seen++) {
		read_pipe(pipe, record, sizeof(record));
		CHECK(!memcmp(record + RECORD_HEADER_BYTES, &seen, sizeof(seen)));
	}
	EVENTUALLY(read_relaxed(&port.in->written) == put);
	capture_close(capture);
	close(pipe);
}

static void test_no_directory(void)
{
	const struct hg_switch_config config = { .captures = "/nowhere/at/all" };
	char error[HG_ERROR_BYTES];
	struct hg_switch *sw;

	CHECK_EQUAL(hg_switch_new(&config, &sw, error), -ENOENT);
	CHECK(!strcmp(error, "capturing to /nowhere/at/all: No such file or directory"));
}

static void clean_up(void)
{
	for (const char *const *name = (const char *const[]){ "s1_in.pcap", "s1_out.pcap", "s2_in.pcap", "s2_out.pcap",
							      "p_in.pcap", "p_out.pcap", NULL };
	     *name; name++)
		CHECK_EQUAL(unlink(path_of(*name)), 0);
	CHECK_EQUAL(rmdir(directory), 0);
}

int main(int argc, char **argv)
{
	CHECK_EQUAL(argc, 2);
	CHECK(mkdtemp(directory));
	test_no_directory();
	test_too_fast();
	test_both_directions(argv[1]);
	test_supers(argv[1]);
	test_full(argv[1]);
	clean_up();
	return 0;
}
