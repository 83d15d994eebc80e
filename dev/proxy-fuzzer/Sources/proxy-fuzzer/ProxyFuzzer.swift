import Foundation

/// `proxy-fuzzer SECONDS [SEED]`: runs the fuzzers of the codec and of HTTP/2's fields for a while, with another seed every hundred thousand inputs, and prints
/// how far it came. Exits 1 with the input when something does not hold.
@main struct ProxyFuzzer {
    private static let executionsPerSeed = 100_000

    static func main() {
        let arguments = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
        guard let seconds = arguments.first else { return print("usage: proxy-fuzzer SECONDS [SEED]") }
        var seed = arguments.count > 1 ? arguments[1] : UInt64.random(in: 0...UInt64.max)
        let clock = ContinuousClock()
        let start = clock.now
        var (executions, accepted, http2Executions, http2Accepted) = (0, 0, 0, 0)
        while clock.now - start < .seconds(Int64(seconds)) {
            var fuzzer = CodecFuzzer(seed: seed)
            var http2 = HTTP2Fuzzer(seed: seed)
            do throws(CodecFuzzer.Finding) {
                try fuzzer.run(Self.executionsPerSeed)
                try http2.run(Self.executionsPerSeed)
            } catch {
                print(error)
                exit(1)
            }
            executions += fuzzer.executions
            accepted += fuzzer.accepted
            http2Executions += http2.executions
            http2Accepted += http2.accepted
            print(
                "seed \(seed): \(executions) executions, \(accepted) messages accepted by both; of HTTP/2 \(http2Executions), \(http2Accepted) accepted,",
                "\(clock.now - start)")
            seed &+= 1
        }
    }
}
