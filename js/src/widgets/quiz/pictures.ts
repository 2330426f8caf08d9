// The pictures of a trial: a grid of exemplars on one canvas, and a query as a button.

import { div, h, on, pointed } from "../../core/dom";
import type { Page } from "../../core/page";
import type { Box, Pen } from "../../core/pen";
import { Albums, screen } from "../../core/thumbnails";
import type { NDArray } from "../../core/wire";

const GAP = 4;
// From how many screen pixels to one of the image on, pixels are left sharp; and how fine a saved picture is.
const SHARP = 6;
const PRINT = 3;

/** Images by row, block by block; undefined until its block is here. */
export class Images {
  #albums = new Albums();
  #alone = new Map<number, HTMLCanvasElement>();
  #page: Page<{ block: number; aspect: number }>;

  constructor(page: Page<{ block: number; aspect: number }>) {
    this.#page = page;
  }

  get aspect(): number {
    return this.#page.info.aspect;
  }

  /** One image alone on its canvas: enlarged from a sheet of many, its neighbours would shine into its edges. */
  find(row: number): HTMLCanvasElement | undefined {
    const known = this.#alone.get(row);
    if (known) return known;
    const { block } = this.#page.info;
    const start = row - (row % block);
    // A lane of its own: blocks are asked for side by side, and none replaces another.
    const lane = { lane: `images ${start}` };
    const found = this.#page.answers.wanted<{ pixels: NDArray }>("images", { start }, lane);
    if (!found) return undefined;
    const album = this.#albums.of(found.pixels);
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [album.width, album.height];
    const whole = { x: 0, y: 0, w: album.width, h: album.height };
    album.draw(canvas.getContext("2d")!, row - start, null, whole);
    this.#alone.set(row, canvas);
    return canvas;
  }

  /** Draw one image into a square, whole and centred; a plain square until it is here. */
  draw(g: CanvasRenderingContext2D, row: number, to: Box, empty: string): void {
    const image = this.find(row);
    if (!image) {
      g.fillStyle = empty;
      g.fillRect(to.x, to.y, to.w, to.h);
      return;
    }
    const scale = Math.min(to.w / image.width, to.h / image.height);
    const [w, height] = [image.width * scale, image.height * scale];
    // Smooth, unless each pixel becomes large enough to be seen as one.
    g.imageSmoothingEnabled = scale * devicePixelRatio < SHARP;
    g.imageSmoothingQuality = "high";
    g.drawImage(image, to.x + (to.w - w) / 2, to.y + (to.h - height) / 2, w, height);
  }

  /** The same by a pen, sharp enough for print. */
  paint(pen: Pen, row: number, to: Box, empty: string): void {
    const canvas = document.createElement("canvas");
    this.draw(screen(canvas, to.w, to.h, PRINT), row, { ...to, x: 0, y: 0 }, empty);
    pen.image(canvas, { x: 0, y: 0, w: canvas.width, h: canvas.height }, to);
  }
}

/** Where image `i` of `count` lies in a grid of about as many columns as rows; `aspect` is height over width. */
export function cell(i: number, count: number, width: number, aspect: number): Box {
  const columns = Math.max(1, Math.ceil(Math.sqrt(count)));
  const w = (width - (columns - 1) * GAP) / columns;
  const high = w * aspect;
  return { x: (i % columns) * (w + GAP), y: Math.floor(i / columns) * (high + GAP), w, h: high };
}

export class Exemplars {
  readonly el = div("quiz-side");
  #canvas = h("canvas", { role: "img" });
  #images: Images;
  #rows: readonly number[] = [];
  #width = 0;

  constructor(words: string, images: Images, hover: (i: number | null) => void, signal: AbortSignal) {
    this.#images = images;
    this.#canvas.setAttribute("aria-label", `Images that are ${words}`);
    this.el.append(h("h4", {}, words), this.#canvas);
    const at = (event: MouseEvent) => {
      const box = this.#canvas.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top];
      const found = this.#rows.findIndex((_, i) => {
        const c = cell(i, this.#rows.length, this.#width, this.#images.aspect);
        return x >= c.x && x < c.x + c.w && y >= c.y && y < c.y + c.h;
      });
      return found < 0 ? null : found;
    };
    pointed(this.#canvas, at, { hover, click: () => {} }, signal);
  }

  draw(rows: readonly number[], width: number, empty: string): void {
    this.#rows = rows;
    this.#width = width;
    const last = cell(rows.length - 1, rows.length, width, this.#images.aspect);
    const g = screen(this.#canvas, width, rows.length ? last.y + last.h : 1);
    rows.forEach((row, i) => {
      this.#images.draw(g, row, cell(i, rows.length, width, this.#images.aspect), empty);
    });
  }
}

/** What a query says of itself once the trial is answered. */
export type Verdict = "right" | "wrong" | "chosen" | null;

export class Query {
  readonly el = h("button", { type: "button", class: "quiz-query" });
  #canvas = h("canvas");
  #words = h("span");
  #images: Images;

  constructor(
    readonly number: number,
    images: Images,
    pick: () => void,
    hover: (inside: boolean) => void,
    signal: AbortSignal,
  ) {
    this.#images = images;
    this.el.append(
      this.#canvas,
      h("span", { class: "quiz-name" }, h("kbd", {}, String(number)), this.#words),
    );
    on(this.el, "click", pick, signal);
    on(this.el, "pointerenter", () => hover(true), signal);
    on(this.el, "pointerleave", () => hover(false), signal);
  }

  draw(row: number, width: number, verdict: Verdict, words: string, locked: boolean, empty: string): void {
    const to = { x: 0, y: 0, w: width, h: width * this.#images.aspect };
    this.#images.draw(screen(this.#canvas, to.w, to.h), row, to, empty);
    this.#words.textContent = words;
    this.el.dataset.verdict = verdict ?? "";
    this.el.setAttribute("aria-label", `Query ${this.number}${words && `: ${words}`}`);
    this.el.setAttribute("aria-disabled", String(locked));
  }
}
