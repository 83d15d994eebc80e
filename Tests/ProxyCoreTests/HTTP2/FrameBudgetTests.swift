import NIOCore
import Testing

@testable import ProxyCore

@Suite("HTTP/2: frames that mean nothing")
struct FrameBudgetTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    @Test("are taken in some number, and then no more; time brings some back")
    func spent() {
        var budget = FrameBudget(now: self.start)
        for _ in 0..<2000 {
            let result = budget.spend(.controlFrame, now: { self.start })
            #expect(result)
        }
        do {
            let result = budget.spend(.controlFrame, now: { self.start })
            #expect(!result)
        }
        do {
            let result = budget.spend(.controlFrame, now: { self.start + .seconds(1) })
            #expect(result)
        }
    }

    @Test("cost more when they undo a stream")
    func wastedStreams() {
        var budget = FrameBudget(now: self.start)
        var count = 0
        while budget.spend(.wastedStream, now: { self.start }) { count += 1 }
        #expect(count == 400)
    }

    @Test("do no harm to who gets something: two windows for each frame of a download without end")
    func download() {
        var budget = FrameBudget(now: self.start)
        for _ in 0..<100_000 {
            budget.earn(.dataSent)
            do {
                let result = budget.spend(.controlFrame, now: { self.start })
                let result2 = budget.spend(.controlFrame, now: { self.start })
                #expect(result && result2)
            }
        }
    }

    @Test("nobody saves up more than a connection begins with")
    func limit() {
        var budget = FrameBudget(now: self.start)
        for _ in 0..<10_000 { budget.earn(.responseSent) }
        for _ in 0..<2000 {
            let result = budget.spend(.controlFrame, now: { self.start })
            #expect(result)
        }
        do {
            let result = budget.spend(.controlFrame, now: { self.start })
            #expect(!result)
        }
        do {
            let result = budget.spend(.controlFrame, now: { self.start + .milliseconds(1) })
            #expect(!result)
        }
    }
}
