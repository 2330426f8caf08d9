// PrototypeView: this looks like that, and here is why.

import { Chooser } from "../../core/controls";
import { div, h, on } from "../../core/dom";
import { Gallery, galleryStyles } from "../../core/gallery";
import type { RenderContext } from "../../core/host";
import { Page, widget } from "../../core/page";
import type { Drawing } from "../../core/save";
import { tallRowsStyles } from "../../core/tall_rows";
import { Albums } from "../../core/thumbnails";
import { Choices, KEYS, TRAITS } from "./choices";
import { type Reading, Store, type ViewInfo } from "./data";
import { Detail } from "./detail";
import { drawingOf } from "./drawing";
import styles from "./prototypes.css";
import { SidePanel, type SideState } from "./side";
import { Strip } from "./strip";
import { galleryWords, sideWords, waitingWords } from "./words";

class PrototypePage extends Page<ViewInfo> {
  #albums = new Albums();
  #store: Store;
  #choices: Choices;
  #shows: Chooser<string>;
  #heat = h("input", { type: "checkbox" });
  #opacity = h("input", { type: "range", min: 0, max: 1, step: "any", "aria-label": "Opacity of the map" });
  #look: HTMLElement;
  #sides: SidePanel[] = [];
  #detail: Detail;
  #strip: Strip;
  #gallery: Gallery | null = null;
  #layout = div("pro");
  #empty = h("p", { class: "iw-note", hidden: true, tabindex: -1 });
  #hover: { side: number; prototype: number } | null = null;
  #hint: string | null = null;
  /** The side whose prototype the detail tells about. */
  #active = 0;
  #galleryImage: number | null = null;
  #states: SideState[] = [];
  #drawn = false;

  constructor(context: RenderContext) {
    super(context, {
      styles: tallRowsStyles + galleryStyles + styles,
      keys: KEYS,
      traits: TRAITS,
    });
    const { signal } = this;
    this.#store = new Store(this.answers, () => this.info);
    this.#choices = new Choices(this, this.#store);
    this.#shows = new Chooser<string>("show", (show) => this.choose({ show }));
    on(this.#heat, "change", () => this.choose({ heat: this.#heat.checked }), signal);
    on(this.#opacity, "input", () => this.choose({ opacity: Number(this.#opacity.value) }), signal);
    this.#look = div("iw-control", h("label", { class: "pro-heat" }, this.#heat, "map"), this.#opacity);
    this.frame.controls.append(this.#shows.el, this.#look);
    this.#strip = new Strip(
      this.#store,
      this.#albums,
      {
        choose: (image) => this.choose({ image }),
        hover: (i) =>
          this.#tell(i === null ? null : [`image ${i}`, this.info.labels[i]].filter(Boolean).join(" · ")),
      },
      signal,
    );
    this.#addSide();
    this.#detail = new Detail(
      {
        weight: (p, c, value) => this.#choices.setWeight(`${p}:${c}`, value),
        toggle: (p) => this.#choices.toggle(p),
        reset: () => this.choose({ weights: {} }),
      },
      signal,
    );
    this.frame.body.append(this.#empty, this.#strip.el, this.#layout);
    this.#offer();
    this.start();
  }

  #addSide(): void {
    const side = this.#sides.length;
    const panel = new SidePanel(this, this.#store, this.#albums, {
      image: (by) => this.#choices.step(side, by),
      class_: (class_) => this.choose({ [this.#choices.classTrait(side)]: class_ }),
      open: (prototype) => this.#open(side, prototype),
      hover: (prototype) => this.#setHover(side, prototype),
      toggle: (prototype) => this.#choices.toggle(prototype),
      tell: (words) => this.#tell(words),
    });
    this.#sides.push(panel);
    this.#layout.append(panel.el);
  }

  #offer(): void {
    this.#shows.offer(
      this.info.shows
        .filter(({ name, reason }) => !reason || name === "image")
        .map(({ name, label, reason }) => ({ value: name, label, reason })),
      this.get("show"),
    );
    if (!this.info.gallery || this.#gallery) return;
    this.#gallery = new Gallery(this, this.#albums, {
      open: (unit, image) => {
        this.#galleryImage = image;
        this.choose({ prototype: unit });
      },
      hover: (words) => this.#tell(words),
    });
    this.#gallery.el.hidden = true;
    this.frame.body.append(this.#gallery.el);
  }

  // What a reader does.

  #open(side: number, prototype: number): void {
    this.#active = side;
    this.#hover = null;
    const trait = this.#choices.prototypeTrait(side);
    const same = this.get<number | null>(trait) === prototype;
    this.choose({ [trait]: same ? null : prototype });
    this.#sides[side]!.list.focus();
  }

