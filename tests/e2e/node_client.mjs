// The methods of the official Node SDK that the guide calls, with its wire shape (node-sdk/src/sayna-client.ts): addresses
// are joined with one slash, a body makes it JSON, the token goes into Authorization, path variables are encoded.

export function clientOf(url, token, streamId) {
  async function ask(endpoint, { method = "GET", body, binary = false } = {}) {
    const response = await fetch(`${url}/${endpoint}`, {
      method,
      headers: {
        ...(token && { Authorization: `Bearer ${token}` }),
        ...(body && { "Content-Type": "application/json" }),
      },
      body: body && JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${endpoint}: ${response.status} ${await response.text()}`);
    return binary ? response.arrayBuffer() : response.json();
  }
  const post = (endpoint, body, more = {}) => ask(endpoint, { method: "POST", body, ...more });

  return {
    streamId,
    ask,
    health: () => ask(""),
    getVoices: () => ask("voices"),
    speakRest: (text, config) => post("speak", { text, tts_config: config }, { binary: true }),
    getLiveKitToken: (room, name, identity) =>
      post("livekit/token", { room_name: room, participant_name: name, participant_identity: identity }),
    getRecording: (stream) => ask(`recording/${encodeURIComponent(stream)}`, { binary: true }),
    async sipCall({ sip, ...call }) {
      const answer = await post("sip/call", snaked({ ...call, ...(sip && { sip: snaked(sip) }) }));
      return Object.fromEntries(Object.entries(answer).map(([name, value]) => [camel(name), value]));
    },
  };
}

function snaked(fields) {
  const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [snake(name), value]));
}

function camel(name) {
  return name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
}
