/** Before anything is done to a run: what will happen, said and confirmed; afterwards, what came of it. */
import { act } from "./api.js";
import { fill, h } from "./elements.js";
import { line, plain } from "./foreign.js";
import { counted } from "./words.js";

/**
 * What each action does, by its name.
 * @type {Record<string, {title: string, verb: string, danger?: boolean, keep?: string,
 *   says: (head: any, worker: string) => any[]}>}
 */
export const ACTIONS = {
  pause: {
    title: "Pause this run?",
    verb: "Pause",
    says: () => [
      "No new batches are sent. What runs now is finished, and its results are kept.",
      "Workers stay and keep their contexts for a while. You can unpause the run at any time.",
    ],
  },
  unpause: {
    title: "Go on with this run?",
    verb: "Unpause",
    says: () => ["Batches are sent again at once."],
  },
  retry_failed: {
    title: "Compute failed items again?",
    verb: "Retry",
    says: (head) => [
      `${counted(head.failed, "item")} that failed or was given up will wait again, and be computed anew.`,
      "The errors that were kept as results are replaced by what comes of it.",
    ],
  },
  cancel: {
    title: "Cancel this run?",
    verb: "Cancel the run",
    danger: true,
    keep: "Let it run",
    says: (head) => [
      `The run ends now. ${counted(head.items - head.finished, "item")} will have no result.`,
      "What is finished is kept and written. Batches that run now are taken back, and their work is lost.",
      "The run can be taken up again later: pcm resume DIR.",
    ],
  },
  drain: {
    title: "Drain this worker?",
    verb: "Drain",
    says: (_head, worker) => [
      h("span", {}, "Nothing more is sent to ", h("strong", {}, line(worker)), "."),
      "It finishes what it runs now, then it is let go. Its contexts are gone with it.",
    ],
  },
};

/**
 * @param {string} action
 * @param {any} head The run that it is about.
 * @param {string} [worker]
 */
export function confirmed(action, head, worker = "") {
  const { title, verb, danger, keep, says } = ACTIONS[action];
  const before = document.activeElement;
  const answer = h("p", { class: "answer", role: "status" });
  const no = h("button", { type: "button" }, keep ?? "Do nothing");
  const yes = h("button", { type: "button", class: danger ? "danger" : "main" }, verb);
  const about = h("p", { class: "about" }, "Run ", h("strong", {}, line(head.name)));
  const dialog = h(
    "dialog",
    { "aria-labelledby": "dialog-title" },
    h("h2", { id: "dialog-title" }, title),
    about,
    says(head, worker).map((text) => h("p", {}, text)),
    answer,
    h("div", { class: "buttons" }, no, yes),
  );
  no.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (before instanceof HTMLElement) before.focus();
  });
  yes.addEventListener("click", async () => {
    yes.disabled = no.disabled = true;
    fill(answer, "Asking the manager …");
    const [done, text] = await outcome(head.run, action, worker);
    answer.className = `answer ${done ? "done" : "refused"}`;
    fill(answer, h("strong", {}, done ? "Done. " : "Not done. "), line(text, 1000));
    yes.hidden = true;
    no.disabled = false;
    fill(no, "Close");
    no.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  no.focus();
}

/** @returns {Promise<[boolean, string]>} */
async function outcome(run, action, worker) {
  try {
    const said = await act(run, action, worker);
    return [said.done, said.text];
  } catch (error) {
    const mend = error.mend ? `. ${error.mend}` : "";
    return [false, plain(`${error.message}${mend}`, 1000)];
  }
}
