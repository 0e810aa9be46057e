/* SPDX-License-Identifier: Apache-2.0 */
#include "fanout_program.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef TCX_NEXT /* since Linux 6.6's headers */
#define TCX_NEXT (-1)
#define TCX_PASS 0
#endif
#define ATTACH_TCX_EGRESS 47 /* BPF_TCX_EGRESS */

#define LISTS_BYTES (FANOUT_FRAMES * sizeof(struct fanout_list))

static int bpf(enum bpf_cmd command, union bpf_attr *attributes)
{
	long ret = syscall(__NR_bpf, command, attributes, sizeof(*attributes));

	return ret < 0 ? -errno : (int)ret;
}

/* ---- the program -------------------------------------------------------------- */

/* Registers that calls keep, and what is in them. */
enum { FRAME = BPF_REG_6, LIST = BPF_REG_7, LAST = BPF_REG_8, INDEX = BPF_REG_9 };
/* Where on the stack. */
enum { KEY = -4, COPY = -16 };
#define STACK BPF_REG_10

#define INSTRUCTION(CODE, DST, SRC, OFF, IMM) \
	{ .code = (CODE), .dst_reg = (DST), .src_reg = (SRC), .off = (OFF), .imm = (int32_t)(IMM) }
#define SET(DST, IMM) INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_K, DST, 0, 0, IMM)
#define MOVE(DST, SRC) INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_X, DST, SRC, 0, 0)
#define ADD(DST, IMM) INSTRUCTION(BPF_ALU64 | BPF_ADD | BPF_K, DST, 0, 0, IMM)
#define ADD_TO(DST, SRC) INSTRUCTION(BPF_ALU64 | BPF_ADD | BPF_X, DST, SRC, 0, 0)
#define MULTIPLY(DST, IMM) INSTRUCTION(BPF_ALU64 | BPF_MUL | BPF_K, DST, 0, 0, IMM)
#define XOR(DST, IMM) INSTRUCTION(BPF_ALU64 | BPF_XOR | BPF_K, DST, 0, 0, IMM)
#define LOAD(DST, SRC, OFF) INSTRUCTION(BPF_LDX | BPF_MEM | BPF_W, DST, SRC, OFF, 0)
#define STORE(DST, OFF, SRC) INSTRUCTION(BPF_STX | BPF_MEM | BPF_W, DST, SRC, OFF, 0)
#define LOAD_POINTER(DST, SRC, OFF) INSTRUCTION(BPF_LDX | BPF_MEM | BPF_DW, DST, SRC, OFF, 0)
#define STORE_POINTER(DST, OFF, SRC) INSTRUCTION(BPF_STX | BPF_MEM | BPF_DW, DST, SRC, OFF, 0)
#define CALL(FUNCTION) INSTRUCTION(BPF_JMP | BPF_CALL, 0, 0, 0, FUNCTION)
#define EXIT() INSTRUCTION(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
/* Jumps go to the instruction of that number, from that of their own. */
#define IF(OP, DST, IMM, FROM, TO) INSTRUCTION(BPF_JMP | (OP) | BPF_K, DST, 0, (TO) - (FROM) - 1, IMM)
#define IF_REGISTERS(OP, DST, SRC, FROM, TO) INSTRUCTION(BPF_JMP | (OP) | BPF_X, DST, SRC, (TO) - (FROM) - 1, 0)
#define JUMP(FROM, TO) INSTRUCTION(BPF_JMP | BPF_JA, 0, 0, (TO) - (FROM) - 1, 0)
/* Numbers of instructions. */
enum { LOOP = 18, NOT_OURS = 42, SEND_ITSELF = 44 };

/*
 * For each copy of the frame's list: write its headers over the frame's, and send a
 * clone, which shares the payload; the last copy is the frame itself, which is handed
 * to that copy's interface. The clones' frames pass here too, but without the mark.
 */
