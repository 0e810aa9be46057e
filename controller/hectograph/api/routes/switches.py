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
    shown = views.view(views.Switch, switch, await service.switch_status(switch.name))
    if (secrets := await service.secrets_status(switch.name)) is not None:
        shown.status.secrets = views.SecretsStatus.model_validate(secrets)
    return shown


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


@router.post("/{name}/rotate-secrets")
async def rotate_secrets(service: ServiceDep, name: NamePath) -> views.SecretsStatus:
    """A new secret for the cookies of stateless TCP. Downloads that began two rotations ago
    are reset."""
    return views.SecretsStatus.model_validate(await service.rotate_secrets(name))


@router.post("/{name}/advance-epoch")
async def advance_epoch(service: ServiceDep, name: NamePath) -> views.SecretsStatus:
    """Forget the flows that the filter knows from the epoch before the last one."""
    return views.SecretsStatus.model_validate(await service.advance_epoch(name))
