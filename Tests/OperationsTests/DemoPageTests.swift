import Testing

/// The page of the demo backend, without a browser: a grid's column is as wide as the longest word in it, unless it is told that it may be narrower.
@Suite("The demo page") struct DemoPageTests {
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