static int load(int map_fd, uint32_t mark)
{
	const struct bpf_insn instructions[] = {
		MOVE(FRAME, BPF_REG_1),
		LOAD(BPF_REG_2, FRAME, offsetof(struct __sk_buff, mark)),
		XOR(BPF_REG_2, mark),
		IF(BPF_JGE, BPF_REG_2, FANOUT_FRAMES, 3, NOT_OURS),
		STORE(STACK, KEY, BPF_REG_2),
		SET(BPF_REG_2, 0),
		STORE(FRAME, offsetof(struct __sk_buff, mark), BPF_REG_2),
		/* 7: two instructions long */
		INSTRUCTION(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map_fd),
		INSTRUCTION(0, 0, 0, 0, 0),
		MOVE(BPF_REG_2, STACK),
		ADD(BPF_REG_2, KEY),
		CALL(BPF_FUNC_map_lookup_elem),
		IF(BPF_JEQ, BPF_REG_0, 0, 12, NOT_OURS),
		MOVE(LIST, BPF_REG_0),
		LOAD(LAST, LIST, offsetof(struct fanout_list, count)),
		ADD(LAST, -1),
		SET(INDEX, 0),
		JUMP(17, LOOP),
		/* LOOP */
		IF(BPF_JGE, INDEX, FANOUT_COPIES, 18, NOT_OURS),
		MOVE(BPF_REG_3, INDEX),
		MULTIPLY(BPF_REG_3, sizeof(struct fanout_copy)),
		ADD_TO(BPF_REG_3, LIST),
		ADD(BPF_REG_3, offsetof(struct fanout_list, copies)),
		STORE_POINTER(STACK, COPY, BPF_REG_3),
		ADD(BPF_REG_3, offsetof(struct fanout_copy, headers)),
		MOVE(BPF_REG_1, FRAME),
		SET(BPF_REG_2, 0),
		LOAD(BPF_REG_4, LIST, offsetof(struct fanout_list, header_bytes)),
		IF(BPF_JEQ, BPF_REG_4, 0, 28, NOT_OURS),
		IF(BPF_JGT, BPF_REG_4, FANOUT_HEADER_BYTES, 29, NOT_OURS),
		SET(BPF_REG_5, 0),
		CALL(BPF_FUNC_skb_store_bytes),
		LOAD_POINTER(BPF_REG_3, STACK, COPY),
		LOAD(BPF_REG_2, BPF_REG_3, offsetof(struct fanout_copy, ifindex)),
		IF_REGISTERS(BPF_JEQ, INDEX, LAST, 34, SEND_ITSELF),
		MOVE(BPF_REG_1, FRAME),
		SET(BPF_REG_3, 0),
		CALL(BPF_FUNC_clone_redirect),
		LOAD_POINTER(BPF_REG_3, STACK, COPY),
		STORE(BPF_REG_3, offsetof(struct fanout_copy, result), BPF_REG_0),
		ADD(INDEX, 1),
		JUMP(41, LOOP),
		/* NOT_OURS */
		SET(BPF_REG_0, TCX_NEXT),
		EXIT(),
		/* SEND_ITSELF */
		SET(BPF_REG_0, TCX_PASS),
		EXIT(),
	};
	union bpf_attr attributes = {
		.prog_type = BPF_PROG_TYPE_SCHED_CLS,
		.expected_attach_type = ATTACH_TCX_EGRESS,
		.insns = (uintptr_t)instructions,
		.insn_cnt = sizeof(instructions) / sizeof(*instructions),
		.license = (uintptr_t)"Apache-2.0",
		.prog_name = "hg_fanout",
	};

	return bpf(BPF_PROG_LOAD, &attributes);
}

/* ---- making and attaching it --------------------------------------------------- */

int fanout_program_open(struct fanout_program *program, uint32_t mark)
{
	union bpf_attr map = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = sizeof(uint32_t),
		.value_size = sizeof(struct fanout_list),
		.max_entries = FANOUT_FRAMES,
		.map_flags = BPF_F_MMAPABLE,
		.map_name = "hg_fanout",
	};
	void *lists;
	int ret;

	_Static_assert(sizeof(struct fanout_list) % 8 == 0, "the kernel rounds values up to it");
	*program = (struct fanout_program){ -1, -1, NULL };
	ret = program->map_fd = bpf(BPF_MAP_CREATE, &map);
	if (ret < 0)
		goto cleanup;
	lists = mmap(NULL, LISTS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, program->map_fd, 0);
	ret = -errno;
	if (lists == MAP_FAILED)
		goto cleanup;
	program->lists = lists;
	ret = program->program_fd = load(program->map_fd, mark);
cleanup:
	if (ret < 0)
		fanout_program_close(program);
	return ret < 0 ? ret : 0;
}

void fanout_program_close(struct fanout_program *program)
{
	if (program->lists)
		munmap(program->lists, LISTS_BYTES);
	if (program->program_fd >= 0)
		close(program->program_fd);
	if (program->map_fd >= 0)
		close(program->map_fd);
	*program = (struct fanout_program){ -1, -1, NULL };
}

int fanout_program_attach(const struct fanout_program *program, int ifindex)
{
	union bpf_attr link = {
		.link_create.prog_fd = (uint32_t)program->program_fd,
		.link_create.target_ifindex = (uint32_t)ifindex,
		.link_create.attach_type = ATTACH_TCX_EGRESS,
	};

	return bpf(BPF_LINK_CREATE, &link);
}
