package import UTCTime

/// An event of a container.
package struct ContainerEvent: Hashable, Sendable {
    /// The kinds of events that are distinguished.
    package enum Action: Hashable, Sendable {
        case created, started
        /// The container's first process has ended.
        case died
        /// A process was killed because memory was short; normally the end follows.
        case ranOutOfMemory
        case removed
        /// Any other event, by Docker's name without what follows a colon.
        case other(String)

        init(_ text: String) {
            switch text.prefix(while: { $0 != ":" }) {
            case "create": self = .created
            case "start": self = .started
            case "die": self = .died
            case "oom": self = .ranOutOfMemory
            case "destroy": self = .removed
            case let word: self = .other(String(word))
            }
        }
    }

    package var action: Action
    package var id: ContainerID
    package var name: String
    /// The container's labels, and what Docker adds to them.
    package var attributes: [String: String]
    /// Nil if the daemon sends no time.
    package var time: UTCInstant?

    /// Exit code of the first process; nil for other events than `died`. Any 64-bit number is accepted.
    package var exitCode: Int64? { self.action == .died ? self.attributes["exitCode"].flatMap { Int64($0) } : nil }
}

extension ContainerEvent: Decodable {
    private enum CodingKeys: String, CodingKey {
        case action = "Action"
        case actor = "Actor"
        case nanoseconds = "timeNano"
    }

    private struct Actor: Decodable {
        enum CodingKeys: String, CodingKey {
            case id = "ID"
            case attributes = "Attributes"
        }

        var id: ContainerID
        var attributes: [String: String]?
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        let actor = try fields.decode(Actor.self, forKey: .actor)
        self.action = Action(try fields.decode(String.self, forKey: .action))
        self.id = actor.id
        self.attributes = actor.attributes ?? [:]
        self.name = self.attributes["name"] ?? actor.id.rawValue
        self.time = try fields.decodeIfPresent(Int64.self, forKey: .nanoseconds).map(UTCInstant.init(nanosecondsSince1970:))
    }
}
