import PlaneService
import Testing

@Suite struct IgnoredKeyLogTests {
    private let log = IgnoredKeyLog<String>()

    @Test("the same keys of one application are news once, and so are others of it and the same of another")
    func once() {
        #expect(self.log.isNews(["lok"], of: "shop"))
        #expect(!self.log.isNews(["lok"], of: "shop"))
        #expect(self.log.isNews(["lok", "memory"], of: "shop"))
        #expect(self.log.isNews(["lok"], of: "games"))
        #expect(!self.log.isNews([], of: "games"))
    }

    @Test("an application that makes up keys silences itself alone")
    func manyKeys() {
        let news = (0..<1000).filter { self.log.isNews(["key-\($0)"], of: "shop") }
        #expect(news.count == IgnoredKeyLog<String>.listLimit)
        #expect(self.log.isNews(["lok"], of: "games"))
    }

    @Test("where somebody makes up names of applications, the others are heard again after a while, and no line comes twice within it")
    func manyNames() {
        let start = ContinuousClock.now
        let news = (0..<1000).filter { self.log.isNews(["lok"], of: "user-\($0)", now: start) }
        #expect(news.count == IgnoredKeyLog<String>.applicationLimit)
        let soon = start + IgnoredKeyLog<String>.lifetime - .seconds(1)
        #expect(!self.log.isNews(["lok"], of: "games", now: soon))
        #expect(!self.log.isNews(["lok"], of: "user-0", now: soon))
        #expect(self.log.isNews(["lok"], of: "games", now: start + IgnoredKeyLog<String>.lifetime))
    }
}
