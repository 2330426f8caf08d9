// VectorView: what a vector of the residual stream says, over the whole vocabulary.

import { ChosenToken } from "../../core/chosen";
import { Chooser } from "../../core/controls";
import { div, h } from "../../core/dom";
import { allDigits, digits, label } from "../../core/format";
import type { RenderContext } from "../../core/host";
import { Page, widget } from "../../core/page";
import { partbarsStyles } from "../../core/partbars";
import type { Pen } from "../../core/pen";
import { pickerStyles } from "../../core/picker";
import { type Drawing, shifted } from "../../core/save";
import { numberOf, type Scores, type Side, type TokenScore, type ViewInfo } from "./data";
import { EndList, type Track, trackOf } from "./ends";
import { Histogram, type Mark } from "./histogram";
import styles from "./vector.css";

const TRAITS = ["index", "side", "scores", "norm", "token", "top"] as const;
const KEYS = [
  ["hover · click", "find a token in the histogram · look it up"],
  ["[  ]", "previous, next vector"],
  ["s", "output or input side"],
  ["n", "through the final norm or not"],
  ["Esc", "let go of the token"],
] as const;
const SIDES: readonly Side[] = ["output", "input"];
const ROW = 20;

class VectorPage extends Page<ViewInfo> {
  #index: Chooser<number>;
  #side: Chooser<Side>;
  #scores: Chooser<string>;
  #norm: Chooser<boolean>;
  #chosen: ChosenToken;
  #hover: number | null = null;
  #bin: number | null = null;
  #top: EndList;
  #bottom: EndList;
  #histogram: Histogram;
  #note = h("p", { class: "iw-note" });
  #facts = h("dl", { class: "vec-facts" });

  constructor(context: RenderContext) {
    super(context, { styles: partbarsStyles + pickerStyles + styles, keys: KEYS, traits: TRAITS });
    const { signal } = this;
    this.#index = new Chooser<number>("vector", (index) => this.choose({ index }));
    this.#side = new Chooser<Side>("side", (side) => this.choose({ side }));
    this.#scores = new Chooser<string>("scores", (scores) => this.choose({ scores }));
    this.#norm = new Chooser<boolean>("final norm", (norm) => this.choose({ norm }));
    this.#chosen = new ChosenToken(
      ...(["token", "look up a token", this.requests] as const),
      (token) => this.choose({ token: token?.id ?? null }),
      signal,
    );
    const events = {
      hover: (id: number | null) => {
        if (id === this.#hover) return;
        this.#hover = id;
        this.update();
      },
      click: (id: number) => this.choose({ token: this.get("token") === id ? null : id }),
    };
    this.#top = new EndList(events, signal);
    this.#bottom = new EndList(events, signal);
    this.#histogram = new Histogram(
      () => this.frame.fonts,
      (bin) => {
        if (bin === this.#bin) return;
        this.#bin = bin;
        this.update();
      },
      signal,
    );
    this.frame.controls.append(this.#index.el, this.#side.el, this.#scores.el, this.#norm.el);
    this.frame.body.append(
      div(
        "vec",
        div("vec-all", this.#note, this.#histogram.el, this.#chosen.el, this.#facts),
        this.#top.el,
        this.#bottom.el,
      ),
    );
    this.#offer();
    this.start();
  }

  get #here() {
    return {
      index: this.get<number>("index"),
      side: this.get<Side>("side"),
      scores: this.get<string>("scores"),
      norm: this.get<boolean>("norm"),
    };
  }

  #ask<T>(method: string, more: Record<string, unknown>): T | undefined {
    const here = this.#here;
    // The input side knows no norm: whatever it was, the question is the same.
    const norm = here.norm || (here.side === "input" && this.info.fixed === null);
    return this.answers.wanted<T>(method, { ...here, norm, ...more });
  }

  override settle(): void {
    const side = this.get<Side>("side");
    if (!this.info.sides[side].scores.includes(this.get<string>("scores"))) this.model.set("scores", "raw");
  }

  override changed(trait: string): void {
    if (trait === "_view") this.#offer();
  }

  override acts(): Record<string, (() => void) | false> {
    const { index, side, norm } = this.#here;
    const last = this.info.names.length - 1;
    const other: Side = side === "output" ? "input" : "output";
    const free = this.info.fixed === null;
    return {
      "[": () => this.choose({ index: Math.max(0, index - 1) }),
      "]": () => this.choose({ index: Math.min(last, index + 1) }),
      s: free && !this.info.sides[other].why && (() => this.choose({ side: other })),
      n: free && side === "output" && (() => this.choose({ norm: !norm })),
      Escape: () => this.choose({ token: null }),
    };
  }

