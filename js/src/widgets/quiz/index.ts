// QuizView: images a unit answers to, images it does not, and two new ones: which is it?

import { Chooser } from "../../core/controls";
import { button, div, h, on, watchWidth } from "../../core/dom";
import { allDigits, digits, label } from "../../core/format";
import type { RenderContext } from "../../core/host";
import { Page, widget } from "../../core/page";
import type { Pen } from "../../core/pen";
import type { Drawing } from "../../core/save";
import { type Answers, interval, resultText, row, scored, share, type Trials, type ViewInfo } from "./data";
import { cell, Exemplars, Images, Query, type Verdict } from "./pictures";
import styles from "./quiz.css";
import { ScorePanel, unitTable } from "./score";

const TRAITS = ["trial", "answers", "seconds", "feedback", "show", "reader"] as const;
const KEYS = [
  ["1  ←", "the first image activates it"],
  ["2  →", "the second image activates it"],
  ["Enter", "next trial"],
  ["[  ]", "previous, next trial"],
  ["r", "results, or back to the trial"],
  ["Esc", "back to the trial"],
] as const;
type Show = "trial" | "results";
// Pixels between columns, between queries, and of the words below a query, as in quiz.css.
const GUTTER = 24;
const PAIR = 12;
const WORDS = 32;

/** What the pointer is over. */
interface Over {
  words: string;
  row: number;
  trial: number;
}

