# SPDX-License-Identifier: Apache-2.0
"""What clients download over TCP, and the downloads that run."""

from dataclasses import fields
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response

from hectograph.api import views
from hectograph.api.content_models import ContentSpec
from hectograph.api.content_views import Content, Contents, Flow, Flows
from hectograph.api.dependencies import NamePath, ServiceDep
from hectograph.api.fields import Name
from hectograph.core import model
from hectograph.core.flows import HostedFlow
from hectograph.service import Service

router = APIRouter(tags=["contents"])


async def _view(service: Service, content: model.Content) -> Content:
    return views.view(Content, content, await service.content_status(content.name))


@router.get("/contents")
async def list_contents(service: ServiceDep) -> Contents:
    wanted = await service.list_contents()
    return Contents(items=await views.view_all(wanted, lambda each: _view(service, each)))


@router.get("/contents/{name}")
async def get_content(service: ServiceDep, name: NamePath) -> Content:
    return await _view(service, await service.get_content(name))


@router.put("/contents/{name}", responses={HTTPStatus.CREATED: {"model": Content}})
async def put_content(
    service: ServiceDep, name: NamePath, spec: ContentSpec, response: Response
) -> Content:
    """Create it; 201 when it did. A content does not change: another is a conflict, and
    only one that failed is tried again, under new addresses."""
    content = spec.to_model(name)
    if await service.put_content(content):
        response.status_code = HTTPStatus.CREATED
    return await _view(service, content)


@router.delete("/contents/{name}", status_code=HTTPStatus.ACCEPTED)
async def delete_content(
    service: ServiceDep,
    name: NamePath,
    reset: Annotated[bool, Query(description="Reset its downloads.")] = False,
) -> None:
    """It takes no new downloads. It is gone when those that run have finished."""
    await service.delete_content(name, reset=reset)


@router.get("/flows")
async def list_flows(
    service: ServiceDep,
    content: Annotated[Name | None, Query()] = None,
    host: Annotated[Name | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
) -> Flows:
    """Clients that hosts know, as they are now. The switch knows none."""
    found = await service.flows(limit=limit, content=content, host=host)
    total = await _count(service, content, host)
    return Flows(items=[_flow(each) for each in found], total=max(total, len(found)))


async def _count(service: Service, content: str | None, host: str | None) -> int:
    if content is not None:
        hosts = (await service.content_status(content)).hosts
        return sum(each.flows for each in hosts if host in (None, each.host))
    names = [each.name for each in await service.list_hosts()] if host is None else [host]
    return sum([(await service.host_status(name)).flows for name in names])


def _flow(hosted: HostedFlow) -> Flow:
    known = {
        field.name: getattr(of, field.name)
        for of in (hosted.flow.key, hosted.flow)
        for field in fields(of)
    }
    shown = {name: known[name] for name in Flow.model_fields.keys() & known.keys()}
    return Flow.model_validate({**shown, "host": hosted.host, "content": hosted.content})
