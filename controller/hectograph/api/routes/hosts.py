# SPDX-License-Identifier: Apache-2.0
"""Machines that push."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from hectograph.api import models, views
from hectograph.api.dependencies import NamePath, ServiceDep
from hectograph.core import model
from hectograph.service import Service

router = APIRouter(prefix="/hosts", tags=["hosts"])


async def _view(service: Service, host: model.Host) -> views.Host:
    return views.view(views.Host, host, await service.host_status(host.name))


@router.get("")
async def list_hosts(service: ServiceDep) -> views.Hosts:
    wanted = await service.list_hosts()
    return views.Hosts(items=await views.view_all(wanted, lambda each: _view(service, each)))


@router.get("/{name}")
async def get_host(service: ServiceDep, name: NamePath) -> views.Host:
    return await _view(service, await service.get_host(name))


@router.put("/{name}", responses={HTTPStatus.CREATED: {"model": views.Host}})
async def put_host(
    service: ServiceDep, name: NamePath, spec: models.HostSpec, response: Response
) -> views.Host:
    """Create or replace; 201 when it created."""
    host = spec.to_model(name)
    if await service.put_host(host):
        response.status_code = HTTPStatus.CREATED
    return await _view(service, host)


@router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT)
async def delete_host(service: ServiceDep, name: NamePath) -> None:
    await service.delete_host(name)
