// ExemplarView: every unit, by the image patches it answers to most.

import { Chooser } from "../../core/controls";
import { h, on } from "../../core/dom";
import { Gallery, type GalleryInfo, galleryStyles, orderOf, type UnitNumbers } from "../../core/gallery";
import type { RenderContext } from "../../core/host";
import { Page, widget } from "../../core/page";
import type { Drawing } from "../../core/save";
import { tallRowsStyles } from "../../core/tall_rows";
import { Albums } from "../../core/thumbnails";
import styles from "./exemplars.css";

const TRAITS = ["unit", "image", "search", "sort", "context", "end"];
const KEYS = [
  ["click a patch", "open its unit and the whole image"],
  ["up  down", "previous, next unit; with shift by ten"],
  ["left  right", "previous, next patch of the unit"],
  ["c", "parts around the patches, or whole images"],
  ["Esc", "close the image, then the unit"],
] as const;

class ExemplarPage extends Page<GalleryInfo> {
  #gallery: Gallery;
  #search = h("input", { type: "search", placeholder: "name or label", "aria-label": "Search units" });
  #sorts: Chooser<string>;
  #contexts: Chooser<boolean>;
  #ends: Chooser<string>;
  #hover: string | null = null;
  #order: number[] = [];

  constructor(context: RenderContext) {
    super(context, { styles: tallRowsStyles + galleryStyles + styles, keys: KEYS, traits: TRAITS });
    on(this.#search, "input", () => this.choose({ search: this.#search.value }), this.signal);
    on(
      this.#search,
      "keydown",
      (event) => {
        if (event.key === "Escape") this.choose({ search: "" });
      },
      this.signal,
    );
    this.#sorts = new Chooser<string>("sort", (sort) => this.choose({ sort }));
    this.#contexts = new Chooser<boolean>("show", (context) => this.choose({ context }));
    this.#ends = new Chooser<string>("end", (end) => this.choose({ end, image: null }));
    this.frame.controls.append(this.#search, this.#sorts.el, this.#contexts.el, this.#ends.el);
    this.#gallery = new Gallery(this, new Albums(), {
      open: (unit, image) => this.choose({ unit, image }),
      hover: (words) => {
        this.#hover = words;
        this.#say();
      },
    });
    this.frame.body.append(this.#gallery.el);
    this.#offer();
    this.start();
  }

  #offer(): void {
    const sorts = ["number", "strongest", "mean", ...(this.info.labels.length ? ["label"] : [])];
    this.#sorts.offer(
      sorts.map((value) => ({ value, label: value })),
      this.get("sort"),
    );
    this.#contexts.offer(
      [
        { value: false, label: "patches" },
        { value: true, label: "whole images" },
      ],
      this.get("context"),
    );
    this.#ends.offer(
      this.info.ends.map((value) => ({ value, label: value })),
      this.get("end"),
    );
  }

  override changed(trait: string): void {
    if (trait === "_view") this.#offer();
    if (trait !== "unit") return;
    this.update();
    this.#gallery.reveal(this.get("unit"));
  }

  override acts(event: KeyboardEvent): Record<string, (() => void) | false> {
    const unit = (by: number) => {
      const to = this.#gallery.next(by * (event.shiftKey ? 10 : 1));
      if (to === null) return;
      this.choose({ unit: to, image: null });
      this.#gallery.reveal(to);
    };
    const image = (by: number) => {
      const to = this.#gallery.nextImage(by);
      if (to !== null) this.choose({ image: to });
    };
    return {
      ArrowUp: () => unit(-1),
      ArrowDown: () => unit(1),
      ArrowLeft: () => image(-1),
      ArrowRight: () => image(1),
      c: () => this.choose({ context: !this.get("context") }),
      Escape: () => this.choose(this.get("image") !== null ? { image: null } : { unit: null }),
    };
  }

  draw(): void {
    const search = this.get<string>("search");
    if (this.#search.value !== search) this.#search.value = search;
    this.#sorts.set(this.get("sort"));
    this.#contexts.set(this.get("context"));
    this.#ends.set(this.get("end"));
    const numbers = this.answers.wanted<UnitNumbers>("units", {}, { optional: true });
    this.#order = orderOf(this.info, numbers, search, this.get("sort"));
    const { accent, pin, line } = this.colours;
    this.#gallery.update({
      ...{ info: this.info, order: this.#order, unit: this.get("unit"), image: this.get("image") },
      ...{ context: this.get("context"), end: this.get("end"), accent, pin, line },
    });
    this.#say();
  }

  #say(): void {
    const { info } = this;
    const count = info.names.length;
    const kinds = `${info.unit_kind}${count === 1 ? "" : "s"}`;
    const shown =
      this.#order.length < count ? `${this.#order.length} of ${count} ${kinds}` : `${count} ${kinds}`;
    const from = info.n_images || info.packed;
    const all = `${shown} · ${info.kept} ${this.get("end")} each · ${from.toLocaleString("en")} images searched`;
    this.frame.say(this.#hover ?? all);
  }

  drawing(): Drawing {
    return this.#gallery.drawing(this.colours);
  }
}

export default widget((context) => new ExemplarPage(context));
