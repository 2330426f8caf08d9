// LensView: what each layer would say next.

import { ChosenToken } from "../../core/chosen";
import { Chooser } from "../../core/controls";
import { div, h } from "../../core/dom";
import { digits, label } from "../../core/format";
import type { RenderContext } from "../../core/host";
import { Page, widget } from "../../core/page";
import { partbarsStyles } from "../../core/partbars";
import { pickerStyles } from "../../core/picker";
import { type Drawing, shifted } from "../../core/save";
import { Cells, type Colour, type Likely, type SumCheck, type ViewInfo } from "./cells";
import { Climb } from "./climb";
import { ColourLegend, cellSwatch, LOOKS, seenOf, whole } from "./colouring";
import { type Cell, Grid, rowLabel, type Shown } from "./grid";
import styles from "./lens.css";
import { LikelyList } from "./likely";

const TRAITS = ["layer", "site", "position", "color_by", "target", "top", "sites", "kind"];
const KEYS = [
  ["hover · click", "read a cell · pin it"],
  ["arrows", "later and earlier layer, next and previous position; with shift by ten"],
  ["c", "next colouring"],
  ["m", "rows between attention and MLP"],
  ["Esc", "release what is pinned"],
  ["click in the list", "follow that token as target"],
] as const;
const GAP = 24;
const DEEP = 12; // rows beyond which the list stands beside the grid, not under it

class LensPage extends Page<ViewInfo> {
  #cells: Cells;
  #hover: Cell | null = null;
  #kinds: Chooser<string>;
  #sites: Chooser<string>;
  #colour: Chooser<Colour>;
  #chosen: ChosenToken;
  #note = h("p", { class: "iw-note" });
  #sideNote = h("p", { class: "iw-note lens-line" });
  #layout = div("lens");
  #grid: Grid;
  #climb: Climb;
  #list: LikelyList;
  #legend = new ColourLegend();
  #texts: readonly string[] = [];

