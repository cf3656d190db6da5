/** Why a worker got its last batch: the terms of its score beside those of the others. */
import { h } from "../page/elements.js";
import { line } from "../page/foreign.js";
import { counted, duration } from "../page/words.js";

/** What the terms are called, and what they mean in a sentence. */
const TERMS = {
  free_in: ["until free", "is busy for", "was free"],
  warm_in: ["until warm", "needs to warm up for", "was warm"],
  work: ["work", "computes for", "computes at once"],
  risk: ["risk", "may lose", "risks nothing"],
};

/** @param {any} placement @returns {any[]} */
export function comparison(placement) {
  const { terms } = placement;
  const about = `Batch ${placement.batch}: ${counted(placement.items, "item")}${placement.attempt > 1 ? `, attempt ${placement.attempt}` : ""}, predicted to take ${duration(placement.predicted_seconds)}.`;
  if (!terms.length)
    return [
      h("p", {}, about),
      h("p", { class: "hint" }, "No other worker was asked: there was no choice."),
    ];
  const most = Math.max(...terms.map((one) => one.total), 1e-9);
  const head = h(
    "tr",
    {},
    h("th", { scope: "col" }, "worker"),
    Object.values(TERMS).map(([name]) => h("th", { scope: "col", class: "number" }, name)),
    h("th", { scope: "col", class: "number" }, "total"),
  );
  const rows = terms.map((one, place) =>
    h(
      "tr",
      { class: place === 0 ? "winner" : null },
      h("th", { scope: "row" }, line(one.worker, 60)),
      Object.keys(TERMS).map((term) => h("td", { class: "number" }, seconds(one[term]))),
      h("td", { class: "number" }, h("strong", {}, seconds(one.total))),
    ),
  );
  return [
    h("p", {}, about),
    h("p", {}, because(terms)),
    h(
      "ul",
      { class: "legend" },
      Object.entries(TERMS).map(([term, [name]]) =>
        h("li", {}, h("span", { class: `swatch term-${term}`, "aria-hidden": "true" }), name),
      ),
    ),
    h(
      "div",
      { class: "scores", "aria-hidden": "true" },
      terms.map((one) => scoreBar(one, most)),
    ),
    h(
      "div",
      { class: "table-frame", tabindex: 0, role: "region", "aria-label": "Terms of the scores" },
      h(
        "table",
        { class: "small" },
        h("caption", { class: "unheard" }, "Terms of the scores, in seconds"),
        h("thead", {}, head),
        h("tbody", {}, rows),
      ),
    ),
  ];
}

function scoreBar(one, most) {
  const bar = h("div", { class: "bar" });
  for (const term of Object.keys(TERMS)) {
    const piece = h("span", { class: `term-${term}` });
    piece.style.flexGrow = String(one[term] / most);
    bar.append(piece);
  }
  const rest = h("span", { class: "rest" });
  rest.style.flexGrow = String(Math.max(0, 1 - one.total / most));
  bar.append(rest);
  return h("div", { class: "score" }, h("span", { class: "name" }, line(one.worker, 40)), bar);
}

/** The one difference that decided, in a sentence. */
function because([first, second]) {
  const winner = h("strong", {}, line(first.worker, 60));
  if (!second)
    return [
      winner,
      ` was the only one that could take it, and would be done in ${duration(first.total)}.`,
    ];
  const gap = (name) => second[name] - first[name];
  const term = Object.keys(TERMS).reduce((a, b) => (gap(b) > gap(a) ? b : a));
  const rival = h("strong", {}, line(second.worker, 60));
  const ahead = duration(second.total - first.total);
  if (gap(term) <= 0) return [winner, " and ", rival, " were even."];
  const [, needs, else_] = TERMS[term];
  const [mine, theirs] = [first[term], second[term]];
  const words =
    mine > 0
      ? ` ${needs} ${duration(mine)} against ${duration(theirs)}`
      : ` ${else_}, the other ${needs} ${duration(theirs)}`;
  return [winner, ` is done ${ahead} before the next, `, rival, `: it${words}.`];
}

function seconds(value) {
  return value === 0 ? "0" : value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);
}
