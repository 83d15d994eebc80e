import Testing

@testable import ProxyCore

@Suite("HTTP/2: receive windows")
struct UploadWindowsTests {
    private static let kib = 1024
    private static let initial = UploadWindows.initialSize

    private static func windows(limit: Int = 4 * 1024 * 1024, allowance: UploadAllowance = UploadAllowance(limit: 256 * 1024 * 1024)) -> UploadWindows {
        UploadWindows(limit: limit, allowance: allowance)
    }

    /// A round trip in which so much comes and is taken.
    private static func roundTrip(_ windows: inout UploadWindows, bytes: Int) -> Int? {
        _ = windows.released(windows.received(windows.size / 4))
        guard windows.wantsMeasurement() else { return nil }
        _ = windows.received(bytes)
        _ = windows.released(bytes)
        return windows.measured()
    }

    @Test("grow while a round trip fills them, up to their limit")
    func growth() {
        var windows = Self.windows()
        var sizes: [Int] = []
        while let size = Self.roundTrip(&windows, bytes: windows.size) { sizes.append(size) }
        #expect(sizes == [Self.initial * 4, Self.initial * 16, Self.initial * 64, 4 * 1024 * 1024])
    }

    @Test("stay where they are for a client that sends little, and ask for no PING")
    func slow() {
        var windows = Self.windows()
        do {
            let result = Self.roundTrip(&windows, bytes: 1000)
            #expect(result == nil)
        }
        _ = windows.received(1000)
        do {
            let result = windows.wantsMeasurement()
            #expect(!result)
        }
        #expect(windows.size == Self.initial)
    }

    @Test("ask once for each round trip")
    func oneQuestion() {
        var windows = Self.windows()
        _ = windows.received(Self.initial)
        do {
            let result = windows.wantsMeasurement()
            #expect(result)
        }
        _ = windows.received(Self.initial)
        do {
            let result = windows.wantsMeasurement()
            #expect(!result)
        }
    }

    @Test("give the connection's bytes back at once, so that one upload that stands still does not stop the others")
    func stalled() {
        var windows = Self.windows()
        for _ in 0..<8 {
            let result = windows.received(Self.initial)
            #expect(result == Self.initial)
        }
        // As many as one connection may hold: from here on the others wait for what is taken.
        do {
            let result = windows.received(100)
            #expect(result == 0)
        }
        do {
            let result = windows.released(100)
            #expect(result == 100)
        }
        #expect(windows.held == 8 * Self.initial)
    }

    @Test("hold no more than all connections may together, and have it back at the end")
    func shared() {
        let allowance = UploadAllowance(limit: 2 * Self.initial)
        var (one, other) = (Self.windows(allowance: allowance), Self.windows(allowance: allowance))
        for _ in 0..<3 {
            let result = one.received(Self.initial)
            #expect(result == Self.initial)
        }
        do {
            let result = other.received(Self.initial)
            #expect(result == Self.initial)
        }
        do {
            let result = other.received(10)
            #expect(result == 0, "the first has all that may be shared")
        }
        do {
            let result = Self.roundTrip(&other, bytes: Self.initial)
            #expect(result == nil)
        }
        one.end()
        do {
            let result = other.received(Self.initial)
            #expect(result == Self.initial)
        }
        other.end()
        #expect(allowance.take(2 * Self.initial))
        #expect(!allowance.take(1))
    }

    @Test("what is taken pays first for what was not given back, then what was lent")
    func repaid() {
        let allowance = UploadAllowance(limit: 100)
        var windows = Self.windows(allowance: allowance)
        do {
            let result = windows.received(Self.initial)
            #expect(result == Self.initial)
        }
        do {
            let result = windows.received(100)
            #expect(result == 100)
        }
        do {
            let result = windows.received(50)
            #expect(result == 0)
        }
        do {
            let result = windows.released(30)
            #expect(result == 30)
        }
        do {
            let result = windows.released(30)
            #expect(result == 20)
        }
        #expect(allowance.take(10), "of 100 that were lent, 10 are no longer held beyond one window")
        #expect(!allowance.take(1))
    }

    @Test("do not grow for a client that does not acknowledge their size")
    func unacknowledged() {
        var windows = Self.windows()
        var sizes = [Self.roundTrip(&windows, bytes: windows.size)]
        windows.announced()
        sizes.append(Self.roundTrip(&windows, bytes: windows.size))
        if windows.shrink() { windows.announced() }
        sizes.append(Self.roundTrip(&windows, bytes: windows.size))
        windows.acknowledged()
        sizes.append(Self.roundTrip(&windows, bytes: windows.size))
        windows.acknowledged()
        sizes.append(Self.roundTrip(&windows, bytes: windows.size))
        #expect(sizes == [4 * Self.initial, nil, nil, nil, 4 * Self.initial])
    }

    @Test("shrink and give back what they took of the allowance; what the client may still send on the connection beyond its size it does not get back")
    func shrinking() {
        let allowance = UploadAllowance(limit: 3 * Self.initial)
        var windows = Self.windows(allowance: allowance)
        let grown = Self.roundTrip(&windows, bytes: windows.size)
        #expect(grown == 4 * Self.initial)
        #expect(!allowance.take(1))
        do {
            let result = windows.shrink()
            let result2 = windows.shrink()
            #expect(result && !result2)
        }
        #expect(windows.size == Self.initial && windows.reach == 4 * Self.initial)
        #expect(allowance.take(3 * Self.initial))
        // A quarter of the first size at a time, three of that size in all.
        for _ in 0..<12 {
            let back = windows.received(Self.initial / 4)
            #expect(back == 0)
            _ = windows.released(Self.initial / 4)
        }
        let back = windows.received(Self.initial / 4)
        #expect(back > Self.initial / 4 - 12)
        #expect(windows.withheld == 3 * Self.initial)
    }

    @Test("that have shrunk and grow again give back what was withheld meanwhile")
    func growingAgain() {
        var windows = Self.windows()
        let first = Self.roundTrip(&windows, bytes: windows.size)
        _ = windows.shrink()
        let second = Self.roundTrip(&windows, bytes: windows.size)
        #expect(first == 4 * Self.initial && second == first)
        #expect(windows.withheld == 0 && windows.reach == 4 * Self.initial)
    }

    @Test("that have shrunk hold no more than one window beyond the allowance, whatever the client may still send")
    func overrun() {
        let allowance = UploadAllowance(limit: 3 * Self.initial)
        var windows = Self.windows(allowance: allowance)
        let grown = Self.roundTrip(&windows, bytes: windows.size)
        #expect(grown == 4 * Self.initial)
        _ = windows.shrink()
        #expect(allowance.take(3 * Self.initial))
        _ = windows.received(Self.initial)
        _ = windows.received(Self.initial)
        #expect(!windows.isOverrun)
        _ = windows.received(1)
        #expect(windows.isOverrun)
        _ = windows.released(2 * Self.initial + 1)
        #expect(!windows.isOverrun)
    }

    @Test("shrink around what is held: that is counted in the allowance until it is taken")
    func shrinkingWhileHolding() {
        let allowance = UploadAllowance(limit: 3 * Self.initial)
        var windows = Self.windows(allowance: allowance)
        let grown = Self.roundTrip(&windows, bytes: windows.size)
        #expect(grown == 4 * Self.initial)
        _ = windows.received(2 * Self.initial)
        _ = windows.shrink()
        #expect(!allowance.take(2 * Self.initial + 1))
        #expect(allowance.take(2 * Self.initial))
        _ = windows.released(2 * Self.initial)
        #expect(allowance.take(Self.initial))
        windows.end()
        #expect(!allowance.take(1))
    }
}
