// The token strip: text that wraps like text, coloured by any numbers. One listener for all tokens.

import { codeOf, colourOf, inkOn, type Scale } from "./colour";
import { h } from "./dom";
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

export class TokenStrip {
  readonly el = h("div", { class: "iw-tokens", role: "listbox", tabindex: 0 });
  private spans: (HTMLElement | undefined)[] = [];
  private shown: TokenData | null = null;

  constructor(label: string, events: StripEvents, signal: AbortSignal) {
    this.el.setAttribute("aria-label", label);
    const indexAt = (event: Event): number | null => {
      const token = (event.target as Element).closest<HTMLElement>("[data-i]");
      return token ? Number(token.dataset.i) : null;
    };
    this.el.addEventListener("pointerover", (e) => events.hover(indexAt(e)), { signal });
    this.el.addEventListener("pointerleave", () => events.hover(null), { signal });
    this.el.addEventListener(
      "click",
      (e) => {
        const i = indexAt(e);
        if (i !== null) events.click(i);
      },
      { signal },
    );
  }

  /** Which tokens stand here: all, or only those outside an image grid. */
  offer(tokens: TokenData): void {
    if (this.shown === tokens) return;
    this.shown = tokens;
    this.spans = new Array(tokens.texts.length);
    const inGrid = (i: number) => {
      const cells = tokens.grid ? tokens.grid[0] * tokens.grid[1] : 0;
      return tokens.grid !== null && i >= tokens.grid_start && i < tokens.grid_start + cells;
    };
    const special = new Set(tokens.special);
    const glyphOf = new Map(tokens.glyphs.map((g) => [g[0], g] as const));
    const content: HTMLElement[] = [];
    const fragment = document.createDocumentFragment();
    let run: HTMLElement | null = null; // right-to-left tokens in a row keep their reading order in one run
    for (let i = 0; i < tokens.texts.length; i++) {
      if (inGrid(i)) continue;
      const text = tokens.texts[i]!;
      const glyph = glyphOf.get(i);
      let node: HTMLElement;
      if (glyph) {
        node = h(
          "span",
          { class: "iw-glyph", title: `${glyph[2]}: ${glyph[1] - glyph[0]} pieces` },
          h("span", {}, glyph[2]),
        );
        for (let j = glyph[0]; j < glyph[1]; j++) {
          node.append(this.token(j, tokens.texts[j]!.replace(/^\\x/, ""), special.has(j), true));
        }
        i = glyph[1] - 1;
      } else {
        node = this.token(i, text, special.has(i), false);
      }
      const rtl = isRightToLeft(glyph ? glyph[2] : text);
      if (rtl && !run) {
        run = h("span", { dir: "rtl", style: "unicode-bidi:isolate" });
        fragment.append(run);
      } else if (!rtl) {
        run = null;
      }
      (run ?? fragment).append(node);
      if (/\n\s*$/.test(text)) (run ?? fragment).append(h("br"));
      content.push(node);
    }
    this.el.replaceChildren(fragment);
    this.el.hidden = content.length === 0;
  }

  private token(i: number, text: string, special: boolean, piece: boolean): HTMLElement {
    const span = h("span", {
      class: "iw-token",
      role: "option",
      "data-i": i,
      "data-special": special,
      "data-piece": piece,
    });
    for (const part of pieces(text))
      span.append(part.mark ? h("span", { class: "iw-mark" }, part.text) : part.text);
    this.spans[i] = span;
    return span;
  }

  /** Colour tokens by values (null clears): hidden ones, `visible(i)` false, stay bare. */
  paint(values: ArrayLike<number> | null, scale: Scale, top: number, visible: (i: number) => boolean): void {
    this.spans.forEach((span, i) => {
      if (!span) return;
      const value = values?.[i];
      const rgb =
        value === undefined || !visible(i) ? null : colourOf(scale, codeOf(value, top, scale.signed));
      span.style.background = rgb ? `rgb(${rgb.map(Math.round).join(" ")})` : "";
      span.style.color = rgb ? inkOn(rgb) : "";
      span.title = `${i}${value === undefined ? "" : `: ${visible(i) ? allDigits(value) : "masked"}`}`;
    });
  }

  mark(pinned: number | null, other: number | null): void {
    this.spans.forEach((span, i) => {
      if (!span) return;
      span.toggleAttribute("data-pinned", i === pinned);
      span.toggleAttribute("data-other", i === other && i !== pinned);
      span.setAttribute("aria-selected", String(i === pinned));
    });
  }
}
