// Many images packed as one array of bytes, painted as they come into view.

import type { Box } from "./pen";
import type { NDArray } from "./wire";

/** `[top, left, bottom, right]` in pixels of an image. */
export type Edges = readonly [number, number, number, number];

/** Canvases kept: more than are ever on the screen at once. */
const KEPT = 1024;

/** Images of one size, `[n, height, width, 3]` bytes, each painted when it is first seen. */
export class Album {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly #bytes: ArrayLike<number>;
  readonly #painted = new Map<number, HTMLCanvasElement>();

  constructor(pixels: NDArray) {
    const [count, height, width] = pixels.shape as [number, number, number, number];
    this.count = count;
    this.height = height;
    this.width = width;
    this.#bytes = pixels.data;
  }

  /** A canvas of its own for each image: enlarged from a common sheet, its neighbours would bleed into its edges. */
  #image(i: number): HTMLCanvasElement {
    const known = this.#painted.get(i);
    if (known) return known;
    const canvas = document.createElement("canvas");
    canvas.width = this.width;
    canvas.height = this.height;
    const g = canvas.getContext("2d")!;
    const image = g.createImageData(this.width, this.height);
    const size = this.height * this.width;
    for (let p = 0, from = 3 * i * size; p < 4 * size; p += 4) {
      for (let channel = 0; channel < 3; channel++) image.data[p + channel] = this.#bytes[from++]!;
      image.data[p + 3] = 255;
    }
    g.putImageData(image, 0, 0);
    if (this.#painted.size >= KEPT) this.#painted.clear();
    this.#painted.set(i, canvas);
    return canvas;
  }

  /** Draw a part of image `i` (all of it when null): smooth, unless each pixel becomes large enough to be seen. */
  draw(g: CanvasRenderingContext2D, i: number, part: Edges | null, to: Box): void {
    const [top, left, bottom, right] = part ?? [0, 0, this.height, this.width];
    g.imageSmoothingEnabled = to.w * devicePixelRatio < 6 * (right - left);
    g.imageSmoothingQuality = "high";
    g.drawImage(this.#image(i), left, top, right - left, bottom - top, to.x, to.y, to.w, to.h);
  }
}

/** The albums of answers, each made once and forgotten with its answer. */
export class Albums {
  #known = new WeakMap<NDArray, Album>();

  of(pixels: NDArray): Album {
    let album = this.#known.get(pixels);
    if (!album) {
      album = new Album(pixels);
      this.#known.set(pixels, album);
    }
    return album;
  }
}

/** A square around a box, twice its side and at least a quarter of the image, moved inside the image. */
export function around([top, left, bottom, right]: Edges, height: number, width: number): Edges {
  const least = Math.min(height, width);
  const side = Math.min(least, Math.max(2 * Math.max(bottom - top, right - left), least / 4));
  const inside = (middle: number, length: number) => Math.max(0, Math.min(length - side, middle - side / 2));
  const [y, x] = [inside((top + bottom) / 2, height), inside((left + right) / 2, width)];
  return [y, x, y + side, x + side];
}

/** Where a box of the image stands on the screen, when a part of the image fills `to`. */
export function onScreen(box: Edges, part: Edges, to: Box): Box {
  const [sy, sx] = [to.h / (part[2] - part[0]), to.w / (part[3] - part[1])];
  return {
    x: to.x + (box[1] - part[1]) * sx,
    y: to.y + (box[0] - part[0]) * sy,
    w: (box[3] - box[1]) * sx,
    h: (box[2] - box[0]) * sy,
  };
}

/** The outline of a box that can be seen on any picture: the colour between two thin dark lines. */
export function outline(g: CanvasRenderingContext2D, { x, y, w, h }: Box, colour: string, line = 2): void {
  for (const [style, width] of [
    ["rgb(0 0 0 / 0.55)", line + 1.5],
    [colour, line],
  ] as const) {
    g.strokeStyle = style;
    g.lineWidth = width;
    g.strokeRect(x, y, w, h);
  }
}

/** Size a canvas for the screen's pixels; drawn in CSS pixels. */
export function screen(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
  ratio = devicePixelRatio || 1,
) {
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const g = canvas.getContext("2d")!;
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  return g;
}

export interface Patch {
  album: Album;
  index: number;
  /** In pixels of the album's image, or null where there is none. */
  box: Edges | null;
  /** The whole image with the box on it, or only what is around the box. */
  whole: boolean;
}

/** One patch in a square: what is around its box, or all of its image, and the box. */
export function drawPatch(g: CanvasRenderingContext2D, patch: Patch, to: Box, colour: string): void {
  const { album, index, box, whole } = patch;
  const { height, width } = album;
  const part: Edges = whole || !box ? [0, 0, height, width] : around(box, height, width);
  const [h, w] = [part[2] - part[0], part[3] - part[1]];
  const scale = Math.min(to.w / w, to.h / h);
  const at = {
    x: to.x + (to.w - w * scale) / 2,
    y: to.y + (to.h - h * scale) / 2,
    w: w * scale,
    h: h * scale,
  };
  album.draw(g, index, part, at);
  if (!box) return;
  const on = onScreen(box, part, at);
  // Half of a line lies outside of its box: at the edge of the picture it would be cut off.
  const [x, y] = [Math.max(at.x + 1, on.x), Math.max(at.y + 1, on.y)];
  const right = Math.min(at.x + at.w - 1, on.x + on.w);
  const bottom = Math.min(at.y + at.h - 1, on.y + on.h);
  outline(g, { x, y, w: right - x, h: bottom - y }, colour, to.w < 80 ? 1.5 : 2);
}
