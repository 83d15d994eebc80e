import Testing

@testable import ACME

@Suite struct PollScheduleTests {
    @Test("C9: polling goes on for about ten minutes, quickly at first, and then ends")
    func table() {
        var schedule = PollSchedule()
        var total: Duration = .zero
        var waits: [Duration] = []
        while let wait = schedule.next(retryAfter: nil) {
            waits.append(wait)
            total += wait
        }
        #expect(waits == PollSchedule.waits)
        #expect(waits == waits.sorted())
        #expect(total == .milliseconds(637_750))
    }

    @Test("C9: the authority's own wish takes the place of a step")
    func retryAfter() {
        var schedule = PollSchedule()
        #expect(schedule.next(retryAfter: .seconds(7)) == .seconds(7))
        #expect(schedule.next(retryAfter: nil) == .milliseconds(500))
    }

    @Test("an authority that says “at once” for ever is asked a bounded number of times")
    func impatient() {
        var schedule = PollSchedule()
        var count = 0
        while let wait = schedule.next(retryAfter: .zero) {
            #expect(wait == PollSchedule.minimum)
            count += 1
        }
        #expect(count == PollSchedule.waits.count)
    }

    @Test("one that wants hours is not waited for within one order")
    func tooLong() {
        var schedule = PollSchedule()
        #expect(schedule.next(retryAfter: .seconds(3_600)) == nil)
    }
}
