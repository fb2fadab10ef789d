// How a page hears the orchestrator: through the worker its browser's tabs share; alone, where there is none.

import { Stream } from "./stream.js";

const visible = () => document.visibilityState === "visible";

function throughWorker(settings, tell) {
  const worker = new SharedWorker(settings.worker, { type: "module", name: "analyticlens" });
  const say = (kind) => worker.port.postMessage({ kind, visible: visible(), url: settings.stream });
  worker.port.onmessage = ({ data }) => tell(data);
  say("hello");
  document.addEventListener("visibilitychange", () => say("seen"));
  addEventListener("pagehide", () => say("bye"));
  addEventListener("pageshow", (event) => event.persisted && say("hello"));
}

// Without shared workers (some phones) only the tab that is looked at holds a stream.
function alone(settings, tell) {
  const stream = new Stream(settings.stream, tell);
  const settle = () => (visible() ? stream.start() : stream.stop());
  document.addEventListener("visibilitychange", settle);
  addEventListener("pagehide", () => stream.stop());
  addEventListener("pageshow", (event) => event.persisted && settle());
  settle();
}

export function connect(settings, tell) {
  if ("SharedWorker" in window) throughWorker(settings, tell);
  else alone(settings, tell);
}
