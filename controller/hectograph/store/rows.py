# SPDX-License-Identifier: Apache-2.0
"""Records as rows: a Table for each kind, in the order in which they refer to each other."""

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from hectograph.core.model import Group, Host
from hectograph.core.records import (
    CohortNumbersRecord,
    ContentRecord,
    MemberRecord,
    Record,
    SecretsRecord,
    StreamRecord,
    SwitchRecord,
    TreeRecord,
)

Key = tuple[str | int, ...]


@dataclass(frozen=True)
class Table:
    name: str
    adapter: TypeAdapter[Any]
    key: tuple[str, ...]

    @property
    def upsert(self) -> str:
        marks = ", ".join("?" * (len(self.key) + 1))
        return f'REPLACE INTO "{self.name}" VALUES ({marks})'  # noqa: S608 (our own names)

    @property
    def delete(self) -> str:
        wheres = " AND ".join(f'"{column}" = ?' for column in self.key)
        return f'DELETE FROM "{self.name}" WHERE {wheres}'  # noqa: S608 (our own names)

    @property
    def select(self) -> str:
        return f'SELECT document FROM "{self.name}"'  # noqa: S608 (our own names)

    def decode(self, document: str) -> Record:
        return self.adapter.validate_json(document)

    def row(self, record: Record) -> tuple[str | int, ...]:
        return *key(record), self.adapter.dump_json(record).decode()


def key(record: Record) -> Key:
    match record:
        case SwitchRecord():
            return (record.switch.name,)
        case TreeRecord():
            return record.switch, record.id
        case MemberRecord():
            return record.member.group, record.member.name
        case StreamRecord():
            return (record.stream.name,)
        case SecretsRecord() | CohortNumbersRecord():
            return (record.switch,)
        case ContentRecord():
            return (record.content.name,)
        case Host() | Group():
            return (record.name,)


TABLES: dict[type[Record], Table] = {
    SwitchRecord: Table("switch", TypeAdapter(SwitchRecord), ("name",)),
    Host: Table("host", TypeAdapter(Host), ("name",)),
    Group: Table("group", TypeAdapter(Group), ("name",)),
    TreeRecord: Table("tree", TypeAdapter(TreeRecord), ("switch", "id")),
    MemberRecord: Table("member", TypeAdapter(MemberRecord), ("group", "name")),
    StreamRecord: Table("stream", TypeAdapter(StreamRecord), ("name",)),
    SecretsRecord: Table("secrets", TypeAdapter(SecretsRecord), ("switch",)),
    ContentRecord: Table("content", TypeAdapter(ContentRecord), ("name",)),
    CohortNumbersRecord: Table("cohort_numbers", TypeAdapter(CohortNumbersRecord), ("switch",)),
}
