# SPDX-License-Identifier: Apache-2.0
"""Counters, as last read from the switches."""

from fastapi import APIRouter

from hectograph.api import views
from hectograph.api.dependencies import NamePath, ServiceDep

router = APIRouter(tags=["counters"])


@router.get("/counters")
async def list_counters(service: ServiceDep) -> views.Counters:
    """Of every switch; a group's own show its members too."""
    found = await service.counters()
    return views.Counters(items=[views.SwitchCounters.model_validate(each) for each in found])


@router.get("/groups/{name}/counters")
async def get_group_counters(service: ServiceDep, name: NamePath) -> views.GroupCounters:
    group = await service.get_group(name)
    counters = {each.switch: each for each in await service.counters()}
    found = counters[group.switch]
    return views.GroupCounters(
        group=name,
        read_at=found.read_at,
        trees=[
            views.TreeCounter.model_validate(each) for each in found.trees if each.group == name
        ],
        members=[
            views.MemberCounter.model_validate(each) for each in found.members if each.group == name
        ],
    )
