/// Where the messages about one backend stand in the stream, but for its assignment and its end, in order. Nearly always the three states on
/// the way to being ready, and that its end has begun; then nothing is allocated.
struct MessageTrail: Sendable {
    /// A backend of which there are more is not worth the memory: its messages must be found by their subjects.
    static let limit = 32

    private var first: UInt64 = 0
    private var second: UInt64 = 0
    private var third: UInt64 = 0
    private var fourth: UInt64 = 0
    private var more: [UInt64] = []

    /// Some are missing.
    var isIncomplete: Bool { self.more.count > Self.limit }

    /// Those that are known; some may have been replaced by later ones on their subjects since.
    var sequences: [UInt64] { [self.first, self.second, self.third, self.fourth].filter { $0 > 0 } + self.more }

    mutating func append(_ sequence: UInt64) {
        if self.first == 0 {
            self.first = sequence
        } else if self.second == 0 {
            self.second = sequence
        } else if self.third == 0 {
            self.third = sequence
        } else if self.fourth == 0 {
            self.fourth = sequence
        } else if !self.isIncomplete {
            self.more.append(sequence)
        }
    }
}
