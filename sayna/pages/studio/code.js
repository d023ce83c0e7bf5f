// The request of a card as code that runs as it stands.

import { endingOf } from "./systems.js";

const WRITERS = { curl, python, javascript };

/** Return the code in one of `curl`, `python`, `javascript`; the key itself is never written into it. */
export function codeFor(language, { request, file, server, withKey }) {
  return WRITERS[language]({ request: { ...request, ...fileFields(file) }, server, withKey });
}

function fileFields({ ending: _ending, ...fields }) {
  return fields;
}

function curl({ request, server, withKey }) {
  return [
    `curl ${shell(`${server}speak`)}`,
    ...(withKey ? ['-H "Authorization: Bearer $SAYNA_API_KEY"'] : []),
    "-H 'Content-Type: application/json'",
    "-H 'Accept: audio/*'",
    `-d ${shell(JSON.stringify(request))}`,
    `-o ${fileOf(request)}`,
  ].join(" \\\n  ");
}

function python({ request, server, withKey }) {
  const headers = [
    '"Accept": "audio/*"',
    ...(withKey ? ['"Authorization": f"Bearer {os.environ[\'SAYNA_API_KEY\']}"'] : []),
  ];
  return `${withKey ? "import os\n" : ""}from pathlib import Path

import requests  # pip install requests

response = requests.post(
    ${JSON.stringify(`${server}speak`)},
    json=${literal(request)},
    headers={${headers.join(", ")}},
    timeout=60,
)
if not response.ok:
    raise SystemExit(response.text)
Path("${fileOf(request)}").write_bytes(response.content)`;
}

/** Return a value of JSON as Python writes it. */
function literal(value) {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (value && typeof value === "object") {
    return `{${Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}: ${literal(each)}`).join(", ")}}`;
  }
  if (typeof value === "boolean") return value ? "True" : "False";
  return JSON.stringify(value);
}

function fileOf({ audio_format: format }) {
  return `speech.${endingOf(format)}`;
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
await writeFile("${fileOf(request)}", Buffer.from(await response.arrayBuffer()));`;
}

function shell(word) {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
