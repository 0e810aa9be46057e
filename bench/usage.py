# SPDX-License-Identifier: Apache-2.0
"""What running programs take of the machine: CPU time and memory."""

import os
from collections.abc import Container
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
KIB = 1024

IDLE, IOWAIT, STEAL = 3, 4, 7
"""Columns of /proc/stat that are not work of ours; those after STEAL are counted in others."""


def machine_cpu() -> float:
    """Seconds that all cores worked since boot: programs, kernel, interrupts."""
    columns = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    busy = (ticks for place, ticks in enumerate(columns[:STEAL]) if place not in (IDLE, IOWAIT))
    return sum(busy) / TICKS_PER_SECOND


def process_cpu(pid: int) -> float:
    """Seconds of all its threads, with what the kernel did on their time."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    utime, stime = int(fields[11]), int(fields[12])  # 14 and 15 of the manual's
    return (utime + stime) / TICKS_PER_SECOND


def process_memory(pid: int, without: Container[str]) -> int:
    """Bytes, each page that several share in equal parts (PSS), without mappings of these files."""
    total, counted = 0, True
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        words = line.split()
        if "-" in words[0]:  # first of a mapping: addresses, rights ... path
            counted = words[-1] not in without
        elif words[0] == "Pss:" and counted:
            total += int(words[1]) * KIB
    return total


def kernel_memory() -> int:
    """Bytes in the kernel's allocator: sockets, files, headers of what is queued."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, amount = line.split()[:2]
        if name == "Slab:":
            return int(amount) * KIB
    raise AssertionError("/proc/meminfo has no Slab")


def socket_buffers() -> int:
    """Bytes that the kernel accounts to TCP sockets; pages that sendfile() lends are among them."""
    return _tcp_sockets()["mem"] * os.sysconf("SC_PAGE_SIZE")


def sockets_in_use() -> int:
    """Of TCP, in the calling thread's namespace."""
    return _tcp_sockets()["inuse"]


def _tcp_sockets() -> dict[str, int]:
    for line in Path("/proc/thread-self/net/sockstat").read_text().splitlines():
        if line.startswith("TCP:"):
            words = line.split()[1:]
            return {name: int(value) for name, value in zip(words[::2], words[1::2], strict=True)}
    raise AssertionError("/proc/net/sockstat has no TCP")
