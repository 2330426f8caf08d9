// What a reader has chosen to see, and changes of it: traits, by the side of the view they belong to.

import type { Page } from "../../core/page";
import type { Changes, Reading, Store, ViewInfo, Where } from "./data";

export const TRAITS = [
  ...["image", "prototype", "class_", "weights", "show", "heat", "opacity"],
  ...["other_image", "other_class", "other_prototype"],
];
export const KEYS = [
  ["hover · click", "look at a prototype · choose it"],
  ["up  down", "previous, next prototype; with shift by ten"],
  ["left  right", "previous, next image; in the gallery, patch"],
  ["space", "switch the chosen prototype off or on"],
  ["m", "similarity map on or off"],
  ["c", "next class"],
  ["r", "the network's own weights again"],
  ["Esc", "let go of the prototype"],
] as const;

export class Choices {
  #page: Page<ViewInfo>;
  #store: Store;

  constructor(page: Page<ViewInfo>, store: Store) {
    this.#page = page;
    this.#store = store;
  }

  get show(): string {
    return this.#page.get<string>("show");
  }

  get changes(): Changes {
    return this.#page.get<Changes>("weights");
  }

  classTrait(side: number): string {
    return side === 1 && this.show === "classes" ? "other_class" : "class_";
  }

  prototypeTrait(side: number): string {
    return side === 1 && this.show === "models" ? "other_prototype" : "prototype";
  }

  where(side: number): Where {
    const second = side === 1;
    return {
      model: second && this.show === "models" ? 1 : 0,
      image: this.#page.get<number>(second && this.show === "images" ? "other_image" : "image"),
      class_: this.#page.get<number | null>(this.classTrait(side)),
    };
  }

  /** Of two classes, the second is the runner-up until another is chosen. */
  read(side: number): Reading | undefined {
    const where = this.where(side);
    const changes = where.model === 0 ? this.changes : {};
    const reading = this.#store.read(where, changes);
    if (!reading || side === 0 || this.show !== "classes" || where.class_ !== null) return reading;
    const first = this.#page.get<number | null>("class_") ?? reading.class_;
    const others = [...reading.before.keys()].filter((c) => c !== first);
    others.sort((a, b) => reading.before[b]! - reading.before[a]!);
    return this.#store.read({ ...where, class_: others[0] ?? first }, changes);
  }

  /** Whether a saved page does not hold what is to be seen. */
  get lost(): boolean {
    const lacks = (side: number) => {
      const { model, image } = this.where(side);
      return (
        !this.#page.requests.has("comparison", { model, image }) ||
        !this.#page.requests.has("weights", { model })
      );
    };
    return this.#page.model.isStatic === true && [0, 1].some(lacks);
  }

  off = (prototype: number): boolean => this.changes[prototype] === 0;

  step(side: number, by: number): void {
    const name = side === 1 && this.show === "images" ? "other_image" : "image";
    const to = Math.max(0, Math.min(this.#page.info.images - 1, this.#page.get<number>(name) + by));
    this.#page.choose({ [name]: to });
  }

  setWeight(key: string, value: number | null): void {
    const { [key]: _, ...others } = this.changes;
    this.#page.choose({ weights: value === null ? others : { ...others, [key]: value } });
  }

  toggle(prototype: number): void {
    if (this.#page.info.models[0]?.grouped) return;
    this.setWeight(String(prototype), this.off(prototype) ? null : 0);
  }
}
