// The prototypes of one side in the order of what they add: this part of the image looks like that training patch.

import { div, h } from "../../core/dom";
import { allDigits, digits } from "../../core/format";
import { TallRows } from "../../core/tall_rows";
import { type Albums, drawPatch, type Edges, screen } from "../../core/thumbnails";
import type { Picture, Reading, Store } from "./data";
import { excerpt, spanOf } from "./text_pair";

export interface ListState {
  reading: Reading;
  picture: Picture | undefined;
  prototype: number | null;
  flagged: ReadonlyMap<number, string>;
  /** A second side's numbers beside: what the same prototype adds there. */
  beside: Reading | null;
  off(prototype: number): boolean;
  switches: boolean;
  accent: string;
  pin: string;
}

export interface ListEvents {
  open(prototype: number): void;
  hover(prototype: number | null): void;
  toggle(prototype: number): void;
}

const ROW = 72;
const SIDE = 58;
const TALL = 578;

export class PrototypeList {
  readonly el = div("pro-list");
  readonly note = h("p", { class: "iw-note" });
  #rows: TallRows;
  #state: ListState | null = null;
  #far = 1;
  #both = false;
  #store: Store;
  #albums: Albums;

  constructor(store: Store, albums: Albums, events: ListEvents, signal: AbortSignal) {
    this.#store = store;
    this.#albums = albums;
    this.#rows = new TallRows(
      "Prototypes, what adds most first",
      ROW,
      {
        row: (i, el) => this.#row(i, el),
        click: (i, event) => {
          const p = this.#state!.reading.order[i]!;
          if ((event.target as Element).closest("label")) {
            // A label's click comes twice: once for itself, once for its box.
            if ((event.target as Element).tagName === "INPUT") events.toggle(p);
          } else events.open(p);
        },
        hover: (i) => events.hover(i === null ? null : (this.#state?.reading.order[i] ?? null)),
      },
      signal,
    );
    this.el.append(this.note, this.#rows.el);
  }

  focus(): void {
    this.#rows.el.focus({ preventScroll: true });
  }

  reveal(prototype: number): void {
    const at = this.#state?.reading.order.indexOf(prototype) ?? -1;
    if (at >= 0) this.#rows.reveal(at);
  }

  update(state: ListState): void {
    this.#state = state;
    const { reading, prototype } = state;
    // The bars of all rows stand on the scale of the network's own contributions.
    const own = reading.order
      .map((p) => reading.contribution(reading.class_, p, true))
      .filter(Number.isFinite);
    this.#far = own.reduce((far, v) => Math.max(far, Math.abs(v)), 1e-12);
    this.#both = own.some((v) => v < 0);
    const at = prototype === null ? -1 : reading.order.indexOf(prototype);
    this.#rows.el.style.height = `${Math.min(TALL, reading.count * ROW + 2)}px`;
    this.#rows.update(reading.count, at < 0 ? null : at);
  }

  mark(prototype: number | null, hovered: number | null): void {
    const order = this.#state?.reading.order;
    if (!order) return;
    const at = (p: number | null) => (p === null ? null : order.indexOf(p));
    this.#rows.mark(at(prototype), at(hovered));
  }

  #row(index: number, el: HTMLElement): void {
    const { reading, flagged, off, switches, beside } = this.#state!;
    const p = reading.order[index]!;
    const away = off(p);
    el.toggleAttribute("data-off", away);
    el.toggleAttribute("data-text", reading.info.text);
    const box = h("input", { type: "checkbox", "aria-label": `Use ${reading.name(p)}`, tabindex: -1 });
    box.checked = !away;
    box.disabled = !switches;
    const tick = h("label", { class: "pro-switch", title: switches ? "Switch on or off (space)" : "" }, box);
    const pair = reading.info.text ? this.#texts(p) : this.#patches(p);
    const owner = reading.info.classes[reading.info.owner[p]!] ?? "no class";
    const head = div("pro-row-name", h("b", {}, `${p}`), h("span", { title: owner }, owner));
    if (reading.info.scales) head.append(h("span", { class: "iw-chip" }, `scale ${reading.info.scales[p]}`));
    const why = flagged.get(p);
    if (why) head.append(h("span", { class: "pro-flag", title: `May mislead: ${why}` }, "!"));
    const c = reading.class_;
    const value = reading.contribution(c, p);
    head.append(h("b", { class: "pro-row-adds", title: allDigits(value) }, plus(value)));
    const similarity = reading.similarity(p);
    const sum = div("pro-row-sum");
    sum.append(h("span", { title: `Similarity ${allDigits(similarity)}` }, digits(similarity)));
    if (reading.info.grouped) sum.append(" in its group");
    else {
      const weight = reading.weight(c, p);
      const title = `Weight for ${reading.info.classes[c]}: ${allDigits(weight)}`;
      sum.append(
        " × ",
        h("span", { title, "data-changed": weight !== reading.weight(c, p, true) }, digits(weight)),
      );
    }
    if (beside) {
      // Of two images, what it adds to the same class there; of two classes, what it adds to the other one.
      const same = beside.where.image !== reading.where.image;
      const other = beside.contribution(same ? c : beside.class_, p);
      const title = `Beside: ${allDigits(other)}`;
      sum.append(h("span", { class: "pro-row-adds", title }, h("i", {}, "beside "), plus(other)));
    }
    const words = div("pro-row-words", head, sum);
    el.append(tick, pair, words, this.#bar(value));
  }

  #patches(p: number): HTMLElement {
    const canvas = h("canvas", {
      role: "img",
      "aria-label": "The patch of the image, and the training patch",
    });
    this.paint(canvas, p);
    return canvas;
  }

  #texts(p: number): HTMLElement {
    const { reading, picture } = this.#state!;
    const source = this.#store.source(reading.where.model, p);
    const there = source?.found.texts?.[source.at];
    return div(
      "pro-excerpts",
      excerpt(picture?.tokens?.texts ?? [], ...reading.span(p), "here"),
      there ? excerpt(there, ...spanOf(source), "there") : "",
    );
  }

