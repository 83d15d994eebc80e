import Testing

@testable import ProxyCore

@Suite("The heads of frames of HTTP/2")
struct FrameHeadsTests {
    @Test("are found wherever the bytes are cut", arguments: [1, 2, 5, 9, 10, 24, 100, 100_000])
    func cut(step: Int) {
        let bytes =
            HTTP2Frames.start + HTTP2Frames.frame(.data, stream: 0x7FFF_FFFF) + HTTP2Frames.frame(.ping, flags: 1, stream: 0, [1, 2, 3, 4, 5, 6, 7, 8])
            + HTTP2Frames.frame(.data, stream: 3, [UInt8](repeating: 0x61, count: 70_000)) + HTTP2Frames.frame(.resetStream, stream: 3, [0, 0, 0, 8])
        let expected = HTTP2Frames.read(Array(bytes.dropFirst(24))).map { FrameHeads.Head(type: $0.kind, length: $0.payload.count, stream: Int32($0.stream)) }
        var heads = FrameHeads()
        var found: [FrameHeads.Head] = []
        for start in stride(from: 0, to: bytes.count, by: step) {
            Array(bytes[start..<min(start + step, bytes.count)]).withUnsafeBytes { heads.read($0) { found.append($0) } }
        }
        #expect(found == expected && found.count >= 4)
        #expect(found.dropFirst(found.count - 4).first == FrameHeads.Head(type: 0, length: 0, stream: 0x7FFF_FFFF))
    }
}
