// Keeps what is on the page true: redraws, at most once a second, what the stream says has changed, and everything every few seconds.

import { ago, late, stamp, tick } from "./ages.js";
import { connect } from "./connection.js";

const REDRAW_MS = 1000;
const REFRESH_MS = 5000;

const settings = JSON.parse(document.getElementById("live-data").textContent);
const lamp = document.getElementById("live");
const region = () => document.querySelector("[data-live]"); // asked anew each time: a filter may have replaced it

const dirty = new Set();
let everything = false;
let fetching = false;
let lastDrawn = performance.now();
let streaming = false;
let heldBack = null; // an order that came while someone was pointing

// --- the lamp in the top bar ---

function showLamp() {
  const seconds = (performance.now() - lastDrawn) / 1000;
  const isLate = seconds > 2 * (REFRESH_MS / 1000);
  const state = isLate ? "late" : streaming ? "live" : "waiting";
  const text = isLate
    ? late(settings.words, seconds)
    : `${streaming ? settings.words.live : settings.words.waiting} · ${ago(settings.words, seconds)}`;
  lamp.hidden = false;
  document.getElementById("no-news").hidden = !isLate;
  if (document.documentElement.dataset.news !== state) document.documentElement.dataset.news = state;
  if (lamp.dataset.state !== state) lamp.dataset.state = state;
  if (lamp.textContent !== text) lamp.textContent = text;
}

// --- drawing ---

const morphing = {
  ignoreActiveValue: true,
  callbacks: {
    // What a person has opened stays open, and what was typed stays typed.
    beforeAttributeUpdated: (name, node) => !(name === "open" && node.tagName === "DETAILS"),
    beforeNodeMorphed: (old) => !(old.nodeType === 1 && old.hasAttribute("data-keep")),
  },
};

const parse = (html) => new DOMParser().parseFromString(html, "text/html");

// A new picture is loaded before it is shown, so that picture and overlay change together.
async function preload(root) {
  const sources = [...root.querySelectorAll("img[data-frame]")].map((image) => image.getAttribute("src"));
  await Promise.all(
    sources.map((source) => {
      const image = new Image();
      image.src = source;
      return image.decode().catch(() => undefined); // the page's own <img> will say what is missing
    }),
  );
}

function replaceById(fresh) {
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const shown = document.getElementById(part.id);
    if (!shown) continue;
    Idiomorph.morph(shown, part, morphing);
    stamp(document.getElementById(part.id) ?? document);
  }
}

async function get(url) {
  const answer = await fetch(url, { headers: { "X-Live": "1" }, credentials: "same-origin", redirect: "manual" });
  if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) {
    location.reload(); // the session is over: the page says so by asking to sign in
    return null;
  }
  return answer.ok ? parse(await answer.text()) : null;
}

async function redraw() {
  const { live, many } = region().dataset;
  const url = new URL(live, location.href);
  if (!everything && many !== undefined) url.searchParams.set("ids", [...dirty].join(","));
  dirty.clear();
  everything = false;
  const fresh = await get(url);
  if (!fresh) return false;
  await preload(fresh);
  replaceById(fresh);
  noteOrder(fresh.getElementById("order"));
  return true;
}

// --- the order of tiles stands still while someone points or has the focus there ---

const held = () => region().matches(":hover") || region().contains(document.activeElement);

function noteOrder(order) {
  const shown = document.getElementById("order");
  if (!order || !shown) return;
  const same = order.dataset.attention === shown.dataset.attention && order.dataset.machines === shown.dataset.machines;
  heldBack = same ? null : order;
  if (!same && !held()) resort();
  else offerResort(shown);
}

function offerResort(shown) {
  const button = document.getElementById("resort");
  button.hidden = heldBack === null;
  if (heldBack === null) return;
  const before = new Set(shown.dataset.attention.split(" "));
  const after = new Set(heldBack.dataset.attention.split(" "));
  const moved = [...after].filter((id) => id && !before.has(id)).length + [...before].filter((id) => id && !after.has(id)).length;
  const count = Math.max(1, moved);
  const few = new Intl.PluralRules(document.documentElement.lang).select(count) === "one";
  const text = (few ? settings.words.resortOne : settings.words.resortMany).replace("{n}", count);
  const label = button.querySelector("span");
  if (label.textContent !== text) label.textContent = text;
}

async function resort() {
  heldBack = null;
  const fresh = await get(location.href);
  const board = fresh?.getElementById(region().id);
  if (!board) return;
  Idiomorph.morph(region(), board, morphing);
  stamp(region());
  document.getElementById("resort").hidden = true;
}

// --- the rhythm ---

function due(now) {
  if (document.visibilityState !== "visible" || fetching) return false;
  const waited = now - lastTry;
  return ((dirty.size > 0 || everything) && waited >= REDRAW_MS) || waited >= REFRESH_MS;
}

let lastTry = performance.now();

async function beat() {
  const now = performance.now();
  if (!region()) return;
  tick(settings.words);
  showLamp();
  if (heldBack && !held() && !fetching) resort();
  if (!due(now)) return;
  if (now - lastTry >= REFRESH_MS) everything = true;
  lastTry = now;
  fetching = true;
  try {
    if (await redraw()) lastDrawn = performance.now();
  } catch (problem) {
    if (!(problem instanceof TypeError)) throw problem; // a TypeError is fetch's word for "no connection": the lamp says so
  } finally {
    fetching = false;
  }
}

function hear(news) {
  streaming = news.state === "live";
  everything ||= news.reset;
  const only = region()?.dataset.machine;
  for (const machine of news.machines) if (!only || machine === only) dirty.add(machine);
}

export function startLive() {
  if (!region() || !lamp) return;
  stamp(document);
  document.getElementById("resort")?.addEventListener("click", resort);
  document.addEventListener("htmx:afterSwap", () => stamp(document));
  connect(settings, hear);
  setInterval(beat, 250);
  showLamp();
}