  constructor(context: RenderContext) {
    super(context, { styles: partbarsStyles + pickerStyles + styles, keys: KEYS, traits: TRAITS });
    const { signal } = this;
    this.#cells = new Cells(
      this.answers,
      () => this.info,
      () => ({
        ...{ kind: this.get<string>("kind"), sites: this.get<string>("sites") },
        ...{ target: this.get<number | null>("target"), top: this.get<number>("top") },
      }),
    );
    this.#kinds = new Chooser<string>("lens", (kind) => this.choose({ kind }));
    this.#sites = new Chooser<string>("rows", (sites) => this.choose({ sites }));
    this.#colour = new Chooser<Colour>("colour", (color_by) => this.choose({ color_by }));
    this.#chosen = new ChosenToken(
      ...(["target", "another token", this.requests] as const),
      (token) => this.choose({ target: token?.id ?? null }),
      signal,
    );
    const fonts = () => this.frame.fonts;
    this.#grid = new Grid(
      fonts,
      {
        hover: (cell) => this.#setHover(cell),
        click: (cell) => this.#pin(cell),
        moved: () => this.update(),
      },
      signal,
    );
    this.#climb = new Climb(fonts, signal);
    this.#list = new LikelyList((token) => this.choose({ target: token.id }), signal);
    this.frame.controls.append(this.#kinds.el, this.#sites.el, this.#colour.el);
    this.#layout.append(
      div("lens-main", div("lens-top", this.#note, this.#chosen.el), this.#grid.el, this.#legend.el),
      div("lens-rise", this.#sideNote, this.#climb.el),
      this.#list.el,
    );
    this.frame.body.append(this.#layout);
    this.#offer();
    this.start();
  }

  // What is looked at.

  get #color(): Colour {
    return this.get<Colour>("color_by");
  }

  get #row(): number {
    const at = this.#cells.rows.indexOf(this.get<string>("site"));
    return at < 0 ? this.#cells.rows.length - 1 : at;
  }

  get #last(): number {
    return this.info.tokens.texts.length - 1;
  }

  /** The cell whose numbers are told: under the pointer, else pinned, else the last position in the selected row. */
  get #cell(): Cell {
    return this.#hover ?? { row: this.#row, position: this.get<number | null>("position") ?? this.#last };
  }

  // What a reader does.

  override settle(): void {
    const rows = this.info.kinds[this.get<string>("kind")]!.rows;
    if (!rows[this.get<string>("sites")]) this.model.set("sites", "blocks");
    const site = this.get<string>("site");
    if (this.#cells.rows.includes(site)) return;
    const layer = this.get<number>("layer");
    this.model.set(
      "site",
      this.#cells.rows.findLast((row) => layerOf(row) === layer) ?? this.#cells.rows.at(-1),
    );
  }

  #select(row: number, position: number | null): void {
    const site = this.#cells.rows[row]!;
    this.choose({ site, layer: layerOf(site), position });
  }

  #pin({ row, position }: Cell): void {
    const same = this.get<number | null>("position") === position && this.#row === row;
    this.#select(row, same ? null : position);
    this.#grid.focus();
  }

  #setHover(hover: Cell | null): void {
    if (hover?.row === this.#hover?.row && hover?.position === this.#hover?.position) return;
    this.#hover = hover;
    this.update();
  }

  override acts(event: KeyboardEvent): Record<string, (() => void) | false> {
    const by = event.shiftKey ? 10 : 1;
    const move = (rows: number, positions: number) => {
      const pinned = this.get<number | null>("position");
      const within = (value: number, most: number) => Math.max(0, Math.min(most, value));
      const row = within(this.#row + (pinned === null ? 0 : rows * by), this.#cells.rows.length - 1);
      const position = within((pinned ?? this.#last) + (pinned === null ? 0 : positions * by), this.#last);
      this.#hover = null;
      this.#select(row, position);
      this.#grid.reveal(position);
    };
    const colours = Object.keys(LOOKS) as Colour[];
    const next = colours[(colours.indexOf(this.#color) + 1) % colours.length]!;
    const other = this.get<string>("sites") === "all" ? "blocks" : "all";
    return {
      ArrowUp: () => move(1, 0),
      ArrowDown: () => move(-1, 0),
      ArrowLeft: () => move(0, -1),
      ArrowRight: () => move(0, 1),
      Escape: () => this.choose({ position: null }),
      c: () => this.choose({ color_by: next }),
      m: () => this.choose({ sites: other }),
    };
  }

  override changed(trait: string): void {
    if (trait === "_view") this.#offer();
    if (trait !== "position") return;
    const position = this.get<number | null>("position");
    this.update();
    if (position !== null) this.#grid.reveal(position);
  }

  #offer(): void {
    this.#texts = this.info.tokens.texts;
    const kinds = Object.keys(this.info.kinds);
    this.#kinds.offer(
      kinds.map((value) => ({ value, label: value })),
      this.get<string>("kind"),
    );
    this.#colour.offer(
      (Object.keys(LOOKS) as Colour[]).map((value) => ({ value, label: LOOKS[value].name })),
      this.#color,
    );
    this.#chosen.el.hidden = this.info.fixed !== null;
  }

  // What is drawn.

  draw(): void {
    this.#cells.begin();
    const kind = this.get<string>("kind");
    const why = this.info.kinds[kind]!.why;
    this.#layout.dataset.deep = String(this.#cells.rows.length > DEEP);
    this.#kinds.set(kind);
    this.#colour.set(this.#color);
    this.#sites.offer(
      [
        { value: "blocks", label: "blocks" },
        { value: "all", label: "with middle", reason: why },
      ],
      this.get<string>("sites"),
    );
    this.#note.textContent = `What each layer would say next (${kind} lens): later layers above.`;
    const { position } = this.#cell;
    const target = this.#cells.target(position);
    const set = this.get<number | null>("target") !== null;
    this.#chosen.show(set ? (target?.text ?? "…") : "the next token", !set);
    this.#grid.update({
      ...{ rows: this.#cells.rows, tokens: this.#texts, row: this.#row, hover: this.#hover },
      cell: (row, p) => this.#shown(row, p),
      target: (p) => this.#cells.target(p)?.text ?? null,
      position: this.get<number | null>("position"),
      colours: this.colours,
    });
    this.#drawSide(target);
    this.#drawLegend();
    this.#drawStatus(target);
  }

  #shown(row: number, position: number): Shown | null {
    const [best] = this.#cells.likely(row, position, 1);
    const value = this.#cells.value(this.#color, row, position);
    if (!best) return null;
    const nothing = Number.isNaN(best.probability);
    return {
      text: nothing ? "NaN" : best.text,
      swatch:
        value === undefined
          ? { rgb: null, ink: "", mark: null }
          : cellSwatch(this.#color, value, this.info.vocabulary, this.scales.plain),
      hit: !nothing && best.id === this.#cells.target(position)?.id,
    };
  }

  #drawSide(target: { id: number; text: string } | null): void {
    const { row, position } = this.#cell;
    const rows = this.#cells.rows;
    const through = (colour: Colour) => rows.map((_, r) => this.#cells.value(colour, r, position));
    const token = `“${label(this.#texts[position] ?? "", 16)}”`;
    this.#sideNote.textContent = target
      ? `Target “${label(target.text, 16)}” at ${position} ${token}`
      : `Target at ${position} ${token}`;
    this.#climb.update({
      ...{ rows, row, vocabulary: this.info.vocabulary, colours: this.colours },
      ...{ probability: through("target_probability"), rank: through("target_rank") },
    });
    const where = rowLabel(rows[row]!) === "embed" ? "the embedding" : `row ${rowLabel(rows[row]!)}`;
    this.#list.draw(
      `Likeliest at ${position} ${token} in ${where}`,
      this.#likely(row, position),
      target?.id ?? null,
      this.info.fixed,
    );
  }

  /** A row that is no number has no likely tokens. */
  #likely(row: number, position: number): Likely[] {
    return this.#cells.likely(row, position).filter((token) => !Number.isNaN(token.probability));
  }

  #drawLegend(): void {
    const { first, last } = this.#grid.seen;
    const values: number[] = [];
    for (let p = first; p < last; p++)
      for (let row = 0; row < this.#cells.rows.length; row++) {
        const value = this.#cells.value(this.#color, row, p);
        if (value !== undefined) values.push(value);
      }
    this.#legend.draw(this.#color, this.info.vocabulary, this.scales.plain, seenOf(values));
  }

  #drawStatus(target: { text: string } | null): void {
    const { row, position } = this.#cell;
    const of = (colour: Colour) => this.#cells.value(colour, row, position);
    const told = (value: number | undefined) => (value === undefined ? "…" : digits(value));
    const rank = of("target_rank");
    const [best] = this.#likely(row, position);
    const missing = this.#cells.block(position) ? "top is not a number" : "top …";
    const parts = [
      this.#cells.rows[row]!,
      `position ${position} “${label(this.#texts[position] ?? "", 20)}”`,
      best ? `top “${label(best.text, 20)}” ${digits(best.probability)}` : missing,
    ];
    if (target)
      parts.push(
        `target “${label(target.text, 20)}” ${told(of("target_probability"))}, rank ${rank === undefined ? "…" : whole(rank)}`,
      );
    parts.push(`entropy ${told(of("entropy"))}, KL ${told(of("kl"))} nats`);
    if (this.#hover) parts.push("preview");
    this.frame.say(parts.join(" · "));
    this.frame.setCheck(this.#check());
  }

  /** The worst check of the blocks in view. */
  #check(): SumCheck | null {
    const { first, last } = this.#grid.seen;
    let worst: SumCheck | null = null;
    for (let p = this.#cells.start(first); p < last; p += this.info.block) {
      const check = this.#cells.block(p)?.sum_check;
      if (!check) continue;
      const far = (c: SumCheck) => (c.value === null ? Number.POSITIVE_INFINITY : Math.abs(c.value));
      if (!worst || far(check) > far(worst)) worst = check;
    }
    return worst;
  }

  drawing(): Drawing {
    const [grid, climb] = [this.#grid, this.#climb];
    return {
      width: grid.width + GAP + climb.width,
      height: Math.max(grid.height, climb.height),
      paint: (pen) => {
        climb.paint(shifted(pen, grid.width + GAP, 0));
        grid.paint(pen);
      },
    };
  }
}

function layerOf(site: string): number {
  return Number(site.split(".")[1] ?? 0);
}

export default widget((context) => new LensPage(context));
