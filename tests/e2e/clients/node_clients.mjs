// Calls of unmodified clients for Node; prints what they got as JSON.
// Arguments: the URL of the service, a token, the name of a function here, and its other arguments.
// It runs beside its node_modules.
const [url, token, name, ...words] = process.argv.slice(2);
const TEXT = "Welcome to Sayna";
const shown = (bytes) => Buffer.from(bytes).toString("base64");

async function failure(call) {
  try {
    await call();
    return { class: "none" };
  } catch (error) {
    const { status, statusCode, code, param, message } = error;
    return { class: error.constructor.name, status: status ?? statusCode ?? null, code: code ?? null, param: param ?? null, message };
  }
}

// What is wrong with a request, as a change of one that is right.
const WRONG = {
  key: { key: "wrong" },
  model: { model: "no-such-model" },
  voice: { voice: "espeak:no-such-voice" },
  vendor: { model: "elevenlabs" },
  overload: { text: "not cached" },
};
const CLIENTS = { ai: aiSpeech, elevenlabs: elevenLabsSpeech, jambonz: jambonzSpeech };

const calls = {
  async openai_speaks() {
    const { default: OpenAI } = await import("openai");
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: token });
    const speak = (change) => client.audio.speech.create({ model: "espeak", voice: "alloy", input: TEXT, ...change });
    const wrong = new OpenAI({ baseURL: `${url}/v1`, apiKey: "wrong" });
    return {
      mp3: shown(await (await speak({})).arrayBuffer()),
      pcm: shown(await (await speak({ response_format: "pcm" })).arrayBuffer()),
      key: await failure(() => wrong.audio.speech.create({ model: "espeak", voice: "alloy", input: TEXT })),
      model: await failure(() => speak({ model: "no-such-model" })),
      voice: await failure(() => speak({ voice: "no-such-voice" })),
      format: await failure(() => speak({ response_format: "aac" })),
    };
  },
  async openai_vendor_down() {
    const { default: OpenAI } = await import("openai");
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: token });
    return failure(() => client.audio.speech.create({ model: "elevenlabs", voice: "alloy", input: TEXT }));
  },
  async ai_speaks() {
    const audio = await aiSpeech({ key: token, model: "espeak", voice: "alloy", text: TEXT });
    return { mp3: shown(audio.uint8Array), mediaType: audio.mediaType };
  },
  async elevenlabs_speaks() {
    return { mp3: shown(await elevenLabsSpeech({ key: token, voice: "espeak:gmw/en-US", text: TEXT })) };
  },
  async livekit_token() {
    const { TokenSource } = await import("livekit-client");
    const source = TokenSource.endpoint(`${url}/livekit/token`, { headers: { Authorization: `Bearer ${token}` } });
    const plain = await source.fetch({});
    const agent = await source.fetch({ agentName: "helper", participantAttributes: { x: "1" } }, true);
    return { plain, agent };
  },
  async jambonz_speaks() {
    const { readFileSync, unlinkSync } = await import("node:fs");
    const { filePath } = await jambonzSpeech({ key: token, model: "espeak", voice: "espeak/en", text: TEXT });
    const told = { filePath, mp3: shown(readFileSync(filePath)) };
    unlinkSync(filePath);
    return told;
  },
  // The error of each case; a request of / in the service's log stands before each.
  async fails(client, ...cases) {
    const told = {};
    for (const each of cases) {
      await mark();
      const asked = { key: token, model: "espeak", voice: "alloy", text: TEXT, ...WRONG[each] };
      told[each] = await failure(() => CLIENTS[client](asked));
    }
    return told;
  },
};

// Not by fetch: a client would get its connection, which the service may have closed by then.
async function mark() {
  const { get } = await import("node:http");
  await new Promise((resolve, reject) => get(url, { agent: false }, (answer) => answer.resume().on("end", resolve)).on("error", reject));
}

async function aiSpeech({ key, model, voice, text }) {
  const { experimental_generateSpeech: generateSpeech } = await import("ai");
  const { createOpenAI } = await import("@ai-sdk/openai");
  const client = createOpenAI({ baseURL: `${url}/v1`, apiKey: key });
  return (await generateSpeech({ model: client.speech(model), text, voice })).audio;
}

async function elevenLabsSpeech({ key, model, voice, text }) {
  const { ElevenLabsClient } = await import("@elevenlabs/elevenlabs-js");
  const client = new ElevenLabsClient({ baseUrl: url, apiKey: key });
  const stream = await client.textToSpeech.convert(voice.includes(":") ? voice : `${model}:en`, { text });
  return Buffer.concat(await all(stream));
}

async function jambonzSpeech({ key, model, voice, text }) {
  const { default: speech } = await import("@jambonz/speech-utils");
  const logger = { info() {}, debug() {}, error() {}, warn() {} };
  const { synthAudio, client } = speech({ host: process.env.REDIS_HOST, port: Number(process.env.REDIS_PORT) }, logger);
  try {
    return await synthAudio({ increment() {}, histogram() {} }, {
      account_sid: "a",
      vendor: "custom:sayna",
      language: "en-US",
      voice: /[/:]/.test(voice) ? voice : `${model}/en`,
      text,
      credentials: { vendor: "custom:sayna", custom_tts_url: `${url}/jambonz/tts`, auth_token: key },
      renderForCaching: true,
      disableTtsCache: true,
    });
  } finally {
    client.quit();
  }
}

async function all(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return chunks;
}

process.stdout.write(`${JSON.stringify(await calls[name](...words))}\n`, () => process.exit(0));
