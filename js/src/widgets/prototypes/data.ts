// What PrototypeView's page knows of one side: a model, an image, a class, and what adds up to its logits.

import type { Answers } from "../../core/answers";
import type { GalleryInfo } from "../../core/gallery";
import type { Edges } from "../../core/thumbnails";
import type { TokenData } from "../../core/tokens";
import type { NDArray } from "../../core/wire";

export interface ModelInfo {
  name: string;
  classes: string[];
  /** The class each prototype was trained for, −1 for none. */
  owner: number[];
  similarity: string;
  pushed: boolean;
  /** Prototypes are spans of texts. */
  text: boolean;
  grouped: boolean;
  scales: number[] | null;
  reasons: boolean;
  misleading: [number, string][];
}

export interface ViewInfo {
  models: ModelInfo[];
  images: number;
  labels: string[];
  shows: { name: string; label: string; reason: string | null }[];
  /** Prototypes, and images, that travel together. */
  block: number;
  gallery: GalleryInfo | null;
}

export interface SumCheck {
  law: string;
  value: number | null;
  holds: boolean;
}

export interface Comparison {
  similarities: NDArray<Float64Array>;
  logits: NDArray<Float64Array>;
  contributions: NDArray<Float64Array> | null;
  boxes: NDArray<Float32Array>;
  size: [number, number];
  label: number | null;
  sum_check: SumCheck;
}

/** An image, or a text. */
export interface Picture {
  pixels?: NDArray;
  tokens?: TokenData;
}

export interface Sources {
  pixels?: NDArray;
  texts?: string[][];
  boxes: NDArray<Float32Array>;
  indices: NDArray<Int32Array>;
  labels: string[];
}

export interface Reasons {
  local: NDArray<Float64Array> | null;
  everywhere: NDArray<Float64Array> | null;
  n_images: number;
  names: string[];
  misleading: [number, string][];
}

export interface Weights {
  /** `[class, prototype]` */
  weights: NDArray<Float32Array | Float64Array>;
  /** `[group, prototype]`, each row a share that sums to 1; null without groups. */
  groups: NDArray<Float32Array> | null;
}

export type Changes = Record<string, number>;

/** The last layer with a reader's changes: single weights are set first, then a prototype's are multiplied. */
export function changedWeights(
  weights: NDArray<Float32Array | Float64Array>,
  changes: Changes,
): Float64Array {
  const count = weights.shape[1]!;
  const out = Float64Array.from(weights.data);
  const keys = Object.keys(changes).sort((a, b) => Number(b.includes(":")) - Number(a.includes(":")));
  for (const key of keys) {
    const [p, c] = key.split(":").map(Number) as [number, number | undefined];
    if (c !== undefined) out[c * count + p] = changes[key]!;
    else for (let i = p; i < out.length; i += count) out[i]! *= changes[key]!;
  }
  return out;
}

