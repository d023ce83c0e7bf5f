// Puts the page together: the text, one card or two, the code, and the key when the server asks for one.

import { Refusal, fetchUsage, fetchVendors, fetchVoices, hasKey, speak, useKey } from "./api.js";
import { Card } from "./card.js";
import { clipUrl } from "./clip.js";
import { codeFor } from "./code.js";
import { greetingInstead } from "./greetings.js";
import { forgetAll, remember, showHistory } from "./history.js";
import { compiled, insert } from "./markup.js";
import { PromptsTab } from "./prompts.js";
import { Pronunciations } from "./pronounce.js";
import { Replay, wavOf } from "./replay.js";
import { learnVendors } from "./save.js";
import { RATE } from "./stream.js";
import { systemOf, systemOptions } from "./systems.js";
import { providerName } from "./voices.js";

const part = (id) => document.getElementById(id);
const hooks = {
  fields: () => ({
    ...compiled(part("text").value),
    ...(pronunciations?.chosen.length && { pronunciations: pronunciations.chosen }),
  }),
  onChange: showCode,
  onLanguage: greet,
  onPlay: (card) => stopAll(card),
  onMade: (entry) => {
    remember({ ...entry, text: part("text").value });
    listHistory();
    showUsage();
  },
  onRefusal: askForKey,
};
let pronunciations = null;
const cards = [new Card("Voice A", hooks), new Card("Voice B", hooks)];
const NO_PROVIDER = "This server has no voice to speak with: its operator must set the key of a provider.";
const again = new Replay(() => {}, () => listHistory());
let ready = false;

function comparing() {
  return part("compare").ariaPressed === "true";
}

function chosenCard() {
  const checked = document.querySelector('input[name="whose"]:checked');
  return comparing() ? cards[Number(checked.value)] : cards[0];
}

function showCode() {
  if (!ready) return;
  const language = document.querySelector('input[name="code"]:checked').value;
  const { request, file } = chosenCard();
  const server = new URL(".", document.baseURI).href;
  part("code").textContent = codeFor(language, { request, file, server, withKey: hasKey() });
}

function showCount() {
  const count = [...part("text").value].length;
  part("count").textContent = count === 1 ? "1 character" : `${count} characters`;
  changed();
}

function changed() {
  if (ready) for (const card of cards) card.changed();
}

function greet(language) {
  part("text").value = greetingInstead(part("text").value, language) ?? part("text").value;
  showCount();
}

function notice(sentence) {
  part("notice").textContent = sentence;
  part("notice").hidden = sentence === "";
}

function askForKey(error) {
  if (!(error instanceof Refusal) || error.status !== 401) return;
  if (hasKey()) part("key-help").textContent = `The key was refused: ${error.message}`;
  part("key-form").hidden = false;
  part("key").focus();
}

async function loadVoices() {
  notice("Fetching the voices ...");
  try {
    const [{ byProvider, ...troubles }, vendors] = await Promise.all([fetchVoices(), fetchVendors()]);
    learnVendors(vendors);
    notice(sentences(troubles));
    part("key-form").hidden = true;
    if (Object.keys(byProvider).length === 0) return notice(`${sentences(troubles)} ${NO_PROVIDER}`.trim());
    for (const id of ["cards", "compare", "url-panel", "code-panel"]) part(id).hidden = false;
    cards[0].offer(byProvider, vendors);
    cards[1].offer(byProvider, vendors, cards[0]);
    ready = true;
    openTab();
    listHistory();
    changed();
    showUsage();
  } catch (error) {
    notice(error instanceof Refusal ? (error.status === 401 ? "" : error.message) : "The server cannot be reached.");
    askForKey(error);
  }
}

function sentences({ failed, stale, refused, complaint }) {
  const list = (slugs) => slugs.map(providerName).join(", ");
  return [
    ...(complaint ? [`No list came from any vendor: ${complaint}.`] : []),
    ...(refused.length ? [`The server's key for ${list(refused)} was refused; the operator must replace it.`] : []),
    ...(failed.length ? [`No list of voices came from ${list(failed)}.`] : []),
    ...(stale.length ? [`The list of ${list(stale)} is an older one; a new one did not come.`] : []),
  ].join(" ");
}

function compare() {
  const both = !comparing();
  part("compare").ariaPressed = String(both);
  part("both").hidden = !both;
  part("whose").hidden = !both;
  cards[1].element.hidden = !both;
  if (!both) cards[1].stop();
  showCode();
}

