from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Request(_message.Message):
    __slots__ = ("id", "hello", "start", "stop", "list", "counters", "add_content", "remove_content", "list_contents", "list_flows", "flow_counters", "adopt_flows", "forget_flows", "watch_cohorts", "enter_cohort", "list_cohorts", "list_cohort_members")
    ID_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    LIST_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    ADD_CONTENT_FIELD_NUMBER: _ClassVar[int]
    REMOVE_CONTENT_FIELD_NUMBER: _ClassVar[int]
    LIST_CONTENTS_FIELD_NUMBER: _ClassVar[int]
    LIST_FLOWS_FIELD_NUMBER: _ClassVar[int]
    FLOW_COUNTERS_FIELD_NUMBER: _ClassVar[int]
    ADOPT_FLOWS_FIELD_NUMBER: _ClassVar[int]
    FORGET_FLOWS_FIELD_NUMBER: _ClassVar[int]
    WATCH_COHORTS_FIELD_NUMBER: _ClassVar[int]
    ENTER_COHORT_FIELD_NUMBER: _ClassVar[int]
    LIST_COHORTS_FIELD_NUMBER: _ClassVar[int]
    LIST_COHORT_MEMBERS_FIELD_NUMBER: _ClassVar[int]
    id: int
    hello: HelloRequest
    start: StartStream
    stop: StopStream
    list: ListStreams
    counters: GetCounters
    add_content: AddContent
    remove_content: RemoveContent
    list_contents: ListContents
    list_flows: ListFlows
    flow_counters: GetFlowCounters
    adopt_flows: AdoptFlows
    forget_flows: ForgetFlows
    watch_cohorts: WatchCohorts
    enter_cohort: EnterCohort
    list_cohorts: ListCohorts
    list_cohort_members: ListCohortMembers
    def __init__(self, id: _Optional[int] = ..., hello: _Optional[_Union[HelloRequest, _Mapping]] = ..., start: _Optional[_Union[StartStream, _Mapping]] = ..., stop: _Optional[_Union[StopStream, _Mapping]] = ..., list: _Optional[_Union[ListStreams, _Mapping]] = ..., counters: _Optional[_Union[GetCounters, _Mapping]] = ..., add_content: _Optional[_Union[AddContent, _Mapping]] = ..., remove_content: _Optional[_Union[RemoveContent, _Mapping]] = ..., list_contents: _Optional[_Union[ListContents, _Mapping]] = ..., list_flows: _Optional[_Union[ListFlows, _Mapping]] = ..., flow_counters: _Optional[_Union[GetFlowCounters, _Mapping]] = ..., adopt_flows: _Optional[_Union[AdoptFlows, _Mapping]] = ..., forget_flows: _Optional[_Union[ForgetFlows, _Mapping]] = ..., watch_cohorts: _Optional[_Union[WatchCohorts, _Mapping]] = ..., enter_cohort: _Optional[_Union[EnterCohort, _Mapping]] = ..., list_cohorts: _Optional[_Union[ListCohorts, _Mapping]] = ..., list_cohort_members: _Optional[_Union[ListCohortMembers, _Mapping]] = ...) -> None: ...

class Response(_message.Message):
    __slots__ = ("id", "status", "hello", "stream", "list", "counters", "content", "contents", "flows", "flow_counters", "flows_changed", "cohort_event", "cohorts", "cohort_members")
    ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    LIST_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    CONTENTS_FIELD_NUMBER: _ClassVar[int]
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    FLOW_COUNTERS_FIELD_NUMBER: _ClassVar[int]
    FLOWS_CHANGED_FIELD_NUMBER: _ClassVar[int]
    COHORT_EVENT_FIELD_NUMBER: _ClassVar[int]
    COHORTS_FIELD_NUMBER: _ClassVar[int]
    COHORT_MEMBERS_FIELD_NUMBER: _ClassVar[int]
    id: int
    status: Status
    hello: Hello
    stream: Stream
    list: StreamList
    counters: Counters
    content: Content
    contents: ContentList
    flows: FlowList
    flow_counters: FlowCounters
    flows_changed: FlowsChanged
    cohort_event: CohortEvent
    cohorts: CohortList
    cohort_members: CohortMemberList
    def __init__(self, id: _Optional[int] = ..., status: _Optional[_Union[Status, _Mapping]] = ..., hello: _Optional[_Union[Hello, _Mapping]] = ..., stream: _Optional[_Union[Stream, _Mapping]] = ..., list: _Optional[_Union[StreamList, _Mapping]] = ..., counters: _Optional[_Union[Counters, _Mapping]] = ..., content: _Optional[_Union[Content, _Mapping]] = ..., contents: _Optional[_Union[ContentList, _Mapping]] = ..., flows: _Optional[_Union[FlowList, _Mapping]] = ..., flow_counters: _Optional[_Union[FlowCounters, _Mapping]] = ..., flows_changed: _Optional[_Union[FlowsChanged, _Mapping]] = ..., cohort_event: _Optional[_Union[CohortEvent, _Mapping]] = ..., cohorts: _Optional[_Union[CohortList, _Mapping]] = ..., cohort_members: _Optional[_Union[CohortMemberList, _Mapping]] = ...) -> None: ...

