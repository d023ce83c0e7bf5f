// Every REST call of the official Node SDK, one after the other.
// Usage: node node_calls.mjs <url> <token>; prints what each call came to, as JSON.

import { clientOf } from "./node_client.mjs";

const [url, token] = process.argv.slice(2);
const { ask } = clientOf(url, token);

const room = { room_name: "support-42", participant_identity: "alex-support" };
const call = {
  room_name: "call-room-123",
  participant_name: "John Doe",
  participant_identity: "caller-456",
  from_phone_number: "+15105550123",
  to_phone_number: "+15551234567",
};
const sip = { outbound_address: "sip.provider.com:5060", auth_username: "user123", auth_password: "secret456" };
const hook = { host: "pbx.example.com", url: "https://hooks.example.com/call", auth_id: "default" };
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
const called = await ask("sip/call", { method: "POST", body: call });
const calledOwn = await ask("sip/call", { method: "POST", body: { ...call, sip } });
const hooks = await ask("sip/hooks", { method: "POST", body: { hooks: [hook] } });
const listed = await ask("sip/hooks");
const left = await ask("sip/hooks", { method: "DELETE", body: { hosts: [hook.host] } });

console.log(
  JSON.stringify({
    health: health.status,
    voice: voices.deepgram?.[0]?.id,
    speech: speech.byteLength,
    livekit_url: entry.livekit_url,
    rooms: rooms.rooms.map(({ name }) => name),
    details: details.name,
    recording: recording.byteLength,
    calls: [called, calledOwn].map(({ status, sip_call_id }) => [status, sip_call_id]),
    hooks: [hooks, listed, left].map(({ hooks }) => hooks.map(({ host }) => host)),
  }),
);
