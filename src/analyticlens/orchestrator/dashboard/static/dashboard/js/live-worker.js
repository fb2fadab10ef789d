// Shared by all tabs of a browser: they have one event stream between them, so that a seventh tab still loads.

import { Stream } from "./stream.js";

const HIDDEN_MS = 30000;
const tabs = new Map(); // port -> is it visible
let stream = null;
let restTimer = 0;

function tellAll(news) {
  for (const port of tabs.keys()) port.postMessage(news);
}

// Open while a tab is looked at; after half a minute of none, closed until one is.
function settle() {
  clearTimeout(restTimer);
  if ([...tabs.values()].some(Boolean)) stream?.start();
  else restTimer = setTimeout(() => stream?.stop(), HIDDEN_MS);
}

function hear(port, message) {
  if (message.kind === "bye") tabs.delete(port);
  else tabs.set(port, message.visible);
  if (message.kind === "hello") {
    stream ??= new Stream(message.url, tellAll);
    port.postMessage({ state: stream.state, machines: [], reset: false });
  }
  settle();
}

self.onconnect = (event) => {
  const [port] = event.ports;
  port.onmessage = ({ data }) => hear(port, data);
};
