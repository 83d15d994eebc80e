import ArgumentParser
import DNSCore
import Foundation
import Synchronization

/// What the mutex around the table of zones costs the threads of a DNS server.
///
/// Each row looks the same names up for the same time: behind the mutex as the server does, and in a table of each thread's own, which is what a
/// snapshot without any lock would come to at best.
struct ZoneLookups: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "zone-lookups", abstract: "Looks names up from 1 and 2 threads, behind the mutex and without it.")

    @Option(help: "Names in the zone.") var names = 100_000
    @Option(help: "Seconds of each measurement.") var seconds = 2.0
    @Option(help: "Measurements of each kind; the median counts.") var rounds = 5

    func run() async throws {
        let (table, asked) = try self.table()
        let shared = SharedZones(table)
        print("threads   lookups/s, mutex   lookups/s, own table   mutex, ns each   own, ns each")
        for threads in [1, 2] {
            var locked = Samples()
            var own = Samples()
            for _ in 0..<self.rounds {
                locked.add(seconds: self.rate(threads, asked) { shared.find($0) })
                own.add(seconds: self.rate(threads, asked) { table.find($0) })
            }
            let each = { (rate: Double) in Double(threads) / rate * 1e9 }
            print(
                String(
                    format: "%7d   %16.0f   %20.0f   %14.1f   %12.1f", threads, locked.median, own.median, each(locked.median), each(own.median)))
        }
    }

    private func table() throws -> (ZoneTable, [[UInt8]]) {
        var generator = SystemRandomNumberGenerator()
        var table = ZoneTable(using: &generator)
        guard let origin = DNSName("bench.test"), let server = DNSName("ns.bench.test"), let contact = DNSName("hostmaster.bench.test") else {
            throw ValidationError("the zone's names are no names")
        }
        let authority = StartOfAuthority(
            primary: server, mailbox: contact, serial: 1, refresh: 60, retry: 60, expire: 60, minimum: 60)
        table.add(Zone(origin: origin, authority: authority, timeToLive: 60), fixed: [])
        guard let node = table.addNode(in: origin, RecordSet([.a(0x7F00_0001)], timeToLive: 60)) else {
            throw ValidationError("the zone takes no node")
        }
        let names = (0..<self.names).compactMap { DNSName("b\($0).bench.test") }
        for name in names { table.bind(name, to: node) }
        return (table, names.map(\.wire).shuffled())
    }

    /// - Returns: lookups per second of all threads together.
    private func rate(_ threads: Int, _ asked: [[UInt8]], _ find: @escaping @Sendable (Span<UInt8>) -> ZoneLookup) -> Double {
        let total = Atomic(0)
        let done = DispatchGroup()
        let end = ContinuousClock.now.advanced(by: .seconds(self.seconds))
        for thread in 0..<threads {
            done.enter()
            Thread.detachNewThread {
                var count = 0
                var index = asked.count * thread / threads
                while count & 0xFFF != 0 || ContinuousClock.now < end {
                    let name = asked[index]
                    if case .records = find(name.span) { count += 1 }
                    index = index + 1 == asked.count ? 0 : index + 1
                }
                total.add(count, ordering: .relaxed)
                done.leave()
            }
        }
        done.wait()
        return Double(total.load(ordering: .relaxed)) / self.seconds
    }
}
