// One side of the view: a model, an image and a class, with its pictures, its prototypes and its score sheet.

import { button, div, h, on } from "../../core/dom";
import type { Page } from "../../core/page";
import type { Albums } from "../../core/thumbnails";
import { largest, type Reading, type Reasons, type Store, type ViewInfo, type Where } from "./data";
import { PrototypeList } from "./list";
import { Pictures } from "./pictures";
import { Sheet } from "./sheet";
import { TextPair } from "./text_pair";

export interface SideState {
  where: Where;
  reading: Reading;
  beside: Reading | null;
  /** Looked at: under the pointer, else chosen, else what adds most. */
  prototype: number;
  chosen: number | null;
  hovered: number | null;
  reasons: Reasons | undefined;
  off(prototype: number): boolean;
  editable: boolean;
}

export interface SideEvents {
  image(by: number): void;
  class_(class_: number | null): void;
  open(prototype: number): void;
  hover(prototype: number | null): void;
  toggle(prototype: number): void;
  tell(words: string | null): void;
}

export class SidePanel {
  readonly el = div("pro-side");
  readonly pictures: Pictures | TextPair;
  readonly list: PrototypeList;
  readonly sheet: Sheet;
  #heading = h("p", { class: "pro-title" });
  #which = h("span");
  #stepper: HTMLElement;
  #classes = h("select", { "aria-label": "Class" });
  #offered = "";
  #what: string;
  #page: Page<ViewInfo>;
  #store: Store;

  constructor(page: Page<ViewInfo>, store: Store, albums: Albums, events: SideEvents) {
    this.#page = page;
    this.#store = store;
    const { signal } = page;
    this.#what = page.info.models[0]?.text ? "text" : "image";
    const text = this.#what === "text";
    this.pictures = text
      ? new TextPair(store, events.tell, signal)
      : new Pictures(store, albums, events.tell, signal);
    this.list = new PrototypeList(store, albums, events, signal);
    this.sheet = new Sheet(
      {
        hover: events.hover,
        click: (class_, prototype) => (prototype === null ? events.class_(class_) : events.open(prototype)),
      },
      signal,
    );
    this.#stepper = div(
      "pro-stepper",
      button("‹", "Previous image (left)", () => events.image(-1)),
      this.#which,
      button("›", "Next image (right)", () => events.image(1)),
    );
    on(
      this.#classes,
      "change",
      () => events.class_(this.#classes.value === "" ? null : Number(this.#classes.value)),
      signal,
    );
    const evidence = div("pro-evidence", "Evidence for", this.#classes);
    this.list.el.prepend(evidence);
    const left = div("pro-left", this.#heading, this.#stepper, this.pictures.el);
    this.el.append(left, this.list.el, this.sheet.el);
  }

  get left(): HTMLElement {
    return this.pictures.el.parentElement!;
  }

  #label(image: number): string {
    return this.#page.info.labels[image] ?? "";
  }

  draw(state: SideState, alone: boolean): void {
    const { reading, where, beside, chosen } = state;
    const { images, models } = this.#page.info;
    const { accent, pin } = this.#page.colours;
    this.#stepper.hidden = images < 2;
    this.#heading.hidden = alone || models.length < 2;
    this.#heading.textContent = reading.info.name;
    const label = this.#label(where.image);
    this.#which.textContent = `${this.#what} ${where.image + 1} of ${images.toLocaleString("en")}`;
    this.#which.title = label;
    this.#offerClasses(reading, where);
    const flagged = new Map(state.reasons?.misleading ?? reading.info.misleading);
    const note =
      this.#what === "text"
        ? "these words, above → those of a training text"
        : "this part → looks like that training patch";
    this.list.note.textContent = flagged.size ? `${note} · ! may mislead the eye` : note;
    this.list.update({
      ...{ reading, beside, prototype: chosen, accent, pin },
      ...{ picture: this.#store.picture(where.image), off: state.off, switches: state.editable },
      flagged,
    });
    this.mark(state);
  }

  /** What hovering changes; rows stay as they are. */
  mark(state: SideState): void {
    const { reading, where, prototype, chosen, hovered } = state;
    const page = this.#page;
    const { accent, pin, ink } = page.colours;
    this.list.mark(chosen, hovered);
    const own = reading.found.label;
    const truth = own === null ? "" : ` · ${reading.info.classes[own]}`;
    const label = this.#label(where.image);
    this.pictures.update({
      ...{ reading, prototype, accent, pin, ink, scales: page.scales },
      picture: this.#store.picture(where.image),
      label: label ? `this ${this.#what} · ${label}` : `this ${this.#what}${truth}`,
      heat: page.get("heat"),
      opacity: page.get("opacity"),
    });
    this.sheet.update({ reading, prototype, colours: page.colours, fonts: page.frame.fonts });
  }

  #offerClasses(reading: Reading, where: Where): void {
    const { classes } = reading.info;
    const first = `predicted: ${classes[largest(reading.before)]}`;
    const now = [first, ...classes].join("\n");
    if (now !== this.#offered) {
      this.#offered = now;
      this.#classes.replaceChildren(
        h("option", { value: "" }, first),
        ...classes.map((name, c) => h("option", { value: c }, name)),
      );
    }
    this.#classes.value = where.class_ === null ? "" : String(where.class_);
  }
}
