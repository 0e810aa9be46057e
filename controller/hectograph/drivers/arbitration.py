# SPDX-License-Identifier: Apache-2.0
"""P4Runtime arbitration (specification, "Client Arbitration"): who may write.

Every controller bids with the same election id. One that is told that the id is taken
bids one less and becomes a backup; when there is no primary it bids the highest id
that was seen, which is free now.
"""

from finsy import GRPCStatusCode
from finsy.proto import U128, p4r

FIRST_ELECTION_ID = 1 << 16


class Arbitration:
    """What to bid next, and whether we are primary."""

    def __init__(self, device_id: int) -> None:
        self._device_id = device_id
        self._election_id = FIRST_ELECTION_ID
        self.is_primary = False

    @property
    def election_id(self) -> p4r.Uint128:
        return U128.encode(self._election_id)

    def bid(self) -> p4r.StreamMessageRequest:
        return p4r.StreamMessageRequest(
            arbitration=p4r.MasterArbitrationUpdate(
                device_id=self._device_id, election_id=self.election_id
            )
        )

    def outbid(self) -> None:
        """The id that we bid belongs to another connection."""
        self._election_id -= 1

    def update(self, message: p4r.MasterArbitrationUpdate) -> bool:
        """Take the switch's word; True when it makes sense to bid again.

        simple_switch_grpc (seen 2026-11) tells a backup OK, with its own lower id, when
        the primary went: it is primary then, like anyone else who is told OK.
        """
        highest = U128.decode(message.election_id)
        code = GRPCStatusCode(message.status.code)
        self.is_primary = code == GRPCStatusCode.OK and highest == self._election_id
        if code == GRPCStatusCode.NOT_FOUND:
            self._election_id = max(highest, self._election_id)
            return True
        return False
