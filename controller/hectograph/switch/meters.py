# SPDX-License-Identifier: Apache-2.0
"""MeterEntry, and the configurations that meters have in common.

The runtime meters as RFC 2698 has it (two rates, three colours). A meter that
the program restricts to one rate and two colours is that with both rates equal,
as the specification notes; what is left of RFC 2697 is its excess burst.
"""

from collections.abc import Iterator, Sequence

from finsy.proto import p4i, p4r

from hectograph.switch import status
from hectograph.switch.counters import cell_range, check_modify
from hectograph.switch.native import Meter
from hectograph.switch.values import MeterRates


class MeterCodec:
    """Checks configurations against the meter's declared type."""

    def __init__(self, spec: p4i.MeterSpec, where: str) -> None:
        self._type = spec.type
        self._where = where

    def encode(self, config: p4r.MeterConfig) -> MeterRates:
        rates = MeterRates(config.cir, config.cburst, config.pir, config.pburst)
        if min(rates.cir, rates.cburst, rates.pir, rates.pburst, config.eburst) < 0:
            raise status.invalid(f"{self._where}: a negative rate or burst size")
        if self._type == p4i.MeterSpec.TWO_RATE_THREE_COLOR:
            if rates.pir < rates.cir:
                raise status.invalid(
                    f"{self._where}: pir {rates.pir} is below cir {rates.cir} (RFC 2698)"
                )
        elif (rates.pir, rates.pburst) != (rates.cir, rates.cburst):
            raise status.invalid(
                f"{self._where} has a single rate: pir and pburst must be as cir and cburst"
            )
        if config.eburst:
            if self._type == p4i.MeterSpec.SINGLE_RATE_THREE_COLOR:
                raise status.not_implemented(f"{self._where}: excess bursts (RFC 2697)")
            raise status.invalid(f"{self._where} has no excess burst: eburst must be unset")
        return rates


def decode_meter(rates: MeterRates) -> p4r.MeterConfig:
    return p4r.MeterConfig(cir=rates.cir, cburst=rates.cburst, pir=rates.pir, pburst=rates.pburst)


class IndirectMeter:
    def __init__(self, info: p4i.Meter, native: Meter) -> None:
        self.id = info.preamble.id
        self._where = f"meter {info.preamble.name}"
        self._size = info.size
        self._codec = MeterCodec(info.spec, self._where)
        self._native = native

    def write(self, entry: p4r.MeterEntry) -> None:
        _check_counter_data(entry)
        cells = self._cells(entry)
        rates = self._codec.encode(entry.config) if entry.HasField("config") else None
        for cell in cells:
            self._native.set(cell, rates)

    def read(self, entry: p4r.MeterEntry) -> Iterator[p4r.Entity]:
        _check_counter_data(entry)
        cells = self._cells(entry)
        configs = self._native.get(cells.start, len(cells))
        for cell, rates in zip(cells, configs, strict=True):
            answer = p4r.MeterEntry(meter_id=self.id, index=p4r.Index(index=cell))
            if rates is not None:
                answer.config.CopyFrom(decode_meter(rates))
            yield p4r.Entity(meter_entry=answer)

    def _cells(self, entry: p4r.MeterEntry) -> range:
        return cell_range(entry.HasField("index"), entry.index.index, self._size, self._where)


class IndirectMeters:
    """All indirect meters of a pipeline."""

    def __init__(self, meters: Sequence[IndirectMeter]) -> None:
        self._by_id = {meter.id: meter for meter in meters}

    def write(self, update: p4r.Update.Type.ValueType, entry: p4r.MeterEntry) -> None:
        check_modify(update, "a meter's cells")
        self._find(entry.meter_id).write(entry)

    def read(self, entry: p4r.MeterEntry) -> Iterator[p4r.Entity]:
        if entry.meter_id:
            yield from self._find(entry.meter_id).read(entry)
            return
        _check_counter_data(entry)
        for meter in self._by_id.values():
            yield from meter.read(p4r.MeterEntry())

    def _find(self, meter_id: int) -> IndirectMeter:
        meter = self._by_id.get(meter_id)
        if meter is None:
            raise status.invalid(f"the pipeline has no meter {meter_id:#010x}")
        return meter


def _check_counter_data(entry: p4r.MeterEntry) -> None:
    if entry.HasField("counter_data"):
        raise status.not_implemented("counters per meter colour")
