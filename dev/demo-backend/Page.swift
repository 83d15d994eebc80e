/// The page a person sees.
struct Page {
    let hostName: String
    let maxIdleSeconds: Int?
    let container: String
    let uptime: Duration

    var html: String {
        Self.template
            .replacing("{{HOST}}", with: Self.escaped(self.hostName))
            .replacing("{{CONTAINER}}", with: Self.escaped(self.container))
            .replacing("{{UPTIME}}", with: "\(self.uptime.components.seconds)")
            .replacing("{{MAX_IDLE}}", with: self.maxIdleSeconds.map(String.init) ?? "null")
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("\"", with: "&quot;")
    }

    private static let template = #"""
        <!doctype html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>A backend of your own</title>
        <style>
          :root { color-scheme: light dark; --ink: #16202b; --soft: #5d6b7a; --paper: #f4f6f9; --card: #fff; --line: #dfe5ec; --accent: #0b6bcb; --warm: #c2570c; }
          @media (prefers-color-scheme: dark) { :root { --ink: #e8eef5; --soft: #93a3b5; --paper: #0e141b; --card: #161e28; --line: #263241; --accent: #5fb0ff; --warm: #ff9d57; } }
          * { box-sizing: border-box; }
          body { margin: 0; min-height: 100vh; display: grid; grid-template-columns: minmax(0, 1fr); place-items: center; padding: 2rem 1rem; background: var(--paper); color: var(--ink);
                 font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
          main { width: min(44rem, 100%); display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; overflow-wrap: anywhere; }
          h1 { margin: 0; font-size: clamp(1.6rem, 5vw, 2.3rem); letter-spacing: -.02em; line-height: 1.15; }
          p { margin: .3rem 0 0; color: var(--soft); }
          code, output, #log { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
          .host { display: block; margin-top: .6rem; font-size: .95rem; color: var(--accent); overflow-wrap: anywhere; }
          section { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 1.1rem 1.25rem; }
          h2 { margin: 0 0 .4rem; font-size: .8rem; font-weight: 600; letter-spacing: .06em; text-transform: uppercase; color: var(--soft); }
          .row { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1rem; }
          @media (max-width: 34rem) { .row { grid-template-columns: minmax(0, 1fr); } }
          .big { font-size: 2.4rem; font-weight: 650; letter-spacing: -.03em; font-variant-numeric: tabular-nums; line-height: 1.1; }
          .big.counting { color: var(--warm); }
          form { display: flex; gap: .5rem; margin-top: .6rem; }
          input { flex: 1; min-width: 0; padding: .6rem .8rem; border: 1px solid var(--line); border-radius: 9px; background: var(--paper); color: inherit; font: inherit; }
          button { padding: .6rem 1rem; border: 0; border-radius: 9px; background: var(--accent); color: #fff; font: inherit; font-weight: 600; cursor: pointer; }
          @media (prefers-color-scheme: dark) { button { color: #06121f; } }
          button.quiet { background: none; border: 1px solid var(--line); color: inherit; font-weight: 500; }
          :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
          #log { margin: .8rem 0 0; padding: 0; list-style: none; font-size: .85rem; color: var(--soft); height: 7.6em; overflow: hidden; }
          #log b { color: var(--ink); font-weight: 500; }
        </style>
        <main>
          <header>
            <h1>This container is yours alone.</h1>
            <p>It was started for this host name, and goes when nobody is connected.</p>
            <span class="host"><code>{{HOST}}</code></span>
          </header>
          <div class="row">
            <section>
              <h2>Until it is swept</h2>
              <div class="big" id="left" role="timer">–</div>
              <p id="why"></p>
              <form><button class="quiet" type="button" id="toggle">Disconnect</button></form>
            </section>
            <section>
              <h2>Running for</h2>
              <div class="big" id="age">–</div>
              <p>in container <code>{{CONTAINER}}</code></p>
            </section>
          </div>
          <section>
            <h2>WebSocket echo</h2>
            <form id="echo"><input id="text" aria-label="Message" autocomplete="off" placeholder="Say something" maxlength="200"><button>Send</button></form>
            <ul id="log" aria-live="polite"></ul>
          </section>
        </main>
        <script>
          const maxIdle = {{MAX_IDLE}}, loaded = performance.now(), uptime = {{UPTIME}};
          const $ = id => document.getElementById(id);
          let socket, lastSeen = performance.now(), sent = [], beats = 0;

          const note = (label, text) => {
            const line = document.createElement("li"), strong = document.createElement("b");
            strong.textContent = text; line.append(label + " ", strong); $("log").prepend(line);
            while ($("log").children.length > 5) $("log").lastChild.remove();
          };
          const connect = () => {
            socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
            socket.onopen = () => { note("•", "connected"); $("toggle").textContent = "Disconnect"; };
            socket.onclose = () => { lastSeen = performance.now(); note("•", "disconnected"); $("toggle").textContent = "Connect"; };
            socket.onmessage = event => note(`${(performance.now() - sent.shift()).toFixed(1)} ms`, event.data);
          };
          const say = text => { if (socket.readyState === 1) { sent.push(performance.now()); socket.send(text); } };
          const show = () => {
            const open = socket.readyState === 1, left = maxIdle === null ? null : Math.max(0, Math.ceil(maxIdle - (performance.now() - lastSeen) / 1000));
            $("age").textContent = `${Math.round(uptime + (performance.now() - loaded) / 1000)} s`;
            $("left").textContent = maxIdle === null ? "–" : open ? `${maxIdle} s` : left ? `${left} s` : "gone";
            $("left").classList.toggle("counting", !open);
            $("why").textContent = maxIdle === null ? "Its spawner set no MAX_IDLE_SECS to count down."
              : open ? "Not while this page is connected: an open WebSocket counts as somebody being here."
              : left ? "Nobody is connected. Reload or connect to keep it." : "It has been stopped, or will be within a second.";
          };
          $("echo").onsubmit = event => { event.preventDefault(); say($("text").value || "hello"); $("text").value = ""; };
          $("toggle").onclick = () => socket.readyState === 1 ? socket.close() : connect();
          connect(); show(); setInterval(show, 250); setInterval(() => say(`heartbeat ${++beats}`), 5000);
        </script>
        """#
}
