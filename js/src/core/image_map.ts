// An image with a map laid over it, cell by cell, and boxes: what one place of the map stands for.

import { colourOf, type Scale } from "./colour";
import { h, onFrame, pointed } from "./dom";
import { clipped, codeIn, css, type Ends } from "./linear";
import { type Album, type Edges, onScreen, outline, screen } from "./thumbnails";

export interface MapBox {
  box: Edges;
  colour: string;
  line: number;
}

export interface ImageMapState {
  album: Album | null;
  index: number;
  /** `[rows, columns]` and the values row by row; null shows the bare image. */
  map: { rows: number; columns: number; values: ArrayLike<number> } | null;
  ends: Ends;
  scale: Scale;
  /** How much the largest value covers of the image, 0 to 1. */
  opacity: number;
  boxes: readonly MapBox[];
  ink: string;
}

export interface ImageMapEvents {
  hover(cell: number | null): void;
  click(cell: number): void;
}

/** Paint image, map and boxes into a rectangle. */
export function paintImageMap(
  g: CanvasRenderingContext2D,
  { album, index, map, ends, scale, opacity, boxes, ink }: ImageMapState,
  to: { x: number; y: number; w: number; h: number },
): void {
  if (!album) return;
  album.draw(g, index, null, to);
  if (map) {
    const [ch, cw] = [to.h / map.rows, to.w / map.columns];
    for (let i = 0; i < map.rows * map.columns; i++) {
      const value = map.values[i]!;
      const [x, y] = [to.x + (i % map.columns) * cw, to.y + Math.floor(i / map.columns) * ch];
      if (Number.isNaN(value)) {
        hatch(g, x, y, cw, ch);
        continue;
      }
      const code = codeIn(value, ends);
      const rgb = colourOf(scale, code);
      if (!rgb) continue;
      const share = ends.signed ? Math.abs(code - 126) / 125 : (code - 1) / 250;
      // A small value lets the image through; an infinite one covers it.
      g.globalAlpha = opacity * (Number.isFinite(value) ? Math.min(1, share) ** 2 : 1);
      g.fillStyle = css(rgb);
      g.fillRect(x, y, cw, ch);
      g.globalAlpha = 1;
      if (clipped(value, ends) !== 0) {
        g.fillStyle = ink;
        g.beginPath();
        g.moveTo(x + cw - 7, y);
        g.lineTo(x + cw, y);
        g.lineTo(x + cw, y + 7);
        g.fill();
      }
    }
  }
  for (const { box, colour, line } of boxes) {
    const at = onScreen(box, [0, 0, album.height, album.width], to);
    const inset = line / 2 + 1;
    const [x, y] = [Math.max(to.x + inset, at.x), Math.max(to.y + inset, at.y)];
    const right = Math.min(to.x + to.w - inset, at.x + at.w);
    const bottom = Math.min(to.y + to.h - inset, at.y + at.h);
    outline(g, { x, y, w: right - x, h: bottom - y }, colour, line);
  }
}

function hatch(g: CanvasRenderingContext2D, x: number, y: number, w: number, h: number): void {
  g.save();
  g.beginPath();
  g.rect(x, y, w, h);
  g.clip();
  g.strokeStyle = "rgb(140 140 140)";
  g.lineWidth = 1.5;
  for (let d = 0; d < w + h; d += 6) {
    g.beginPath();
    g.moveTo(x + d - h, y + h);
    g.lineTo(x + d, y);
    g.stroke();
  }
  g.restore();
}

export class ImageMap {
  readonly el = h("div", { class: "iw-imagemap" });
  #canvas = h("canvas", { role: "img" });
  #state: ImageMapState | null = null;
  #side: number;
  #draw: () => void;

  constructor(side: number, events: ImageMapEvents, signal: AbortSignal) {
    this.#side = side;
    this.el.append(this.#canvas);
    this.#draw = onFrame(signal, () => this.#paint());
    pointed(this.#canvas, (event) => this.#cell(event), events, signal);
  }

  /** Its width and height on the page. */
  get size(): [number, number] {
    const album = this.#state?.album;
    if (!album) return [this.#side, this.#side];
    const scale = this.#side / Math.max(album.width, album.height);
    return [Math.round(album.width * scale), Math.round(album.height * scale)];
  }

  get state(): ImageMapState | null {
    return this.#state;
  }

  /** The longest side in pixels of the page. */
  resize(side: number): void {
    if (side === this.#side) return;
    this.#side = side;
    this.#draw();
  }

  update(state: ImageMapState, label: string): void {
    this.#state = state;
    this.#canvas.setAttribute("aria-label", label);
    this.#draw();
  }

  #cell(event: MouseEvent): number | null {
    const map = this.#state?.map;
    if (!map) return null;
    const box = this.#canvas.getBoundingClientRect();
    const row = Math.floor(((event.clientY - box.top) / box.height) * map.rows);
    const column = Math.floor(((event.clientX - box.left) / box.width) * map.columns);
    if (row < 0 || column < 0 || row >= map.rows || column >= map.columns) return null;
    return row * map.columns + column;
  }

  #paint(): void {
    const [w, height] = this.size;
    const g = screen(this.#canvas, w, height);
    if (this.#state) paintImageMap(g, this.#state, { x: 0, y: 0, w, h: height });
  }
}
