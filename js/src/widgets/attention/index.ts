// AttentionView: where every head looks.

import type { Scale } from "../../core/colour";
import { div, h } from "../../core/dom";
import { digits } from "../../core/format";
import type { RenderContext } from "../../core/host";
import { Legend } from "../../core/legend";
import { Page, widget } from "../../core/page";
import { type Drawing, shifted } from "../../core/save";
import { decode } from "../../core/wire";
import styles from "./attention.css";
import { Choices } from "./choices";
import { type Axis, Data, otherAxis, type Place, type ViewInfo } from "./data";
import { HeadGrid, type HeadPlace } from "./grid";
import { type Cell, Matrix } from "./matrix";
import { Side } from "./side";
import { badgesOf, kindOf, orderOf, type Summaries } from "./summaries";
import { legendWords, positionWords, statusWords, valueWords } from "./words";

const TRAITS = "layer head query key show direction overview sort pooling kind".split(" ");
const KEYS = [
  ["hover · click", "preview · lock a head, pin a token"],
  ["arrows", "move the pinned cell; with shift by ten"],
  ["[  ]", "previous, next head"],
  ["{  }", "previous, next layer"],
  ["a", "all layers at once"],
  ["d", "looks at / looked at by"],
  ["Esc", "release what is pinned"],
  ["ctrl + wheel · drag", "zoom, move; double click shows all"],
] as const;

class AttentionPage extends Page<ViewInfo> {
  #data: Data;
  #hoverHead: HeadPlace | null = null;
  #hover: Partial<Cell> | null = null;

  #choices: Choices;
  #layout = div("att");
  #gridNote = h("p", { class: "iw-note" });
  #legendNote = h("p", { class: "iw-note" });
  #legend = new Legend();
  #grid: HeadGrid;
  #matrix: Matrix;
  #side: Side;

