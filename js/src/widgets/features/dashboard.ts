// The dashboard of one feature: what it is called, how often and where it fires, what it makes the model say.

import { button, div, h } from "../../core/dom";
import { allDigits, digits, label } from "../../core/format";
import type { Page } from "../../core/page";
import type { Fonts } from "../../core/pen";
import type { Requests } from "../../core/requests";
import { type FeatureAnswer, numberOf, percent, type ViewInfo, wordsOf } from "./data";
import { Examples } from "./examples";
import { ActivationHistogram } from "./histogram";
import { LabelEditor } from "./label";
import type { Painter } from "./line";
import { OtherFeatures } from "./others";
import { drawSides, sidesOf } from "./sides";

export interface DashboardEvents {
  open(feature: number): void;
  step(by: number): void;
  back(): void;
  say(words: string): void;
}

export interface DashboardState {
  feature: number;
  answer: FeatureAnswer;
  info: ViewInfo;
  painter: Painter;
  colours: Page["colours"];
  fixed: boolean;
  /** The feature a reader came from. */
  before: number | null;
}

export class Dashboard {
  readonly el = div("feat-one");
  readonly examples: Examples;
  readonly histogram: ActivationHistogram;
  readonly label: LabelEditor;
  /** Below everything: room for what a later section finds out about the feature. */
  readonly more = div("feat-more");
  #number = h("b");
  #back: HTMLButtonElement;
  #facts = h("dl", { class: "feat-facts" });
  #count = h("p", { class: "iw-note" });
  #sides = div("feat-numbers");
  #neighbours: OtherFeatures;
  #correlated: OtherFeatures;
  #missing = h("p", { class: "feat-missing", hidden: true });
  #parts = div("feat-parts");
  #state: DashboardState | null = null;
  #mark: number | null = null;

  constructor(requests: Requests, fonts: () => Fonts, events: DashboardEvents, signal: AbortSignal) {
    this.label = new LabelEditor(requests, signal);
    this.#back = button("back", "Back to the feature before", events.back);
    const nav = div(
      "feat-nav",
      this.#back,
      button("‹", "Previous feature of the list (k)", () => events.step(-1)),
      button("›", "Next feature of the list (j)", () => events.step(1)),
    );
    this.examples = new Examples(
      requests,
      (value, words) => {
        this.#mark = value;
        this.#drawHistogram();
        events.say(words);
      },
      signal,
    );
    this.histogram = new ActivationHistogram(fonts, events.say, signal);
    this.#neighbours = new OtherFeatures("Nearest decoders (cosine)", events.open, signal);
    this.#correlated = new OtherFeatures("Fire together (correlation)", events.open, signal);
    const numbers = div("feat-numbers", h("div", {}, this.#count, this.histogram.el), this.#sides);
    const relatives = div("feat-relatives", this.#neighbours.el, this.#correlated.el);
    this.#parts.append(div("feat-middle", this.examples.el, relatives, this.more), numbers);
    this.el.append(
      div("feat-name", this.#number, this.label.el, nav),
      this.#facts,
      this.#missing,
      this.#parts,
    );
  }

  /** Nothing to show: why, and what to do. */
  missing(feature: number | null, why: string): void {
    this.el.removeAttribute("data-waiting");
    this.#number.textContent = feature === null ? "" : String(feature);
    this.#missing.textContent = why;
    this.#missing.hidden = false;
    this.label.el.hidden = this.#parts.hidden = this.#facts.hidden = true;
  }

  /** The feature before stays in place while the next one is on its way. */
  waiting(feature: number): void {
    this.el.toggleAttribute("data-waiting", true);
    this.#number.textContent = String(feature);
  }

  update(state: DashboardState): void {
    this.#state = state;
    const { feature, answer, painter, fixed, before, info } = state;
    this.el.removeAttribute("data-waiting");
    this.#missing.hidden = true;
    this.label.el.hidden = this.#parts.hidden = this.#facts.hidden = false;
    this.#number.textContent = String(feature);
    this.label.update(feature, answer.label, wordsOf({ ...answer, label: "" }), fixed);
    this.#back.disabled = before === null;
    this.#back.title = before === null ? "No feature before" : `Back to feature ${before} (b)`;
    this.#drawFacts(answer, info);
    this.examples.update({ feature, version: info.version, answer, painter, fixed });
    this.#count.textContent = answer.count > 0 ? "Activations (tokens, log scale)" : "";
    this.histogram.el.hidden = answer.count === 0;
    this.#drawHistogram();
    this.#sides.replaceChildren(...drawSides(sidesOf(answer)));
    this.#neighbours.update(answer.neighbours);
    this.#correlated.update(answer.correlated);
  }

  #drawHistogram(): void {
    const state = this.#state;
    if (!state) return;
    const { counts, edges } = state.answer;
    this.histogram.update({
      ...{ counts: counts.data, edges: edges.data, mark: this.#mark, colours: state.colours },
    });
  }

  /** Name, words and exact digits of every fact. */
  facts(answer: FeatureAnswer, info: ViewInfo): [string, string, string][] {
    const [density, max, mean] = [answer.density, answer.max, answer.mean].map(numberOf) as [
      number,
      number,
      number,
    ];
    const of = `${answer.count.toLocaleString("en")} of ${info.n_tokens.toLocaleString("en")} tokens`;
    const rows: [string, string, string][] = [
      ["density", `${percent(density)} · ${of}`, allDigits(density)],
      ["max", digits(max), allDigits(max)],
      ["mean", digits(mean), `${allDigits(mean)}, where it fires`],
    ];
    if (answer.count === 0) rows.length = 1; // what never fires has no maximum
    if (answer.level !== null)
      rows.push(["prefix level", String(answer.level), "Matryoshka; 0 is the smallest"]);
    for (const [name, value] of answer.columns) {
      const number = numberOf(value);
      rows.push([name, Number.isNaN(number) ? "unknown" : digits(number), allDigits(number)]);
    }
    return rows;
  }

  #drawFacts(answer: FeatureAnswer, info: ViewInfo): void {
    this.#facts.replaceChildren(
      ...this.facts(answer, info).map(([name, text, title]) =>
        h("div", {}, h("dt", {}, label(name, 24)), h("dd", { title }, text)),
      ),
    );
  }
}
