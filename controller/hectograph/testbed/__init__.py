# SPDX-License-Identifier: Apache-2.0
"""Networks of one's own: namespaces, links and supervised programs, for the demo and the tests.

A process isolates itself first; whatever it builds afterwards lives in namespaces
that the kernel removes with the process, even after a kill -9, and the machine's
own network is never touched:

    isolate()                                   # or run_isolated(main)
    with Testbed() as bed:
        host, switch = bed.namespace("host"), bed.namespace("switch")
        bed.veth(End(host, "push0", addresses=("10.0.0.1/24",)), End(switch, "port1"))
        program = bed.start("switch", ["hectograph", "switch", "-i", "1@port1"], switch)
        program.wait_until(lambda: switch.listens_on_tcp(9559))
"""

from hectograph.testbed.isolation import isolate, run_isolated
from hectograph.testbed.network import Counters, End, Namespace, limit_rate
from hectograph.testbed.process import Program
from hectograph.testbed.testbed import Testbed

__all__ = [
    "Counters",
    "End",
    "Namespace",
    "Program",
    "Testbed",
    "isolate",
    "limit_rate",
    "run_isolated",
]