class QuizPage extends Page<ViewInfo> {
  #images = new Images(this);
  #show: Chooser<Show>;
  #place = h("span", { class: "quiz-place" });
  #back: HTMLButtonElement;
  #forth: HTMLButtonElement;
  #question = h("p", { class: "quiz-question" });
  #weak: Exemplars;
  #strong: Exemplars;
  #queries: Query[];
  #said = h("p", { class: "quiz-said", role: "status" });
  #next: HTMLButtonElement;
  #trial = div("quiz-trial");
  #main = h("div", { class: "quiz-main", tabindex: 0, "aria-label": "The trial" });
  #table = h("div", { class: "quiz-results", tabindex: 0, "aria-label": "Results" });
  #score: ScorePanel;
  #reader = h("input", { type: "text", "aria-label": "Who answers", spellcheck: false, maxlength: 60 });
  #copied = h("textarea", {
    class: "quiz-text",
    readonly: true,
    hidden: true,
    rows: 4,
    "aria-label": "Answers",
  });
  #copy: HTMLButtonElement;
  #width = 0;
  #over: Over | null = null;
  #seen = { trial: -1, since: 0 };

  constructor(context: RenderContext) {
    super(context, { styles, keys: KEYS, traits: TRAITS });
    const { signal } = this;
    this.#show = new Chooser<Show>("show", (show) => this.choose({ show }));
    this.#back = button("‹", "Previous trial", () => this.#go(-1));
    this.#forth = button("›", "Next trial", () => this.#go(1));
    this.#next = button("Next trial", "Next trial (Enter)", () => this.#onward());
    this.#next.classList.add("quiz-next");
    const hover = (words: string, rows: () => readonly number[]) => (i: number | null) => {
      const found = i === null ? undefined : rows()[i];
      this.#hovered(found === undefined ? null : { words: `${words}, number ${i! + 1}`, row: found });
    };
    this.#weak = new Exemplars(
      "weakly active",
      this.#images,
      hover("weakly active", () => this.#rows.weak),
      signal,
    );
    this.#strong = new Exemplars(
      ...([
        "strongly active",
        this.#images,
        hover("strongly active", () => this.#rows.strong),
        signal,
      ] as const),
    );
    this.#queries = [0, 1].map(
      (i) =>
        new Query(
          ...([i + 1, this.#images, () => this.#pick(i)] as const),
          (inside) =>
            this.#hovered(inside ? { words: `new image ${i + 1}`, row: this.#rows.queries[i]! } : null),
          signal,
        ),
    );
    this.#score = new ScorePanel((trial) => this.choose({ trial, show: "trial" }));
    this.#copy = button("Copy answers", "Copy the answers as text that QuizResult.from_json reads", () => {
      void this.#copyAnswers();
    });
    const again = button("Start again", "Forget every answer", () => this.#again());
    on(this.#reader, "change", () => this.choose({ reader: this.#reader.value.trim() || "reader" }), signal);
    const queries = div(
      "quiz-queries",
      h("h4", {}, "which one?"),
      div("quiz-pair", ...this.#queries.map((q) => q.el)),
    );
    this.#trial.append(this.#weak.el, queries, this.#strong.el);
    this.#main.append(this.#question, this.#trial, div("quiz-after", this.#said, this.#next));
    this.#score.rest.append(
      h("label", { class: "quiz-reader" }, h("span", {}, "your name"), this.#reader),
      div("quiz-acts", this.#copy, again),
      this.#copied,
    );
    this.frame.controls.append(
      div("iw-control quiz-nav", this.#back, this.#place, this.#forth),
      this.#show.el,
    );
    this.frame.body.append(div("quiz", h("div", {}, this.#main, this.#table), this.#score.el));
    watchWidth(this.#trial, signal, (width) => {
      this.#width = width;
      this.update();
    });
    this.start();
  }

  get #all(): Trials | undefined {
    return this.answers.wanted<Trials>("quiz", {});
  }

  get #given(): Answers {
    return this.get<Answers>("answers");
  }

  get #rows() {
    const [all, trial] = [this.#all, this.get<number>("trial")];
    const of = (name: "strong" | "weak" | "queries") => (all ? row(all[name], trial) : []);
    return { strong: of("strong"), weak: of("weak"), queries: of("queries") };
  }

  /** Whether right and wrong may be told. */
  get #open(): boolean {
    return this.get<boolean>("feedback") || this.#given.every((a) => a !== null);
  }

  override acts(event: KeyboardEvent): Record<string, (() => void) | false> {
    const trial = this.get("show") === "trial";
    const target = event.composedPath()[0] as Element;
    const locked = this.#locked(this.get<number>("trial"));
    // Enter on a button is that button's, but for a picture that cannot be chosen any more.
    const own = target.tagName === "BUTTON" && !(locked && target.classList.contains("quiz-query"));
    return {
      "1": trial && (() => this.#pick(0)),
      ArrowLeft: trial && (() => this.#pick(0)),
      "2": trial && (() => this.#pick(1)),
      ArrowRight: trial && (() => this.#pick(1)),
      Enter: !own && (() => this.#onward()),
      "[": () => this.#go(-1),
      "]": () => this.#go(1),
      r: () => this.#turn(trial ? "results" : "trial"),
      Escape: !trial && (() => this.#turn("trial")),
    };
  }

  #turn(show: Show): void {
    this.choose({ show });
    this.#focus();
  }

  #locked(trial: number): boolean {
    return this.#open && this.#given[trial] !== null;
  }

  #hovered(found: Omit<Over, "trial"> | null): void {
    const over = found && { ...found, trial: this.get<number>("trial") };
    if (over?.row === this.#over?.row && over?.words === this.#over?.words) return;
    this.#over = over;
    this.update();
  }

  #go(by: number): void {
    const trial = Math.max(0, Math.min(this.info.count - 1, this.get<number>("trial") + by));
    this.choose({ trial, show: "trial" });
  }

  /** The next trial without an answer, after this one or from the start; the results when there is none. */
  #onward(): void {
    const [given, trial] = [this.#given, this.get<number>("trial")];
    const open = given.flatMap((a, t) => (a === null && t !== trial ? [t] : []));
    const next = open.find((t) => t > trial) ?? open[0];
    if (given[trial] === null && next === undefined) return;
    this.choose(next === undefined ? { show: "results" } : { trial: next, show: "trial" });
    this.#focus();
  }

  /** What is shown hears the keys. */
  #focus(): void {
    (this.#main.hidden ? this.#table : this.#main).focus({ preventScroll: true });
  }

  #pick(choice: number): void {
    const trial = this.get<number>("trial");
    if (this.#locked(trial) || !this.#all) return;
    const waited = this.#seen.trial === trial ? (performance.now() - this.#seen.since) / 1000 : null;
    const put = <T>(list: readonly T[], value: T) => list.map((old, t) => (t === trial ? value : old));
    this.choose({
      answers: put(this.#given, choice),
      seconds: put(this.get<Answers>("seconds"), waited && Math.round(1000 * waited) / 1000),
    });
    if (this.get("feedback")) this.#next.focus({ preventScroll: true });
    else this.#onward();
  }

  #again(): void {
    const nothing = this.#given.map(() => null);
    this.#copied.hidden = true;
    this.#seen.trial = -1;
    this.choose({ answers: nothing, seconds: [...nothing], trial: 0, show: "trial" });
    this.#focus();
  }

  async #copyAnswers(): Promise<void> {
    const all = this.#all;
    if (!all) return;
    this.#copied.value = resultText(this.info, all, this.#given, this.get("seconds"), this.get("reader"));
    this.#copied.hidden = false;
    this.#copied.select();
    // The text stands there to be copied by hand where the browser does not let a page do it.
    const done = await navigator.clipboard?.writeText(this.#copied.value).then(
      () => true,
      () => false,
    );
    this.#copy.textContent = done ? "Copied" : "Copy the text below";
  }

  draw(): void {
    const { count, names } = this.info;
    const [trial, given, all] = [this.get<number>("trial"), this.#given, this.#all];
    const show = this.get<Show>("show");
    this.#place.textContent = `trial ${trial + 1} of ${count}`;
    this.#back.disabled = trial === 0;
    this.#forth.disabled = trial === count - 1;
    this.#show.offer(
      [
        { value: "trial", label: "trial" },
        { value: "results", label: "results" },
      ],
      show,
    );
    this.#main.hidden = show !== "trial";
    this.#table.hidden = show !== "results";
    if (!this.#reader.matches(":focus")) this.#reader.value = this.get("reader");
    if (!all) {
      this.frame.say("…");
      return;
    }
    this.#copy.textContent = "Copy answers";
    this.#score.draw(all, given, trial, this.#open, this.get("reader"));
    if (show === "trial") this.#drawTrial(all, trial, names[all.units.data[trial]!] ?? "");
    else this.#drawResults(all);
    this.#drawStatus(all, trial);
  }

  #drawTrial(all: Trials, trial: number, name: string): void {
    const { strong, weak, queries } = this.#rows;
    const empty = this.colours.line;
    this.#question.replaceChildren(
      "Which of the two new images activates ",
      h("b", { title: name }, label(name, 48)),
      " strongly?",
    );
    const width = this.#width || 760;
    const side = sideOf(width, this.info.aspect);
    this.#weak.draw(weak, side.grid, empty);
    this.#strong.draw(strong, side.grid, empty);
    const choice = this.#given[trial] ?? null;
    const locked = this.#locked(trial);
    this.#queries.forEach((query, i) => {
      const right = i === all.answers.data[trial];
      let verdict: Verdict = null;
      if (locked) verdict = right ? "right" : choice === i ? "wrong" : null;
      else if (choice === i) verdict = "chosen";
      const value = digits(all.values.data[2 * trial + i]!);
      const words = locked ? `${right ? "strong" : "weak"} ${value}` : verdict ? "chosen" : "";
      query.draw(queries[i]!, side.query, verdict, words, locked, empty);
    });
    if (this.#seen.trial !== trial && queries.every((r) => this.#images.find(r))) {
      this.#seen = { trial, since: performance.now() };
    }
    const left = this.#given.filter((a) => a === null).length;
    this.#next.textContent = left ? "Next trial" : "Results";
    this.#next.disabled = choice === null && left === 1;
    this.#said.dataset.verdict = locked ? (choice === all.answers.data[trial] ? "right" : "wrong") : "";
    const it = `image ${all.answers.data[trial]! + 1} activates it.`;
    this.#said.textContent = locked
      ? `${choice === all.answers.data[trial] ? "Right" : "Wrong"}: ${it}`
      : "Click an image, or press 1 or 2.";
  }

  #drawResults(all: Trials): void {
    const told = this.#open ? this.#given : this.#given.map(() => null);
    const table = unitTable(all, told, this.get("seconds"), this.info.names);
    const left = this.#given.filter((a) => a === null).length;
    const words = left
      ? `${left} of ${this.info.count} trials are not answered yet.`
      : "Every trial is answered.";
    this.#table.replaceChildren(h("p", { class: "iw-note" }, words), table);
  }

  #drawStatus(all: Trials, trial: number): void {
    const parts: string[] = [];
    // What was under the pointer in another trial is there no more.
    const over = this.#over?.trial === trial ? this.#over : null;
    if (over && this.get("show") === "trial") {
      parts.push(`${over.words} · image ${all.indices.data[over.row]}`);
    } else if (this.get("show") === "trial" && this.#locked(trial)) {
      const kind = this.info.value_kind;
      const values = [0, 1].map((i) => allDigits(all.values.data[2 * trial + i]!));
      const time = this.get<Answers>("seconds")[trial];
      parts.push(`${kind} of image 1: ${values[0]}`, `of image 2: ${values[1]}`);
      if (time !== null && time !== undefined) parts.push(`answered in ${time.toFixed(1)} s`);
    } else {
      const mine = scored(all, this.#open ? this.#given : []);
      const done = this.#given.filter((a) => a !== null).length;
      parts.push(
        mine.count
          ? `${mine.right} of ${mine.count} right · ${share(mine.share)}, 95 % interval ${interval(mine)}`
          : `${done} of ${this.info.count} answered`,
      );
    }
    this.frame.say(parts.join(" · "));
  }

  drawing(): Drawing {
    const { colours } = this;
    const all = this.#all;
    const width = 760;
    const side = sideOf(width, this.info.aspect);
    const { strong, weak, queries } = this.#rows;
    const trial = this.get<number>("trial");
    const high = side.grid * this.info.aspect;
    const height = 64 + high + 36;
    return {
      width,
      height,
      paint: (pen: Pen) => {
        if (!all) return;
        const name = this.info.names[all.units.data[trial]!] ?? "";
        pen.text(0, 12, `Which activates ${label(name, 60)} strongly?`, { colour: colours.ink, size: 13 });
        const heading = { colour: colours.quiet, size: 12 };
        const grids = [
          ["weakly active", weak, 0],
          ["strongly active", strong, width - side.grid],
        ] as const;
        for (const [words, rows, x] of grids) {
          pen.text(x, 44, words, heading);
          rows.forEach((r, i) => {
            const at = cell(i, rows.length, side.grid, this.info.aspect);
            this.#images.paint(pen, r, { ...at, x: x + at.x, y: 60 + at.y }, colours.line);
          });
        }
        queries.forEach((r, i) => {
          const at = {
            x: side.grid + 24 + i * (side.query + 12),
            y: 60,
            w: side.query,
            h: side.query * this.info.aspect,
          };
          this.#images.paint(pen, r, at, colours.line);
          const right = this.#locked(trial) && i === all.answers.data[trial];
          if (right) pen.rect(at.x, at.y, at.w, at.h, { stroke: colours.accent, width: 3 });
          const said = this.#locked(trial) ? ` · ${digits(all.values.data[2 * trial + i]!)}` : "";
          pen.text(at.x, at.y + at.h + 14, `${i + 1}${said}`, { ...heading, mono: true });
        });
        pen.text(0, height - 12, `trial ${trial + 1} of ${this.info.count}`, heading);
      },
    };
  }
}

/** Widths of a grid of exemplars and of a query: three columns, or on a narrow page two rows. */
function sideOf(width: number, aspect: number): { grid: number; query: number } {
  if (width < 620) {
    const half = Math.floor((width - 16) / 2);
    return { grid: half, query: half };
  }
  // A query and its line of words are as high as a grid, where there is room for that.
  const words = Math.min(120, WORDS / aspect);
  const grid = Math.floor(Math.min(280, (width - 2 * GUTTER - PAIR + 2 * words) / 4));
  return { grid, query: Math.min(grid, Math.floor((width - 2 * grid - 2 * GUTTER - PAIR) / 2)) };
}

export default widget((context) => new QuizPage(context));
