# SPDX-License-Identifier: Apache-2.0
"""The client flows in a group, one by one or all at once."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from hectograph.api import models, views
from hectograph.api.dependencies import NamePath, ServiceDep
from hectograph.core import model
from hectograph.service import Service

router = APIRouter(prefix="/groups/{group}/members", tags=["members"])


async def _view(service: Service, member: model.Member) -> views.Member:
    status = await service.member_status(member.group, member.name)
    return views.view(views.Member, member, status)


@router.get("")
async def list_members(service: ServiceDep, group: NamePath) -> views.Members:
    members = await service.list_members(group)
    return views.Members(items=await views.view_all(members, lambda each: _view(service, each)))


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