  #offer(): void {
    this.#index.offer(
      this.info.names.map((name, value) => ({ value, label: label(name, 24) })),
      this.get("index"),
    );
  }

  draw(): void {
    const { index, side, scores, norm } = this.#here;
    const { sides, fixed, names, vocabulary } = this.info;
    this.#index.set(index);
    this.#side.offer(
      SIDES.map((value) => ({ value, label: value, reason: sides[value].why })),
      side,
    );
    const only = (value: string) => (fixed !== null && value !== scores ? fixed : null);
    this.#scores.offer(
      sides[side].scores.map((value) => ({ value, label: rawName(value, side), reason: only(value) })),
      scores,
    );
    this.#norm.el.hidden = side === "input" || fixed !== null;
    this.#norm.offer(
      [
        { value: true, label: "with" },
        { value: false, label: "without" },
      ],
      norm,
    );
    if (side === "input" || fixed !== null) this.#norm.el.hidden = true;
    const found = this.#ask<Scores>("scores", { top: this.get("top") });
    const token = this.get<number | null>("token");
    const looked = token === null ? undefined : this.#ask<TokenScore>("token", { token });
    this.#chosen.show(token === null ? "none" : (looked?.text ?? "…"), token === null);
    this.#note.textContent = `${names.length > 1 ? `${label(names[index]!, 32)}: ` : ""}${
      side === "output" ? "What it writes, by the unembedding" : "Which tokens write it, by their embeddings"
    }; ${vocabulary.toLocaleString("en")} tokens.`;
    this.#facts.hidden = looked === undefined;
    if (looked && found) this.#drawFacts(looked, found);
    if (found) this.#drawScores(found, looked);
    this.#drawStatus(found, looked);
    this.frame.setCheck(found?.sum_check ?? null);
  }

  #drawScores(found: Scores, looked: TokenScore | undefined): void {
    const listed = [...found.top, ...found.bottom];
    const all = trackOf(listed.map((t) => numberOf(t.score)));
    const chosen = this.get<number | null>("token");
    this.#top.draw("Largest", found.top, all, chosen);
    this.#bottom.draw("Smallest", found.bottom, all, chosen);
    const { colours } = this;
    const marks: Mark[] = [];
    if (looked) marks.push({ text: looked.text, score: numberOf(looked.score), colour: colours.pin });
    const hovered = listed.find((t) => t.id === this.#hover && t.id !== chosen);
    if (hovered) marks.push({ text: hovered.text, score: numberOf(hovered.score), colour: colours.ink });
    this.#histogram.update({
      ...{ counts: found.counts.data, edges: found.edges.data, logarithmic: found.logarithmic },
      ...{ unit: found.unit, mean: numberOf(found.mean), marks, hover: this.#bin, colours },
    });
  }

  #drawFacts(looked: TokenScore, found: Scores): void {
    const rows: [string, string, string][] = [
      [found.unit, digits(numberOf(looked.score)), allDigits(numberOf(looked.score))],
      ["rank", `${looked.rank ?? "none"} of ${this.info.vocabulary}`, "1 is the largest"],
      ["z-score", digits(numberOf(looked.z)), "standard deviations above the mean of the vocabulary"],
    ];
    this.#facts.replaceChildren(
      ...rows.map(([name, text, title]) => h("div", {}, h("dt", {}, name), h("dd", { title }, text))),
    );
  }

  #drawStatus(found: Scores | undefined, looked: TokenScore | undefined): void {
    if (!found) {
      this.frame.say("…");
      return;
    }
    const words = (t: TokenScore) =>
      `“${label(t.text, 20)}” ${digits(numberOf(t.score))}, rank ${t.rank ?? "none"}, z ${digits(numberOf(t.z))}`;
    const parts: string[] = [];
    const hovered = [...found.top, ...found.bottom].find((t) => t.id === this.#hover);
    if (this.#bin !== null) {
      const [from, to] = [found.edges.data[this.#bin]!, found.edges.data[this.#bin + 1]!];
      const end = (value: number) => digits(found.logarithmic ? 10 ** value : value);
      parts.push(`${found.counts.data[this.#bin]} tokens from ${end(from)} to ${end(to)}`);
    } else if (hovered) parts.push(words(hovered));
    else if (looked) parts.push(words(looked));
    parts.push(
      `${found.unit}: mean ${digits(numberOf(found.mean))}, sd ${digits(numberOf(found.deviation))}`,
    );
    if (found.broken) parts.push(`${found.broken} tokens without a finite score`);
    this.frame.say(parts.join(" · "));
  }

  drawing(): Drawing {
    const found = this.#ask<Scores>("scores", { top: this.get("top") });
    const rows = Math.max(found?.top.length ?? 0, found?.bottom.length ?? 0);
    const width = Math.max(640, this.#histogram.width);
    const above = this.#histogram.height + 16;
    return {
      width,
      height: above + (rows + 1) * ROW + 8,
      paint: (pen) => {
        this.#histogram.paint(pen);
        if (!found) return;
        const track = trackOf([...found.top, ...found.bottom].map((t) => numberOf(t.score)));
        const half = (width - 24) / 2;
        this.#paintEnd(shifted(pen, 0, above), "Largest", found.top, track, half);
        this.#paintEnd(shifted(pen, half + 24, above), "Smallest", found.bottom, track, half);
      },
    };
  }

  #paintEnd(
    pen: Pen,
    title: string,
    tokens: readonly TokenScore[],
    { zero, unit, signed }: Track,
    width: number,
  ): void {
    const { colours } = this;
    const bars = { from: 110, room: width - 180 };
    pen.text(0, ROW / 2, title, { colour: colours.quiet, size: 12 });
    tokens.forEach((token, i) => {
      const y = (i + 1.5) * ROW;
      const score = numberOf(token.score);
      const ink = {
        colour: token.id === this.get("token") ? colours.pin : colours.ink,
        size: 12,
        mono: true,
      };
      pen.text(0, y, label(token.text, 14), ink);
      pen.text(width, y, digits(score), { ...ink, anchor: "end" });
      if (!Number.isFinite(score)) return;
      const length = (bars.room * Math.abs(score) * unit) / 100;
      const at = bars.from + (bars.room * zero) / 100 - (score < 0 ? length : 0);
      pen.rect(at, y - 4, Math.max(1, length), 8, {
        fill: !signed || score < 0 ? colours.accent : colours.pin,
        radius: 2,
      });
    });
  }
}

/** What raw numbers are called: logits, or dot products. */
function rawName(scores: string, side: Side): string {
  if (scores !== "raw") return scores;
  return side === "output" ? "logits" : "dot product";
}

export default widget((context) => new VectorPage(context));
