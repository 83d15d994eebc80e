/// Feeds mutated messages to the codec until it is told to stop or something does not hold.
struct CodecFuzzer {
    struct Finding: Error, CustomStringConvertible {
        var seed: UInt64
        var execution: Int
        var input: [UInt8]
        var sentence: String

        var description: String {
            "seed \(self.seed), execution \(self.execution), input \(String(decoding: self.input, as: UTF8.self).debugDescription):\n\(self.sentence)"
        }
    }

    let seed: UInt64
    private(set) var executions = 0
    /// Messages that both parsers accepted, and agreed on.
    private(set) var accepted = 0
    private var requests: FuzzMutator
    private var responses: FuzzMutator

    init(seed: UInt64) {
        self.seed = seed
        self.requests = FuzzMutator(seeds: FuzzSeeds.requests, seed: seed)
        self.responses = FuzzMutator(seeds: FuzzSeeds.responses, seed: seed ^ 1)
    }

    mutating func run(_ count: Int) throws(Finding) {
        for _ in 0..<count {
            self.executions += 1
            if self.executions % 3 == 0 {
                let (input, cuts) = Self.next(&self.responses)
                try self.judge(input, CodecProperties.checkResponses(input, cuts: cuts, accepted: &self.accepted))
            } else {
                let (input, cuts) = Self.next(&self.requests)
                try self.judge(input, CodecProperties.checkRequests(input, cuts: cuts, accepted: &self.accepted))
            }
        }
    }

    private static func next(_ mutator: inout FuzzMutator) -> (input: [UInt8], cuts: [Int]) {
        let input = mutator.nextInput()
        return (input, (0..<4).map { _ in mutator.number(below: input.count + 1) }.sorted())
    }

    private func judge(_ input: [UInt8], _ sentence: String?) throws(Finding) {
        guard let sentence else { return }
        throw Finding(seed: self.seed, execution: self.executions, input: input, sentence: sentence)
    }
}
