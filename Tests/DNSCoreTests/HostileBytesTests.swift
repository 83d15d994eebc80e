import DNSCore
import Foundation
import NIOCore
import Testing

/// Millions of messages that nobody would send: the same ones on every run. A run of hours is `PLANE_FUZZ_SECONDS=3600` in the
/// environment, with a seed taken from the clock and told in the output.
@Suite struct HostileBytesTests {
    /// Messages that are changed: everything that we read or write.
    static let seeds: [[UInt8]] = {
        var messages = [DNSMessageTests.everything, QueryReadingTests.question]
        for type in [RecordType.a, .txt, .soa, .ns, .any, .caa] {
            for name in ["four.plane.test", "plane.test", "_acme-challenge.plane.test", "."] {
                messages.append(.query(DNSName(name)!, type, id: 1, payloadBytes: 1232))
            }
        }
        return messages.map { message in
            var buffer = ByteBuffer()
            message.write(to: &buffer)
            return Array(buffer.readableBytesView)
        }
            + messages.compactMap { message in
                var buffer = ByteBuffer()
                message.write(to: &buffer)
                return ZoneFixture.responder().response(to: buffer, over: .udp).map { Array($0.bytes.readableBytesView) }
            }
    }()

    static func mutated(_ seed: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
        var bytes = seed
        for _ in 0...Int.random(in: 0..<6, using: &generator) {
            let at = Int.random(in: 0...bytes.count, using: &generator)
            switch UInt8.random(in: 0..<8, using: &generator) {
            case 0: bytes.removeLast(bytes.count - at)
            case 1: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: at)
            case 2: bytes.insert(contentsOf: [0xC0, UInt8.random(in: 0..<64, using: &generator)], at: at)
            case 3: bytes += bytes[..<at]
            case 4 where at < bytes.count: bytes.remove(at: at)
            case 5 where at < bytes.count: bytes[at] = [0, 1, 63, 64, 0x7F, 0x80, 0xC0, 0xFF].randomElement(using: &generator) ?? 0
            case let kind where at < bytes.count: bytes[at] ^= 1 << (kind & 7 | UInt8.random(in: 0..<8, using: &generator) & 7)
            default: break
            }
        }
        return bytes
    }

    /// What must hold of the answer to anything.
    static func check(_ bytes: [UInt8], with responder: Responder<SharedZones>) -> String? {
        let message = ByteBuffer(bytes: bytes)
        // Reading as an asker only has to come back; what it reads it can write and read again.
        if let read = DNSMessage(bytes.span) {
            var again = ByteBuffer()
            read.write(to: &again)
            if DNSMessage.read(again) != read { return "read differently after writing" }
        }
        for transport in [Transport.udp, .tcp] {
            guard let response = responder.response(to: message, over: transport) else {
                if bytes.count >= 12, bytes[2] & 0x80 == 0 { return "a question was not answered" }
                continue
            }
            var body = response.bytes
            if transport == .tcp {
                guard body.readInteger(as: UInt16.self).map(Int.init) == body.readableBytes else { return "a wrong length" }
            } else if body.readableBytes > 1232 {
                return "too large"
            }
            guard let answer = DNSMessage.read(body) else { return "an unreadable answer" }
            if answer.id != UInt16(bytes[0]) << 8 | UInt16(bytes[1]) || !answer.flags.contains(.response) { return "a wrong header" }
            if answer.flags.opcode == 0, answer.code == .noError, DNSMessage(bytes.span)?.questions.count != answer.questions.count {
                // The one reads data that the other steps over, so what is unreadable as a whole may still hold a question.
                if DNSMessage(bytes.span) != nil { return "another question" }
            }
        }
        return nil
    }

    @Test("nothing that arrives traps, goes unanswered without reason, or gets an answer that cannot be read")
    func mutations() throws {
        let seconds = ProcessInfo.processInfo.environment["PLANE_FUZZ_SECONDS"].flatMap { Double($0) }
        let start = Date()
        let seed = seconds == nil ? 6 : UInt64(start.timeIntervalSince1970)
        var generator = SeededGenerator(seed: seed)
        let responder = ZoneFixture.responder()
        var count = 0
        while seconds.map({ Date().timeIntervalSince(start) < $0 }) ?? (count < 100_000) {
            for _ in 0..<1000 {
                let bytes = Self.mutated(Self.seeds.randomElement(using: &generator) ?? [], using: &generator)
                if let problem = Self.check(bytes, with: responder) {
                    Issue.record("\(problem) to \(bytes) (seed \(seed), message \(count))")
                    return
                }
                count += 1
            }
        }
        if seconds != nil { print("\(count) messages, seed \(seed)") }
    }
}
