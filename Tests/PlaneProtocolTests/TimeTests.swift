import Testing

@testable import PlaneProtocol

@Suite("Times on the wire")
struct TimeTests {
    @Test("times far outside the calendar are clamped, not trapped", arguments: [Int64.min, -1 << 40, 1 << 40, Int64.max])
    func clamped(value: Int64) {
        #expect(WireTime(WireTime(seconds: value, nanoseconds: .max).description) != nil)
        #expect(WireTime(WireTime(StateTime(milliseconds: value)).description) != nil)
        let zero = StateTime(milliseconds: 0)
        #expect((StateTime(milliseconds: value).since(zero) > .zero) == (value > 0))
        #expect(StateTime(milliseconds: .min).since(StateTime(milliseconds: .max)) < .zero)
    }

    @Test("milliseconds and nanoseconds agree, before 1970 too", arguments: [0, 1, -1, -1000, -1001, 1_710_148_530_123] as [Int64])
    func conversion(milliseconds: Int64) {
        let time = StateTime(milliseconds: milliseconds)
        #expect(WireTime(time).stateTime == time)
    }

    @Test("seconds of any size make a duration that can be calculated with")
    func seconds() {
        #expect(WireSeconds(300).duration == .seconds(300))
        #expect(WireSeconds(rawValue: .max).duration == .seconds(1 << 31))
    }
}