  constructor(context: RenderContext) {
    super(context, { styles, keys: KEYS, traits: TRAITS });
    const { signal } = this;
    this.#data = new Data(
      this.requests,
      this.answers,
      () => this.info,
      () => this.get("pooling"),
    );
    const fonts = () => this.frame.fonts;
    this.#grid = new HeadGrid(
      fonts,
      {
        hover: (place) => this.#setHoverHead(place),
        click: (place) => this.choose({ layer: place.layer, head: place.head }),
      },
      signal,
    );
    this.#matrix = new Matrix(
      fonts,
      {
        hover: (cell) => this.#setHover(cell),
        click: (cell) => this.#pinCell(cell),
        clickToken: (axis, index) => this.#pin(axis, index),
        moved: () => this.#drawMatrix(),
      },
      signal,
    );
    this.#side = new Side(
      {
        hover: (axis, i) => this.#setHover(i === null ? null : { [axis]: i }),
        click: (axis, i) => this.#pin(axis, i),
        find: (i) => this.#go(this.#axis, i),
      },
      signal,
    );
    this.#choices = new Choices(
      (trait) => this.get(trait),
      (traits) => this.choose(traits),
    );
    this.frame.controls.append(...this.#choices.els);
    this.#layout.append(
      div("att-heads", this.#gridNote, this.#grid.el, div("att-legend", this.#legend.el, this.#legendNote)),
      div("att-main", this.#matrix.el),
      this.#side.el,
    );
    this.frame.body.append(this.#layout);
    this.#offer();
    if (this.info.image) {
      decode(this.info.image).then(
        (image) => this.#side.setPhoto(image),
        (error) => this.frame.fail(error),
      );
    }
    this.start();
  }

  // What is looked at.

  get #kind(): string {
    return this.get<string>("kind");
  }

  get #place(): Place {
    const show = this.get<string>("show");
    const { layer, head } = this.#hoverHead ?? {
      layer: this.get<number>("layer"),
      head: this.get<number>("head"),
    };
    return { kind: this.#kind, show, layer, head };
  }

  get #axis(): Axis {
    return this.get<string>("direction") === "looks_at" ? "query" : "key";
  }

  /** The token whose row or column colours the strip: under the pointer, else pinned, else the last query (first key). */
  get #token(): { index: number; why: "hovered" | "pinned" | "default" } {
    const hovered = this.#hover?.[this.#axis];
    if (hovered !== undefined) return { index: hovered, why: "hovered" };
    const pinned = this.get<number | null>(this.#axis);
    if (pinned !== null) return { index: pinned, why: "pinned" };
    return { index: this.#axis === "query" ? this.#data.count(this.#kind, "query") - 1 : 0, why: "default" };
  }

  get #scale(): Scale {
    const signed = this.#data.signed(this.#kind, this.get<string>("show"));
    return signed ? this.scales.signed : this.scales.plain;
  }

  // What a reader does.

  /** A layer with fewer heads, or a kind with fewer layers: the nearest that exists. */
  override settle(): void {
    const kind = this.#data.kind(this.#kind);
    if (!kind.layers.includes(this.get<number>("layer"))) this.model.set("layer", kind.layers.at(-1)!);
    const heads = kind.heads[kind.layers.indexOf(this.get<number>("layer"))]!;
    if (this.get<number>("head") >= heads) this.model.set("head", heads - 1);
    const show = kind.shows.find((s) => s.name === this.get<string>("show"));
    if (!show || show.reason) this.model.set("show", "pattern");
  }

  #pin(axis: Axis, index: number): void {
    this.choose({ [axis]: this.get<number | null>(axis) === index ? null : index });
  }

  /** What is gone to is shown, wherever the pointer was left. */
  #go(axis: Axis, index: number): void {
    this.#hover = null;
    this.choose({ [axis]: index });
    this.#reveal();
  }

  #pinCell({ query, key }: Cell): void {
    const same = this.get<number | null>("query") === query && this.get<number | null>("key") === key;
    this.choose(same ? { query: null, key: null } : { query, key });
    this.#matrix.focus();
  }

  #setHover(hover: Partial<Cell> | null): void {
    if (hover?.query === this.#hover?.query && hover?.key === this.#hover?.key) return;
    this.#hover = hover;
    this.update();
  }

  #setHoverHead(place: HeadPlace | null): void {
    if (place?.layer === this.#hoverHead?.layer && place?.head === this.#hoverHead?.head) return;
    this.#hoverHead = place;
    this.update();
  }

  override acts(event: KeyboardEvent): Record<string, (() => void) | false> {
    const kind = this.#data.kind(this.#kind);
    const [layer, head] = [this.get<number>("layer"), this.get<number>("head")];
    const at = kind.layers.indexOf(layer);
    const move = (axis: Axis, by: number) => {
      const n = this.#data.count(this.#kind, axis);
      const now = this.get<number | null>(axis) ?? (axis === "query" ? n - 1 - by : -by);
      const next = Math.max(0, Math.min(n - 1, now + by * (event.shiftKey ? 10 : 1)));
      this.#go(axis, next);
    };
    return {
      ArrowUp: () => move("query", -1),
      ArrowDown: () => move("query", 1),
      ArrowLeft: () => move("key", -1),
      ArrowRight: () => move("key", 1),
      Escape: () => this.choose({ query: null, key: null }),
      "[": () => this.choose({ head: Math.max(0, head - 1) }),
      "]": () => this.choose({ head: Math.min(kind.heads[at]! - 1, head + 1) }),
      "{": () => this.choose({ layer: kind.layers[Math.max(0, at - 1)] }),
      "}": () => this.choose({ layer: kind.layers[Math.min(kind.layers.length - 1, at + 1)] }),
      a: () => this.choose({ overview: !this.get<boolean>("overview") }),
      d: () => this.choose({ direction: this.#axis === "query" ? "looked_at_by" : "looks_at" }),
    };
  }

  // What changes from Python.

  override changed(trait: string): void {
    if (trait === "_view" || trait === "kind") this.#offer();
    if (trait !== "query" && trait !== "key") return;
    this.update();
    this.#reveal();
  }

  #offer(): void {
    this.#choices.offer(this.info.kinds, this.#data.isPooled(this.#kind));
  }

  /** Bring what is pinned into view, wherever a part of the whole is shown. */
  #reveal(): void {
    this.#matrix.reveal(this.get("query"), this.get("key"));
    const pinned = this.get<number | null>(this.#axis);
    if (pinned !== null) this.#side.reveal(pinned);
  }

  // What is drawn.

  draw(): void {
    const overview = this.get<boolean>("overview");
    this.#choices.show();
    this.#layout.dataset.overview = String(overview);
    this.#drawGrid(overview);
    this.#drawMatrix();
    this.#drawSide();
    this.#drawStatus();
  }

  #drawGrid(overview: boolean): void {
    const { kind, show } = this.#place;
    const layer = this.get<number>("layer");
    const info = this.#data.kind(kind);
    const { index, why } = this.#token;
    const summaries = this.#summaries;
    const heads = this.#data.thumbnails(kind, show, overview ? null : layer);
    const sampled = heads && heads.stride > 1 ? ` They look at one query in ${heads.stride}.` : "";
    this.#gridNote.textContent = overview
      ? `Every head: rows are layers, columns are heads. Hover to preview, click to lock.${sampled}`
      : `Heads of layer ${layer}. Hover to preview, click to lock.${sampled}`;
    this.#grid.update({
      heads,
      order: summaries && orderOf(summaries, this.get("sort")),
      badges: summaries && badgesOf(summaries, this.get("sort")),
      overview,
      layers: info.layers,
      counts: info.heads,
      selected: { layer, head: this.get<number>("head") },
      hovered: this.#hoverHead,
      scale: this.#scale,
      nQueries: this.#data.count(kind, "query"),
      nKeys: this.#data.count(kind, "key"),
      token: why === "default" ? null : { axis: this.#axis, index, pinned: why === "pinned" },
      peaks:
        overview || why === "default" ? null : this.#data.strongest(kind, show, layer, this.#axis, index),
      others: this.#data.tokens(kind, show, otherAxis(this.#axis)),
      colours: this.colours,
    });
  }

  /** Summaries of the heads that are shown; for long texts they are worked out only when a sort asks for them. */
  get #summaries(): Summaries | null {
    const layer = this.get<boolean>("overview") ? null : this.get<number>("layer");
    const wanted =
      this.get<string>("sort") !== "head" || this.#data.count(this.#kind, "query") <= this.info.peaks;
    return wanted ? this.#data.summaries(this.#kind, layer) : null;
  }

  #drawMatrix(): void {
    const place = this.#place;
    const picture = this.#data.picture(place, true);
    this.#matrix.update({
      picture,
      detail: this.#data.detail(place, this.#matrix.view),
      scale: this.#scale,
      queries: this.#data.tokens(place.kind, place.show, "query"),
      keys: this.#data.tokens(place.kind, place.show, "key"),
      query: this.get("query"),
      key: this.get("key"),
      hover: this.#hover,
      colours: this.colours,
    });
    this.#legend.draw(this.#scale, picture?.scale ?? 1);
    this.#legendNote.textContent = this.#legendWords;
  }

  get #legendWords(): string {
    const { show, kind } = this.#place;
    const marked = this.#data.picture(this.#place, false)?.marked ?? false;
    const pooling = this.#data.isPooled(kind) ? this.get<string>("pooling") : null;
    return legendWords(show, this.#data.kind(kind).causal, marked, pooling);
  }

  /** A row or column: exact when it is here, else read off the picture. */
  #line(axis: Axis, index: number): { values: Float32Array | null; exact: boolean } {
    const exact = this.#data.exact(this.#place, axis, index);
    return exact
      ? { values: exact, exact: true }
      : { values: this.#data.approximate(this.#place, axis, index), exact: false };
  }

  #drawSide(): void {
    const [place, axis] = [this.#place, this.#axis];
    const other = otherAxis(axis);
    this.#side.update({
      axis,
      ...this.#token,
      pinned: this.get(axis),
      other: this.#hover?.[other] ?? this.get<number | null>(other),
      self: this.#data.kind(place.kind).keys === null,
      tokens: this.#data.tokens(place.kind, place.show, axis),
      others: this.#data.tokens(place.kind, place.show, other),
      scale: this.#scale,
      top: this.#data.picture(place, false)?.scale ?? 1,
      line: (on, index) => this.#line(on, index),
      visible: (query, key) => this.#data.visible(place.kind, query, key),
      colours: this.colours,
    });
  }

  #drawStatus(): void {
    const place = this.#place;
    const [query, key] = (["query", "key"] as const).map(
      (axis) => this.#hover?.[axis] ?? this.get<number | null>(axis),
    ) as [number | null, number | null];
    const texts = (axis: Axis) => this.#data.tokens(place.kind, place.show, axis).texts;
    this.frame.say(
      statusWords({
        ...place,
        kind: this.#kindOfHead(place),
        query: positionWords("query", query, texts("query")),
        key: positionWords("key", key, texts("key")),
        value: () => this.#valueWords(query!, key!),
        preview: this.#hoverHead !== null,
      }),
    );
    this.frame.setCheck(this.#data.picture(place, false)?.sum_check ?? null);
  }

  #kindOfHead({ layer, head }: Place): string {
    const summaries = this.#summaries;
    const overview = this.get<boolean>("overview");
    // A head of another layer is previewed in the overview only, where all are summarised.
    if (!summaries || (!overview && layer !== this.get("layer"))) return "";
    const { layers, heads } = this.#data.kind(this.#kind);
    const before = overview ? heads.slice(0, layers.indexOf(layer)).reduce((a, b) => a + b, 0) : 0;
    return kindOf(summaries, before + head);
  }

  #valueWords(query: number, key: number): string {
    if (!this.#data.visible(this.#place.kind, query, key)) return "masked";
    const { values, exact } = this.#line("query", query);
    return valueWords(values?.[key], exact, this.model.isStatic === true);
  }

  // What is saved.

  drawing(): Drawing {
    const [grid, matrix, place] = [this.#grid.size, this.#matrix.size, this.#place];
    const [gap, top, foot] = [24, 36, 48];
    const height = top + Math.max(grid.height, matrix.height) + foot;
    const { ink, quiet } = this.colours;
    const scale = this.#data.picture(place, false)?.scale ?? 1;
    const low = this.#scale.signed ? digits(-scale) : "0";
    const title = `${this.get<string>("title")} · layer ${place.layer} · head ${place.head}`;
    const legend = `colour: ${this.#legendWords}, from ${low} to ${digits(scale)}`;
    return {
      width: 24 + grid.width + gap + matrix.width,
      height,
      paint: (pen) => {
        pen.text(12, 18, title, { colour: ink, size: 13, bold: true });
        this.#grid.paint(shifted(pen, 12, top));
        this.#matrix.paint(shifted(pen, 12 + grid.width + gap, top));
        pen.text(12, height - 28, legend, { colour: quiet, size: 11 });
        pen.text(12, height - 12, this.frame.status, { colour: quiet, size: 11, mono: true });
      },
    };
  }
}

export default widget((context) => new AttentionPage(context));
