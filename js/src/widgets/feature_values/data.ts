// The numbers of a FeatureView as they come from Python: rows in blocks of the list, positions in blocks of the text.

import type { Page } from "../../core/page";
import type { TokenData } from "../../core/tokens";
import type { NDArray } from "../../core/wire";

export interface ViewInfo {
  /** Rises with every text that is run; each request names the run it is about. */
  run: number;
  tokens: TokenData;
  name: string;
  kind: string;
  site_in: string;
  site_out: string;
  n_features: number;
  firing: number;
  /** The largest code on the text, by size. */
  top: number;
  signed: boolean;
  /** The least and greatest code on the text, zeros included; null where none is finite. */
  range: [number, number] | null;
  /** Positions whose activation is not finite. */
  broken: number[];
  variance: number | null;
  check: { law: string; value: number | null; holds: boolean };
  /** Why no other text can be run; null where it can. */
  fixed: string | null;
  rows: number;
  span: number;
}

export interface RowBlock {
  total?: number;
  features: NDArray;
  labels: [number, string][];
  max: NDArray;
  mean: NDArray;
  tokens: NDArray;
  share: NDArray;
  starts: NDArray;
  positions: NDArray;
  values: NDArray;
}

/** A feature along the text. */
export interface Row {
  feature: number;
  label: string;
  max: number;
  mean: number;
  tokens: number;
  share: number;
  /** Where it fires, ascending, and how strongly. */
  positions: ArrayLike<number>;
  values: ArrayLike<number>;
}

export interface ExplainBlock {
  starts: NDArray;
  features: NDArray;
  values: NDArray;
  shares: NDArray;
  weights: NDArray;
  sums: NDArray;
  rests: NDArray;
  labels: [number, string][];
}

export interface Part {
  feature: number;
  label: string;
  value: number;
  share: number;
  weight: number;
}

/** What explains a position: parts, the largest first, and the sum of those that are not listed. */
export interface Explained {
  parts: Part[];
  sum: number;
  rest: number;
}

export interface TokenNumbers {
  unexplained: NDArray;
  error_shares: NDArray;
  norms: NDArray;
  counts: NDArray;
}

export function rowsOf(block: RowBlock): Row[] {
  const labels = new Map(block.labels);
  return Array.from(block.features.data, (feature, i) => {
    const [start, stop] = [block.starts.data[i]!, block.starts.data[i + 1]!];
    return {
      ...{ feature, label: labels.get(feature) ?? "" },
      ...{ max: block.max.data[i]!, mean: block.mean.data[i]! },
      ...{ tokens: block.tokens.data[i]!, share: block.share.data[i]! },
      positions: block.positions.data.subarray(start, stop),
      values: block.values.data.subarray(start, stop),
    };
  });
}

export function explainedOf(block: ExplainBlock, row: number): Explained {
  const labels = new Map(block.labels);
  const parts: Part[] = [];
  for (let i = block.starts.data[row]!; i < block.starts.data[row + 1]!; i++) {
    const feature = block.features.data[i]!;
    parts.push({
      ...{ feature, label: labels.get(feature) ?? "", value: block.values.data[i]! },
      ...{ share: block.shares.data[i]!, weight: block.weights.data[i]! },
    });
  }
  return { parts, sum: block.sums.data[row]!, rest: block.rests.data[row]! };
}

/** How strongly a feature fires at a position: exactly 0 where it does not. */
export function valueAt(row: Row, position: number): number {
  let [low, high] = [0, row.positions.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (row.positions[middle]! < position) low = middle + 1;
    else high = middle;
  }
  return row.positions[low] === position ? row.values[low]! : 0;
}

/** Whether a search means this feature: its label contains the text, or its number begins with it. */
export function means(row: { feature: number; label: string }, find: string): boolean {
  const text = find.trim().toLowerCase().replace(/^#/, "");
  return String(row.feature).startsWith(text) || row.label.toLowerCase().includes(text);
}

export class Data {
  #page: Page<ViewInfo>;
  #info: ViewInfo | null = null;
  #broken = new Set<number>();
  #blocks = new Map<RowBlock, Row[]>();
  #rows = new Map<number, Row>();
  #explained = new Map<number, Explained>();

  constructor(page: Page<ViewInfo>) {
    this.#page = page;
  }

  get info(): ViewInfo {
    const info = this.#page.info;
    if (info !== this.#info) {
      this.#info = info;
      this.#broken = new Set(info.broken);
      for (const kept of [this.#blocks, this.#rows, this.#explained]) kept.clear();
    }
    return info;
  }

  get count(): number {
    return this.info.tokens.texts.length;
  }

  broken(position: number): boolean {
    return this.#broken.has(position);
  }

  /** How many features the list holds; the answers that tell it may be on their way. */
  total(order: string, find: string): number | null {
    const local = this.#local(order, find);
    return local
      ? local.length
      : (this.#block(order, this.#page.model.isStatic ? "" : find, 0)?.total ?? null);
  }

  /** A row of the list, once its block is here. */
  at(order: string, find: string, index: number): Row | null {
    const local = this.#local(order, find);
    if (local) return local[index] ?? null;
    const { rows } = this.info;
    const block = this.#block(order, find, index - (index % rows));
    return block ? (this.#unpack(block)[index % rows] ?? null) : null;
  }

  /** One feature: out of a block that is here, or asked for. */
  row(feature: number): Row | null {
    const { run } = this.info;
    const known = this.#rows.get(feature);
    if (known) return known;
    const block = this.#page.answers.wanted<RowBlock>(
      "feature",
      { run, feature },
      { lane: `feature ${feature}`, optional: true },
    );
    return block ? (this.#unpack(block)[0] ?? null) : null;
  }

  tokens(): TokenNumbers | null {
    return this.#page.answers.wanted<TokenNumbers>("tokens", { run: this.info.run }) ?? null;
  }

  /** What explains a position, once its block is here; hovering within a block costs no message. */
  explained(position: number): Explained | null {
    const { run, span } = this.info;
    const known = this.#explained.get(position);
    if (known) return known;
    const start = position - (position % span);
    const block = this.#page.answers.wanted<ExplainBlock>(
      "explain",
      { run, start },
      { lane: `explain ${start}`, optional: true },
    );
    if (!block) return null;
    const found = explainedOf(block, position - start);
    this.#explained.set(position, found);
    return found;
  }

  #block(order: string, find: string, start: number): RowBlock | undefined {
    const { run, rows } = this.info;
    const lane = find ? `find ${start % (4 * rows)}` : `rows ${start % (4 * rows)}`;
    return this.#page.answers.wanted<RowBlock>("rows", { run, order, find, start }, { lane });
  }

  /** A saved page has no Python to search: it looks through the rows it holds. */
  #local(order: string, find: string): Row[] | null {
    if (find.trim() === "" || !this.#page.model.isStatic) return null;
    const { run, rows, firing } = this.info;
    const found: Row[] = [];
    for (let start = 0; start < firing; start += rows) {
      if (!this.#page.requests.has("rows", { run, order, find: "", start })) break;
      const block = this.#block(order, "", start);
      if (block) found.push(...this.#unpack(block).filter((row) => means(row, find)));
    }
    return found;
  }

  #unpack(block: RowBlock): Row[] {
    let rows = this.#blocks.get(block);
    if (!rows) {
      rows = rowsOf(block);
      this.#blocks.set(block, rows);
      for (const row of rows) this.#rows.set(row.feature, row);
    }
    return rows;
  }
}
