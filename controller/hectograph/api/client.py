# SPDX-License-Identifier: Apache-2.0
"""A client of the API: what the command line and the demonstration speak through.

    with Client("http://127.0.0.1:8080") as client:
        client.groups.put("news", GroupSpec(switch="s1", source=...))

Problem documents come back as the exceptions that they were made from.
"""

from typing import Generic, Self, TypeVar
from urllib.parse import quote, urlencode

import httpx
from pydantic import BaseModel, ValidationError

from hectograph.api import cohort_views, content_models, content_views, models, views
from hectograph.api.fields import Model
from hectograph.api.problem import MEDIA_TYPE, Problem, exception_of
from hectograph.errors import InvalidInput, Unavailable

DEFAULT_SERVER = "http://127.0.0.1:8080"
TIMEOUT_SECONDS = 30.0

Spec = TypeVar("Spec", bound=Model)
View = TypeVar("View", bound=Model)
Answer = TypeVar("Answer", bound=BaseModel)


class Collection(Generic[Spec, View]):
    """The resources of one kind."""

    def __init__(
        self, client: "Client", path: str, view: type[View], page: type[views.Items[View]]
    ) -> None:
        self._client = client
        self._path = path
        self._view = view
        self._page = page

    def list(self) -> list[View]:
        return self._client.get(self._path, self._page).items

    def get(self, name: str) -> View:
        return self._client.get(self._of(name), self._view)

    def put(self, name: str, spec: Spec) -> View:
        return self._client.put(self._of(name), spec, self._view)

    def delete(self, name: str) -> None:
        self._client.delete(self._of(name))

    def _of(self, name: str) -> str:
        return f"{self._path}/{quote(name, safe='')}"


class Contents(Collection[content_models.ContentSpec, content_views.Content]):
    def __init__(self, client: "Client") -> None:
        super().__init__(client, "/contents", content_views.Content, content_views.Contents)

    def remove(self, name: str, *, reset: bool = False) -> None:
        """Its downloads finish, or are reset; then it is gone."""
        self._client.delete(self._of(name) + ("?reset=true" if reset else ""))


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
        self.switches = Collection[models.SwitchSpec, views.Switch](
            self, "/switches", views.Switch, views.Switches
        )
        self.hosts = Collection[models.HostSpec, views.Host](
            self, "/hosts", views.Host, views.Hosts
        )
        self.groups = Collection[models.GroupSpec, views.Group](
            self, "/groups", views.Group, views.Groups
        )
        self.streams = Collection[models.StreamSpec, views.Stream](
            self, "/streams", views.Stream, views.Streams
        )

        self.contents = Contents(self)

    def members(self, group: str) -> Collection[models.MemberSpec, views.Member]:
        return Collection(self, self._members(group), views.Member, views.Members)

    def put_members(self, group: str, members: models.MemberSet) -> views.SetChange:
        return self.put(self._members(group), members, views.SetChange)

    def counters(self) -> list[views.SwitchCounters]:
        return self.get("/counters", views.Counters).items

    def group_counters(self, group: str) -> views.GroupCounters:
        return self.get(f"/groups/{quote(group, safe='')}/counters", views.GroupCounters)

    def flows(
        self, *, content: str | None = None, host: str | None = None, limit: int = 100
    ) -> content_views.Flows:
        wanted = {"content": content, "host": host, "limit": limit}
        query = urlencode({name: value for name, value in wanted.items() if value is not None})
        return self.get(f"/flows?{query}", content_views.Flows)

    def cohorts(
        self, *, content: str | None = None, host: str | None = None, members: int = 100
    ) -> cohort_views.Cohorts:
        wanted = {"content": content, "host": host, "members": members}
        query = urlencode({name: value for name, value in wanted.items() if value is not None})
        return self.get(f"/cohorts?{query}", cohort_views.Cohorts)

    def rotate_secrets(self, switch: str) -> views.SecretsStatus:
        return self.post(f"{self._switch(switch)}/rotate-secrets", views.SecretsStatus)

    def advance_epoch(self, switch: str) -> views.SecretsStatus:
        return self.post(f"{self._switch(switch)}/advance-epoch", views.SecretsStatus)

    def readiness(self) -> views.Readiness:
        """Also of a controller that is not ready."""
        return self._read(self._send("GET", f"{self.server}/readyz"), views.Readiness)

    def get(self, path: str, kind: type[Answer]) -> Answer:
        return self._read(self._ask("GET", path), kind)

    def put(self, path: str, body: Model, kind: type[Answer]) -> Answer:
        return self._read(self._ask("PUT", path, body), kind)

    def post(self, path: str, kind: type[Answer]) -> Answer:
        return self._read(self._ask("POST", path), kind)

    def delete(self, path: str) -> None:
        self._ask("DELETE", path)

    def _switch(self, name: str) -> str:
        return f"/switches/{quote(name, safe='')}"

    def _members(self, group: str) -> str:
        return f"/groups/{quote(group, safe='')}/members"

    def _ask(self, method: str, path: str, body: Model | None = None) -> httpx.Response:
        answer = self._send(method, path, body)
        if answer.is_success:
            return answer
        if answer.headers.get("Content-Type") != MEDIA_TYPE:
            raise Unavailable(
                f"answered {answer.status_code}: not a controller?", where=self.server
            )
        raise exception_of(self._read(answer, Problem))

    def _send(self, method: str, path: str, body: Model | None = None) -> httpx.Response:
        content = None if body is None else body.model_dump_json()
        headers = {"Content-Type": "application/json"}
        try:
            return self._http.request(method, path, content=content, headers=headers)
        except httpx.TransportError as error:
            raise Unavailable(f"no controller: {error}", where=self.server) from error

    def _read(self, answer: httpx.Response, kind: type[Answer]) -> Answer:
        try:
            return kind.model_validate_json(answer.content)
        except ValidationError as error:
            raise Unavailable(
                f"answered {answer.status_code} with nonsense", where=self.server
            ) from error

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
