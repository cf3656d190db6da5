/**
 * Server-sent events, read by fetch and not by EventSource: that hides heartbeats, so that a dead
 * tunnel looks alive, and it gives up for good when a server that starts again refuses once.
 */

const SILENCE_MS = 20_000;
const PAUSES_MS = [500, 1000, 2000, 4000, 5000];

/** @typedef {"connecting" | "there" | "lost" | "refused"} LinkState */

export class Stream {
  /**
   * @param {string} url
   * @param {(kind: string, data: any) => void} onEvent
   * @param {(state: LinkState) => void} onState
   */
  constructor(url, onEvent, onState) {
    this.url = url;
    this.onEvent = onEvent;
    this.onState = onState;
    this.lastId = "";
    this.failures = 0;
    this.open();
  }

  close() {
    clearTimeout(this.again);
    clearTimeout(this.silence);
    this.closed = true;
    this.stop?.abort();
  }

  async open() {
    this.stop = new AbortController();
    this.hear();
    try {
      const headers = {
        Accept: "text/event-stream",
        ...(this.lastId && { "Last-Event-ID": this.lastId }),
      };
      const answer = await fetch(this.url, {
        headers,
        signal: this.stop.signal,
        cache: "no-store",
      });
      if (answer.status === 401 || answer.status === 403) {
        clearTimeout(this.silence);
        this.onState("refused");
        return;
      }
      if (!answer.ok || !answer.body) throw new Error(`status ${answer.status}`);
      this.failures = 0;
      this.onState("there");
      await this.read(answer.body.pipeThrough(new TextDecoderStream()).getReader());
    } catch {
      // Whatever it was: the stream is over, and is asked for again.
    }
    clearTimeout(this.silence);
    if (this.closed) return;
    this.onState("lost");
    this.again = setTimeout(
      () => this.open(),
      PAUSES_MS[Math.min(this.failures++, PAUSES_MS.length - 1)],
    );
  }

  /** Something came: the silence begins anew. */
  hear() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.stop?.abort(), SILENCE_MS);
  }

  /** @param {ReadableStreamDefaultReader<string>} reader */
  async read(reader) {
    let left = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      this.hear();
      left += value;
      for (let end = left.search(/\r?\n\r?\n/); end >= 0; end = left.search(/\r?\n\r?\n/)) {
        this.take(left.slice(0, end));
        left = left.slice(end).replace(/^\r?\n\r?\n/, "");
      }
    }
  }

  take(text) {
    let kind = "message";
    const data = [];
    for (const one of text.split(/\r?\n/)) {
      const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(one) ?? [];
      if (name === "event") kind = value;
      else if (name === "data") data.push(value);
      else if (name === "id") this.lastId = value;
    }
    if (data.length) this.onEvent(kind, JSON.parse(data.join("\n")));
  }
}
