// The guide's Node calls with the wire shape of the official SDK (node-sdk/src/sayna-client.ts): addresses are
// joined with one slash, a body makes it JSON, the token goes into Authorization, path variables are encoded.
// Usage: node node_calls.mjs <url> <token>; prints what each call came to, as JSON.

const [url, token] = process.argv.slice(2);

async function ask(endpoint, { method = "GET", body, binary = false } = {}) {
  const response = await fetch(`${url}/${endpoint}`, {
    method,
    headers: {
      Authorization: `Bearer ${token}`,
      ...(body && { "Content-Type": "application/json" }),
    },
    body: body && JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${endpoint}: ${response.status} ${await response.text()}`);
  return binary ? response.arrayBuffer() : response.json();
}

const room = { room_name: "support-42", participant_identity: "alex-support" };
const config = { provider: "deepgram", model: "aura-asteria-en", voice_id: "aura-asteria-en" };

const health = await ask("");
const voices = await ask("voices");
const speech = await ask("speak", {
  method: "POST",
  body: { text: "Welcome to Sayna", tts_config: config },
  binary: true,
});
const entry = await ask("livekit/token", { method: "POST", body: { ...room, participant_name: "alex" } });
const rooms = await ask("livekit/rooms");
const details = await ask(`livekit/rooms/${encodeURIComponent("support-42")}`);
const recording = await ask(`recording/${encodeURIComponent("support-call-789")}`, { binary: true });

console.log(
  JSON.stringify({
    health: health.status,
    voice: voices.deepgram?.[0]?.id,
    speech: speech.byteLength,
    livekit_url: entry.livekit_url,
    rooms: rooms.rooms.map(({ name }) => name),
    details: details.name,
    recording: recording.byteLength,
  }),
);
