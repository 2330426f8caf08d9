// Image patches as positions: the picture itself, coloured by any numbers of its patches.

import { colourOf, type Scale } from "./colour";
import { h, onFrame, pointed } from "./dom";
import type { TokenData } from "./tokens";
import type { NDArray } from "./wire";

export interface PatchEvents {
  hover(index: number | null): void;
  click(index: number): void;
}

export interface PatchState {
  values: ArrayLike<number> | null;
  scale: Scale;
  /** The colour code of a value. */
  code(value: number): number;
  /** Draw more over a patch: its corner, its side, its position. */
  over?(g: CanvasRenderingContext2D, x: number, y: number, side: number, index: number): void;
  pinned: number | null;
  other: number | null;
  pin: string;
  accent: string;
}

const SIDE = 260;

/** How far a code is from zero, 0 to 1. */
function strength(code: number, signed: boolean): number {
  return Math.min(1, signed ? Math.abs(code - 126) / 125 : (code - 1) / 250);
}

export class Patches {
  readonly el = h("div", { class: "iw-patches", hidden: true });
  #canvas = h("canvas", { role: "img", "aria-label": "Image patches coloured by their values" });
  #tokens: TokenData | null = null;
  #photo: HTMLCanvasElement | null = null;
  #draw: () => void;
  #last: PatchState | null = null;

  constructor(events: PatchEvents, signal: AbortSignal) {
    this.el.append(this.#canvas);
    this.#draw = onFrame(signal, () => this.#paint());
    const at = (e: MouseEvent): number | null => {
      const grid = this.#tokens?.grid;
      if (!grid) return null;
      const box = this.#canvas.getBoundingClientRect();
      const row = Math.floor(((e.clientY - box.top) / box.height) * grid[0]);
      const column = Math.floor(((e.clientX - box.left) / box.width) * grid[1]);
      if (row < 0 || column < 0 || row >= grid[0] || column >= grid[1]) return null;
      return this.#tokens!.grid_start + row * grid[1] + column;
    };
    pointed(this.#canvas, at, events, signal);
  }

  offer(tokens: TokenData): void {
    this.#tokens = tokens;
    this.el.hidden = tokens.grid === null;
  }

  setPhoto(image: NDArray): void {
    const [height, width] = image.shape as [number, number, number];
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const g = canvas.getContext("2d")!;
    const pixels = g.createImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      for (let k = 0; k < 3; k++) pixels.data[4 * i + k] = image.data[3 * i + k]!;
      pixels.data[4 * i + 3] = 255;
    }
    g.putImageData(pixels, 0, 0);
    this.#photo = canvas;
    this.#draw();
  }

  update(state: PatchState): void {
    this.#last = state;
    this.#draw();
  }

  #paint(): void {
    const grid = this.#tokens?.grid;
    if (!grid || !this.#last) return;
    const [rows, columns] = grid;
    const cell = SIDE / Math.max(rows, columns);
    const ratio = devicePixelRatio || 1;
    this.#canvas.width = Math.round(cell * columns * ratio);
    this.#canvas.height = Math.round(cell * rows * ratio);
    this.#canvas.style.width = `${cell * columns}px`;
    const g = this.#canvas.getContext("2d")!;
    g.scale(ratio, ratio);
    g.imageSmoothingEnabled = false;
    if (this.#photo) g.drawImage(this.#photo, 0, 0, cell * columns, cell * rows);
    const { values, scale, code: codeOf, over, pinned, other, pin, accent } = this.#last;
    const start = this.#tokens!.grid_start;
    for (let p = 0; p < rows * columns; p++) {
      const [x, y] = [(p % columns) * cell, Math.floor(p / columns) * cell];
      const value = values?.[start + p];
      const code = value === undefined ? 0 : codeOf(value);
      const rgb = colourOf(scale, code);
      if (rgb) {
        // Over a photograph a small value lets it through, a large one covers it.
        g.globalAlpha = this.#photo ? 0.3 + 0.6 * strength(code, scale.signed) : 1;
        g.fillStyle = `rgb(${rgb.map(Math.round).join(" ")})`;
        g.fillRect(x, y, cell + 0.5, cell + 0.5);
        g.globalAlpha = 1;
      }
      over?.(g, x, y, cell, start + p);
    }
    for (const [index, colour] of [
      [other, accent],
      [pinned, pin],
    ] as const) {
      const p = index === null ? -1 : index - start;
      if (p < 0 || p >= rows * columns) continue;
      g.strokeStyle = colour;
      g.lineWidth = 2;
      g.strokeRect((p % columns) * cell + 1, Math.floor(p / columns) * cell + 1, cell - 2, cell - 2);
    }
  }
}
