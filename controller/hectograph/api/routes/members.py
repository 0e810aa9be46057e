# SPDX-License-Identifier: Apache-2.0
"""The client flows in a group, one by one or all at once."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from hectograph.api import models, views
from hectograph.api.dependencies import NamePath, ServiceDep
from hectograph.core import model
from hectograph.errors import NotFound
from hectograph.service import Service

router = APIRouter(prefix="/groups/{group}/members", tags=["members"])


async def _views(service: Service, group: str, members: list[model.Member]) -> list[views.Member]:
    """The group's status is asked for once: a query per member would make a list quadratic."""
    found = {status.name: status for status in (await service.group_status(group)).members}
    return [
        views.view(views.Member, member, found[member.name])
        for member in members
        if member.name in found
    ]


async def _view(service: Service, member: model.Member) -> views.Member:
    shown = await _views(service, member.group, [member])
    if not shown:
        raise NotFound(f"no such member in group {member.group}", where=member.name)
    return shown[0]


@router.get("")
async def list_members(service: ServiceDep, group: NamePath) -> views.Members:
    return views.Members(items=await _views(service, group, await service.list_members(group)))


@router.put("")
async def put_members(
    service: ServiceDep, group: NamePath, members: models.MemberSet
) -> views.SetChange:
    """Make this the whole set, in one step: all of it or nothing."""
    change = await service.put_members(group, members.to_model(group))
    return views.SetChange.model_validate(change)


@router.get("/{name}")
async def get_member(service: ServiceDep, group: NamePath, name: NamePath) -> views.Member:
    return await _view(service, await service.get_member(group, name))


@router.put("/{name}", responses={HTTPStatus.CREATED: {"model": views.Member}})
async def put_member(
    service: ServiceDep,
    group: NamePath,
    name: NamePath,
    spec: models.MemberSpec,
    response: Response,
) -> views.Member:
    """Create or replace; 201 when it created."""
    member = spec.to_model(group, name)
    if await service.put_member(member):
        response.status_code = HTTPStatus.CREATED
    return await _view(service, member)


@router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT)
async def delete_member(service: ServiceDep, group: NamePath, name: NamePath) -> None:
    await service.delete_member(group, name)
