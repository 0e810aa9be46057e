# SPDX-License-Identifier: Apache-2.0
"""The forwarding pipeline config: verified, saved, committed, and told again.

A saved config has its tables already: what is written to it stays with it until
its commit puts it before the packets, all at once.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from finsy.proto import p4i, p4r

from hectograph.errors import HectographError, Refused, ToolFailure
from hectograph.switch import status
from hectograph.switch.agreement import Agreed, agree
from hectograph.switch.compiler import find_or_build
from hectograph.switch.deviceconfig import program_json
from hectograph.switch.native import LoadedPipeline, Switch
from hectograph.switch.notifications import Notifier
from hectograph.switch.packetio import PacketIO
from hectograph.switch.pipeline import Pipeline
from hectograph.switch.reconcile import reconcile

log = logging.getLogger(__name__)

_REASONS = 10
"""Why entities were lost: so many are logged."""

_Action = p4r.SetForwardingPipelineConfigRequest
_Get = p4r.GetForwardingPipelineConfigRequest

_BUILDING = (
    _Action.VERIFY,
    _Action.VERIFY_AND_SAVE,
    _Action.VERIFY_AND_COMMIT,
    _Action.RECONCILE_AND_COMMIT,
)


@dataclass(frozen=True, slots=True)
class _Installed:
    config: p4r.ForwardingPipelineConfig
    pipeline: Pipeline


class Configuration:
    def __init__(
        self, switch: Switch, packets: PacketIO, lock: asyncio.Lock, notifier: Notifier
    ) -> None:
        """`lock` is held by whoever reads or writes what the switch holds."""
        self._switch = switch
        self._packets = packets
        self._lock = lock
        self._notifier = notifier
        self._saved: _Installed | None = None
        self._running: _Installed | None = None
        self._committed: LoadedPipeline | None = None

    @property
    def _current(self) -> _Installed | None:
        return self._saved or self._running

    @property
    def pipeline(self) -> Pipeline:
        """The one that reads and writes refer to: the last that was saved."""
        if self._current is None:
            raise status.failed_precondition("no forwarding pipeline config is set")
        return self._current.pipeline

    @property
    def running(self) -> Pipeline | None:
        """The one that packets go through."""
        return None if self._running is None else self._running.pipeline

    def get(self, kind: _Get.ResponseType.ValueType) -> p4r.GetForwardingPipelineConfigResponse:
        """Without a pipeline `config` stays unset, as the specification has it."""
        response = p4r.GetForwardingPipelineConfigResponse()
        if self._current is None:
            return response
        config = self._current.config
        response.config.SetInParent()
        if config.HasField("cookie"):
            response.config.cookie.CopyFrom(config.cookie)
        if kind in (_Get.ALL, _Get.P4INFO_AND_COOKIE):
            response.config.p4info.CopyFrom(config.p4info)
        if kind in (_Get.ALL, _Get.DEVICE_CONFIG_AND_COOKIE):
            response.config.p4_device_config = config.p4_device_config
        return response

    async def set(
        self, request: p4r.SetForwardingPipelineConfigRequest, check: Callable[[], None]
    ) -> None:
        """`check` raises when the client has ceased to be the primary since it asked."""
        action = request.action
        if action == _Action.COMMIT:
            if request.HasField("config"):
                raise status.invalid("COMMIT takes no config: it commits the saved one")
            async with self._lock:
                check()
                self._commit_saved()
        elif action in _BUILDING:
            if not request.HasField("config"):
                raise status.invalid(f"{_Action.Action.Name(action)} needs a config")
            await self._build(action, request.config, check)
        else:
            raise status.invalid(
                "no action: VERIFY, VERIFY_AND_SAVE, VERIFY_AND_COMMIT, COMMIT or"
                " RECONCILE_AND_COMMIT"
            )

    async def install(self, config: p4r.ForwardingPipelineConfig) -> None:
        """Run it at once, whoever is the primary; without a P4Info nobody can program it."""
        if config.HasField("p4info"):
            await self._build(_Action.VERIFY_AND_COMMIT, config, lambda: None)
        else:
            program = program_json(config.p4_device_config)
            loaded = await asyncio.to_thread(_load, self._switch, program)
            self._commit(loaded)

    async def _build(
        self,
        action: _Action.Action.ValueType,
        config: p4r.ForwardingPipelineConfig,
        check: Callable[[], None],
    ) -> None:
        loaded, agreed = await asyncio.to_thread(_compile_and_load, self._switch, config)
        async with self._lock:
            try:
                check()
                pipeline = Pipeline(self._switch, loaded, agreed, self._notifier)
            except Refused:
                self._switch.unload(loaded)
                raise
            except HectographError as error:
                self._switch.unload(loaded)
                raise status.invalid(str(error)) from error
            if action == _Action.VERIFY:
                self._switch.unload(loaded)
                return
            if action == _Action.RECONCILE_AND_COMMIT and self._running is not None:
                await self._reconcile(self._running, pipeline, config.p4info)
            self._save(_Installed(config, pipeline))
            if action in (_Action.VERIFY_AND_COMMIT, _Action.RECONCILE_AND_COMMIT):
                self._commit_saved()

    async def _reconcile(self, running: _Installed, pipeline: Pipeline, p4info: p4i.P4Info) -> None:
        """What packets count meanwhile is lost, and so is what no longer fits."""
        done = await reconcile(running.pipeline, pipeline, running.config.p4info, p4info)
        log.info("reconciled: %d entities kept, %d lost", done.kept, done.lost.total())
        for why, times in done.lost.most_common(_REASONS):
            log.warning("reconciled: %d lost: %s", times, why)

    def close(self) -> None:
        """No timer of a pipeline goes off after it."""
        for installed in (self._saved, self._running):
            if installed is not None:
                installed.pipeline.close()

    def _save(self, installed: _Installed) -> None:
        if self._saved is not None:
            self._saved.pipeline.close()
            self._switch.unload(self._saved.pipeline.loaded)
        self._saved = installed

    def _commit_saved(self) -> None:
        saved = self._saved
        if saved is None:
            raise status.not_found("no config is saved: VERIFY_AND_SAVE must come before COMMIT")
        if self._running is not None:
            self._running.pipeline.close()
        self._commit(saved.pipeline.loaded)
        saved.pipeline.go_live()
        self._packets.bind(saved.pipeline.headers)
        self._running, self._saved = saved, None

    def _commit(self, loaded: LoadedPipeline) -> None:
        self._switch.commit(loaded)
        if self._committed is not None:
            self._switch.unload(self._committed)
        self._committed = loaded


def _compile_and_load(
    switch: Switch, config: p4r.ForwardingPipelineConfig
) -> tuple[LoadedPipeline, Agreed]:
    """In a thread: it parses, compiles with the C compiler, opens what came out."""
    program = program_json(config.p4_device_config)
    agreed = agree(config.p4info, program)
    for absent in agreed.absent:
        log.warning("%s is only in P4Info: no packet comes to it", absent)
    return _load(switch, program), agreed


def _open(switch: Switch, built: Path) -> LoadedPipeline:
    """What goes wrong with it says nothing of a file that nobody gave us."""
    try:
        return switch.load(built)
    except HectographError as error:
        raise status.invalid(str(error).replace(str(built), "the compiled pipeline")) from error


def _load(switch: Switch, device_config: bytes) -> LoadedPipeline:
    try:
        built = find_or_build(device_config, traced=switch.traced, drop_port=switch.drop_port)
        return _open(switch, built)
    except ToolFailure as error:
        raise status.invalid(f"{error}\n{error.output}") from error
    except HectographError as error:
        raise status.invalid(str(error)) from error
