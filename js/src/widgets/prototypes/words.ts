// The view in words: its status line, and what it waits for.

import { digits } from "../../core/format";
import type { GalleryInfo } from "../../core/gallery";
import { largest, type Reading, type Reasons } from "./data";
import type { SideState } from "./side";

export function galleryWords({ names, unit_kind, kept, ends, n_images, packed }: GalleryInfo): string {
  const from = (n_images || packed).toLocaleString("en");
  return `${names.length} ${unit_kind}s · ${kept} ${ends[0]} each · ${from} images searched`;
}

/** What is predicted, what was changed, and what the prototype that is looked at adds. */
export function sideWords({ reading, prototype }: SideState, changes: number): string {
  const { classes } = reading.info;
  const best = reading.predicted;
  const parts = [
    `predicts ${classes[best]} (logit ${digits(reading.now[best]!)}, p ${digits(reading.is[best]!)})`,
  ];
  if (changes && reading.where.model === 0) {
    const was = largest(reading.before);
    const from = was === best ? "" : ` (was ${classes[was]})`;
    parts.push(`${changes} weight${changes > 1 ? "s" : ""} changed${from}`);
  }
  const value = reading.contribution(reading.class_, prototype);
  const adds = `${value > 0 ? "+" : ""}${digits(value)} to ${classes[reading.class_]}`;
  parts.push(`${reading.name(prototype)}: similarity ${digits(reading.similarity(prototype))}, ${adds}`);
  return parts.join(" · ");
}

/** Why the six reasons are not here. */
export function waitingWords({ info }: Reading, reasons: Reasons | undefined, lost: boolean): string {
  if (info.text) return "";
  if (!info.reasons) return "Why they are alike: give reasons=iw.prototype_reasons(net, image).";
  if (reasons) return "Why they are alike is not known for this image.";
  if (lost) return "Why they are alike is not in this saved page: open the notebook.";
  return "Working out why they are alike …";
}
