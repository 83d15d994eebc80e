import NIOCore
import Testing

@testable import PlanBPolicy

@Suite("The dead marks that a process knows by itself")
struct OwnMarksTests {
    private let entry = Array("http://10.0.0.7:80".utf8)
    private let marks = LocalDeadMarks(life: .seconds(30))

    @Test("requests that fail together are told once, and an entry that stands in the list twice is told with both of its numbers")
    func told() {
        let now = NIODeadline.now()
        #expect(self.marks.add(self.entry, number: 0, of: "a.test", at: now))
        #expect(!self.marks.add(self.entry, number: 0, of: "a.test", at: now))
        #expect(self.marks.add(self.entry, number: 1, of: "a.test", at: now))
        #expect(self.marks.add(self.entry, number: 1, of: "a.test", at: now + .seconds(2)))
    }

    @Test("a mark counts until Redis, asked after it had it, says otherwise, or its life is over")
    func counted() {
        let now = NIODeadline.now()
        #expect(self.marks.add(self.entry, number: 0, of: "a.test", at: now))
        #expect(self.marks.contains(self.entry, of: "a.test", readAt: now, at: now + .seconds(29)))
        #expect(!self.marks.contains(self.entry, of: "b.test", readAt: now, at: now))
        #expect(!self.marks.contains(self.entry, of: "a.test", readAt: now, at: now + .seconds(30)))
        self.marks.written(self.entry, of: "a.test", at: now + .seconds(1))
        #expect(self.marks.contains(self.entry, of: "a.test", readAt: now + .seconds(1), at: now + .seconds(2)))
        #expect(!self.marks.contains(self.entry, of: "a.test", readAt: now + .seconds(2), at: now + .seconds(2)))
    }
}
