import { act, createElement, StrictMode } from "react";
import { onTestFinished, vi } from "vitest";

export interface Shown<V> {
  /** What the hook gave last. */
  readonly now: V;
  /** Everything that it gave, without what is the same twice. */
  readonly seen: readonly V[];
  render(use: () => V): Promise<void>;
  unmount(): Promise<void>;
}

interface Props {
  readonly use: () => unknown;
  readonly seen: unknown[];
}

function Component({ use, seen }: Props): null {
  const value = use();
  if (JSON.stringify(value) === JSON.stringify(seen.at(-1))) seen.pop();
  seen.push(value);
  return null;
}

/**
 * A component that does nothing but use a hook, in StrictMode, which mounts it twice. It shows nothing, so that a document with
 * nothing in it will do.
 */
export async function shown<V>(use: () => V): Promise<Shown<V>> {
  vi.stubGlobal("window", { event: undefined, HTMLIFrameElement: class {} });
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  const { createRoot } = await import("react-dom/client");
  const document = { nodeType: 9, addEventListener() {} };
  const container = { nodeType: 1, tagName: "DIV", ownerDocument: document, addEventListener() {} };
  const root = createRoot(container as unknown as Element);
  const seen: V[] = [];
  const render = (use: () => V) =>
    act(async () => root.render(createElement(StrictMode, null, createElement(Component, { use, seen }))));
  let isMounted = true;
  const unmount = async () => {
    if (isMounted) await act(async () => root.unmount());
    isMounted = false;
  };
  onTestFinished(unmount);
  await render(use);
  return {
    get now() {
      return seen.at(-1) as V;
    },
    seen,
    render,
    unmount,
  };
}