  /** A contribution from zero, on the scale of the largest. */
  #bar(value: number): HTMLElement {
    const track = div("pro-row-bar");
    if (!Number.isFinite(value)) return track;
    const zero = this.#both ? 50 : 0;
    const length = Math.min(100 - zero, (Math.abs(value) / this.#far) * (100 - zero));
    const left = value < 0 ? Math.max(0, zero - length) : zero;
    track.append(
      h("b", { style: `left:${zero}%` }),
      h("i", {
        style: `left:${left.toFixed(1)}%;width:${length.toFixed(1)}%`,
        "data-sign": value < 0 ? "negative" : "positive",
      }),
    );
    return track;
  }

  /** The patch of the image, and the training patch it looks like. */
  paint(canvas: HTMLCanvasElement, p: number, ratio = devicePixelRatio || 1): number {
    const { reading, picture, accent, pin } = this.#state!;
    const width = 2 * SIDE + 18;
    const g = screen(canvas, width, SIDE, ratio);
    if (picture?.pixels) {
      const album = this.#albums.of(picture.pixels);
      const box = reading.boxIn(p, album);
      drawPatch(g, { album, index: 0, box, whole: false }, { x: 0, y: 0, w: SIDE, h: SIDE }, pin);
    }
    const to = { x: SIDE + 18, y: 0, w: SIDE, h: SIDE };
    const source = this.#store.source(reading.where.model, p);
    if (source?.found.pixels) {
      const album = this.#albums.of(source.found.pixels);
      const box = [...source.found.boxes.data.subarray(4 * source.at, 4 * source.at + 4)];
      drawPatch(g, { album, index: source.at, box: box as unknown as Edges, whole: false }, to, accent);
    } else if (!reading.info.pushed) {
      g.strokeStyle = "rgb(140 140 140 / 0.7)";
      g.setLineDash([3, 3]);
      g.strokeRect(to.x + 0.5, 0.5, SIDE - 1, SIDE - 1);
    }
    // An arrow: looks like.
    g.strokeStyle = g.fillStyle = "rgb(140 140 140)";
    g.setLineDash([]);
    g.lineWidth = 1.5;
    g.beginPath();
    g.moveTo(SIDE + 3, SIDE / 2);
    g.lineTo(SIDE + 11, SIDE / 2);
    g.stroke();
    g.beginPath();
    g.moveTo(SIDE + 15, SIDE / 2);
    g.lineTo(SIDE + 10, SIDE / 2 - 3.5);
    g.lineTo(SIDE + 10, SIDE / 2 + 3.5);
    g.fill();
    return width;
  }
}

/** A contribution says whether it gives or takes. */
function plus(value: number): string {
  return `${value > 0 ? "+" : ""}${digits(value)}`;
}

export const PATCHES = { row: ROW, side: SIDE };
