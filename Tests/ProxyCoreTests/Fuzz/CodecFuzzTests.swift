import Testing

@Suite("The codec beside NIO's parser, on mutated messages")
struct CodecFuzzTests {
    @Test("where we accept, NIO accepts and agrees; what we forward is one message; cuts make no difference", arguments: 1...4)
    func agrees(seed: Int) throws {
        var fuzzer = CodecFuzzer(seed: UInt64(seed))
        try fuzzer.run(3000)
        // Most inputs are refused; if nearly all were, this would show nothing.
        #expect(fuzzer.accepted > 500)
    }
}
