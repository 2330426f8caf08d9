// GenerationView: a text as a model wrote it, with the units that one step could accept.

import { Chooser } from "../../core/controls";
import { div, h, watchWidth } from "../../core/dom";
import { type ChoiceBlock, choicesOf } from "../../core/expected";
import { Finder } from "../../core/find";
import { allDigits, label } from "../../core/format";
import type { RenderContext } from "../../core/host";
import { type Ends, layers, shortly, swatchOf } from "../../core/linear";
import { Page, widget } from "../../core/page";
import { countsOf, RangeLegend } from "../../core/range_legend";
import type { Drawing } from "../../core/save";
import { type TokenData, TokenStrip } from "../../core/tokens";
import valueStyles from "../../core/values.css";
import type { NDArray } from "../../core/wire";
import { bracket, type Edge } from "./bracket";
import { draw } from "./drawing";
import styles from "./generation.css";
import { perStepWords, Side, sampling, type Written } from "./side";
import { nearest, STOPS, unitsOf } from "./units";

interface ViewInfo {
  tokens: TokenData;
  start: number;
  ahead: number;
  temperature: number;
  seed: number | null;
  block: number;
  check: { law: string; value: number | null; holds: boolean } | null;
}

const TRAITS = ["show", "threshold", "position"] as const;
const KEYS = [
  ["hover · click", "what else it could have been · pin"],
  ["← →", "move the pin"],
  ["Home  End", "the first, the last written token"],
  ["[  ]", "raise, lower the threshold"],
  ["Esc", "release the pin"],
] as const;
const LINE = 30;
const SHORT = 24;

class GenerationPage extends Page<ViewInfo> {
  #hover: number | null = null;
  #show: Chooser<string>;
  #finder: Finder;
  #strip: TokenStrip;
  #legend = new RangeLegend();
  #note = h("p", { class: "iw-note gen-note" });
  #side: Side;
  #sideWidth = 280;
  #numbers: { probability: ArrayLike<number>; entropy: ArrayLike<number> } | null = null;
  #units: [number, number][] = [];
  #step: number[] = [];
  #perStep: number[] = [];

