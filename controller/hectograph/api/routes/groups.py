# SPDX-License-Identifier: Apache-2.0
"""Who gets the copies of one push."""

from collections import Counter
from http import HTTPStatus

from fastapi import APIRouter, Response

from hectograph.api import models, views
from hectograph.api.dependencies import NamePath, ServiceDep
from hectograph.core import model
from hectograph.core.status import ApplyState
from hectograph.service import Service

router = APIRouter(prefix="/groups", tags=["groups"])


async def _view(service: Service, group: model.Group) -> views.Group:
    found = await service.group_status(group.name)
    states = Counter(member.state for member in found.members)
    counts = views.MemberCounts(
        total=len(found.members),
        applied=states[ApplyState.APPLIED],
        pending=states[ApplyState.PENDING],
        refused=states[ApplyState.REFUSED],
    )
    status = views.GroupStatus(
        state=found.state,
        reason=found.reason,
        members=counts,
        pushes=views.CounterValue.model_validate(found.pushes),
        trees=[views.TreeStatus.model_validate(tree) for tree in found.trees],
    )
    return views.view(views.Group, group, status)


@router.get("")
async def list_groups(service: ServiceDep) -> views.Groups:
    wanted = await service.list_groups()
    return views.Groups(items=await views.view_all(wanted, lambda each: _view(service, each)))


@router.get("/{name}")
async def get_group(service: ServiceDep, name: NamePath) -> views.Group:
    return await _view(service, await service.get_group(name))


@router.put("/{name}", responses={HTTPStatus.CREATED: {"model": views.Group}})
async def put_group(
    service: ServiceDep, name: NamePath, spec: models.GroupSpec, response: Response
) -> views.Group:
    """Create or replace; 201 when it created."""
    group = spec.to_model(name)
    if await service.put_group(group):
        response.status_code = HTTPStatus.CREATED
    return await _view(service, group)


@router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT)
async def delete_group(service: ServiceDep, name: NamePath) -> None:
    """Its members go with it."""
    await service.delete_group(name)
