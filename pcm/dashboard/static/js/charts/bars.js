/** Bars that are shares of a whole, with words that say the same. */
import { h } from "../page/elements.js";

/**
 * @param {{value: number, look: string, name: string, text: string}[]} parts
 * @param {number} whole
 * @param {string} label
 */
export function stackedBar(parts, whole, label) {
  const said = parts.filter((part) => part.value > 0).map((part) => `${part.text} ${part.name}`);
  const bar = h("div", { class: "bar", role: "img", "aria-label": `${label}: ${said.join(", ")}` });
  for (const part of parts) {
    if (!(part.value > 0)) continue;
    const piece = h("span", { class: part.look, title: `${part.name}: ${part.text}` });
    piece.style.flexGrow = String(part.value / (whole || 1));
    bar.append(piece);
  }
  const rest = whole - parts.reduce((sum, part) => sum + part.value, 0);
  if (rest > 0) {
    const piece = h("span", { class: "rest" });
    piece.style.flexGrow = String(rest / whole);
    bar.append(piece);
  }
  return bar;
}

/** What the colours of a bar mean, with the numbers. */
export function legend(parts) {
  return h(
    "ul",
    { class: "legend" },
    parts.map((part) =>
      h(
        "li",
        {},
        h("span", { class: `swatch ${part.look}`, "aria-hidden": "true" }),
        part.name,
        " ",
        h("span", { class: "value number" }, part.text),
      ),
    ),
  );
}
