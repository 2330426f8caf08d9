// How it went so far: the reader and the machine on one scale from none to all, with guessing in the middle.

import { button, div, h } from "../../core/dom";
import { label } from "../../core/format";
import { type Answers, interval, median, type Score, scored, share, type Trials } from "./data";

/** A share with its interval on a track from 0 to 1. */
export function track({ share: value, low, high, count }: Score, who: "reader" | "machine"): HTMLElement {
  const el = div("quiz-track", h("b"));
  if (count === 0) return el;
  const at = (x: number) => `${(100 * x).toFixed(2)}%`;
  el.append(
    h("i", { class: who, style: `left:${at(low)};width:${at(high - low)}` }),
    h("u", { class: who, style: `left:${at(value)}` }),
  );
  el.title = `${share(value)}, 95 % interval ${interval({ low, high } as Score)}`;
  return el;
}

function axisOf(middle: string): HTMLElement {
  return div("quiz-axis", h("span", {}, "0"), h("span", {}, middle), h("span", {}, "1"));
}

export class ScorePanel {
  readonly el = div("quiz-score");
  /** Where the trials stand, and room for more. */
  readonly rest = h("div");
  #rows = div("quiz-rows");
  #strip = div("quiz-strip");
  #note = h("p", { class: "iw-note" });

  constructor(go: (trial: number) => void) {
    const axis = axisOf("guessing");
    const all = h("div", {}, h("h4", {}, "share of right answers"), this.#rows, axis, this.#note);
    this.rest.append(h("h4", {}, "trials"), this.#strip);
    this.el.append(all, this.rest);
    this.#strip.addEventListener("click", (event) => {
      const found = (event.target as HTMLElement).closest<HTMLElement>("[data-trial]");
      if (found) go(Number(found.dataset.trial));
    });
  }

  draw(trials: Trials, answers: Answers, trial: number, open: boolean, reader: string): void {
    const done = answers.filter((a) => a !== null).length;
    const mine = scored(trials, open ? answers : []);
    const rows: [string, Score, "reader" | "machine"][] = [[reader || "reader", mine, "reader"]];
    if (trials.machine) rows.push(["machine", scored(trials, trials.machine.data), "machine"]);
    this.#rows.replaceChildren(
      ...rows.flatMap(([name, score, who]) => {
        const said = score.count
          ? `${score.right} of ${score.count}`
          : done
            ? `${done} answered`
            : "not started";
        return [
          h("span", { class: "quiz-who", title: name }, label(name, 18)),
          h("span", { class: "quiz-of" }, said),
          h("span", { class: "quiz-share" }, score.count ? share(score.share) : ""),
          track(score, who),
        ];
      }),
    );
    this.#note.textContent = open
      ? "Bars are 95 % intervals (Wilson)."
      : "Your score is shown when every trial is answered.";
    this.#drawStrip(trials, answers, trial, open);
  }

  #drawStrip(trials: Trials, answers: Answers, trial: number, open: boolean): void {
    // As many squares as trials, made once: a hundred trials are a hundred buttons and no more.
    while (this.#strip.children.length > answers.length) this.#strip.lastChild?.remove();
    while (this.#strip.children.length < answers.length) {
      const t = this.#strip.children.length;
      const el = button("", `Trial ${t + 1}`, () => {});
      el.dataset.trial = String(t);
      this.#strip.append(el);
    }
    const here = this.#strip.children[trial] as HTMLElement;
    const top = here.offsetTop - this.#strip.offsetTop;
    const { scrollTop, clientHeight } = this.#strip;
    if (top < scrollTop || top > scrollTop + clientHeight - 18)
      this.#strip.scrollTop = top - clientHeight / 2;
    answers.forEach((given, t) => {
      const el = this.#strip.children[t] as HTMLElement;
      const right = given === trials.answers.data[t];
      const state = given === null ? "" : open ? (right ? "right" : "wrong") : "done";
      el.dataset.state = state;
      el.textContent = state === "wrong" ? "×" : "";
      el.title = `Trial ${t + 1}: ${{ "": "not answered", right: "right", wrong: "wrong", done: "answered" }[state]}`;
      el.toggleAttribute("data-here", t === trial);
      el.setAttribute("aria-label", el.title);
    });
  }
}

/** One row for every unit that was asked about. */
export function unitTable(
  trials: Trials,
  answers: Answers,
  seconds: Answers,
  names: readonly string[],
): HTMLElement {
  const units = [...new Set(Array.from(trials.units.data))].sort((a, b) => a - b);
  const axis = () => h("th", { class: "quiz-wide", scope: "col" }, axisOf("½"));
  const name = (text: string) => h("th", { scope: "col" }, text);
  const body = units.map((unit) => {
    const mine = scored(trials, answers, unit);
    const its = trials.machine && scored(trials, trials.machine.data, unit);
    const times = seconds.filter(
      (t, i): t is number => t !== null && answers[i] !== null && trials.units.data[i] === unit,
    );
    return h(
      "tr",
      {},
      h("td", { class: "quiz-unit", title: names[unit] ?? "" }, label(names[unit] ?? String(unit), 40)),
      h("td", {}, mine.count ? `${mine.right}/${mine.count}` : "none"),
      h("td", { class: "quiz-wide" }, track(mine, "reader")),
      h("td", {}, its ? `${its.right}/${its.count}` : ""),
      h("td", { class: "quiz-wide" }, its && track(its, "machine")),
      h("td", {}, times.length ? `${median(times).toFixed(1)} s` : "none"),
    );
  });
  return h(
    "table",
    { class: "quiz-table" },
    h(
      "thead",
      {},
      h("tr", {}, ...[name("unit"), name("you"), axis(), name("machine"), axis(), name("median time")]),
    ),
    h("tbody", {}, ...body),
  );
}
