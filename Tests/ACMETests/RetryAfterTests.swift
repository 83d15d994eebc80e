import Foundation
import Testing

@testable import ACME

@Suite struct RetryAfterTests {
    /// 1994-11-06 08:49:37 UTC.
    let now = Date(timeIntervalSince1970: 784_111_777)

    @Test("seconds and dates are read", arguments: [("5", 5), (" 120 ", 120), ("Sun, 06 Nov 1994 08:50:07 GMT", 30), ("0", 0)])
    func read(text: String, seconds: Int) {
        #expect(RetryAfter.read(text, now: self.now) == .seconds(seconds))
    }

    @Test("a date that has passed is now")
    func past() {
        #expect(RetryAfter.read("Sun, 06 Nov 1994 08:00:00 GMT", now: self.now) == .zero)
    }

    @Test("nobody waits longer than a week", arguments: ["604801", "99999999999999999999999999", "Sun, 06 Nov 2094 08:49:37 GMT"])
    func endless(text: String) {
        #expect(RetryAfter.read(text, now: self.now) == RetryAfter.limit)
    }

    @Test("anything else says nothing", arguments: [nil, "", "soon", "-5", "1.5", "Sun, 99 Foo 1994"])
    func unreadable(text: String?) {
        #expect(RetryAfter.read(text, now: self.now) == nil)
    }
}
