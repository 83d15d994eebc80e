import Testing

@testable import PlaneProtocol

@Suite("States")
struct StateTests {
    @Test("three states of a backend are not terminal, two of them running")
    func kinds() {
        #expect(BackendState.allCases.filter { !$0.isTerminal } == [.loading, .starting, .ready])
        #expect(BackendState.allCases.filter(\.isRunning) == [.starting, .ready])
    }

    @Test("states are ordered as they are declared")
    func order() {
        #expect(BackendState.allCases.sorted() == BackendState.allCases)
        #expect(DroneState.allCases.sorted() == DroneState.allCases)
        #expect(BackendState.ready < .swept && DroneState.ready < .draining)
    }

    @Test("states are written by name, and no other name is one")
    func names() throws {
        for state in BackendState.allCases {
            #expect(try WireCodec.decode(BackendState.self, from: WireCodec.encode(state)) == state)
        }
        let error = try #require(throws: MessageError.self) { try WireCodec.decode(DroneState.self, from: Array("\"ready\"".utf8)) }
        #expect(error.description == "expected one of Starting, Ready, Draining, Drained, Stopped, Lost, found \"ready\"")
    }
}
