import NIOCore
package import RedisClient

/// The commands by which Redis is asked for one name, and the meaning of the replies. Does no IO.
package struct FrontendQuestion: Sendable {
    package enum Answer: Hashable, Sendable {
        /// - Parameters:
        ///   - host: the host under which dead marks, messages and logs refer to the frontend.
        ///   - entries: the backends as they are stored.
        ///   - dead: the numbers of those that are marked dead.
        case found(host: String, entries: [[UInt8]], dead: Set<Int>)
        case nothing
        /// What is stored cannot be used as a frontend.
        case unusable(String)
    }

    /// How many backends of one frontend are read; further ones get no requests.
    package static let backendLimit = 4096

    /// The keys of lists, in the order in which they count.
    private let candidates: [String]
    private let isByPattern: Bool

    /// - Parameter usesWildcards: whether patterns count, too. Then all dead marks are stored under the name itself, whatever pattern matches it.
    package init(_ name: String, usesWildcards: Bool) {
        self.isByPattern = usesWildcards
        self.candidates = usesWildcards ? FrontendName.candidates(name) : [name] + (FrontendName.withoutPort(name).map { [$0] } ?? [])
    }

    /// All commands are sent together: reading lists that are not needed costs less than another round trip.
    package var commands: [RedisCommand] {
        let lists = self.candidates.map { RedisCommand("LRANGE", "frontend:\($0)", "0", "\(Self.backendLimit)") }
        let marks = self.isByPattern ? self.candidates.prefix(1) : self.candidates[...]
        return lists + marks.map { RedisCommand("SMEMBERS", "dead:\($0)") }
    }

    /// - Parameter replies: the replies to ``commands``, in their order.
    package func read(_ replies: [RedisValue]) -> Answer {
        guard replies.count == self.candidates.count + (self.isByPattern ? 1 : self.candidates.count) else {
            return .unusable("redis gave \(replies.count) answers")
        }
        for (index, candidate) in self.candidates.enumerated() {
            guard let list = Self.list(replies[index]) else {
                return .unusable("frontend:\(candidate): \(Self.problem(replies[index], expected: "a list"))")
            }
            if list.count < 2 { continue }
            let host = self.candidates[self.isByPattern ? 0 : index]
            let marks = replies[self.candidates.count + (self.isByPattern ? 0 : index)]
            guard let numbers = Self.list(marks) else { return .unusable("dead:\(host): \(Self.problem(marks, expected: "a set"))") }
            return .found(host: host, entries: Array(list.dropFirst()), dead: Set(numbers.compactMap(Self.number)))
        }
        return .nothing
    }

    private static func list(_ reply: RedisValue) -> [[UInt8]]? {
        guard let elements = reply.elements else { return nil }
        let strings = elements.compactMap(\.bytes)
        return strings.count == elements.count ? strings : nil
    }

    /// The number in a member of the set of dead backends. Members that are not digits are ignored.
    private static func number(_ member: [UInt8]) -> Int? {
        guard !member.isEmpty, member.count < 10, member.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return member.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    private static func problem(_ reply: RedisValue, expected: String) -> String {
        switch reply {
        case .error(let text): LogText.escaped(Array(text.utf8))
        case .oversized: "larger than is read"
        case .text, .integer, .bulk, .null, .array: "not \(expected) of strings"
        }
    }
}
