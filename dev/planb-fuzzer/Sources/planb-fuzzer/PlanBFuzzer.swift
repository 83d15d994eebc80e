import NIOCore
import PlanBPolicy
import RedisClient

/// What libFuzzer calls with each input.
///
/// An input is what a Redis, or somebody in its place, sends. Whatever it is: nothing traps; it means the same however it is cut; no more of it
/// is kept than may be; and a backend that is found in it can be connected to and written into a head or a log.
@_cdecl("LLVMFuzzerTestOneInput")
package func planbFuzzerTestOneInput(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: bytes, count: count))
    let limits = FuzzedRedis.limits
    let whole = FuzzedRedis.read(input, piece: input.count, limits)
    precondition(whole == FuzzedRedis.read(input, piece: 1, limits), "cut into bytes it means something else")
    precondition(whole == FuzzedRedis.read(input, piece: 7, limits), "cut into pieces it means something else")
    for value in whole.values {
        let size = FuzzedRedis.size(of: value)
        precondition(size.bytes <= limits.keptBytes + limits.lineBytes * limits.keptElements && size.elements <= limits.keptElements + 1, "too much is kept")
    }
    FuzzedRedis.checkAnswers(whole.values)
    FuzzedRedis.checkPushes(whole.values)
    FuzzedRedis.checkTexts(input)
    return 0
}

private enum FuzzedRedis {
    /// Small, so that inputs reach them.
    static let limits = {
        var limits = RESPParser.Limits()
        (limits.keptBytes, limits.keptElements, limits.readBytes, limits.lineBytes) = (200, 30, 1000, 60)
        return limits
    }()

    struct Reading: Equatable {
        var values: [RedisValue] = []
        var isViolated = false
    }

    static func read(_ input: [UInt8], piece: Int, _ limits: RESPParser.Limits) -> Reading {
        var parser = RESPParser(limits: limits)
        var buffer = ByteBuffer()
        var reading = Reading()
        var rest = input[...]
        do throws(RESPParser.Violation) {
            while !rest.isEmpty {
                buffer.writeBytes(rest.prefix(max(piece, 1)))
                rest = rest.dropFirst(max(piece, 1))
                while let value = try parser.next(&buffer) { reading.values.append(value) }
            }
        } catch {
            reading.isViolated = true
        }
        return reading
    }

    static func size(of value: RedisValue) -> (bytes: Int, elements: Int) {
        switch value {
        case .text(let bytes), .bulk(let bytes): (bytes.count, 1)
        case .error(let text): (text.utf8.count, 1)
        case .integer, .null, .oversized: (0, 1)
        case .array(let values), .push(let values):
            values.reduce((0, 0)) { sum, value in
                let size = Self.size(of: value)
                return (sum.0 + size.bytes, sum.1 + size.elements)
            }
        }
    }

    /// The values as answers to what is asked for one name.
    static func checkAnswers(_ values: [RedisValue]) {
        for (name, usesWildcards) in [("a.test:80", false), ("a.b.test", true), ("localhost", false)] {
            let question = FrontendQuestion(name, usesWildcards: usesWildcards)
            let count = question.pipeline.count
            guard count > 0 else { preconditionFailure("nothing is asked") }
            for start in stride(from: 0, to: max(values.count, 1), by: count) {
                switch question.read(Array(values.dropFirst(start).prefix(count))) {
                case .nothing, .unusable, .refused: break
                case .found(let host, let entries, let dead):
                    precondition(!host.isEmpty && !entries.isEmpty, "a frontend without backends")
                    precondition(dead.allSatisfy { $0 >= 0 }, "a negative number")
                    for entry in entries { Self.checkEntry(entry) }
                }
            }
        }
    }

    /// A message about changes names keys, or means all of them; whichever key is named is one of ours or of no interest.
    static func checkPushes(_ values: [RedisValue]) {
        for value in values {
            guard case .push(let elements) = value else { continue }
            switch RedisInvalidation(push: elements) {
            case .keys(let keys):
                precondition(!keys.isEmpty, "a change of nothing")
                for key in keys { if let name = FrontendQuestion.name(ofKey: key) { precondition(name.utf8.count <= key.count * 3, "a name that grows") } }
            case .everything, nil: break
            }
        }
    }

    static func checkTexts(_ bytes: [UInt8]) {
        Self.checkEntry(bytes)
        if let subject = HealthSubject(message: bytes) {
            precondition(!subject.host.isEmpty && !subject.backend.isEmpty, "a subject without a name")
            Self.checkEntry(subject.backend)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        let candidates = FrontendName.candidates(text)
        precondition((1...7).contains(candidates.count) && candidates[0] == text, "other candidates")
        if let name = FrontendName.withoutPort(text) { precondition(name.utf8.count < text.utf8.count, "a name that grows") }
        var decoded: [UInt8] = []
        LogText.writeDecoded(bytes.span, 0..<bytes.count, into: &decoded)
        precondition(!decoded.contains { $0 < 0x20 || $0 == 0x22 || $0 == 0x7F }, "a line or a field could end there")
    }

    private static func checkEntry(_ entry: [UInt8]) {
        precondition(!LogText.escaped(entry).utf8.contains { $0 < 0x20 || $0 == 0x22 || $0 == 0x7F }, "a line or a field could end there")
        guard let address = BackendAddress(entry) else { return }
        precondition(!address.host.isEmpty && (1...65_535).contains(address.port), "nothing to connect to")
        precondition(address.host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "@") }, "no host's name")
    }
}

/// The package manager gives an executable's entry this name, so libFuzzer's own `main` is not the one that is started.
@_cdecl("planb_fuzzer_main")
package func planbFuzzerMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    var (count, arguments) = (count, arguments)
    return runDriver(&count, &arguments, planbFuzzerTestOneInput)
}

/// Of libFuzzer (FuzzerInterface.h).
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ test: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt
