# SPDX-License-Identifier: Apache-2.0
"""The ASGI application, on a service that runs already."""

from typing import Any

from fastapi import Depends, FastAPI, Security
from fastapi.routing import APIRoute

from hectograph import __version__
from hectograph.api import problems, routes
from hectograph.api.dependencies import BEARER, demand_json
from hectograph.api.guard import Guard
from hectograph.api.limits import BodyLimit
from hectograph.api.metrics import Metrics, RequestMetrics
from hectograph.config import Settings
from hectograph.service import Service

PREFIX = "/api/v1"
OPENAPI_PATH = f"{PREFIX}/openapi.json"
PUBLIC = frozenset({"/healthz", OPENAPI_PATH})
"""What tells nothing of this controller."""

DESCRIPTION = """Push once, deliver to many.

A **host** pushes each packet of a stream once; a **switch** copies it for every **member** of a
**group**. A **content** has addresses of its own, where any TCP client downloads it. `PUT` says
what is wanted and is idempotent; the controller makes the switches and hosts agree, and the
`status` of what `GET` returns says how far it is. Errors are problem documents (RFC 9457) whose
`type` is stable."""


class Api(FastAPI):
    """Whose description knows that every error is a problem document."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            schema = super().openapi()
            schema["components"]["schemas"].update(problems.schemas())
            self.openapi_schema = schema
        return self.openapi_schema


def create_app(settings: Settings, service: Service | None = None) -> FastAPI:
    """`service`: None for an application that only describes itself."""
    app = Api(
        title="Hectograph",
        version=__version__,
        description=DESCRIPTION,
        openapi_url=OPENAPI_PATH,
        docs_url=None,  # they would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        generate_unique_id_function=_operation_id,
        responses={"default": problems.RESPONSE},
    )
    app.state.service = service
    app.state.settings = settings
    app.state.metrics = Metrics(settings.max_member_series, settings.max_content_series)
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    app.add_middleware(Guard, token=settings.token, public=PUBLIC)
    app.add_middleware(RequestMetrics, metrics=app.state.metrics)
    app.include_router(routes.PROBES)
    for router in routes.RESOURCES:
        app.include_router(
            router, prefix=PREFIX, dependencies=[Security(BEARER), Depends(demand_json)]
        )
    problems.install(app)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name
