// The token strip: text that wraps like text, coloured by any numbers. Lines are laid out by measured widths and only
// those in view exist, so 32,000 tokens scroll as lightly as thirty. One listener serves them all.

import { codeOf, colourOf, inkOn, type Scale } from "./colour";
import { div, h, numbered, on, onFrame, pointed, watchWidth } from "./dom";
import { allDigits, isRightToLeft, pieces } from "./format";

export interface TokenData {
  texts: string[];
  special: number[];
  glyphs: [number, number, string][];
  grid: [number, number] | null;
  grid_start: number;
}

export interface StripEvents {
  hover(index: number | null): void;
  click(index: number): void;
}

/** How a token is coloured and titled. */
type Dress = (index: number, span: HTMLElement) => void;

/** What stands together on a line: one token, or the pieces of one character. */
interface Unit {
  start: number;
  stop: number;
  glyph: string | null;
}

const LINE = 22; // pixels from line to line, as in frame.css
const OVERSCAN = 6; // lines kept above and below what is seen
const PADDING = 6; // of one token: its padding and border

export class TokenStrip {
  readonly el = h("div", { class: "iw-tokens", role: "listbox", tabindex: 0 });
  #sheet = div("iw-sheet");
  #tokens: TokenData | null = null;
  #lines: Unit[][] = [];
  #special = new Set<number>();
  #widths = new Map<string, number>();
  #width = 0;
  #spans = new Map<number, HTMLElement>();
  #rendered = "";
  #dress: Dress | null = null;
  #line = LINE;
  #pinned: number | null = null;
  #other: number | null = null;
  #redraw: () => void;

