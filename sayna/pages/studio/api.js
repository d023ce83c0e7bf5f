// What this page asks of the server. Paths are relative, so that it works under any prefix.

let key = "";

/** An answer that is no success, in the server's own words. */
export class Refusal extends Error {
  constructor(status, code, message, retryAfter) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** Keep the bearer key of this page, in memory and nowhere else. */
export function useKey(value) {
  key = value;
}

export function hasKey() {
  return key !== "";
}

/** Return every provider's voices by slug, and what there is to complain of. */
export async function fetchVoices() {
  try {
    return await voicesAt("voices");
  } catch (refused) {
    if (refused.code !== "PROVIDER_ERROR") throw refused;
    // No vendor has answered, but what is built in still speaks.
    const embedded = await voicesAt("voices?provider=espeak").catch(() => null);
    if (!embedded) throw refused;
    return { ...embedded, complaint: refused.message };
  }
}

async function voicesAt(path) {
  const response = await ask(path);
  const { voices: _all, ...byProvider } = await response.json();
  const named = (header) => (response.headers.get(header) ?? "").split(", ").filter(Boolean);
  return {
    byProvider,
    failed: named("x-voices-failed"),
    stale: named("x-voices-stale"),
    refused: named("x-voices-key-refused"),
    complaint: "",
  };
}

/** Return what this server's page knows of each vendor: its settings, its model, whether it is free. */
export async function fetchVendors() {
  return (await ask("studio/vendors.json")).json();
}

/** Return the response to one POST /speak as soon as its head is there; its body is audio. */
export function speak(request, { signal, headers } = {}) {
  const body = JSON.stringify(request);
  return ask("speak", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "audio/*", ...headers },
    body,
    signal,
    // A page that is left must not cut what a vendor is paid for; browsers keep only short requests.
    keepalive: body.length < 8000,
  });
}

/** Return what a list of prompts costs, and its mistakes. */
export async function checkPrompts(list) {
  const headers = { "Content-Type": "application/json" };
  return (await ask("prompts", { method: "POST", headers, body: JSON.stringify(list) })).json();
}

/** Return what this key has used this month. */
export async function fetchUsage() {
  return (await ask("usage")).json();
}

/** Return the answer of POST /clips. */
export async function mint(clip) {
  const headers = { "Content-Type": "application/json" };
  return (await ask("clips", { method: "POST", headers, body: JSON.stringify(clip) })).json();
}

async function ask(path, options = {}) {
  const headers = { ...options.headers, ...(key && { Authorization: `Bearer ${key}` }) };
  const response = await fetch(path, { ...options, headers });
  if (!response.ok) throw await refusal(response);
  return response;
}

async function refusal(response) {
  const body = await response.json().catch(() => ({}));
  const message = body.message ?? body.error ?? `The server answered ${response.status}.`;
  return new Refusal(response.status, body.code ?? "", message, Number(response.headers.get("retry-after")));
}
