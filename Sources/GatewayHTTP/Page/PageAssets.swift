/// The page's style and script, served from here so that nothing is fetched from elsewhere.
enum PageAssets {
    static let style = """
        :root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--soft:#f3f5f7;--line:#c9d0d8;--accent:#0b5cad;--good:#0a6b2d;--busy:#7a4a00;--bad:#a3131d}
        @media(prefers-color-scheme:dark){:root{--ink:#e8ebee;--paper:#14171a;--soft:#1f2428;--line:#454d55;--accent:#7cb8ff;--good:#6fd08b;--busy:#f0b95a;--bad:#ff8f8f}}
        *{box-sizing:border-box}
        body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
        a{color:var(--accent)}
        :focus-visible{outline:3px solid var(--accent);outline-offset:2px}
        .skip{position:absolute;left:-9999px}.skip:focus{left:8px;top:8px;background:var(--paper);padding:8px}
        header{display:flex;gap:16px;align-items:baseline;padding:8px 24px;border-bottom:1px solid var(--line);background:var(--soft)}
        header h1{margin:0;font-size:20px}header h1 a{color:inherit;text-decoration:none}header p{margin:0;font-size:14px}
        main{padding:8px 24px;max-width:1400px;margin:0 auto}
        h2{font-size:18px;margin:20px 0 8px}h3{font-size:16px;margin:16px 0 8px}
        table{border-collapse:collapse;width:100%}
        th,td{text-align:left;padding:6px 10px;border-bottom:1px solid var(--line);vertical-align:baseline;overflow-wrap:anywhere;font-weight:normal}
        thead th{font-weight:600;background:var(--soft)}
        .hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
        .badge{border:1px solid currentColor;border-radius:10px;padding:0 8px;font-size:14px;white-space:nowrap}
        .good{color:var(--good)}.busy{color:var(--busy)}.bad{color:var(--bad)}
        .warning{border-left:4px solid var(--bad);padding:8px 12px;background:var(--soft)}
        form{display:inline}.search,.login{display:flex;flex-wrap:wrap;gap:8px;align-items:center;margin:12px 0}
        input,button{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--line);border-radius:4px;padding:6px 10px;min-height:36px}
        .search input[type=search]{flex:1 1 200px}.check input{min-height:0}
        button{cursor:pointer;background:var(--soft)}.actions{display:flex;gap:8px}
        dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 16px}dt{font-weight:600}dd{margin:0;overflow-wrap:anywhere}
        pre{background:var(--soft);padding:12px;overflow:auto;max-height:480px}
        svg{max-width:640px;width:100%;height:auto}.label{font-size:13px;fill:var(--ink)}.middle{text-anchor:middle}
        .bar{fill:var(--accent)}.bar1{fill:var(--busy)}.bar2{fill:var(--good)}.bar3{fill:#7d5bb5}.bar4{fill:var(--bad)}
        @media(max-width:700px){
        main,header{padding-left:12px;padding-right:12px}
        thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
        tr{display:block;border-bottom:2px solid var(--line);padding:6px 0}
        th[scope=row],td{display:flex;gap:12px;border:0;padding:3px 0}
        th[scope=row]::before,td::before{content:attr(data-head);flex:0 0 110px;font-weight:600}
        td:empty{display:none}dl{grid-template-columns:1fr}
        }
        """

    static let script = """
        "use strict";
        (() => {
          const address = document.body.dataset.events;
          const note = document.getElementById("live");
          if (!address || !window.EventSource) return;
          const source = new EventSource(address);
          source.onopen = () => { note.textContent = "live"; };
          source.onerror = () => { note.textContent = "not connected"; };
          const replace = (old, fresh) => { if (old.outerHTML !== fresh.outerHTML) old.replaceWith(document.importNode(fresh, true)); };
          source.onmessage = (event) => {
            const fresh = new DOMParser().parseFromString(JSON.parse(event.data), "text/html");
            for (const section of fresh.querySelectorAll("[data-section]")) {
              const old = document.querySelector(`[data-section="${section.dataset.section}"]`);
              if (!old) continue;
              const body = section.querySelector("tbody"), oldBody = old.querySelector("tbody");
              if (!body || !oldBody) { if (!old.contains(document.activeElement)) replace(old, section); continue; }
              // Rows are exchanged one by one, so that what somebody has the focus on stays.
              const known = new Map(Array.from(oldBody.rows, (row) => [row.id, row]));
              let place = oldBody.firstElementChild;
              for (const row of Array.from(body.rows)) {
                let current = known.get(row.id);
                known.delete(row.id);
                if (!current) { current = document.importNode(row, true); oldBody.insertBefore(current, place); continue; }
                if (current !== place) oldBody.insertBefore(current, place); else place = place.nextElementSibling;
                if (current.outerHTML !== row.outerHTML && !current.contains(document.activeElement)) current.replaceWith(document.importNode(row, true));
              }
              for (const row of known.values()) row.remove();
            }
          };
          document.addEventListener("submit", (event) => {
            const button = event.target.querySelector("button");
            if (event.target.method === "post" && button && button.hasAttribute("aria-label") && !window.confirm(button.getAttribute("aria-label") + "?")) event.preventDefault();
          });
        })();
        """
}
