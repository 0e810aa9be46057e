/* SPDX-License-Identifier: Apache-2.0 */
#include "cloner_program.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Since Linux 6.6; older headers do not name it. */
#define TCX_EGRESS 47
#define TCX_ACTION_NEXT (-1)
#define TCX_ACTION_DROP 2

static int bpf(int command, union bpf_attr *attributes)
{
	int ret = (int)syscall(SYS_bpf, command, attributes, sizeof(*attributes));

	return ret < 0 ? -errno : ret;
}

#define INSN(operation, dst, src, offset, value)                                                       \
	((struct bpf_insn){                                                                           \
		.code = (operation), .dst_reg = (dst), .src_reg = (src), .off = (int16_t)(offset), .imm = (int32_t)(value) \
	})
#define SET(dst, value) INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value)
#define COPY(dst, src) INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define ADD(dst, value) INSN(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, value)
#define ADD_REGISTER(dst, src) INSN(BPF_ALU64 | BPF_ADD | BPF_X, dst, src, 0, 0)
#define MULTIPLY(dst, value) INSN(BPF_ALU64 | BPF_MUL | BPF_K, dst, 0, 0, value)
#define LOAD32(dst, src, offset) INSN(BPF_LDX | BPF_MEM | BPF_W, dst, src, offset, 0)
#define STORE32(dst, offset, src) INSN(BPF_STX | BPF_MEM | BPF_W, dst, src, offset, 0)
#define JUMP(to) INSN(BPF_JMP | BPF_JA, 0, 0, to, 0)
#define JUMP_IF_EQUAL(dst, value, to) INSN(BPF_JMP | BPF_JEQ | BPF_K, dst, 0, to, value)
#define JUMP_IF_ABOVE(dst, value, to) INSN(BPF_JMP | BPF_JGT | BPF_K, dst, 0, to, value)
#define JUMP_UNLESS_BELOW(dst, src, to) INSN(BPF_JMP | BPF_JGE | BPF_X, dst, src, to, 0)
#define CALL(function) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, function)
#define EXIT INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

#define SKB(field) offsetof(struct __sk_buff, field)
#define BATCH(field) offsetof(struct clone_batch, field)
#define MEMBER(field) offsetof(struct clone_member, field)

/* Where it jumps to, in instructions. */
enum { LEAVE_ALONE = 4, LOOP = 17, DONE = 38 };
#define FROM(here, to) ((to) - (here) - 1)

/*
 *	batch = skb->mark - CLONE_MARK, or leave it alone
 *	skb->mark = 0, so that the clones are
 *	for each member: write its headers over the frame's, send a clone of it
 *	drop the frame itself
 *
 * r6: the frame, r7: which member, r8: header_bytes, r9: the batch, r10: the stack's end.
 */
