import CNGHTTP2
import Testing

@testable import ProxyCore

#if canImport(Glibc)
import Glibc
#endif

@Suite("Memory of a session of HTTP/2")
struct HTTP2SessionMemoryTests {
    /// A server's session whose memory is looked at, and the client that speaks to it.
    private final class Pair {
        let memory = HTTP2SessionMemory()
        let server: OpaquePointer
        let client: OpaquePointer
        private let callbacks: OpaquePointer

        init() throws {
            var callbacks: OpaquePointer?
            #expect(nghttp2_session_callbacks_new(&callbacks) == 0)
            self.callbacks = try #require(callbacks)
            var options: OpaquePointer?
            #expect(nghttp2_option_new(&options) == 0)
            nghttp2_option_set_no_closed_streams(options, 1)
            self.server = try #require(self.memory.makeSession(callbacks: self.callbacks, options: options, for: nil))
            nghttp2_option_del(options)
            var client: OpaquePointer?
            #expect(nghttp2_session_client_new(&client, self.callbacks, nil) == 0)
            self.client = try #require(client)
            nghttp2_submit_settings(self.server, 0, nil, 0)
            nghttp2_submit_settings(self.client, 0, nil, 0)
        }

        deinit {
            nghttp2_session_del(self.server)
            nghttp2_session_del(self.client)
            nghttp2_session_callbacks_del(self.callbacks)
        }

        /// One request and its answer, with a field whose value has so many bytes.
        func exchange(_ length: Int) {
            let stream = Self.withFields([(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a")]) {
                nghttp2_submit_request(self.client, nil, $0, 4, nil, nil)
            }
            #expect(stream > 0)
            self.pass(from: self.client, to: self.server)
            Self.withFields([(":status", "200"), ("x-long", String(repeating: "v", count: length))]) {
                #expect(nghttp2_submit_response(self.server, stream, $0, 2, nil) == 0)
            }
            self.pass(from: self.server, to: self.client)
            self.pass(from: self.client, to: self.server)
            #expect(nghttp2_session_want_write(self.server) == 0)
        }

        private func pass(from sender: OpaquePointer, to receiver: OpaquePointer) {
            while true {
                var bytes: UnsafePointer<UInt8>?
                let count = nghttp2_session_mem_send(sender, &bytes)
                guard count > 0, let bytes else { return #expect(count == 0) }
                #expect(nghttp2_session_mem_recv(receiver, bytes, count) == count)
            }
        }

        private static func withFields<Result>(_ fields: [(String, String)], _ body: (UnsafeMutablePointer<nghttp2_nv>?) -> Result) -> Result {
            var bytes = fields.flatMap { Array($0.0.utf8) + Array($0.1.utf8) }
            return bytes.withUnsafeMutableBufferPointer { bytes in
                var position = bytes.baseAddress
                func next(_ text: String) -> UnsafeMutablePointer<UInt8>? {
                    defer { position = position.map { $0 + text.utf8.count } }
                    return position
                }
                var list = fields.map { name, value in
                    nghttp2_nv(
                        name: next(name), value: next(value), namelen: name.utf8.count, valuelen: value.utf8.count,
                        flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
                }
                return list.withUnsafeMutableBufferPointer { body($0.baseAddress) }
            }
        }

        /// Bytes of the large blocks that take memory now (mincore(2)).
        var residentBytes: Int {
            let page = sysconf(CInt(_SC_PAGESIZE))
            return self.memory.blocks.reduce(0) { sum, block in
                var pages = [UInt8](repeating: 0, count: block.size / page)
                #expect(mincore(block.start, block.size, &pages) == 0)
                return sum + pages.count(where: { $0 & 1 == 1 }) * page
            }
        }
    }

    @Test("an idle session takes no memory for its buffer and its table, and goes on as if nothing had happened", arguments: [10, 5_000, 40_000])
    func givenBack(length: Int) throws {
        let pair = try Pair()
        for _ in 0..<3 {
            for _ in 0..<3 { pair.exchange(length) }
            #expect(pair.residentBytes > 0)
            pair.memory.giveBack()
            #expect(pair.residentBytes == 0)
        }
    }

    @Test("the blocks of today's library are known, and forgotten when it frees them")
    func known() throws {
        var pair: Pair? = try Pair()
        let memory = try #require(pair).memory
        #expect(memory.blocks.contains { $0.purpose == .output && $0.size >= 16 * 1024 })
        #expect(memory.blocks.contains { $0.purpose == .table })
        pair = nil
        #expect(memory.blocks.isEmpty)
    }

    @Test("a table that says something is kept")
    func kept() throws {
        let pair = try Pair()
        pair.exchange(10)
        let table = try #require(pair.memory.blocks.first { $0.purpose == .table })
        let last = table.start + table.size - 1
        last.storeBytes(of: 7, as: UInt8.self)
        pair.memory.giveBack()
        #expect(last.load(as: UInt8.self) == 7)
        last.storeBytes(of: 0, as: UInt8.self)
    }
}
