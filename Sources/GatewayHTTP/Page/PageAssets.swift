/// The page's style and script, served from here so that nothing is fetched from elsewhere.
enum PageAssets {
    static let style = """
        :root{color-scheme:light dark;--ink:#1b1f24;--muted:#555e68;--paper:#fff;--soft:#f3f5f7;--line:#c9d0d8;--accent:#0b5cad;--good:#0a6b2d;--busy:#7a4a00;--bad:#a3131d}
        @media(prefers-color-scheme:dark){:root{--ink:#e8ebee;--muted:#a8b2bc;--paper:#14171a;--soft:#1f2428;--line:#454d55;--accent:#7cb8ff;--good:#6fd08b;--busy:#f0b95a;--bad:#ff8f8f}}
        *{box-sizing:border-box}
        body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
        a{color:var(--accent)}
        :focus-visible{outline:3px solid var(--accent);outline-offset:2px}
        .skip{position:absolute;left:-9999px}.skip:focus{left:8px;top:8px;background:var(--paper);padding:8px}
        header{display:flex;flex-wrap:wrap;gap:4px 16px;align-items:baseline;padding:8px 24px;border-bottom:1px solid var(--line);background:var(--soft)}
        header h1{margin:0;font-size:20px}header h1 a{color:inherit;text-decoration:none}header p{margin:0;font-size:14px;color:var(--muted)}
        main{padding:8px 24px 32px;max-width:1400px;margin:0 auto}
        h2{font-size:18px;margin:24px 0 8px}h3{font-size:16px;margin:24px 0 8px}h2,h3,dd,.long{overflow-wrap:anywhere}
        table{border-collapse:collapse;width:100%}
        th,td{text-align:left;padding:6px 10px;border-bottom:1px solid var(--line);vertical-align:baseline;font-weight:normal}
        thead th{font-weight:600;background:var(--soft);white-space:nowrap}
        th[scope=row]{overflow-wrap:anywhere;min-width:16ch}
        .name{overflow-wrap:anywhere;min-width:10ch}.long{min-width:14ch}.short{white-space:nowrap}
        .hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
        .muted{color:var(--muted)}
        .badge{border:1px solid currentColor;border-radius:10px;padding:0 8px;font-size:14px;font-weight:normal;white-space:nowrap}
        .good{color:var(--good)}.busy{color:var(--busy)}.bad{color:var(--bad)}
        .warning{border-left:4px solid var(--bad);padding:8px 12px;background:var(--soft)}
        form{display:inline}.search,.login{display:flex;flex-wrap:wrap;gap:8px;align-items:center;margin:12px 0}
        input,button{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--line);border-radius:4px;padding:6px 10px;min-height:36px}
        .search input[type=search],.login input{flex:1 1 200px;max-width:480px}.check{display:flex;gap:6px;align-items:center}.check input{min-height:0}
        button{cursor:pointer;background:var(--soft)}button:hover{border-color:currentColor}button.danger{color:var(--bad);border-color:currentColor}
        .actions{display:flex;gap:8px;margin:8px 0 16px}
        dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:4px 16px;margin:8px 0}dt{color:var(--muted)}dd{margin:0}
        pre{background:var(--soft);padding:12px;overflow:auto;max-height:480px;font-size:14px}
        .bars{list-style:none;margin:8px 0;padding:0;max-width:720px}
        .bars li{display:grid;grid-template-columns:13em minmax(0,1fr) 10em;gap:2px 12px;align-items:center;padding:3px 0}
        .bars svg{display:block;width:100%;height:14px;background:var(--soft)}.bars rect{fill:var(--accent)}
        @media(max-width:900px){
        thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
        table,tbody{display:block}
        tr{display:flex;flex-wrap:wrap;gap:2px 16px;align-items:baseline;padding:10px 0;border-bottom:1px solid var(--line)}
        th[scope=row],td{border:0;padding:0;min-width:0;white-space:normal}
        th[scope=row]{flex:1 1 auto;font-weight:600}
        td.long{flex:1 1 100%}td:empty{display:none}
        td::before{content:attr(data-head) " ";color:var(--muted);font-size:14px}td.plain::before{content:none}
        }
        @media(max-width:600px){
        main,header{padding-left:12px;padding-right:12px}
        .bars li{grid-template-columns:minmax(0,1fr) auto}.bars svg{grid-column:1/-1;grid-row:2}
        }
        """

    static let script = """
        "use strict";
        (() => {
          const note = document.getElementById("live");
          const follow = (address, take) => {
            if (!address || !window.EventSource) return;
            const source = new EventSource(address);
            source.onopen = () => { note.textContent = "live"; };
            source.onerror = () => { note.textContent = "not connected"; };
            source.onmessage = take;
          };
          // One backend: what is told and not shown yet makes the page begin again.
          follow(document.body.dataset.statuses, (event) => {
            if (!document.getElementById("s-" + event.lastEventId)) location.reload();
          });
          const replace = (old, fresh) => { if (old.outerHTML !== fresh.outerHTML) old.replaceWith(document.importNode(fresh, true)); };
          follow(document.body.dataset.events, (event) => {
            const fresh = new DOMParser().parseFromString(JSON.parse(event.data), "text/html");
            for (const section of fresh.querySelectorAll("[data-section]")) {
              const old = document.querySelector(`[data-section="${section.dataset.section}"]`);
              if (!old) continue;
              const body = section.querySelector("tbody"), oldBody = old.querySelector("tbody");
              const hasSameHead = section.querySelector("thead")?.outerHTML === old.querySelector("thead")?.outerHTML;
              if (!body || !oldBody || !hasSameHead) { if (!old.contains(document.activeElement)) replace(old, section); continue; }
              // Rows are exchanged one by one, so that what somebody has the focus on stays.
              const focused = document.activeElement;
              const known = new Map(Array.from(oldBody.rows, (row) => [row.id, row]));
              const kept = new Set(Array.from(body.rows, (row) => row.id));
              for (const [id, row] of known) if (!kept.has(id)) row.remove();
              let place = oldBody.firstElementChild;
              for (const row of Array.from(body.rows)) {
                let current = known.get(row.id);
                if (!current) { current = document.importNode(row, true); oldBody.insertBefore(current, place); continue; }
                if (current !== place) oldBody.insertBefore(current, place); else place = place.nextElementSibling;
                if (current.outerHTML !== row.outerHTML && !current.contains(document.activeElement)) current.replaceWith(document.importNode(row, true));
              }
              // A row that was moved has lost it.
              if (focused.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
            }
          });
          document.addEventListener("submit", (event) => {
            const button = event.target.querySelector("button");
            if (event.target.method === "post" && button && button.hasAttribute("aria-label") && !window.confirm(button.getAttribute("aria-label") + "?")) event.preventDefault();
          });
        })();
        """
}
