# SPDX-License-Identifier: Apache-2.0
"""What is being pushed where."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from hectograph.api import models, views
from hectograph.api.dependencies import NamePath, ServiceDep
from hectograph.core import model
from hectograph.service import Service

router = APIRouter(prefix="/streams", tags=["streams"])


async def _view(service: Service, stream: model.Stream) -> views.Stream:
    return views.view(views.Stream, stream, await service.stream_status(stream.name))


@router.get("")
async def list_streams(service: ServiceDep) -> views.Streams:
    wanted = await service.list_streams()
    return views.Streams(items=await views.view_all(wanted, lambda each: _view(service, each)))


@router.get("/{name}")
async def get_stream(service: ServiceDep, name: NamePath) -> views.Stream:
    return await _view(service, await service.get_stream(name))


@router.put("/{name}", responses={HTTPStatus.CREATED: {"model": views.Stream}})
async def put_stream(
    service: ServiceDep, name: NamePath, spec: models.StreamSpec, response: Response
) -> views.Stream:
    """Create or replace; 201 when it created. A changed stream starts anew, one that is
    done already does not."""
    stream = spec.to_model(name)
    if await service.put_stream(stream):
        response.status_code = HTTPStatus.CREATED
    return await _view(service, stream)


@router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT)
async def delete_stream(service: ServiceDep, name: NamePath) -> None:
    """Stops it, wherever it is."""
    await service.delete_stream(name)
