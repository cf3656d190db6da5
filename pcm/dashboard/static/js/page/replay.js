/** Any moment of the run: a slider over its time, and playing it at several speeds. */
import { go, read } from "./address.js";
import { fill, h, say } from "./elements.js";
import { clock, duration } from "./words.js";

const STEPS = 1000;
const TICK_MS = 200;
const WHOLE_SECONDS = 60;
const SPEEDS = {
  fit: "Whole run in 1 min",
  1: "As it was",
  10: "10 times",
  60: "60 times",
  600: "600 times",
};

export class Replay {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.began = 0;
    this.end = 0;
    this.slider = h("input", {
      type: "range",
      min: 0,
      max: STEPS,
      value: STEPS,
      "aria-label": "Moment of the run",
    });
    this.play = h("button", { type: "button", class: "play", on: { click: () => this.toggle() } });
    this.speed = h(
      "select",
      { "aria-label": "Speed of the replay" },
      Object.entries(SPEEDS).map(([value, name]) => h("option", { value }, name)),
    );
    this.back = h("button", { type: "button", class: "main", on: { click: () => this.toNow() } });
    this.text = h("output", { class: "number" });
    this.slider.addEventListener("input", () => {
      this.stop();
      const place = Number(this.slider.value);
      go(
        { at: place >= STEPS ? null : this.began + (place / STEPS) * (this.end - this.began) },
        true,
      );
    });
    this.element = element;
    this.speed.value = "fit";
    fill(element, this.play, this.speed, this.slider, this.text, this.back);
    this.showPlay();
  }

  /** The run's time, as far as it is known now. */
  span(began, end, live) {
    this.began = began;
    this.end = Math.max(end, began + 0.001);
    this.live = live;
    this.show();
  }

  show() {
    const at = read().at;
    const shown = at ?? this.end;
    const place = Math.round(((shown - this.began) / (this.end - this.began)) * STEPS);
    if (document.activeElement !== this.slider || at === null || this.timer)
      this.slider.value = String(place);
    const into = duration(Math.max(0, shown - this.began));
    const text =
      at === null ? `${this.live ? "now" : "the end"}, ${into} in` : `${clock(shown)}, ${into} in`;
    say(this.text, text);
    this.slider.setAttribute("aria-valuetext", text);
    say(this.back, this.live ? "Back to now" : "To the end");
    this.back.classList.toggle("gone", at === null);
    this.back.disabled = at === null;
  }

  toNow() {
    this.stop();
    go({ at: null });
    this.slider.focus();
  }

  toggle() {
    if (this.timer) return this.stop();
    if (read().at === null) go({ at: this.began });
    this.last = performance.now();
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.showPlay();
  }

  stop() {
    clearInterval(this.timer);
    this.timer = 0;
    this.showPlay();
  }

  tick() {
    const now = performance.now();
    const speed =
      this.speed.value === "fit"
        ? (this.end - this.began) / WHOLE_SECONDS
        : Number(this.speed.value);
    const at = (read().at ?? this.began) + ((now - this.last) / 1000) * speed;
    this.last = now;
    if (at >= this.end) {
      this.stop();
      go({ at: null });
    } else if (!document.hidden) go({ at }, true);
  }

  showPlay() {
    fill(
      this.play,
      h("span", { "aria-hidden": "true" }, this.timer ? "❚❚" : "▶"),
      h("span", { class: "unheard" }, this.timer ? "Stop the replay" : "Play the run"),
    );
    this.element.classList.toggle("playing", Boolean(this.timer));
  }
}
