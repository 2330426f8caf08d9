// AttentionView: where every head looks.

import { drawBars, largest } from "../../core/bars";
import { makeScale, type Scale } from "../../core/colour";
import { Chooser } from "../../core/controls";
import { h } from "../../core/dom";
import { digits, label } from "../../core/format";
import { Frame } from "../../core/frame";
import { listen, type Model, type RenderContext } from "../../core/host";
import { Legend } from "../../core/legend";
import { CanvasPen, type Pen, SvgPen } from "../../core/pen";
import { Requests } from "../../core/requests";
import type { Rgb, Theme } from "../../core/theme";
import { TokenStrip } from "../../core/tokens";
import { decode } from "../../core/wire";
import styles from "./attention.css";
import { type Axis, Data, type Place, type ViewInfo } from "./data";
import { HeadGrid, type HeadPlace } from "./grid";
import { type Cell, Matrix } from "./matrix";
import { Patches } from "./patches";

const TRAITS = [
  "layer",
  "head",
  "query",
  "key",
  "show",
  "direction",
  "overview",
  "kind",
  "title",
  "_view",
] as const;
const SHOWN: Record<string, string> = {
  pattern: "pattern",
  value_weighted: "value-weighted",
  compared: "second",
  difference: "difference",
};
const KEYS = [
  ["hover · click", "preview · lock a head, pin a token or a cell"],
  ["arrows", "move the pinned cell; with shift by ten"],
  ["[  ]", "previous, next head"],
  ["{  }", "previous, next layer"],
  ["a", "all layers at once"],
  ["d", "looks at / looked at by"],
  ["Esc", "release what is pinned"],
  ["ctrl + wheel · drag", "zoom and move the picture; double click shows all"],
] as const;
const BARS = 6;

class AttentionPage {
  private stop = new AbortController();
  private requests: Requests;
  private data: Data;
  private frame: Frame;
  private scales: { plain: Scale; signed: Scale } | null = null;
  private hoverHead: HeadPlace | null = null;
  private hover: Partial<Cell> | null = null;

  private layers: Chooser<number | "all">;
  private shows: Chooser<string>;
  private directions: Chooser<string>;
  private kinds: Chooser<string>;
  private layout = h("div", { class: "att" });
  private gridNote = h("p", { class: "iw-note" });
  private legendNote = h("p", { class: "iw-note" });
  private legend = new Legend();
  private grid: HeadGrid;
  private matrix: Matrix;
  private sideNote = h("p", { class: "iw-note" });
  private keysNote = h("p", { class: "iw-note att-other" });
  private strip: TokenStrip;
  private keyStrip: TokenStrip;
  private patches: Patches;
  private bars = [h("div", { class: "iw-bars" }), h("div", { class: "iw-bars" })] as const;
  private barsNote = h("p", { class: "iw-note att-other" });

