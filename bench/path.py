# SPDX-License-Identifier: Apache-2.0
"""One path, measured: the pusher and nginx behind the same relay with a rate and a queue.

    .venv/bin/python bench/path.py --rate 100 --rtt 20 --queue 250000 --runs 5
    .venv/bin/python bench/path.py --rate 30 --rtt 0.4:0.8 --queue 64000 --clients 8 --own --size 20

The servers take turns in each run. Prints for each goodput, frames that the queue dropped,
what frames waited in it, and what the server's TCP counted; in the end the worst of all runs.
"""

import argparse
import sys
from collections.abc import Sequence

import path_lab
from hectograph.errors import HectographError
from hectograph.testbed.isolation import run_isolated
from path_lab import Link, Load, Measured, PathLab, Receiver, Server, jain, spread

HEADROOM = 1.05
"""Of a timed download's content, over what the rate could carry."""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    link = parser.add_argument_group("link")
    link.add_argument("--rate", type=float, required=True, help="Mbit/s towards the clients")
    link.add_argument("--rtt", type=_range, default=(0, 0), help="ms; FROM:TO over --own links")
    link.add_argument("--queue", type=int, default=0, help="bytes (0: no limit)")
    link.add_argument("--loss", type=float, default=0, help="0 to 1, at random")
    link.add_argument("--reorder", type=float, default=0, help="0 to 1; 3 ms late")
    link.add_argument("--duplicate", type=float, default=0, help="0 to 1")
    link.add_argument("--back-rate", type=float, default=0, help="Mbit/s from the clients")
    link.add_argument("--silence", type=float, help="a second without a frame begins at this one")
    clients = parser.add_argument_group("clients")
    clients.add_argument("--clients", type=int, default=1)
    clients.add_argument("--own", action="store_true", help="each has a link of its own")
    clients.add_argument("--beside", action="store_true", help="one of ours, one of nginx's")
    clients.add_argument("--cohort", action="store_true", help="served together")
    clients.add_argument("--sack", choices=("on", "off"), default="on")
    clients.add_argument("--window-scaling", choices=("on", "off"), default="on")
    parser.add_argument("--seconds", type=float, default=10, help="of each download (10)")
    parser.add_argument("--size", type=float, help="MB; whole downloads, however long they take")
    parser.add_argument("--runs", type=int, default=1)
    known = path_lab.congestion_controls()
    parser.add_argument("--peers", default=",".join(known), help=f"of {','.join(known)}; may be ''")
    parser.add_argument("--no-ours", action="store_true", help="peers only")
    return parser.parse_args(arguments)


def _range(text: str) -> tuple[float, float]:
    """FROM:TO, or one number for both."""
    first, _, last = text.partition(":")
    return float(first), float(last or first)


def main(arguments: argparse.Namespace) -> int:
    if reason := path_lab.missing():
        print(reason, file=sys.stderr)
        return 1
    peers = [name for name in arguments.peers.split(",") if name]
    clients = 2 if arguments.beside else arguments.clients
    with path_lab.running(clients, peers, cohorts=arguments.cohort) as lab:
        measured: dict[str, list[Measured]] = {}
        for number in range(arguments.runs):
            with lab.published(_size(arguments)) as content:
                for name, servers in _turns(lab, arguments).items():
                    one = lab.run(_links(arguments), _load(servers, arguments), content, number)
                    measured.setdefault(name, []).append(one)
                    print(_line(f"{number + 1}: {name}", one), flush=True)
        for name, runs in measured.items():
            print(_worst(name, runs))
    return 0


def _turns(lab: PathLab, arguments: argparse.Namespace) -> dict[str, Sequence[Server]]:
    """By name, the servers of the clients."""
    if arguments.beside:
        return {f"beside {nginx.name}": [lab.ours, nginx] for nginx in lab.nginx}
    servers = lab.nginx if arguments.no_ours else lab.servers
    return {server.name: [server] * arguments.clients for server in servers}


def _size(arguments: argparse.Namespace) -> int:
    if arguments.size:
        return int(arguments.size * 1e6)
    return int(arguments.rate * 125e3 * arguments.seconds * HEADROOM)


def _links(arguments: argparse.Namespace) -> list[Link]:
    """One that all share, or each client's."""
    link = Link(
        rate=arguments.rate,
        rtt=arguments.rtt[0],
        queue=arguments.queue,
        loss=arguments.loss,
        duplicate=arguments.duplicate,
        reorder=arguments.reorder,
        back_rate=arguments.back_rate,
        silence=arguments.silence,
    )
    return spread(link, arguments.rtt[1], arguments.clients) if arguments.own else [link]


def _load(servers: Sequence[Server], arguments: argparse.Namespace) -> Load:
    receiver = Receiver(arguments.sack == "on", arguments.window_scaling == "on")
    seconds = None if arguments.size else arguments.seconds
    return Load(servers, seconds, receiver)


def _line(name: str, one: Measured) -> str:
    counters = "; ".join(
        " ".join(f"{count} {what}" for what, count in counted.items() if count)
        for counted in one.counters.values()
    )
    text = (
        f"{name:24} {one.goodput:7.1f} Mbit/s  dropped {one.dropped:6.2%}"
        f"  queueing {one.mean_queueing_ms:.1f} ms, p95 {one.p95_queueing_ms:.1f}"
        f"  relay {one.late_ms:.2f} ms late  {counters}"
    )
    if len(one.downloads) == 1:
        return text
    shares = [each.goodput for each in one.downloads]
    each = " ".join(
        f"{d.seconds:.2f}s" if d.whole else f"{d.received / 1e6:.1f}MB" for d in one.downloads
    )
    return f"{text}\n{'':24} each: {each}  Jain {jain(shares):.2f}"


def _worst(name: str, runs: Sequence[Measured]) -> str:
    goodput = min(one.goodput for one in runs)
    dropped = max(one.dropped for one in runs)
    queueing = max(one.mean_queueing_ms for one in runs)
    timeouts = max(one.timeouts for one in runs)
    last = max(one.last_seconds for one in runs)
    return (
        f"worst of {len(runs)}: {name:16} {goodput:7.1f} Mbit/s  dropped {dropped:6.2%}"
        f"  queueing {queueing:.1f} ms  timeouts {timeouts}  last done {last:.2f} s"
    )


if __name__ == "__main__":
    parsed = parse(sys.argv[1:])
    try:
        sys.exit(run_isolated(lambda: main(parsed)))
    except HectographError as error:
        sys.exit(f"path.py: {error}")
