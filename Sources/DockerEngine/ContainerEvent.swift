package import UTCTime

/// Something that happened to a container.
package struct ContainerEvent: Hashable, Sendable {
    /// What happened, as far as it concerns us.
    package enum Action: Hashable, Sendable {
        case created, started
        /// Its first process has ended.
        case died
        /// A process was killed for want of memory; normally followed by the end.
        case ranOutOfMemory
        case removed
        /// Docker's own word, without what follows a colon in it.
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
    /// nil for what a daemon sends without one.
    package var time: UTCInstant?

    /// Status of the first process; with `died` only. Any 64-bit number is tolerated.
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
