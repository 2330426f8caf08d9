// The image with the map of one prototype, beside the training image that the prototype is a patch of.

import type { Scale } from "../../core/colour";
import { div, h, watchWidth } from "../../core/dom";
import { digits } from "../../core/format";
import { ImageMap, type ImageMapState, type MapBox, paintImageMap } from "../../core/image_map";
import type { Ends } from "../../core/linear";
import type { Pen } from "../../core/pen";
import { RangeLegend } from "../../core/range_legend";
import { type Albums, type Edges, screen } from "../../core/thumbnails";
import type { Picture, Reading, Store } from "./data";
import { sourceWords } from "./text_pair";

export interface PicturesState {
  reading: Reading;
  picture: Picture | undefined;
  label: string;
  /** The prototype that is looked at. */
  prototype: number;
  heat: boolean;
  opacity: number;
  scales: { plain: Scale; signed: Scale };
  accent: string;
  pin: string;
  ink: string;
}

const LARGEST = 232;
const GAP = 12;

/** The colours of all prototypes of an image mean the same. */
export function endsOf(reading: Reading): Ends {
  if (reading.info.similarity === "cosine") return { low: -1, high: 1, signed: true };
  const finite = [...reading.found.similarities.data].filter(Number.isFinite);
  const [high, low] = [Math.max(1e-6, ...finite), Math.min(0, ...finite)];
  const far = Math.max(high, -low);
  return low < 0 ? { low: -far, high: far, signed: true } : { low: 0, high, signed: false };
}

export class Pictures {
  readonly el = div("pro-pictures");
  #one: ImageMap;
  #other: ImageMap;
  #oneNote = h("figcaption");
  #otherNote = h("figcaption");
  #missing = h("div", { class: "pro-missing", hidden: true });
  #legend = new RangeLegend();
  #store: Store;
  #albums: Albums;
  #state: PicturesState | null = null;

  constructor(store: Store, albums: Albums, tell: (words: string | null) => void, signal: AbortSignal) {
    this.#store = store;
    this.#albums = albums;
    this.#one = new ImageMap(
      LARGEST,
      {
        hover: (cell) => tell(cell === null ? null : this.#cell(cell)),
        click: () => {},
      },
      signal,
    );
    this.#other = new ImageMap(LARGEST, { hover: () => {}, click: () => {} }, signal);
    const pair = div(
      "pro-pair",
      h("figure", {}, this.#oneNote, this.#one.el),
      h("figure", {}, this.#otherNote, this.#other.el, this.#missing),
    );
    this.el.append(pair, this.#legend.el);
    watchWidth(pair, signal, (width) => {
      const side = Math.max(80, Math.min(LARGEST, Math.floor((width - GAP) / 2)));
      this.#one.resize(side);
      this.#other.resize(side);
      this.#missing.style.width = this.#missing.style.height = `${side}px`;
    });
  }

  #cell(cell: number): string | null {
    const { reading, prototype } = this.#state!;
    const map = this.#store.map(reading, prototype);
    if (!map) return null;
    const [row, column] = [Math.floor(cell / map.columns), cell % map.columns];
    return `place ${row}, ${column}: similarity ${digits(map.values[cell]!)} to ${reading.name(prototype)}`;
  }

  update(state: PicturesState): void {
    this.#state = state;
    const { reading, picture, prototype, label, accent, pin, ink, scales } = state;
    const ends = endsOf(reading);
    const scale = ends.signed ? scales.signed : scales.plain;
    const map = this.#store.map(reading, prototype) ?? null;
    const album = picture?.pixels ? this.#albums.of(picture.pixels) : null;
    const box = reading.boxIn(prototype, album);
    const boxes: MapBox[] = [{ box, colour: pin, line: 2 }];
    const shared = { ends, scale, ink, opacity: state.opacity };
    this.#one.update(
      { ...shared, album, index: 0, map: state.heat ? map : null, boxes },
      `The image with the places that look like ${reading.name(prototype)}`,
    );
    this.#oneNote.textContent = label;
    const source = this.#store.source(reading.where.model, prototype);
    this.#missing.hidden = reading.info.pushed;
    this.#other.el.hidden = !reading.info.pushed;
    this.#missing.textContent = "Not pushed yet: this prototype is no training patch.";
    this.#otherNote.textContent = sourceWords(prototype, source);
    this.#otherNote.title = this.#otherNote.textContent;
    if (source) {
      const { found, at } = source;
      const patch = [...found.boxes.data.subarray(4 * at, 4 * at + 4)] as unknown as Edges;
      this.#other.update(
        {
          ...shared,
          ...{ album: this.#albums.of(found.pixels!), index: at, map: null },
          boxes: [{ box: patch, colour: accent, line: 2 }],
        },
        `The training image of ${reading.name(prototype)}`,
      );
    }
    this.#legend.el.hidden = !state.heat;
    const values = map ? [...map.values].filter(Number.isFinite) : [];
    const counts = { above: 0, below: 0, infinite: 0, nan: 0, masked: 0 };
    for (const v of map?.values ?? []) {
      if (Number.isNaN(v)) counts.nan++;
      else if (!Number.isFinite(v)) counts.infinite++;
    }
    this.#legend.draw({
      ...{ name: "map", unit: "similarity", ends, scale, counts, ink },
      data: values.length ? [Math.min(...values), Math.max(...values)] : null,
    });
  }

  get width(): number {
    return this.#one.size[0] + GAP + this.#other.size[0];
  }

  get height(): number {
    return Math.max(this.#one.size[1], this.#other.size[1]) + 22;
  }

  paint(pen: Pen, quiet: string): void {
    let x = 0;
    for (const [image, note] of [
      [this.#one, this.#oneNote],
      [this.#other, this.#otherNote],
    ] as const) {
      const [w, height] = image.size;
      pen.text(x, 9, note.textContent ?? "", { colour: quiet, size: 11 });
      if (image.state) {
        const canvas = document.createElement("canvas");
        const g = screen(canvas, w, height, 2);
        paintImageMap(g, image.state as ImageMapState, { x: 0, y: 0, w, h: height });
        pen.image(canvas, { x: 0, y: 0, w: canvas.width, h: canvas.height }, { x, y: 20, w, h: height });
      }
      x += w + GAP;
    }
  }
}