  constructor(label: string, events: StripEvents, signal: AbortSignal) {
    this.el.setAttribute("aria-label", label);
    this.el.append(this.#sheet);
    this.#redraw = onFrame(signal, () => this.#render());
    pointed(this.el, numbered("i"), events, signal);
    on(this.el, "scroll", () => this.#redraw(), signal, { passive: true });
    watchWidth(this.#sheet, signal, (width) => {
      this.#width = width;
      this.#layout();
    });
  }

  /** Which tokens stand here: all, or those outside an image grid. */
  offer(tokens: TokenData): void {
    if (this.#tokens === tokens) return;
    this.#tokens = tokens;
    this.#special = new Set(tokens.special);
    this.el.scrollTop = 0;
    this.#layout();
  }

  /** Colour tokens by values (null clears); those that are not visible stay bare. */
  paint(
    values: ArrayLike<number> | null,
    scale: Scale,
    top: number,
    visible: (index: number) => boolean,
  ): void {
    this.dress((i, span) => {
      const value = values?.[i];
      const shown = value !== undefined && visible(i);
      const rgb = shown ? colourOf(scale, codeOf(value, top, scale.signed)) : null;
      span.style.background = rgb ? `rgb(${rgb.map(Math.round).join(" ")})` : "";
      span.style.color = rgb ? inkOn(rgb) : "";
      span.title = `${i}${value === undefined ? "" : `: ${shown ? allDigits(value) : "masked"}`}`;
    });
  }

  /** Colour tokens in a way of one's own. */
  dress(act: Dress): void {
    this.#dress = act;
    for (const [i, span] of this.#spans) act(i, span);
  }

  /** Set lines farther apart, to leave room below the text. */
  space(line: number): void {
    if (line === this.#line) return;
    this.#line = line;
    this.#layout();
  }

  mark(pinned: number | null, other: number | null): void {
    this.#pinned = pinned;
    this.#other = other;
    for (const [i, span] of this.#spans) this.#outline(i, span);
  }

  /** Scroll so that a token is seen; nothing moves when it is. */
  reveal(index: number): void {
    const line = this.#lines.findIndex((units) => units.some((u) => index >= u.start && index < u.stop));
    if (line < 0) return;
    const [top, bottom] = [line * this.#line, (line + 1) * this.#line];
    const { scrollTop, clientHeight } = this.el;
    if (top < scrollTop || bottom > scrollTop + clientHeight)
      this.el.scrollTop = Math.max(0, top - clientHeight / 2);
  }

  #units(tokens: TokenData): Unit[] {
    const cells = tokens.grid ? tokens.grid[0] * tokens.grid[1] : 0;
    const inGrid = (i: number) => cells > 0 && i >= tokens.grid_start && i < tokens.grid_start + cells;
    const glyphs = new Map(tokens.glyphs.map((g) => [g[0], g] as const));
    const units: Unit[] = [];
    for (let i = 0; i < tokens.texts.length; i++) {
      if (inGrid(i)) continue;
      const glyph = glyphs.get(i);
      units.push({ start: i, stop: glyph ? glyph[1] : i + 1, glyph: glyph ? glyph[2] : null });
      if (glyph) i = glyph[1] - 1;
    }
    return units;
  }

  /** Break the text into lines, as a browser would, from the widths of its tokens. */
  #layout(): void {
    const tokens = this.#tokens;
    if (!tokens || this.#width === 0) return;
    const g = document.createElement("canvas").getContext("2d")!;
    const style = getComputedStyle(this.el);
    g.font = `${style.fontSize} ${style.fontFamily}`;
    const measure = (text: string) => {
      const known = this.#widths.get(text);
      if (known !== undefined) return known;
      const shown = pieces(text).map((p) => p.text);
      const width = Math.max(8, g.measureText(shown.join("")).width) + PADDING;
      this.#widths.set(text, width);
      return width;
    };
    this.#lines = [];
    let line: Unit[] = [];
    let used = 0;
    for (const unit of this.#units(tokens)) {
      const own = tokens.texts.slice(unit.start, unit.stop);
      const width = unit.glyph === null ? measure(own[0]!) : measure(unit.glyph) + own.length * 20 + 8;
      if (line.length > 0 && used + width > this.#width) {
        this.#lines.push(line);
        line = [];
        used = 0;
      }
      line.push(unit);
      used += width;
      if (/\n\s*$/.test(own.at(-1)!)) {
        this.#lines.push(line);
        line = [];
        used = 0;
      }
    }
    if (line.length > 0) this.#lines.push(line);
    this.el.hidden = this.#lines.length === 0;
    this.#sheet.style.height = `${this.#lines.length * this.#line}px`;
    this.#rendered = "";
    this.#render();
  }

  #render(): void {
    const tokens = this.#tokens;
    if (!tokens) return;
    const first = Math.max(0, Math.floor(this.el.scrollTop / this.#line) - OVERSCAN);
    const seen = Math.ceil((this.el.clientHeight || 240) / this.#line);
    const last = Math.min(this.#lines.length, first + seen + 2 * OVERSCAN);
    const now = `${first}-${last}`;
    if (now === this.#rendered) return;
    this.#rendered = now;
    this.#spans.clear();
    const rows: HTMLElement[] = [];
    for (let i = first; i < last; i++) {
      const row = h("div", { class: "iw-line", style: `top:${i * this.#line}px` });
      let run: HTMLElement | null = null; // right-to-left tokens in a row keep their reading order in one run
      for (const unit of this.#lines[i]!) {
        const node = this.#unit(tokens, unit);
        const rtl = isRightToLeft(unit.glyph ?? tokens.texts[unit.start]!);
        if (rtl && !run) {
          run = h("span", { dir: "rtl", style: "unicode-bidi:isolate" });
          row.append(run);
        } else if (!rtl) {
          run = null;
        }
        (run ?? row).append(node);
      }
      rows.push(row);
    }
    this.#sheet.replaceChildren(...rows);
    for (const [i, span] of this.#spans) {
      this.#dress?.(i, span);
      this.#outline(i, span);
    }
  }

  #unit(tokens: TokenData, unit: Unit): HTMLElement {
    if (unit.glyph === null) return this.#token(unit.start, tokens.texts[unit.start]!, false);
    const count = unit.stop - unit.start;
    const box = h(
      "span",
      { class: "iw-glyph", title: `${unit.glyph}: ${count} pieces` },
      h("span", {}, unit.glyph),
    );
    for (let j = unit.start; j < unit.stop; j++)
      box.append(this.#token(j, tokens.texts[j]!.replace(/^\\x/, ""), true));
    return box;
  }

  #token(i: number, text: string, piece: boolean): HTMLElement {
    const span = h("span", {
      ...{ class: "iw-token", role: "option", "data-i": i },
      ...{ "data-special": this.#special.has(i), "data-piece": piece },
    });
    for (const part of pieces(text))
      span.append(part.mark ? h("span", { class: "iw-mark" }, part.text) : part.text);
    this.#spans.set(i, span);
    return span;
  }

  #outline(i: number, span: HTMLElement): void {
    span.toggleAttribute("data-pinned", i === this.#pinned);
    span.toggleAttribute("data-other", i === this.#other && i !== this.#pinned);
    span.setAttribute("aria-selected", String(i === this.#pinned));
  }
}
