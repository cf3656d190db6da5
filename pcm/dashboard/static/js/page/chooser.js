/** Which run is shown, where there are several. */
import { go } from "./address.js";
import { fill, h, say } from "./elements.js";
import { plain } from "./foreign.js";
import { percent } from "./words.js";

export const STATES = {
  running: "running",
  paused: "paused",
  interrupted: "interrupted",
  completed: "completed",
  failed: "failed",
  cancelled: "cancelled",
};

export class Chooser {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.select = h("select", {
      "aria-label": "Run",
      on: { change: () => go({ run: this.select.value, at: null, open: "", find: "" }) },
    });
    this.name = h("bdi", { class: "run-name" });
    this.state = h("span", { class: "chip" });
    fill(element, this.select, this.name, this.state);
  }

  /** @param {any[]} runs @param {string} chosen */
  show(runs, chosen) {
    const said = JSON.stringify(
      runs.map((run) => [run.run, run.name, run.state, percent(run.finished / (run.items || 1))]),
    );
    if (said !== this.said && document.activeElement !== this.select) {
      this.said = said;
      fill(
        this.select,
        runs.map((run) =>
          h(
            "option",
            { value: run.run },
            `${plain(run.name, 60)} · ${STATES[run.state]} · ${percent(run.finished / (run.items || 1))}`,
          ),
        ),
      );
    }
    this.select.value = chosen;
    const head = runs.find((run) => run.run === chosen);
    const several = runs.length > 1;
    this.select.hidden = !several;
    this.name.hidden = several;
    say(this.name, head ? plain(head.name, 60) : "");
  }

  /** @param {any} head As of the moment that is shown. */
  showState(head) {
    say(this.state, STATES[head.state] ?? "");
    this.state.className = `chip state-${head.state}`;
  }
}
