"""The official Python client for asyncio, carrying out what a test asks for; see `protocol`."""

from __future__ import annotations

import asyncio
import base64
import sys
from typing import Any, cast

from azure.communication.callautomation.aio import CallAutomationClient
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.core.rest import AsyncHttpResponse
from tests.conformance.protocol import answer, requests, stay_on_this_machine


async def carry_out(client: CallAutomationClient, do: str, given: dict[str, Any]) -> object:
    match do:
        case "start":
            return (await client.start_recording(**given)).recording_id
        case "state":
            return (await client.get_recording_properties(**given)).recording_state
        case "download":
            # Declared as an iterator of bytes; what comes is a response.
            response = cast("AsyncHttpResponse", await client.download_recording(**given))
            pieces = [piece async for piece in response.iter_bytes()]
            return base64.b64encode(b"".join(pieces)).decode()
        case "pause":
            await client.pause_recording(**given)
        case "resume":
            await client.resume_recording(**given)
        case "stop":
            await client.stop_recording(**given)
        case "delete":
            await client.delete_recording(**given)
        case _:
            raise NotImplementedError(do)
    return None


async def main() -> None:
    async with CallAutomationClient.from_connection_string(sys.argv[1], retry_total=0) as client:
        # Reading blocks, and nothing else wants to run meanwhile.
        for do, given in requests():
            try:
                answer(got=await carry_out(client, do, given))
            except HttpResponseError as error:
                answer(status=error.status_code)
            except ServiceRequestError:
                answer(status=None)


if __name__ == "__main__":
    stay_on_this_machine()
    asyncio.run(main())
