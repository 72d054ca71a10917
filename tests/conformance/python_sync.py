"""The official Python client, carrying out what a test asks for; see `protocol`."""

from __future__ import annotations

import base64
import sys
from typing import Any, cast

from azure.communication.callautomation import CallAutomationClient
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.core.rest import HttpResponse
from tests.conformance.protocol import answer, requests, stay_on_this_machine


def carry_out(client: CallAutomationClient, do: str, given: dict[str, Any]) -> object:
    match do:
        case "start":
            return client.start_recording(**given).recording_id
        case "state":
            return client.get_recording_properties(**given).recording_state
        case "download":
            # Declared as an iterable of bytes; what comes is a response.
            response = cast("HttpResponse", client.download_recording(**given))
            return base64.b64encode(b"".join(response.iter_bytes())).decode()
        case "pause":
            client.pause_recording(**given)
        case "resume":
            client.resume_recording(**given)
        case "stop":
            client.stop_recording(**given)
        case "delete":
            client.delete_recording(**given)
        case _:
            raise NotImplementedError(do)
    return None


def main() -> None:
    stay_on_this_machine()
    with CallAutomationClient.from_connection_string(sys.argv[1], retry_total=0) as client:
        for do, given in requests():
            try:
                answer(got=carry_out(client, do, given))
            except HttpResponseError as error:
                answer(status=error.status_code)
            except ServiceRequestError:
                answer(status=None)


if __name__ == "__main__":
    main()
