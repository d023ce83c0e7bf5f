// Swagger UI over this server's own document, with a player for audio. The token stays in this page's memory.

import { envelope, playable } from "./play.js";

const EXTENSIONS = { mpeg: "mp3", "x-wav": "wav" };

// Swagger UI would fetch the address of the answer a second time, with GET; this plays the answer itself.
function audioAnswers(system) {
  const { createElement, useEffect, useMemo } = system.React;

  function Player({ blob, caption }) {
    const address = useMemo(() => URL.createObjectURL(blob), [blob]);
    useEffect(() => () => URL.revokeObjectURL(address), [address]);
    const kind = blob.type.split("/")[1];
    return createElement(
      "div",
      { className: "player" },
      createElement("audio", { controls: true, src: address }),
      createElement("span", { className: "caption" }, caption),
      createElement("a", { href: address, download: `speech.${EXTENSIONS[kind] ?? kind}` }, "Download"),
    );
  }

  function Bytes({ content, contentType, headers }) {
    const rate = Number(headers["x-sample-rate"] ?? 8000);
    const blob = useMemo(() => playable(content, contentType, rate), [content, contentType, rate]);
    const told = ["x-provider", "x-voice-id", "x-audio-format", "x-cache"].map((name) => headers[name]);
    const caption = [...told, `${content.size.toLocaleString("en")} bytes`].filter(Boolean).join(" · ");
    return createElement(Player, { blob, caption });
  }

  function Envelope({ found, Original, props }) {
    const { metadata, audio, bytes, type } = found;
    const blob = useMemo(() => playable(bytes, type, metadata.sample_rate), [found]);
    const short = { metadata, audio: `${audio.slice(0, 48)}… (${audio.length.toLocaleString("en")} characters)` };
    const caption = `${metadata.provider} · ${metadata.voice_id} · ${metadata.duration_ms} ms`;
    return createElement(
      "div",
      null,
      createElement(Player, { blob, caption }),
      createElement(Original, { ...props, content: JSON.stringify(short) }),
    );
  }

  const ResponseBody = (Original) => (props) => {
    const { content, contentType = "" } = props;
    const found = useMemo(() => (typeof content === "string" ? envelope(content) : null), [content]);
    if (found) return createElement(Envelope, { found, Original, props });
    return content instanceof Blob && contentType.startsWith("audio/")
      ? createElement(Bytes, props)
      : createElement(Original, props);
  };
  return { wrapComponents: { responseBody: ResponseBody } };
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", paint);
paint();

const ui = SwaggerUIBundle({
  url: new URL("openapi.json", document.baseURI).href,
  dom_id: "#playground",
  layout: "BaseLayout",
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [audioAnswers],
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  defaultModelExpandDepth: 3,
  displayRequestDuration: true,
  persistAuthorization: false,
  queryConfigEnabled: false,
  tryItOutEnabled: true,
  validatorUrl: null,
  // Closed at first: what is not configured here, and the forms of other servers.
  onComplete: () => {
    const { tags } = ui.specSelectors.specJson().toJS();
    for (const tag of tags) if (tag["x-folded"]) ui.layoutActions.show(["operations-tag", tag.name], false);
  },
});
