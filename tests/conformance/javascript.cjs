"use strict";
// The official JavaScript client, carrying out what a test asks for: requests `{"do", "with"}` a
// line on standard input, answers `{"got"}` or `{"status"}` a line on standard output. Nothing is
// tried again, so that each answer of the service shows.

const readline = require("node:readline");
const { CallAutomationClient } = require("@azure/communication-call-automation");

const options = { retryOptions: { maxRetries: 0 } };
const recordings = new CallAutomationClient(process.argv[2], options).getCallRecording();

async function download({ recording_url: url, offset, length }) {
  const pieces = [];
  for await (const piece of await recordings.downloadStreaming(url, { offset, length })) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("base64");
}

async function order(carriedOut) {
  await carriedOut;
  return null;
}

// The names of what is given are those of the Python client.
const operations = {
  start: async (given) =>
    (
      await recordings.start({
        callLocator: { kind: "serverCallLocator", id: given.server_call_id },
        recordingContent: given.recording_content_type,
        recordingChannel: given.recording_channel_type,
        recordingFormat: given.recording_format_type,
        pauseOnStart: given.pause_on_start,
      })
    ).recordingId,
  state: async ({ recording_id: id }) => (await recordings.getState(id)).recordingState,
  pause: ({ recording_id: id }) => order(recordings.pause(id)),
  resume: ({ recording_id: id }) => order(recordings.resume(id)),
  stop: ({ recording_id: id }) => order(recordings.stop(id)),
  delete: ({ recording_url: url }) => order(recordings.delete(url)),
  download,
};

async function answer(line) {
  const { do: operation, with: given } = JSON.parse(line);
  try {
    return { got: await operations[operation](given) };
  } catch (error) {
    if (error instanceof TypeError) {
      throw error;
    }
    // Service errors carry `statusCode`, those of storage are bare objects with `status`, and
    // without an answer there is neither.
    return { status: error.statusCode ?? error.status ?? null };
  }
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
  }
}

main();
