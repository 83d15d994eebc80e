import Foundation

/// `proxy-fuzzer SECONDS [SEED]`: runs the codec fuzzer for a while, with another seed every hundred thousand inputs, and prints
/// how far it came. Exits 1 with the input when something does not hold.
@main struct ProxyFuzzer {
    private static let executionsPerSeed = 100_000

    static func main() {
        let arguments = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
        guard let seconds = arguments.first else { return print("usage: proxy-fuzzer SECONDS [SEED]") }
        var seed = arguments.count > 1 ? arguments[1] : UInt64.random(in: 0...UInt64.max)
        let clock = ContinuousClock()
        let start = clock.now
        var (executions, accepted) = (0, 0)
        while clock.now - start < .seconds(Int64(seconds)) {
            var fuzzer = CodecFuzzer(seed: seed)
            do throws(CodecFuzzer.Finding) {
                try fuzzer.run(Self.executionsPerSeed)
            } catch {
                print(error)
                exit(1)
            }
            executions += fuzzer.executions
            accepted += fuzzer.accepted
            print("seed \(seed): \(executions) executions, \(accepted) messages accepted by both, \(clock.now - start)")
            seed &+= 1
        }
    }
}