class Status(_message.Message):
    __slots__ = ("code", "message")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: int
    message: str
    def __init__(self, code: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...

class HelloRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Hello(_message.Message):
    __slots__ = ("protocol", "version", "interface", "mtu", "pid", "started", "name", "mac")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    INTERFACE_FIELD_NUMBER: _ClassVar[int]
    MTU_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    MAC_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    version: str
    interface: str
    mtu: int
    pid: int
    started: int
    name: str
    mac: bytes
    def __init__(self, protocol: _Optional[int] = ..., version: _Optional[str] = ..., interface: _Optional[str] = ..., mtu: _Optional[int] = ..., pid: _Optional[int] = ..., started: _Optional[int] = ..., name: _Optional[str] = ..., mac: _Optional[bytes] = ...) -> None: ...

class StartStream(_message.Message):
    __slots__ = ("name", "spec")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    name: str
    spec: StreamSpec
    def __init__(self, name: _Optional[str] = ..., spec: _Optional[_Union[StreamSpec, _Mapping]] = ...) -> None: ...

class StreamSpec(_message.Message):
    __slots__ = ("path", "udp", "groups", "content", "segment_bytes", "bits_per_second", "packets_per_second", "loop", "start_offset")
    PATH_FIELD_NUMBER: _ClassVar[int]
    UDP_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    BITS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    PACKETS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    LOOP_FIELD_NUMBER: _ClassVar[int]
    START_OFFSET_FIELD_NUMBER: _ClassVar[int]
    path: str
    udp: UdpSource
    groups: _containers.RepeatedScalarFieldContainer[int]
    content: int
    segment_bytes: int
    bits_per_second: int
    packets_per_second: int
    loop: bool
    start_offset: int
    def __init__(self, path: _Optional[str] = ..., udp: _Optional[_Union[UdpSource, _Mapping]] = ..., groups: _Optional[_Iterable[int]] = ..., content: _Optional[int] = ..., segment_bytes: _Optional[int] = ..., bits_per_second: _Optional[int] = ..., packets_per_second: _Optional[int] = ..., loop: _Optional[bool] = ..., start_offset: _Optional[int] = ...) -> None: ...

class UdpSource(_message.Message):
    __slots__ = ("address", "port", "multicast_interface")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    MULTICAST_INTERFACE_FIELD_NUMBER: _ClassVar[int]
    address: str
    port: int
    multicast_interface: str
    def __init__(self, address: _Optional[str] = ..., port: _Optional[int] = ..., multicast_interface: _Optional[str] = ...) -> None: ...

class StopStream(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListStreams(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StreamList(_message.Message):
    __slots__ = ("streams",)
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    streams: _containers.RepeatedCompositeFieldContainer[Stream]
    def __init__(self, streams: _Optional[_Iterable[_Union[Stream, _Mapping]]] = ...) -> None: ...

class Stream(_message.Message):
    __slots__ = ("name", "state", "spec", "total_bytes", "offset", "pushes", "payload_bytes", "rounds", "late_nanoseconds", "elapsed_microseconds", "error", "skipped_nanoseconds")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[Stream.State]
        RUNNING: _ClassVar[Stream.State]
        DONE: _ClassVar[Stream.State]
        STOPPED: _ClassVar[Stream.State]
        FAILED: _ClassVar[Stream.State]
    STATE_UNSPECIFIED: Stream.State
    RUNNING: Stream.State
    DONE: Stream.State
    STOPPED: Stream.State
    FAILED: Stream.State
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    PUSHES_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_BYTES_FIELD_NUMBER: _ClassVar[int]
    ROUNDS_FIELD_NUMBER: _ClassVar[int]
    LATE_NANOSECONDS_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_MICROSECONDS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_NANOSECONDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: Stream.State
    spec: StreamSpec
    total_bytes: int
    offset: int
    pushes: int
    payload_bytes: int
    rounds: int
    late_nanoseconds: int
    elapsed_microseconds: int
    error: str
    skipped_nanoseconds: int
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[Stream.State, str]] = ..., spec: _Optional[_Union[StreamSpec, _Mapping]] = ..., total_bytes: _Optional[int] = ..., offset: _Optional[int] = ..., pushes: _Optional[int] = ..., payload_bytes: _Optional[int] = ..., rounds: _Optional[int] = ..., late_nanoseconds: _Optional[int] = ..., elapsed_microseconds: _Optional[int] = ..., error: _Optional[str] = ..., skipped_nanoseconds: _Optional[int] = ...) -> None: ...

class GetCounters(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Counters(_message.Message):
    __slots__ = ("pushes", "frame_bytes", "payload_bytes", "send_errors", "send_retries", "source_oversized", "requests", "bad_requests", "source_empty", "source_overflow", "link_waits")
    PUSHES_FIELD_NUMBER: _ClassVar[int]
    FRAME_BYTES_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_BYTES_FIELD_NUMBER: _ClassVar[int]
    SEND_ERRORS_FIELD_NUMBER: _ClassVar[int]
    SEND_RETRIES_FIELD_NUMBER: _ClassVar[int]
    SOURCE_OVERSIZED_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    BAD_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_EMPTY_FIELD_NUMBER: _ClassVar[int]
    SOURCE_OVERFLOW_FIELD_NUMBER: _ClassVar[int]
    LINK_WAITS_FIELD_NUMBER: _ClassVar[int]
    pushes: int
    frame_bytes: int
    payload_bytes: int
    send_errors: int
    send_retries: int
    source_oversized: int
    requests: int
    bad_requests: int
    source_empty: int
    source_overflow: int
    link_waits: int
    def __init__(self, pushes: _Optional[int] = ..., frame_bytes: _Optional[int] = ..., payload_bytes: _Optional[int] = ..., send_errors: _Optional[int] = ..., send_retries: _Optional[int] = ..., source_oversized: _Optional[int] = ..., requests: _Optional[int] = ..., bad_requests: _Optional[int] = ..., source_empty: _Optional[int] = ..., source_overflow: _Optional[int] = ..., link_waits: _Optional[int] = ...) -> None: ...

class AddContent(_message.Message):
    __slots__ = ("spec", "file")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    spec: ContentSpec
    file: FileIdentity
    def __init__(self, spec: _Optional[_Union[ContentSpec, _Mapping]] = ..., file: _Optional[_Union[FileIdentity, _Mapping]] = ...) -> None: ...

class FileIdentity(_message.Message):
    __slots__ = ("device", "inode", "changed_ns")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    INODE_FIELD_NUMBER: _ClassVar[int]
    CHANGED_NS_FIELD_NUMBER: _ClassVar[int]
    device: int
    inode: int
    changed_ns: int
    def __init__(self, device: _Optional[int] = ..., inode: _Optional[int] = ..., changed_ns: _Optional[int] = ...) -> None: ...

class ContentSpec(_message.Message):
    __slots__ = ("id", "path", "type", "etag", "modified")
    ID_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    MODIFIED_FIELD_NUMBER: _ClassVar[int]
    id: int
    path: str
    type: str
    etag: str
    modified: int
    def __init__(self, id: _Optional[int] = ..., path: _Optional[str] = ..., type: _Optional[str] = ..., etag: _Optional[str] = ..., modified: _Optional[int] = ...) -> None: ...

class RemoveContent(_message.Message):
    __slots__ = ("id", "reset")
    ID_FIELD_NUMBER: _ClassVar[int]
    RESET_FIELD_NUMBER: _ClassVar[int]
    id: int
    reset: bool
    def __init__(self, id: _Optional[int] = ..., reset: _Optional[bool] = ...) -> None: ...

class ListContents(_message.Message):
    __slots__ = ("first",)
    FIRST_FIELD_NUMBER: _ClassVar[int]
    first: int
    def __init__(self, first: _Optional[int] = ...) -> None: ...

class ContentList(_message.Message):
    __slots__ = ("contents", "next")
    CONTENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    contents: _containers.RepeatedCompositeFieldContainer[Content]
    next: int
    def __init__(self, contents: _Optional[_Iterable[_Union[Content, _Mapping]]] = ..., next: _Optional[int] = ...) -> None: ...

class Content(_message.Message):
    __slots__ = ("spec", "state", "file_bytes", "response_bytes", "prepared_bytes", "flows", "error")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[Content.State]
        PREPARING: _ClassVar[Content.State]
        READY: _ClassVar[Content.State]
        DRAINING: _ClassVar[Content.State]
        WITHDRAWN: _ClassVar[Content.State]
    STATE_UNSPECIFIED: Content.State
    PREPARING: Content.State
    READY: Content.State
    DRAINING: Content.State
    WITHDRAWN: Content.State
    SPEC_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FILE_BYTES_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_BYTES_FIELD_NUMBER: _ClassVar[int]
    PREPARED_BYTES_FIELD_NUMBER: _ClassVar[int]
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    spec: ContentSpec
    state: Content.State
    file_bytes: int
    response_bytes: int
    prepared_bytes: int
    flows: int
    error: str
    def __init__(self, spec: _Optional[_Union[ContentSpec, _Mapping]] = ..., state: _Optional[_Union[Content.State, str]] = ..., file_bytes: _Optional[int] = ..., response_bytes: _Optional[int] = ..., prepared_bytes: _Optional[int] = ..., flows: _Optional[int] = ..., error: _Optional[str] = ...) -> None: ...

class ListFlows(_message.Message):
    __slots__ = ("first",)
    FIRST_FIELD_NUMBER: _ClassVar[int]
    first: int
    def __init__(self, first: _Optional[int] = ...) -> None: ...

class FlowList(_message.Message):
    __slots__ = ("flows", "next")
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    flows: _containers.RepeatedCompositeFieldContainer[Flow]
    next: int
    def __init__(self, flows: _Optional[_Iterable[_Union[Flow, _Mapping]]] = ..., next: _Optional[int] = ...) -> None: ...

class Flow(_message.Message):
    __slots__ = ("client_address", "service_address", "client_port", "service_port", "content", "state", "port", "acked", "sent", "length", "window", "congestion_window", "rtt_microseconds", "recovering", "client_mac", "service_mac", "vlan_tci", "secret", "constants", "acknowledgement", "answer", "client_fin", "request")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[Flow.State]
        REQUEST: _ClassVar[Flow.State]
        RESPONSE: _ClassVar[Flow.State]
        CLOSING: _ClassVar[Flow.State]
    STATE_UNSPECIFIED: Flow.State
    REQUEST: Flow.State
    RESPONSE: Flow.State
    CLOSING: Flow.State
    class Answer(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        CONTENT: _ClassVar[Flow.Answer]
        HEAD: _ClassVar[Flow.Answer]
        NOT_MODIFIED: _ClassVar[Flow.Answer]
        BAD_REQUEST: _ClassVar[Flow.Answer]
        METHOD_NOT_ALLOWED: _ClassVar[Flow.Answer]
        NOT_FOUND: _ClassVar[Flow.Answer]
    CONTENT: Flow.Answer
    HEAD: Flow.Answer
    NOT_MODIFIED: Flow.Answer
    BAD_REQUEST: Flow.Answer
    METHOD_NOT_ALLOWED: Flow.Answer
    NOT_FOUND: Flow.Answer
    CLIENT_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SERVICE_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CLIENT_PORT_FIELD_NUMBER: _ClassVar[int]
    SERVICE_PORT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    ACKED_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    CONGESTION_WINDOW_FIELD_NUMBER: _ClassVar[int]
    RTT_MICROSECONDS_FIELD_NUMBER: _ClassVar[int]
    RECOVERING_FIELD_NUMBER: _ClassVar[int]
    CLIENT_MAC_FIELD_NUMBER: _ClassVar[int]
    SERVICE_MAC_FIELD_NUMBER: _ClassVar[int]
    VLAN_TCI_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    CONSTANTS_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGEMENT_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIN_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    client_address: bytes
    service_address: bytes
    client_port: int
    service_port: int
    content: int
    state: Flow.State
    port: int
    acked: int
    sent: int
    length: int
    window: int
    congestion_window: int
    rtt_microseconds: int
    recovering: bool
    client_mac: bytes
    service_mac: bytes
    vlan_tci: int
    secret: int
    constants: int
    acknowledgement: int
    answer: Flow.Answer
    client_fin: bool
    request: int
    def __init__(self, client_address: _Optional[bytes] = ..., service_address: _Optional[bytes] = ..., client_port: _Optional[int] = ..., service_port: _Optional[int] = ..., content: _Optional[int] = ..., state: _Optional[_Union[Flow.State, str]] = ..., port: _Optional[int] = ..., acked: _Optional[int] = ..., sent: _Optional[int] = ..., length: _Optional[int] = ..., window: _Optional[int] = ..., congestion_window: _Optional[int] = ..., rtt_microseconds: _Optional[int] = ..., recovering: _Optional[bool] = ..., client_mac: _Optional[bytes] = ..., service_mac: _Optional[bytes] = ..., vlan_tci: _Optional[int] = ..., secret: _Optional[int] = ..., constants: _Optional[int] = ..., acknowledgement: _Optional[int] = ..., answer: _Optional[_Union[Flow.Answer, str]] = ..., client_fin: _Optional[bool] = ..., request: _Optional[int] = ...) -> None: ...

class AdoptFlows(_message.Message):
    __slots__ = ("flows",)
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    flows: _containers.RepeatedCompositeFieldContainer[Flow]
    def __init__(self, flows: _Optional[_Iterable[_Union[Flow, _Mapping]]] = ...) -> None: ...

class ForgetFlows(_message.Message):
    __slots__ = ("flows",)
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    flows: _containers.RepeatedCompositeFieldContainer[FlowKey]
    def __init__(self, flows: _Optional[_Iterable[_Union[FlowKey, _Mapping]]] = ...) -> None: ...

class FlowKey(_message.Message):
    __slots__ = ("client_address", "service_address", "client_port", "service_port")
    CLIENT_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SERVICE_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CLIENT_PORT_FIELD_NUMBER: _ClassVar[int]
    SERVICE_PORT_FIELD_NUMBER: _ClassVar[int]
    client_address: bytes
    service_address: bytes
    client_port: int
    service_port: int
    def __init__(self, client_address: _Optional[bytes] = ..., service_address: _Optional[bytes] = ..., client_port: _Optional[int] = ..., service_port: _Optional[int] = ...) -> None: ...

class FlowsChanged(_message.Message):
    __slots__ = ("flows",)
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    flows: int
    def __init__(self, flows: _Optional[int] = ...) -> None: ...

class GetFlowCounters(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FlowCounters(_message.Message):
    __slots__ = ("flows", "contents", "counters", "link")
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    CONTENTS_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    flows: int
    contents: int
    counters: _containers.RepeatedCompositeFieldContainer[NamedCounter]
    link: HostLink
    def __init__(self, flows: _Optional[int] = ..., contents: _Optional[int] = ..., counters: _Optional[_Iterable[_Union[NamedCounter, _Mapping]]] = ..., link: _Optional[_Union[HostLink, _Mapping]] = ...) -> None: ...

class HostLink(_message.Message):
    __slots__ = ("answers", "window", "outstanding", "round_trip_microseconds", "lowest_round_trip_microseconds", "waiting")
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    OUTSTANDING_FIELD_NUMBER: _ClassVar[int]
    ROUND_TRIP_MICROSECONDS_FIELD_NUMBER: _ClassVar[int]
    LOWEST_ROUND_TRIP_MICROSECONDS_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    answers: bool
    window: int
    outstanding: int
    round_trip_microseconds: int
    lowest_round_trip_microseconds: int
    waiting: int
    def __init__(self, answers: _Optional[bool] = ..., window: _Optional[int] = ..., outstanding: _Optional[int] = ..., round_trip_microseconds: _Optional[int] = ..., lowest_round_trip_microseconds: _Optional[int] = ..., waiting: _Optional[int] = ...) -> None: ...

class NamedCounter(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: int
    def __init__(self, name: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...

class WatchCohorts(_message.Message):
    __slots__ = ("window_microseconds", "patience_microseconds", "members")
    WINDOW_MICROSECONDS_FIELD_NUMBER: _ClassVar[int]
    PATIENCE_MICROSECONDS_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    window_microseconds: int
    patience_microseconds: int
    members: int
    def __init__(self, window_microseconds: _Optional[int] = ..., patience_microseconds: _Optional[int] = ..., members: _Optional[int] = ...) -> None: ...

class CohortEvent(_message.Message):
    __slots__ = ("cohort", "content", "joined", "left", "ended", "groups", "entered")
    COHORT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    JOINED_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    ENTERED_FIELD_NUMBER: _ClassVar[int]
    cohort: int
    content: int
    joined: _containers.RepeatedCompositeFieldContainer[CohortMember]
    left: _containers.RepeatedCompositeFieldContainer[CohortLeft]
    ended: bool
    groups: _containers.RepeatedScalarFieldContainer[int]
    entered: bool
    def __init__(self, cohort: _Optional[int] = ..., content: _Optional[int] = ..., joined: _Optional[_Iterable[_Union[CohortMember, _Mapping]]] = ..., left: _Optional[_Iterable[_Union[CohortLeft, _Mapping]]] = ..., ended: _Optional[bool] = ..., groups: _Optional[_Iterable[int]] = ..., entered: _Optional[bool] = ...) -> None: ...

class CohortMember(_message.Message):
    __slots__ = ("instance", "client_address", "service_address", "client_port", "service_port", "client_mac", "service_mac", "vlan_tci", "port", "sequence_base", "acknowledgement")
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SERVICE_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CLIENT_PORT_FIELD_NUMBER: _ClassVar[int]
    SERVICE_PORT_FIELD_NUMBER: _ClassVar[int]
    CLIENT_MAC_FIELD_NUMBER: _ClassVar[int]
    SERVICE_MAC_FIELD_NUMBER: _ClassVar[int]
    VLAN_TCI_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_BASE_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGEMENT_FIELD_NUMBER: _ClassVar[int]
    instance: int
    client_address: bytes
    service_address: bytes
    client_port: int
    service_port: int
    client_mac: bytes
    service_mac: bytes
    vlan_tci: int
    port: int
    sequence_base: int
    acknowledgement: int
    def __init__(self, instance: _Optional[int] = ..., client_address: _Optional[bytes] = ..., service_address: _Optional[bytes] = ..., client_port: _Optional[int] = ..., service_port: _Optional[int] = ..., client_mac: _Optional[bytes] = ..., service_mac: _Optional[bytes] = ..., vlan_tci: _Optional[int] = ..., port: _Optional[int] = ..., sequence_base: _Optional[int] = ..., acknowledgement: _Optional[int] = ...) -> None: ...

class CohortLeft(_message.Message):
    __slots__ = ("instance", "reason")
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        REASON_UNSPECIFIED: _ClassVar[CohortLeft.Reason]
        LONE: _ClassVar[CohortLeft.Reason]
        LATE: _ClassVar[CohortLeft.Reason]
        ALL_SENT: _ClassVar[CohortLeft.Reason]
        BEHIND: _ClassVar[CohortLeft.Reason]
        SILENT: _ClassVar[CohortLeft.Reason]
        RESET: _ClassVar[CohortLeft.Reason]
        CLOSED: _ClassVar[CohortLeft.Reason]
        PATH: _ClassVar[CohortLeft.Reason]
        DISSOLVED: _ClassVar[CohortLeft.Reason]
    REASON_UNSPECIFIED: CohortLeft.Reason
    LONE: CohortLeft.Reason
    LATE: CohortLeft.Reason
    ALL_SENT: CohortLeft.Reason
    BEHIND: CohortLeft.Reason
    SILENT: CohortLeft.Reason
    RESET: CohortLeft.Reason
    CLOSED: CohortLeft.Reason
    PATH: CohortLeft.Reason
    DISSOLVED: CohortLeft.Reason
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    instance: int
    reason: CohortLeft.Reason
    def __init__(self, instance: _Optional[int] = ..., reason: _Optional[_Union[CohortLeft.Reason, str]] = ...) -> None: ...

class EnterCohort(_message.Message):
    __slots__ = ("cohort", "groups", "entered", "refused")
    COHORT_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    ENTERED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    cohort: int
    groups: _containers.RepeatedScalarFieldContainer[int]
    entered: _containers.RepeatedScalarFieldContainer[int]
    refused: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, cohort: _Optional[int] = ..., groups: _Optional[_Iterable[int]] = ..., entered: _Optional[_Iterable[int]] = ..., refused: _Optional[_Iterable[int]] = ...) -> None: ...

class ListCohorts(_message.Message):
    __slots__ = ("first",)
    FIRST_FIELD_NUMBER: _ClassVar[int]
    first: int
    def __init__(self, first: _Optional[int] = ...) -> None: ...

class CohortList(_message.Message):
    __slots__ = ("cohorts", "next")
    COHORTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    cohorts: _containers.RepeatedCompositeFieldContainer[Cohort]
    next: int
    def __init__(self, cohorts: _Optional[_Iterable[_Union[Cohort, _Mapping]]] = ..., next: _Optional[int] = ...) -> None: ...

class Cohort(_message.Message):
    __slots__ = ("cohort", "content", "state", "members", "groups", "length", "sent", "acked", "segment_bytes", "congestion_window", "rtt_microseconds", "age_microseconds", "pushes", "payload_bytes", "repairs", "repair_bytes", "group_repairs", "joined_late", "left")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[Cohort.State]
        FORMING: _ClassVar[Cohort.State]
        RUNNING: _ClassVar[Cohort.State]
    STATE_UNSPECIFIED: Cohort.State
    FORMING: Cohort.State
    RUNNING: Cohort.State
    COHORT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    ACKED_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    CONGESTION_WINDOW_FIELD_NUMBER: _ClassVar[int]
    RTT_MICROSECONDS_FIELD_NUMBER: _ClassVar[int]
    AGE_MICROSECONDS_FIELD_NUMBER: _ClassVar[int]
    PUSHES_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_BYTES_FIELD_NUMBER: _ClassVar[int]
    REPAIRS_FIELD_NUMBER: _ClassVar[int]
    REPAIR_BYTES_FIELD_NUMBER: _ClassVar[int]
    GROUP_REPAIRS_FIELD_NUMBER: _ClassVar[int]
    JOINED_LATE_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    cohort: int
    content: int
    state: Cohort.State
    members: int
    groups: _containers.RepeatedScalarFieldContainer[int]
    length: int
    sent: int
    acked: int
    segment_bytes: int
    congestion_window: int
    rtt_microseconds: int
    age_microseconds: int
    pushes: int
    payload_bytes: int
    repairs: int
    repair_bytes: int
    group_repairs: int
    joined_late: int
    left: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, cohort: _Optional[int] = ..., content: _Optional[int] = ..., state: _Optional[_Union[Cohort.State, str]] = ..., members: _Optional[int] = ..., groups: _Optional[_Iterable[int]] = ..., length: _Optional[int] = ..., sent: _Optional[int] = ..., acked: _Optional[int] = ..., segment_bytes: _Optional[int] = ..., congestion_window: _Optional[int] = ..., rtt_microseconds: _Optional[int] = ..., age_microseconds: _Optional[int] = ..., pushes: _Optional[int] = ..., payload_bytes: _Optional[int] = ..., repairs: _Optional[int] = ..., repair_bytes: _Optional[int] = ..., group_repairs: _Optional[int] = ..., joined_late: _Optional[int] = ..., left: _Optional[_Iterable[int]] = ...) -> None: ...

class ListCohortMembers(_message.Message):
    __slots__ = ("cohort", "first")
    COHORT_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    cohort: int
    first: int
    def __init__(self, cohort: _Optional[int] = ..., first: _Optional[int] = ...) -> None: ...

class CohortMemberList(_message.Message):
    __slots__ = ("members", "next")
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    members: _containers.RepeatedCompositeFieldContainer[CohortMemberState]
    next: int
    def __init__(self, members: _Optional[_Iterable[_Union[CohortMemberState, _Mapping]]] = ..., next: _Optional[int] = ...) -> None: ...

class CohortMemberState(_message.Message):
    __slots__ = ("instance", "client_address", "client_port", "entered", "acked", "window", "repair_bytes")
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CLIENT_PORT_FIELD_NUMBER: _ClassVar[int]
    ENTERED_FIELD_NUMBER: _ClassVar[int]
    ACKED_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    REPAIR_BYTES_FIELD_NUMBER: _ClassVar[int]
    instance: int
    client_address: bytes
    client_port: int
    entered: bool
    acked: int
    window: int
    repair_bytes: int
    def __init__(self, instance: _Optional[int] = ..., client_address: _Optional[bytes] = ..., client_port: _Optional[int] = ..., entered: _Optional[bool] = ..., acked: _Optional[int] = ..., window: _Optional[int] = ..., repair_bytes: _Optional[int] = ...) -> None: ...
