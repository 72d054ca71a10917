"""Every event of the service, in every envelope and every documented shape."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from recordingd.domain.calls import (
    AnnouncedFile,
    CallConnected,
    CallDisconnected,
    CallEnded,
    CallReference,
    CallStarted,
    EventIgnored,
    FilesAnnounced,
    IncomingCall,
    ParticipantAdded,
    ParticipantRemoved,
    ParticipantsUpdated,
    PartyKind,
    RecordingStateChanged,
    ServerCallId,
    StartRecordingFailed,
)
from recordingd.domain.errors import UnreadableEvent
from recordingd.ingress import envelopes
from recordingd.ports.ledger import InboxEvent

Wire = dict[str, Any]
Make = Callable[..., Wire]
Read = Callable[..., Any]
Split = Callable[..., list[InboxEvent]]

ACS = "8:acs:11111111-1111-1111-1111-111111111111_22222222-2222-2222-2222-222222222222"
SERVER = "aHR0cHM6Ly9hcGkvY29udi9R/aT0xMC0x+Mg=="
CORRELATION = "d591a5a2-16b5-4aed-9328-926485cdddd9"
RECORDING = "eyJQbGF0Zm9ybUVuZHBvaW50SWQiOiJhIn0"
ABOUT_CALL = CallReference(server_call_id=ServerCallId(SERVER), correlation_id=CORRELATION)
SENT_AT = datetime(2026, 3, 2, 10, 0, 0, 123456, tzinfo=UTC)
PREFIX = "Microsoft.Communication."


def flat(raw_id: str = ACS) -> Wire:
    return {"rawId": raw_id, "communicationUser": {"id": raw_id}, "role": "agent"}


def nested(raw_id: str = ACS) -> Wire:
    return {
        "communicationIdentifier": {"rawId": raw_id, "kind": "communicationUser"},
        "role": "agent",
    }


def lower_case(raw_id: str = ACS) -> Wire:
    return {"communicationidentifier": {"rawId": raw_id}, "role": "agent"}


SHAPES = pytest.mark.parametrize("shape", [flat, nested, lower_case])


def call_data(**more: object) -> Wire:
    return {"serverCallId": SERVER, "correlationId": CORRELATION, **more}


def chunk(index: int = 0, **changes: object) -> Wire:
    document = f"0-eus-d1-{index:032x}"
    base = f"https://eus.asm.skype.com/v1/objects/{document}"
    wire: Wire = {
        "documentId": document,
        "index": index,
        "endReason": "SessionEnded",
        "contentLocation": f"{base}/content/audiomp3",
        "metadataLocation": f"{base}/content/acsmetadata",
        "deleteLocation": base,
    }
    wire.update(changes)
    return {name: value for name, value in wire.items() if value is not None}


def files_data(*chunks: object, **more: object) -> Wire:
    return {"recordingStorageInfo": {"recordingChunks": list(chunks)}, **more}


# --- calling events -------------------------------------------------------------------------------


@SHAPES
def test_call_started_is_read(wrap: Make, read: Read, shape: Callable[[], Wire]) -> None:
    data = call_data(
        startedBy=shape(),
        group={"id": "g-1"},
        room={"id": "r-1"},
        isTwoParty=True,
        isRoomsCall=False,
    )
    event = read(wrap(f"{PREFIX}CallStarted", data))
    assert isinstance(event, CallStarted)
    assert event.about == ABOUT_CALL
    assert event.started_by is not None
    assert (event.started_by.raw_id, event.started_by.role) == (ACS, "agent")
    assert (event.group_id, event.room_id) == ("g-1", "r-1")
    assert (event.is_two_party, event.is_rooms_call, event.at) == (True, False, SENT_AT)
    assert (event.resource or "").endswith("Microsoft.Communication/x")


def test_call_started_needs_nothing_but_the_call(wrap: Make, read: Read) -> None:
    event = read(wrap(f"{PREFIX}CallStarted", {"serverCallId": SERVER, "isTwoParty": None}))
    assert isinstance(event, CallStarted)
    assert (event.started_by, event.group_id, event.is_two_party) == (None, None, None)


def test_group_of_zeros_is_no_group(wrap: Make, read: Read) -> None:
    data = call_data(group={"id": "00000000-0000-0000-0000-000000000000"})
    assert read(wrap(f"{PREFIX}CallStarted", data)).group_id is None


@pytest.mark.parametrize("duration", [{"durationOfCall": 49.7}, {"callDurationInSeconds": 50}, {}])
def test_call_ended_is_read(wrap: Make, read: Read, duration: Wire) -> None:
    data = call_data(startedBy=flat(), endedBy=lower_case(), **duration)
    event = read(wrap(f"{PREFIX}CallEnded", data))
    assert event == CallEnded(about=ABOUT_CALL, at=SENT_AT)


@SHAPES
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("CallParticipantAdded", ParticipantAdded),
        ("CallParticipantRemoved", ParticipantRemoved),
    ],
)
def test_participant_event_is_read(
    wrap: Make, read: Read, shape: Callable[[], Wire], name: str, kind: type[Any]
) -> None:
    data = call_data(user=shape(), displayName="Ada", startedBy=flat())
    event = read(wrap(PREFIX + name, data))
    assert isinstance(event, kind)
    assert event.about == ABOUT_CALL
    assert (event.party.raw_id, event.party.display_name) == (ACS, "Ada")


def test_participant_event_without_a_party_is_unreadable(wrap: Make, read: Read) -> None:
    with pytest.raises(UnreadableEvent) as fault:
        read(wrap(f"{PREFIX}CallParticipantAdded", call_data(user={})))
    assert fault.value.field == "data.user.rawId"


def test_incoming_call_is_read_with_all_its_headers(wrap: Make, read: Read) -> None:
    data = call_data(
        **{"from": {"rawId": "4:+18005550100", "kind": "phoneNumber"}},
        to={"rawId": ACS, "communicationUser": {"id": ACS}},
        callerDisplayName="Ada",
        customContext={
            "sipHeaders": {"userToUser": "u", "X-MS-Custom-Queue": "sales", "both": "sip"},
            "voipHeaders": {"tier": "gold", "both": "voip", "count": 7},
        },
    )
    event = read(wrap(f"{PREFIX}IncomingCall", data))
    assert isinstance(event, IncomingCall)
    assert event.from_party is not None
    assert event.to_party is not None
    assert (event.from_party.phone, event.from_party.display_name) == ("+18005550100", "Ada")
    assert event.to_party.raw_id == ACS
    assert event.context == {
        "userToUser": "u",
        "X-MS-Custom-Queue": "sales",
        "both": "voip",
        "tier": "gold",
    }


def test_incoming_call_without_context_or_parties_is_read(wrap: Make, read: Read) -> None:
    event = read(wrap(f"{PREFIX}IncomingCall", call_data(customContext=None)))
    assert (event.from_party, event.to_party, event.context) == (None, None, {})


@pytest.mark.parametrize("name", ["CallStarted", "IncomingCall"])
def test_event_that_opens_a_call_needs_its_server_call_id(
    wrap: Make, read: Read, name: str
) -> None:
    with pytest.raises(UnreadableEvent) as fault:
        read(wrap(PREFIX + name, {"correlationId": CORRELATION}))
    assert fault.value.field == "data.serverCallId"


def test_call_ended_is_found_by_its_correlation_id_alone(wrap: Make, read: Read) -> None:
    event = read(wrap(f"{PREFIX}CallEnded", {"correlationId": CORRELATION}))
    assert event.about == CallReference(correlation_id=CORRELATION)


@pytest.mark.parametrize("name", ["CallEnded", "CallConnected", "CallDisconnected"])
@pytest.mark.parametrize("data", [{}, None, [], "text", {"serverCallId": 5}])
def test_call_event_about_no_call_is_unreadable(
    wrap: Make, read: Read, name: str, data: object
) -> None:
    with pytest.raises(UnreadableEvent):
        read(wrap(PREFIX + name, data))


# --- file announcements ---------------------------------------------------------------------------

FILES = f"{PREFIX}RecordingFileStatusUpdated"


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (
            f"/recording/call/{CORRELATION}/recordingId/{RECORDING}",
            CallReference(correlation_id=CORRELATION, recording_id=RECORDING),
        ),
        (
            f"/recording/call/{CORRELATION}/serverCallId/{SERVER}/recordingId/{RECORDING}",
            CallReference(
                correlation_id=CORRELATION,
                server_call_id=ServerCallId(SERVER),
                recording_id=RECORDING,
            ),
        ),
        (f"/recording/call/{CORRELATION}/serverCallId/{SERVER}", ABOUT_CALL),
        (
            f"/recording/call/{CORRELATION}/callConnectionId/conn-1",
            CallReference(correlation_id=CORRELATION, connection_id="conn-1"),
        ),
    ],
)
def test_announcement_names_its_call_in_every_form(
    wrap: Make, read: Read, subject: str, expected: CallReference
) -> None:
    assert read(wrap(FILES, files_data(chunk()), subject=subject)).about == expected


def test_recording_id_in_the_data_wins_over_the_subject(wrap: Make, read: Read) -> None:
    subject = f"/recording/call/{CORRELATION}/recordingId/from-subject"
    event = read(wrap(FILES, files_data(chunk(), recordingId="from-data"), subject=subject))
    assert event.about.recording_id == "from-data"


def test_announcement_is_read_whole(wrap: Make, read: Read) -> None:
    data = files_data(
        chunk(0),
        chunk(1, endReason="ChunkMaximumSizeExceeded"),
        recordingStartTime="2026-03-02T09:00:00.6089755Z",
        recordingDurationMs=6620,
        recordingContentType="Audio",
        sessionEndReason="CallEnded",
        recordingId=RECORDING,
        storageType="ACS",
    )
    event = read(wrap(FILES, data))
    base = "https://eus.asm.skype.com/v1/objects/0-eus-d1-" + "0" * 32
    assert isinstance(event, FilesAnnounced)
    assert [file.chunk for file in event.files] == [0, 1]
    assert event.files[0] == AnnouncedFile(
        document_id="0-eus-d1-" + "0" * 32,
        chunk=0,
        content_url=f"{base}/content/audiomp3",
        metadata_url=f"{base}/content/acsmetadata",
        delete_url=base,
        end_reason="SessionEnded",
    )
    assert event.started_at == datetime(2026, 3, 2, 9, 0, 0, 608975, tzinfo=UTC)
    assert (event.duration_ms, event.session_end_reason) == (6620, "CallEnded")


@pytest.mark.parametrize(
    ("storage", "is_external"),
    [
        ("ACS", False),
        ("acs", False),
        (None, False),
        ("AzureBlob", True),
        ("AzureBlobStorage", True),
    ],
)
def test_storage_type_says_where_the_files_lie(
    wrap: Make, read: Read, storage: str | None, *, is_external: bool
) -> None:
    data = files_data(chunk(), recordingId=RECORDING, storageType=storage)
    assert read(wrap(FILES, data)).is_external is is_external


def test_announcement_needs_neither_times_nor_optional_locations(wrap: Make, read: Read) -> None:
    bare = chunk(metadataLocation=None, deleteLocation=None, endReason=None)
    del bare["index"]
    event = read(wrap(FILES, files_data(bare, recordingId=RECORDING)))
    (file,) = event.files
    assert (file.metadata_url, file.delete_url, file.end_reason, file.chunk) == (None,) * 3 + (0,)
    assert (event.started_at, event.duration_ms) == (None, None)


def test_start_time_of_the_year_one_means_unknown(wrap: Make, read: Read) -> None:
    data = files_data(recordingId=RECORDING, recordingStartTime="0001-01-01T00:00:00Z")
    assert read(wrap(FILES, data)).started_at is None


@pytest.mark.parametrize("storage_info", [{}, None, {"recordingChunks": None}, {"...": "elided"}])
def test_announcement_without_chunks_is_read(wrap: Make, read: Read, storage_info: object) -> None:
    event = read(wrap(FILES, {"recordingStorageInfo": storage_info, "recordingId": RECORDING}))
    assert event.files == ()


@pytest.mark.parametrize("broken", [chunk(documentId=None), chunk(contentLocation=None), "text"])
def test_broken_chunk_does_not_take_the_others_with_it(
    wrap: Make, split: Split, broken: object
) -> None:
    (inbox,) = split(wrap(FILES, files_data(chunk(0), broken, recordingId=RECORDING)))
    announced, ignored = envelopes.read(inbox)
    assert isinstance(announced, FilesAnnounced)
    assert [file.chunk for file in announced.files] == [0]
    assert isinstance(ignored, EventIgnored)
    assert ignored.type_name.endswith("recordingChunks[1]")


def test_announcement_of_broken_chunks_alone_is_unreadable(wrap: Make, read: Read) -> None:
    with pytest.raises(UnreadableEvent) as fault:
        read(wrap(FILES, files_data(chunk(contentLocation=None), recordingId=RECORDING)))
    assert fault.value.field == "data.recordingStorageInfo.recordingChunks[0].contentLocation"


def test_announcement_about_nothing_is_unreadable(wrap: Make, read: Read) -> None:
    with pytest.raises(UnreadableEvent) as fault:
        read(wrap(FILES, files_data(chunk()), subject="/elsewhere"))
    assert fault.value.field == "data.recordingId"


@pytest.mark.parametrize("document_id", ["../../etc/passwd", "a/b", "\\\\host\\share", "x\0y"])
def test_path_tricks_in_document_ids_are_carried_as_text(
    wrap: Make, read: Read, document_id: str
) -> None:
    event = read(wrap(FILES, files_data(chunk(documentId=document_id), recordingId=RECORDING)))
    assert event.files[0].document_id == document_id.replace("\0", "␀")


# --- callbacks ------------------------------------------------------------------------------------

CALLBACK = {"channel": "callbacks", "context": "a" * 64}


@pytest.mark.parametrize(
    ("name", "kind"), [("CallConnected", CallConnected), ("CallDisconnected", CallDisconnected)]
)
def test_connection_event_names_call_and_connection(
    wrap: Make, read: Read, name: str, kind: type[Any]
) -> None:
    event = read(wrap(PREFIX + name, call_data(callConnectionId="conn-1")))
    assert isinstance(event, kind)
    assert event.about == CallReference(
        server_call_id=ServerCallId(SERVER), correlation_id=CORRELATION, connection_id="conn-1"
    )


def test_participant_list_is_read_in_order(wrap: Make, read: Read) -> None:
    people = [
        {"identifier": {"rawId": ACS, "kind": "communicationUser"}, "isMuted": False},
        {"identifier": {"rawId": "4:+18005550100", "phoneNumber": {"value": "+18005550100"}}},
    ]
    data = call_data(participants=people, sequenceNumber=14)
    event = read(wrap(f"{PREFIX}ParticipantsUpdated", data))
    assert isinstance(event, ParticipantsUpdated)
    assert [party.kind for party in event.parties] == [
        PartyKind.COMMUNICATION_USER,
        PartyKind.PHONE_NUMBER,
    ]
    assert event.sequence == 14


def test_empty_participant_list_is_read(wrap: Make, read: Read) -> None:
    data = call_data(participants=[], sequenceNumber=0)
    assert read(wrap(f"{PREFIX}ParticipantsUpdated", data)).parties == ()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"participants": [{"identifier": {}}]}, "data.participants[0].identifier.rawId"),
        ({"participants": [nested(), "x"]}, "data.participants[1].identifier.rawId"),
        ({"participants": None}, "data.participants"),
        ({"sequenceNumber": None}, "data.sequenceNumber"),
        ({"sequenceNumber": 10**30}, "data.sequenceNumber"),
    ],
)
def test_participant_list_that_may_be_incomplete_is_unreadable(
    wrap: Make, read: Read, changes: Wire, field: str
) -> None:
    data = call_data(participants=[], sequenceNumber=1) | changes
    with pytest.raises(UnreadableEvent) as fault:
        read(wrap(f"{PREFIX}ParticipantsUpdated", data))
    assert fault.value.field == field


@pytest.mark.parametrize(
    ("word", "is_active"), [("active", True), ("inactive", False), ("Active", True)]
)
@pytest.mark.parametrize("name", ["state", "recordingState"])
def test_recording_state_is_read(
    wrap: Make, read: Read, name: str, word: str, *, is_active: bool
) -> None:
    data = call_data(recordingId=RECORDING, **{name: word})
    event = read(wrap(f"{PREFIX}RecordingStateChanged", data))
    assert isinstance(event, RecordingStateChanged)
    assert event.is_active is is_active


def test_recording_event_does_not_pass_on_the_ids_of_its_own_session(
    wrap: Make, read: Read
) -> None:
    data = call_data(recordingId=RECORDING, state="active", callConnectionId="fresh")
    event = read(wrap(f"{PREFIX}RecordingStateChanged", data))
    assert event.about == CallReference(server_call_id=ServerCallId(SERVER), recording_id=RECORDING)


@pytest.mark.parametrize("state", [None, "", "paused", 1])
def test_recording_state_of_another_word_is_unreadable(
    wrap: Make, read: Read, state: object
) -> None:
    with pytest.raises(UnreadableEvent) as fault:
        read(wrap(f"{PREFIX}RecordingStateChanged", call_data(state=state)))
    assert fault.value.field == "data.state"


@pytest.mark.parametrize(
    ("result", "code"),
    [
        ({"code": 400, "subCode": 8501, "message": "not established"}, "8501"),
        ({"code": 400, "subCode": "8501", "message": "not established"}, "8501"),
        ({"code": 400, "message": "not established"}, "400"),
    ],
)
def test_failed_start_is_read(wrap: Make, read: Read, result: Wire, code: str) -> None:
    data = call_data(recordingId=RECORDING, resultInformation=result)
    event = read(wrap(f"{PREFIX}StartRecordingFailed", data))
    assert isinstance(event, StartRecordingFailed)
    assert (event.code, event.message) == (code, "not established")


def test_failed_start_without_a_result_is_read(wrap: Make, read: Read) -> None:
    event = read(wrap(f"{PREFIX}StartRecordingFailed", {"recordingId": RECORDING}))
    assert (event.code, event.message) == ("", "")


def test_callback_token_names_the_start_even_when_nothing_else_does(wrap: Make, read: Read) -> None:
    event = read(wrap(f"{PREFIX}StartRecordingFailed", {}), **CALLBACK)
    assert event.about == CallReference(callback_token_hash="a" * 64)


def test_forwarded_callback_carries_no_token(wrap: Make, read: Read) -> None:
    wire = wrap(f"{PREFIX}CallConnected", call_data())
    event = read(wire, channel="callbacks:ivr", context="ivr")
    assert event.about.callback_token_hash is None


@pytest.mark.parametrize("name", ["RecordingStateChanged", "StartRecordingFailed"])
def test_recording_event_about_nothing_is_unreadable(wrap: Make, read: Read, name: str) -> None:
    with pytest.raises(UnreadableEvent) as fault:
        read(wrap(PREFIX + name, {"state": "active"}))
    assert fault.value.field == "data.recordingId"
