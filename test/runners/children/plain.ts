// An app without a framework: any HTTP server can be hosted.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { version } from "./part.ts";

const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const input = JSON.parse(Buffer.concat(chunks).toString() || "{}") as { file?: string; ms?: number };
  const answer = (body: unknown, headers: Record<string, string> = {}) =>
    response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));

  switch (new URL(request.url ?? "/", "http://app").pathname) {
    case "/env":
      return answer(process.env);
    case "/say":
      process.stdout.write(`${process.env["PEM"]}\n${JSON.stringify({ said: process.env["TOKEN"] })}\n`);
      return answer({});
    case "/headers":
      return answer(request.headers);
    case "/slow":
      process.stdout.write("begun\n");
      await pause(input.ms ?? 60_000);
      return answer({ pid: process.pid });
    case "/write":
      writeFileSync(`${process.env["FAL_CHAIN_DATA"]}/${input.file}`, "written");
      return answer({});
    case "/child": {
      const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
      return answer({ pid: child.pid });
    }
    case "/block": {
      answer({});
      const end = Date.now() + (input.ms ?? 0);
      while (Date.now() < end);
      return;
    }
    case "/stream": {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (let i = 0; i < 3; i++) {
        response.write(`data: ${i}\n\n`);
        await pause(100);
      }
      return response.end();
    }
    default:
      return answer({ version, pid: process.pid }, { "x-fal-billable-units": "2" });
  }
});
server.listen(8080, "0.0.0.0");
// A second server, as for metrics, is not the app's.
createServer((_, response) => response.end()).listen({ port: 9090 });
process.on("SIGTERM", () => process.exit(0));
