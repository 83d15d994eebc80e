import AsyncHTTPClient
import Foundation
import GatewayCore
import GatewayHTTP
import GatewayHTTPConfiguration
import JSONValues
import NIOHTTP1
import PlaneClient
import PlaneMessaging
import PlaneProtocol
import PlaneTestSupport
import Testing

@Suite struct PageTests {
    private func start(_ gateway: GatewayFixture, key: String) async throws -> BackendID {
        let answer = try await gateway.post("/ctrl/connect?wait=ready", #"{"key":{"name":"\#(key)"},"spawn_config":{"executable":{"image":"app"}}}"#)
        return try #require(answer["backend_id"]?.text.flatMap { BackendID(rawValue: $0) })
    }

    @Test("the page shows what runs, is found in, and brings everything it needs itself")
    func overview() async throws {
        try await GatewayFixture.run { gateway in
            let backend = try await self.start(gateway, key: "room-7")
            let page = try await gateway.get("/")
            #expect(page.status == 200 && page.body.contains("drone-a") && page.body.contains(backend.rawValue) && page.body.contains("room-7"))
            let policy = try #require(page.headers.first(name: "content-security-policy"))
            #expect(policy.hasPrefix("default-src 'none'") && !policy.contains("unsafe"))
            #expect(!page.body.contains("style=") && !page.body.contains("onclick") && !page.body.contains("https://"))
            #expect(try await gateway.get("/?q=room-7").body.contains(backend.rawValue))
            #expect(try await !gateway.get("/?q=elsewhere").body.contains(backend.rawValue))
            #expect(try await gateway.get("/page/style.css").headers.first(name: "content-type") == "text/css; charset=utf-8")
            #expect(try await gateway.get("/page/script.js").status == 200)
        }
    }

    @Test("the page shows of each drone and backend what an operator looks for, and finds backends by whatever they are known by")
    func facts() async throws {
        try await GatewayFixture.run { gateway in
            let backend = try await self.start(gateway, key: "room-7")
            let locked = try #require(
                try await gateway.ask("POST", "/service/app/spawn", body: #"{"lock":"plain-lock"}"#, port: gateway.legacyPort)["name"]?.text)
            gateway.drone.open([OpenConnections.Entry(backend: backend, requests: 30, webSockets: 4)])
            try await eventually("all of it is shown", within: .seconds(30)) {
                let page = try await gateway.get("/").body
                // State, version and last sign of the drone; time to ready and connections of the backend; the histogram.
                return [#"data-head="Version">test<"#, #"data-head="Backends">2<"#, #" ago</td>"#, ">120 ms<", #"data-head="Connections">34<"#]
                    .allSatisfy { page.contains($0) } && page.contains("half of them within 120 ms") && page.contains("up to 200 ms")
            }
            for (search, finds, misses) in [
                (backend.rawValue, backend.rawValue, locked), ("plain-lock", locked, backend.rawValue), ("room-7", backend.rawValue, locked),
            ] {
                let page = try await gateway.get("/?q=\(search)").body
                #expect(page.contains("/page/b/\(finds)") && !page.contains("/page/b/\(misses)"), "\(search)")
            }
            let ofDrone = try await gateway.get("/?q=drone-a").body
            #expect(ofDrone.contains("/page/b/\(backend)") && ofDrone.contains("/page/b/\(locked)"))
            gateway.drone.report(backend, .failed, BackendStatusDetail(exitCode: 3))
            try await eventually("why it ended is shown") {
                guard let reason = try await gateway.get("/ctrl/b/\(backend)")["diagnosis"]?.text, reason.contains("3") else { return false }
                return try await gateway.get("/?q=room-7&ended=true").body.contains(reason)
            }
        }
    }

    @Test("the page shows the proxies of the tier, each once with all that it has open, and nothing of a tier where there is none")
    func tier() async throws {
        try await GatewayFixture.run { gateway in
            #expect(try await !gateway.get("/").body.contains("Proxies of the tier"))
            let proxy = try #require(ProxyID(rawValue: "px-1"))
            try await eventually("both processes are known") {
                for (process, open) in [(1, 4200), (2, 42)] as [(UInt64, UInt64)] {
                    try gateway.client.bus.publish(
                        ProxyStatusMessage(
                            proxy: proxy, cluster: gateway.drone.cluster, version: "9", isReady: process == 1, openRequests: open, process: process))
                }
                return gateway.gateway.fleet.heardProxies.first?.status.openRequests == 4242
            }
            let page = try await gateway.get("/").body
            #expect(page.contains("Proxies of the tier") && page.contains("4242"))
            #expect(page.components(separatedBy: "px-1</").count == 2)
        }
    }

    @Test("a name from outside is text on the page and never markup")
    func escaped() async throws {
        try await GatewayFixture.run { gateway in
            _ = try await self.start(gateway, key: "<script>alert(1)</script>&\u{202E}")
            let page = try await gateway.get("/?q=%3Cscript%3E").body
            #expect(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&amp;") && !page.contains("<script>alert"))
        }
    }

    @Test("a backend's page has its history, its start as a picture and in words, and no secret")
    func backend() async throws {
        try await GatewayFixture.run { gateway in
            let answer = try await gateway.post(
                "/ctrl/connect?wait=ready", #"{"key":{"name":"room"},"spawn_config":{"executable":{"image":"app","env":{"PASSWORD":"hunter2"}}}}"#)
            let backend = try #require(answer["backend_id"]?.text)
            let page = try await gateway.get("/page/b/\(backend)")
            #expect(page.status == 200 && page.body.contains("<svg") && page.body.contains("container started") && page.body.contains("at 90 ms"))
            let token = try #require(answer["token"]?.text)
            #expect(!page.body.contains("hunter2") && !page.body.contains(token))
            let bearer = try #require(answer["backend_url"]?.text?.split(separator: "=").last)
            #expect(!page.body.contains(bearer))
            #expect(try await gateway.get("/page/b/nobody").status == 404)
        }
    }

    @Test("buttons work from the page itself and from no other site")
    func buttons() async throws {
        try await GatewayFixture.run { gateway in
            let backend = try await self.start(gateway, key: "room")
            let path = "/page/b/\(backend)/terminate"
            let own = [("Origin", "http://127.0.0.1:\(gateway.port)")]
            let form = "application/x-www-form-urlencoded"
            #expect(try await gateway.post(path, "kind=soft", type: form, headers: [("Origin", "https://evil.example")]).status == 403)
            #expect(try await gateway.post(path, "kind=soft", type: form, headers: [("Sec-Fetch-Site", "cross-site")] + own).status == 403)
            #expect(try await gateway.post(path, "kind=soft", type: form).status == 403)
            #expect(gateway.drone.terminations.isEmpty)
            #expect(try await gateway.post(path, "kind=hard", type: form, headers: own).status == 303)
            #expect(gateway.drone.terminations.map(\.kind) == [.hard])
            #expect(try await gateway.post("/page/c/plane.test/d/drone-a/drain", "drain=true", type: form, headers: own).status == 303)
            #expect(gateway.drone.drains == [true])
        }
    }

    @Test("with tokens, people log in, and see buttons only where they may press them")
    func login() async throws {
        let tokens = [
            try #require(APIToken(name: "reader", text: "sha256:\(TokenHash(of: "r3ad")) read")),
            try #require(APIToken(name: "writer", text: "sha256:\(TokenHash(of: "wr1te")) write")),
        ]
        try await GatewayFixture.run(configure: { $0.tokens = tokens }) { gateway in
            let refused = try await gateway.get("/")
            #expect(refused.status == 401 && refused.body.contains("action=\"/page/login\"") && !refused.body.contains("drone-a"))
            let form = "application/x-www-form-urlencoded"
            let own = [("Origin", "http://127.0.0.1:\(gateway.port)")]
            #expect(try await gateway.post("/page/login", "token=wrong", type: form, headers: own).status == 401)
            let answer = try await gateway.post("/page/login", "token=wr1te", type: form, headers: own)
            let cookie = try #require(answer.headers.first(name: "set-cookie"))
            #expect(answer.status == 303 && cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"))
            #expect(try await gateway.get("/", headers: [("Cookie", "plane_gateway=wr1te")]).body.contains("/drain"))
            let reader = try await gateway.get("/", headers: [("Cookie", "plane_gateway=r3ad")]).body
            #expect(reader.contains("drone-a") && !reader.contains("/drain"))
            let backend = try #require(
                try await gateway.connect(#"{"spawn_config":{"executable":{"image":"app"}}}"#, headers: [("Authorization", "Bearer wr1te")])["backend_id"]?.text
            )
            for (token, mayEnd) in [("wr1te", true), ("r3ad", false)] {
                try await eventually("its page has what \(token) may do") {
                    let page = try await gateway.get("/page/b/\(backend)", headers: [("Cookie", "plane_gateway=\(token)")])
                    return page.status == 200 && page.body.contains("/terminate") == mayEnd
                }
            }
            #expect(
                try await gateway.post("/page/c/plane.test/d/drone-a/drain", "drain=true", type: form, headers: own + [("Cookie", "plane_gateway=r3ad")]).status
                    == 403)
        }
    }

    /// Texts whose contrast with what is behind them is too low to be read by everybody (WCAG 2.2, 1.4.3).
    private static let faint = """
        (() => {
          const light = (color) => {
            const [r, g, b] = color.match(/[\\d.]+/g).map(Number).map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const behind = (element) => {
            for (let e = element; e; e = e.parentElement) {
              const color = getComputedStyle(e).backgroundColor;
              if (color !== "rgba(0, 0, 0, 0)" && color !== "transparent") return color;
            }
            return "rgb(255, 255, 255)";
          };
          const faint = [];
          for (const element of document.querySelectorAll("body *")) {
            if (!Array.from(element.childNodes).some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
            const [one, other] = [light(getComputedStyle(element).color), light(behind(element))];
            const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
            if (contrast < 4.5) faint.push(`${element.tagName}.${element.className} ${contrast.toFixed(2)}: ${element.textContent.slice(0, 40)}`);
          }
          return faint.join("; ");
        })()
        """

    /// Words and names that are broken into lines, and should not be.
    private static let broken = """
        Array.from(document.querySelectorAll("thead th, .badge, td.short, button, .bars span")).filter((e) => e.offsetParent !== null)
          .filter((e) => { const range = document.createRange(); range.selectNodeContents(e);
            return new Set(Array.from(range.getClientRects(), (r) => Math.round(r.bottom / 8))).size > 1; })
          .map((e) => e.textContent).join("; ")
        """

    /// What somebody who hears the page in place of seeing it would miss: controls without a name, buttons that sound like another one, tables without a
    /// caption or with rows without a head, pictures that are neither described nor left out, and a page without a language or a title.
    private static let unnamed = """
        (() => {
          const missing = [];
          const name = (e) => e.getAttribute("aria-label") || Array.from(e.labels || [], (l) => l.textContent.trim()).join(" ") || (e.tagName === "INPUT" ? "" : e.textContent.trim());
          const heard = new Set();
          for (const e of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea")) {
            if (!name(e)) missing.push(`no name: ${e.outerHTML.slice(0, 80)}`);
            if (e.tagName === "BUTTON" && heard.has(name(e))) missing.push(`twice: ${name(e)}`);
            if (e.tagName === "BUTTON") heard.add(name(e));
          }
          for (const e of document.querySelectorAll("table")) {
            if (!e.caption || !e.caption.textContent.trim()) missing.push("a table without a caption");
            for (const row of e.tBodies[0].rows) if (!row.querySelector("th[scope=row]")) missing.push(`a row without a head: ${row.textContent}`);
          }
          for (const e of document.querySelectorAll("svg, img")) if (e.getAttribute("aria-hidden") !== "true" && !e.getAttribute("aria-label") && !e.alt) missing.push("a picture");
          if (!document.documentElement.lang || !document.title || document.querySelectorAll("main").length !== 1 || document.querySelectorAll("h1").length !== 1) missing.push("the frame");
          return missing.join("; ");
        })()
        """

    @Test("the page can be used with the keyboard alone: Tab reaches every control in its order, and shows where it is")
    func keyboard() async throws {
        try await GatewayFixture.run { gateway in
            let backend = try await self.start(gateway, key: "room-1")
            try await Chromium.run { browser in
                for path in ["/", "/page/b/\(backend)"] {
                    try await browser.open("http://127.0.0.1:\(gateway.port)\(path)", width: 1280)
                    let controls = try await browser.evaluate(
                        "document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea').length")
                    let count = try #require(controls.integer)
                    #expect(count > 3)
                    for number in 0..<count {
                        try await browser.press("Tab", code: 9)
                        let place = try await browser.evaluate(
                            """
                            (() => {
                              const all = Array.from(document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea"));
                              return `${all.indexOf(document.activeElement)} ${getComputedStyle(document.activeElement).outlineStyle}`;
                            })()
                            """)
                        #expect(place == .string("\(number) solid"), "\(path)")
                    }
                }
                // The first link leads past what is on every page.
                try await browser.open("http://127.0.0.1:\(gateway.port)/", width: 1280)
                try await browser.press("Tab", code: 9)
                try await browser.press("Enter", code: 13)
                try await eventually("the link was followed") { try await browser.evaluate("location.hash") == .string("#main") }
            }
        }
    }

    /// Pictures of all pages with something of everything on them are kept in `.run/gateway-page`, for people to look at.
    @Test("in a browser the pages fit into any window, light and dark, can be read by everybody, and their rules against foreign code let them work")
    func pictures() async throws {
        let tokens = [try #require(APIToken(name: "reader", text: "sha256:\(TokenHash(of: "r3ad")) read"))]
        let folder = URL(filePath: FileManager.default.currentDirectoryPath).appending(path: ".run/gateway-page")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        @Sendable func look(at pages: [(name: String, path: String)], _ gateway: GatewayFixture) async throws {
            try await Chromium.run { browser in
                for (name, path) in pages {
                    for (width, isDark) in [(360, false), (360, true), (768, false), (1280, false), (1280, true)] {
                        try await browser.open("http://127.0.0.1:\(gateway.port)\(path)", width: width, isDark: isDark)
                        let title = "\(name)-\(width)\(isDark ? "-dark" : "")"
                        try await browser.picture(folder.appending(path: "\(title).png"))
                        let overflow = try await browser.evaluate("document.documentElement.scrollWidth - window.innerWidth")
                        #expect(overflow.integer ?? 1 <= 0, "\(title)")
                        #expect(try await browser.evaluate(Self.faint) == .string(""), "\(title)")
                        #expect(try await browser.evaluate(Self.broken) == .string(""), "\(title)")
                        #expect(try await browser.evaluate(Self.unnamed) == .string(""), "\(title)")
                    }
                }
                let said = browser.log.filter { $0.contains("Content Security Policy") || $0.contains("Uncaught") }
                #expect(said.isEmpty, "\(said)")
            }
        }
        try await GatewayFixture.run { gateway in
            for number in 1...6 { _ = try await self.start(gateway, key: "room-\(number)") }
            let failed = try await self.start(gateway, key: "a-key-with-a-long-name/of-a-document/which-somebody-has-chosen-without-a-thought-for-tables")
            gateway.drone.report(failed, .failed, BackendStatusDetail(exitCode: 1))
            gateway.drone.take(course: .loading)
            let loading = try await gateway.connect(key: "starting")
            let slow = try #require(loading["backend_id"]?.text)
            try await eventually("all of it is shown") {
                let page = try await gateway.get("/?ended=true").body
                return page.contains("loading") && page.contains("terminated")
            }
            let running = try #require(try await gateway.get("/ctrl/b?key=room-1")["backends"]?.items.first?["backend_id"]?.text)
            try await look(
                at: [
                    ("overview", "/"), ("ended", "/?ended=true"), ("nothing-found", "/?q=nothing"), ("backend", "/page/b/\(running)"),
                    ("backend-failed", "/page/b/\(failed)"), ("backend-starting", "/page/b/\(slow)"),
                ], gateway)
        }
        try await GatewayFixture.run(configure: { $0.tokens = tokens }) { gateway in try await look(at: [("login", "/")], gateway) }
    }

    @Test("a page that lies open is kept up to date, and says whether it is")
    func live() async throws {
        try await GatewayFixture.run { gateway in
            let backend = try await self.start(gateway, key: "room-1")
            try await Chromium.run { browser in
                try await browser.open("http://127.0.0.1:\(gateway.port)/", width: 1280)
                try await eventually("it is live") { try await browser.evaluate("document.getElementById('live').textContent") == .string("live") }
                _ = try await browser.evaluate("window.isSame = true; document.querySelector('#b-\(backend) a').focus()")
                let other = try await self.start(gateway, key: "room-2")
                try await eventually("the new one is there") { try await browser.evaluate("document.getElementById('b-\(other)') !== null") == .bool(true) }
                gateway.drone.report(other, .failed, BackendStatusDetail(exitCode: 1))
                try await eventually("the ended one is gone") { try await browser.evaluate("document.getElementById('b-\(other)') === null") == .bool(true) }
                // Without beginning again, and without taking the focus away.
                #expect(try await browser.evaluate("window.isSame && document.activeElement.textContent") == .string(backend.rawValue))

                try await browser.open("http://127.0.0.1:\(gateway.port)/page/b/\(backend)", width: 1280)
                try await eventually("it is live") { try await browser.evaluate("document.getElementById('live').textContent") == .string("live") }
                gateway.drone.report(backend, .failed, BackendStatusDetail(exitCode: 1))
                try await eventually("the page shows the end") { try await browser.evaluate("document.getElementById('s-terminated') !== null") == .bool(true) }
            }
        }
    }
}