export function softmax(logits: ArrayLike<number>): Float64Array {
  const all = Float64Array.from(logits);
  const top = all.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = all.map((v) => Math.exp(v - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((v) => v / sum);
}

export function largest(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

export interface Where {
  model: number;
  image: number;
  /** null: the predicted one. */
  class_: number | null;
}

/** One image read by one model: everything that its numbers need, in 64 bits. */
export class Reading {
  readonly where: Where;
  readonly info: ModelInfo;
  readonly found: Comparison;
  /** The class whose evidence is listed. */
  readonly class_: number;
  /** `[class, prototype]`, with the reader's changes. */
  readonly weights: ArrayLike<number>;
  /** Logits as the network has them; logits and probabilities with the changes. */
  readonly before: Float64Array;
  readonly now: Float64Array;
  readonly is: Float64Array;
  /** Prototypes, what adds most first, as the network has it: a change moves no row. */
  readonly order: number[];
  #own: ArrayLike<number>;
  #groups: Weights["groups"];

  constructor(
    where: Where,
    info: ModelInfo,
    found: Comparison,
    own: NDArray<Float32Array | Float64Array>,
    changes: Changes,
    groups: Weights["groups"] = null,
  ) {
    this.#groups = groups;
    this.where = where;
    this.info = info;
    this.found = found;
    this.#own = own.data;
    const changed = Object.keys(changes).length > 0 && !info.grouped;
    this.weights = changed ? changedWeights(own, changes) : own.data;
    this.before = found.logits.data;
    this.now = changed
      ? Float64Array.from(this.before, (_, c) => {
          let sum = 0;
          for (let p = 0; p < this.count; p++) sum += this.contribution(c, p);
          return sum;
        })
      : this.before;
    this.is = softmax(this.now);
    this.class_ = where.class_ ?? largest(this.before);
    const weight = (p: number) => this.contribution(this.class_, p, true);
    // What is not a number comes last.
    const rank = (p: number) => (Number.isNaN(weight(p)) ? Number.NEGATIVE_INFINITY : weight(p));
    this.order = Array.from({ length: this.count }, (_, p) => p).sort((a, b) => rank(b) - rank(a) || a - b);
  }

  get count(): number {
    return this.found.similarities.data.length;
  }

  get predicted(): number {
    return largest(this.now);
  }

  similarity(p: number): number {
    return this.found.similarities.data[p]!;
  }

  weight(c: number, p: number, own = false): number {
    return (own ? this.#own : this.weights)[c * this.count + p]!;
  }

  contribution(c: number, p: number, own = false): number {
    const given = this.found.contributions?.data;
    return given ? given[c * this.count + p]! : this.similarity(p) * this.weight(c, p, own);
  }

  /** Whether any prototype takes from a class. */
  takes(c: number): boolean {
    for (let p = 0; p < this.count; p++) if (this.contribution(c, p) < 0) return true;
    return false;
  }

  /** What the best place of a prototype stands for, in pixels of a picture of the image of any size. */
  boxIn(p: number, picture: { height: number; width: number } | null): Edges {
    const [height, width] = this.found.size;
    const [y, x] = picture ? [picture.height / height, picture.width / width] : [1, 1];
    const [top, left, bottom, right] = this.found.boxes.data.subarray(4 * p, 4 * p + 4);
    return [top! * y, left! * x, bottom! * y, right! * x];
  }

  /** The groups a prototype has a share in, largest share first. */
  shares(p: number): [number, number][] {
    const [count = 0] = this.#groups?.shape ?? [];
    const all = Array.from({ length: count }, (_, g): [number, number] => [
      g,
      this.#groups!.data[g * this.count + p]!,
    ]);
    return all.filter(([, share]) => share >= 0.005).sort((a, b) => b[1] - a[1]);
  }

  /** The best span of a prototype in a text. */
  span(p: number): [number, number] {
    return [this.found.boxes.data[2 * p]!, this.found.boxes.data[2 * p + 1]!];
  }

  /** "prototype 7 of red finch". */
  name(p: number): string {
    const owner = this.info.classes[this.info.owner[p]!];
    return `prototype ${p}${owner === undefined ? "" : ` of ${owner}`}`;
  }
}

/** Asks for what a side needs. */
export class Store {
  #answers: Answers;
  #info: () => ViewInfo;

  constructor(answers: Answers, info: () => ViewInfo) {
    this.#answers = answers;
    this.#info = info;
  }

  read(where: Where, changes: Changes): Reading | undefined {
    const info = this.#info().models[where.model];
    const { model, image } = where;
    if (!info) return undefined;
    const found = this.#answers.wanted<Comparison>(
      "comparison",
      { model, image },
      { lane: `comparison ${model}`, optional: true },
    );
    const weights = this.#answers.wanted<Weights>(
      "weights",
      { model },
      { lane: `weights ${model}`, optional: true },
    );
    if (!found || !weights) return undefined;
    return new Reading(where, info, found, weights.weights, changes, weights.groups);
  }

  picture(image: number): Picture | undefined {
    return this.#answers.wanted("picture", { image }, { lane: `picture ${image % 2}`, optional: true });
  }

  pictures(start: number): { pixels: NDArray } | undefined {
    return this.#answers.wanted("pictures", { start }, { lane: `pictures ${start % 4}`, optional: true });
  }

  /** The map of one prototype: its rows and columns, and its values. */
  map({ where }: Reading, p: number): { rows: number; columns: number; values: Float32Array } | undefined {
    const { block } = this.#info();
    const start = Math.floor(p / block) * block;
    const { model, image } = where;
    const found = this.#answers.wanted<{ maps: NDArray<Float32Array> }>(
      "maps",
      { model, image, start },
      { lane: `maps ${model}`, optional: true },
    );
    if (!found) return undefined;
    const [, rows, columns] = found.maps.shape as [number, number, number];
    const size = rows * columns;
    return { rows, columns, values: found.maps.data.subarray((p - start) * size, (p - start + 1) * size) };
  }

  /** The training image a prototype is a patch of, and where it stands in its block. */
  source(model: number, p: number): { found: Sources; at: number } | undefined {
    const { block, models } = this.#info();
    if (!models[model]?.pushed) return undefined;
    const start = Math.floor(p / block) * block;
    const found = this.#answers.wanted<Sources>(
      "sources",
      { model, start },
      { lane: `sources ${model} ${(start / block) % 4}`, optional: true },
    );
    return found && { found, at: p - start };
  }

  reasons({ where, info }: Reading): Reasons | undefined {
    if (!info.reasons) return undefined;
    const { model, image } = where;
    return this.#answers.wanted<Reasons>("reasons", { model, image }, { lane: "reasons", optional: true });
  }
}
