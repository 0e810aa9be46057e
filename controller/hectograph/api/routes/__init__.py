# SPDX-License-Identifier: Apache-2.0
"""The resources, a file each. A function's name is its operationId: unique and stable."""

from hectograph.api.routes import (
    cohorts,
    contents,
    counters,
    groups,
    hosts,
    members,
    probes,
    streams,
    switches,
)

PROBES = probes.router
RESOURCES = tuple(
    each.router for each in (switches, hosts, groups, members, streams, contents, cohorts, counters)
)
