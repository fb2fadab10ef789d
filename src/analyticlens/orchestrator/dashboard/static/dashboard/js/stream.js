// One event stream from the orchestrator: reopened for ever, never twice at once, going on after the last event seen.

const FLUSH_MS = 250;
const RETRY_MS = [1000, 2000, 5000, 10000];
// The stream speaks at least this often while anything lives; after that much silence nobody knows whether it still stands.
const SILENCE_MS = 45000;

export class Stream {
  /** `tell({state, machines, reset})` is called when the connection changes and, at most four times a second, with what changed. */
  constructor(url, tell) {
    this.url = url;
    this.tell = tell;
    this.source = null;
    this.lastId = "";
    this.failures = 0;
    this.state = "waiting";
    this.changed = new Set();
    this.reset = false;
    this.flushTimer = 0;
    this.retryTimer = 0;
    this.silenceTimer = 0;
  }

  get open() {
    return this.source !== null || this.retryTimer !== 0;
  }

  start() {
    if (this.open) return;
    const back = this.lastId ? `?last_id=${encodeURIComponent(this.lastId)}` : "";
    this.source = new EventSource(this.url + back);
    this.source.onopen = () => this.heard();
    this.source.onerror = () => this.lost();
    this.source.onmessage = (event) => this.take(event);
    this.source.addEventListener("hello", (event) => this.note(event));
    this.source.addEventListener("reset", (event) => {
      this.note(event);
      this.reset = true;
      this.flushSoon();
    });
    this.watchSilence();
  }

  stop() {
    clearTimeout(this.retryTimer);
    clearTimeout(this.silenceTimer);
    this.retryTimer = 0;
    this.source?.close();
    this.source = null;
  }

  heard() {
    this.failures = 0;
    this.say("live");
    this.watchSilence();
  }

  note(event) {
    if (event.lastEventId) this.lastId = event.lastEventId;
    this.heard();
  }

  take(event) {
    this.note(event);
    const topic = String(JSON.parse(event.data).topic ?? "");
    if (!topic.startsWith("machine:")) return;
    this.changed.add(topic.slice("machine:".length));
    this.flushSoon();
  }

  flushSoon() {
    this.flushTimer ||= setTimeout(() => {
      this.flushTimer = 0;
      this.tell({ state: this.state, machines: [...this.changed], reset: this.reset });
      this.changed.clear();
      this.reset = false;
    }, FLUSH_MS);
  }

  // The browser's own retry gives up after an answer that is no stream, so the retry is ours in every case.
  lost() {
    this.stop();
    this.say("late");
    const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
    this.failures += 1;
    this.retryTimer = setTimeout(() => {
      this.retryTimer = 0;
      this.start();
    }, wait);
  }

  watchSilence() {
    clearTimeout(this.silenceTimer);
    this.silenceTimer = setTimeout(() => {
      this.stop();
      this.start();
    }, SILENCE_MS);
  }

  say(state) {
    if (state === this.state) return;
    this.state = state;
    this.tell({ state, machines: [], reset: false });
  }
}