/** Say what this month has cost, where a vendor was paid or there is a cap. */
async function showUsage() {
  const { billed = 0, limit = null } = await fetchUsage().catch(() => ({}));
  const [used, most] = [billed, limit].map((number) => number?.toLocaleString("en"));
  part("usage").textContent = limit === null ? `This month: ${used} characters paid for.` : `This month: ${used} of ${most} characters.`;
  part("usage").hidden = limit === null && billed === 0;
}

function listHistory() {
  part("history-panel").hidden = showHistory(part("history"), { onPlay: playAgain, onUse: useAgain }) === 0;
}

/** Play an entry of the history; what is cached costs nothing. */
async function playAgain({ request }, button) {
  const wasPlaying = button.textContent === "Stop";
  stopAll();
  if (wasPlaying) return;
  button.textContent = "Stop";
  part("replayed").textContent = "";
  try {
    const response = await speak({ ...request, audio_format: "linear16", sample_rate: RATE });
    again.load(wavOf([await response.arrayBuffer()], RATE));
    await again.playFrom(0, 1);
  } catch (error) {
    listHistory();
    part("replayed").textContent = error instanceof Refusal ? error.message : "It cannot be played.";
    askForKey(error);
  }
}

function useAgain({ request, text }) {
  part("text").value = text;
  cards[0].recall(request);
  showCount();
  part("text").focus();
}

/** Show the part of the studio that the address names. */
function openTab() {
  const open = location.hash === "#prompts" ? "prompts" : "speak";
  for (const name of ["speak", "prompts"]) {
    part(`${name}-tab`).hidden = name !== open;
    const link = document.querySelector(`nav a[href="#${name}"]`);
    if (name === open) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (open === "prompts") stopAll();
  if (open === "prompts" && ready) prompts.open();
}

function stopAll(but = null) {
  if (again.playing) {
    again.stop();
    listHistory();
  }
  for (const card of cards) if (card !== but) card.stop();
}

async function playBoth() {
  if (await cards[0].play()) await cards[1].play();
}

async function copy(code, message) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    message.textContent = "Copied.";
  } catch {
    // No clipboard on plain http: select it, so that Ctrl C does it.
    getSelection().selectAllChildren(code);
    message.textContent = "Selected. Copy it with Ctrl C.";
  }
}

async function mint() {
  const { system, expiry, "clip-url": shown, minted, mint: button } = Object.fromEntries(
    ["system", "expiry", "clip-url", "minted", "mint"].map((id) => [id, part(id)]),
  );
  button.disabled = true;
  minted.textContent = "Rendering ...";
  try {
    const { url, sentence } = await clipUrl(chosenCard().request, systemOf(system.value).ext, Number(expiry.value));
    shown.textContent = url;
    shown.parentElement.hidden = false;
    part("share").hidden = !navigator.share;
    await copy(shown, minted);
    minted.textContent += ` ${sentence}`;
  } catch (error) {
    minted.textContent = error instanceof Refusal ? error.message : "The server cannot be reached.";
    askForKey(error);
  } finally {
    button.disabled = false;
  }
}

part("cards").append(...cards.map((card) => card.element));
part("cards").hidden = true;
cards[1].element.hidden = true;
part("text").addEventListener("input", showCount);
part("pause").addEventListener("click", () => insert(part("text"), "pause"));
part("say-as").addEventListener("change", () => {
  insert(part("text"), part("say-as").value);
  part("say-as").value = "";
});
part("compare").addEventListener("click", compare);
part("both").addEventListener("click", playBoth);
part("copy").addEventListener("click", () => copy(part("code"), part("copied")));
part("mint").addEventListener("click", mint);
part("share").addEventListener("click", () => navigator.share({ url: part("clip-url").textContent }).catch(() => {}));
part("system").append(...systemOptions());
part("system").value = "asterisk";
part("forget").addEventListener("click", () => {
  forgetAll();
  listHistory();
});
pronunciations = new Pronunciations({
  rows: part("pronunciations"),
  add: part("add-word"),
  onChange: changed,
  onTry: (text) => cards[0].play(text),
});
part("language").addEventListener("change", showCode);
part("whose").addEventListener("change", showCode);
part("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  useKey(part("key").value.trim());
  part("key").value = "";
  loadVoices();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") stopAll();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && ready) (comparing() ? playBoth() : cards[0].play());
});
const prompts = new PromptsTab(part, {
  voice: () => cards[0].voice,
  voiceName: () => cards[0].voiceName,
  onRefusal: askForKey,
});
addEventListener("hashchange", openTab);
openTab();
showCount();
loadVoices();
