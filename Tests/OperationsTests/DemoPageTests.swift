import Foundation
import PlaneTestSupport
import Testing

@Suite("The demo page") struct DemoPageTests {
    @Test("is no wider than a window of 320, 360 or 1280 pixels in Debian's Chromium, under a long host name", .timeLimit(.minutes(2)))
    func widths() async throws {
        let port = try freeLoopbackPort()
        let backend = try TestProcess.ours("demo-backend", environment: ["PORT": "\(port)", "MAX_IDLE_SECS": "300"])
        let host = "0b7f6c1e-50c4-4a0e-9d55-6f2f4f3f2a10.a-cluster-with-a-long-name.plane.example.com"
        var page: [String] = []
        try await eventually("the demo backend answers") {
            page = (try? await TestProcess.run("/usr/bin/curl", ["-fsS", "-H", "Host: \(host)", "http://127.0.0.1:\(port)/"])) ?? []
            return !page.isEmpty
        }
        await backend.stop()
        #expect(page.contains { $0.contains(host) })
        let text = page.joined(separator: "\n").replacing("&", with: "&amp;").replacing("\"", with: "&quot;")
        let frames = [320, 360, 1280].map { "<iframe width=\"\($0)\" height=\"700\" style=\"border: 0\" srcdoc=\"\(text)\"></iframe>" }
        let script = """
            window.onload = () => { document.title = [...document.querySelectorAll('iframe')]
              .map(frame => [frame, frame.contentDocument])
              .map(([frame, page]) => `${page.documentElement.scrollWidth}/${frame.width}/${page.querySelectorAll('h1').length}`).join(' ') }
            """
        let directory = try TemporaryDirectory()
        let file = directory.file("page.html")
        try "<!doctype html><title>none</title>\(frames.joined())<script>\(script)</script>".write(toFile: file, atomically: true, encoding: .utf8)
        let output = try await TestProcess.run(
            "/usr/bin/chromium",
            ["--headless=new", "--no-sandbox", "--disable-gpu", "--user-data-dir=\(directory.file("profile"))", "--dump-dom", "file://\(file)"])
        let title = try #require(output.joined(separator: "\n").firstMatch(of: #/<title>([0-9\/ ]+)<\/title>/#), "\(output.suffix(20))").output.1
        let found = title.split(separator: " ").map { $0.split(separator: "/").compactMap { Int($0) } }
        #expect(found.count == frames.count)
        for measure in found { #expect(measure.count == 3 && measure[0] <= measure[1] && measure[2] == 1, "\(measure)") }
    }

    /// Without a browser: a grid's column is as wide as the longest word in it, unless it is told that it may be narrower.
    @Test("fits into a narrow window: no grid's column grows with what stands in it, and long words break")
    func fitsNarrowWindows() throws {
        let style = try #require(try Repository.text("dev/demo-backend/Page.swift").firstMatch(of: #/(?s)<style>(.+?)</style>/#)?.output.1)
        let rules = style.matches(of: #/(?m)([a-z.#][^{}@]*)\{([^{}]*)\}/#).map { (selector: $0.output.1, body: $0.output.2) }
        let grids = rules.filter { $0.body.contains("display: grid") }
        #expect(grids.count >= 3)
        for grid in grids { #expect(grid.body.contains("grid-template-columns:"), "\(grid.selector)") }
        for columns in style.matches(of: #/grid-template-columns: ([^;]+);/#) {
            #expect(columns.output.1.contains("minmax(0, "), "\(columns.output.1)")
        }
        let main = try #require(rules.first { $0.selector.contains("main") })
        #expect(main.body.contains("overflow-wrap: anywhere") && main.body.contains("100%"))
    }
}
