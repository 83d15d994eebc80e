import GatewayHTTP
import AsyncHTTPClient
import Foundation
import GatewayCore
import GatewayHTTPConfiguration
import JSONValues
import NIOHTTP1
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
            #expect(page.status == 200 && page.body.contains("<svg") && page.body.contains("container started after 90 ms"))
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
            try #require(AccessToken(name: "reader", text: "sha256:\(TokenHash(of: "r3ad")) read")),
            try #require(AccessToken(name: "writer", text: "sha256:\(TokenHash(of: "wr1te")) write")),
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
            #expect(
                try await gateway.post("/page/c/plane.test/d/drone-a/drain", "drain=true", type: form, headers: own + [("Cookie", "plane_gateway=r3ad")]).status
                    == 403)
        }
    }

    /// Pictures of all pages with something of everything on them are kept in `.run/gateway-page`, for people to look at.
    @Test("a browser shows the pages, their rules against foreign code let them work, and they are kept up to date", arguments: [(1280, 900), (390, 844)])
    func browser(width: Int, height: Int) async throws {
        let tokens = [try #require(AccessToken(name: "reader", text: "sha256:\(TokenHash(of: "r3ad")) read"))]
        let pictures = URL(filePath: FileManager.default.currentDirectoryPath).appending(path: ".run/gateway-page")
        try FileManager.default.createDirectory(at: pictures, withIntermediateDirectories: true)
        @Sendable func picture(_ name: String, of path: String, _ gateway: GatewayFixture) async throws {
            let shot = pictures.appending(path: "\(name)-\(width).png")
            try? FileManager.default.removeItem(at: shot)
            let said = try await Self.chromium(
                ["--window-size=\(width),\(height)", "--screenshot=\(shot.path)", "--timeout=4000", "http://127.0.0.1:\(gateway.port)\(path)"])
            #expect(FileManager.default.fileExists(atPath: shot.path))
            #expect(!said.contains("Content Security Policy") && !said.contains("Uncaught"), "\(said)")
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
            try await picture("overview", of: "/", gateway)
            try await picture("ended", of: "/?ended=true", gateway)
            try await picture("nothing-found", of: "/?q=nothing", gateway)
            let running = try await gateway.get("/ctrl/b?key=room-1")["backends"]?.items.first?["backend_id"]?.text
            try await picture("backend", of: "/page/b/\(try #require(running))", gateway)
            try await picture("backend-failed", of: "/page/b/\(failed)", gateway)
            try await picture("backend-starting", of: "/page/b/\(slow)", gateway)
            let live = try await Self.chromium(["--dump-dom", "--timeout=4000", "http://127.0.0.1:\(gateway.port)/"])
            #expect(live.contains("room-6"))
        }
        try await GatewayFixture.run(configure: { $0.tokens = tokens }) { gateway in
            try await picture("login", of: "/", gateway)
        }
    }

    /// Runs Debian's Chromium without a window.
    /// - Returns: what it printed, with what its console says.
    private static func chromium(_ arguments: [String]) async throws -> String {
        let profile = FileManager.default.temporaryDirectory.appending(path: "chromium-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: profile) }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/chromium")
        process.arguments =
            ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr", "--user-data-dir=\(profile.path)"] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        return try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                let bytes = output.fileHandleForReading.readDataToEndOfFile()
                process.waitUntilExit()
                continuation.resume(returning: String(decoding: bytes, as: UTF8.self))
            }
        }
    }
}
