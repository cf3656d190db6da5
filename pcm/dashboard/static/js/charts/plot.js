/** A chart over the run's time, as SVG that the style sheets colour; its legend tells the values. */
import { fill, h, say, svg } from "../page/elements.js";
import { timeTicks, valueTicks } from "./ticks.js";

const LEFT = 48;
const RIGHT = 12;
const TOP = 8;
const BOTTOM = 20;

/**
 * @typedef {object} Series
 * @property {string} id A field of the data: a list as long as `at`.
 * @property {string} name
 * @property {string} look A class of the style sheets that says its colour.
 */

export class Plot {
  /**
   * @param {{title: string, unit: string, height: number, series: Series[],
   *   kind: "stacked" | "lines", top?: (data: any) => number, says: (value: number) => string,
   *   summary: (data: any) => string, onHover: (place: number | null) => void,
   *   onPick: (place: number) => void}} of
   */
  constructor(of) {
    this.of = of;
    this.values = of.series.map(() => h("span", { class: "value number" }));
    const legend = of.series.map((one, place) =>
      h(
        "li",
        {},
        h("span", { class: `swatch ${one.look}`, "aria-hidden": "true" }),
        one.name,
        " ",
        this.values[place],
      ),
    );
    this.picture = svg("svg", { "aria-hidden": "true" });
    this.box = h("div", { class: "plot", tabindex: 0, role: "img" }, this.picture);
    this.box.style.height = `${of.height}px`;
    this.element = h(
      "figure",
      { class: "chart" },
      h(
        "figcaption",
        {},
        h("h3", {}, of.title, h("small", {}, of.unit)),
        h("ul", { class: "legend" }, legend),
      ),
      this.box,
    );
    this.box.addEventListener("pointermove", (event) => of.onHover(this.placeAt(event)));
    this.box.addEventListener("pointerleave", () => of.onHover(null));
    this.box.addEventListener("blur", () => of.onHover(null));
    this.box.addEventListener("click", (event) => of.onPick(this.placeAt(event)));
    this.box.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.box);
  }

  show(data) {
    this.data = data;
    this.box.setAttribute("aria-label", `${this.of.title}. ${this.of.summary(data)}`);
    this.draw();
  }

  draw() {
    const { data, of } = this;
    const width = this.box.clientWidth;
    if (!data || data.at.length < 2 || width < LEFT + RIGHT + 20) return fill(this.picture);
    this.picture.setAttribute("viewBox", `0 0 ${width} ${of.height}`);
    const [start, stop] = [data.at[0], data.at[data.at.length - 1]];
    const most = of.top
      ? of.top(data)
      : Math.max(...of.series.map((one) => Math.max(...data[one.id])));
    const { top, ticks } =
      of.kind === "stacked" ? { top: 1, ticks: [0, 0.5, 1] } : valueTicks(most);
    this.x = (at) => LEFT + ((at - start) / (stop - start || 1)) * (width - LEFT - RIGHT);
    const y = (value) => of.height - BOTTOM - (value / top) * (of.height - TOP - BOTTOM);
    this.hair = svg("line", {
      class: "hair",
      y1: TOP,
      y2: of.height - BOTTOM,
      visibility: "hidden",
    });
    fill(
      this.picture,
      ticks.map((value) => [
        svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
        svg(
          "text",
          { class: "tick", x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" },
          of.says(value),
        ),
      ]),
      timeTicks(start, stop, Math.max(2, width / 110)).map(({ at, text }) => [
        svg("line", {
          class: "grid faint",
          x1: this.x(at),
          x2: this.x(at),
          y1: TOP,
          y2: of.height - BOTTOM,
        }),
        svg(
          "text",
          {
            class: "tick",
            x: Math.min(this.x(at), width - RIGHT - 14),
            y: of.height - 5,
            "text-anchor": "middle",
          },
          text,
        ),
      ]),
      of.kind === "stacked" ? this.stacked(y) : this.lines(y),
      this.hair,
    );
    this.hover(this.hovered ?? null);
  }

  stacked(y) {
    const { data, of } = this;
    let floor = data.at.map(() => 0);
    return of.series.map((one) => {
      const roof = floor.map((value, place) => value + data[one.id][place]);
      const shape = `M${this.points(roof, y)}L${this.points(floor, y).split("L").reverse().join("L")}Z`;
      floor = roof;
      return svg("path", { class: `area ${one.look}`, d: shape });
    });
  }

  lines(y) {
    return this.of.series.map((one) => {
      const points = this.points(this.data[one.id], y);
      const { at } = this.data;
      const under = `M${this.x(at[0]).toFixed(1)},${y(0)}L${points}L${this.x(at[at.length - 1]).toFixed(1)},${y(0)}Z`;
      return [
        svg("path", { class: `under ${one.look}`, d: under }),
        svg("path", { class: `line ${one.look}`, d: `M${points}` }),
      ];
    });
  }

  points(values, y) {
    return values
      .map((value, place) => `${this.x(this.data.at[place]).toFixed(1)},${y(value).toFixed(1)}`)
      .join("L");
  }

  /** Show a place of the series in hair and legend; null: the last one, without a hair. */
  hover(place) {
    this.hovered = place;
    const { data } = this;
    if (!data || !data.at.length) return;
    const shown = Math.min(place ?? data.at.length - 1, data.at.length - 1);
    this.of.series.forEach((one, row) => say(this.values[row], this.of.says(data[one.id][shown])));
    if (!this.hair || !this.x) return;
    this.hair.setAttribute("visibility", place === null ? "hidden" : "visible");
    this.hair.setAttribute("x1", this.x(data.at[shown]));
    this.hair.setAttribute("x2", this.x(data.at[shown]));
  }

  placeAt(event) {
    const { at } = this.data ?? { at: [] };
    if (at.length < 2) return 0;
    const inside =
      (event.clientX - this.box.getBoundingClientRect().left - LEFT) /
      (this.box.clientWidth - LEFT - RIGHT);
    return Math.round(Math.min(Math.max(inside, 0), 1) * (at.length - 1));
  }

  key(event) {
    if (!this.data?.at.length) return;
    const last = this.data.at.length - 1;
    const now = this.hovered ?? last;
    const step = event.shiftKey ? 10 : 1;
    const next = { ArrowLeft: now - step, ArrowRight: now + step, Home: 0, End: last }[event.key];
    if (event.key === "Enter") this.of.onPick(now);
    else if (next !== undefined) this.of.onHover(Math.min(Math.max(next, 0), last));
    else return;
    event.preventDefault();
  }
}
