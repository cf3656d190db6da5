/** In ten seconds: is it well, when does it end, what is wrong and what to do. */
import { link } from "../page/address.js";
import { legend, stackedBar } from "../charts/bars.js";
import { Curves } from "../charts/curves.js";
import { h, patch } from "../page/elements.js";
import { line } from "../page/foreign.js";
import { TABS } from "../page/tabs.js";
import { briefly, clock, count, counted, duration, percent, rate, USES } from "../page/words.js";

const ENDED = new Set(["completed", "failed", "cancelled"]);
const GRADES = { bad: "Bad", warning: "Look", note: "Note" };

export class Overview {
  constructor() {
    this.verdict = h("section", { class: "verdict", "aria-label": "How it goes" });
    this.troubles = h("section", {
      class: "troubles",
      "aria-label": "What is wrong, and what to do",
    });
    this.progress = h("section", { class: "progress", "aria-label": "Progress" });
    this.tiles = h("section", { class: "tiles", "aria-label": "Figures" });
    this.split = h("section", { class: "split", "aria-label": "Workers' time so far" });
    this.curves = new Curves();
    this.element = h(
      "div",
      { class: "view overview" },
      h("h1", { class: "unheard" }, "Overview"),
      h("div", { class: "first" }, this.verdict, this.troubles),
      h("div", { class: "shares" }, this.progress, this.split),
      this.tiles,
      this.curves.element,
    );
  }

  async load({ overview, ask }) {
    this.show(overview);
    this.curves.show(await ask("curves", { points: 160 }));
  }

  show(overview) {
    patch(this.verdict, verdict(overview));
    patch(this.troubles, overview.troubles.map(trouble));
    this.troubles.hidden = overview.troubles.length === 0;
    patch(this.progress, progress(overview));
    patch(this.tiles, tiles(overview));
    patch(this.split, split(overview));
  }
}

/** One sentence, and the time of the end. */
function verdict({ head, at, eta, troubles, seconds }) {
  const worst =
    ["bad", "warning"].find((grade) => troubles.some((one) => one.grade === grade)) ?? "well";
  const ended = {
    completed: head.failed
      ? ["warning", `Completed, ${counted(head.failed, "item")} without an answer`]
      : ["well", "Completed"],
    failed: ["bad", "Failed"],
    cancelled: ["warning", "Cancelled"],
    interrupted: ["bad", "Interrupted: nobody works on it"],
  }[head.state];
  const going = {
    bad: "Something is wrong",
    warning: "Going, with something to look at",
    well: "Going well",
  }[worst];
  const [grade, words] =
    ended ?? (head.state === "paused" ? ["warning", "Paused"] : [worst, going]);
  return [
    h(
      "p",
      { class: `word ${grade}` },
      h("span", { class: `sign ${grade}`, "aria-hidden": "true" }),
      words,
    ),
    h("p", { class: "end" }, theEnd(head, at, eta, seconds, Boolean(ended))),
  ];
}

function theEnd(head, at, eta, seconds, ended) {
  if (ended)
    return [`ended ${clock(head.last_at)}`, h("small", {}, `after ${duration(seconds)} of work`)];
  if (head.state === "paused")
    return ["no end in sight", h("small", {}, "it goes on when it is unpaused")];
  if (!eta) return ["end not known yet", h("small", {}, "as soon as some batches are done, it is")];
  const [soonest, latest] = [at + eta.soonest_seconds, at + eta.latest_seconds];
  const brief = eta.latest_seconds > 300;
  return [
    h(
      "span",
      {},
      "ends in ",
      h("strong", {}, duration(eta.seconds)),
      `, at ${clock(at + eta.seconds, !brief)}`,
    ),
    h(
      "small",
      {},
      `nine times of ten between ${clock(soonest, !brief)} and ${clock(latest, !brief)}: in ${briefly(eta.soonest_seconds)} to ${briefly(eta.latest_seconds)}`,
    ),
  ];
}

function trouble({ grade, what, mend, tab }) {
  return h(
    "div",
    { class: `trouble ${grade}` },
    h("span", { class: `sign ${grade}`, "aria-hidden": "true" }),
    h(
      "p",
      { class: "what" },
      h("span", { class: "unheard" }, `${GRADES[grade]}: `),
      line(what, 400),
    ),
    mend && h("p", { class: "mend" }, line(mend, 400)),
    h("a", { href: link({ tab, open: "", find: "" }) }, TABS[tab]),
  );
}

function progress({ head, in_flight, waiting }) {
  const parts = [
    {
      value: head.finished - head.failed,
      look: "part-done",
      name: "done",
      text: count(head.finished - head.failed),
    },
    { value: head.failed, look: "part-failed", name: "failed", text: count(head.failed) },
    { value: in_flight, look: "part-flight", name: "in flight", text: count(in_flight) },
    { value: waiting, look: "part-waiting", name: "waiting", text: count(waiting) },
  ];
  return [
    h(
      "div",
      { class: "row" },
      h("p", { class: "big number" }, percent(head.items ? head.finished / head.items : 0, 1)),
      h(
        "p",
        { class: "of" },
        `${count(head.finished)} of ${counted(head.items, "item")} have a result`,
      ),
    ),
    stackedBar(parts, head.items, "Items"),
    legend(parts),
  ];
}

function tiles(overview) {
  const { crew } = overview;
  const there = crew.idle + crew.loading + crew.warm + crew.working + crew.leaving;
  const states = ["working", "loading", "warm", "idle", "leaving"]
    .filter((name) => crew[name])
    .map((name) => `${count(crew[name])} ${name}`);
  const tile = (name, value, says, tab) =>
    h(
      "div",
      { class: "tile" },
      h("h2", {}, tab ? h("a", { href: link({ tab, open: "" }) }, name) : name),
      h("p", { class: "value number" }, value),
      h("p", { class: "says" }, says),
    );
  return [
    ENDED.has(overview.head.state)
      ? tile(
          "Rate",
          rate(overview.head.finished / (overview.seconds || 1)),
          "over all the time worked",
        )
      : tile("Rate", rate(overview.items_per_second), "over the last minute"),
    tile(
      "Efficiency",
      overview.efficiency === null ? "–" : percent(overview.efficiency),
      "of the best possible",
    ),
    tile("Workers", count(there), states.join(", ") || "none there", "workers"),
    tile(
      "Taken or lost",
      count(overview.evictions),
      `${overview.evictions === 1 ? "worker" : "workers"}; ${counted(overview.lost_batches, "batch")} lost`,
      "events",
    ),
    tile("Retries", count(overview.retries), "attempts after an error", "items"),
    tile("Worked", duration(overview.seconds), `since ${clock(overview.head.began_at)}`),
  ];
}

function split({ split: of }) {
  const parts = Object.entries(USES).map(([use, name]) => ({
    use,
    name,
    look: `use-${use}`,
    value: of[`${use}_seconds`],
  }));
  const whole = parts.reduce((sum, part) => sum + part.value, 0);
  const told = parts.map((part) => ({ ...part, text: whole ? percent(part.value / whole) : "0%" }));
  return [
    h(
      "div",
      { class: "row" },
      h("h2", { class: "big" }, "Workers' time"),
      h("p", { class: "of number" }, `${duration(whole)} so far`),
    ),
    stackedBar(told, whole, "Workers' time"),
    legend(told),
  ];
}