  #setHover(side: number, prototype: number | null): void {
    if (this.#hover?.side === side && this.#hover.prototype === prototype) return;
    if (prototype === null && this.#hover === null) return;
    this.#hover = prototype === null ? null : { side, prototype };
    if (prototype !== null) this.#active = side;
    this.#mark();
  }

  #tell(words: string | null): void {
    this.#hint = words;
    this.#say();
  }

  override acts(event: KeyboardEvent): Record<string, (() => void) | false> {
    const by = event.shiftKey ? 10 : 1;
    const gallery = this.#choices.show === "gallery" ? this.#gallery : null;
    const release = () => {
      if (this.#galleryImage !== null) {
        this.#galleryImage = null;
        this.update();
      } else this.choose({ prototype: null, other_prototype: null });
    };
    if (gallery) {
      const unit = (step: number) => {
        const to = gallery.next(step);
        this.#galleryImage = null;
        if (to !== null) this.choose({ prototype: to });
        gallery.reveal(to);
      };
      const image = (step: number) => {
        this.#galleryImage = gallery.nextImage(step) ?? this.#galleryImage;
        this.update();
      };
      return {
        ArrowUp: () => unit(-by),
        ArrowDown: () => unit(by),
        ArrowLeft: () => image(-1),
        ArrowRight: () => image(1),
        Escape: release,
      };
    }
    const state = this.#states[this.#active] ?? this.#states[0];
    const images = {
      ArrowLeft: () => this.#choices.step(this.#active, -by),
      ArrowRight: () => this.#choices.step(this.#active, by),
      m: () => this.choose({ heat: !this.get("heat") }),
      r: () => this.choose({ weights: {} }),
      Escape: release,
    };
    // While an image is on its way, the next one can be asked for.
    if (!state) return images;
    const move = (step: number) => {
      const { order } = state.reading;
      const at = state.chosen === null ? (step > 0 ? -1 : 0) : order.indexOf(state.chosen);
      const to = order[Math.max(0, Math.min(order.length - 1, at + step))]!;
      this.#hover = null;
      this.choose({ [this.#choices.prototypeTrait(this.#active)]: to });
      this.#sides[this.#active]!.list.reveal(to);
    };
    const classes = state.reading.info.classes.length;
    // Space on a button presses it.
    const onButton = (event.composedPath()[0] as Element).tagName === "BUTTON";
    return {
      ...images,
      ArrowUp: () => move(-by),
      ArrowDown: () => move(by),
      " ": onButton ? false : () => state.editable && this.#choices.toggle(state.prototype),
      c: () =>
        this.choose({ [this.#choices.classTrait(this.#active)]: (state.reading.class_ + 1) % classes }),
    };
  }

  override changed(trait: string): void {
    if (trait === "_view") this.#offer();
    if (trait === "show") this.#active = 0;
    if (trait !== "prototype") return;
    this.update();
    const prototype = this.get<number | null>("prototype");
    if (prototype === null) return;
    this.#gallery?.reveal(prototype);
    this.#sides[0]!.list.reveal(prototype);
  }

  // What is drawn.

  draw(): void {
    const show = this.#choices.show;
    const active = (this.frame.root.getRootNode() as ShadowRoot).activeElement;
    const held = active && [this.#layout, this.#empty].find((el) => el.contains(active));
    this.#shows.set(show);
    this.#heat.checked = this.get("heat");
    const text = this.info.models[0]?.text === true;
    this.#opacity.hidden = text;
    this.#opacity.value = String(this.get("opacity"));
    const gallery = show === "gallery";
    const none = this.info.images === 0 && !gallery;
    const two = !gallery && show !== "image";
    this.#layout.hidden = gallery || none;
    this.#look.hidden = gallery || none;
    if (this.#gallery) this.#gallery.el.hidden = !gallery;
    this.#layout.dataset.sides = two ? "2" : "1";
    if (two && this.#sides.length < 2) this.#addSide();
    if (this.#sides[1]) this.#sides[1].el.hidden = !two;
    const { accent, pin, line } = this.colours;
    this.#strip.update({
      ...{
        count: gallery || text ? 0 : this.info.images,
        block: this.info.block,
        chosen: this.get("image"),
      },
      ...{ other: show === "images" ? this.get("other_image") : null, accent, pin, line },
    });
    if (gallery && this.info.gallery) {
      const { info } = this;
      const order = info.gallery!.names.map((_, i) => i);
      this.#gallery!.update({
        ...{ info: info.gallery!, order, unit: this.get("prototype"), image: this.#galleryImage },
        ...{ context: false, end: info.gallery!.ends[0]!, accent, pin, line },
      });
    }
    const found = gallery || none ? [] : (two ? [0, 1] : [0]).map((side) => this.#choices.read(side));
    const readings = found.filter((reading) => reading !== undefined);
    const missing = readings.length < found.length;
    this.#layout.dataset.wait = missing ? (this.#drawn ? "next" : "first") : "no";
    const lost = missing && this.#choices.lost;
    this.#empty.hidden = !none && !lost;
    this.#empty.textContent = lost
      ? "This image is not in the saved page: choose another, or open the notebook to see it."
      : "No image to explain. Give one: PrototypeView(net, image); an image is an array [height, width, 3], a picture or a path.";
    if (lost) this.#layout.hidden = true;
    // The keyboard stays in the widget when what it stood on goes away.
    if (held && lost) this.#empty.focus({ preventScroll: true });
    else if (held === this.#empty && !missing) this.#sides[0]!.list.focus();
    if (missing || !readings.length) {
      this.#states = [];
      this.#say();
      return;
    }
    this.#drawn = true;
    this.#states = readings.map((reading, side) => this.#state(side, reading, readings));
    // In one column of its own where two stand side by side, under the pictures where there is one.
    const home = two ? this.#layout : this.#sides[0]!.left;
    // Only when it moves: a slider that is being dragged must stay where it is.
    if (this.#detail.el.parentElement !== home) home.append(this.#detail.el);
    this.#states.forEach((state, side) => {
      this.#sides[side]!.draw(state, !two);
    });
    this.#drawDetail();
    this.#say();
  }

  #state(side: number, reading: Reading, all: readonly Reading[]): SideState {
    const { where } = reading;
    const chosen = this.get<number | null>(this.#choices.prototypeTrait(side));
    const other = all[1 - side];
    const linked = other?.where.model === where.model;
    const over = this.#hover && (this.#hover.side === side || linked) ? this.#hover.prototype : null;
    return {
      ...{ where, reading, chosen, hovered: over },
      prototype: Math.min(reading.count - 1, over ?? chosen ?? reading.order[0] ?? 0),
      beside: linked && other ? other : null,
      reasons: this.#store.reasons(reading),
      off: where.model === 0 ? this.#choices.off : () => false,
      editable: where.model === 0 && !reading.info.grouped,
    };
  }

  /** Hovering changes what is looked at, and no row. */
  #mark(): void {
    if (!this.#states.length) return;
    const readings = this.#states.map(({ reading }) => reading);
    this.#states = readings.map((reading, side) => this.#state(side, reading, readings));
    this.#states.forEach((state, side) => {
      this.#sides[side]!.mark(state);
    });
    this.#drawDetail();
    this.#say();
  }

  #drawDetail(): void {
    const state = this.#states[this.#active] ?? this.#states[0]!;
    const { reading, prototype, reasons } = state;
    const { model, image } = reading.where;
    const lost = this.model.isStatic === true && !this.requests.has("reasons", { model, image });
    const waiting = waitingWords(reading, reasons, lost);
    this.#detail.update({
      ...{ reading, prototype, reasons, waiting, off: state.off(prototype), editable: state.editable },
      flagged: new Map(reasons?.misleading ?? reading.info.misleading).get(prototype),
      changes: Object.keys(this.#choices.changes).length,
    });
  }

  #say(): void {
    const state = this.#states[this.#active] ?? this.#states[0];
    const { gallery, images } = this.info;
    const idle = images ? "…" : "no image";
    const words =
      this.#choices.show === "gallery" && gallery
        ? galleryWords(gallery)
        : state
          ? sideWords(state, Object.keys(this.#choices.changes).length)
          : idle;
    this.frame.say(this.#hint ?? words);
    this.frame.setCheck(state?.reading.found.sum_check ?? null);
  }

  drawing(): Drawing {
    if (this.#choices.show === "gallery" && this.#gallery) return this.#gallery.drawing(this.colours);
    return drawingOf(this.#states, this.#sides, this.colours);
  }
}

export default widget((context) => new PrototypePage(context));
