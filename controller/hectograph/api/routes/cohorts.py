# SPDX-License-Identifier: Apache-2.0
"""TCP clients that download one content together."""

from typing import Annotated

from fastapi import APIRouter, Query

from hectograph.api.cohort_views import CohortHost, Cohorts, cohort_view, totals_view
from hectograph.api.dependencies import ServiceDep
from hectograph.api.fields import Name

router = APIRouter(tags=["contents"])


@router.get("/cohorts")
async def list_cohorts(
    service: ServiceDep,
    content: Annotated[Name | None, Query()] = None,
    host: Annotated[Name | None, Query()] = None,
    members: Annotated[
        int, Query(ge=0, le=10_000, description="How many of each, those that lag most first.")
    ] = 100,
) -> Cohorts:
    """As their hosts have them now. Totals are of all hosts, whichever are asked for."""
    listed = await service.cohorts(content=content, host=host, members=members)
    hosts = await service.cohort_hosts()
    return Cohorts(
        items=[cohort_view(each) for each in listed],
        totals=totals_view(hosts, await service.cohort_entries()),
        hosts=[CohortHost(host=each.host, reason=each.reason) for each in hosts],
    )
