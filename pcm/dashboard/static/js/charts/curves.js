/** The charts of a run over its time, one below the other with one hair through all of them. */
import { go } from "../page/address.js";
import { h, say } from "../page/elements.js";
import { clock, count, duration, percent, rate } from "../page/words.js";
import { Plot } from "./plot.js";

const SMOOTH_SHARE = 0.05;

/** Items per second over a stretch that ends at each point: between two points it jumps. */
function smoothed({ at, finished }) {
  const width = Math.max(1, Math.round(at.length * SMOOTH_SHARE));
  return at.map((moment, place) => {
    const from = Math.max(0, place - width);
    return place ? (finished[place] - finished[from]) / (moment - at[from] || 1) : 0;
  });
}

const last = (list) => list[list.length - 1] ?? 0;

export class Curves {
  constructor() {
    this.when = h("output", { class: "when number", "aria-live": "polite" });
    const shared = { onHover: (place) => this.hover(place), onPick: (place) => this.pick(place) };
    this.plots = [
      new Plot({
        ...shared,
        title: "Where the workers' time goes",
        unit: "share of all workers' time",
        height: 156,
        kind: "stacked",
        series: [
          { id: "useful", name: "useful", look: "use-useful" },
          { id: "loading_share", name: "loading", look: "use-loading" },
          { id: "lost", name: "lost", look: "use-lost" },
          { id: "idle", name: "idle", look: "use-idle" },
          { id: "no_work", name: "no work", look: "use-no_work" },
        ],
        says: (value) => percent(value),
        summary: (data) =>
          `Now ${percent(last(data.useful))} useful, ${percent(last(data.loading_share))} loading, ${percent(last(data.lost))} lost, ${percent(last(data.idle))} idle, ${percent(last(data.no_work))} without work.`,
      }),
      new Plot({
        ...shared,
        title: "Items with a result",
        unit: "",
        height: 156,
        kind: "lines",
        series: [{ id: "finished", name: "finished", look: "use-useful" }],
        says: count,
        summary: (data) => `${count(last(data.finished))} at the end of the stretch shown.`,
      }),
      new Plot({
        ...shared,
        title: "Rate",
        unit: "items per second, over 5% of the time shown",
        height: 156,
        kind: "lines",
        series: [{ id: "rate", name: "items", look: "plain" }],
        says: (value) => (value === 0 ? "0" : value >= 10 ? count(value) : value.toFixed(1)),
        summary: (data) => `${rate(last(data.rate))} at the end of the stretch shown.`,
      }),
      new Plot({
        ...shared,
        title: "Workers",
        unit: "",
        height: 156,
        kind: "lines",
        series: [
          { id: "workers", name: "there", look: "plain" },
          { id: "working", name: "working", look: "use-useful" },
          { id: "loading", name: "loading", look: "use-loading" },
        ],
        says: count,
        summary: (data) =>
          `${count(last(data.workers))} there, ${count(last(data.working))} working, ${count(last(data.loading))} loading.`,
      }),
    ];
    this.empty = h("p", { class: "empty" }, "Curves are drawn as soon as something has happened.");
    this.element = h(
      "section",
      { class: "curves", "aria-label": "As it developed" },
      h(
        "div",
        { class: "section-head" },
        h("h2", {}, "As it developed"),
        this.when,
        h("span", { class: "hint" }, "a click, or Enter, shows the whole page as of that moment"),
      ),
      this.empty,
      this.plots.map((plot) => plot.element),
    );
  }

  show(given) {
    const data = { ...given, rate: smoothed(given) };
    this.data = data;
    this.empty.hidden = data.at.length > 1;
    for (const plot of this.plots) {
      plot.element.hidden = data.at.length < 2;
      plot.show(data);
    }
  }

  hover(place) {
    if (!this.data?.at.length) return;
    for (const plot of this.plots) plot.hover(place);
    const at = this.data.at[place ?? 0];
    say(this.when, place === null ? "" : `${clock(at)}, ${duration(at - this.data.at[0])} in`);
  }

  pick(place) {
    if (this.data?.at.length) go({ at: this.data.at[place] });
  }
}
