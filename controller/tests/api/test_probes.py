# SPDX-License-Identifier: Apache-2.0
"""Health, readiness, and what Prometheus reads."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from hectograph.api import content_families, families
from hectograph.core.status import (
    ContentStage,
    ContentStatus,
    CounterValue,
    HostedContent,
    HostState,
    HostStatus,
    MemberCounter,
    StreamState,
    StreamStatus,
    SwitchCounters,
    SwitchState,
    SwitchStatus,
)

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def _key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return f"hectograph_{name}", frozenset(labels.items())


def _samples(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def _scrape(api: httpx.AsyncClient) -> Samples:
    answer = await api.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return _samples(answer.text)


async def test_readiness_says_why_not(api: httpx.AsyncClient) -> None:
    answer = await api.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": []})
    await api.put("/api/v1/switches/s1", json={"address": "127.0.0.1:9559", "host_ports": [1]})
    answer = await api.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "reasons": ["switch s1: connecting"]}


async def test_metrics_of_what_the_service_knows(api: httpx.AsyncClient) -> None:
    source = {"mac": "02:00:00:00:00:01", "ipv4": "192.0.2.1", "udp_port": 5000}
    member = {"port": 2, "mac": "02:00:00:00:01:02", "address": "192.0.2.2", "udp_port": 6000}
    await api.put("/api/v1/switches/s1", json={"address": "127.0.0.1:9559", "host_ports": [1]})
    await api.put("/api/v1/groups/news", json={"switch": "s1", "source": source})
    await api.put("/api/v1/groups/news/members/m1", json=member)
    host = {"control": "/run/p.sock", "switch": "s1", "port": 1}
    await api.put("/api/v1/hosts/h1", json=host)
    film = {"switch": "s1", "source": {"kind": "file", "path": "/srv/film.ts"}}
    await api.put("/api/v1/contents/film", json=film)
    await api.post("/api/v1/switches/s1/rotate-secrets", json={})

    samples = await _scrape(api)

    assert samples[_key("switch_up", switch="s1")] == 1
    drops = _key("drop_packets_total", switch="s1", stage="ingress", reason="malformed")
    assert samples[drops] == 3
    assert samples[_key("member_packets_total", group="news", member="m1")] == 1
    assert samples[_key("replica_bytes_total", group="news")] == 1430
    assert samples[_key("flows", host="h1")] == 3
    assert samples[_key("flow_events_total", host="h1", event="pulls")] == 7
    assert samples[_key("host_link_answers", host="h1")] == 1
    assert samples[_key("host_link_window_frames", host="h1")] == 70
    assert samples[_key("host_link_round_trip_seconds", host="h1")] == 0.0005
    port = {"port": "1", "interface": "host1", "reason": "rx"}
    assert samples[_key("port_drop_packets_total", switch="s1", **port)] == 474
    assert samples[_key("contents", state="serving")] == 1
    assert samples[_key("contents", state="failed")] == 0
    assert samples[_key("content_flows", content="film", host="h1")] == 2
    assert samples[_key("content_packets_total", content="film")] == 5
    assert samples[_key("secrets_number", switch="s1")] == 1
    assert samples[_key("filter_epoch", switch="s1")] == 1


async def test_metrics_of_cohorts(api: httpx.AsyncClient) -> None:
    samples = await _scrape(api)
    expected = {
        _key("cohorts", host="h1", phase="running"): 1,
        _key("cohorts", host="h1", phase="forming"): 0,
        _key("cohort_members", host="h1"): 2,
        _key("cohorts_watched", host="h1"): 1,
        _key("cohorts_watched", host="h2"): 0,
        _key("cohort_pushes_total", host="h1"): 10,
        _key("cohort_pushed_bytes_total", host="h1"): 10_000,
        _key("cohort_delivered_bytes_total", host="h1"): 640_000,
        _key("cohort_repair_bytes_total", host="h1"): 2_500,
        _key("cohort_members_per_push", host="h1"): 64,
        _key("cohort_members_per_push", host="h2"): 0,
        _key("cohort_gain", host="h1"): 51.4,
        _key("cohort_left_total", host="h1", reason="behind"): 3,
        _key("cohort_left_total", host="h1", reason="silent"): 0,
        _key("cohort_entries", switch="s1"): 64,
        _key("cohort_refused_total", switch="s1", reason="members"): 2,
        _key("cohort_entry_seconds_bucket", switch="s1", le="0.001"): 1,
        _key("cohort_entry_seconds_bucket", switch="s1", le="0.01"): 3,
        _key("cohort_entry_seconds_bucket", switch="s1", le="+Inf"): 4,
        _key("cohort_entry_seconds_count", switch="s1"): 4,
    }
    assert {key: samples[key] for key in expected} == expected


async def test_requests_are_counted_by_operation(api: httpx.AsyncClient) -> None:
    await api.get("/api/v1/groups")
    await api.get("/api/v1/groups/a")
    await api.get("/api/v1/groups/b")
    await api.get("/api/v1/elsewhere/c")
    samples = await _scrape(api)
    requests = {
        tuple(dict(labels).values()): value
        for (name, labels), value in samples.items()
        if name == "hectograph_http_requests_total"
    }
    assert {frozenset(key): value for key, value in requests.items()} == {
        frozenset({"list_groups", "200"}): 1,
        frozenset({"get_group", "404"}): 2,
        frozenset({"none", "404"}): 1,
    }
    assert samples[_key("http_request_duration_seconds_count", operation="get_group")] == 2


def _shown(counters: SwitchCounters, most: int) -> tuple[set[str], float]:
    """Groups that are broken down, and how many members are not."""
    metrics = {metric.name: metric for metric in families.of_counters([counters], most)}
    members = metrics["hectograph_member_packets"].samples
    omitted = metrics["hectograph_members_not_shown"].samples
    return {sample.labels["group"] for sample in members}, omitted[0].value


def test_members_are_shown_in_whole_groups_up_to_a_limit() -> None:
    value = CounterValue(1, 1)
    counters = SwitchCounters(
        switch="s1",
        read_at=None,
        ingress_drops={},
        egress_drops={},
        trees=(),
        members=tuple(
            MemberCounter(group, f"m{number}", value)
            for group, size in (("c", 2), ("a", 3), ("b", 4))
            for number in range(size)
        ),
    )
    assert _shown(counters, 9) == ({"a", "b", "c"}, 0)
    assert _shown(counters, 8) == ({"a", "b"}, 2)
    assert _shown(counters, 6) == ({"a", "c"}, 4)
    assert _shown(counters, 0) == (set(), 9)


def test_contents_are_shown_up_to_a_limit() -> None:
    contents = [
        ContentStatus(name, ContentStage.SERVING, None, (), hosts=(HostedContent("h1", "ready"),))
        for name in ("c", "a", "b")
    ]
    metrics = {metric.name: metric for metric in content_families.of_contents(contents, 2)}
    shown = metrics["hectograph_content_flows"].samples
    assert [sample.labels["content"] for sample in shown] == ["a", "b"]
    assert metrics["hectograph_contents_not_shown"].samples[0].value == 1


def test_states_are_told_apart() -> None:
    def up(state: SwitchState) -> list[float]:
        first, second, *_ = families.of_switches([SwitchStatus("s1", state, None)])
        return [first.samples[0].value, second.samples[0].value]

    assert {state: up(state) for state in SwitchState} == {
        SwitchState.CONNECTING: [0, 0],
        SwitchState.BACKUP: [1, 0],
        SwitchState.SYNCING: [1, 1],
        SwitchState.READY: [1, 1],
        SwitchState.FAILED: [0, 0],
    }
    host = next(families.of_hosts([HostStatus("h1", HostState.CONNECTING, "gone")]))
    assert [sample.value for sample in host.samples] == [0]
    stream = next(families.of_streams([StreamStatus("s", "h1", "g", StreamState.DONE)]))
    states = {sample.labels["state"]: sample.value for sample in stream.samples}
    assert states == {"waiting": 0, "running": 0, "done": 1, "failed": 0}