  constructor(context: RenderContext) {
    super(context, { styles: valueStyles + styles, keys: KEYS, traits: TRAITS });
    const { signal } = this;
    this.#show = new Chooser("colour", (show) => this.choose({ show }));
    this.#show.offer(
      ["probability", "entropy", "step"].map((value) => ({ value, label: value })),
      this.get("show"),
    );
    this.#finder = new Finder(
      () => this.info.tokens.texts,
      (i) => this.#go(i),
      signal,
    );
    this.#strip = new TokenStrip(
      "Prompt and written tokens",
      {
        hover: (i) => {
          if (i === this.#hover) return;
          this.#hover = i;
          this.update();
        },
        click: (i) => this.choose({ position: this.get<number | null>("position") === i ? null : i }),
      },
      signal,
    );
    this.#side = new Side((threshold) => this.choose({ threshold }), signal);
    const main = div("gen-main", this.#finder.el, this.#strip.el, this.#legend.el, this.#note);
    this.frame.controls.append(this.#show.el);
    this.frame.body.append(div("gen iw-dressed", main, this.#side.el));
    watchWidth(this.#side.el, signal, (width) => {
      this.#sideWidth = width;
      this.update();
    });
    // Lines exist only once the width is known; what is pinned is shown then.
    watchWidth(this.#strip.el, signal, () => this.#reveal());
    this.start();
  }

  get #threshold(): number | null {
    return this.get<number | null>("threshold");
  }

  // What a reader does.

  #go(position: number): void {
    this.#hover = null;
    this.choose({ position });
    this.#reveal();
  }

  #reveal(): void {
    const at = this.get<number | null>("position");
    if (at !== null) this.#strip.reveal(at);
  }

  override acts(): Record<string, (() => void) | false> {
    const { tokens, start } = this.info;
    const last = tokens.texts.length - 1;
    const now = this.get<number | null>("position");
    const turn = (by: number) => {
      const to = Math.max(0, Math.min(STOPS.length - 1, nearest(this.#threshold) + by));
      this.choose({ threshold: STOPS[to] ?? null });
    };
    return {
      ArrowLeft: () => this.#go(Math.max(0, (now ?? start + 1) - 1)),
      ArrowRight: () => this.#go(Math.min(last, (now ?? start - 1) + 1)),
      Home: () => this.#go(Math.min(start, last)),
      End: () => this.#go(last),
      "[": () => turn(-1),
      "]": () => turn(1),
      Escape: () => this.choose({ position: null }),
    };
  }

  override changed(trait: string): void {
    if (trait === "_view") this.#numbers = null;
    if (trait !== "position") return;
    this.update();
    this.#reveal();
  }

  // What is drawn.

  #load(): boolean {
    if (this.#numbers) return true;
    const answer = this.answers.wanted<{ probability: NDArray; entropy: NDArray }>("numbers", {});
    if (!answer) return false;
    this.#numbers = { probability: answer.probability.data, entropy: answer.entropy.data };
    // Hovering costs no message: what it shows is fetched now.
    for (let start = 0; start < answer.probability.data.length; start += this.info.block)
      this.answers.wanted("alternatives", { start }, { lane: `alternatives ${start}` });
    this.#perStep = STOPS.map((stop) => {
      const units = unitsOf(answer.probability.data, stop, this.info.ahead).length;
      return units ? answer.probability.data.length / units : 0;
    });
    return true;
  }

  draw(): void {
    const { tokens, start, ahead, check } = this.info;
    this.frame.setCheck(check);
    this.#show.set(this.get("show"));
    this.#finder.el.hidden = tokens.texts.length <= SHORT;
    this.#strip.offer(tokens);
    this.#strip.space(LINE);
    this.#strip.mark(this.get("position"), null);
    if (!this.#load()) {
      this.frame.say("…");
      return;
    }
    this.#units = unitsOf(this.#numbers!.probability, this.#threshold, ahead);
    this.#step = this.#units.flatMap(([from, to], n) => Array<number>(to - from).fill(n));
    this.#strip.dress((i, span) => this.#dress(i, span));
    this.#drawLegend();
    this.#drawSide(start, ahead);
  }

  get #values(): ArrayLike<number> {
    const show = this.get<string>("show");
    if (show === "step") return this.#step;
    return show === "entropy" ? this.#numbers!.entropy : this.#numbers!.probability;
  }

  get #ends(): Ends {
    const show = this.get<string>("show");
    if (show === "probability") return { low: 0, high: 1, signed: false };
    const finite = Array.from(this.#values).filter(Number.isFinite);
    return { low: 0, high: Math.max(...finite, 0) || 1, signed: false };
  }

  #edge(index: number): Edge | null {
    const at = index - this.info.start;
    const unit = this.#units[this.#step[at] ?? -1];
    if (!unit || unit[1] - unit[0] < 2) return null;
    return { first: at === unit[0], last: at === unit[1] - 1 };
  }

  #swatch(index: number) {
    const value = this.#values[index - this.info.start];
    return value === undefined ? null : swatchOf(value, this.#ends, this.scales.plain);
  }

  #dress(index: number, span: HTMLElement): void {
    const { start } = this.info;
    const swatch = this.#swatch(index);
    const edge = this.#edge(index);
    span.style.background = [...bracket(edge, "var(--ink)"), ...(swatch ? layers(swatch, 0, 19) : [])].join(
      ",",
    );
    span.style.color = swatch?.ink ?? "";
    span.toggleAttribute("data-prompt", index < start);
    const value = this.#values[index - start];
    span.title = value === undefined ? `${index}: prompt` : `${index}: ${allDigits(value)}`;
  }

  #drawLegend(): void {
    const show = this.get<string>("show");
    const finite = Array.from(this.#values).filter(Number.isFinite);
    this.#legend.draw({
      ...{ name: show, unit: show === "entropy" ? "nats" : "", ends: this.#ends, scale: this.scales.plain },
      data: finite.length ? [Math.min(...finite), Math.max(...finite)] : null,
      counts: countsOf(this.#values, this.#ends, () => false),
      ink: this.colours.ink,
    });
    const how = sampling(this.info);
    this.#note.textContent = `Linear colour; the prompt is bare; brackets join what one step accepts; ${how}.`;
  }

  #drawSide(start: number, ahead: number): void {
    const { tokens } = this.info;
    const pinned = this.get<number | null>("position");
    const index = this.#hover ?? pinned ?? start;
    const why = this.#hover !== null ? "Hovered" : pinned !== null ? "Pinned" : "First written";
    const name = `${index} “${label(tokens.texts[index] ?? "", 24)}”`;
    const written = this.#written(index - start);
    const [count, steps] = [this.#numbers!.probability.length, this.#units.length];
    this.#side.update(
      {
        ...{ threshold: this.#threshold, count, steps, ahead, written, perStep: this.#perStep },
        ...{ colours: this.colours, fonts: this.frame.fonts },
        heading: `${why}: ${name}${written ? "" : " · of the prompt"}`,
      },
      this.#sideWidth,
    );
    const rule = this.#threshold === null ? "one token a step" : `threshold ${shortly(this.#threshold)}`;
    const parts = [rule, perStepWords(count, steps)];
    if (written) parts.push(name, `probability ${shortly(written.probability)}`);
    this.frame.say(parts.join(" · "));
  }

  /** A written token by its number among those. */
  #written(at: number): Written | null {
    const { tokens, start, block } = this.info;
    const { probability, entropy } = this.#numbers!;
    if (at < 0 || at >= probability.length) return null;
    const first = at - (at % block);
    const found = this.answers.wanted<ChoiceBlock>(
      "alternatives",
      { start: first },
      { lane: `alternatives ${first}` },
    );
    const [from, to] = this.#units[this.#step[at]!]!;
    return {
      id: found?.own.data[at - first] ?? -1,
      text: tokens.texts[start + at]!,
      probability: probability[at]!,
      entropy: entropy[at]!,
      step: this.#step[at]!,
      unit: to - from > 1 ? tokens.texts.slice(start + from, start + to).join("") : null,
      choices: found ? choicesOf(found, at - first) : [],
    };
  }

  // What is saved.

  drawing(): Drawing {
    const { start } = this.info;
    const show = this.get<string>("show");
    return draw({
      title: `${this.get<string>("title")} · ${show}`,
      ...{
        show,
        start,
        strip: this.#strip.el,
        curve: this.#side.curve,
        ends: this.#ends,
        colours: this.colours,
      },
      ...{ status: this.frame.status, pinned: this.get<number | null>("position") },
      swatch: (i) => this.#swatch(i),
      edge: (i) => this.#edge(i),
    });
  }
}

export default widget((context) => new GenerationPage(context));
