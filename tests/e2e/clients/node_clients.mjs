// Calls of unmodified clients for Node; prints what they got as JSON.
// Arguments: the URL of the service, a token, and the name of a function here. It runs beside its node_modules.
const [url, token, name] = process.argv.slice(2);
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
    const { experimental_generateSpeech: generateSpeech } = await import("ai");
    const { createOpenAI } = await import("@ai-sdk/openai");
    const speak = (model, apiKey = token) =>
      generateSpeech({ model: createOpenAI({ baseURL: `${url}/v1`, apiKey }).speech(model), text: TEXT, voice: "alloy" });
    const { audio } = await speak("espeak");
    return {
      mp3: shown(audio.uint8Array),
      mediaType: audio.mediaType,
      key: await failure(() => speak("espeak", "wrong")),
      model: await failure(() => speak("no-such-model")),
    };
  },
  async elevenlabs_speaks() {
    const { ElevenLabsClient } = await import("@elevenlabs/elevenlabs-js");
    const speak = async (apiKey, voice) => {
      const client = new ElevenLabsClient({ baseUrl: url, apiKey });
      const stream = await client.textToSpeech.convert(voice, { text: TEXT });
      return shown(Buffer.concat(await all(stream)));
    };
    return {
      mp3: await speak(token, "espeak:gmw/en-US"),
      key: await failure(() => speak("wrong", "espeak:en")),
      voice: await failure(() => speak(token, "espeak:no-such-voice")),
    };
  },
  async livekit_token() {
    const { TokenSource } = await import("livekit-client");
    const source = TokenSource.endpoint(`${url}/livekit/token`, { headers: { Authorization: `Bearer ${token}` } });
    const plain = await source.fetch({});
    const agent = await source.fetch({ agentName: "helper", participantAttributes: { x: "1" } }, true);
    return { plain, agent };
  },
  async jambonz_speaks() {
    const { default: speech } = await import("@jambonz/speech-utils");
    const logger = { info() {}, debug() {}, error() {}, warn() {} };
    const { readFileSync, unlinkSync } = await import("node:fs");
    const host = process.env.REDIS_HOST, port = Number(process.env.REDIS_PORT);
    const { synthAudio, client } = speech({ host, port }, logger);
    const stats = { increment() {}, histogram() {} };
    const speak = (auth_token) =>
      synthAudio(stats, {
        account_sid: "a",
        vendor: "custom:sayna",
        language: "en-US",
        voice: "espeak/en",
        text: auth_token === token ? TEXT : `${TEXT} again`,
        credentials: { vendor: "custom:sayna", custom_tts_url: `${url}/jambonz/tts`, auth_token },
        renderForCaching: true,
        disableTtsCache: true,
      });
    const { filePath } = await speak(token);
    const told = { filePath, mp3: shown(readFileSync(filePath)), key: await failure(() => speak("wrong")) };
    unlinkSync(filePath);
    client.quit();
    return told;
  },
};

async function all(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return chunks;
}

process.stdout.write(`${JSON.stringify(await calls[name]())}\n`, () => process.exit(0));
