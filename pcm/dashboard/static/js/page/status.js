/** Whether the page is connected, and how old what it shows is. Said at once when that changes. */
import { fill, h, say } from "./elements.js";
import { clock, duration } from "./words.js";

const BACK_MS = 4000;

export class Status {
  /** @param {HTMLElement} element @param {HTMLElement} banner */
  constructor(element, banner) {
    this.banner = banner;
    this.word = h("strong");
    this.age = h("span", { class: "age", "aria-live": "off" });
    fill(element, h("span", { class: "dot", "aria-hidden": "true" }), this.word, this.age);
    this.element = element;
    this.state = "connecting";
    /** @type {{at: number, lastAt: number, got: number, ended: boolean} | null} */
    this.shown = null;
    this.replay = false;
    setInterval(() => this.tell(), 1000);
    this.tell();
  }

  /** @param {import("./stream.js").LinkState} state */
  link(state) {
    const was = this.state;
    this.state = state;
    if (state === "lost" && was !== "lost") this.since = performance.now();
    if (state === "there" && was === "lost") this.back = performance.now();
    this.tell();
  }

  /** What is shown now, of which moment. */
  show(overview, replay) {
    const ended = !["running", "paused"].includes(overview.head.state);
    this.shown = { at: overview.at, lastAt: overview.head.last_at, got: performance.now(), ended };
    this.replay = replay;
    this.tell();
  }

  tell() {
    const word = {
      connecting: "Connecting",
      there: this.replay ? "Replay" : this.shown?.ended ? "Ended" : "Live",
      lost: "Connection lost",
      refused: "Refused",
    }[this.state];
    this.element.className = `link ${this.state} ${this.replay ? "replay-link" : ""} ${this.shown?.ended ? "ended" : ""}`;
    say(this.word, word);
    say(this.age, this.ageText());
    this.tellBanner();
  }

  ageText() {
    if (!this.shown) return "";
    if (this.replay || this.shown.ended) return clock(this.shown.at);
    const waited = (performance.now() - this.shown.got) / 1000;
    return `last entry ${duration(Math.round(Math.max(0, this.shown.at - this.shown.lastAt) + waited)).replace(".0", "")} ago`;
  }

  tellBanner() {
    const now = performance.now();
    let text = "";
    if (this.state === "refused")
      text =
        "The server no longer accepts this page's token. Open the address that pcm dashboard DIR prints.";
    else if (this.state === "lost") {
      const shown =
        this.shown && !this.replay ? ` What is shown is from ${clock(this.shown.at)}.` : "";
      text = `No connection for ${Math.round((now - this.since) / 1000)} s.${shown} Trying again.`;
    } else if (this.state === "there" && this.back && now - this.back < BACK_MS)
      text = "Connected again.";
    this.banner.className = `banner ${this.state}`;
    this.banner.hidden = !text;
    // A screen reader is told once and not with every second.
    this.banner.setAttribute(
      "role",
      this.state === "lost" && now - this.since > 1500 ? "note" : "alert",
    );
    say(this.banner, text);
  }
}
