/// The subjects of the messages in a stream at one moment.
package struct StreamSubjects: Sendable {
    package private(set) var subjects: [String]
    /// Whether all of them were read at once, so that none is missing.
    package private(set) var isExact = true
    package let identity: StreamIdentity
    package let firstSequence: UInt64
    package let lastSequence: UInt64
    /// How many the server has to list.
    let total: Int

    mutating func add(_ page: StreamSubjects) {
        self.subjects += page.subjects
        self.isExact = false
    }
}

extension StreamSubjects: Decodable {
    private struct Body: Decodable {
        struct State: Decodable {
            var first_seq: UInt64
            var last_seq: UInt64
            /// The number of messages on each subject; absent if there are none.
            var subjects: [String: UInt64]?
        }
        var created: String
        var total: Int?
        var state: State
    }

    package init(from decoder: any Decoder) throws {
        let body = try Body(from: decoder)
        self.subjects = Array((body.state.subjects ?? [:]).keys)
        self.identity = StreamIdentity(createdAt: body.created)
        self.firstSequence = body.state.first_seq
        self.lastSequence = body.state.last_seq
        self.total = body.total ?? self.subjects.count
    }
}
