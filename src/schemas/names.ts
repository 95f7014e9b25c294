/** `fal-ai/flux/schnell` is `FluxSchnell`, `acme/painter` is `AcmePainter`. */
export const typeNameOf = (id: string): string => asName(id.replace(/^fal-ai\//, ""));

/** `fal__toolkit__image__image__Image` is `Image`. */
export const partNameOf = (component: string): string => asName(component.split("__").at(-1) ?? "");

function asName(text: string): string {
  const name = text
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");
  return /^[A-Z]/.test(name) ? name : `Model${name}`;
}

/** `FluxSchnell` is `fluxSchnell`. */
export const constantNameOf = (typeName: string): string =>
  typeName.charAt(0).toLowerCase() + typeName.slice(1);

/** Gives each name once: who comes second gets a number. */
export function uniqueNames(taken: Iterable<string> = []): (wanted: string) => string {
  const given = new Set(taken);
  return (wanted) => {
    let name = wanted;
    for (let n = 2; given.has(name); n++) name = `${wanted}${n}`;
    given.add(name);
    return name;
  };
}
