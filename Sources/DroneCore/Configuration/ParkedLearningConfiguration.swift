package import ConfigurationReading

/// Containers that are parked without being configured, of the images that were asked for in the last day (`agent.parked_learned`).
package struct ParkedLearningConfiguration: Hashable, Sendable {
    /// How many wait at most; 0 for none.
    package var count: UInt32 = 0
    /// How many MiB they take at most.
    package var memoryMegabytes: UInt32 = 256

    package init() {}

    /// MiB that each counts with: what Docker's process beside it takes, and the container itself. The image's program does not run yet.
    package static let megabytesEach: UInt32 = 8

    /// How many both limits allow.
    package var limit: Int { Int(min(self.count, self.memoryMegabytes / Self.megabytesEach)) }
}

extension ParkedLearningConfiguration: ConfigReadable {
    /// As for a configured image.
    private static let most: UInt32 = 1000

    package init?(_ reader: inout ConfigReader) {
        var draft = ParkedLearningConfiguration()
        reader.read(
            "count", .number(0...Self.most), into: &draft.count,
            "Most containers that are parked of images that were asked for in the last day, shared out by how often each was; 0 for none.")
        reader.read(
            "memory_mb", .number(0...UInt32.max), into: &draft.memoryMegabytes,
            "Most MiB that these containers take while they wait, \(Self.megabytesEach) each.")
        self = draft
    }
}
