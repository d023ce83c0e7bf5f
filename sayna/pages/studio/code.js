// The request of a card as code that runs as it stands.

const WRITERS = { curl, python, javascript };

/** Return the code in one of `curl`, `python`, `javascript`; the key itself is never written into it. */
export function codeFor(language, { request, file, server, withKey }) {
  return WRITERS[language]({ request: { ...request, ...file }, server, withKey });
}

function curl({ request, server, withKey }) {
  return [
    `curl ${shell(`${server}speak`)}`,
    ...(withKey ? ['-H "Authorization: Bearer $SAYNA_API_KEY"'] : []),
    "-H 'Content-Type: application/json'",
    "-H 'Accept: audio/*'",
    `-d ${shell(JSON.stringify(request))}`,
    `-o speech.${request.audio_format.split("-")[0]}`,
  ].join(" \\\n  ");
}

function python({ request, server }) {
  const { text, language, ...config } = request;
  const fields = Object.entries({ ...config, model: "" }).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `import asyncio
from pathlib import Path

from sayna_client import SaynaClient, TTSConfig  # pip install sayna-client


async def main():
    # The key, when the server asks for one, is read from SAYNA_API_KEY.
    client = SaynaClient(${JSON.stringify(server)}, without_audio=True)
    config = TTSConfig(${fields.join(", ")})${language ? `\n    # The SDK has no field for language=${JSON.stringify(language)}; the voice's own is used.` : ""}
    audio, headers = await client.speak_rest(${JSON.stringify(text)}, config)
    Path("speech.${request.audio_format.split("-")[0]}").write_bytes(audio)
    await client.disconnect()


asyncio.run(main())`;
}

function javascript({ request, server, withKey }) {
  const authorization = withKey ? "\n    Authorization: `Bearer ${process.env.SAYNA_API_KEY}`," : "";
  return `import { writeFile } from "node:fs/promises";

const response = await fetch(${JSON.stringify(`${server}speak`)}, {
  method: "POST",
  headers: {
    "Content-Type": "application/json",
    Accept: "audio/*",${authorization}
  },
  body: JSON.stringify(${JSON.stringify(request, null, 2).replaceAll("\n", "\n  ")}),
});
if (!response.ok) throw new Error(await response.text());
await writeFile("speech.${request.audio_format.split("-")[0]}", Buffer.from(await response.arrayBuffer()));`;
}

function shell(word) {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
