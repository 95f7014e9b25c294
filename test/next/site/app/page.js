"use client";
import { fal } from "fal-chain";
import { useCall } from "fal-chain/react";

fal.config({ proxyUrl: "/api/fal/proxy" });

export default function Page() {
  const { start, status, data } = useCall("fal-ai/flux/schnell", { name: "poster" });
  return (
    <button type="button" onClick={() => start({ prompt: "a fox" })}>
      {data ? data.images[0].url : status}
    </button>
  );
}
