# SPDX-License-Identifier: Apache-2.0
"""Is the controller alive, is everything in place, and the numbers for Prometheus."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response, Security
from fastapi.responses import PlainTextResponse

from hectograph.api import views
from hectograph.api.dependencies import BEARER, ServiceDep
from hectograph.api.metrics import Metrics
from hectograph.api.samples import CONTENT_TYPE

router = APIRouter(tags=["probes"])


@router.get("/healthz")
async def get_health() -> views.Health:
    """The process answers. Needs no token."""
    return views.Health()


@router.get(
    "/readyz",
    dependencies=[Security(BEARER)],
    responses={HTTPStatus.SERVICE_UNAVAILABLE: {"model": views.Readiness}},
)
async def get_readiness(service: ServiceDep, response: Response) -> views.Readiness:
    reasons = await service.ready()
    if reasons:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return views.Readiness(ready=not reasons, reasons=reasons)


@router.get(
    "/metrics",
    dependencies=[Security(BEARER)],
    response_class=PlainTextResponse,
)
async def get_metrics(request: Request, service: ServiceDep) -> Response:
    """Prometheus' exposition format."""
    metrics: Metrics = request.app.state.metrics
    return Response(await metrics.expose(service), media_type=CONTENT_TYPE)
