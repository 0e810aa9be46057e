/* SPDX-License-Identifier: Apache-2.0 */
/* Which flows have shown that they receive: a Bloom filter that ages by epochs. */
#ifndef HG_FLOW_FILTER_P4
#define HG_FLOW_FILTER_P4

#include "../shared/headers.p4"
#include "../shared/secrets.p4"
#include "../shared/sizes.p4"

/*
 * Two cells for each flow, found by bits of its cookie, so nobody without the secret
 * can aim at another's. A cell holds the epoch in which it was last set; a flow is in
 * the filter while both hold the current epoch or the one before. Nothing is cleared.
 */
control FlowFilter(in bit<64> flow_hash, in secrets_t secrets, in bool enter, out bool present) {
    @id(REGISTER_FILTER_A) @name(".filter_a")
    register<bit<8>>(SIZE_FILTER) filter_a;
    @id(REGISTER_FILTER_B) @name(".filter_b")
    register<bit<8>>(SIZE_FILTER) filter_b;
    bit<32> index_a;
    bit<32> index_b;
    bit<8> cell_a;
    bit<8> cell_b;

    apply {
        index_a = (bit<32>) flow_hash[63:64 - SIZE_FILTER_BITS];
        index_b = (bit<32>) flow_hash[63 - SIZE_FILTER_BITS:64 - 2 * SIZE_FILTER_BITS];
        if (enter) {
            filter_a.write(index_a, secrets.epoch);
            filter_b.write(index_b, secrets.epoch);
            present = true;
        } else {
            filter_a.read(cell_a, index_a);
            filter_b.read(cell_b, index_b);
            present = (cell_a == secrets.epoch || cell_a == secrets.previous_epoch)
                   && (cell_b == secrets.epoch || cell_b == secrets.previous_epoch);
        }
    }
}

#endif
