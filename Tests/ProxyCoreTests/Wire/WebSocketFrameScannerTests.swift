import Testing

@testable import ProxyCore

@Suite("Frames of a WebSocket")
struct WebSocketFrameScannerTests {
    /// One frame of each kind of length, masked and not.
    private static let frames: [[UInt8]] = [
        [0x81, 0x00], [0x89, 0x80, 1, 2, 3, 4], [0x81, 0x05] + Array("hello".utf8), [0x01, 0x85, 1, 2, 3, 4] + Array("hello".utf8),
        [0x82, 126, 0x01, 0x00] + [UInt8](repeating: 0x81, count: 256),
        [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0] + [UInt8](repeating: 0x88, count: 65_536),
        [0x82, 0xFE, 0, 3, 1, 2, 3, 4, 5, 6, 7],
    ]

    @Test("the end of every frame is found, however it is cut", arguments: Self.frames)
    func boundary(frame: [UInt8]) {
        for cut in Set([1, 2, 3, 5, frame.count - 1]) where cut < frame.count {
            var scanner = WebSocketFrameScanner()
            #expect(scanner.isBetweenFrames)
            let start = Array(frame[..<cut])
            scanner.advance(start.span)
            #expect(!scanner.isBetweenFrames)
            let rest = Array(frame[cut...]) + [0x81, 0x01]
            let boundary = scanner.advanceToBoundary(rest.span)
            #expect(boundary == frame.count - cut)
            #expect(scanner.isBetweenFrames)
        }
    }

    @Test("many frames at once end between two")
    func many() {
        var scanner = WebSocketFrameScanner()
        let all = Self.frames.flatMap { $0 }
        scanner.advance(all.span)
        #expect(scanner.isBetweenFrames)
        let next: [UInt8] = [0x81, 0x01]
        let boundary = scanner.advanceToBoundary(next.span)
        #expect(boundary == 0)
    }

    @Test("a length that cannot be is no trap", arguments: [[0x82, 0xFF], [0x82, 127]] as [[UInt8]])
    func hostile(start: [UInt8]) {
        var scanner = WebSocketFrameScanner()
        let bytes = start + [UInt8](repeating: 0xFF, count: 8) + [1, 2, 3]
        scanner.advance(bytes.span)
        #expect(!scanner.isBetweenFrames)
    }
}
