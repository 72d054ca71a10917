from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from tests.factories import CALL_ID, MAIN, after, make_call, make_copy, make_file, make_recording
from tests.unit.runtime.conftest import World

from recordingd.domain.plans import DownloadFile, ReasonCode, VerifyFile, Why
from recordingd.domain.recordings import CallFacts, DocumentId, FileId
from recordingd.runtime.executor import FILE_WORK_MAX

Play = Callable[..., None]
FILES = [f"{number:032x}" for number in range(1, 7)]


def facts() -> CallFacts:
    files = tuple(
        replace(
            make_file(),
            id=FileId(name),
            document_id=DocumentId(name),
            content_url=f"https://storage.asm.skype.com/{name}",
        )
        for name in FILES
    )
    recording = replace(make_recording(), first_sent_at=after(0))
    return CallFacts(call=make_call(), recordings=(recording,), files=files)


def download(name: str, deadline: datetime) -> DownloadFile:
    why = Why(code=ReasonCode.FILE_ANNOUNCED, text="a test")
    return DownloadFile(call_id=CALL_ID, why=why, file=FileId(name), deadline=deadline)


def test_downloads_are_fetched_by_deadline_and_no_more_at_once_than_allowed(play: Play) -> None:
    async def story(world: World) -> None:
        world.cloud.held_up = asyncio.Event()
        known = facts()
        for hours, name in zip((6, 5, 4, 3, 2, 1), FILES, strict=True):
            world.executor.dispatch(download(name, after(hours=hours)), known)
        await asyncio.sleep(0.05)
        assert world.executor.active_downloads == 2
        assert world.executor.queued_downloads == 4
        # The two that deadlines put first, not those that came first.
        assert world.executor.next_deadline == after(hours=3)

    play(story)


def test_target_is_busy_from_dispatch_on(play: Play) -> None:
    async def story(world: World) -> None:
        world.cloud.held_up = asyncio.Event()
        world.executor.dispatch(download(FILES[0], after(hours=1)), facts())
        assert world.executor.busy() == {FILES[0]}

    play(story)


def test_settling_does_not_wait_for_downloads(play: Play) -> None:
    async def story(world: World) -> None:
        world.cloud.held_up = asyncio.Event()
        world.executor.dispatch(download(FILES[0], after(hours=1)), facts())
        await asyncio.sleep(0.01)
        assert await world.executor.settle(0.5)

    play(story)


def test_equal_deadlines_keep_the_order_they_came_in(play: Play) -> None:
    async def story(world: World) -> None:
        world.cloud.held_up = asyncio.Event()
        known = facts()
        for name in itertools.islice(FILES, 4):
            world.executor.dispatch(download(name, after(hours=1)), known)
        await asyncio.sleep(0.05)
        assert world.executor.busy() == set(FILES[:4])

    play(story)


def test_outcomes_that_cannot_be_stored_keep_no_other_file_waiting(play: Play) -> None:
    async def story(world: World) -> None:
        # Every outcome is refused, as by a bug in the step of this one call.
        world.runner.refuse_steps = 1_000
        for name in FILES:
            world.executor.dispatch(download(name, after(hours=1)), facts())
        for _ in range(200):
            await asyncio.sleep(0.01)
            if len(world.cloud.verbs("download")) == len(FILES):
                break
        assert len(world.cloud.verbs("download")) == len(FILES)
        assert world.executor.busy() == set(FILES)

    play(story)


def test_few_files_are_read_at_once(play: Play) -> None:
    async def story(world: World) -> None:
        looking = [0, 0]
        archive = world.archive

        class Counting:
            def __getattr__(self, name: str) -> object:
                return getattr(archive, name)

            def hash_of(self, uri: str) -> str:
                looking[0] += 1
                looking[1] = max(looking)
                let_go.wait(5)
                looking[0] -= 1
                return archive.hash_of(uri)

        let_go = threading.Event()
        world.executor.tools = replace(world.executor.tools, archives={MAIN: Counting()})  # type: ignore[dict-item]  # it passes on what it does not count
        known = facts()
        known = replace(known, copies=tuple(make_copy(FileId(name)) for name in FILES))
        for name in FILES:
            why = Why(code=ReasonCode.FILE_STORED, text="a test")
            world.executor.dispatch(VerifyFile(call_id=CALL_ID, why=why, file=FileId(name)), known)
        await asyncio.sleep(0.1)
        let_go.set()
        assert looking[1] == FILE_WORK_MAX

    play(story)
