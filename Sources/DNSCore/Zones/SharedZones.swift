import Synchronization

/// A zone table that one task changes while the server's threads read it, behind a mutex.
package final class SharedZones: RecordSource {
    private let table: Mutex<ZoneTable>

    package init(_ table: ZoneTable) {
        self.table = Mutex(table)
    }

    package func find(_ name: Span<UInt8>) -> ZoneLookup {
        self.table.withLock { $0.find(name) }
    }

    /// Changes the table. Answers wait meanwhile, so `change` must be short: some hundred names at a time.
    package func update<Result: Sendable>(_ change: (inout ZoneTable) -> Result) -> Result {
        self.table.withLock { change(&$0) }
    }
}
