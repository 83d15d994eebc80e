/// Stream sequences of the messages about one backend, in order, without its current assignment and its end. Retention deletes messages by them.
///
/// Nearly always there are at most four: the three states up to `Ready`, and the beginning of the end. Then nothing is allocated.
struct MessageSequences: Sendable {
    /// Sequences kept beyond the first four. Of a backend with more, the messages are deleted by subject, which costs the server more.
    static let limit = 32

    private var first: UInt64 = 0
    private var second: UInt64 = 0
    private var third: UInt64 = 0
    private var fourth: UInt64 = 0
    private var more: [UInt64] = []

    /// Whether there were more messages than are kept.
    var isIncomplete: Bool { self.more.count > Self.limit }

    /// The sequences kept. Some may be of messages that the stream has since replaced by later ones on their subjects.
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
