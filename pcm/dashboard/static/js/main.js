/** The page: what its address says is fetched, shown, and kept up to date. */
import { go, onChange, read } from "./page/address.js";
import { showActs } from "./page/acts.js";
import { ask, of, Refusal } from "./page/api.js";
import { Chooser } from "./page/chooser.js";
import { fill, h } from "./page/elements.js";
import { line, plain } from "./page/foreign.js";
import { Panel } from "./page/panel.js";
import { Refresher } from "./page/refresher.js";
import { Replay } from "./page/replay.js";
import { Status } from "./page/status.js";
import { Stream } from "./page/stream.js";
import { Tabs, TABS } from "./page/tabs.js";
import { themeSwitch } from "./page/themes.js";
import { setToday } from "./page/words.js";
import { Contexts } from "./views/contexts.js";
import { Events } from "./views/events.js";
import { Findings } from "./views/findings.js";
import { Glideins } from "./views/glideins.js";
import { Items } from "./views/items.js";
import { Overview } from "./views/overview.js";
import { Workers } from "./views/workers.js";

const REPLAY_MS = 120;
const GRADES = ["note", "warning", "bad"];

/** @param {string} id @returns {any} */
const part = (id) => document.getElementById(id);

class Page {
  constructor() {
    this.runs = [];
    this.main = part("main");
    this.status = new Status(part("link"), part("banner"));
    this.chooser = new Chooser(part("chooser"));
    this.tabs = new Tabs(part("tabs"));
    this.panel = new Panel(part("panel"));
    this.replay = new Replay(part("replay"));
    part("theme").append(themeSwitch());
    this.views = {
      overview: new Overview(),
      workers: new Workers(() => this.refresher.now()),
      contexts: new Contexts(),
      items: new Items(() => this.refresher.now()),
      glideins: new Glideins(),
      findings: new Findings(),
      events: new Events(() => this.refresher.now()),
    };
    this.fault = h("div", { class: "fault", role: "alert", hidden: true });
    this.refresher = new Refresher((signal) => this.refresh(signal));
    onChange(() => this.turn());
    document.addEventListener("visibilitychange", () => this.connect());
    this.start();
  }

  async start() {
    this.connect();
    await this.list();
    this.turn();
  }

  async list() {
    try {
      this.takeRuns(await ask("/api/runs"));
    } catch (error) {
      if (error instanceof Refusal) this.showFault(error);
    }
  }

  /** The runs that there are; without one to show, the likeliest is shown. */
  takeRuns(runs) {
    this.runs = runs;
    const { run } = read();
    if (runs.length && !runs.some((one) => one.run === run))
      go({ run: best(runs).run, ...(run && { at: null, open: "" }) }, true);
    this.chooser.show(runs, read().run);
    if (!runs.length)
      fill(
        this.main,
        h("p", { class: "empty" }, "No run is here yet. As soon as one is opened, it is shown."),
      );
  }

  /** Listen to the server, while somebody looks. */
  connect() {
    const { run } = read();
    const url = document.hidden
      ? ""
      : run
        ? `/api/stream?run=${encodeURIComponent(run)}`
        : "/api/stream";
    if (url === this.listening) return;
    this.stream?.close();
    this.listening = url;
    if (!url) return;
    let was = "";
    this.stream = new Stream(
      url,
      (kind, data) => this.hear(kind, data),
      (state) => {
        this.status.link(state);
        // What happened while nobody listened is asked for at once.
        if (state === "there" && (was === "lost" || this.shown)) this.refresher.soon(0);
        was = state;
      },
    );
  }

  hear(kind, data) {
    if (kind === "runs") this.takeRuns(data);
    if (kind !== "overview" || data.head.run !== read().run) return;
    this.latest = data;
    this.stretch(data);
    if (read().at === null) this.refresher.soon();
  }

  /** The address changed. */
  turn() {
    const place = read();
    this.tabs.show(place.tab in TABS ? place.tab : "overview");
    this.connect();
    if (!place.run) return void (this.runs.length && this.takeRuns(this.runs));
    if (place.run !== this.shown?.run) {
      this.latest = null;
      this.chooser.show(this.runs, place.run);
    }
    const view = this.view();
    if (view.element.parentNode !== this.main) {
      fill(this.main, this.fault, view.element);
      this.main.scrollTop = 0;
    }
    if (!place.open) this.panel.hide();
    const onlyTime =
      this.shown &&
      place.at !== null &&
      this.shown.run === place.run &&
      this.shown.tab === place.tab &&
      this.shown.open === place.open;
    this.shown = place;
    this.replay.show();
    if (onlyTime) this.refresher.soon(REPLAY_MS);
    else this.refresher.now();
  }

  view() {
    return this.views[read().tab] ?? this.views.overview;
  }

  /** @param {AbortSignal} signal */
  async refresh(signal) {
    const { run, at, open, find } = read();
    if (!run) return;
    const moment = {
      run,
      at,
      find,
      ask: (what, words = {}) => ask(of(run, what), { at, ...words }, signal),
    };
    try {
      const streamed = at === null ? this.latest : null;
      this.latest = null;
      const overview = streamed ?? (await moment.ask("overview"));
      setToday(overview.at);
      this.replay.show();
      this.showHead(overview, at !== null);
      const view = this.view();
      await view.load({ ...moment, overview });
      if (open) await this.showDetails(open, { ...moment, overview });
      this.fault.hidden = true;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refusal) this.showFault(error);
      else if (
        !(error instanceof TypeError && /fetch|network/i.test(error.message)) &&
        error.name !== "TimeoutError"
      )
        throw error;
    }
  }

  showHead(overview, replaying) {
    this.status.show(overview, replaying);
    this.chooser.showState(overview.head);
    showActs(part("acts"), overview.head, replaying);
    if (!replaying) this.stretch(overview);
    document.title = `${plain(overview.head.name, 40)} · pcm`;
    for (const tab of Object.keys(TABS)) {
      const here = overview.troubles.filter(
        (trouble) => trouble.tab === tab && trouble.grade !== "note",
      );
      const worst = Math.max(0, ...here.map((trouble) => GRADES.indexOf(trouble.grade)));
      this.tabs.mark(tab, here.length, GRADES[worst]);
    }
  }

  stretch(overview) {
    const live = ["running", "paused"].includes(overview.head.state);
    this.replay.span(overview.head.began_at, live ? overview.at : overview.head.last_at, live);
  }

  async showDetails(open, moment) {
    const [, kind, name] = /^(\w+):(.*)$/s.exec(open) ?? [];
    const owner = {
      worker: "workers",
      context: "contexts",
      item: "items",
      glidein: "glideins",
      finding: "findings",
      event: "events",
    }[kind];
    if (!owner) return;
    const details = await this.views[owner].details(name, moment);
    if (read().open !== open) return;
    this.panel.show(
      open,
      details ?? {
        title: line(name),
        key: "gone",
        content: () => [h("p", { class: "empty" }, "It is not there at this moment of the run.")],
      },
    );
  }

  showFault(error) {
    fill(
      this.fault,
      h("strong", {}, "The server refused: "),
      line(error.message, 500),
      error.mend && h("p", {}, line(error.mend, 500)),
    );
    this.fault.hidden = false;
    if (!this.fault.isConnected) fill(this.main, this.fault);
  }
}

/** The run that most likely is looked for: one at work, and the latest of these. */
function best(runs) {
  const live = (run) => (run.state === "running" || run.state === "paused" ? 1 : 0);
  return [...runs].sort((a, b) => live(b) - live(a) || b.last_at - a.last_at)[0];
}

new Page();
