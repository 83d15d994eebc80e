// The backend of a page that asks for much at once: so many fetches and WebSockets, by what its address says (/?fetches=1000&sockets=100).
// Prints its port, and what the page has found out.
import { createHash } from "node:crypto";
import { createServer } from "node:http";

const page = `<!doctype html><title>many</title><script type="module">
const wanted = new URL(location).searchParams;
const count = (name) => Number(wanted.get(name));
const fetches = Array.from({ length: count("fetches") }, async (_, number) => {
  const response = await fetch("/number/" + number, { method: number % 10 ? "GET" : "POST", body: number % 10 ? undefined : "x".repeat(20000) });
  const text = await response.text();
  if (!response.ok || text !== number + " " + (number % 10 ? 0 : 20000)) throw new Error(number + ": " + response.status + " " + text.slice(0, 100));
});
const sockets = Array.from({ length: count("sockets") }, (_, number) => new Promise((resolve, reject) => {
  const socket = new WebSocket("wss://" + location.host + "/socket/" + number);
  socket.onopen = () => socket.send("hello " + number);
  socket.onmessage = (message) => message.data === "hello " + number ? resolve(socket) : reject(new Error(message.data));
  socket.onerror = () => reject(new Error("socket " + number));
}));
const [fetched, connected] = await Promise.all([Promise.allSettled(fetches), Promise.allSettled(sockets)]);
const failures = [...fetched, ...connected].filter((result) => result.status === "rejected").map((result) => result.reason.message);
const protocols = performance.getEntriesByType("resource").map((entry) => entry.nextHopProtocol);
const report = { fetched: fetched.length, connected: connected.length, failures, protocols: [...new Set(protocols)] };
await fetch("/report", { method: "POST", body: JSON.stringify(report) });
</script>`;

const server = createServer((request, response) => {
  let length = 0;
  const parts = [];
  request.on("data", (part) => {
    length += part.length;
    if (request.url === "/report") parts.push(part);
  });
  request.on("end", () => {
    const number = request.url.match(/^\/number\/(\d+)$/);
    if (number) return response.end(number[1] + " " + length);
    if (request.url === "/report") console.log("report " + Buffer.concat(parts));
    response.setHeader("content-type", "text/html");
    response.end(request.url.startsWith("/?") ? page : "");
  });
});

// Echoes short frames of text, which a client masks (RFC 6455 §5).
server.on("upgrade", (request, socket) => {
  const accept = createHash("sha1").update(request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
  socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + "\r\n\r\n");
  let input = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (data) => {
    input = Buffer.concat([input, data]);
    while (input.length >= 6 && input.length >= 6 + (input[1] & 127)) {
      const length = input[1] & 127;
      const payload = Buffer.from(input.subarray(6, 6 + length).map((byte, index) => byte ^ input[2 + (index % 4)]));
      if ((input[0] & 15) === 1) socket.write(Buffer.concat([Buffer.from([0x81, length]), payload]));
      input = input.subarray(6 + length);
    }
  });
});

server.listen(0, "127.0.0.1", () => console.log("port " + server.address().port));
