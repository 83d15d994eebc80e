/// Pseudo-random numbers that are the same for the same seed on every machine (SplitMix64).
struct FuzzGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Makes new inputs out of good ones: most of them are nearly right, which is where parsers disagree.
struct FuzzMutator {
    private var generator: FuzzGenerator
    private let seeds: [[UInt8]]

    init(seeds: [String], seed: UInt64) {
        self.generator = FuzzGenerator(seed: seed)
        self.seeds = seeds.map { Array($0.utf8) }
    }

    mutating func number(below limit: Int) -> Int { Int.random(in: 0..<limit, using: &self.generator) }

    mutating func nextInput() -> [UInt8] {
        var bytes = self.pick(self.seeds)
        if self.number(below: 4) == 0 { bytes += self.pick(self.seeds) }
        for _ in 0..<self.number(below: 6) { self.mutate(&bytes) }
        return bytes
    }

    private mutating func pick<Element>(_ choices: [Element]) -> Element { choices[self.number(below: choices.count)] }

    private mutating func mutate(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        let position = self.number(below: bytes.count)
        switch self.number(below: 10) {
        case 0: bytes[position] = UInt8(self.number(below: 256))
        case 1: bytes[position] ^= UInt8(1 << self.number(below: 8))
        case 2: bytes.remove(at: position)
        case 3: bytes.insert(self.pick(Self.bytes), at: position)
        case 4, 5: bytes.insert(contentsOf: self.pick(Self.tokens).utf8, at: position)
        case 6, 7: self.insertLine(&bytes, self.pick(Self.lines))
        case 8: self.moveLine(&bytes)
        default: bytes.removeSubrange(position..<min(bytes.count, position + 1 + self.number(below: 12)))
        }
    }

    private static func lineStarts(_ bytes: [UInt8]) -> [Int] {
        [0] + bytes.indices.filter { bytes[$0] == 0x0A }.map { $0 + 1 }
    }

    private mutating func insertLine(_ bytes: inout [UInt8], _ line: String) {
        bytes.insert(contentsOf: "\(line)\r\n".utf8, at: self.pick(Self.lineStarts(bytes)))
    }

    /// Takes one line away, and perhaps puts it, or a copy, elsewhere.
    private mutating func moveLine(_ bytes: inout [UInt8]) {
        let starts = Self.lineStarts(bytes) + [bytes.count]
        let index = self.number(below: starts.count - 1)
        let line = Array(bytes[starts[index]..<starts[index + 1]])
        if self.number(below: 2) == 0 { bytes.removeSubrange(starts[index]..<starts[index + 1]) }
        if self.number(below: 3) > 0 { bytes.insert(contentsOf: line, at: self.pick(Self.lineStarts(bytes))) }
    }

    private static let bytes: [UInt8] = [0, 9, 10, 11, 12, 13, 32, 34, 35, 44, 45, 48, 58, 59, 63, 64, 91, 92, 95, 127, 128, 160, 255]
    private static let tokens = [
        "\r\n", "\n", "\r", "\r\n\r\n", "\r\n ", "\r\n\t", " ", "\t", ":", " :", ",", ";", "0", "1", "00", "0x", "+", "-", "a", "A", "_",
        "chunked", "Chunked", "identity", "gzip, ", ", chunked", "close", "keep-alive", "upgrade", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0",
        "GET ", "http://", "https://b.plane.test", "*", "?", "#", "//", "\\", "%00", "[::1]", "_plane_auth=x", "; ", "\0", "\u{7F}", "é",
        "FFFFFFFFFFFFFFFF", "18446744073709551616", "9223372036854775807", "4\r\nwiki\r\n", "0\r\n\r\n", ";ext=1", "transfer-encoding",
        "content-length",
    ]
    private static let lines = [
        "Content-Length: 4", "Content-Length: 0", "Content-Length: 5", "content-length:4", "Content-Length : 4", "Content_Length: 4",
        "Transfer-Encoding: chunked", "transfer-encoding: identity", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding : chunked",
        "Transfer_Encoding: chunked", "TE: trailers", "Trailer: X", "Connection: close", "Connection: keep-alive", "Connection: upgrade",
        "Connection: x-hop, content-length", "Connection: X-Hop", "Upgrade: websocket", "Upgrade: h2c", "X-Hop: 1", "Host: b.plane.test",
        "Host: other", "Expect: 100-continue", "Cookie: a=b; _plane_auth=x", "X-Forwarded-For: 1", "X_Forwarded_For: 1", "Forwarded: a",
        "Keep-Alive: 5", "Proxy-Connection: close", "Proxy-Authorization: x", "Authorization: Bearer x", "Date: x", " folded", "\tfolded",
        "", ":", "A", "A:", "GET / HTTP/1.1", "HTTP/1.1 200 OK", "4", "wiki", "0",
    ]
}