  constructor(
    private model: Model,
    el: HTMLElement,
  ) {
    const { signal } = this.stop;
    this.requests = new Requests(model, signal);
    this.data = new Data(this.requests, () => this.info);
    this.data.onArrival = () => {
      if (!signal.aborted) this.update();
    };
    this.data.onFailure = (error) => {
      if (!signal.aborted) this.frame.fail(error);
    };
    this.frame = new Frame({
      ...{ model, el, signal, requests: this.requests, styles, keys: KEYS },
      svg: () =>
        this.export((w, hgt) => new SvgPen(w, hgt, this.frame.colour("bg"), this.frame.fonts)).toString(),
      png: () => this.png(),
      themed: (theme, bg) => this.themed(theme, bg),
    });
    const fonts = () => this.frame.fonts;
    this.grid = new HeadGrid(
      fonts,
      {
        hover: (place) => this.setHoverHead(place),
        click: (place) => this.choose({ layer: place.layer, head: place.head }),
      },
      signal,
    );
    this.matrix = new Matrix(
      fonts,
      {
        hover: (cell) => this.setHover(cell),
        click: (cell) => this.pinCell(cell),
        clickToken: (axis, index) => this.pin(axis, index),
      },
      signal,
    );
    const onAxis = {
      hover: (i: number | null) => this.setHover(i === null ? null : { [this.axis]: i }),
      click: (i: number) => this.pin(this.axis, i),
    };
    this.strip = new TokenStrip("Tokens: hover to preview, click to pin", onAxis, signal);
    this.keyStrip = new TokenStrip(
      "Tokens on the other side",
      {
        hover: (i) => this.setHover(i === null ? null : { [this.otherAxis]: i }),
        click: (i) => this.pin(this.otherAxis, i),
      },
      signal,
    );
    this.patches = new Patches(onAxis, signal);
    this.layers = new Chooser("layer", (value) => {
      this.choose(value === "all" ? { overview: true } : { overview: false, layer: value });
    });
    this.shows = new Chooser("show", (show) => this.choose({ show }));
    this.directions = new Chooser("tokens", (direction) => this.choose({ direction }));
    this.kinds = new Chooser("attention", (kind) => this.choose({ kind, query: null, key: null }));
    this.frame.controls.append(this.kinds.el, this.layers.el, this.shows.el, this.directions.el);
    this.layout.append(
      h(
        "div",
        { class: "att-heads" },
        this.gridNote,
        this.grid.el,
        h("div", { class: "att-legend" }, this.legend.el, this.legendNote),
      ),
      h("div", { class: "att-main" }, this.matrix.el),
      h(
        "div",
        { class: "att-side" },
        ...[this.sideNote, this.strip.el, this.patches.el, this.keysNote, this.keyStrip.el],
        h(
          "div",
          { class: "att-lists" },
          h("div", {}, this.bars[0]),
          h("div", {}, this.barsNote, this.bars[1]),
        ),
      ),
    );
    this.frame.body.append(this.layout);
    this.frame.root.addEventListener("keydown", (event) => this.key(event), { signal });
    for (const trait of TRAITS) listen(model, `change:${trait}`, signal, () => this.changed(trait));
    this.offer();
    if (this.info.image) {
      decode(this.info.image).then(
        (image) => this.patches.setPhoto(image),
        (error) => this.frame.fail(error),
      );
    }
    this.update();
  }

  dispose(): void {
    this.stop.abort();
  }

  // What is looked at.

  private get<T>(name: string): T {
    return this.model.get(name) as T;
  }

  private get info(): ViewInfo {
    return this.get<ViewInfo>("_view");
  }

  private get kind(): string {
    return this.get<string>("kind");
  }

  private get place(): Place {
    const show = this.get<string>("show");
    const { layer, head } = this.hoverHead ?? {
      layer: this.get<number>("layer"),
      head: this.get<number>("head"),
    };
    return { kind: this.kind, show, layer, head };
  }

  private get axis(): Axis {
    return this.get<string>("direction") === "looks_at" ? "query" : "key";
  }

  private get otherAxis(): Axis {
    return this.axis === "query" ? "key" : "query";
  }

  /** The token whose row or column colours the strip: under the pointer, else pinned, else the last query (first key). */
  private get token(): { index: number; why: "hovered" | "pinned" | "default" } {
    const hovered = this.hover?.[this.axis];
    if (hovered !== undefined) return { index: hovered, why: "hovered" };
    const pinned = this.get<number | null>(this.axis);
    if (pinned !== null) return { index: pinned, why: "pinned" };
    return { index: this.axis === "query" ? this.data.count(this.kind, "query") - 1 : 0, why: "default" };
  }

  private get scale(): Scale {
    const signed = this.data.signed(this.kind, this.get<string>("show"));
    return signed ? this.scales!.signed : this.scales!.plain;
  }

  private get colours() {
    const name = (n: "ink" | "quiet" | "line" | "accent" | "pin") => this.frame.colour(n);
    return {
      ink: name("ink"),
      quiet: name("quiet"),
      line: name("line"),
      accent: name("accent"),
      pin: name("pin"),
    };
  }

  // What a reader does.

  private choose(values: Record<string, unknown>): void {
    for (const [name, value] of Object.entries(values)) this.model.set(name, value);
    this.keepHead();
    this.model.save_changes();
    this.frame.fail(null);
    this.update();
  }

  /** A layer with fewer heads, or a kind with fewer layers: the nearest that exists. */
  private keepHead(): void {
    const kind = this.data.kind(this.kind);
    if (!kind.layers.includes(this.get<number>("layer"))) this.model.set("layer", kind.layers.at(-1)!);
    const heads = kind.heads[kind.layers.indexOf(this.get<number>("layer"))]!;
    if (this.get<number>("head") >= heads) this.model.set("head", heads - 1);
    const show = kind.shows.find((s) => s.name === this.get<string>("show"));
    if (!show || show.reason) this.model.set("show", "pattern");
  }

