// TokenView: a text coloured by any numbers of its tokens.

import { Chooser } from "../../core/controls";
import { div, watchWidth } from "../../core/dom";
import { Finder } from "../../core/find";
import { allDigits, label } from "../../core/format";
import type { RenderContext } from "../../core/host";
import { codeIn, layers, type Swatch, swatchOf } from "../../core/linear";
import { Page, widget } from "../../core/page";
import { Patches } from "../../core/patches";
import type { Drawing } from "../../core/save";
import { TokenStrip } from "../../core/tokens";
import valueStyles from "../../core/values.css";
import { decode } from "../../core/wire";
import { Data } from "./data";
import { draw } from "./drawing";
import { actsOf, KEYS } from "./keys";
import { cssText, LANE } from "./lanes";
import { Legends } from "./legends";
import { beside } from "./moves";
import { markPatch } from "./patch_marks";
import { Side } from "./side";
import { watchSpans } from "./span";
import { statusWords } from "./status";
import styles from "./token.css";

const TRAITS = ["series", "show", "position", "span", "scale", "low", "high"] as const;
const SHORT = 24; // texts one can overlook need no search

class TokenPage extends Page {
  #data = new Data(this);
  #hover: number | null = null;
  #anchor: number | null = null;

  #series: Chooser<string>;
  #show: Chooser<string>;
  #layout = div("tok iw-dressed");
  #finder: Finder;
  #strip: TokenStrip;
  #patches: Patches;
  #legends: Legends;
  #side: Side;

  constructor(context: RenderContext) {
    super(context, { styles: valueStyles + styles, keys: KEYS, traits: TRAITS });
    const { signal } = this;
    const texts = () => this.#data.info.tokens.texts;
    const hover = (i: number | null) => this.#setHover(i);
    this.#series = new Chooser("colour", (series) => this.choose({ series }));
    this.#show = new Chooser("show", (show) => this.choose({ show }));
    this.#finder = new Finder(texts, (i) => this.#go(i), signal);
    // Clicks are heard below, where shift and drags are known.
    this.#strip = new TokenStrip("Tokens", { hover, click: () => {} }, signal);
    this.#patches = new Patches({ hover, click: (i) => this.#pin(i) }, signal);
    this.#patches.el.tabIndex = 0;
    this.#side = new Side(this, this.#data);
    this.#legends = new Legends(this, this.#data);
    watchSpans(
      this.#strip.el,
      { pin: (i) => this.#pin(i), select: (from, to) => this.#select(from, to) },
      signal,
    );
    const main = div("tok-main", this.#finder.el, this.#strip.el, this.#patches.el, this.#legends.el);
    this.#layout.append(main, this.#side.el);
    this.frame.controls.append(this.#series.el, this.#show.el);
    this.frame.body.append(this.#layout);
    this.#offer();
    // Lines exist only once the width is known; what is pinned is shown then.
    watchWidth(this.#strip.el, signal, () => this.#reveal());
    this.start();
  }

  #offer(): void {
    const { series, tokens, image } = this.#data.info;
    this.#series.offer(
      series.map((s) => ({ value: s.name, label: label(s.name, 24) })),
      this.get("series"),
    );
    const grid = tokens.grid !== null;
    this.#show.offer(
      series.length > 1
        ? [
            { value: "one", label: "one" },
            { value: "all", label: "all", reason: grid ? "Patches show one series at a time" : null },
          ]
        : [],
      this.get("show"),
    );
    this.#legends.offer(series.length);
    this.#finder.el.hidden = tokens.texts.length <= SHORT;
    if (image)
      decode(image).then(
        (pixels) => this.#patches.setPhoto(pixels),
        (error) => this.frame.fail(error),
      );
  }

  // What a reader does.

  get #position(): number | null {
    return this.get<number | null>("position");
  }

  get #span(): [number, number] | null {
    return this.get<[number, number] | null>("span");
  }

