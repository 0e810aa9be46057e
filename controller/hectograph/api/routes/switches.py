# SPDX-License-Identifier: Apache-2.0
"""P4 switches."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from hectograph.api import models, views
from hectograph.api.dependencies import NamePath, ServiceDep
from hectograph.core import model
from hectograph.service import Service

router = APIRouter(prefix="/switches", tags=["switches"])


async def _view(service: Service, switch: model.Switch) -> views.Switch:
    return views.view(views.Switch, switch, await service.switch_status(switch.name))


@router.get("")
async def list_switches(service: ServiceDep) -> views.Switches:
    wanted = await service.list_switches()
    return views.Switches(items=await views.view_all(wanted, lambda each: _view(service, each)))


@router.get("/{name}")
async def get_switch(service: ServiceDep, name: NamePath) -> views.Switch:
    return await _view(service, await service.get_switch(name))


@router.put("/{name}", responses={HTTPStatus.CREATED: {"model": views.Switch}})
async def put_switch(
    service: ServiceDep, name: NamePath, spec: models.SwitchSpec, response: Response
) -> views.Switch:
    """Create or replace; 201 when it created."""
    switch = spec.to_model(name)
    if await service.put_switch(switch):
        response.status_code = HTTPStatus.CREATED
    return await _view(service, switch)


@router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT)
async def delete_switch(service: ServiceDep, name: NamePath) -> None:
    await service.delete_switch(name)
