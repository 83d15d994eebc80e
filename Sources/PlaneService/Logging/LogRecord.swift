import ConfigurationReading
import Logging
import PlaneProtocol

/// One log event with everything that goes into its line.
struct LogRecord: Sendable {
    var time: WireTime
    var level: Logger.Level
    var label: String
    var message: String
    var metadata: Logger.Metadata
    /// The module that logs, and the place in it.
    var source = ""
    var file = ""
    var line: UInt = 0

    /// The event as a line of text: `2026-11-21T10:26:01.123Z info scheduler: drone registered cluster=plane.test drone=drone-a`.
    var textLine: String {
        "\(self.clock) \(self.level) \(self.label): \(self.sentence)\n"
    }

    /// The message with its metadata: `drone registered cluster=plane.test drone=drone-a`.
    var sentence: String {
        let fields = self.sortedMetadata.map { " \($0.key)=\(Self.plain($0.value))" }.joined()
        return Self.withoutControls(self.message) + fields
    }

    /// The event as JSON: `{"time":…,"level":…,"logger":…,"message":…,"backend":…}`. A key of the metadata that is equal to one of the first four gets a `_`
    /// in front.
    var jsonLine: [UInt8] {
        var writer = JSONWriter()
        writer.object { json in
            json.field("time", self.clock)
            json.field("level", self.level.rawValue)
            json.field("logger", self.label)
            json.field("message", self.message)
            for (key, value) in self.sortedMetadata {
                json.field(Self.ownKeys.contains(key) ? "_\(key)" : key, "\(value)")
            }
        }
        return writer.bytes + [UInt8(ascii: "\n")]
    }

    private static let ownKeys: Set = ["time", "level", "logger", "message"]

    /// The time with milliseconds, which are enough for people to order events.
    private var clock: String { WireTime(self.time.stateTime).description }

    var sortedMetadata: [(key: String, value: Logger.MetadataValue)] {
        self.metadata.sorted { $0.key < $1.key }
    }

    /// The value, in quotes unless it is a single word.
    private static func plain(_ value: Logger.MetadataValue) -> String {
        let text = "\(value)"
        let isWord = !text.isEmpty && text.unicodeScalars.allSatisfy { $0 != " " && $0 != "\"" && $0 != "=" && $0.properties.generalCategory != .control }
        return isWord ? text : TOMLText.quoted(text)
    }

    /// Control characters are replaced, so that an event is always one line, whatever a peer has sent.
    private static func withoutControls(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }
}