  get #all(): boolean {
    return (
      this.get<string>("show") === "all" && this.#data.info.series.length > 1 && !this.#data.info.tokens.grid
    );
  }

  #pin(index: number): void {
    this.choose({ position: this.#position === index ? null : index, span: null });
    this.#anchor = index; // after the traits: what is set from outside forgets it
    const { grid, grid_start } = this.#data.info.tokens;
    (grid && index >= grid_start ? this.#patches.el : this.#strip.el).focus({ preventScroll: true });
  }

  /** Select from an anchor, or from what is pinned or selected already, to a position. */
  #select(from: number | null, to: number): void {
    const anchor = from ?? this.#anchor ?? this.#position ?? this.#span?.[0] ?? to;
    this.choose({ position: to, span: [Math.min(anchor, to), Math.max(anchor, to) + 1] });
    this.#anchor = anchor;
  }

  #go(index: number): void {
    this.#hover = null; // what is gone to is shown, wherever the pointer was left
    this.choose({ position: index });
    this.#anchor = index;
    this.#reveal();
  }

  #setHover(index: number | null): void {
    if (index === this.#hover) return;
    this.#hover = index;
    this.update();
  }

  #reveal(): void {
    const at = this.#position ?? this.#span?.[0] ?? null;
    if (at !== null) this.#strip.reveal(at);
  }

  override acts(event: KeyboardEvent): Record<string, () => void> {
    const { series, tokens } = this.#data.info;
    return actsOf({
      now: this.#position,
      last: this.#data.count - 1,
      beside: (now, lines) => beside(this.#strip.el, tokens, now, lines),
      move: (to) => {
        this.#hover = null;
        if (event.shiftKey) this.#select(null, to);
        else this.#go(to);
        this.#reveal();
      },
      turn: (by) => {
        const to = Math.max(0, Math.min(series.length - 1, this.#data.here + by));
        this.choose({ series: series[to]!.name });
      },
      all: () => this.choose({ show: this.get<string>("show") === "one" ? "all" : "one" }),
      release: () => {
        this.#anchor = null;
        this.choose({ position: null, span: null });
      },
    });
  }

  override changed(trait: string): void {
    if (trait === "_view") this.#offer();
    if (trait !== "position" && trait !== "span") return;
    this.#anchor = null;
    this.update();
    this.#reveal();
  }

  // What is drawn.

  /** How a position looks in a series. */
  #swatch(series: number, index: number): Swatch | null {
    const value = this.#data.masked(index) ? undefined : this.#data.values(series)?.[index];
    if (value === undefined) return null;
    const ends = this.#data.ends(series);
    return swatchOf(value, ends, this.scales[ends.signed ? "signed" : "plain"]);
  }

  /** The series shown: one as the ground of the text, or each as a lane below it. */
  get #lanes(): number[] {
    return this.#all ? this.#data.info.series.map((_, k) => k) : [];
  }

  /** The position under the pointer, else pinned, else the one farthest from zero. */
  #looked(): { index: number; why: "hovered" | "pinned" | "largest" } {
    if (this.#hover !== null) return { index: this.#hover, why: "hovered" };
    if (this.#position !== null) return { index: this.#position, why: "pinned" };
    return { index: this.#data.farthest(this.#data.here), why: "largest" };
  }

  draw(): void {
    const { info, here } = this.#data;
    const lanes = this.#lanes;
    this.#series.set(this.get("series"));
    this.#show.set(this.get("show"));
    this.#layout.classList.toggle("tok-lanes", lanes.length > 0);
    const tall = LANE.first + LANE.step * lanes.length;
    this.#layout.style.setProperty("--tall", `${tall}px`);
    this.#layout.style.setProperty("--names", cssText(lanes.map((k) => label(info.series[k]!.name, 15))));
    this.#strip.offer(info.tokens);
    this.#strip.space(lanes.length ? tall + LANE.gap : 22);
    this.#strip.dress((i, span) => this.#dress(i, span, lanes));
    this.#strip.mark(this.#position, null);
    this.#drawPatches();
    this.#legends.draw(lanes.length ? lanes : [here]);
    const looked = this.#looked();
    this.#side.update({ ...looked, span: this.#span });
    this.frame.say(statusWords(this.#data, looked, this.#span));
  }

  #dress(index: number, span: HTMLElement, lanes: readonly number[]): void {
    const { here } = this.#data;
    const [start, stop] = this.#span ?? [0, 0];
    const masked = this.#data.masked(index);
    this.#data.expect(index);
    const swatch = lanes.length ? null : this.#swatch(here, index);
    const painted = lanes.length
      ? lanes.flatMap((k, n) => {
          const of = this.#swatch(k, index);
          return of ? layers(of, LANE.first + n * LANE.step, LANE.height) : [];
        })
      : swatch
        ? layers(swatch, 0, 20)
        : [];
    span.style.background = painted.join(",");
    span.style.color = swatch?.ink ?? "";
    span.toggleAttribute("data-masked", masked);
    span.toggleAttribute("data-span", index >= start && index < stop);
    const value = this.#data.values(here)?.[index];
    span.title = `${index}: ${masked ? "masked" : value === undefined ? "…" : allDigits(value)}`;
  }

  #drawPatches(): void {
    const { info, here } = this.#data;
    this.#patches.offer(info.tokens);
    if (!info.tokens.grid) return;
    const ends = this.#data.ends(here);
    const values = this.#data.values(here);
    const { accent, pin } = this.colours;
    const [start, stop] = this.#span ?? [0, 0];
    const seen = values && Array.from(values, (v, i) => (this.#data.masked(i) ? undefined : v));
    this.#patches.update({
      ...{
        values: seen as number[] | null,
        scale: this.scales[ends.signed ? "signed" : "plain"],
        accent,
        pin,
      },
      ...{ pinned: this.#position, other: this.#hover },
      code: (value) => codeIn(value, ends),
      over: (g, x, y, side, index) =>
        markPatch(g, x, y, side, this.#swatch(here, index), index >= start && index < stop, accent),
    });
  }

  // What is saved.

  drawing(): Drawing {
    const { here, info } = this.#data;
    const lanes = this.#lanes;
    return draw({
      title: `${this.get<string>("title")} · ${lanes.length ? "all series" : info.series[here]!.name}`,
      strip: this.#strip.el,
      patches: this.#patches.el.querySelector("canvas"),
      grid: info.tokens.grid !== null,
      status: this.frame.status,
      colours: this.colours,
      span: this.#span,
      pinned: this.#position,
      masked: (i) => this.#data.masked(i),
      ground: (i) => (lanes.length ? null : this.#swatch(here, i)),
      lanes: lanes.map((k, n) => ({
        ...{ name: info.series[k]!.name, y: LANE.first + n * LANE.step, h: LANE.height },
        swatch: (i: number) => this.#swatch(k, i),
      })),
      legends: (lanes.length ? lanes : [here]).map((k) => this.#legends.of(k)),
    });
  }
}

export default widget((context) => new TokenPage(context));
