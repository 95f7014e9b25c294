import { createFal } from "fal-chain";
import { poster } from "../../../poster.mjs";

export const dynamic = "force-dynamic";
export const GET = async () => Response.json(await poster(createFal({ store: "memory" })));