  private pin(axis: Axis, index: number): void {
    this.choose({ [axis]: this.get<number | null>(axis) === index ? null : index });
  }

  private pinCell({ query, key }: Cell): void {
    const same = this.get<number | null>("query") === query && this.get<number | null>("key") === key;
    this.choose(same ? { query: null, key: null } : { query, key });
    this.matrix.focus();
  }

  private setHover(hover: Partial<Cell> | null): void {
    if (hover?.query === this.hover?.query && hover?.key === this.hover?.key) return;
    this.hover = hover;
    this.update();
  }

  private setHoverHead(place: HeadPlace | null): void {
    if (place?.layer === this.hoverHead?.layer && place?.head === this.hoverHead?.head) return;
    this.hoverHead = place;
    this.update();
  }

  private key(event: KeyboardEvent): void {
    const target = event.composedPath()[0] as Element;
    if (target.tagName === "SELECT" || event.ctrlKey || event.metaKey || event.altKey) return;
    const kind = this.data.kind(this.kind);
    const [layer, head] = [this.get<number>("layer"), this.get<number>("head")];
    const at = kind.layers.indexOf(layer);
    const move = (axis: Axis, by: number) => {
      const n = this.data.count(this.kind, axis);
      const now = this.get<number | null>(axis) ?? (axis === "query" ? n - 1 - by : -by);
      const next = Math.max(0, Math.min(n - 1, now + by * (event.shiftKey ? 10 : 1)));
      this.choose({ [axis]: next });
      this.matrix.reveal(this.get("query"), this.get("key"));
    };
    const acts: Record<string, () => void> = {
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
      d: () => this.choose({ direction: this.axis === "query" ? "looked_at_by" : "looks_at" }),
    };
    const act = acts[event.key];
    if (!act) return;
    // The notebook has keys of its own ("a" adds a cell): what is meant for the widget stays in it.
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  // What changes from Python.

  private changed(trait: (typeof TRAITS)[number]): void {
    this.frame.fail(null);
    if (trait === "_view" || trait === "kind") this.offer();
    if (trait === "query" || trait === "key") this.matrix.reveal(this.get("query"), this.get("key"));
    this.update();
  }

  private themed(theme: Theme, bg: Rgb): void {
    this.scales = { plain: makeScale(theme, bg, false), signed: makeScale(theme, bg, true) };
    // The frame measures once while it is being made, before there is anything to draw.
    if (this.matrix) this.update();
  }

  // What is drawn.

  private offer(): void {
    const kind = this.data.kind(this.kind);
    const all = kind.layers.length > 1 ? [{ value: "all" as const, label: "all" }] : [];
    const layers = kind.layers.map((layer) => ({ value: layer, label: String(layer) }));
    this.layers.offer([...all, ...layers], this.get<boolean>("overview") ? "all" : this.get<number>("layer"));
    this.shows.offer(
      kind.shows.map((s) => ({ value: s.name, label: SHOWN[s.name] ?? s.name, reason: s.reason })),
      this.get("show"),
    );
    this.directions.offer(
      [
        { value: "looks_at", label: "looks at" },
        { value: "looked_at_by", label: "looked at by" },
      ],
      this.get("direction"),
    );
    this.kinds.offer(
      Object.keys(this.info.kinds).map((name) => ({ value: name, label: name })),
      this.kind,
    );
  }

  private update(): void {
    if (!this.scales || this.stop.signal.aborted) return;
    const overview = this.get<boolean>("overview");
    this.frame.setTitle(this.get("title"));
    this.layers.set(overview ? "all" : this.get<number>("layer"));
    this.shows.set(this.get("show"));
    this.directions.set(this.get("direction"));
    this.kinds.set(this.kind);
    this.layout.dataset.overview = String(overview);
    this.drawGrid(overview);
    this.drawMatrix();
    this.drawSide();
    this.drawStatus();
  }

  private drawGrid(overview: boolean): void {
    const { kind, show } = this.place;
    const layer = this.get<number>("layer");
    const info = this.data.kind(kind);
    const { index, why } = this.token;
    this.gridNote.textContent = overview
      ? "Every head: rows are layers, columns are heads. Hover to preview, click to lock."
      : `Heads of layer ${layer}. Hover to preview, click to lock.`;
    this.grid.update({
      heads: this.data.thumbnails(kind, show, overview ? null : layer),
      overview,
      layers: info.layers,
      counts: info.heads,
      selected: { layer, head: this.get<number>("head") },
      hovered: this.hoverHead,
      scale: this.scale,
      nQueries: this.data.count(kind, "query"),
      nKeys: this.data.count(kind, "key"),
      token: why === "default" ? null : { axis: this.axis, index, pinned: why === "pinned" },
      peaks: overview || why === "default" ? null : this.data.strongest(kind, show, layer, this.axis),
      others: this.data.tokens(kind, show, this.otherAxis),
      colours: this.colours,
    });
  }

  private drawMatrix(): void {
    const { place } = this;
    const picture = this.data.picture(place, true);
    this.matrix.update({
      picture,
      scale: this.scale,
      queries: this.data.tokens(place.kind, place.show, "query"),
      keys: this.data.tokens(place.kind, place.show, "key"),
      query: this.get("query"),
      key: this.get("key"),
      hover: this.hover,
      colours: this.colours,
    });
    this.legend.draw(this.scale, picture?.scale ?? 1);
    this.legendNote.textContent = this.legendWords();
  }

  private legendWords(): string {
    const { show, kind } = this.place;
    const what: Record<string, string> = {
      pattern: "probability",
      value_weighted: "probability × norm of what the head writes from the key",
      compared: "probability in the second",
      difference: "probability in the first minus the second",
    };
    const masked = this.data.kind(kind).causal ? "; upper triangle is masked" : "";
    const marked = this.data.picture(this.place, false)?.marked
      ? "; hatched is not a number, ∞ infinite"
      : "";
    return `${what[show]}, square-root scale${masked}${marked}`;
  }

  /** A row or column: exact when it is here, else read off the picture. */
  private line(axis: Axis, index: number): { values: Float32Array | null; exact: boolean } {
    const exact = this.data.exact(this.place, axis, index);
    return exact
      ? { values: exact, exact: true }
      : { values: this.data.approximate(this.place, axis, index), exact: false };
  }

  private drawSide(): void {
    const { place, axis, otherAxis } = this;
    const self = this.data.kind(place.kind).keys === null;
    const { index, why } = this.token;
    const tokens = this.data.tokens(place.kind, place.show, axis);
    const others = this.data.tokens(place.kind, place.show, otherAxis);
    const { values, exact } = this.line(axis, index);
    const seen = (i: number) =>
      axis === "query" ? this.data.visible(place.kind, index, i) : this.data.visible(place.kind, i, index);
    const top = this.data.picture(place, false)?.scale ?? 1;
    const name = `${index} “${label(tokens.texts[index] ?? "", 24)}”`;
    const how = {
      hovered: "Hovered",
      pinned: "Pinned",
      default: axis === "query" ? "Last query" : "First key",
    }[why];
    this.sideNote.textContent =
      axis === "query" ? `${how}: what ${name} looks at` : `${how}: who looks at ${name}`;
    const pinned = this.get<number | null>(axis);
    const other = this.hover?.[otherAxis] ?? this.get<number | null>(otherAxis);
    this.strip.offer(tokens);
    this.strip.mark(pinned, self ? other : index);
    this.patches.offer(self ? tokens : others);
    this.patches.update(
      values,
      this.scale,
      top,
      self ? pinned : null,
      other,
      this.frame.colour("pin"),
      this.frame.colour("accent"),
    );
    this.keysNote.hidden = self;
    this.keyStrip.el.hidden = self;
    if (self) {
      this.strip.paint(values, this.scale, top, seen);
    } else {
      this.keysNote.textContent =
        axis === "query"
          ? "Keys, coloured by what the query looks at"
          : "Queries, coloured by how much they look at the key";
      this.strip.paint(null, this.scale, top, () => false);
      this.keyStrip.offer(others);
      this.keyStrip.mark(this.get<number | null>(otherAxis), other);
      this.keyStrip.paint(values, this.scale, top, seen);
    }
    const list = (
      el: HTMLElement,
      line: ArrayLike<number> | null,
      isExact: boolean,
      on: Axis,
      allowed: (i: number) => boolean,
    ) => {
      const texts = this.data.tokens(place.kind, place.show, on).texts;
      const bars = line
        ? largest(line, BARS, allowed).map((i) => ({ index: i, text: texts[i]!, value: line[i]! }))
        : [];
      drawBars(el, bars, {
        top,
        signed: this.scale.signed,
        approximate: !isExact,
        click: (i) => this.pin(on, i),
      });
    };
    list(this.bars[0], values, exact, otherAxis, seen);
    // The same token from the other side, where queries and keys are the same positions.
    this.barsNote.hidden = !self;
    this.bars[1].hidden = !self;
    if (!self) return;
    const back = this.line(otherAxis, index);
    this.barsNote.textContent = axis === "query" ? `Who looks at ${name}` : `What ${name} looks at`;
    const seenBack = (i: number) =>
      axis === "query" ? this.data.visible(place.kind, i, index) : this.data.visible(place.kind, index, i);
    list(this.bars[1], back.values, back.exact, axis, seenBack);
  }

  private drawStatus(): void {
    const { place } = this;
    const query = this.hover?.query ?? this.get<number | null>("query");
    const key = this.hover?.key ?? this.get<number | null>("key");
    const word = (axis: Axis, i: number) =>
      `${axis} ${i} “${label(this.data.tokens(place.kind, place.show, axis).texts[i] ?? "", 24)}”`;
    const parts = [`layer ${place.layer}`, `head ${place.head}`];
    if (query !== null && key !== null) {
      parts.push(`${word("query", query)} → ${word("key", key)}`, this.valueWords(query, key));
    } else if (query !== null) parts.push(word("query", query));
    else if (key !== null) parts.push(word("key", key));
    if (this.hoverHead) parts.push("preview");
    this.frame.say(parts.join(" · "));
    const best = this.data.picture(place, false);
    this.frame.setCheck(best?.sum_check ?? null);
  }

  private valueWords(query: number, key: number): string {
    if (!this.data.visible(this.place.kind, query, key)) return "masked";
    const { values, exact } = this.line("query", query);
    const value = values?.[key];
    if (value === undefined) return "…";
    if (exact) return digits(value);
    return `≈ ${digits(value)}${this.model.isStatic ? " (off the picture; exact in the notebook)" : ""}`;
  }

  // What is saved.

  private export<P extends Pen>(make: (width: number, height: number) => P): P {
    const [grid, matrix] = [this.grid.size, this.matrix.size];
    const [gap, top, foot] = [24, 36, 48];
    const width = 24 + grid.width + gap + matrix.width;
    const height = top + Math.max(grid.height, matrix.height) + foot;
    const pen = make(width, height);
    const { ink, quiet } = this.colours;
    const { place } = this;
    pen.text(12, 18, `${this.get<string>("title")} · layer ${place.layer} · head ${place.head}`, {
      colour: ink,
      size: 13,
      bold: true,
    });
    this.grid.paint(shifted(pen, 12, top));
    this.matrix.paint(shifted(pen, 12 + grid.width + gap, top));
    const scale = this.data.picture(place, false)?.scale ?? 1;
    const low = this.scale.signed ? digits(-scale) : "0";
    pen.text(12, height - 28, `colour: ${this.legendWords()}, from ${low} to ${digits(scale)}`, {
      colour: quiet,
      size: 11,
    });
    pen.text(12, height - 12, this.frame.root.querySelector(".iw-words")?.textContent ?? "", {
      colour: quiet,
      size: 11,
      mono: true,
    });
    return pen;
  }

  private png(): Promise<Blob> {
    const canvas = document.createElement("canvas");
    this.export((width, height) => {
      canvas.width = 2 * width;
      canvas.height = 2 * height;
      const g = canvas.getContext("2d")!;
      g.scale(2, 2);
      g.fillStyle = this.frame.colour("bg");
      g.fillRect(0, 0, width, height);
      return new CanvasPen(g, this.frame.fonts);
    });
    return new Promise((resolve, reject) => {
      canvas.toBlob(
        (blob) => (blob ? resolve(blob) : reject(new Error("the browser made no PNG"))),
        "image/png",
      );
    });
  }
}

/** The same pen with its origin moved. */
function shifted(pen: Pen, dx: number, dy: number): Pen {
  return {
    rect: (x, y, w, hgt, paint) => pen.rect(x + dx, y + dy, w, hgt, paint),
    line: (x1, y1, x2, y2, colour, width) => pen.line(x1 + dx, y1 + dy, x2 + dx, y2 + dy, colour, width),
    text: (x, y, text, style) => pen.text(x + dx, y + dy, text, style),
    image: (source, from, to) => pen.image(source, from, { ...to, x: to.x + dx, y: to.y + dy }),
  };
}

export default {
  render({ model, el }: RenderContext): () => void {
    const page = new AttentionPage(model, el);
    return () => page.dispose();
  },
};
