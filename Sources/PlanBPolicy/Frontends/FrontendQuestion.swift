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
        /// Redis does not say what is stored, for example because it is loading its data.
        case refused(String)
    }

    /// How many backends of one frontend are read; further ones get no requests.
    package static let backendLimit = 4096

    /// The names and patterns whose lists count, in this order.
    package let names: [String]
    private let isByPattern: Bool
    /// The commands, together: reading lists that are not needed costs less than another round trip.
    package let pipeline: RedisPipeline

    /// - Parameter usesWildcards: whether patterns count, too. Then all dead marks are stored under the name itself, whatever pattern matches it.
    package init(_ name: String, usesWildcards: Bool) {
        let names = usesWildcards ? FrontendName.candidates(name) : [name] + (FrontendName.withoutPort(name).map { [$0] } ?? [])
        let lists = names.map { RedisCommand("LRANGE", "frontend:\($0)", "0", "\(Self.backendLimit)") }
        let marks = usesWildcards ? names.prefix(1) : names[...]
        self.names = names
        self.isByPattern = usesWildcards
        self.pipeline = RedisPipeline(lists + marks.map { RedisCommand("SMEMBERS", "dead:\($0)") })
    }

    /// The name whose keys these are of, for a key of which ``pipeline`` reads some; nil for any other.
    package static func name(ofKey key: [UInt8]) -> String? {
        for prefix in ["frontend:", "dead:"] where key.starts(with: prefix.utf8) {
            return String(decoding: key.dropFirst(prefix.utf8.count), as: UTF8.self)
        }
        return nil
    }

    /// - Parameter replies: the replies to ``pipeline``, in their order.
    package func read(_ replies: [RedisValue]) -> Answer {
        guard replies.count == self.pipeline.count else {
            return .unusable("redis gave \(replies.count) answers")
        }
        for (index, candidate) in self.names.enumerated() {
            guard let list = Self.list(replies[index]) else {
                return Self.problem("frontend:\(candidate)", replies[index], expected: "a list")
            }
            if list.count < 2 { continue }
            let host = self.names[self.isByPattern ? 0 : index]
            let marks = replies[self.names.count + (self.isByPattern ? 0 : index)]
            guard let numbers = Self.list(marks) else { return Self.problem("dead:\(host)", marks, expected: "a set") }
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

    private static func problem(_ key: String, _ reply: RedisValue, expected: String) -> Answer {
        switch reply {
        case .error(let text):
            let line = "\(key): \(LogText.escaped(Array(text.utf8)))"
            return text.hasPrefix("WRONGTYPE ") ? .unusable(line) : .refused(line)
        case .oversized: return .unusable("\(key): larger than is read")
        case .text, .integer, .bulk, .null, .array, .push: return .unusable("\(key): not \(expected) of strings")
        }
    }
}
