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

/** `FluxSchnell` is `fluxSchnell`; what is a word of the language gets another behind it. */
export function constantNameOf(typeName: string): string {
  const name = typeName.charAt(0).toLowerCase() + typeName.slice(1);
  return WORDS.test(name) ? `${name}Model` : name;
}

const WORDS =
  /^(await|break|case|catch|class|const|continue|debugger|default|delete|do|else|enum|export|extends|false|finally|for|function|if|implements|import|in|instanceof|interface|let|new|null|package|private|protected|public|return|static|super|switch|this|throw|true|try|typeof|var|void|while|with|yield)$/;

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
