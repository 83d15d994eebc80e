import NIOCore
import Testing

@testable import DockerEngine

@Suite struct ExecFrameDecoderTests {
    private static func frame(_ source: UInt8, _ bytes: [UInt8]) -> [UInt8] { [source, 0, 0, 0, 0, 0, 0, UInt8(bytes.count)] + bytes }

    @Test("frames are told by their stream however they are cut", arguments: [1, 2, 7, 100])
    func cut(size: Int) throws {
        let all = Self.frame(1, [1, 2, 3]) + Self.frame(2, []) + Self.frame(2, [4]) + Self.frame(1, [5, 6])
        var decoder = ExecFrameDecoder(hasTerminal: false)
        var (out, errors): ([UInt8], [UInt8]) = ([], [])
        for start in stride(from: 0, to: all.count, by: size) {
            for piece in try decoder.feed(ByteBuffer(bytes: all[start..<min(start + size, all.count)])) {
                if piece.source == .standardOutput { out += piece.bytes } else { errors += piece.bytes }
            }
        }
        #expect(out == [1, 2, 3, 5, 6] && errors == [4])
    }

    @Test("a terminal's stream has no frames")
    func raw() throws {
        var decoder = ExecFrameDecoder(hasTerminal: true)
        #expect(try decoder.feed(ByteBuffer(bytes: [9, 9])) == [ExecPiece(source: .standardOutput, bytes: [9, 9])])
    }

    @Test("what is no frame is refused", arguments: [[4, 0, 0, 0, 0, 0, 0, 1], [1, 1, 0, 0, 0, 0, 0, 1]] as [[UInt8]])
    func malformed(bytes: [UInt8]) {
        var decoder = ExecFrameDecoder(hasTerminal: false)
        #expect(throws: StreamError.self) { try decoder.feed(ByteBuffer(bytes: bytes)) }
    }
}
