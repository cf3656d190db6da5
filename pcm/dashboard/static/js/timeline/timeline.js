/** The timeline of workers: a lane each, on a canvas; by pointer, by touch and by keyboard. */
import { choiceField } from "../page/filters.js";
import { fill, h, say } from "../page/elements.js";
import { onTheme } from "../page/themes.js";
import { clock, count, duration, USES } from "../page/words.js";
import { Gestures } from "./gestures.js";
import { Keys, KEYS } from "./keys.js";
import { LaneStore } from "./lane_store.js";
import { AXIS_HEIGHT, Painter } from "./painter.js";
import { told } from "./told.js";
import { ViewWindow } from "./view_window.js";

const LEAST_HEIGHT = 110;
const ROWS = { auto: 20, fine: 5 };

export class Timeline {
  constructor() {
    this.view = new ViewWindow();
    this.store = new LaneStore(() => this.came());
    /** @type {{lane: number, span: any} | null} */
    this.chosen = null;
    this.lane = ROWS.auto;
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.tall = h("div", { class: "tall" });
    this.says = h("p", { class: "unheard", role: "status" });
    this.scroller = h(
      "div",
      {
        class: "timeline-scroll",
        tabindex: 0,
        role: "application",
        "aria-roledescription": "timeline",
        "aria-label": "Timeline of workers",
        "aria-describedby": "timeline-keys",
      },
      this.canvas,
      this.tall,
    );
    this.gestures = new Gestures(this);
    new Keys(this);
    this.sort = choiceField(
      "Order of lanes",
      { joined: "by joining", worker: "by name", kind: "by kind", left: "by leaving" },
      () => this.reorder(),
    );
    this.total = h("span", { class: "number hint" });
    const button = (name, label, click) =>
      h("button", { type: "button", "aria-label": label, title: label, on: { click } }, name);
    const fine = h(
      "button",
      {
        type: "button",
        "aria-pressed": "false",
        on: { click: (event) => this.setRows(event.currentTarget) },
      },
      "Fine lanes",
    );
    const legend = Object.entries(USES).map(([use, name]) =>
      h("li", {}, h("span", { class: `swatch use-${use}`, "aria-hidden": "true" }), name),
    );
    this.element = h(
      "section",
      { class: "timeline", "aria-label": "Timeline" },
      h("div", { class: "section-head" }, h("h2", {}, "Timeline"), this.total),
      h(
        "div",
        { class: "tools" },
        this.sort,
        fine,
        button("−", "Zoom out", () => this.zoom(1.6)),
        button("+", "Zoom in", () => this.zoom(1 / 1.6)),
        button("Whole run", "Show the whole run", () => this.whole()),
        h(
          "ul",
          { class: "legend" },
          legend,
          h("li", {}, h("span", { class: "cross", "aria-hidden": "true" }, "✕"), "taken or lost"),
        ),
      ),
      h("div", { class: "timeline-box" }, this.scroller, this.gestures.box),
      h("p", { class: "keys", id: "timeline-keys" }, KEYS),
      this.says,
    );
    this.painter = new Painter(this.canvas);
    this.listen();
  }

  listen() {
    const { scroller } = this;
    new ResizeObserver(() => this.changed()).observe(scroller);
    onTheme(() => requestAnimationFrame(() => this.changed()));
    scroller.addEventListener("scroll", () => this.changed(), { passive: true });
  }

  /** A moment of the run: its time is known, what is seen is asked for. */
  show({ run, at, overview, ask }) {
    if (run !== this.run) {
      this.run = run;
      this.store.clear();
      this.view = new ViewWindow();
      this.chosen = null;
    }
    this.store.renew();
    this.at = at;
    this.ask = ask;
    const live = ["running", "paused"].includes(overview.head.state);
    this.view.span(overview.head.began_at, at ?? (live ? overview.at : overview.head.last_at));
    this.changed();
  }

  came() {
    this.changed();
    if (this.untold) this.tell();
  }

  /** Something is to be drawn anew, with the next frame. */
  changed() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.draw();
    });
  }

  layout() {
    const { clientWidth: width, clientHeight: height, scrollTop } = this.scroller;
    const first = Math.floor(scrollTop / this.lane);
    return {
      width,
      height,
      gutter: this.lane < 12 ? 8 : width < 520 ? 84 : 148,
      lane: this.lane,
      first,
      shift: scrollTop - first * this.lane,
    };
  }

  draw() {
    const layout = this.layout();
    if (!this.ask || layout.width < 50) return;
    const { view, store } = this;
    this.scroller.style.maxHeight = store.total
      ? `${Math.max(LEAST_HEIGHT, AXIS_HEIGHT + store.total * this.lane + 4)}px`
      : "";
    this.tall.style.height = `${Math.max(0, AXIS_HEIGHT + store.total * this.lane - layout.height)}px`;
    this.painter.resize(layout.width, layout.height);
    this.painter.draw(layout, view, store.lanes, this.chosen);
    say(
      this.total,
      store.total
        ? `${count(store.total)} lanes, ${clock(view.start)} to ${clock(view.stop)}, ${duration(view.width)}`
        : "no workers yet",
    );
    const lanes = Math.ceil((layout.height - AXIS_HEIGHT) / this.lane) + 1;
    const wish = {
      start: view.start,
      stop: view.stop,
      columns: Math.max(50, Math.round(layout.width - layout.gutter)),
      first: layout.first,
      lanes,
      sort: this.sort.value,
      at: this.at,
      ask: this.ask,
    };
    if (!store.satisfied(wish)) store.want(wish);
    this.drawn = (this.drawn ?? 0) + 1;
    this.scroller.dataset.drawn = String(this.drawn);
  }

  reorder() {
    this.store.clear();
    this.chosen = null;
    this.scroller.scrollTop = 0;
    this.changed();
  }

  setRows(button) {
    const fine = this.lane === ROWS.auto;
    button.setAttribute("aria-pressed", String(fine));
    this.lane = fine ? ROWS.fine : ROWS.auto;
    this.changed();
  }

  zoom(factor, around) {
    const { start, stop } = this.view;
    const here = this.chosen?.span?.start;
    this.view.zoom(factor, around ?? (here > start && here < stop ? here : undefined));
    this.gestures.leave();
    this.changed();
  }

  whole() {
    this.view.whole();
    this.changed();
  }

  /** @param {{lane: number, span: any}} chosen */
  choose(chosen) {
    this.chosen = chosen;
    this.tell();
  }

  tell() {
    const lane = this.store.lanes.get(this.chosen?.lane ?? -1);
    this.untold = this.chosen && !lane;
    fill(this.says, lane ? told({ lane, span: this.chosen.span }).join(", ") : "");
  }
}
