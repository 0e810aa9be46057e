# SPDX-License-Identifier: Apache-2.0
"""A client of the API: what the command line and the demonstration speak through.

    with Client("http://127.0.0.1:8080") as client:
        client.groups.put("news", GroupSpec(switch="s1", source=...))

Problem documents come back as the exceptions that they were made from.
"""

from typing import Generic, Self, TypeVar

import httpx
from pydantic import ValidationError

from hectograph.api import models, views
from hectograph.api.problem import MEDIA_TYPE, Problem, exception_of
from hectograph.errors import HectographError, InvalidInput, Unavailable

DEFAULT_SERVER = "http://127.0.0.1:8080"
TIMEOUT_SECONDS = 30.0

Spec = TypeVar("Spec", bound=models.Model)
View = TypeVar("View", bound=models.Model)


class Collection(Generic[Spec, View]):
    """The resources of one kind."""

    def __init__(self, client: "Client", path: str, view: type[View]) -> None:
        self._client = client
        self._path = path
        self._view = view

    def list(self) -> list[View]:
        items = self._client.request("GET", self._path).json()["items"]
        return [self._view.model_validate(item) for item in items]

    def get(self, name: str) -> View:
        return self._view.model_validate(self._client.request("GET", f"{self._path}/{name}").json())

    def put(self, name: str, spec: Spec) -> View:
        answer = self._client.request("PUT", f"{self._path}/{name}", spec)
        return self._view.model_validate(answer.json())

    def delete(self, name: str) -> None:
        self._client.request("DELETE", f"{self._path}/{name}")


class Client:
    """Of one controller. Raises Unavailable while it cannot be reached."""

    def __init__(self, server: str = DEFAULT_SERVER, token: str | None = None) -> None:
        self.server = server.rstrip("/")
        _check_url(self.server)
        if token is not None and not token.isascii():
            raise InvalidInput("has characters that no header can carry", where="token")
        self._http = httpx.Client(
            base_url=f"{self.server}/api/v1",
            headers={"Authorization": f"Bearer {token}"} if token else None,
            timeout=TIMEOUT_SECONDS,
            trust_env=False,  # a controller is not behind a proxy
        )
        self.switches = Collection[models.SwitchSpec, views.Switch](self, "/switches", views.Switch)
        self.hosts = Collection[models.HostSpec, views.Host](self, "/hosts", views.Host)
        self.groups = Collection[models.GroupSpec, views.Group](self, "/groups", views.Group)
        self.streams = Collection[models.StreamSpec, views.Stream](self, "/streams", views.Stream)

    def members(self, group: str) -> Collection[models.MemberSpec, views.Member]:
        return Collection(self, f"/groups/{group}/members", views.Member)

    def put_members(self, group: str, members: models.MemberSet) -> views.SetChange:
        answer = self.request("PUT", f"/groups/{group}/members", members)
        return views.SetChange.model_validate(answer.json())

    def counters(self) -> list[views.SwitchCounters]:
        items = self.request("GET", "/counters").json()["items"]
        return [views.SwitchCounters.model_validate(item) for item in items]

    def group_counters(self, group: str) -> views.GroupCounters:
        answer = self.request("GET", f"/groups/{group}/counters")
        return views.GroupCounters.model_validate(answer.json())

    def request(self, method: str, path: str, body: models.Model | None = None) -> httpx.Response:
        try:
            answer = self._http.request(
                method, path, json=None if body is None else body.model_dump(mode="json")
            )
        except httpx.TransportError as error:
            raise Unavailable(f"no controller: {error}", where=self.server) from error
        if answer.is_success:
            return answer
        raise _error(answer, self.server)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _check_url(server: str) -> None:
    try:
        url = httpx.URL(server)
    except httpx.InvalidURL as error:
        raise InvalidInput(str(error), where=server) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise InvalidInput("is not http://HOST[:PORT]", where=server)


def _error(answer: httpx.Response, server: str) -> HectographError:
    if answer.headers.get("Content-Type") != MEDIA_TYPE:
        return Unavailable(f"answered {answer.status_code}: not a controller?", where=server)
    try:
        return exception_of(Problem.model_validate_json(answer.content))
    except ValidationError:
        return Unavailable(f"answered {answer.status_code} with nonsense", where=server)