static int load(int map)
{
	const struct bpf_insn code[] = {
		[0] = COPY(BPF_REG_6, BPF_REG_1),
		[1] = LOAD32(BPF_REG_2, BPF_REG_6, SKB(mark)),
		[2] = INSN(BPF_ALU | BPF_SUB | BPF_K, BPF_REG_2, 0, 0, CLONE_MARK),
		[3] = INSN(BPF_JMP | BPF_JLT | BPF_K, BPF_REG_2, 0, FROM(3, 6), CLONE_BATCHES),
		[LEAVE_ALONE] = SET(BPF_REG_0, TCX_ACTION_NEXT),
		[5] = EXIT,
		[6] = SET(BPF_REG_3, 0),
		[7] = STORE32(BPF_REG_6, SKB(mark), BPF_REG_3),
		[8] = INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_9, BPF_PSEUDO_MAP_VALUE, 0, map),
		[9] = INSN(0, 0, 0, 0, 0),
		[10] = MULTIPLY(BPF_REG_2, sizeof(struct clone_batch)),
		[11] = ADD_REGISTER(BPF_REG_9, BPF_REG_2),
		[12] = LOAD32(BPF_REG_8, BPF_REG_9, BATCH(header_bytes)),
		[13] = JUMP_IF_EQUAL(BPF_REG_8, 0, FROM(13, DONE)),
		[14] = JUMP_IF_ABOVE(BPF_REG_8, CLONE_HEADER_BYTES, FROM(14, DONE)),
		[15] = SET(BPF_REG_7, 0),
		[16] = JUMP(FROM(16, LOOP)),
		[LOOP] = LOAD32(BPF_REG_1, BPF_REG_9, BATCH(count)),
		[18] = JUMP_UNLESS_BELOW(BPF_REG_7, BPF_REG_1, FROM(18, DONE)),
		[19] = JUMP_IF_ABOVE(BPF_REG_7, CLONE_MEMBERS - 1, FROM(19, DONE)),
		/* r3: the member, kept on the stack */
		[20] = COPY(BPF_REG_3, BPF_REG_7),
		[21] = MULTIPLY(BPF_REG_3, sizeof(struct clone_member)),
		[22] = ADD_REGISTER(BPF_REG_3, BPF_REG_9),
		[23] = ADD(BPF_REG_3, BATCH(members)),
		[24] = INSN(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_3, -8, 0),
		/* bpf_skb_store_bytes(skb, 0, member->headers, header_bytes, 0) */
		[25] = ADD(BPF_REG_3, MEMBER(headers)),
		[26] = COPY(BPF_REG_1, BPF_REG_6),
		[27] = SET(BPF_REG_2, 0),
		[28] = COPY(BPF_REG_4, BPF_REG_8),
		[29] = SET(BPF_REG_5, 0),
		[30] = CALL(BPF_FUNC_skb_store_bytes),
		/* member->result = bpf_clone_redirect(skb, member->ifindex, 0) */
		[31] = INSN(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_3, BPF_REG_10, -8, 0),
		[32] = LOAD32(BPF_REG_2, BPF_REG_3, MEMBER(ifindex)),
		[33] = COPY(BPF_REG_1, BPF_REG_6),
		[34] = SET(BPF_REG_3, 0),
		[35] = CALL(BPF_FUNC_clone_redirect),
		[36] = INSN(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_3, BPF_REG_10, -8, 0),
		[37] = JUMP(FROM(37, 40)),
		[DONE] = SET(BPF_REG_0, TCX_ACTION_DROP),
		[39] = EXIT,
		[40] = STORE32(BPF_REG_3, MEMBER(result), BPF_REG_0),
		[41] = ADD(BPF_REG_7, 1),
		[42] = JUMP(FROM(42, LOOP)),
	};
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_type = BPF_PROG_TYPE_SCHED_CLS;
	attributes.expected_attach_type = TCX_EGRESS;
	attributes.insns = (uintptr_t)code;
	attributes.insn_cnt = sizeof(code) / sizeof(code[0]);
	attributes.license = (uintptr_t) "Apache-2.0";
	memcpy(attributes.prog_name, "hg_cloner", sizeof("hg_cloner"));
	return bpf(BPF_PROG_LOAD, &attributes);
}

static int make_map(void)
{
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.map_type = BPF_MAP_TYPE_ARRAY;
	attributes.key_size = sizeof(uint32_t);
	attributes.value_size = sizeof(struct clone_memory);
	attributes.max_entries = 1;
	attributes.map_flags = BPF_F_MMAPABLE;
	return bpf(BPF_MAP_CREATE, &attributes);
}

int cloner_program_load(int *program, int *map)
{
	int ret;

	*map = make_map();
	if (*map < 0)
		return *map;
	ret = load(*map);
	if (ret < 0) {
		close(*map);
		return ret;
	}
	*program = ret;
	return 0;
}

int cloner_program_attach(int program, int ifindex)
{
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.link_create.prog_fd = (uint32_t)program;
	attributes.link_create.target_ifindex = (uint32_t)ifindex;
	attributes.link_create.attach_type = TCX_EGRESS;
	return bpf(BPF_LINK_CREATE, &attributes);
}
